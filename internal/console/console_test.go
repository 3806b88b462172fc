package console

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/session"
)

const (
	account = "111122223333"
	other   = "444455556666"
	keyID   = "AKIAPRODPRODPRODPROD"
	secret  = "prod/secret+0123456789012345678901234567"
)

const indexText = "<!doctype html><title>Twinport</title>"

var script = "console.log(" + strings.Repeat("1+", 2000) + "1)"

type deployment struct {
	*httptest.Server
	store metadata.Store
	log   *strings.Builder
}

func newDeployment(t *testing.T) *deployment {
	t.Helper()
	files, err := readFiles(fstest.MapFS{
		"index.html":             {Data: []byte(indexText)},
		"icon.svg":               {Data: []byte("<svg/>")},
		"assets/index-AbC123.js": {Data: []byte(script)},
		"assets/font.woff2":      {Data: []byte("wOF2")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var accounts []auth.Account
	for id, k := range map[string]auth.AccessKey{
		account: {ID: keyID, Secret: secret}, other: {ID: "AKIADEV", Secret: "dev " + secret},
	} {
		k.Principal = policy.Principal{Account: id, ARN: "arn:aws:iam::" + id + ":root"}
		accounts = append(accounts, auth.Account{ID: id, Name: "name of " + id, Keys: []auth.AccessKey{k}})
	}
	keys, err := auth.NewDirectory(accounts)
	if err != nil {
		t.Fatal(err)
	}
	store, err := metadata.OpenSQLite(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	d := &deployment{store: store, log: new(strings.Builder)}
	d.Server = httptest.NewServer(newHandler(Config{
		Sessions: session.New(session.Config{
			Store: store, Keys: keys, Verifier: auth.NewVerifier(keys, "deployment", time.Now), Now: time.Now,
		}),
		Accounts: keys, Regions: []string{"us-east-1"}, Version: "v1", Logger: slog.New(slog.NewTextHandler(d.log, nil)),
	}, files))
	t.Cleanup(d.Close)
	return d
}

// send sends a request with headers, given as name and value by turns.
func (d *deployment) send(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, d.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := (&http.Transport{DisableCompression: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

func TestFiles(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	const forever, check = "public, max-age=31536000, immutable", "no-cache"
	for _, test := range []struct {
		path               string
		status             int
		cache, kind, begin string
	}{
		{"/console/", 200, check, "text/html; charset=utf-8", indexText},
		{"/console/index.html", 200, check, "text/html; charset=utf-8", indexText},
		{"/console/assets/index-AbC123.js", 200, forever, "text/javascript; charset=utf-8", "console.log("},
		{"/console/assets/font.woff2", 200, forever, "font/woff2", "wOF2"},
		{"/console/icon.svg", 200, check, "image/svg+xml", "<svg/>"},
		// Addresses of the console, whatever they look like.
		{"/console/" + account + "/us-east-1/repositories/team/app.v1.2", 200, check, "text/html; charset=utf-8", indexText},
		{"/console/" + account + "/us-east-1/repositories/a.js", 200, check, "text/html; charset=utf-8", indexText},
		{"/console/assets", 200, check, "text/html; charset=utf-8", indexText},
		{"/console/../../etc/passwd", 200, check, "text/html; charset=utf-8", indexText},
		{"/console/sessions", 200, check, "text/html; charset=utf-8", indexText},
		// Files that are gone must not be taken for the page.
		{"/console/assets/index-old.js", 404, "no-store", "text/plain; charset=utf-8", "The console has no such file"},
		{"/console/assets/", 404, "no-store", "text/plain; charset=utf-8", "The console has no such file"},
	} {
		res, body := d.send(t, http.MethodGet, test.path, "")
		h := res.Header
		if res.StatusCode != test.status || h.Get("Cache-Control") != test.cache || h.Get("Content-Type") != test.kind ||
			!strings.HasPrefix(body, test.begin) {
			t.Errorf("%s: %s, %v, %.60q", test.path, res.Status, h, body)
		}
		if csp := h.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; ") ||
			strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") ||
			!strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "base-uri 'none'") ||
			!strings.Contains(csp, "form-action 'none'") {
			t.Errorf("%s: the policy is %s", test.path, csp)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"Access-Control-Allow-Origin": "",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", test.path, name, h.Get(name))
			}
		}
		head, nothing := d.send(t, http.MethodHead, test.path, "")
		if head.StatusCode != test.status || nothing != "" ||
			head.Header.Get("Content-Length") != res.Header.Get("Content-Length") {
			t.Errorf("HEAD %s: %s, %v, %q", test.path, head.Status, head.Header, nothing)
		}
	}
	if res, _ := d.send(t, http.MethodGet, "/console", ""); res.StatusCode != http.StatusPermanentRedirect ||
		res.Header.Get("Location") != "/console/" {
		t.Errorf("/console: %s to %q", res.Status, res.Header.Get("Location"))
	}
	if res, _ := d.send(t, http.MethodPost, "/console/", ""); res.StatusCode != http.StatusMethodNotAllowed ||
		res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %s", res.Status)
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	const path = "/console/assets/index-AbC123.js"
	plain, _ := d.send(t, http.MethodGet, path, "")
	for _, accepts := range []string{"gzip", "br, GZIP;q=0.5", "deflate, gzip ; q=1"} {
		res, body := d.send(t, http.MethodGet, path, "", "Accept-Encoding", accepts)
		unzip, err := gzip.NewReader(strings.NewReader(body))
		if err != nil || res.Header.Get("Content-Encoding") != "gzip" || len(body) > len(script)/10 {
			t.Fatalf("%s: %v, %d bytes, %v", accepts, err, len(body), res.Header)
		}
		if text, err := io.ReadAll(unzip); err != nil || string(text) != script {
			t.Errorf("%s: %v, %.60q", accepts, err, text)
		}
		if res.Header.Get("ETag") == plain.Header.Get("ETag") || res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v", accepts, res.Header)
		}
	}
	for _, accepts := range []string{"", "br", "gzip;q=0", "gzip;q=x", "gzipped"} {
		if res, body := d.send(t, http.MethodGet, path, "", "Accept-Encoding",
			accepts); res.Header.Get("Content-Encoding") != "" || body != script {
			t.Errorf("%q: %v", accepts, res.Header)
		}
	}
	// What is small or compressed is sent as it is.
	if res, _ := d.send(t, http.MethodGet, "/console/assets/font.woff2", "", "Accept-Encoding",
		"gzip"); res.Header.Get("Content-Encoding") != "" {
		t.Errorf("a font: %v", res.Header)
	}
}

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	for _, accepts := range []string{"", "gzip"} {
		res, _ := d.send(t, http.MethodGet, "/console/", "", "Accept-Encoding", accepts)
		tag := res.Header.Get("ETag")
		for given, status := range map[string]int{
			tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, "": 200, strings.Trim(tag, `"`): 200,
		} {
			if res, body := d.send(t, http.MethodGet, "/console/", "", "Accept-Encoding", accepts, "If-None-Match",
				given); res.StatusCode != status || status == 304 && (body != "" || res.Header.Get("ETag") != tag) {
				t.Errorf("If-None-Match %s: %s, %v", given, res.Status, res.Header)
			}
		}
	}
}

// What is embedded is served: a build, or a page that says how to make one.
func TestBuilt(t *testing.T) {
	t.Parallel()
	files, err := built()
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range files.byName {
		if f.contentType == "application/octet-stream" {
			t.Errorf("%s has no type: give it one in contentTypes", name)
		}
		if name == page && (strings.Contains(string(f.content), "<style") ||
			strings.Contains(string(f.content), "<script>")) {
			t.Error("the page has styles or scripts of its own: the content security policy forbids them")
		}
	}
	if _, err := readFiles(fstest.MapFS{"x": {}}); err == nil {
		t.Error("there is no page, and no error")
	}
}

var keyBody = fmt.Sprintf(`{"accessKeyId":%q,"secretAccessKey":%q}`, keyID, secret)

func (d *deployment) signIn(t *testing.T, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	return d.send(t, http.MethodPost, "/console/session", body, append([]string{"Content-Type", "application/json"},
		headers...)...)
}

func TestSessionRequests(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	before := time.Now()
	res, body := d.signIn(t, keyBody, "Origin", d.URL)
	var got struct {
		AccountID, AccountName, AccessKeyID string
		ExpiresAt                           float64
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || res.StatusCode != http.StatusCreated ||
		got.AccountID != account || got.AccountName != "name of "+account ||
		got.AccessKeyID != keyID || got.ExpiresAt < float64(before.Add(12*time.Hour).Unix()) ||
		got.ExpiresAt > float64(time.Now().Add(12*time.Hour).Unix()) ||
		res.Header.Get("Cache-Control") != "no-store" || strings.Contains(body, secret) {
		t.Fatalf("%s, %v, %s", res.Status, res.Header, body)
	}
	cookies := res.Cookies()
	if len(cookies) != 1 || cookies[0].Name != "twinport-"+account || !cookies[0].HttpOnly ||
		cookies[0].SameSite != http.SameSiteStrictMode || cookies[0].Secure || cookies[0].Path != "/" {
		t.Fatalf("cookies %v", cookies)
	}
	cookie := cookies[0].Name + "=" + cookies[0].Value
	res, body = d.send(t, http.MethodGet, "/console/session", "", "Cookie", cookie+"; twinport-"+other+"=bad")
	want := fmt.Sprintf(
		`{"sessions":[{"accountId":%q,"accountName":%q,"accessKeyId":%q,"expiresAt":%.0f}],"regions":["us-east-1"],"version":"v1"}`, account, "name of "+account, keyID, got.ExpiresAt)
	if res.StatusCode != 200 || body != want || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s, %v, %s, want %s", res.Status, res.Header, body, want)
	}
	if _, body := d.send(t, http.MethodGet, "/console/session", ""); !strings.Contains(body, `"sessions":[]`) {
		t.Errorf("without a cookie: %s", body)
	}
	// Whoever reaches it by HTTPS gets a cookie that stays there.
	if res, _ := d.signIn(t, keyBody, "Origin", strings.Replace(d.URL, "http:", "https:", 1)); len(res.Cookies()) != 1 ||
		!res.Cookies()[0].Secure {
		t.Errorf("by HTTPS: %s, %v", res.Status, res.Cookies())
	}
	path := "/console/session/" + account
	if res, _ := d.send(t, http.MethodDelete, path, "", "Cookie", cookie, "Origin",
		"http://evil.example"); res.StatusCode != http.StatusForbidden {
		t.Errorf("another site ended a session: %s", res.Status)
	}
	if _, body := d.send(t, http.MethodGet, "/console/session", "", "Cookie", cookie); !strings.Contains(body, account) {
		t.Errorf("it ended: %s", body)
	}
	for range 2 { // what has ended may be ended again
		res, body := d.send(t, http.MethodDelete, path, "", "Cookie", cookie)
		if res.StatusCode != http.StatusNoContent || body != "" || len(res.Cookies()) != 1 || res.Cookies()[0].MaxAge >= 0 ||
			res.Cookies()[0].Value != "" {
			t.Errorf("%s, %v, %s", res.Status, res.Header, body)
		}
	}
	if _, body := d.send(t, http.MethodGet, "/console/session", "", "Cookie", cookie); strings.Contains(body, account) {
		t.Errorf("a copied cookie still opens: %s", body)
	}
}

// TestSignInWithTemporaryCredentials: whether or not such an id was ever issued, the answer says what to do.
func TestSignInWithTemporaryCredentials(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	body := `{"accessKeyId":"ASIAAAAAAAAAAAAAAAAA","secretAccessKey":"` + secret + `"}`
	for range 20 { // it is no try of a secret
		res, text := d.signIn(t, body)
		if res.StatusCode != 401 || !strings.Contains(text, "sign in with the access key that they were issued for") {
			t.Fatalf("%s %s", res.Status, text)
		}
	}
}

func TestBadSignIns(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	const wrong = `{"accessKeyId":"` + keyID + `","secretAccessKey":"wrong secret"}`
	for _, test := range []struct {
		body    string
		headers []string
		status  int
		code    string
	}{
		{wrong, nil, 401, "UnrecognizedClientException"},
		{`{"accessKeyId":"wrong secret","secretAccessKey":"` + secret + `"}`, nil, 401, "UnrecognizedClientException"},
		{keyBody, []string{"Origin", "http://evil.example"}, 403, "AccessDeniedException"},
		{keyBody, []string{"Sec-Fetch-Site", "cross-site"}, 403, "AccessDeniedException"},
		{keyBody, []string{"Sec-Fetch-Site", "same-site"}, 403, "AccessDeniedException"},
		{keyBody, []string{"Origin", "null"}, 403, "AccessDeniedException"},
		{`{}`, nil, 400, "InvalidParameterException"},
		{`{"accessKeyId":"` + keyID + `"}`, nil, 400, "InvalidParameterException"},
		{`{"accessKeyId":"` + strings.Repeat("A", 129) + `","secretAccessKey":"x"}`, nil, 400, "InvalidParameterException"},
		{`{"accessKeyId":"A","secretAccessKey":"` + strings.Repeat("x", 1025) + `"}`, nil, 400, "InvalidParameterException"},
		{``, nil, 400, "SerializationException"},
		{`[]`, nil, 400, "SerializationException"},
		{`{"accessKeyId":7,"secretAccessKey":"x"}`, nil, 400, "SerializationException"},
		{keyBody[:len(keyBody)-1] + `,"more":1}`, nil, 400, "SerializationException"},
		{keyBody + keyBody, nil, 400, "SerializationException"},
		{keyBody + strings.Repeat(" ", maxSignIn), nil, 400, "SerializationException"},
	} {
		res, body := d.signIn(t, test.body, test.headers...)
		var got struct {
			Type    string `json:"__type"`
			Message string
		}
		err := json.Unmarshal([]byte(body), &got)
		if err != nil || res.StatusCode != test.status || got.Type != test.code || got.Message == "" ||
			strings.Contains(body, secret) || strings.Contains(body, "wrong secret") || len(res.Cookies()) > 0 {
			t.Errorf("%.80s %v: %s, %s, want %d %s", test.body, test.headers, res.Status, body, test.status, test.code)
		}
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json-patch"} {
		if res, _ := d.send(t, http.MethodPost, "/console/session", keyBody, "Content-Type",
			kind); res.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("Content-Type %q: %s", kind, res.Status)
		}
	}
	for method, path := range map[string]string{
		"PUT": "/console/session", "DELETE": "/console/session", "GET": "/console/session/" + account,
		"POST": "/console/session/" + account,
	} {
		if res, _ := d.send(t, method, path, ""); res.StatusCode != http.StatusMethodNotAllowed ||
			res.Header.Get("Allow") == "" {
			t.Errorf("%s %s: %s", method, path, res.Status)
		}
	}
	for _, name := range []string{"777788889999", "x", "..", account + "/x", "%0d%0aSet-Cookie:x=1"} {
		if res, _ := d.send(t, http.MethodDelete, "/console/session/"+name, ""); res.StatusCode != http.StatusNoContent ||
			len(res.Cookies()) > 0 {
			t.Errorf("DELETE of %s: %s, %v", name, res.Status, res.Header)
		}
	}
	for range 30 {
		d.signIn(t, wrong)
	}
	if res, body := d.signIn(t, wrong); res.StatusCode != http.StatusTooManyRequests ||
		res.Header.Get("Retry-After") == "" ||
		!strings.Contains(body, "ThrottlingException") {
		t.Errorf("after many wrong ones: %s, %s", res.Status, body)
	}
	if res, body := d.signIn(t, keyBody); res.StatusCode != http.StatusCreated {
		t.Errorf("the right one after many wrong ones: %s, %s", res.Status, body)
	}
	if log := d.log.String(); strings.Contains(log, "secret") || !strings.Contains(log, keyID) {
		t.Errorf("the log is %s", log)
	}
	d.store.Close()
	if res, body := d.send(t, http.MethodDelete, "/console/session/"+account, "", "Cookie",
		"twinport-"+account+"=x"); res.StatusCode != http.StatusNoContent {
		t.Errorf("a cookie that is none, without a store: %s, %s", res.Status, body)
	}
}
