package peer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestDo: everything arrives as it is sent.
func TestDo(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	var answer echo
	query := url.Values{"part": {"1 2"}, "of": {"&"}}
	err := a.to(b).Do(t.Context(), http.MethodPut, "uploads/7", query, []byte("body"), "text/plain", &answer)
	if want := "a PUT " + PathPrefix + "uploads/7?of=%26&part=1+2 body"; err != nil || answer.Text != want {
		t.Errorf("%q, %v, want %q", answer.Text, err, want)
	}
	if err := a.to(b).Do(t.Context(), http.MethodGet, "echo", nil, nil, "", &answer); err != nil {
		t.Error(err)
	}
	if err := a.to(b).Call(t.Context(), "echo", strings.Repeat("x", 6<<20), nil); err != nil {
		t.Errorf("a large body: %v", err)
	}
}

// TestSkewedClocks: the client goes by the clock of the peer.
func TestSkewedClocks(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, skew := range []time.Duration{-time.Minute, 3 * time.Minute, time.Hour, -2 * day, 400 * day} {
		a, b := pair(t)
		a.clock.advance(skew)
		for _, err := range []error{a.call(t, b), b.call(t, a), a.call(t, b), b.call(t, a)} {
			if err != nil {
				t.Errorf("%s: %v", skew, err)
			}
		}
		if _, err := b.to(a).Hello(t.Context()); err != nil {
			t.Errorf("%s: %v", skew, err)
		}
		if off := b.to(a).State().ClockOffset - skew; off > time.Second || off < -time.Second {
			t.Errorf("%s: the offset is %s", skew, b.to(a).State().ClockOffset)
		}
		// A new deployment with such a clock joins, too.
		c := newNode(t, "c", "eu-west-1")
		makePeers(t, a, c)
	}
	// A peer whose clock is changed all the time is no reason to try for ever.
	a, b := pair(t)
	b.intercept(func(http.ResponseWriter, *http.Request) bool { b.clock.advance(time.Hour); return false })
	wantCode(t, a.call(t, b), Clock, "set the clock")
}

// TestHello: what a peer says of itself is its state.
func TestHello(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	hello, err := a.to(b).Hello(t.Context())
	if err != nil || hello.Name != "b" || hello.URL != b.server.URL || hello.Regions[0] != west ||
		hello.Version != "1.2" {
		t.Fatalf("%+v, %v", hello, err)
	}
	s := a.to(b).State()
	if !s.Reachable || s.Since.IsZero() || s.LastSuccess.IsZero() || s.RoundTrip <= 0 || s.RoundTrip > 5*time.Second ||
		s.Version != "1.2" || s.Protocol != 1 || s.Code != "" || s.Open || s.Key != 1 {
		t.Errorf("%+v", s)
	}
	for what, change := range map[string]func(*Hello){
		"id":       func(h *Hello) { h.ID = a.party.ID },
		"Region":   func(h *Hello) { h.Regions = []string{"../.."} },
		"account":  func(h *Hello) { h.Accounts = []string{"x"} },
		"Regions":  func(h *Hello) { h.Regions = nil },
		"accounts": func(h *Hello) { h.Accounts = make([]string, maxAccounts+1) },
		"name":     func(h *Hello) { h.Name = "a\nb" },
		"URL":      func(h *Hello) { h.URL = "file:///etc" },
		"protocol": func(h *Hello) { h.NewestProtocol = 0 },
		"grant":    func(h *Hello) { h.Granted = &Grant{Accounts: []string{"x"}} },
	} {
		said := hello
		change(&said)
		b.intercept(signedAnswer(b, 200, said))
		_, err := a.to(b).Hello(t.Context())
		e := wantCode(t, err, Garbage, "is not valid")
		if e.AboutPeer() != true || a.to(b).State().Version != "1.2" {
			t.Errorf("%s: %+v", what, a.to(b).State())
		}
		a.to(b).note(nil)
	}
	hello.OldestProtocol, hello.NewestProtocol, hello.Version = 2, 3, "9"
	b.intercept(signedAnswer(b, 200, hello))
	_, err = a.to(b).Hello(t.Context())
	wantCode(t, err, Version,
		"The deployment b (version 9) speaks the protocols 2 to 3, and the deployment a (version 1.2) protocol 1")
	if a.to(b).Usable() || a.to(b).State().Code != Version {
		t.Error("it is usable")
	}
	from, _ := b.Named("a")
	_, err = b.Greet(t.Context(), from, HelloRequest{Party{Version: "0.1", OldestProtocol: 3, NewestProtocol: 4}})
	wantCode(t, err, Version, "The deployment a (version 0.1)")
}

