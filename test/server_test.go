package test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/twinport/twinport/test/servers"
)

// account is a configured account with its root access key.
type account struct {
	id, name, key, secret string
}

var (
	prod = account{"111122223333", "prod", "AKIAPRODEXAMPLE00001", "prod+secret/kept/by/the/tests/only000001"}
	dev  = account{"444455556666", "dev", "AKIADEVEXAMPLE000002", "dev+secret/kept/by/the/tests/only0000002"}
	// mallory is the account that attacks the others.
	mallory = account{"777788889999", "mallory", "AKIAMALLORYEXAMPLE03", "mallory+secret/kept/by/the/tests/only003"}

	accounts = []account{prod, dev, mallory}
	regions  = []string{tokyo, virginia, oregon}
)

const (
	tokyo    = "ap-northeast-1"
	virginia = "us-east-1"
	oregon   = "us-west-2"
)

var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "twinport-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "twinport")
		build := exec.Command("go", "build", "-o", binary)
		if raceEnabled {
			build.Args = append(build.Args, "-race", "-gcflags=modernc.org/sqlite/lib=-race=false") // see the Makefile
			build.Env = append(os.Environ(), "CGO_ENABLED=1", "GOFLAGS=")
		}
		build.Args = append(build.Args, "../cmd/twinport")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %v\n%s", build, err, out)
			return 1
		}
		return m.Run()
	}())
}

// server is a running twinport with three accounts and three Regions.
type server struct {
	t    *testing.T
	dir  string // holds the configuration and the data folder
	data string
	addr string // host:port
	port string
	wrap []string // what the command line starts with, if anything
	env  []string // more variables

	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
	err    error         // how, once exited is closed
	log    *logBuffer
	http   *http.Client
}

// newServer starts a server that ends with the test. A data race or a panic
// in the server fails the test.
func newServer(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	return newServerAt(t, dir, filepath.Join(dir, "data"))
}

// newServerAt is newServer with its folders; the command line starts with wrap.
func newServerAt(t *testing.T, dir, data string, wrap ...string) *server {
	t.Helper()
	s := prepareServer(t, dir, data, storesOf(t), "")
	s.wrap = wrap
	s.start()
	return s
}

// newServerOn is newServer with its stores.
func newServerOn(t *testing.T, stores stores) *server {
	t.Helper()
	dir := t.TempDir()
	s := prepareServer(t, dir, filepath.Join(dir, "data"), stores, "")
	s.start()
	return s
}

// prepareServer writes the configuration of a server, which ends with more.
func prepareServer(t *testing.T, dir, data string, stores stores, more string) *server {
	t.Helper()
	port := freePort(t)
	addr := "127.0.0.1:" + port
	var config strings.Builder
	fmt.Fprintf(&config, "listen: %s\ndomain: localhost\ndata: %s\nregions: [%s]\naccounts:\n", addr, data, strings.Join(regions, ", "))
	for _, a := range accounts {
		fmt.Fprintf(&config, "  - id: %q\n    name: %s\n    access_keys:\n      - {id: %s, secret: %q}\n", a.id, a.name, a.key, a.secret)
	}
	if !strings.Contains(more, "quotas:") { // tests ask more than people
		more += "quotas: {requests_per_second: none}\n"
	}
	config.WriteString(stores.config + more)
	if err := os.WriteFile(filepath.Join(dir, "twinport.yaml"), []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dir: dir, data: data, addr: addr, port: port, env: stores.env, log: &logBuffer{}, http: newHTTPClient(addr)}
	s.endWithTest()
	return s
}

// endWithTest stops the server when the test ends, and reads its log for
// signs of what must never happen.
func (s *server) endWithTest() {
	t := s.t
	t.Cleanup(func() {
		if s.cmd == nil || s.cmd.Process == nil {
			return // it was never started, or could not be
		}
		s.kill(syscall.SIGTERM)
		text := s.log.String()
		for _, sign := range []string{"WARNING: DATA RACE", "panic:", "panic serving", "fatal error:"} {
			if i := strings.Index(text, sign); i >= 0 {
				t.Errorf("the server's log has %q:\n%s", sign, text[i:min(len(text), i+4000)])
			}
		}
		for _, a := range accounts {
			if strings.Contains(text, a.secret) {
				t.Errorf("the server's log shows the secret of %s", a.name)
			}
		}
		if t.Failed() {
			t.Logf("the server's log ends with:\n%s", text[max(0, len(text)-3000):])
		}
		s.http.CloseIdleConnections()
	})
}

