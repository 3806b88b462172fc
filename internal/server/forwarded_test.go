package server

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestForwarded(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, tt := range map[string]struct {
		peer    string
		headers []string
		proto   string
		tls     bool // the proxy's own connection
		client  string
		secure  bool
	}{
		"no proxy":           {"192.0.2.1:5", []string{"203.0.113.9"}, "https", false, "192.0.2.1:5", false},
		"proxy":              {"10.1.1.1:5", []string{"203.0.113.9"}, "https", false, "203.0.113.9:5", true},
		"plain to the proxy": {"10.1.1.1:5", []string{"203.0.113.9"}, "http", true, "203.0.113.9:5", false},
		"without headers":    {"10.1.1.1:5", nil, "", true, "10.1.1.1:5", true},
		"two proxies":        {"10.1.1.1:5", []string{"203.0.113.9, 10.2.2.2"}, "", false, "203.0.113.9:5", false},
		"the client lies": {
			"10.1.1.1:5", []string{"127.0.0.1, 10.9.9.9, 203.0.113.9"}, "", false, "203.0.113.9:5", false,
		},
		"lies in a header":    {"10.1.1.1:5", []string{"127.0.0.1", "203.0.113.9"}, "", false, "203.0.113.9:5", false},
		"garbage":             {"10.1.1.1:5", []string{"203.0.113.9, <script>"}, "HTTPS", false, "10.1.1.1:5", false},
		"with a port":         {"10.1.1.1:5", []string{"203.0.113.9:1234"}, "", false, "203.0.113.9:5", false},
		"IPv6":                {"[fd00::1]:5", []string{"2001:db8::1"}, "https", false, "[2001:db8::1]:5", true},
		"IPv4 in IPv6":        {"[::ffff:10.1.1.1]:5", []string{"203.0.113.9"}, "https", false, "203.0.113.9:5", true},
		"all of them trusted": {"10.1.1.1:5", []string{"10.2.2.2, 10.3.3.3"}, "", false, "10.2.2.2:5", false},
	} {
		var client string
		var secure bool
		h := &forwarded{
			trusted: trusted, next: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				client, secure = r.RemoteAddr, r.TLS != nil
			}),
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.peer
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		for _, value := range tt.headers {
			r.Header.Add("X-Forwarded-For", value)
		}
		if tt.proto != "" {
			r.Header.Set("X-Forwarded-Proto", tt.proto)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if client != tt.client || secure != tt.secure {
			t.Errorf("%s: client %s, TLS %v; want %s, %v", name, client, secure, tt.client, tt.secure)
		}
	}
}

// TestStrictTransport: who came by TLS, to this server or to a trusted proxy, comes so again.
func TestStrictTransport(t *testing.T) {
	routes := &routes{ready: func(context.Context) error { return nil }}
	h := &forwarded{
		trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		next:    http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { routes.serve(protocolOf(r), w, r) }),
	}
	for name, tt := range map[string]struct {
		host, peer, proto string
		tls, want         bool
	}{
		"TLS":               {"registry.test", "192.0.2.1:5", "", true, true},
		"plain":             {"registry.test:8080", "192.0.2.1:5", "", false, false},
		"trusted proxy":     {"registry.test", "10.1.1.1:5", "https", false, true},
		"plain to a proxy":  {"registry.test", "10.1.1.1:5", "http", true, false},
		"any other's word":  {"registry.test", "192.0.2.1:5", "https", false, false},
		"localhost":         {"localhost:8443", "127.0.0.1:5", "", true, false},
		"below localhost":   {"1.dkr.ecr.x.localhost:8443", "127.0.0.1:5", "", true, false},
		"not localhost yet": {"notlocalhost:8443", "127.0.0.1:5", "", true, true},
	} {
		r := httptest.NewRequest("GET", "http://"+tt.host+"/healthz", nil)
		r.RemoteAddr = tt.peer
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		r.Header.Set("X-Forwarded-Proto", tt.proto)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Strict-Transport-Security"); (got == "max-age=31536000") != tt.want || !tt.want &&
			got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
