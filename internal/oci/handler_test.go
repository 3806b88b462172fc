package oci

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// fakeRegistry answers what a test sets; any other call is a nil function's panic.
type fakeRegistry struct {
	Registry // panics when a test asks for what it did not set

	manifest  func(access.Caller, resource.Repository, registry.Reference) (registry.Manifest, error)
	put       func(access.Caller, resource.Repository, registry.NewManifest) (registry.PutResult, error)
	open      func(resource.Repository) (registry.Layer, registry.LayerContent, error)
	tags      func(registry.Page) ([]string, string, error)
	list      func(resource.Registry, registry.Page) ([]registry.Repository, string, error)
	referrers func(registry.Page) ([]registry.Referrer, string, error)
	mount     func(to resource.Repository, from *resource.Repository) (bool, error)
	append    func(offset int64, r io.Reader) (int64, error)
}

func (fakeRegistry) Regions() []string { return []string{region, "us-west-2"} }
func (f fakeRegistry) Manifest(_ context.Context, c access.Caller, ref resource.Repository,
	r registry.Reference) (registry.Manifest, error) {
	return f.manifest(c, ref, r)
}
func (f fakeRegistry) ManifestHead(ctx context.Context, c access.Caller, ref resource.Repository,
	r registry.Reference) (registry.Manifest, error) {
	return f.Manifest(ctx, c, ref, r)
}
func (f fakeRegistry) PutManifest(_ context.Context, c access.Caller, ref resource.Repository,
	n registry.NewManifest) (registry.PutResult, error) {
	return f.put(c, ref, n)
}
func (f fakeRegistry) Layer(_ context.Context, _ access.Caller, ref resource.Repository,
	_ digest.Digest) (registry.Layer, error) {
	l, r, err := f.open(ref)
	if err != nil {
		return l, err
	}
	return l, r.Close()
}
func (f fakeRegistry) OpenLayer(_ context.Context, _ access.Caller, ref resource.Repository,
	_ digest.Digest) (registry.Layer, registry.LayerContent, error) {
	return f.open(ref)
}
func (f fakeRegistry) Tags(_ context.Context, _ access.Caller, _ resource.Repository,
	p registry.Page) ([]string, string, error) {
	return f.tags(p)
}
func (f fakeRegistry) ListRepositories(_ context.Context, _ access.Caller, id resource.Registry,
	p registry.Page) ([]registry.Repository, string, error) {
	return f.list(id, p)
}
func (f fakeRegistry) Referrers(_ context.Context, _ access.Caller, _ resource.Repository, _ digest.Digest, _ []string,
	p registry.Page) ([]registry.Referrer, string, error) {
	return f.referrers(p)
}
func (f fakeRegistry) MountLayer(_ context.Context, _ access.Caller, to resource.Repository, _ digest.Digest,
	from *resource.Repository) (bool, error) {
	return f.mount(to, from)
}
func (fakeRegistry) StartUpload(context.Context, access.Caller, resource.Repository) (string, error) {
	return uploadID, nil
}
func (fakeRegistry) UploadSize(context.Context, access.Caller, resource.Repository, string) (int64, error) {
	return 7, nil
}
func (f fakeRegistry) AppendUpload(_ context.Context, _ access.Caller, _ resource.Repository, _ string, offset int64,
	r io.Reader) (int64, error) {
	return f.append(offset, r)
}
func (f fakeRegistry) CompleteUpload(_ context.Context, _ access.Caller, _ resource.Repository, _ string,
	d digest.Digest, offset int64, tail io.Reader) (registry.Layer, error) {
	if tail == nil {
		return registry.Layer{Digest: d}, nil
	}
	_, err := f.append(offset, tail)
	return registry.Layer{Digest: d}, err
}
func (f fakeRegistry) PutLayer(_ context.Context, _ access.Caller, _ resource.Repository, d digest.Digest,
	r io.Reader) (registry.Layer, error) {
	_, err := f.append(0, r)
	return registry.Layer{Digest: d}, err
}

type testKeys map[string]auth.AccessKey

func (k testKeys) AccessKey(_ context.Context, id string) (auth.AccessKey, error) {
	key, ok := k[id]
	if !ok {
		return auth.AccessKey{}, auth.ErrNoKey
	}
	return key, nil
}

func (testKeys) Role(context.Context, string) (auth.AccessKey, error) {
	return auth.AccessKey{}, auth.ErrNoKey
}

var (
	now     = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	prodKey = auth.AccessKey{
		ID: "AKIAPROD000000000000", Secret: "prod secret of forty characters or so...", Principal: policy.Principal{
			Account: prodAccount, ARN: "arn:aws:iam::" + prodAccount + ":root",
		},
	}
	devKey = auth.AccessKey{
		ID: "AKIADEV0000000000000", Secret: "dev secret of forty characters or so....", Principal: policy.Principal{
			Account: devAccount, ARN: "arn:aws:iam::" + devAccount + ":root",
		},
	}
)

