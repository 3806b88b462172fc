package credential

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The secret that must be seen nowhere.
const secretKey = "not/to/be/shown"

// setEnvironment makes the variables all that configures clients, and returns
// the user's cache.
func setEnvironment(t *testing.T, endpoint string) (cache string) {
	t.Helper()
	cache = t.TempDir()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_REGION": "us-east-1",
		"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_ECR": endpoint, "AWS_PROFILE": "", "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": filepath.Join(cache, "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(cache, "none"),
		"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_MAX_ATTEMPTS": "1", "XDG_CACHE_HOME": cache, "HOME": cache,
	} {
		t.Setenv(name, value)
	}
	return cache
}

// api answers GetAuthorizationToken with another password at each call.
type api struct {
	*httptest.Server
	host  string
	life  time.Duration
	calls atomic.Int32
}

func newAPI(t *testing.T, life time.Duration) *api {
	a := &api{life: life}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "AWS:password%d", a.calls.Add(1)))
		fmt.Fprintf(w, `{"authorizationData":[{"authorizationToken":%q,"expiresAt":%d,"proxyEndpoint":"http://x"}]}`, token,
			time.Now().Add(a.life).Unix())
	}))
	t.Cleanup(a.Close)
	a.host = strings.TrimPrefix(a.URL, "http://")
	return a
}

// password is what get answers.
func password(t *testing.T, host string) string {
	t.Helper()
	var out bytes.Buffer
	if err := Docker(t.Context(), "get", "", strings.NewReader(host+"\n"), &out); err != nil {
		t.Fatal(err)
	}
	var got dockerLogin
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Username != "AWS" || got.ServerURL != host {
		t.Fatalf("%v: %s", err, &out)
	}
	return got.Secret
}

func TestCache(t *testing.T) {
	a := newAPI(t, 12*time.Hour)
	cache := setEnvironment(t, a.URL)
	file := filepath.Join(cache, "twinport", "logins.json")
	want := func(host, want string) {
		t.Helper()
		if got := password(t, host); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
	want(a.host, "password1")
	want(a.host, "password1")
	want(a.host+"/111122223333/eu-west-1/app", "password2") // another Region
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
	want(a.host, "password3")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
	want(a.host, "password1")
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("the cache is %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(text), secretKey) {
		t.Errorf("the cache has, %v:\n%s", err, text)
	}

	// docker logout forgets them.
	if err := Docker(t.Context(), "erase", "", strings.NewReader(a.host), nil); err == nil ||
		!strings.Contains(err.Error(), "whenever it is needed") {
		t.Errorf("erase: %v", err)
	}
	want(a.host, "password4")

	// docker login stores what it has got; others' logins have no place.
	store := func(password string) error {
		return Docker(t.Context(), "store", "", strings.NewReader(
			`{"ServerURL":"`+a.host+`","Username":"AWS","Secret":"`+password+`"}`), nil)
	}
	if err := store("password4"); err != nil {
		t.Error(err)
	}
	if err := store("password1"); err == nil || !strings.Contains(err.Error(), "nothing was stored") ||
		strings.Contains(err.Error(), "password1") {
		t.Errorf("store: %v", err)
	}

	// One that cannot be read, or written, is none.
	if err := os.WriteFile(file, []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(a.host, "password5")
	want(a.host, "password5")
	t.Setenv("XDG_CACHE_HOME", "/dev/null")
	want(a.host, "password6")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	want(a.host, "password7")
}

func TestLoginsEndAtHalfOfTheirLife(t *testing.T) {
	a := newAPI(t, 4*time.Second)
	setEnvironment(t, a.URL)
	password(t, a.host)
	for begin := time.Now(); password(t, a.host) == "password1"; time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > 3*time.Second {
			t.Fatal("it is used past half of its life")
		}
	}
	past := newAPI(t, -time.Hour)
	setEnvironment(t, past.URL)
	password(t, past.host)
	if got := password(t, past.host); got != "password2" {
		t.Errorf("an ended login is kept: %s", got)
	}
}

func TestDockerRefuses(t *testing.T) {
	setEnvironment(t, "http://127.0.0.1:1")
	for _, c := range []struct{ action, in, want string }{
		{"get", "", "no credentials server URL"},
		{"get", " \n", "no credentials server URL"},
		{"get", "docker.io", "credentials not found in native keychain"},
		{"get", "https://index.docker.io/v1/", "credentials not found in native keychain"},
		{"get", "127.0.0.1:1\x1b[31m", "credentials not found in native keychain"},
		{"get", strings.Repeat("a", 1<<20), "the request is longer than 4096 bytes"},
		{"get", "127.0.0.1:1", "connection refused"},
		{"store", "", "no JSON object"},
		{"store", `{"Username":"AWS","Secret":"x"}`, "no credentials server URL"},
		{"store", `{"ServerURL":"127.0.0.1:1","Secret":"x"}`, "no credentials username"},
		{"store", strings.Repeat("[", 1<<20), "the request is longer than 65536 bytes"},
		{"erase", "", "no credentials server URL"},
		{"look", "", "no action"},
	} {
		var out bytes.Buffer
		err := Docker(t.Context(), c.action, "", strings.NewReader(c.in), &out)
		if err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
			t.Errorf("%s %.40q: %v\n%s", c.action, c.in, err, &out)
		}
	}
}