// newHTTPClient returns a client that reaches the names ending in localhost at
// addr, since few systems resolve <account>.dkr.ecr.<region>.localhost. It goes
// where it is sent, as clients do for blobs, unless that is addr again.
func newHTTPClient(addr string) *http.Client {
	dialer := &net.Dialer{}
	_, own, _ := net.SplitHostPort(addr)
	return &http.Client{
		Timeout: 2 * time.Minute,
		Transport: servers.WholeTransport{Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, target string) (net.Conn, error) {
				if host, port, _ := net.SplitHostPort(target); strings.HasSuffix(host, ".localhost") || port == own {
					target = addr
				}
				return dialer.DialContext(ctx, network, target)
			},
			MaxIdleConnsPerHost: 64,
		}},
		CheckRedirect: func(req *http.Request, _ []*http.Request) error {
			if req.URL.Port() == own {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// start runs the server and waits until it is ready.
func (s *server) start() {
	s.t.Helper()
	s.startAs(nil, "serve", "--config", filepath.Join(s.dir, "twinport.yaml"))
}

// startAs is start with a command line and more variables.
func (s *server) startAs(env []string, args ...string) {
	s.t.Helper()
	s.launch(env, args...)
	s.waitReady("http")
}

// launch runs the server and does not wait.
func (s *server) launch(env []string, args ...string) {
	s.t.Helper()
	line := append(slices.Clone(s.wrap), binary)
	line = append(line, args...)
	s.cmd = exec.Command(line[0], line[1:]...)
	s.cmd.Dir = s.dir
	s.cmd.Env = append(os.Environ(), "GORACE=halt_on_error=0 atexit_sleep_ms=0")
	s.cmd.Env = append(append(s.cmd.Env, s.env...), env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	// Should the tests end without a chance to clean up, the server ends too.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan struct{})
	s.exited = exited
	go func() {
		s.err = s.cmd.Wait()
		close(exited)
	}()
}

// waitReady waits until a server that was launched says that it is ready.
func (s *server) waitReady(scheme string) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		select {
		case <-s.exited:
			s.t.Fatalf("serve ended at start (%v):\n%s", s.err, s.log)
		default:
		}
		res, err := s.http.Get(scheme + "://" + s.addr + "/readyz")
		if err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			s.kill(syscall.SIGQUIT) // it writes what each goroutine does
			s.t.Fatalf("serve is not ready after %v (the last answer is %v, %v):\n%s", patience, res, err, s.log)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// kill sends the signal, waits for the end and returns how it ended.
func (s *server) kill(signal syscall.Signal) error {
	s.t.Helper()
	select {
	case <-s.exited:
		return s.err
	default:
	}
	s.cmd.Process.Signal(signal)
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.t.Errorf("serve does not end within %v after %v", patience, signal)
		s.cmd.Process.Kill()
		<-s.exited
	}
	return s.err
}

// restart ends the server with the signal and starts it on the same data.
func (s *server) restart(signal syscall.Signal) {
	s.t.Helper()
	s.kill(signal)
	s.http.CloseIdleConnections()
	s.start()
}

// host names a registry as ECR's own hosts do.
func (s *server) host(a account, region string) string {
	return fmt.Sprintf("%s.dkr.ecr.%s.localhost:%s", a.id, region, s.port)
}

// ecr is the AWS SDK's client, signing with the account's key.
func (s *server) ecr(a account, region string) *ecr.Client {
	return ecr.New(ecr.Options{
		Region:           region,
		BaseEndpoint:     aws.String("http://" + s.addr),
		Credentials:      credentials.NewStaticCredentialsProvider(a.key, a.secret, ""),
		HTTPClient:       s.http,
		RetryMaxAttempts: 1,
	})
}

func (s *server) sts(a account, region string) *sts.Client {
	return sts.New(sts.Options{
		Region:           region,
		BaseEndpoint:     aws.String("http://" + s.addr),
		Credentials:      credentials.NewStaticCredentialsProvider(a.key, a.secret, ""),
		HTTPClient:       s.http,
		RetryMaxAttempts: 1,
	})
}

// metric returns the value of an unlabelled metric such as go_goroutines.
func (s *server) metric(name string) float64 {
	s.t.Helper()
	res, err := s.http.Get("http://" + s.addr + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		var value float64
		if _, err := fmt.Sscanf(lines.Text(), name+" %g", &value); err == nil {
			return value
		}
	}
	s.t.Fatalf("/metrics (%s) has no %s", res.Status, name)
	return 0
}

// logBuffer keeps what the server prints.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// eventually repeats the check until it returns nil or the time is over.
func eventually(t *testing.T, limit time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %v", limit, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// throughout repeats the check for the whole time; it must never fail.
func throughout(t *testing.T, limit time.Duration, check func() error) {
	t.Helper()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err := check(); err != nil {
			t.Fatal(err)
		}
	}
}

// patience bounds the wait for what takes milliseconds on an idle machine.
const patience = time.Minute

// replaceInConfig edits the configuration file for the next start.
func (s *server) replaceInConfig(old, new string) {
	s.t.Helper()
	path := filepath.Join(s.dir, "twinport.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(old)) {
		s.t.Fatalf("the configuration has no %s", old)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte(old), []byte(new)), 0o600); err != nil {
		s.t.Fatal(err)
	}
}
