package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/auth"
)

// clock is a time that tests can move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func login(at time.Time) auth.Token {
	return auth.Token{AccessKeyID: longLived.ID, Region: "us-west-2", Expires: at.Add(auth.TokenLifetime)}
}

func TestTokenRoundTrip(t *testing.T) {
	tokens := map[string]auth.Token{
		"login": login(signedAt),
		"scoped": {AccessKeyID: longLived.ID, Region: "osaka-dc1", Expires: signedAt.Add(time.Hour),
			Scope: "blob:111122223333/osaka-dc1/" + strings.Repeat("r", 256) + "@sha512:" + strings.Repeat("0", 128)},
		"unicode": {AccessKeyID: longLived.ID, Region: "us-west-2", Scope: "ポート\x00", Expires: signedAt.Add(time.Second)},
	}
	for name, want := range tokens {
		t.Run(name, func(t *testing.T) {
			text := auth.SignToken(longLived, want)
			if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
				t.Errorf("%q is not URL-safe", text)
			}
			v := newVerifier(signedAt)
			for _, state := range []string{"new", "remembered"} {
				got, identity, err := v.VerifyToken(t.Context(), text)
				if err != nil {
					t.Fatalf("%s: %v", state, err)
				}
				if got != want {
					t.Errorf("%s: %+v, want %+v", state, got, want)
				}
				if wantID := (auth.Identity{
					Principal: longLived.Principal, AccessKeyID: longLived.ID, Region: want.Region,
				}); identity != wantID {
					t.Errorf("%s: identity %+v, want %+v", state, identity, wantID)
				}
			}
			// Another process, which shares nothing but the keys.
			if _, _, err := newVerifier(signedAt).VerifyToken(t.Context(), text); err != nil {
				t.Errorf("another verifier: %v", err)
			}
		})
	}
}

// A token that names another key than the one it is signed with is the
// signer's, never the other's.
func TestTokenSpeaksForItsSigner(t *testing.T) {
	token := login(signedAt)
	token.AccessKeyID = devKey.ID
	_, identity, err := newVerifier(signedAt).VerifyToken(t.Context(), auth.SignToken(longLived, token))
	if err != nil || identity.AccessKeyID != longLived.ID {
		t.Errorf("identity %+v, error %v", identity, err)
	}
}

func TestTokenExpires(t *testing.T) {
	c := &clock{now: signedAt}
	v := auth.NewVerifier(newKeyring(longLived), "deployment", c.Now)
	text := auth.SignToken(longLived, login(signedAt))
	steps := []struct {
		after time.Duration
		want  error
	}{
		{0, nil},
		{auth.TokenLifetime - time.Second, nil},
		{auth.TokenLifetime, auth.ErrTokenExpired},
		{auth.TokenLifetime + time.Hour, auth.ErrTokenExpired},
	}
	for _, step := range steps {
		c.set(signedAt.Add(step.after))
		if _, identity, err := v.VerifyToken(t.Context(), text); !errors.Is(err, step.want) || err != nil &&
			identity != (auth.Identity{}) {
			t.Errorf("after %s: error %v, want %v; identity %+v", step.after, err, step.want, identity)
		}
	}
}

// TestTokenOfAClockAhead: the clock was a year ahead when they were signed, and
// has been set right since. Verified before or not, they are worth nothing.
func TestTokenOfAClockAhead(t *testing.T) {
	ahead := signedAt.AddDate(1, 0, 0)
	for _, kind := range []struct {
		scope    string
		lifetime time.Duration
	}{{"", auth.TokenLifetime}, {"console session", auth.TokenLifetime}, {"blob:x", auth.DownloadLifetime}} {
		for _, step := range []struct {
			signed time.Time
			want   error
		}{
			{signedAt.Add(auth.MaxSkew), nil}, // of a process whose clock is a little ahead
			{signedAt.Add(auth.MaxSkew + time.Second), auth.ErrTokenExpired},
			{ahead, auth.ErrTokenExpired},
		} {
			for _, before := range []bool{false, true} {
				c := &clock{now: step.signed}
				v := auth.NewVerifier(newKeyring(longLived), "deployment", c.Now)
				text := auth.SignToken(longLived, auth.Token{
					Region: "osaka-dc1", Scope: kind.scope, Expires: step.signed.Add(kind.lifetime),
				})
				if before {
					if _, _, err := v.VerifyToken(t.Context(), text); err != nil {
						t.Fatal(err)
					}
				}
				c.set(signedAt)
				if _, _, err := v.VerifyToken(t.Context(), text); !errors.Is(err, step.want) {
					t.Errorf("scope %q, signed %s ahead, verified before %t: error %v, want %v", kind.scope, step.signed.Sub(signedAt),
						before, err, step.want)
				}
			}
		}
	}
}

