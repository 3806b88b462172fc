package s3store

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/blobtest"
	"github.com/twinport/twinport/test/servers"
)

var ctx = context.Background()

// gateway is the S3 server of all tests.
type gateway struct {
	port string
	stop func()
}

var (
	gatewayOnce sync.Once
	theGateway  *gateway
	gatewayErr  error
	buckets     atomic.Int64
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret-of-the-test", "AWS_REGION": "us-east-1",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	maxBackoff, resumeDelay = 50*time.Millisecond, 5*time.Millisecond
	status := m.Run()
	if theGateway != nil {
		theGateway.stop()
	}
	os.Exit(status)
}

func findGateway() (string, error) {
	if path := os.Getenv("TEST_VERSITYGW"); path != "" {
		return path, nil
	}
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if found, _ := filepath.Glob(filepath.Join(dir, ".cache/tools/versitygw@*/versitygw")); len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	path, err := exec.LookPath("versitygw")
	if err != nil {
		return "", fmt.Errorf("find the S3 server of the tests: %w (go install "+
			"github.com/versity/versitygw/cmd/versitygw@v1.8.0, or name one in TEST_VERSITYGW)", err)
	}
	return path, nil
}

func startGateway() (*gateway, error) {
	path, err := findGateway()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "s3store-test-")
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	_ = listener.Close()
	cmd := exec.Command(path, "--access", os.Getenv("AWS_ACCESS_KEY_ID"), "--secret", os.Getenv("AWS_SECRET_ACCESS_KEY"),
		"--port", "127.0.0.1:"+port, "--virtual-domain", "localhost:"+port, "--keep-alive", "--quiet", "posix", dir)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	g := &gateway{port: port, stop: func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	}}
	for range 200 {
		if res, err := http.Get("http://127.0.0.1:" + port); err == nil {
			_ = res.Body.Close()
			return g, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	g.stop()
	return nil, fmt.Errorf("%s does not answer", path)
}

// bucket is a bucket on the real server.
type bucket struct{ name, endpoint string }

// newBucket makes an empty bucket.
func newBucket(t testing.TB) bucket {
	t.Helper()
	gatewayOnce.Do(func() { theGateway, gatewayErr = startGateway() })
	if gatewayErr != nil {
		t.Fatal(gatewayErr)
	}
	b := bucket{name: fmt.Sprintf("bucket-%d", buckets.Add(1)), endpoint: "http://127.0.0.1:" + theGateway.port}
	at, err := Parse("s3://nothing?path_style=true&endpoint=" + b.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		t.Fatal(err)
	}
	client := newStore(at, cfg).client
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &b.name}); err != nil {
		t.Fatal(err)
	}
	return b
}

// url of the bucket, with further parameters that begin with &.
func (b bucket) url(parameters string) string {
	return fmt.Sprintf("s3://%s/some/prefix?path_style=true&endpoint=%s%s", b.name, url.QueryEscape(b.endpoint),
		parameters)
}

func (b bucket) open(t testing.TB, parameters string) *Store {
	t.Helper()
	s, err := Open(ctx, b.url(parameters))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// through puts a proxy before the bucket, whose answers are changed by fault.
// A fault that returns true has answered.
func (b bucket) through(t testing.TB, fault func(w http.ResponseWriter, r *http.Request,
	pass http.Handler) bool) bucket {
	t.Helper()
	target, err := url.Parse(b.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{
		// The signature covers the Host.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fault(w, r, pass) {
			servers.WholeAnswers(pass).ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return bucket{b.name, server.URL}
}

func TestStore(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blobtest.Open {
		b := newBucket(t)
		return func() blob.Store { return b.open(t, "") }
	})
}