func token(key auth.AccessKey, t auth.Token) string {
	if t.Region == "" {
		t.Region = region
	}
	if t.Expires.IsZero() {
		t.Expires = now.Add(auth.TokenLifetime)
	}
	return auth.SignToken(key, t)
}

func newHandler(f fakeRegistry) http.Handler {
	return New(Config{
		Registry: f,
		Verifier: auth.NewVerifier(testKeys{prodKey.ID: prodKey, devKey.ID: devKey}, "deployment",
			func() time.Time { return now }),
		Domain: testDomain,
		Scheme: "http",
		Logger: slog.New(slog.DiscardHandler),
	})
}

// do asks f as prod's root, unless edit says otherwise.
func do(f fakeRegistry, method, host, target string, body io.Reader, edit func(*http.Request)) *http.Response {
	r := httptest.NewRequest(method, "http://"+host+target, body)
	r.SetBasicAuth("AWS", token(prodKey, auth.Token{}))
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	newHandler(f).ServeHTTP(w, r)
	return w.Result()
}

func readAll(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func errorCode(t *testing.T, resp *http.Response) string {
	t.Helper()
	var body struct {
		Errors []struct{ Code, Message string }
	}
	text := readAll(t, resp)
	if err := json.Unmarshal([]byte(text), &body); err != nil || len(body.Errors) != 1 || body.Errors[0].Message == "" {
		t.Fatalf("the error's body is not in the protocol's form: %q", text)
	}
	return body.Errors[0].Code
}

func TestChallenge(t *testing.T) {
	scoped := token(prodKey, auth.Token{Scope: "blob:x", Expires: now.Add(auth.DownloadLifetime)})
	for name, edit := range map[string]func(*http.Request){
		"none":           func(r *http.Request) { r.Header.Del("Authorization") },
		"bearer":         func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") },
		"not base64":     func(r *http.Request) { r.Header.Set("Authorization", "Basic %%%") },
		"other user":     func(r *http.Request) { r.SetBasicAuth("root", token(prodKey, auth.Token{})) },
		"no token":       func(r *http.Request) { r.SetBasicAuth("AWS", "secret") },
		"download token": func(r *http.Request) { r.SetBasicAuth("AWS", scoped) },
		"unknown key": func(r *http.Request) {
			r.SetBasicAuth("AWS", token(auth.AccessKey{ID: "AKIAGONE", Secret: "x"}, auth.Token{}))
		},
		"by TLS": func(r *http.Request) {
			r.Header.Del("Authorization")
			r.TLS = &tls.ConnectionState{}
		},
	} {
		scheme := "http"
		if name == "by TLS" {
			scheme = "https"
		}
		resp := do(fakeRegistry{}, "GET", prodHost, "/v2/", nil, edit)
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
		if got, want := resp.Header.Get("Www-Authenticate"), `Basic realm="`+scheme+`://`+prodHost+
			`/",service="ecr.amazonaws.com"`; got != want {
			t.Errorf("%s: challenge %q, want %q", name, got, want)
		}
		for header, want := range map[string]string{
			"Docker-Distribution-Api-Version": "registry/2.0", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "sandbox",
		} {
			if got := resp.Header.Get(header); got != want {
				t.Errorf("%s: %s %q", name, header, got)
			}
		}
		if body := readAll(t, resp); body != "Not Authorized\n" {
			t.Errorf("%s: body %q", name, body)
		}
	}
}

func TestAuthenticate(t *testing.T) {
	login := func(tk string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth("AWS", tk) }
	}
	manifest := func(c access.Caller, ref resource.Repository, _ registry.Reference) (registry.Manifest, error) {
		return registry.Manifest{
			Digest: someSHA, MediaType: c.Identity.Principal.Account, Size: int64(len(ref.String())),
			Bytes: []byte(ref.String()),
		}, nil
	}
	for _, tt := range []struct {
		name, host, target string
		edit               func(*http.Request)
		status             int
		want               string // the repository that the domain was asked for, or the error's code
	}{
		{"by host", prodHost, "/v2/app/manifests/v1", nil, 200, prodAccount + "/us-east-1/app"},
		{"by path", "localhost:5000", "/v2/" + devAccount + "/us-east-1/app/manifests/v1", nil, 200,
			devAccount + "/us-east-1/app"},
		{"by token", "localhost:5000", "/v2/app/manifests/v1", login(token(devKey, auth.Token{Region: "us-west-2"})), 200,
			devAccount + "/us-west-2/app"},
		{"other account", prodHost, "/v2/app/manifests/v1", login(token(devKey, auth.Token{})), 200,
			prodAccount + "/us-east-1/app"},
		{"other Region", prodHost, "/v2/app/manifests/v1", login(token(prodKey, auth.Token{Region: "us-west-2"})), 403,
			codeDenied},
		{"expired", prodHost, "/v2/", login(token(prodKey, auth.Token{Expires: now})), 403, codeDenied},
		// The domain refuses it, in the words it has for any account that grants nothing.
		{"unknown account", "999999999999.dkr.ecr.us-east-1." + testDomain, "/v2/app/manifests/v1", nil, 200,
			"999999999999/us-east-1/app"},
		{"unknown Region", prodAccount + ".dkr.ecr.mars-1." + testDomain, "/v2/",
			login(token(prodKey, auth.Token{Region: "mars-1"})), 404, codeNameUnknown},
		{"unknown Region by path", "localhost", "/v2/" + prodAccount + "/mars-1/app/manifests/v1", nil, 404, codeNameUnknown},
	} {
		resp := do(fakeRegistry{manifest: manifest}, "GET", tt.host, tt.target, nil, tt.edit)
		if resp.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, resp.StatusCode, tt.status)
			continue
		}
		if tt.status != 200 {
			if code := errorCode(t, resp); code != tt.want {
				t.Errorf("%s: code %s, want %s", tt.name, code, tt.want)
			}
		} else if body := readAll(t, resp); body != tt.want {
			t.Errorf("%s: asked for %s, want %s", tt.name, body, tt.want)
		}
	}
}

