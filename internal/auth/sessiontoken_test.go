package auth_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/auth"
)

const sessionBody = `{"repositoryNames":["app"]}`

// signedBy is a request that a client sends with the credentials at a time.
func signedBy(t testing.TB, key any, at time.Time) *http.Request {
	t.Helper()
	r := request(t, "POST", "/", sessionBody)
	r.Host = r.URL.Host
	sign(t, r, key, sessionBody, "ecr", at)
	return r
}

func TestSessionTokenInAnotherProcess(t *testing.T) {
	issued := newVerifier(signedAt).Issue(longLived, 2*time.Hour)
	if want := signedAt.Add(2 * time.Hour); issued.IssuedAt != signedAt || issued.Expires != want ||
		len(issued.AccessKeyID) != 20 || !strings.HasPrefix(issued.AccessKeyID, "ASIA") || len(issued.Secret) != 40 {
		t.Errorf("issued %s at %s until %s with a secret of %d characters", issued.AccessKeyID, issued.IssuedAt,
			issued.Expires, len(issued.Secret))
	}
	if again := newVerifier(signedAt).Issue(longLived, 2*time.Hour); again.AccessKeyID == issued.AccessKeyID ||
		again.Secret == issued.Secret || again.SessionToken == issued.SessionToken {
		t.Error("two are alike")
	}
	want := auth.Identity{
		Principal: longLived.Principal, AccessKeyID: longLived.ID, Temporary: issued.Temporary, Region: "us-west-2",
	}
	other := newVerifier(signedAt.Add(time.Minute))
	for range 2 { // the second time it is remembered
		got, err := other.Verify(signedBy(t, issued, signedAt), []byte(sessionBody), "ecr")
		if err != nil || got != want {
			t.Errorf("identity %+v, error %v, want %+v", got, err, want)
		}
	}
}

// A session token may have its longest text, and no longer one is looked at.
func TestSessionTokenIsBounded(t *testing.T) {
	key := longLived
	key.ID = strings.Repeat("K", 128)
	issued := auth.NewVerifier(newKeyring(key), "deployment", time.Now).Issue(key, time.Hour)
	if len(issued.SessionToken) > 343 {
		t.Errorf("a session token has %d bytes", len(issued.SessionToken))
	}
}

func TestSessionTokenExpires(t *testing.T) {
	c := &clock{now: signedAt}
	v := auth.NewVerifier(newKeyring(longLived), "deployment", c.Now)
	issued := v.Issue(longLived, auth.MaxSession)
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{-auth.MaxSkew, ""}, // by a process whose clock is behind
		{-auth.MaxSkew - time.Second, "UnrecognizedClientException"}, // the clock was ahead, and was set right
		{0, ""},
		{auth.MaxSession - time.Second, ""},
		{auth.MaxSession, "ExpiredTokenException"},
		{auth.MaxSession + 30*24*time.Hour, "ExpiredTokenException"},
		{auth.MaxSession - time.Second, ""}, // the clock was set back
	} {
		at := signedAt.Add(step.after)
		c.set(at)
		// Another process has not opened it before.
		for _, verifier := range []*auth.Verifier{v, auth.NewVerifier(newKeyring(longLived), "deployment", c.Now)} {
			_, err := verifier.Verify(signedBy(t, issued, at), []byte(sessionBody), "ecr")
			if code(err) != step.want {
				t.Errorf("after %s: %v, want %q", step.after, err, step.want)
			}
			if step.want == "ExpiredTokenException" && !strings.HasSuffix(err.Error(),
				": The security token included in the request is expired") {
				t.Errorf("it says %v", err)
			}
		}
	}
}

// Whatever happens to the access key must end its sessions at once, even those
// that were opened before.
func TestSessionDiesWithItsKey(t *testing.T) {
	secret, principal := longLived, longLived
	secret.Secret = "another-secret-another-secret-another-se"
	principal.Principal = root("444455556666")
	for name, change := range map[string]func(*keyring){
		"gone":              func(k *keyring) { k.remove(longLived.ID) },
		"secret changed":    func(k *keyring) { k.put(secret) },
		"principal changed": func(k *keyring) { k.put(principal) },
	} {
		for _, before := range []bool{true, false} {
			keys := newKeyring(longLived)
			v := auth.NewVerifier(keys, "deployment", func() time.Time { return signedAt })
			r := signedBy(t, v.Issue(longLived, time.Hour), signedAt)
			if before {
				if _, err := v.Verify(r, []byte(sessionBody), "ecr"); err != nil {
					t.Fatal(err)
				}
			}
			change(keys)
			for range 2 {
				if _, err := v.Verify(r, []byte(sessionBody), "ecr"); code(err) != "UnrecognizedClientException" {
					t.Errorf("%s, opened before %t: %v", name, before, err)
				}
			}
			keys.put(longLived)
			if _, err := v.Verify(r, []byte(sessionBody), "ecr"); err != nil {
				t.Errorf("%s, opened before %t, with the first key again: %v", name, before, err)
			}
		}
	}
}

