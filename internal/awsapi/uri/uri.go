// Package uri writes where registries are, in a form and at a host that the
// client who asks can reach.
package uri

import (
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/resource"
)

// Form is how URIs name a registry.
type Form string

const (
	// Auto is Host for clients that came to a host below the domain, and Path
	// for others.
	Auto Form = "auto"
	// Host is <account>.dkr.ecr.<region>.<domain>/<repository>, ECR's own.
	Host Form = "host"
	// Path is <host asked>/<account>/<region>/<repository>.
	Path Form = "path"
	// Short is <host asked>/<repository> for the caller's own registry, which
	// is the one of a login there, and Path for others.
	Short Form = "short"
)

// Writer writes URIs for one deployment. All fields must be set.
type Writer struct {
	Form Form
	// Domain ends the hosts of registries.
	Domain string
	// Endpoint is the host of a registry, with the port where one is needed.
	Endpoint func(resource.Registry) string
	// Scheme is http or https, as clients reach the hosts of registries.
	Scheme string
}

// Asked is where a request went to, and how.
type Asked struct {
	// Host is the request's, with the port if it had one.
	Host string
	TLS  bool
}

// isHost reports whether s is a DNS name or an address, with a port or none: what
// is neither is not repeated in an answer. It is asked at every login, and the
// regular expression for it would cost nearly as much as the signature.
func isHost(s string) bool {
	if address, ok := strings.CutPrefix(s, "["); ok {
		address, port, closed := strings.Cut(address, "]")
		return closed && len(address) >= 2 && len(address) <= 45 && consistsOf(address, func(c byte) bool {
			return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' || c == ':' || c == '.'
		}) && (port == "" || port[0] == ':' && isPort(port[1:]))
	}
	name, port, hasPort := strings.Cut(s, ":")
	name = strings.TrimSuffix(name, ".")
	return (!hasPort || isPort(port)) && name != "" && len(name) <= 253 &&
		isAlphanumeric(name[0]) && isAlphanumeric(name[len(name)-1]) &&
		consistsOf(name, func(c byte) bool { return isAlphanumeric(c) || c == '.' || c == '-' })
}

func isPort(s string) bool {
	return s != "" && len(s) <= 5 && consistsOf(s, func(c byte) bool { return '0' <= c && c <= '9' })
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func consistsOf(s string, of func(byte) bool) bool {
	for i := range len(s) {
		if !of(s[i]) {
			return false
		}
	}
	return true
}

// registryHost is the form of a registry's host under whatever domain.
var registryHost = regexp.MustCompile(`^[0-9]{12}\.dkr[.-]ecr\.`)

// byHost says whether clients that asked there get registries by their hosts.
func (w Writer) byHost(a Asked) bool {
	if !isHost(a.Host) || w.Form == Host {
		return true
	}
	if w.Form != Auto {
		return false
	}
	name := a.Host
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if strings.HasSuffix(name, "."+w.Domain) {
		return true
	}
	// Few resolvers know names below localhost, and all know localhost itself.
	return name == w.Domain && w.Domain != "localhost"
}

// scheme returns the scheme of the host that was asked. Behind a balancer that
// ends TLS, and is not trusted to say so, it goes by the port.
func (w Writer) scheme(a Asked) string {
	_, port, err := net.SplitHostPort(a.Host)
	if a.TLS || w.Scheme == "https" && (err != nil || port == "443") {
		return "https"
	}
	return "http"
}

// Registry is what stands before the names of a registry's repositories, without
// a slash. own is the registry of the one who asks.
func (w Writer) Registry(a Asked, own, id resource.Registry) string {
	switch {
	case w.byHost(a):
		return w.Endpoint(id)
	case w.Form == Short && id == own:
		return a.Host
	}
	return a.Host + "/" + id.Account + "/" + id.Region
}

// Login is the URL that docker login takes for a registry.
func (w Writer) Login(a Asked, id resource.Registry) string {
	if w.byHost(a) {
		return w.Scheme + "://" + w.Endpoint(id)
	}
	return w.scheme(a) + "://" + a.Host
}

// Layer is the URL of a layer on the host that was asked: who asked there
// reaches it.
func (w Writer) Layer(a Asked, ref resource.Repository, d digest.Digest, token string) string {
	name, at := ref.Name, w.scheme(a)+"://"+a.Host
	switch {
	case !isHost(a.Host) || registryHost.MatchString(a.Host):
		// The host of a registry serves that one only.
		at = w.Scheme + "://" + w.Endpoint(ref.Registry)
	default:
		name = ref.Registry.Account + "/" + ref.Registry.Region + "/" + name
	}
	return at + "/v2/" + name + "/blobs/" + d.String() + "?" + auth.DownloadParameter + "=" + url.QueryEscape(token)
}