func TestCallerConnection(t *testing.T) {
	resp := do(fakeRegistry{manifest: func(c access.Caller, _ resource.Repository,
		_ registry.Reference) (registry.Manifest, error) {
		if c.RemoteAddr != "192.0.2.1:443" || c.Secure || c.UserAgent != "client/1" {
			t.Errorf("caller: %+v", c)
		}
		return registry.Manifest{}, nil
	}}, "GET", prodHost, "/v2/app/manifests/v1", nil, func(r *http.Request) {
		r.RemoteAddr = "192.0.2.1:443"
		r.Header.Set("User-Agent", "client/1")
	})
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestDownloadToken(t *testing.T) {
	scope := "blob:" + prodAccount + "/us-east-1/app@" + someSHA.String()
	good := token(prodKey, auth.Token{Scope: scope, Expires: now.Add(auth.DownloadLifetime)})
	path := "/v2/" + prodAccount + "/us-east-1/app/blobs/" + someSHA.String()
	for _, tt := range []struct {
		name, method, target string
		status               int
	}{
		{"good", "GET", path + "?X-Twinport-Token=" + good, 200},
		{"head", "HEAD", path + "?X-Twinport-Token=" + good, 200},
		{"other blob", "GET", strings.Replace(path, someSHA.String(), digest.FromString("other").String(), 1) +
			"?X-Twinport-Token=" + good, 403},
		{"other repository", "GET", strings.Replace(path, "/app/", "/app2/", 1) + "?X-Twinport-Token=" + good, 403},
		{"login token", "GET", path + "?X-Twinport-Token=" + token(prodKey, auth.Token{}), 403},
		{"expired", "GET", path + "?X-Twinport-Token=" + token(prodKey, auth.Token{
			Scope: scope, Expires: now.Add(-time.Second),
		}), 403},
		{"forged", "GET", path + "?X-Twinport-Token=" + good + "x", 401},
		{"delete", "DELETE", path + "?X-Twinport-Token=" + good, 401},
		{"manifest", "GET", "/v2/app/manifests/v1?X-Twinport-Token=" + good, 401},
	} {
		open := func(resource.Repository) (registry.Layer, registry.LayerContent, error) {
			return openFile(t, "content")
		}
		resp := do(fakeRegistry{open: open}, tt.method, "localhost", tt.target, nil, func(r *http.Request) {
			r.Header.Del("Authorization")
		})
		if resp.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, resp.StatusCode, tt.status)
		}
	}
}

func openFile(t *testing.T, content string) (registry.Layer, registry.LayerContent, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		return registry.Layer{}, registry.LayerContent{}, err
	}
	f, err := os.Open(name)
	return registry.Layer{
		Digest: someSHA, Size: int64(len(content)), MediaType: "text/html",
	}, registry.LayerContent{ReadSeekCloser: f}, err
}