// TestSessionTokenForged: whatever is wrong, the answer is the same, so that it
// does not say which access keys there are.
func TestSessionTokenForged(t *testing.T) {
	v := newVerifier(signedAt)
	issued := v.Issue(longLived, time.Hour)
	refused := func(what string, c auth.Credentials) {
		t.Helper()
		for service, want := range map[string]auth.Error{
			"iam": {Code: "InvalidClientTokenId", Status: http.StatusForbidden},
			"ecr": {Code: "UnrecognizedClientException", Status: http.StatusBadRequest},
			"sts": {Code: "InvalidClientTokenId", Status: http.StatusForbidden},
		} {
			r := request(t, "POST", "/", sessionBody)
			r.Host = r.URL.Host
			sign(t, r, c, sessionBody, service, signedAt)
			want.Message = "The security token included in the request is invalid."
			_, err := v.Verify(r, []byte(sessionBody), service)
			var got *auth.Error
			if !errors.As(err, &got) || *got != want {
				t.Errorf("%s: %+v, want %+v", what, err, want)
			}
		}
	}
	with := func(token string) auth.Credentials {
		c := issued
		c.SessionToken = token
		return c
	}
	raw, err := base64.RawURLEncoding.DecodeString(issued.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time the genuine one is remembered
		for i := range raw {
			changed := append([]byte(nil), raw...)
			changed[i] ^= 1
			refused(fmt.Sprintf("byte %d changed", i), with(base64.RawURLEncoding.EncodeToString(changed)))
			if i > 0 { // none at all is another case
				refused(fmt.Sprintf("cut to %d bytes", i), with(base64.RawURLEncoding.EncodeToString(raw[:i])))
			}
		}
		if _, err := v.Verify(signedBy(t, issued, signedAt), []byte(sessionBody), "ecr"); err != nil {
			t.Fatal(err)
		}
	}
	last := len(issued.SessionToken) - 1
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/" {
		if byte(c) != issued.SessionToken[last] { // some differ in bits only that mean nothing
			refused("another spelling", with(issued.SessionToken[:last]+string(c)))
		}
	}
	refused("padded", with(issued.SessionToken+"="))
	refused("lengthened", with(issued.SessionToken+"AAAA"))
	refused("as long as a header may be", with(strings.Repeat("A", 8<<10)))
	refused("another session's token", with(v.Issue(longLived, time.Hour).SessionToken))
	refused("a registry login", with(auth.SignToken(longLived, login(signedAt))))

	stranger := longLived
	stranger.ID = "AKIANOBODYNOBODYNOBO"
	refused("a key that there is not", newVerifier(signedAt).Issue(stranger, time.Hour))
	stranger = longLived
	stranger.Secret = "guessed-secret-guessed-secret-guessed-se"
	refused("a guessed secret", newVerifier(signedAt).Issue(stranger, time.Hour))
	stranger = longLived
	stranger.Principal = root("999988887777")
	refused("another account", newVerifier(signedAt).Issue(stranger, time.Hour))
	refused("another deployment", auth.NewVerifier(newKeyring(longLived), "another", func() time.Time { return signedAt }).
		Issue(longLived, time.Hour))
	refused("longer than may be issued", newVerifier(signedAt).Issue(longLived, auth.MaxSession+time.Second))
	refused("no time at all", newVerifier(signedAt).Issue(longLived, 0))

	long := issued
	long.AccessKeyID, long.Secret = longLived.ID, longLived.Secret
	refused("with a long-lived key", long)
	refused("with a key that there is not", auth.Credentials{
		Temporary: auth.Temporary{AccessKeyID: "AKIANOBODYNOBODYNOBO"}, Secret: "x", SessionToken: issued.SessionToken,
	})
	none := issued
	none.SessionToken = ""
	refused("without the token", none)

	wrong := issued
	wrong.Secret = longLived.Secret
	_, err = v.Verify(signedBy(t, wrong, signedAt), []byte(sessionBody), "ecr")
	if code(err) != "InvalidSignatureException" {
		t.Errorf("with the wrong secret: %v", err)
	}
}

