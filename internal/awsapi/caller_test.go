package awsapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/session"
)

// signIn begins a session and returns it with its cookie.
func (a *api) signIn(t *testing.T) (session.Session, string) {
	t.Helper()
	s, token, err := a.sessions.SignIn(t.Context(), keyID, secret, session.Client{
		RemoteAddr: "192.0.2.1:1", UserAgent: "browser",
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, "twinport-" + s.Account + "=" + token
}

// withCookie sends a request as the console does; headers come as name and value by turns.
func (a *api) withCookie(t *testing.T, cookie, target, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, a.URL+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("X-Twinport-Registry", account+"/"+region)
	r.Header.Set("Cookie", cookie)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	return send(t, r)
}

const describe = "AmazonEC2ContainerRegistry_V20150921.DescribeRegistry"

func TestCallerOfSession(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	s, cookie := a.signIn(t)
	res, body := a.withCookie(t, cookie, describe, "{}", "Origin", a.URL, "User-Agent", "browser")
	if res.StatusCode != 200 || !strings.Contains(body, `"registryId":"`+account+`"`) {
		t.Fatalf("%s %s", res.Status, body)
	}
	for condition, status := range map[string]int{
		`"StringEquals":{"aws:UserAgent":"browser"}`:                        400,
		`"StringEquals":{"aws:UserAgent":"another"}`:                        200,
		`"IpAddress":{"aws:SourceIp":"127.0.0.1"}`:                          400,
		`"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:root"}`: 400,
		`"StringEquals":{"aws:RequestedRegion":"ap-northeast-1"}`:           400,
	} {
		a.domain.setPolicy(here, "Deny", condition, "DescribeRegistry")
		if res, body := a.withCookie(t, cookie, describe, "{}", "User-Agent", "browser"); res.StatusCode != status {
			t.Errorf("a Deny if %s: %s %s", condition, res.Status, body)
		}
	}
	if _, err := a.domain.DeleteRegistryPolicy(t.Context(), root(account), here); err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(cookie, "=")
	login := auth.SignToken(auth.AccessKey{ID: keyID, Secret: secret, Principal: root(account).Identity.Principal},
		auth.Token{Region: region, Expires: s.ExpiresAt})
	for _, test := range []struct {
		name, cookie string
		headers      []string
		status       int
		code         string
	}{
		{"no header", cookie, []string{"X-Twinport-Registry", ""}, 400, "MissingAuthenticationTokenException"},
		{"no cookie", "", nil, 401, "ExpiredTokenException"},
		{"another account", cookie, []string{"X-Twinport-Registry", other + "/" + region}, 401, "ExpiredTokenException"},
		{"another account's cookie name", "twinport-" + other + "=" + token, []string{
			"X-Twinport-Registry", other + "/" + region,
		}, 401, "ExpiredTokenException"},
		{"a registry login", "twinport-" + account + "=" + login, nil, 401, "ExpiredTokenException"},
		{"another Region", cookie, []string{
			"X-Twinport-Registry", account + "/eu-nowhere-1",
		}, 400, "InvalidParameterException"},
		{"no Region", cookie, []string{"X-Twinport-Registry", account}, 400, "InvalidParameterException"},
		{"another site", cookie, []string{"Origin", "http://evil.example"}, 403, "AccessDeniedException"},
		{"another site, as browsers tell", cookie, []string{"Sec-Fetch-Site", "cross-site"}, 403, "AccessDeniedException"},
		{"a neighbour's site", cookie, []string{"Sec-Fetch-Site", "same-site"}, 403, "AccessDeniedException"},
		{"a form's type", cookie, []string{"Content-Type", "text/plain"}, 400, "SerializationException"},
		{"a signature that is none", cookie, []string{"Authorization", "x"}, 400, "IncompleteSignatureException"},
	} {
		res, body := a.withCookie(t, test.cookie, describe, "{}", test.headers...)
		if res.StatusCode != test.status || !strings.Contains(body, `"__type":"`+test.code+`"`) {
			t.Errorf("%s: %s %s, want %d %s", test.name, res.Status, body, test.status, test.code)
		}
	}
	if _, err := a.sessions.Revoke(t.Context(), account, []string{s.ID}); err != nil {
		t.Fatal(err)
	}
	if res, body := a.withCookie(t, cookie, describe, "{}"); res.StatusCode != 401 ||
		!strings.Contains(body, "ExpiredTokenException") {
		t.Errorf("revoked: %s %s", res.Status, body)
	}
}

// Nobody makes the server read large bodies without a session or a key.
func TestLargeBodyNeedsSession(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	_, cookie := a.signIn(t)
	const put = "AmazonEC2ContainerRegistry_V20150921.UploadLayerPart"
	body := `{"repositoryName":"app","uploadId":"x","layerPartBlob":"` + strings.Repeat("A", 4<<20) + `"}`
	if res, text := a.withCookie(t, "", put, body); res.StatusCode != 401 {
		t.Errorf("%s %.200s", res.Status, text)
	}
	if res, text := a.withCookie(t, cookie, put, body); res.StatusCode != 400 ||
		!strings.Contains(text, "InvalidParameterException") {
		t.Errorf("%s %.200s", res.Status, text)
	}
}

// No answer invites pages of other sites.
func TestNoCORS(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	r, err := http.NewRequest(http.MethodOptions, a.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "http://evil.example")
	r.Header.Set("Access-Control-Request-Method", "POST")
	r.Header.Set("Access-Control-Request-Headers", "x-twinport-registry")
	res, body := send(t, r)
	for name := range res.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s: %s", name, res.Header.Get(name))
		}
	}
	if res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("%s %s", res.Status, body)
	}
}