// signedAnswer answers as the deployment.
func signedAnswer(n *node, status int, answer any) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		d, _ := n.directory()
		text, ok := answer.([]byte)
		if !ok {
			text, _ = json.Marshal(answer)
		}
		d.SignAnswer(w.Header(), r, status, text)
		w.WriteHeader(status)
		_, _ = w.Write(text)
		return true
	}
}

// TestGarbage: answers that are not the peer's, or cannot be read, are shown as far as they help.
func TestGarbage(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	unsigned := func(status int, text string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if status == http.StatusFound {
				w.Header().Set("Location", b.server.URL+"/elsewhere")
			}
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
			return true
		}
	}
	for what, c := range map[string]struct {
		answer         func(http.ResponseWriter, *http.Request) bool
		code, contains string
	}{
		"a balancer's": {unsigned(502, "<html>\n<center>nginx\x1b[31m</center>"), Garbage,
			`502 Bad Gateway, with "<html> <center>nginx [31m</center>"`},
		"a long one":         {unsigned(200, strings.Repeat("é", 9000)), Garbage, `éé…"`},
		"nothing":            {unsigned(200, ""), Garbage, `"nothing"`},
		"one that redirects": {unsigned(302, ""), Garbage, "302 Found"},
		"a forged success":   {unsigned(200, `{"text":"x"}`), Garbage, "no valid signature"},
		"a limit":            {unsigned(429, "slow down"), Throttled, "slow down"},
		"another limit":      {unsigned(503, ""), Unavailable, ""},
		"no JSON":            {signedAnswer(b, 200, []byte("x")), Garbage, "cannot be read"},
		"no reason":          {signedAnswer(b, 500, []byte("x")), Garbage, "500"},
		"no code":            {signedAnswer(b, 400, ErrorAnswer{Code: "no code"}), Garbage, "400"},
		"an own code":        {signedAnswer(b, 400, ErrorAnswer{Code: "Other"}), "Other", "refused echo: Other"},
		"a reason":           {signedAnswer(b, 507, ErrorAnswer{Code: Full, Message: "no\x00 room"}), Full, "no room"},
		"too much":           {signedAnswer(b, 200, make([]byte, MaxAnswer+1)), Garbage, "8 MiB"},
		"another's": {func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set(HeaderPeer, "11111111-1111-4111-8111-111111111111")
			return unsigned(200, "")(w, r)
		}, WrongDeployment, "another deployment answers"},
		"its clock, unsigned": {unsigned(403, `{"code":"Clock","time":"2040-01-01T00:00:00Z"}`), Garbage, "403"},
	} {
		b.intercept(c.answer)
		err := a.call(t, b)
		e := wantCode(t, err, c.code, c.contains)
		if len(e.Message) > 600 || strings.ContainsAny(e.Message, "\x00\x1b\n") {
			t.Errorf("%s: the message is %q", what, e.Message)
		}
		if (e.Code == Throttled || e.Code == Unavailable) && e.RetryAfter != 7*time.Second {
			t.Errorf("%s: again after %s", what, e.RetryAfter)
		}
		if a.to(b).State().ClockOffset != 0 {
			t.Errorf("%s: the clock follows", what)
		}
		a.to(b).mu.Lock()
		a.to(b).breaker = breaker{}
		a.to(b).mu.Unlock()
	}
}