func TestGetBlob(t *testing.T) {
	const content = "0123456789"
	etag := `"` + someSHA.String() + `"`
	for _, tt := range []struct {
		name, method, header, value string
		status                      int
		body, length, contentRange  string
	}{
		{"whole", "GET", "", "", 200, content, "10", ""},
		{"head", "HEAD", "", "", 200, "", "10", ""},
		{"head ignores ranges", "HEAD", "Range", "bytes=2-3", 200, "", "10", ""},
		{"part", "GET", "Range", "bytes=2-3", 206, "23", "2", "bytes 2-3/10"},
		{"end", "GET", "Range", "bytes=-3", 206, "789", "3", "bytes 7-9/10"},
		{"several", "GET", "Range", "bytes=0-1,3-4", 200, content, "10", ""},
		{"outside", "GET", "Range", "bytes=10-", 416, "", "", "bytes */10"},
		{"known", "GET", "If-None-Match", `W/"x", ` + etag, 304, "", "", ""},
		{"known head", "HEAD", "If-None-Match", "*", 304, "", "", ""},
		{"not known", "GET", "If-None-Match", `"x"`, 200, content, "10", ""},
	} {
		open := func(resource.Repository) (registry.Layer, registry.LayerContent, error) { return openFile(t, content) }
		resp := do(fakeRegistry{open: open}, tt.method, prodHost, "/v2/app/blobs/"+someSHA.String(), nil,
			func(r *http.Request) {
				if tt.header != "" {
					r.Header.Set(tt.header, tt.value)
				}
			})
		if resp.StatusCode != tt.status || resp.Header.Get("Content-Range") != tt.contentRange {
			t.Errorf("%s: status %d, Content-Range %q", tt.name, resp.StatusCode, resp.Header.Get("Content-Range"))
		}
		if tt.status == 416 {
			if code := errorCode(t, resp); code != codeUnsupported || resp.Header.Get("Docker-Content-Digest") != "" {
				t.Errorf("%s: code %s, headers %v", tt.name, code, resp.Header)
			}
			continue
		}
		if got := readAll(t, resp); got != tt.body || resp.Header.Get("Content-Length") != tt.length {
			t.Errorf("%s: body %q of declared length %q", tt.name, got, resp.Header.Get("Content-Length"))
		}
		if resp.Header.Get("Docker-Content-Digest") != someSHA.String() || resp.Header.Get("Etag") != etag {
			t.Errorf("%s: headers %v", tt.name, resp.Header)
		}
		if tt.status != 304 && resp.Header.Get("Content-Type") != blobType {
			t.Errorf("%s: Content-Type %q", tt.name, resp.Header.Get("Content-Type"))
		}
	}
}

// fileSink takes note of what a response's body is read from.
type fileSink struct {
	*httptest.ResponseRecorder
	fromFile bool
}

func (s *fileSink) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	if ok {
		_, s.fromFile = limited.R.(*os.File)
	}
	return io.Copy(s.ResponseRecorder, r)
}

func TestBlobIsSentFromItsFile(t *testing.T) {
	sink := &fileSink{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest("GET", "http://"+prodHost+"/v2/app/blobs/"+someSHA.String(), nil)
	r.SetBasicAuth("AWS", token(prodKey, auth.Token{}))
	newHandler(fakeRegistry{open: func(resource.Repository) (registry.Layer, registry.LayerContent, error) {
		return openFile(t, strings.Repeat("x", 3*firstPiece/2))
	}}).ServeHTTP(sink, r)
	if !sink.fromFile || sink.Body.Len() != 3*firstPiece/2 {
		t.Errorf("the response was not given the file, so that sendfile is lost (%d bytes sent)", sink.Body.Len())
	}
}

func TestPutManifest(t *testing.T) {
	put := func(_ access.Caller, _ resource.Repository, n registry.NewManifest) (registry.PutResult, error) {
		return registry.PutResult{
			Digest: digest.FromBytes(n.Bytes), MediaType: n.MediaType + "|" + strings.Join(n.Tags, ","), Subject: someSHA,
		}, nil
	}
	body := `{"schemaVersion":2}`
	d := digest.FromString(body)
	resp := do(fakeRegistry{put: put}, "PUT", "localhost", "/v2/"+prodAccount+"/us-east-1/app/manifests/"+d.String()+
		"?tag=a&tag=b", strings.NewReader(body), nil)
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("status %d: %s", resp.StatusCode, readAll(t, resp))
	}
	want := http.Header{
		"Location":              {"/v2/" + prodAccount + "/us-east-1/app/manifests/" + d.String()},
		"Docker-Content-Digest": {d.String()},
		"Oci-Subject":           {someSHA.String()},
		"Oci-Tag":               {"a", "b"},
	}
	for name, values := range want {
		if got := resp.Header[name]; !slices.Equal(got, values) {
			t.Errorf("%s: %q, want %q", name, got, values)
		}
	}

	t.Run("media type without parameters, one tag", func(t *testing.T) {
		f := fakeRegistry{put: func(_ access.Caller, _ resource.Repository, n registry.NewManifest) (registry.PutResult,
			error) {
			if n.MediaType != "application/x" || !slices.Equal(n.Tags, []string{"v1"}) || n.Digest != "" {
				t.Errorf("put %+v", n)
			}
			return registry.PutResult{}, nil
		}}
		do(f, "PUT", prodHost, "/v2/app/manifests/v1", strings.NewReader(body), func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x ; charset=utf-8")
		})
	})
	t.Run("size", func(t *testing.T) {
		for size, status := range map[int]int{registry.MaxManifestSize: 201, registry.MaxManifestSize + 1: 413} {
			for _, length := range []int64{int64(size), -1} {
				resp := do(fakeRegistry{put: put}, "PUT", prodHost, "/v2/app/manifests/v1",
					io.MultiReader(bytes.NewReader(make([]byte, size))), func(r *http.Request) { r.ContentLength = length })
				if resp.StatusCode != status {
					t.Errorf("%d bytes, length %d: status %d, want %d", size, length, resp.StatusCode, status)
				}
			}
		}
	})
	t.Run("truncated", func(t *testing.T) {
		resp := do(fakeRegistry{put: put}, "PUT", prodHost, "/v2/app/manifests/v1",
			io.MultiReader(strings.NewReader("{"), failingReader{io.ErrUnexpectedEOF}), nil)
		if code := errorCode(t, resp); resp.StatusCode != 400 || code != codeSizeInvalid {
			t.Errorf("%d %s", resp.StatusCode, code)
		}
	})
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

