package auth_test

import (
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/auth"
)

// Any Authorization header and any query string must give an *Error or, if it
// is accepted, the identity of the key that signed it.
func FuzzAuthorization(f *testing.F) {
	good := request(f, "POST", "/", "{}")
	good.Host = good.URL.Host
	sign(f, good, longLived, "{}", "ecr", signedAt)
	f.Add(good.Header.Get("Authorization"), "", "20260101T120000Z")
	f.Add("", "", "")
	f.Add("AWS4-HMAC-SHA256 Credential=", "a=b", "Thu, 01 Jan 2026 12:00:00 GMT")
	f.Add("AWS4-HMAC-SHA256 Credential=AKIAPRODPRODPRODPROD/20260101/us-west-2/ecr/aws4_request, "+
		"SignedHeaders=;;, Signature=00", "%", "20260101T120000Z")
	presigned := request(f, "POST", "/", "{}")
	presigned.Host = presigned.URL.Host
	presign(f, presigned, longLived, payloadHash("{}"), "ecr", signedAt)
	f.Add("", presigned.URL.RawQuery, "")
	f.Add("", presigned.URL.RawQuery+"&X-Amz-Expires=0", "")
	f.Fuzz(func(t *testing.T, authorization, query, date string) {
		r := httptest.NewRequest("POST", "/", nil)
		r.Host = "registry.example:8080"
		r.URL = &url.URL{Path: "/", RawQuery: query}
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		if date != "" {
			r.Header.Set("X-Amz-Date", date)
		}
		for _, name := range []string{"Content-Type", "X-Amz-Target"} {
			r.Header.Set(name, good.Header.Get(name))
		}
		identity, err := newVerifier(signedAt).Verify(r, []byte("{}"), "ecr")
		var e *auth.Error
		switch {
		case err == nil && identity.AccessKeyID != longLived.ID:
			t.Errorf("accepted as %+v", identity)
		case err != nil && !errors.As(err, &e):
			t.Errorf("error %v is not an *auth.Error", err)
		case err != nil && (e.Code == "" || e.Message == "" || e.Status != 400):
			t.Errorf("incomplete error %+v", e)
		}
	})
}

// Only the session token that was issued with the access key may be accepted,
// and all others are refused alike.
func FuzzSessionToken(f *testing.F) {
	good := signedBy(f, temporary, signedAt)
	f.Add(temporary.SessionToken)
	f.Add(temporary.SessionToken + "\n")
	f.Add(temporary.SessionToken[:len(temporary.SessionToken)-1])
	f.Add(newVerifier(signedAt).Issue(devKey, auth.MaxSession).SessionToken)
	f.Add(newVerifier(signedAt.Add(-auth.MaxSession)).Issue(devKey, auth.MinSession).SessionToken)
	f.Add(auth.SignToken(devKey, login(signedAt)))
	salt := "\x01" + strings.Repeat("s", 32)
	for _, raw := range []string{
		"\x01", salt, salt + "\x14" + devKey.ID, salt + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x",
	} {
		f.Add(base64.RawURLEncoding.EncodeToString([]byte(raw)))
	}
	v := newVerifier(signedAt)
	f.Fuzz(func(t *testing.T, text string) {
		r := good.Clone(t.Context())
		r.Header.Set("X-Amz-Security-Token", text)
		_, err := v.Read(r, "ecr")
		switch want := code(err); {
		case err == nil && text != temporary.SessionToken:
			t.Errorf("accepted %q", text)
		case err != nil && want != "UnrecognizedClientException" && want != "IncompleteSignatureException":
			t.Errorf("error %v", err)
		}
	})
}

// Only the text that SignToken wrote may be accepted.
func FuzzVerifyToken(f *testing.F) {
	good := auth.SignToken(longLived, login(signedAt))
	f.Add(good)
	f.Add(good + "\n")
	f.Add(auth.SignToken(longLived, auth.Token{}))
	f.Add(auth.SignToken(longLived, auth.Token{Temporary: temporary.Temporary, Expires: signedAt.Add(time.Minute)}))
	f.Add(
		base64.RawURLEncoding.EncodeToString(
			[]byte(
				"\x01\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")))
	f.Fuzz(func(t *testing.T, text string) {
		token, identity, err := newVerifier(signedAt).VerifyToken(t.Context(), text)
		if err != nil {
			if !errors.Is(err, auth.ErrTokenInvalid) && !errors.Is(err, auth.ErrTokenExpired) {
				t.Errorf("error %v", err)
			}
			return
		}
		if auth.SignToken(longLived, token) != text || identity.AccessKeyID != longLived.ID {
			t.Errorf("accepted %q as %+v", text, token)
		}
	})
}