// The signing key of a session is remembered for one scope at a time.
func TestSessionInManyScopes(t *testing.T) {
	v := newVerifier(signedAt)
	for range 2 {
		for _, service := range []string{"ecr", "sts"} {
			r := request(t, "POST", "/", sessionBody)
			r.Host = r.URL.Host
			sign(t, r, temporary, sessionBody, service, signedAt)
			if _, err := v.Verify(r, []byte(sessionBody), service); err != nil {
				t.Errorf("%s: %v", service, err)
			}
		}
	}
}

// More sessions than are remembered are verified all the same.
func TestSessionsMoreThanRemembered(t *testing.T) {
	v := newVerifier(signedAt)
	first := signedBy(t, v.Issue(longLived, time.Hour), signedAt)
	for range 4100 {
		if _, err := v.Verify(signedBy(t, v.Issue(longLived, time.Hour), signedAt), []byte(sessionBody), "ecr"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.Verify(first, []byte(sessionBody), "ecr"); err != nil {
		t.Error(err)
	}
}

// TestTemporaryLogin: what temporary credentials get does not outlive them, and
// says that it is theirs.
func TestTemporaryLogin(t *testing.T) {
	c := &clock{now: signedAt}
	v := auth.NewVerifier(newKeyring(longLived), "deployment", c.Now)
	issued := v.Issue(longLived, 15*time.Minute)
	loginEnds := issued.Until(signedAt.Add(auth.TokenLifetime))
	if loginEnds != issued.Expires || issued.Until(signedAt) != signedAt ||
		(auth.Temporary{}).Until(issued.Expires) != issued.Expires {
		t.Errorf("a login ends at %s", loginEnds)
	}
	for name, text := range map[string]string{
		"login": auth.SignToken(longLived, auth.Token{Region: "us-west-2", Temporary: issued.Temporary, Expires: loginEnds}),
		"download": auth.SignDownload(longLived, auth.Identity{Temporary: issued.Temporary}, "us-west-2", "111122223333/us-west-2/app", "sha256:00",
			signedAt),
	} {
		c.set(signedAt)
		for range 2 {
			token, identity, err := v.VerifyToken(t.Context(), text)
			if err != nil || token.Temporary != issued.Temporary || identity != (auth.Identity{
				Principal: longLived.Principal, AccessKeyID: longLived.ID, Temporary: issued.Temporary, Region: "us-west-2",
			}) {
				t.Errorf("%s: %+v, %+v, %v", name, token, identity, err)
			}
		}
		c.set(issued.Expires)
		if _, _, err := v.VerifyToken(t.Context(), text); !errors.Is(err, auth.ErrTokenExpired) {
			t.Errorf("%s, after the session: %v", name, err)
		}
	}
}

func TestAccountOf(t *testing.T) {
	low := longLived
	low.Principal = root("000000000007")
	v := newVerifier(signedAt)
	for id, want := range map[string]string{
		longLived.ID:                           "111122223333",
		temporary.AccessKeyID:                  "444455556666",
		v.Issue(low, time.Hour).AccessKeyID:    "000000000007",
		"AKIANOBODYNOBODYNOBO":                 "",
		"ASIA" + strings.Repeat("7", 16):       "", // no account has so high a number
		"ASIA" + strings.Repeat("a", 16):       "",
		"ASIA" + strings.Repeat("A", 15):       "",
		"ASIA" + strings.Repeat("A", 16) + "A": "",
		"":                                     "",
	} {
		if got, ok, err := v.AccountOf(t.Context(), id); err != nil || got != want || ok != (want != "") {
			t.Errorf("%q is of %q, %t, want %q", id, got, ok, want)
		}
	}
}

func BenchmarkVerifySession(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 200)
	r := request(b, "POST", "/", string(body))
	r.Host = r.URL.Host
	sign(b, r, temporary, string(body), "ecr", signedAt)
	v := newVerifier(signedAt)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(r, body, "ecr"); err != nil {
			b.Fatal(err)
		}
	}
}