func TestUpload(t *testing.T) {
	store := func(want int64) func(int64, io.Reader) (int64, error) {
		return func(offset int64, r io.Reader) (int64, error) {
			if offset != want {
				t.Errorf("offset %d, want %d", offset, want)
			}
			n, err := io.Copy(io.Discard, r)
			return max(offset, 0) + n, err
		}
	}
	outOfOrder := func(int64, io.Reader) (int64, error) {
		return 0, &registry.Error{Code: registry.InvalidLayerPart, Message: "out of order", Received: 7}
	}
	upload := "/v2/app/blobs/uploads/" + uploadID
	close := upload + "?digest=" + someSHA.String()
	for _, tt := range []struct {
		name, method, target string
		body                 io.Reader
		length               int64
		contentRange         string
		append               func(int64, io.Reader) (int64, error)
		status               int
		code, uploadRange    string
	}{
		{"start", "POST", "/v2/app/blobs/uploads/", nil, 0, "", nil, 202, "", "0-0"},
		{"status", "GET", upload, nil, 0, "", nil, 204, "", "0-6"},
		{"stream", "PATCH", upload, strings.NewReader("01234"), -1, "", store(atEnd), 202, "", "0-4"},
		{"chunk", "PATCH", upload, strings.NewReader("01234"), 5, "7-11", store(7), 202, "", "0-11"},
		{"streamed chunk", "PATCH", upload, strings.NewReader("01234"), -1, "7-11", store(7), 202, "", "0-11"},
		{"chunk too long", "PATCH", upload, strings.NewReader("012345"), -1, "7-11", store(7), 400, codeSizeInvalid, ""},
		{"chunk too short", "PATCH", upload, strings.NewReader("0123"), -1, "7-11", store(7), 400, codeSizeInvalid, ""},
		{"lengths differ", "PATCH", upload, strings.NewReader("01234"), 5, "7-12", nil, 400, codeSizeInvalid, ""},
		{"range malformed", "PATCH", upload, strings.NewReader("01234"), 5, "bytes 7-11/*", nil, 400,
			codeBlobUploadInvalid, ""},
		{"out of order", "PATCH", upload, strings.NewReader("01234"), 5, "70-74", outOfOrder, 416, codeBlobUploadInvalid,
			"0-6"},
		{"truncated", "PATCH", upload, io.MultiReader(strings.NewReader("0"), failingReader{io.ErrUnexpectedEOF}), 5, "",
			store(atEnd), 400, codeSizeInvalid, ""},
		{"stalled", "PATCH", upload, failingReader{os.ErrDeadlineExceeded}, 5, "", store(atEnd), 408,
			codeBlobUploadInvalid, ""},
		{"close", "PUT", close, nil, 0, "", nil, 201, "", ""},
		{"close with body", "PUT", close, strings.NewReader("01"), 2, "", store(atEnd), 201, "", ""},
		{"close with chunk", "PUT", close, strings.NewReader("01"), 2, "7-8", store(7), 201, "", ""},
		{"close out of order", "PUT", close, strings.NewReader("01"), 2, "8-9", outOfOrder, 416, codeBlobUploadInvalid,
			"0-6"},
		{"single POST", "POST", "/v2/app/blobs/uploads/?digest=" + someSHA.String(), strings.NewReader("01"), 2, "", store(0),
			201, "", ""},
		{"single POST truncated", "POST", "/v2/app/blobs/uploads/?digest=" + someSHA.String(),
			failingReader{io.ErrUnexpectedEOF}, 2, "", store(0), 400, codeSizeInvalid, ""},
	} {
		resp := do(fakeRegistry{append: tt.append}, tt.method, prodHost, tt.target, tt.body, func(r *http.Request) {
			r.ContentLength = tt.length
			if tt.contentRange != "" {
				r.Header.Set("Content-Range", tt.contentRange)
			}
		})
		if resp.StatusCode != tt.status || resp.Header.Get("Range") != tt.uploadRange {
			t.Errorf("%s: status %d, Range %q; want %d, %q", tt.name, resp.StatusCode, resp.Header.Get("Range"), tt.status,
				tt.uploadRange)
			continue
		}
		location := ""
		switch {
		case tt.uploadRange != "":
			location = upload
		case tt.status == 201:
			location = "/v2/app/blobs/" + someSHA.String()
		}
		if got := resp.Header.Get("Location"); got != location {
			t.Errorf("%s: Location %q, want %q", tt.name, got, location)
		}
		if tt.code != "" {
			if code := errorCode(t, resp); code != tt.code {
				t.Errorf("%s: code %s, want %s", tt.name, code, tt.code)
			}
		}
	}
}

