package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
)

const (
	prod = "111122223333"
	dev  = "444455556666"
)

// clock is one that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// deployment is sessions over a store of the test's own.
type deployment struct {
	*Service
	clock *clock
	keys  map[string]auth.AccessKey
	store metadata.Store
}

func (d *deployment) AccessKey(_ context.Context, id string) (auth.AccessKey, error) {
	key, ok := d.keys[id]
	if !ok {
		return auth.AccessKey{}, auth.ErrNoKey
	}
	return key, nil
}

func key(id, account string) auth.AccessKey {
	return auth.AccessKey{
		ID: id, Secret: "secret of " + id, Principal: policy.Principal{
			Account: account, ARN: "arn:aws:iam::" + account + ":root",
		},
	}
}

func newDeployment(t *testing.T) *deployment {
	t.Helper()
	store, err := metadata.OpenSQLite(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	d := &deployment{
		clock: &clock{t: time.Date(2026, 11, 23, 12, 0, 0, 5e8, time.UTC)}, store: store, keys: map[string]auth.AccessKey{},
	}
	for _, k := range []auth.AccessKey{key("PRODKEY1", prod), key("PRODKEY2", prod), key("DEVKEY", dev)} {
		d.keys[k.ID] = k
	}
	d.Service = New(Config{
		Store: store, Keys: d, Verifier: auth.NewVerifier(d, "deployment", d.clock.now), Now: d.clock.now,
	})
	return d
}

func (d *deployment) mustSignIn(t *testing.T, keyID string) (Session, string) {
	t.Helper()
	s, token, err := d.SignIn(context.Background(), keyID, "secret of "+keyID, Client{
		RemoteAddr: "192.0.2.1:4711", UserAgent: "browser",
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, token
}

func (d *deployment) wantEnded(t *testing.T, token, why string) {
	t.Helper()
	if _, _, err := d.Verify(t.Context(), token); !errors.Is(err, ErrEnded) {
		t.Errorf("%s: %v, want %v", why, err, ErrEnded)
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	s, token := d.mustSignIn(t, "PRODKEY1")
	if s.Account != prod || s.AccessKey != "PRODKEY1" || s.RemoteAddress != "192.0.2.1" ||
		s.ExpiresAt.Sub(d.clock.now()) > Lifetime || s.ExpiresAt.Sub(d.clock.now()) < Lifetime-time.Second {
		t.Errorf("session %+v", s)
	}
	row, identity, err := d.Verify(t.Context(), token)
	if err != nil || row.ID != s.ID || identity.Principal.Account != prod || identity.AccessKeyID != "PRODKEY1" {
		t.Errorf("%+v, %+v, %v", row, identity, err)
	}
	for _, test := range []struct{ id, secret string }{
		{"PRODKEY1", "secret of PRODKEY2"}, {"PRODKEY1", ""}, {"NONE", ""}, {"NONE", "secret of NONE"},
		{"prodkey1", "secret of PRODKEY1"},
	} {
		if _, _, err := d.SignIn(t.Context(), test.id, test.secret, Client{}); !errors.Is(err, ErrWrongKey) {
			t.Errorf("%s with %q: %v", test.id, test.secret, err)
		}
	}
	d.clock.advance(Lifetime - time.Second)
	if _, _, err := d.Verify(t.Context(), token); err != nil {
		t.Errorf("before its end: %v", err)
	}
	d.clock.advance(time.Second)
	d.wantEnded(t, token, "after 12 hours")
	if list, err := d.List(t.Context(), prod); err != nil || len(list) != 0 {
		t.Errorf("listed after its end: %v, %v", list, err)
	}
	// It is forgotten when the next one begins, of whichever account.
	d.mustSignIn(t, "DEVKEY")
	if _, err := d.store.Read(t.Context()).Sessions().Get(s.ID); !errors.Is(err, metadata.ErrNotFound) {
		t.Errorf("an expired session stays: %v", err)
	}
}

// TestSessionOfAClockAhead: it began while the clock was a year ahead.
func TestSessionOfAClockAhead(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	d.clock.advance(365 * 24 * time.Hour)
	s, token := d.mustSignIn(t, "PRODKEY1")
	if _, _, err := d.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	d.clock.advance(-365 * 24 * time.Hour)
	d.wantEnded(t, token, "after the clock was set right")
	login := auth.Identity{Principal: d.keys["PRODKEY1"].Principal, AccessKeyID: "PRODKEY1"}
	if err := d.CheckLogin(t.Context(), LoginScope(s.ID), login); !errors.Is(err, ErrEnded) {
		t.Errorf("a login that it made: %v", err)
	}
	if list, err := d.List(t.Context(), prod); err != nil || len(list) != 0 {
		t.Errorf("listed: %v, %v", list, err)
	}
	d.mustSignIn(t, "DEVKEY")
	if _, err := d.store.Read(t.Context()).Sessions().Get(s.ID); !errors.Is(err, metadata.ErrNotFound) {
		t.Errorf("it stays: %v", err)
	}
}

func TestSessionDiesWithItsKey(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	_, token := d.mustSignIn(t, "PRODKEY1")
	changed := d.keys["PRODKEY1"]
	changed.Secret = "another"
	d.keys["PRODKEY1"] = changed
	d.wantEnded(t, token, "its key has another secret")
	given := d.keys["PRODKEY2"]
	given.ID, given.Principal = "PRODKEY1", policy.Principal{Account: dev, ARN: "arn:aws:iam::" + dev + ":root"}
	d.keys["PRODKEY1"] = given
	d.wantEnded(t, token, "its key is another account's now")
	if list, err := d.List(t.Context(), prod); err != nil || len(list) != 0 {
		t.Errorf("listed: %v, %v", list, err)
	}
	delete(d.keys, "PRODKEY1")
	d.wantEnded(t, token, "its key is gone")
	if list, err := d.List(t.Context(), prod); err != nil || len(list) != 0 {
		t.Errorf("listed: %v, %v", list, err)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	first, token := d.mustSignIn(t, "PRODKEY1")
	d.clock.advance(time.Second)
	second, other := d.mustSignIn(t, "PRODKEY2")
	if ended, err := d.Revoke(t.Context(), dev, []string{first.ID}); err != nil || len(ended) != 0 {
		t.Errorf("another account revoked %v, %v", ended, err)
	}
	if list, err := d.List(t.Context(), prod); err != nil || len(list) != 2 || list[0].ID != second.ID {
		t.Errorf("listed %v, %v", list, err)
	}
	if ended, err := d.Revoke(t.Context(), prod, []string{first.ID, "none"}); err != nil ||
		!slices.Equal(ended, []string{first.ID}) {
		t.Errorf("revoked %v, %v", ended, err)
	}
	d.wantEnded(t, token, "revoked")
	if _, _, err := d.Verify(t.Context(), other); err != nil {
		t.Errorf("the other session: %v", err)
	}
}

// Tokens of registries and of sessions come from the same key: none may pass for
// another.
func TestTokensDoNotPassForEachOther(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	s, token := d.mustSignIn(t, "PRODKEY1")
	end := d.clock.now().Add(time.Hour)
	for _, scope := range []string{
		"", "blob:" + prod + "/us-east-1/app@sha256:00", s.ID, "console", "blob:console " + s.ID, "Console " + s.ID,
	} {
		d.wantEnded(t, auth.SignToken(d.keys["PRODKEY1"], auth.Token{Region: "us-east-1", Scope: scope, Expires: end}),
			"scope "+scope)
	}
	// Keys of the account and of others sign sessions of their own only.
	for _, id := range []string{"PRODKEY2", "DEVKEY"} {
		d.wantEnded(t, auth.SignToken(d.keys[id], auth.Token{Scope: scopePrefix + s.ID, Expires: end}), "signed by "+id)
	}
	for _, text := range []string{"", "x", token[1:], token + "A", token + "=", strings.ToUpper(token)} {
		d.wantEnded(t, text, "not the token")
	}
	// What the OCI endpoints take as a login has no scope (oci/authenticate.go).
	verifier := auth.NewVerifier(d, "deployment", d.clock.now)
	if got, _, err := verifier.VerifyToken(t.Context(), token); err != nil || got.Scope == "" ||
		strings.HasPrefix(got.Scope, "blob:") {
		t.Errorf("a session's token has scope %q, %v", got.Scope, err)
	}
}

// A registry login that a session has made ends with it.
func TestLogins(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	begun, token := d.mustSignIn(t, "PRODKEY1")
	_, identity, err := d.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	other := identity
	other.AccessKeyID = "PRODKEY2"
	check := func(what, scope string, identity auth.Identity, want error) {
		t.Helper()
		if err := d.CheckLogin(t.Context(), scope, identity); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	check("while it goes on", LoginScope(begun.ID), identity, nil)
	check("with another key of the account", LoginScope(begun.ID), other, ErrEnded)
	check("the cookie's scope", scopePrefix+begun.ID, identity, ErrEnded)
	check("no session's", LoginScope("x"), identity, ErrEnded)
	d.clock.advance(Lifetime)
	check("after its time", LoginScope(begun.ID), identity, ErrEnded)
}

func TestOldestSessionMakesRoom(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	_, others := d.mustSignIn(t, "DEVKEY")
	var tokens []string
	for range MaxPerAccount + 2 {
		d.clock.advance(time.Second)
		_, token := d.mustSignIn(t, "PRODKEY1")
		tokens = append(tokens, token)
	}
	for i, token := range tokens {
		if _, _, err := d.Verify(t.Context(), token); (err == nil) != (i >= 2) {
			t.Errorf("session %d: %v", i, err)
		}
	}
	if _, _, err := d.Verify(t.Context(), others); err != nil {
		t.Errorf("another account's session: %v", err)
	}
	if list, err := d.List(t.Context(), prod); err != nil || len(list) != MaxPerAccount {
		t.Errorf("%d sessions, %v", len(list), err)
	}
}

// Wrong secrets are counted by key and network, and never keep a right one out:
// behind a balancer that the server was not told of all clients have one address.
func TestTries(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	try := func(id, secret, address string) error {
		_, _, err := d.SignIn(context.Background(), id, secret, Client{RemoteAddr: address})
		return err
	}
	for i := range maxWrong {
		// An IPv6 client has the rest of the address at will.
		if err := try("DEVKEY", "x", fmt.Sprintf("[2001:db8::%d]:1", i+1)); !errors.Is(err, ErrWrongKey) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	for _, c := range []struct {
		what, id, secret, address string
		want                      error
	}{
		{"one more of the key and network", "DEVKEY", "x", "[2001:db8::ffff]:1", ErrTooManyTries},
		{"the right secret", "DEVKEY", "secret of DEVKEY", "[2001:db8::ffff]:1", nil},
		{"another network", "DEVKEY", "x", "[2001:db8:0:1::1]:1", ErrWrongKey},
		{"another key", "PRODKEY1", "x", "[2001:db8::1]:1", ErrWrongKey},
	} {
		if err := try(c.id, c.secret, c.address); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
	d.clock.advance(triesPeriod)
	if err := try("DEVKEY", "x", "[2001:db8::1]:1"); !errors.Is(err, ErrWrongKey) {
		t.Errorf("a minute later: %v", err)
	}
	for i := range 2 * maxTries {
		d.tries.wrong(fmt.Sprint("key", i), fmt.Sprint("network", i))
	}
	if n := len(d.tries.counts); n > maxTries {
		t.Errorf("%d are counted", n)
	}
}

func TestWhatAClientSaysIsBounded(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	s, _, err := d.SignIn(t.Context(), "DEVKEY", "secret of DEVKEY", Client{
		RemoteAddr: strings.Repeat("x", 1000), UserAgent: "x" + strings.Repeat("é", 1000),
	})
	if err != nil || len(s.UserAgent) > maxUserAgent || len(s.UserAgent) < maxUserAgent-1 ||
		!strings.HasSuffix(s.UserAgent, "é") || len(s.RemoteAddress) > maxUserAgent {
		t.Errorf("%q, %q, %v", s.UserAgent, s.RemoteAddress, err)
	}
}

func TestCookies(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	s, token := d.mustSignIn(t, "PRODKEY1")
	_, devToken := d.mustSignIn(t, "DEVKEY")
	cookie := Cookie(prod, token, s.ExpiresAt, true).String()
	for _, want := range []string{
		"twinport-" + prod + "=" + token, "Path=/", "HttpOnly", "Secure", "SameSite=Strict", "Expires=",
	} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie %s lacks %s", cookie, want)
		}
	}
	if plain := Cookie(prod, token, s.ExpiresAt, false).String(); strings.Contains(plain, "Secure") {
		t.Errorf("the cookie of plain HTTP is %s", plain)
	}
	request := func(cookies ...string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Cookie", strings.Join(cookies, "; "))
		return r
	}
	both := request("other=1", "twinport-"+prod+"=bad", "twinport-"+prod+"="+token, "twinport-"+dev+"="+devToken,
		"twinport-=x")
	if row, _, err := d.OfRequest(both, prod); err != nil || row.ID != s.ID {
		t.Errorf("%+v, %v", row, err)
	}
	if all, err := d.AllOfRequest(both); err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
	// A session under another account's name is none.
	if _, _, err := d.OfRequest(request("twinport-"+dev+"="+token), dev); !errors.Is(err, ErrEnded) {
		t.Errorf("another account's token: %v", err)
	}
	for _, account := range []string{"", "777788889999", prod + ";", "*"} {
		if _, _, err := d.OfRequest(both, account); !errors.Is(err, ErrEnded) {
			t.Errorf("account %q: %v", account, err)
		}
	}
	d.store.Close()
	if _, _, err := d.OfRequest(both, prod); err == nil || errors.Is(err, ErrEnded) {
		t.Errorf("without a store: %v", err)
	}
}

func TestCrossSite(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		origin, site string
		ok           bool
	}{
		{"", "", true}, {"http://example.com", "", true}, {"http://example.com", "same-origin", true}, {"", "none", true},
		{"http://evil.example", "", false}, {"http://example.com:81", "", false}, {"null", "", false},
		{"http://evil.example", "cross-site", false}, {"", "cross-site", false}, {"http://x.example.com", "same-site", false},
	} {
		r := httptest.NewRequest(http.MethodPost, "http://example.com/", nil)
		if test.origin != "" {
			r.Header.Set("Origin", test.origin)
		}
		if test.site != "" {
			r.Header.Set("Sec-Fetch-Site", test.site)
		}
		if problem := CrossSite(r); (problem == "") != test.ok {
			t.Errorf("Origin %q, Sec-Fetch-Site %q: %q", test.origin, test.site, problem)
		}
	}
}
