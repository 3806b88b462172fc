package registry

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/twinport/twinport/internal/access"
)

// KeepsLogin says whether a client that asked asked, a host with or without a
// port, and is redirected to a URL of the host to, sends its registry login along:
// clients written in Go, which most are, do so where the name is the same,
// whatever the port, or one below it (net/http, Client). A bucket answers a
// request that is signed and has a login with 400.
func KeepsLogin(asked, to string) bool {
	asked, to = hostName(asked), hostName(to)
	if asked == "" || to == asked {
		return asked != ""
	}
	if _, err := netip.ParseAddr(to); err == nil {
		return false
	}
	return strings.HasSuffix(to, "."+asked)
}

// hostName is a host without its port, in the form in which names are compared.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// redirect is where the caller may be sent for an object, or "" if the bytes must
// be streamed to it.
func redirect(c access.Caller, to string) (string, error) {
	if to == "" {
		return "", nil
	}
	u, err := url.Parse(to)
	if err != nil || KeepsLogin(c.Host, u.Host) {
		return "", err
	}
	return to, nil
}
