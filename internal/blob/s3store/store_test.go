package s3store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/blobtest"
)

func listOf(s *Store, prefix string) *s3.ListObjectsV2Input {
	return &s3.ListObjectsV2Input{Bucket: &s.at.bucket, Prefix: aws.String(prefix)}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	b := newBucket(t)
	refused := httptest.NewServer(nil)
	refused.Close()
	for name, c := range map[string]struct {
		url, key string
		hints    []string
	}{
		"no URL":      {"https://bucket", "", []string{"URL of the bucket for blobs", "s3://bucket/prefix"}},
		"no bucket":   {bucket{"nothing-here", b.endpoint}.url(""), "", []string{"no bucket nothing-here", "create it"}},
		"no server":   {bucket{b.name, refused.URL}.url(""), "", []string{"does not answer", "endpoint", refused.URL}},
		"other key":   {b.url(""), "other", []string{"refuses the credentials", "s3:PutObject"}},
		"no Region":   {"s3://bucket", "", []string{"region="}},
		"no password": {b.url(""), "-", []string{"credentials", "AWS_ACCESS_KEY_ID"}},
	} {
		t.Run(name, func(t *testing.T) {
			switch c.key {
			case "":
			case "-":
				t.Setenv("AWS_ACCESS_KEY_ID", "")
				t.Setenv("AWS_SECRET_ACCESS_KEY", "")
			default:
				t.Setenv("AWS_SECRET_ACCESS_KEY", c.key)
			}
			t.Setenv("AWS_REGION", "")
			_, err := Open(ctx, c.url)
			if err == nil {
				t.Fatal("no error")
			}
			for _, hint := range c.hints {
				if !strings.Contains(err.Error(), hint) {
					t.Errorf("%q does not say %q", err, hint)
				}
			}
			if strings.Contains(err.Error(), "secret-of-the-test") {
				t.Errorf("%q shows the secret", err)
			}
		})
	}
}

func TestURL(t *testing.T) {
	b := newBucket(t)
	for parameters, want := range map[string]struct{ host, path, expires string }{
		"": {strings.TrimPrefix(b.endpoint, "http://"), "/" + b.name + "/some/prefix/blobs/u", "1200"},
		"&redirect_endpoint=https://s3.example.com:444&redirect_lifetime=90s": {
			"s3.example.com:444", "/" + b.name + "/some/prefix/blobs/u", "90",
		},
	} {
		s := b.open(t, parameters)
		text, err := s.URL(ctx, "blobs/u")
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(text)
		if err != nil || u.Host != want.host || u.Path != want.path || u.Query().Get("X-Amz-Expires") != want.expires ||
			strings.Contains(text, "secret-of-the-test") {
			t.Errorf("%q: %s", parameters, text)
		}
	}
	if text, err := b.open(t, "&redirect=false").URL(ctx, "blobs/u"); text != "" || err != nil {
		t.Errorf("redirect=false: %q, %v", text, err)
	}
}

// The bucket's name in the host, as Amazon's and many servers have it.
func TestVirtualHosts(t *testing.T) {
	b := newBucket(t)
	at, err := Parse("s3://" + b.name + "?endpoint=http://localhost:" + theGateway.port)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	hosts := map[string]bool{}
	// No resolver need know the hosts below localhost.
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network,
		address string) (net.Conn, error) {
		mu.Lock()
		hosts[address] = true
		mu.Unlock()
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+theGateway.port)
	}}}
	defer client.CloseIdleConnections()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cfg.HTTPClient = client
	s := newStore(at, cfg)
	content := blobtest.Content(large, 1)
	object := blobtest.Push(t, s, "u", content)
	blobtest.Check(t, s, object, content)
	text, err := s.URL(ctx, object)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Get(text)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || !bytes.Equal(got, content) {
		t.Errorf("%s: %s with %d bytes, %v", text, res.Status, len(got), err)
	}
	if want := b.name + ".localhost:" + theGateway.port; len(hosts) != 1 || !hosts[want] {
		t.Errorf("asked %v, want %s", hosts, want)
	}
}

// Objects and tails are encrypted as the configuration says. The server of the
// tests knows no keys, so the requests are looked at.
func TestEncryption(t *testing.T) {
	b := newBucket(t)
	for parameters, want := range map[string][2]string{
		"":                               {"", ""},
		"&sse=AES256":                    {"AES256", ""},
		"&sse=aws:kms":                   {"aws:kms", ""},
		"&sse=aws:kms&kms_key=the-key-1": {"aws:kms", "the-key-1"},
	} {
		var mu sync.Mutex
		seen := map[string]bool{}
		s := b.through(t, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			op := operation(r)
			if op != "PutObject" && op != "CreateMultipartUpload" {
				return false
			}
			mu.Lock()
			defer mu.Unlock()
			seen[op] = true
			got := [2]string{
				r.Header.Get("X-Amz-Server-Side-Encryption"), r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"),
			}
			if got != want {
				t.Errorf("%q: %s with %q", parameters, op, got)
			}
			if got := r.Header.Get("Content-Type"); got != contentType {
				t.Errorf("%s with Content-Type %q", op, got)
			}
			refuse(w, r, http.StatusBadRequest, "InvalidRequest")
			return true
		}).open(t, parameters)
		u := blobtest.Reserve(t, s, "u", nil)
		blobtest.Append(t, u, []byte("content"))
		_, _ = u.State(ctx)
		_, _ = u.Commit(ctx, digest.FromString("content"))
		_, _ = u.ReadFrom(bytes.NewReader(blobtest.Content(large, 1)))
		u.Close()
		if len(seen) != 2 {
			t.Errorf("%q: %v", parameters, seen)
		}
	}
}

// Keys that others put below the prefix are not ours to list or delete.
func TestForeignKeys(t *testing.T) {
	s := newBucket(t).open(t, "")
	for _, key := range []string{
		"some/prefix/blobs/a/b", "some/prefix/blobs/.x", "some/prefix/other", "some/prefix/uploads/x", "some/prefixblobs/u",
		"blobs/u",
	} {
		if _, err := s.client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &s.at.bucket, Key: &key, Body: strings.NewReader("x"),
		}); err != nil {
			t.Fatal(err)
		}
	}
	if all := blobtest.Objects(t, s, ""); len(all) != 0 {
		t.Errorf("objects %v", all)
	}
	if ids := blobtest.Uploads(t, s); len(ids) != 0 {
		t.Errorf("uploads %q", ids)
	}
}

func TestPingFails(t *testing.T) {
	b := newBucket(t)
	s := b.open(t, "")
	s.at.bucket = "gone-" + b.name
	object := objectsFolder + "u"
	_, sizeErr := s.Size(ctx, object)
	r, err := s.Open(ctx, object, 1)
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"ping": s.Ping(ctx), "size": sizeErr, "check": s.Check(ctx, object, 1), "begin to read": blob.Begin(r, 0),
	} {
		if !errors.Is(err, blob.ErrUnavailable) || blob.IsLost(err) {
			t.Errorf("without the bucket: %s: %v", what, err)
		}
	}
}
