package credential

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// place is where a client wants to log in.
type place struct {
	host   string // as the client wrote it, with the port if it had one
	name   string // the host in lower case, without the port
	port   string // "" if the client wrote none
	domain string // what a registry's own host ends with; "" if the host is none
	region string // the registry's, if the host or the path says it
	path   string // <account>/<region>, if the path names the registry
}

const regionForm = `([0-9a-z-]{2,25})`

var (
	hostForm     = regexp.MustCompile(`^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?$`)
	registryHost = regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr\.` + regionForm + `\.(.+)$`)
	registryPath = regexp.MustCompile(`^[0-9]{12}/` + regionForm + `/`)
	apiHost      = regexp.MustCompile(`^(?:[0-9]{12}\.dkr|api)\.ecr\.` + regionForm + `\.(.+)$`)
)

// parsePlace reads a host, a URL, or the name of an image or repository. It
// reports whether the text begins with a host.
func parsePlace(text string) (place, bool) {
	text = strings.TrimPrefix(strings.TrimPrefix(text, "https://"), "http://")
	host, path, _ := strings.Cut(text, "/")
	p := place{host: host, name: strings.ToLower(host)}
	if !hostForm.MatchString(p.name) {
		return place{}, false
	}
	if name, port, err := net.SplitHostPort(p.name); err == nil {
		p.name, p.port = name, port
	}
	p.name = strings.Trim(p.name, "[]")
	if m := registryHost.FindStringSubmatch(p.name); m != nil {
		p.region, p.domain = m[1], m[2]
	} else if m := registryPath.FindStringSubmatch(path); m != nil {
		p.region, p.path = m[1], strings.TrimSuffix(m[0], "/")
	}
	return p, true
}

// errNotFound says that a host is no registry of the deployment that the user
// has configured. It is Docker's own text: clients that get it go on without a login.
var errNotFound = errors.New("credentials not found in native keychain")

// amazonDomain ends AWS's own names, which Twinport may have in a network of its own.
const amazonDomain = "amazonaws.com"

// endpoint returns the URL of the API that makes logins at the place.
//
// A password goes to the host that was asked about, and whoever gets a signed
// request can send it on. So only hosts are trusted that belong to the endpoint
// that the user has configured ("" if none): a Dockerfile may name any host.
func (p place) endpoint(configured, region string) (string, error) {
	if configured == "" {
		switch p.domain {
		case "":
			return "", errNotFound
		case amazonDomain:
			return "https://api.ecr." + region + "." + amazonDomain, nil
		}
		return "", fmt.Errorf("no endpoint is configured, so it is not known whether %s may have a login: set "+
			"AWS_ENDPOINT_URL_ECR, or endpoint_url of the AWS profile, such as https://%s", p.host, p.likelyEndpoint())
	}
	u, err := url.Parse(configured)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		// The text is not shown: it may hold a password.
		return "", errors.New("the endpoint that AWS_ENDPOINT_URL_ECR, AWS_ENDPOINT_URL or endpoint_url of the AWS profile " +
			"sets must look like https://host or http://host:port")
	}
	name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	switch {
	case portOf(p.port, u.Scheme) != portOf(u.Port(), u.Scheme):
	case p.name == name, isLocal(p.name) && isLocal(name):
		return configured, nil
	case p.domain != "" && (p.domain == name || p.domain == domainOf(name)):
		// It may be of another deployment than the endpoint, of the same operator.
		return u.Scheme + "://" + p.host, nil
	}
	if p.domain == "" {
		return "", errNotFound
	}
	return "", fmt.Errorf("%s is no registry of the endpoint %s, so it gets no login: set AWS_ENDPOINT_URL_ECR, or "+
		"endpoint_url of the AWS profile, to its own, such as https://%s", p.host, u.Host, p.likelyEndpoint())
}

// likelyEndpoint is where the API of a registry with a host of its own may be.
func (p place) likelyEndpoint() string {
	if p.port == "" {
		return p.domain
	}
	return p.domain + ":" + p.port
}

func portOf(port, scheme string) string {
	switch {
	case port != "":
		return port
	case scheme == "http":
		return "80"
	}
	return "443"
}

// isLocal reports whether a host is this machine, as servers for one machine are called.
func isLocal(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "127.0.0.1" || name == "::1"
}

// domainOf returns the domain of a deployment whose API has a name of ECR's form.
func domainOf(name string) string {
	if m := apiHost.FindStringSubmatch(name); m != nil {
		return m[2]
	}
	return ""
}