// TestDeadPeer: after three failures nothing is sent any more; Hello finds it when it is back, and whoever waits is
// notified.
func TestDeadPeer(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	if err := a.call(t, b); err != nil {
		t.Fatal(err)
	}
	var calls, usable atomic.Int32
	a.to(b).OnUsable(func() { usable.Add(1) })
	b.intercept(func(http.ResponseWriter, *http.Request) bool { calls.Add(1); panic(http.ErrAbortHandler) })
	a.to(b).transport.DisableKeepAlives = true // a connection that was kept is tried again
	a.to(b).transport.CloseIdleConnections()
	for range 10 {
		wantCode(t, a.call(t, b), Unreachable, "closed the connection")
	}
	s := a.to(b).State()
	if calls.Load() != 3 || s.Reachable || !s.Open || s.Opens != 1 || s.Code != Unreachable || s.NextTry.IsZero() ||
		a.to(b).Usable() || a.now().Sub(s.Since) > 10*time.Second {
		t.Errorf("%d calls, %+v", calls.Load(), s)
	}
	if e := wantCode(t, a.call(t, b), Unreachable, ""); e.RetryAfter <= 0 || e.RetryAfter > firstWait {
		t.Errorf("again after %s", e.RetryAfter)
	}
	b.intercept(nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { a.Run(ctx); close(ended) }()
	for deadline := time.Now().Add(30 * time.Second); usable.Load() == 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if s := a.to(b).State(); usable.Load() != 1 || !s.Reachable || s.Open || s.Code != "" || s.Version == "" {
		t.Errorf("%d notifications, %+v", usable.Load(), s)
	}
	cancel()
	<-ended
	if err := a.call(t, b); err != nil {
		t.Error(err)
	}
}

// TestFlappingPeer: one that comes and goes all the time does not fill the log.
func TestFlappingPeer(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	for range 20 {
		b.intercept(signedAnswer(b, http.StatusForbidden, ErrorAnswer{Code: NotAPeer}))
		if _, err := a.to(b).Hello(t.Context()); err == nil {
			t.Error("it is greeted")
		}
		b.intercept(nil)
		if _, err := a.to(b).Hello(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if lines := strings.Count(a.logs.String(), "a peer can"); lines != 2 || a.to(b).State().Opens != 20 {
		t.Errorf("%d lines:\n%s", lines, a.logs)
	}
}

// TestRetryAfter: the peer is left alone for as long as it says, and no longer.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	var calls, usable atomic.Int32
	a.to(b).OnUsable(func() { usable.Add(1) })
	busy := signedAnswer(b, 429, ErrorAnswer{Code: Throttled, Message: "Too many.", RetryAfterSeconds: 90})
	b.intercept(func(w http.ResponseWriter, r *http.Request) bool { calls.Add(1); return busy(w, r) })
	for range 5 {
		e := wantCode(t, a.call(t, b), Throttled, "Too many.")
		if e.RetryAfter > 90*time.Second || e.RetryAfter < 80*time.Second || !e.Temporary() {
			t.Errorf("again after %s", e.RetryAfter)
		}
	}
	s := a.to(b).State()
	if calls.Load() != 1 || a.to(b).Usable() || s.Open || s.PausedUntil.IsZero() || s.Code != Throttled {
		t.Errorf("%d calls, %+v", calls.Load(), s)
	}
	if due := a.to(b).due(); due < longestWait {
		t.Errorf("something is due within %s", due)
	}
	b.intercept(nil)
	a.clock.advance(91 * time.Second)
	a.to(b).touch(t.Context())
	if !a.to(b).Usable() || usable.Load() != 1 {
		t.Errorf("%d notifications, %+v", usable.Load(), a.to(b).State())
	}
	if err := a.call(t, b); err != nil {
		t.Error(err)
	}
}

// TestStalledPeer: one that does nothing, or next to nothing, holds nobody up for long; one that is slow may be.
func TestStalledPeer(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	a.silence = 300 * time.Millisecond
	release := make(chan struct{})
	trickle := func(interval time.Duration, n int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			for range n {
				select {
				case <-r.Context().Done():
					return true
				case <-release:
					return true
				case <-time.After(interval):
				}
				_, _ = io.WriteString(w, " ")
				w.(http.Flusher).Flush()
			}
			return false
		}
	}
	for what, stall := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"before the answer":   func(_ http.ResponseWriter, r *http.Request) bool { <-release; return true },
		"a byte now and then": trickle(50*time.Millisecond, 1000),
	} {
		b.intercept(stall)
		begun := time.Now()
		wantCode(t, a.call(t, b), Timeout, "did not go on with echo")
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: it took %s", what, took)
		}
	}
	// A peer that does not read.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	url := "http://" + listener.Addr().String()
	if err := a.change(t.Context(), b.party.ID, func(e *entry) { e.URL = url }); err != nil {
		t.Fatal(err)
	}
	a.to(b).note(nil)
	begun := time.Now()
	err = a.to(b).Do(t.Context(), http.MethodPut, "echo", nil, make([]byte, 64<<20), "", nil)
	wantCode(t, err, Timeout, "")
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	close(release)
}

// TestSlowPeer: as long as it goes on, a request may take longer than a silence.
func TestSlowPeer(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	a.silence = 2 * time.Second
	b.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		piece := make([]byte, 256<<10)
		for {
			n, err := io.ReadFull(r.Body, piece)
			if err != nil || n == 0 {
				break
			}
			time.Sleep(40 * time.Millisecond)
		}
		return signedAnswer(b, 200, echo{"done"})(w, r)
	})
	begun := time.Now()
	var answer echo
	err := a.to(b).Do(t.Context(), http.MethodPut, "echo", nil, make([]byte, 16<<20), "", &answer)
	if err != nil || answer.Text != "done" || time.Since(begun) < a.silence {
		t.Errorf("%q, %v after %s", answer.Text, err, time.Since(begun))
	}
}