func TestMount(t *testing.T) {
	for _, tt := range []struct {
		name, from string
		mounted    bool
		asked      string // source that the domain was asked for; "-" if it was not asked
		status     int
	}{
		{"from", "&from=bb", true, prodAccount + "/us-east-1/bb", 201},
		{"not there", "&from=bb", false, prodAccount + "/us-east-1/bb", 202},
		{"any", "", true, "", 201},
		{"other account", "&from=" + devAccount + "/us-east-1/bb", false, devAccount + "/us-east-1/bb", 202},
		{"other Region", "&from=" + prodAccount + "/us-west-2/bb", true, "-", 202},
		{"no name", "&from=../B", true, "-", 202},
		{"empty name", "&from=", true, "-", 202},
		{"no name, semicolon", "&from=bb;x", true, "-", 202},
	} {
		asked := "-"
		resp := do(fakeRegistry{mount: func(_ resource.Repository, from *resource.Repository) (bool, error) {
			if asked = ""; from != nil {
				asked = from.String()
			}
			return tt.mounted, nil
		}}, "POST", "localhost", "/v2/app/blobs/uploads/?mount="+someSHA.String()+tt.from, nil, nil)
		if resp.StatusCode != tt.status || asked != tt.asked {
			t.Errorf("%s: status %d, asked for %q; want %d, %q", tt.name, resp.StatusCode, asked, tt.status, tt.asked)
		}
	}
}

func TestLists(t *testing.T) {
	all := []string{"a", "b", "c"}
	page := func(p registry.Page) ([]string, string, error) {
		i := 0
		for i < len(all) && all[i] <= p.After {
			i++
		}
		if rest := all[i:]; len(rest) > p.Limit {
			return rest[:p.Limit], rest[p.Limit-1], nil
		}
		return all[i:], "", nil
	}
	f := fakeRegistry{tags: page, list: func(_ resource.Registry, p registry.Page) (repositories []registry.Repository,
		next string, err error) {
		names, next, err := page(p)
		for _, name := range names {
			repositories = append(repositories, registry.Repository{Ref: resource.Repository{Name: name}})
		}
		return repositories, next, err
	}}
	inProd := prodAccount + "/us-east-1/"
	for _, tt := range []struct{ target, body, link string }{
		{"/v2/app/tags/list", `{"name":"app","tags":["a","b","c"]}`, ""},
		{"/v2/app/tags/list?n=2", `{"name":"app","tags":["a","b"]}`, `</v2/app/tags/list?last=b&n=2>; rel="next"`},
		{"/v2/app/tags/list?n=2&last=b", `{"name":"app","tags":["c"]}`, ""},
		{"/v2/app/tags/list?last=c", `{"name":"app","tags":[]}`, ""},
		{"/v2/app/tags/list?n=0", `{"name":"app","tags":[]}`, ""},
		{"/v2/app/tags/list?n=3", `{"name":"app","tags":["a","b","c"]}`, ""},
		{"/v2/" + inProd + "app/tags/list?n=1", `{"name":"` + inProd + `app","tags":["a"]}`,
			`</v2/` + inProd + `app/tags/list?last=a&n=1>; rel="next"`},
		{"/v2/_catalog?n=2", `{"repositories":["` + inProd + `a","` + inProd + `b"]}`,
			`</v2/_catalog?last=111122223333%2Fus-east-1%2Fb&n=2>; rel="next"`},
		{"/v2/_catalog?n=2&last=" + inProd + "b", `{"repositories":["` + inProd + `c"]}`, ""},
		{"/v2/_catalog?n=2&last=b", `{"repositories":["` + inProd + `c"]}`, ""},
		{"/v2/_catalog?n=0", `{"repositories":[]}`, ""},
		{"/v2/" + inProd + "_catalog?n=1&last=" + inProd + "a", `{"repositories":["` + inProd + `b"]}`,
			`</v2/` + inProd + `_catalog?last=111122223333%2Fus-east-1%2Fb&n=1>; rel="next"`},
	} {
		resp := do(f, "GET", "localhost", tt.target, nil, nil)
		if body := readAll(t, resp); body != tt.body || resp.Header.Get("Link") != tt.link {
			t.Errorf("%s: %s, Link %q", tt.target, body, resp.Header.Get("Link"))
		}
	}
	resp := do(f, "GET", prodHost, "/v2/_catalog?n=2", nil, nil) // whose names need none before them
	if body, link := readAll(t, resp), resp.Header.Get("Link"); body != `{"repositories":["a","b"]}` ||
		link != `</v2/_catalog?last=b&n=2>; rel="next"` {
		t.Errorf("by host: %s, Link %q", body, link)
	}
}