// Whatever happens to the access key must end its tokens at once, even those
// that were verified before.
func TestTokenDiesWithItsKey(t *testing.T) {
	secret, principal := longLived, longLived
	secret.Secret = "another-secret-another-secret-another-se"
	principal.Principal = root("444455556666")
	changes := map[string]func(*keyring){
		"gone":              func(k *keyring) { k.remove(longLived.ID) },
		"secret changed":    func(k *keyring) { k.put(secret) },
		"principal changed": func(k *keyring) { k.put(principal) },
	}
	for name, change := range changes {
		for _, verifiedBefore := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/verified before %t", name, verifiedBefore), func(t *testing.T) {
				keys := newKeyring(longLived)
				v := auth.NewVerifier(keys, "deployment", func() time.Time { return signedAt })
				text := auth.SignToken(longLived, login(signedAt))
				if verifiedBefore {
					if _, _, err := v.VerifyToken(t.Context(), text); err != nil {
						t.Fatal(err)
					}
				}
				change(keys)
				for range 2 {
					if _, _, err := v.VerifyToken(t.Context(), text); !errors.Is(err, auth.ErrTokenInvalid) {
						t.Errorf("error %v, want ErrTokenInvalid", err)
					}
				}
				keys.put(longLived)
				if _, _, err := v.VerifyToken(t.Context(), text); err != nil {
					t.Errorf("with the first key again: %v", err)
				}
			})
		}
	}
}

func TestTokenForged(t *testing.T) {
	text := auth.SignToken(longLived, login(signedAt))
	v := newVerifier(signedAt)
	refused := func(what, forged string) {
		t.Helper()
		if _, _, err := v.VerifyToken(t.Context(), forged); !errors.Is(err, auth.ErrTokenInvalid) {
			t.Errorf("%s: error %v, want ErrTokenInvalid", what, err)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		changed := append([]byte(nil), raw...)
		changed[i] ^= 1
		refused(fmt.Sprintf("byte %d changed", i), base64.RawURLEncoding.EncodeToString(changed))
		refused(fmt.Sprintf("cut to %d bytes", i), base64.RawURLEncoding.EncodeToString(raw[:i]))
	}
	refused("empty", "")
	refused("padded", text+"=")
	refused("with a line break", text[:10]+"\n"+text[10:])
	refused("with more bytes", base64.RawURLEncoding.EncodeToString(append(raw, 0)))
	refused("huge", strings.Repeat("A", 1<<20))
	oversized := login(signedAt)
	oversized.Scope = strings.Repeat("x", 3000)
	refused("genuine but huge", auth.SignToken(longLived, oversized))
	// Bits of the last character that no byte needs: two texts for one token.
	for pad := range 3 {
		token := login(signedAt)
		token.Scope = strings.Repeat("x", pad)
		text := auth.SignToken(longLived, token)
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		last := strings.IndexByte(alphabet, text[len(text)-1])
		refused(fmt.Sprintf("another last character, length %d", len(text)), text[:len(text)-1]+alphabet[last^1:last^1+1])
	}
	refused("signed by another key", auth.SignToken(auth.AccessKey{
		ID: longLived.ID, Secret: temporary.Secret, Principal: longLived.Principal,
	}, login(signedAt)))
	if _, _, err := v.VerifyToken(t.Context(), text); err != nil {
		t.Errorf("the genuine token: %v", err)
	}
}

// More tokens than are remembered must all stay valid.
func TestTokensMoreThanRemembered(t *testing.T) {
	v := newVerifier(signedAt)
	texts := make([]string, 5000)
	for i := range texts {
		token := login(signedAt)
		token.Scope = fmt.Sprint(i)
		texts[i] = auth.SignToken(longLived, token)
	}
	for round := range 2 {
		for i, text := range texts {
			if token, _, err := v.VerifyToken(t.Context(), text); err != nil || token.Scope != fmt.Sprint(i) {
				t.Fatalf("round %d, token %d: %+v, %v", round, i, token, err)
			}
		}
	}
}

func TestVerifyTokenConcurrently(t *testing.T) {
	keys := newKeyring(longLived)
	v := auth.NewVerifier(keys, "deployment", func() time.Time { return signedAt })
	text := auth.SignToken(longLived, login(signedAt))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				if _, _, err := v.VerifyToken(t.Context(), text); err != nil && !errors.Is(err, auth.ErrTokenInvalid) {
					t.Error(err)
				}
			}
		})
	}
	for range 50 {
		keys.remove(longLived.ID)
		keys.put(longLived)
	}
	group.Wait()
}

