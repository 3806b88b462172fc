package server

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// signIn sends a sign-in with the test's key and returns the cookie.
func signIn(t *testing.T, s *running, header ...string) *http.Cookie {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL()+"/console/session",
		strings.NewReader(fmt.Sprintf(`{"accessKeyId":"AKIATESTTESTTESTTEST","secretAccessKey":%q}`,
			strings.Repeat("s", 40))))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated || len(res.Cookies()) != 1 {
		t.Fatalf("%s, %v", res.Status, res.Header)
	}
	return res.Cookies()[0]
}

// The cookie of whoever comes by HTTPS goes by nothing else; of a proxy only the
// word of one that is trusted counts.
func TestCookieBehindProxy(t *testing.T) {
	for _, trusted := range []bool{true, false} {
		cfg := testConfig(t)
		if trusted {
			cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		}
		s := start(t, cfg, nil)
		if c := signIn(t, s, "X-Forwarded-Proto", "https"); c.Secure != trusted {
			t.Errorf("with a proxy that is trusted (%v) the cookie is %v", trusted, c)
		}
		if c := signIn(t, s); c.Secure {
			t.Errorf("without TLS the cookie is %v", c)
		}
		s.wait(t)
	}
}

// A stream waits at no door, is no long request in the metrics, and keeps no
// generation from its end.
func TestStreams(t *testing.T) {
	s := start(t, testConfig(t), nil)
	cookie := signIn(t, s)
	open := s.door.close(t.Context(), time.Second)
	defer open()
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL()+"/", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Twinport_V20261101.WatchRegistry",
		"X-Twinport-Registry": "111122223333/us-east-1", "Cookie": cookie.Name + "=" + cookie.Value,
	} {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	begin := make([]byte, len("event: ready"))
	if _, err := io.ReadFull(res.Body, begin); err != nil || string(begin) != "event: ready" {
		t.Fatalf("%s, %q, %v", res.Status, begin, err)
	}
	if s.door.inside != 0 {
		t.Error("the door would wait for the stream")
	}
	g := s.generations.present.Load()
	g.endStreams()
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Errorf("the stream broke off: %v", err)
	}
	for end := time.Now().Add(patience); g.users.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the generation is in use after its streams")
		}
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		_, _, metrics := get(t, "GET", s.URL()+"/metrics")
		if strings.Contains(metrics, `twinport_http_requests_total{protocol="stream",status="2xx"} 1`) &&
			!strings.Contains(metrics, `duration_seconds_count{protocol="stream"}`) &&
			strings.Contains(metrics, `duration_seconds_count{protocol="console"} 1`) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("metrics:\n%s", metrics)
		}
	}
	// The header alone opens no other door.
	for path, want := range map[string]bool{"/": false, "/v2/app/blobs/uploads/": true} {
		r := r.Clone(t.Context())
		r.URL.Path = path
		if writes(r) != want {
			t.Errorf("%s: writes is %v", path, !want)
		}
	}
}