func TestReferrersPages(t *testing.T) {
	for _, tt := range []struct {
		name               string
		count, annotations int
		query              string
		pages              []int
	}{
		{"none", 0, 0, "", []int{0}},
		{"one page of several of the domain's", 40, 1, "", []int{40}},
		{"by n", 40, 1, "?n=18", []int{18, 18, 4}},
		{"exactly n", 16, 1, "?n=16", []int{16}},
		{"by size", 5, 2 << 20, "", []int{1, 1, 1, 1, 1}},
		{"by size, two each", 5, 3 << 17, "", []int{2, 2, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []registry.Referrer
			for i := range tt.count {
				all = append(all, registry.Referrer{
					Digest: digest.NewDigestFromEncoded(digest.SHA256, fmt.Sprintf("%064d", i)), ArtifactType: "a/b",
					Annotations: json.RawMessage(`{"k":"` + strings.Repeat("v", tt.annotations) + `"}`),
				})
			}
			f := fakeRegistry{referrers: func(p registry.Page) ([]registry.Referrer, string, error) {
				if p.Limit > referrersPage {
					t.Errorf("%d referrers asked for at a time", p.Limit)
				}
				i := 0
				for i < len(all) && string(all[i].Digest) <= p.After {
					i++
				}
				if rest := all[i:]; len(rest) > p.Limit {
					return rest[:p.Limit], string(rest[p.Limit-1].Digest), nil
				}
				return all[i:], "", nil
			}}
			query := tt.query
			if query == "" {
				query = "?artifactType=a%2Fb"
			}
			target := "/v2/app/referrers/" + someSHA.String() + query
			var seen []string
			for i, want := range tt.pages {
				resp := do(f, "GET", "localhost", target, nil, nil)
				var index struct {
					SchemaVersion int
					MediaType     string
					Manifests     []struct{ Digest, ArtifactType string }
				}
				if err := json.Unmarshal([]byte(readAll(t, resp)), &index); err != nil {
					t.Fatal(err)
				}
				if len(index.Manifests) != want || index.SchemaVersion != 2 || index.MediaType != resp.Header.Get("Content-Type") ||
					index.Manifests == nil {
					t.Fatalf("page %d: %d manifests, want %d; %+v", i, len(index.Manifests), want, resp.Header)
				}
				if applied := resp.Header.Get("OCI-Filters-Applied"); (applied == "artifactType") != (tt.query == "") {
					t.Errorf("OCI-Filters-Applied: %q", applied)
				}
				for _, m := range index.Manifests {
					seen = append(seen, m.Digest)
				}
				link := resp.Header.Get("Link")
				if last := i == len(tt.pages)-1; last != (link == "") {
					t.Fatalf("page %d of %d has the Link %q", i+1, len(tt.pages), link)
				}
				target = strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
			}
			if len(seen) != tt.count || !slices.IsSorted(seen) || len(slices.Compact(seen)) != tt.count {
				t.Errorf("the pages hold %d of %d referrers", len(seen), tt.count)
			}
		})
	}
}