// TestHostileAnswers: whatever answers at the endpoint, the error is a line.
func TestHostileAnswers(t *testing.T) {
	const endless = `{"authorizationData":"`
	for what, c := range map[string]struct {
		status       int
		answer, want string
	}{
		"no Twinport": {200, "<html>", "is this a Twinport?"},
		"not found":   {404, "<html>", "is this a Twinport?"},
		"endless":     {200, endless, "is this a Twinport?"},
		"nothing":     {200, `{"authorizationData":[]}`, "is this a Twinport?"},
		"no token":    {200, `{"authorizationData":[{"expiresAt":1}]}`, "is this a Twinport?"},
		"no base64": {
			200, `{"authorizationData":[{"authorizationToken":"\u001b","expiresAt":1}]}`, "is this a Twinport?",
		},
		"control character": {400, `{"__type":"X","message":"a\u001b[31m\nb` + strings.Repeat("c", 5000) + `"}`, "X: a"},
	} {
		t.Run(what, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.status)
				_, err := fmt.Fprint(w, c.answer)
				for c.answer == endless && err == nil {
					_, err = w.Write(bytes.Repeat([]byte("a"), 1<<16))
				}
			}))
			defer s.Close()
			setEnvironment(t, s.URL)
			err := Docker(t.Context(), "get", "", strings.NewReader(strings.TrimPrefix(s.URL, "http://")), nil)
			if err == nil {
				t.Fatal("there is a login")
			}
			if line := Line(err); !strings.Contains(line, c.want) || strings.ContainsAny(line, "\x1b\n") || len(line) > 1100 ||
				strings.Contains(line, secretKey) {
				t.Errorf("%q", line)
			}
		})
	}
}

func TestKubelet(t *testing.T) {
	a := newAPI(t, 12*time.Hour)
	setEnvironment(t, a.URL)
	_, port, _ := strings.Cut(a.host, ":")
	own := "111122223333.dkr.ecr.us-east-1.localhost:" + port
	request := func(image, more string) string {
		return `{"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderRequest","image":"` + image +
			`"` + more + `}`
	}
	for _, c := range []struct{ image, key, pattern string }{
		{own + "/team/app:1", "Registry", own},
		{a.host + "/111122223333/us-east-1/app@sha256:0", "Image", a.host + "/111122223333/us-east-1"},
		{a.host + "/app", "Image", a.host},
	} {
		var out bytes.Buffer
		if err := Kubelet(t.Context(), strings.NewReader(request(c.image, "")), &out); err != nil {
			t.Errorf("%s: %v", c.image, err)
			continue
		}
		var got kubeletResponse
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		duration, err := time.ParseDuration(got.CacheDuration)
		if login := got.Auth[c.pattern]; login.Username != "AWS" || !strings.HasPrefix(login.Password, "password") ||
			len(got.Auth) != 1 || got.CacheKeyType != c.key || got.APIVersion != kubeletAPI || err != nil ||
			duration > 6*time.Hour || duration < 5*time.Hour {
			t.Errorf("%s: %+v", c.image, got)
		}
	}
	for in, want := range map[string]string{
		"": "no CredentialProviderRequest", "[]": "no CredentialProviderRequest", "{}": "no CredentialProviderRequest",
		strings.Replace(request(own, ""), "/v1", "/v1beta1", 1):               "no CredentialProviderRequest",
		strings.Repeat("a", 2<<20):                                            "longer than 1048576 bytes",
		request("\\u001b/x", ""):                                              "does not begin with a registry's host",
		request("busybox", ""):                                                "matchImages",
		request(own, `,"serviceAccountToken":"a.b.c"`):                        "AssumeRoleWithWebIdentity",
		request(own, `,"serviceAccountAnnotations":{"example.com/role":"x"}`): "AssumeRoleWithWebIdentity",
	} {
		var out bytes.Buffer
		err := Kubelet(context.Background(), strings.NewReader(in), &out)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "a.b.c") || out.Len() > 0 {
			t.Errorf("%.200q: %v\n%s", in, err, &out)
		}
	}
}