// TestCallerLeaves: that says nothing of the peer.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	release := make(chan struct{})
	defer close(release)
	b.intercept(func(_ http.ResponseWriter, r *http.Request) bool { <-release; return true })
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := a.to(b).Call(ctx, "echo", nil, nil)
		cancel()
		var e *Error
		if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &e) {
			t.Errorf("the error is %v", err)
		}
	}
	if !a.to(b).Usable() || a.to(b).State().Code != "" {
		t.Errorf("%+v", a.to(b).State())
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errSlow)
	defer cancel()
	_, err := a.to(b).Hello(ctx)
	wantCode(t, err, Timeout, "did not answer hello in time")
}

// certificate makes one for localhost, of an authority that is returned too.
func certificate(t *testing.T, name string, from, to time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to,
		DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature |
			x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// TestCertificates: what is wrong with one, and what to do.
func TestCertificates(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for what, c := range map[string]struct {
		name           string
		from, to       time.Time
		trusted        bool
		code, contains string
	}{
		"good":         {"localhost", now.Add(-time.Hour), now.Add(time.Hour), true, "", ""},
		"expired":      {"localhost", now.Add(-2 * time.Hour), now.Add(-time.Hour), true, TLS, "renew it there"},
		"not yet":      {"localhost", now.Add(time.Hour), now.Add(2 * time.Hour), true, TLS, "check the clocks"},
		"of another":   {"example.com", now.Add(-time.Hour), now.Add(time.Hour), true, TLS, "use one for localhost"},
		"of strangers": {"localhost", now.Add(-time.Hour), now.Add(time.Hour), false, TLS, "SSL_CERT_FILE"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			a, b := pair(t)
			pair, roots := certificate(t, c.name, c.from, c.to)
			server := httptest.NewUnstartedServer(b)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
			server.EnableHTTP2 = true
			server.Config.ErrorLog = nil
			server.StartTLS()
			defer server.Close()
			_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
			if c.trusted {
				a.roots = roots
			} else {
				a.roots = x509.NewCertPool()
			}
			a.to(b).transport.TLSClientConfig.RootCAs = a.roots
			url := "https://localhost:" + port
			if err := a.change(t.Context(), b.party.ID, func(e *entry) { e.URL = url }); err != nil {
				t.Fatal(err)
			}
			err := a.call(t, b)
			if c.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantCode(t, err, c.code, url)
			wantCode(t, err, c.code, c.contains)
		})
	}
}

// TestUnreachable: why, and what to do.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	plain := strings.TrimPrefix(b.server.URL, "http://")
	for url, want := range map[string][2]string{
		"https://" + plain:        {TLS, "does not speak TLS"},
		"https://nowhere.invalid": {Unreachable, "the name nowhere.invalid cannot be looked up"},
		"http://127.0.0.1:1":      {Unreachable, "refused"},
		"":                        {Unreachable, "deployment.url"},
	} {
		if err := a.change(t.Context(), b.party.ID, func(e *entry) { e.URL = url }); err != nil {
			t.Fatal(err)
		}
		wantCode(t, a.call(t, b), want[0], want[1])
		a.to(b).note(nil)
	}
}

// TestConnectionsThatEnded: a peer that was restarted costs no failure.
func TestConnectionsThatEnded(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	for range 20 {
		b.server.CloseClientConnections()
		if err := a.call(t, b); err != nil {
			t.Error(err)
		}
	}
}

// TestRun: it keeps the state of all peers, of those that come and go, too, and ends when it should.
func TestRun(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	quiet := newNode(t, "quiet", "eu-west-1", func(c *Config) { c.URL = "" }) // cannot be called
	makePeers(t, a, quiet)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	begun := time.Now()
	go func() { a.Run(ctx); close(ended) }()
	wait := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	wait("b is not greeted", func() bool { return a.to(b).State().Reachable })
	wait("nobody says why quiet is not", func() bool { return a.to(quiet).State().Code == Unreachable })
	if err := quiet.call(t, a); err != nil {
		t.Error(err)
	}
	c := newNode(t, "c", "eu-west-2")
	makePeers(t, a, c)
	wait("c is not greeted", func() bool { return a.to(c).State().Reachable })
	if err := a.Remove(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	hellos := b.count(OperationHello)
	cancel()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it does not end")
	}
	for _, n := range []*node{b, c} {
		if got, most := n.count(OperationHello), 1+int(time.Since(begun)/helloInterval); got < 1 || got > most {
			t.Errorf("%s was greeted %d times, want 1 to %d", n.party.Name, got, most)
		}
	}
	if after := b.count(OperationHello); after != hellos {
		t.Errorf("b was greeted %d times after it was removed", after-hellos)
	}
}