// TestReferrersCostWhatTheySend: annotations of before they were bounded are
// copied, not taken apart.
func TestReferrersCostWhatTheySend(t *testing.T) {
	var annotations bytes.Buffer
	for i := range 444_000 {
		fmt.Fprintf(&annotations, `,"%d":""`, i)
	}
	raw := json.RawMessage("{" + annotations.String()[1:] + "}")
	f := fakeRegistry{referrers: func(registry.Page) ([]registry.Referrer, string, error) {
		return []registry.Referrer{{Digest: someSHA, MediaType: "a/b", Annotations: raw}}, "", nil
	}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	resp := do(f, "GET", "localhost", "/v2/app/referrers/"+someSHA.String(), nil, nil)
	runtime.ReadMemStats(&after)
	if body := readAll(t, resp); !json.Valid([]byte(body)) || !strings.Contains(body, string(raw)) {
		t.Errorf("answered %d bytes: %.200s", len(body), body)
	}
	// The answer grows as it is written, and the recorder keeps it.
	if n := int(after.TotalAlloc - before.TotalAlloc); n > 5*len(raw) {
		t.Errorf("%d MiB were allocated for %d", n>>20, len(raw)>>20)
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		code   string
	}{
		{&registry.Error{Code: registry.AccessDenied, Message: "m"}, 403, codeDenied},
		{&registry.Error{Code: registry.RepositoryNotFound, Message: "m"}, 404, codeNameUnknown},
		{&registry.Error{Code: registry.ImageTagAlreadyExists, Message: "m"}, 400, codeTagInvalid},
		{&registry.Error{Code: registry.LayersNotFound, Message: "m"}, 404, codeManifestBlobUnknown},
		{&registry.Error{Code: registry.ReferencedImagesNotFound, Message: "m"}, 404, codeManifestBlobUnknown},
		{&registry.Error{Code: registry.InvalidManifest, Message: "m"}, 400, codeManifestInvalid},
		{&registry.Error{Code: registry.InvalidParameter, Message: "m"}, 400, codeManifestInvalid},
		{&registry.Error{Code: registry.ImageDigestDoesNotMatch, Message: "m"}, 400, codeDigestInvalid},
		{&registry.Error{Code: registry.StorageFull, Message: "m"}, 507, codeUnknown},
		{&registry.Error{Code: registry.LimitExceeded, Message: "m"}, 403, codeDenied},
		{&registry.Error{Code: registry.Throttled, Message: "m"}, 429, codeTooManyRequests},
		{&registry.Error{Code: "Unheard", Message: "m"}, 400, codeUnknown},
		{fmt.Errorf("wrapped: %w", &registry.Error{Code: registry.AccessDenied, Message: "m"}), 403, codeDenied},
		{errors.New("disk secret"), 500, codeUnknown},
	} {
		resp := do(fakeRegistry{put: func(access.Caller, resource.Repository, registry.NewManifest) (registry.PutResult,
			error) {
			return registry.PutResult{}, tt.err
		}}, "PUT", prodHost, "/v2/app/manifests/v1", strings.NewReader("{}"), nil)
		body := readAll(t, resp)
		resp.Body = io.NopCloser(strings.NewReader(body))
		if code := errorCode(t, resp); resp.StatusCode != tt.status || code != tt.code {
			t.Errorf("%v: %d %s, want %d %s", tt.err, resp.StatusCode, code, tt.status, tt.code)
		}
		if (tt.status == 429) != (resp.Header.Get("Retry-After") != "") {
			t.Errorf("%v: %v", tt.err, resp.Header)
		}
		if strings.Contains(body, "secret") || (tt.status == 500) != (resp.Header.Get("X-Request-Id") != "") {
			t.Errorf("%v: %s, %v", tt.err, body, resp.Header)
		}
	}
	resp := do(fakeRegistry{manifest: func(access.Caller, resource.Repository,
		registry.Reference) (registry.Manifest, error) {
		return registry.Manifest{}, &registry.Error{Code: registry.ImageNotFound, Message: "m"}
	}}, "GET", prodHost, "/v2/app/manifests/v1", nil, nil)
	if body := readAll(t, resp); body != `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"Requested image not found"}]}` {
		t.Errorf("unknown image: %s", body)
	}
	resp = do(fakeRegistry{append: func(int64, io.Reader) (int64, error) {
		return 0, &registry.Error{Code: registry.InvalidParameter, Message: "another request is writing"}
	}}, "PATCH", prodHost, "/v2/app/blobs/uploads/"+uploadID, strings.NewReader("x"), nil)
	if code := errorCode(t, resp); resp.StatusCode != 400 || code != codeBlobUploadInvalid {
		t.Errorf("busy upload: %d %s", resp.StatusCode, code)
	}
	resp = do(fakeRegistry{}, "POST", prodHost, "/v2/app/manifests/v1", nil, nil)
	if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD, PUT, DELETE" {
		t.Errorf("method: %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
}

// discard is a ResponseWriter that costs nothing.
type discard http.Header

func (d discard) Header() http.Header       { return http.Header(d) }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func BenchmarkGetManifest(b *testing.B) {
	h := newHandler(fakeRegistry{manifest: func(access.Caller, resource.Repository,
		registry.Reference) (registry.Manifest, error) {
		return registry.Manifest{
			Digest: someSHA, MediaType: "application/vnd.oci.image.manifest.v1+json", Size: 2, Bytes: []byte("{}"),
		}, nil
	}})
	r := httptest.NewRequest("GET", "http://localhost:8080/v2/app/manifests/latest", nil)
	r.SetBasicAuth("AWS", token(prodKey, auth.Token{}))
	w := discard{}
	b.ReportAllocs()
	for b.Loop() {
		clear(w)
		h.ServeHTTP(w, r)
	}
}
