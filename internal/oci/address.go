package oci

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/twinport/twinport/internal/resource"
)

// A registry is addressed in one of three ways: by the host
// <account>.dkr.ecr.<region>.<domain>; on any other host by the path,
// /v2/<account>/<region>/<repository>/…; and else it is the registry of the
// token's own account and Region.

const (
	accountDigits = 12
	hostMark      = ".dkr.ecr."
)

// parseHost returns the registry that host names, or the zero ID if host does
// not have the form of a registry's. A host of that form under another domain
// is an error: taking it for "any other host" would push to the wrong registry.
func parseHost(host, domain string) (resource.Registry, error) {
	if len(host) < accountDigits+len(hostMark) ||
		!isDigits(host[:accountDigits]) ||
		!strings.EqualFold(host[accountDigits:accountDigits+len(hostMark)], hostMark) {
		return resource.Registry{}, nil
	}
	name := host
	if port := strings.LastIndexByte(name, ':'); port >= 0 {
		name = name[:port]
	}
	region, under, _ := strings.Cut(name[accountDigits+len(hostMark):], ".")
	region = strings.ToLower(region)
	if !strings.EqualFold(strings.TrimSuffix(under, "."), domain) || !validRegion(region) {
		return resource.Registry{}, &protocolError{http.StatusNotFound, codeNameUnknown, fmt.Sprintf(
			"No registry is served at the host '%s': registries of this deployment are named <account>.dkr.ecr.<region>.%s",
			name, domain)}
	}
	return resource.Registry{Account: host[:accountDigits], Region: region}, nil
}

// splitName separates <account>/<region>/ from the rest of a path's name. It
// returns the zero ID and the whole name if the name has no such beginning.
func splitName(name string) (resource.Registry, string) {
	if len(name) <= accountDigits || name[accountDigits] != '/' || !isDigits(name[:accountDigits]) {
		return resource.Registry{}, name
	}
	region, rest, ok := strings.Cut(name[accountDigits+1:], "/")
	if !ok || !validRegion(region) {
		return resource.Registry{}, name
	}
	return resource.Registry{Account: name[:accountDigits], Region: region}, rest
}

// validRegion reports whether s has the form of a Region, [0-9a-z-]{2,25}
// (ECR: Region).
func validRegion(s string) bool {
	if len(s) < 2 || len(s) > 25 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	return true
}

// checkServed refuses a registry in a Region that the deployment does not
// serve. It does not reveal whether an account exists: the domain treats one that
// does not like one that grants nothing.
func (h *handler) checkServed(id resource.Registry) error {
	regions := h.registry.Regions()
	if slices.Contains(regions, id.Region) {
		return nil
	}
	return &protocolError{http.StatusNotFound, codeNameUnknown, fmt.Sprintf(
		"The Region '%s' is not served by this deployment; it serves %s", id.Region, strings.Join(regions, ", "))}
}