func TestBasicCredentials(t *testing.T) {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := []struct {
		header, user, password string
		ok                     bool
	}{
		{"Basic " + encode("AWS:token"), "AWS", "token", true},
		{"basic  " + encode("AWS:to:ken"), "AWS", "to:ken", true},
		{"Basic " + encode("AWS:"), "AWS", "", true},
		{"Basic " + encode("AWS"), "", "", false},
		{"Basic " + encode("AWS:"+strings.Repeat("x", 8192)), "", "", false},
		{"Basic !", "", "", false},
		{"Basic", "", "", false},
		{"Bearer " + encode("AWS:token"), "", "", false},
		{"", "", "", false},
	}
	for _, test := range tests {
		user, password, ok := auth.BasicCredentials(test.header)
		if ok != test.ok || ok && (user != test.user || password != test.password) {
			t.Errorf("%.40q: %q, %q, %t", test.header, user, password, ok)
		}
	}
}

func BenchmarkVerifyToken(b *testing.B) {
	directory, err := auth.NewDirectory([]auth.Account{
		{ID: "111122223333", Name: "prod", Keys: []auth.AccessKey{longLived}},
	})
	if err != nil {
		b.Fatal(err)
	}
	v := auth.NewVerifier(directory, "deployment", time.Now)
	text := auth.SignToken(longLived, login(time.Now()))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := v.VerifyToken(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
}

// unanswered are keys that nobody can look up while down is set.
type unanswered struct {
	auth.Keys
	down error
}

func (k *unanswered) AccessKey(ctx context.Context, id string) (auth.AccessKey, error) {
	if k.down != nil {
		return auth.AccessKey{}, k.down
	}
	return k.Keys.AccessKey(ctx, id)
}

// Where keys cannot be looked up now, no token counts as wrong, and what was proven
// before is forgotten no more than it is trusted.
func TestTokenWhileKeysAreNotAnswered(t *testing.T) {
	down := errors.New("the store is down")
	text := auth.SignToken(longLived, login(signedAt))
	for _, verifiedBefore := range []bool{false, true} {
		keys := &unanswered{Keys: newKeyring(longLived)}
		v := auth.NewVerifier(keys, "deployment", func() time.Time { return signedAt })
		if verifiedBefore {
			if _, _, err := v.VerifyToken(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
		keys.down = down
		if _, identity, err := v.VerifyToken(t.Context(), text); !errors.Is(err, down) || identity != (auth.Identity{}) {
			t.Errorf("verified before %t: %+v, %v", verifiedBefore, identity, err)
		}
		keys.down = nil
		if _, _, err := v.VerifyToken(t.Context(), text); err != nil {
			t.Errorf("verified before %t, afterwards: %v", verifiedBefore, err)
		}
	}
}
