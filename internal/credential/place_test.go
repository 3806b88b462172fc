package credential

import (
	"errors"
	"strings"
	"testing"
)

func TestParsePlace(t *testing.T) {
	for text, want := range map[string]place{
		"127.0.0.1:8080":          {host: "127.0.0.1:8080", name: "127.0.0.1", port: "8080"},
		"https://Example.com/v2/": {host: "Example.com", name: "example.com"},
		"http://[::1]:8080":       {host: "[::1]:8080", name: "::1", port: "8080"},
		"[::1]":                   {host: "[::1]", name: "::1"},
		"example.com/111122223333/us-east-1/team/app:1": {
			host: "example.com", name: "example.com", region: "us-east-1", path: "111122223333/us-east-1",
		},
		"example.com/11112222333/us-east-1/app": {host: "example.com", name: "example.com"},
		"111122223333.DKR.ecr.osaka-dc1.example.com:8443/app@sha256:0": {
			host: "111122223333.DKR.ecr.osaka-dc1.example.com:8443", name: "111122223333.dkr.ecr.osaka-dc1.example.com",
			port: "8443", domain: "example.com", region: "osaka-dc1",
		},
	} {
		if got, ok := parsePlace(text); !ok || got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
	for _, text := range []string{
		"", "/", "https://", "a b", "a\x1b[31m", "a\nb", "user:password@example.com", "example.com:port", "[::1", "é",
		"example.com?", strings.Repeat("a", 254),
	} {
		if got, ok := parsePlace(text); ok {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}

// TestOnlyRegistriesOfTheEndpointAreTrusted: a login goes to the host that was
// asked about, which may be anybody's.
func TestOnlyRegistriesOfTheEndpointAreTrusted(t *testing.T) {
	const own = "111122223333.dkr.ecr.us-east-1."
	for _, c := range []struct{ configured, host, endpoint string }{
		{"http://127.0.0.1:8080", "127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"http://127.0.0.1:8080", "localhost:8080", "http://127.0.0.1:8080"},
		{"http://localhost:8080", "[::1]:8080", "http://localhost:8080"},
		{"http://127.0.0.1:8080", own + "localhost:8080", "http://127.0.0.1:8080"},
		{"http://127.0.0.1:8080", "127.0.0.1:8081", ""},
		{"http://127.0.0.1:8080", "127.0.0.2:8080", ""},
		{"http://127.0.0.1:8080", "localhost.example.net:8080", ""},
		{"https://Example.com", "example.com", "https://Example.com"},
		{"https://example.com/", "example.com:443", "https://example.com/"},
		{"http://example.com", "example.com", "http://example.com"},
		{"https://example.com", "example.com:80", ""},
		{"https://example.com", own + "example.com", "https://" + own + "example.com"},
		{"http://example.com:8080", own + "example.com:8080", "http://" + own + "example.com:8080"},
		{"https://api.ecr.eu-west-1.example.com", own + "example.com", "https://" + own + "example.com"},
		{"https://444455556666.dkr.ecr.eu-west-1.example.com", own + "example.com", "https://" + own + "example.com"},
		{"https://twinport.example.com", own + "example.com", ""},
		{"https://example.com", own + "com", ""},
		{"https://example.com", own + "notexample.com", ""},
		{"https://example.com", own + "example.com.example.net", ""},
		{"https://example.com", own + "example.com:8443", ""},
		{"https://example.com", own + "amazonaws.com", ""},
		{"https://example.com", "docker.io", ""},
		{"", own + "amazonaws.com", "https://api.ecr.us-east-1.amazonaws.com"},
		{"", own + "example.com", ""},
		{"", "api.ecr.us-east-1.amazonaws.com", ""},
		{"", "docker.io", ""},
	} {
		at, ok := parsePlace(c.host)
		if !ok {
			t.Fatalf("%s is no host", c.host)
		}
		got, err := at.endpoint(c.configured, "us-east-1")
		if got != c.endpoint || (err != nil) != (c.endpoint == "") {
			t.Errorf("%s by %q: %q, %v, want %q", c.host, c.configured, got, err, c.endpoint)
		}
		// Clients go on without a login where others need none.
		if err != nil && errors.Is(err, errNotFound) != (at.domain == "") {
			t.Errorf("%s by %q: %v", c.host, c.configured, err)
		}
	}
	for _, configured := range []string{
		"127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://u:secret@127.0.0.1", "http://%zzsecret",
	} {
		at, _ := parsePlace("127.0.0.1:8080")
		if got, err := at.endpoint(configured, "us-east-1"); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %q, %v", configured, got, err)
		}
	}
}
