package uri

import (
	"regexp"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/resource"
)

var (
	own    = resource.Registry{Account: "111122223333", Region: "us-east-1"}
	others = resource.Registry{Account: "444455556666", Region: "us-east-1"}
)

func writer(form Form, domain, port, scheme string) Writer {
	return Writer{Form: form, Domain: domain, Scheme: scheme, Endpoint: func(id resource.Registry) string {
		return id.Account + ".dkr.ecr." + id.Region + "." + domain + port
	}}
}

func TestURIs(t *testing.T) {
	local := func(f Form) Writer { return writer(f, "localhost", ":8080", "http") }
	public := func(f Form) Writer { return writer(f, "example.com", "", "https") }
	const (
		hostForm   = "111122223333.dkr.ecr.us-east-1.localhost:8080"
		publicForm = "111122223333.dkr.ecr.us-east-1.example.com"
	)
	for _, c := range []struct {
		what                   string
		w                      Writer
		asked                  Asked
		id                     resource.Registry
		registry, login, layer string
	}{
		{"no name below localhost resolves", local(Auto), Asked{"localhost:8080", false}, own,
			"localhost:8080/111122223333/us-east-1", "http://localhost:8080",
			"http://localhost:8080/v2/111122223333/us-east-1/app"},
		{"an address", local(Auto), Asked{"127.0.0.1:8080", false}, own,
			"127.0.0.1:8080/111122223333/us-east-1", "http://127.0.0.1:8080",
			"http://127.0.0.1:8080/v2/111122223333/us-east-1/app"},
		{"an address of version 6", local(Auto), Asked{"[::1]:8080", false}, own,
			"[::1]:8080/111122223333/us-east-1", "http://[::1]:8080", "http://[::1]:8080/v2/111122223333/us-east-1/app"},
		{"a name below localhost", local(Auto), Asked{"api.ecr.us-east-1.localhost:8080", false}, own,
			hostForm, "http://" + hostForm, "http://api.ecr.us-east-1.localhost:8080/v2/111122223333/us-east-1/app"},
		{"the registry's own host", local(Auto), Asked{hostForm, false}, own, hostForm, "http://" + hostForm,
			"http://" + hostForm + "/v2/app"},
		{"another registry's host", local(Auto), Asked{"444455556666.dkr.ecr.us-east-1.localhost:8080", false}, own,
			hostForm, "http://" + hostForm, "http://" + hostForm + "/v2/app"},
		{"the domain", public(Auto), Asked{"Example.com", true}, own,
			publicForm, "https://" + publicForm, "https://Example.com/v2/111122223333/us-east-1/app"},
		{"a name below the domain, with the root's dot", public(Auto), Asked{"api.ecr.us-east-1.EXAMPLE.com.", true}, own,
			publicForm, "https://" + publicForm, "https://api.ecr.us-east-1.EXAMPLE.com./v2/111122223333/us-east-1/app"},
		{"a name that only ends alike", public(Auto), Asked{"notexample.com", true}, own,
			"notexample.com/111122223333/us-east-1", "https://notexample.com",
			"https://notexample.com/v2/111122223333/us-east-1/app"},
		{"TLS ended before us", public(Auto), Asked{"alias.example.net", false}, own,
			"alias.example.net/111122223333/us-east-1", "https://alias.example.net",
			"https://alias.example.net/v2/111122223333/us-east-1/app"},
		{"past the balancer", public(Auto), Asked{"10.0.0.7:8080", false}, own,
			"10.0.0.7:8080/111122223333/us-east-1", "http://10.0.0.7:8080",
			"http://10.0.0.7:8080/v2/111122223333/us-east-1/app"},
		{"always hosts", local(Host), Asked{"127.0.0.1:8080", false}, own,
			hostForm, "http://" + hostForm, "http://127.0.0.1:8080/v2/111122223333/us-east-1/app"},
		{"always paths", public(Path), Asked{"example.com", true}, own,
			"example.com/111122223333/us-east-1", "https://example.com", "https://example.com/v2/111122223333/us-east-1/app"},
		{"short", local(Short), Asked{"localhost:8080", false}, own,
			"localhost:8080", "http://localhost:8080", "http://localhost:8080/v2/111122223333/us-east-1/app"},
		{"short for another's registry", local(Short), Asked{"localhost:8080", false}, others,
			"localhost:8080/444455556666/us-east-1", "http://localhost:8080",
			"http://localhost:8080/v2/444455556666/us-east-1/app"},
		{"a host that is none", local(Path), Asked{`x"><script>`, false}, own, hostForm, "http://" + hostForm,
			"http://" + hostForm + "/v2/app"},
		{"no host", local(Auto), Asked{}, own, hostForm, "http://" + hostForm, "http://" + hostForm + "/v2/app"},
	} {
		if got := c.w.Registry(c.asked, own, c.id); got != c.registry {
			t.Errorf("%s: registry %s, want %s", c.what, got, c.registry)
		}
		if got := c.w.Login(c.asked, c.id); got != c.login {
			t.Errorf("%s: login %s, want %s", c.what, got, c.login)
		}
		want := c.layer + "/blobs/sha256:0?X-Twinport-Token=a%2Bb"
		if got := c.w.Layer(c.asked, resource.Repository{Registry: c.id, Name: "app"}, "sha256:0", "a+b"); got != want {
			t.Errorf("%s: layer %s, want %s", c.what, got, want)
		}
	}
}

// The grammar of hosts, as a regular expression.
var hostGrammar = regexp.MustCompile(
	`^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$`,
)

func FuzzHost(f *testing.F) {
	for _, host := range []string{
		"", ".", ":", "[", "[]", "[:", "[::]", "[::1]:80", "[::1]:", "[::1]80", "[::g]", "[::1", "::1", "a", "a.",
		"a..", ".a", "-a", "a-", "a.:80", "a:", "a:8", "a:12345", "a:123456", "a:8x", "a:8:8", "A-b.C9", "a b", "a\n", "é", "a_b",
		"127.0.0.1:8080", "111122223333.dkr.ecr.us-east-1.localhost:8080", strings.Repeat("a", 253), strings.Repeat("a", 254),
		strings.Repeat("a", 253) + ".", "[" + strings.Repeat(":", 45) + "]", "[" + strings.Repeat(":", 46) + "]",
	} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if got, want := isHost(host), hostGrammar.MatchString(host); got != want {
			t.Errorf("%q: %t, want %t", host, got, want)
		}
	})
}
