package migrate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Request is what a command asks of a running server, as JSON on the control
// socket. The answer is a sequence of Progress, a line of JSON for each.
type Request struct {
	// Database and Blobs are the URLs of the new stores.
	Database string `json:"database"`
	Blobs    string `json:"blobs"`
	// Environment holds the variables by which clients of the new stores find
	// their credentials: see Environment.
	Environment map[string]string `json:"environment"`
	// Config is the path of the configuration that names the new stores.
	Config string `json:"config"`
	// What the server must serve itself.
	Domain   string   `json:"domain"`
	Regions  []string `json:"regions"`
	Accounts []string `json:"accounts"` // ids
	Full     bool     `json:"full"`
}

// MaxRequest bounds a request in bytes.
const MaxRequest = 1 << 20

// environmentName matches the variables of the AWS SDKs and of PostgreSQL's
// clients.
var environmentName = regexp.MustCompile(`^(AWS_|PG)[A-Z0-9_]{1,60}$`)

// Environment picks from environ (as os.Environ gives it) the variables that the
// clients of the new stores may need.
func Environment(environ []string) map[string]string {
	picked := map[string]string{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && environmentName.MatchString(name) {
			picked[name] = value
		}
	}
	return picked
}

// Check refuses a request for a server that serves something else.
func (r *Request) Check(domain string, regions, accounts []string) error {
	for name := range r.Environment {
		if !environmentName.MatchString(name) {
			return fmt.Errorf("the variable %q is none of AWS or PostgreSQL", name)
		}
	}
	if r.Domain != domain {
		return fmt.Errorf("the new configuration says domain: %s, but %s is served: they must be the same", r.Domain, domain)
	}
	if !same(r.Regions, regions) {
		return fmt.Errorf("the new configuration has the Regions %s, but %s are served: they must be the same",
			strings.Join(r.Regions, ", "), strings.Join(regions, ", "))
	}
	if !same(r.Accounts, accounts) {
		return fmt.Errorf("the new configuration has the accounts %s, but %s are served: they must be the same",
			strings.Join(r.Accounts, ", "), strings.Join(accounts, ", "))
	}
	return nil
}

func same(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
