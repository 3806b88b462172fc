package test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/twinport/twinport/test/servers"
)

// shared says that the servers of this run keep their facts in PostgreSQL and
// their blobs in a bucket. The tests are the same. (A
// variable would be read before the cache of test results takes note of what a
// test reads.)
func shared() bool { return os.Getenv("TEST_STORES") == "shared" }

// stores are what a server's configuration says about its stores.
type stores struct {
	config string
	env    []string
	bucket *servers.Bucket // nil where blobs are files
}

func storesOf(t *testing.T) stores {
	t.Helper()
	if !shared() {
		return stores{}
	}
	return sharedStores(servers.Postgres(t), servers.S3(t), "")
}

// sharedStores are a database and a bucket, whose URL ends with the options.
//
// Pulls are sent to the bucket under another host name than the tests' for the
// registry: a client keeps its login when it is sent to another port of the
// same host, and S3 refuses a request with two kinds of credentials.
func sharedStores(database string, b servers.Bucket, options string) stores {
	if options == "" {
		options = "&redirect_endpoint=" + url.QueryEscape(strings.Replace(b.Endpoint, "127.0.0.1", "localhost", 1))
	}
	blobs := fmt.Sprintf("s3://%s/twinport?endpoint=%s&region=%s&path_style=true%s", b.Name, url.QueryEscape(b.Endpoint),
		b.Region, options)
	return stores{
		config: fmt.Sprintf("database: %q\nblobs: %q\n", database, blobs),
		env: []string{
			"AWS_ACCESS_KEY_ID=" + b.AccessKey, "AWS_SECRET_ACCESS_KEY=" + b.SecretKey,
			"TWINPORT_MASTER_KEY=tests " + base64.StdEncoding.EncodeToString(make([]byte, 32)),
		},
		bucket: &b,
	}
}

// noRedirect is the option of a bucket that clients cannot reach.
const noRedirect = "&redirect=false"

// newStreamingServer is newServer, but no client is sent to a bucket.
func newStreamingServer(t *testing.T) *server {
	t.Helper()
	if !shared() {
		return newServer(t)
	}
	return newServerOn(t, sharedStores(servers.Postgres(t), servers.S3(t), noRedirect))
}

// embeddedOnly leaves a test out of the run on shared stores.
func embeddedOnly(t *testing.T, subject string) {
	t.Helper()
	if shared() {
		t.Skipf("left out: it is about %s", subject)
	}
}

// ownStores leaves a test out of the run on shared stores that brings its
// stores itself, and so has run before.
func ownStores(t *testing.T) {
	t.Helper()
	if shared() {
		t.Skip("left out: it brings its stores itself")
	}
}

// TestRedirectKeepsNoLogin: a client is not sent to a bucket to which it would
// send its registry login along.
func TestRedirectKeepsNoLogin(t *testing.T) {
	t.Parallel()
	if !shared() {
		t.Skip("left out: it is about a bucket")
	}
	s := newServer(t) // whose bucket is at localhost
	s.createRepository(prod, tokyo, "app")
	d, err := s.oci(prod, tokyo).putBlob("app", []byte("a layer"))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{"localhost:" + s.port: http.StatusOK, s.addr: http.StatusTemporaryRedirect} {
		request, err := http.NewRequest("GET", "http://"+s.addr+"/v2/"+prod.id+"/"+tokyo+"/app/blobs/"+d.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		request.SetBasicAuth("AWS", s.password(prod, tokyo))
		res, err := s.http.Transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("asked at %s: %s, want %d", host, res.Status, want)
		}
	}
	if !strings.Contains(s.log.String(), "layers are streamed to clients") {
		t.Error("the start does not warn of it")
	}
}

// needsRoot leaves a test out that mounts, itself or by its client.
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("left out: needs root")
	}
}
