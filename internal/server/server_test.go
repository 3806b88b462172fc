package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/resource"
)

const patience = 30 * time.Second

func testConfig(t *testing.T) config.Config {
	cfg := config.Default()
	cfg.Listen, cfg.PublicPort, cfg.Data = "127.0.0.1:0", 0, filepath.Join(t.TempDir(), "data")
	cfg.Accounts = []config.Account{
		{ID: "111122223333", Name: "prod", AccessKeys: []config.AccessKey{
			{ID: "AKIATESTTESTTESTTEST", Secret: strings.Repeat("s", 40)},
		}},
	}
	return cfg
}

// logBuffer keeps what the server logs.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newLog() (*logBuffer, *slog.Logger) {
	b := &logBuffer{}
	return b, slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// running is a server that serves until stop is called or the test ends.
type running struct {
	*Server
	log     *logBuffer
	stop    context.CancelFunc
	stopped chan struct{}
	err     error // Run's, once stopped is closed
}

// start runs a server; change, if not nil, may alter it before.
func start(t *testing.T, cfg config.Config, change func(*Server)) *running {
	t.Helper()
	buffer, log := newLog()
	s, err := New(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Server: s, log: buffer, stop: cancel, stopped: make(chan struct{})}
	go func() {
		r.err = s.Run(ctx)
		close(r.stopped)
	}()
	t.Cleanup(func() { r.wait(t) })
	return r
}

// wait stops the server and returns Run's error.
func (r *running) wait(t *testing.T) error {
	t.Helper()
	r.stop()
	select {
	case <-r.stopped:
	case <-time.After(patience):
		t.Fatalf("Run does not return; log:\n%s", r.log)
	}
	return r.err
}

func get(t *testing.T, method, url string) (status int, header http.Header, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

func TestRouting(t *testing.T) {
	s := start(t, testConfig(t), nil)
	for _, test := range []struct {
		method, path string
		status       int
		contains     string
	}{
		{"GET", "/v2/", 401, "Not Authorized"},
		{"GET", "/v2", 401, ""},
		{"GET", "/v2/app/manifests/../../../metrics", 404, `"UNSUPPORTED"`},
		{"GET", "/v2//app/tags/list", 400, `"NAME_INVALID"`},
		{"POST", "/", 404, "UnknownOperationException"},
		{"GET", "/?Action=GetCallerIdentity&Version=2011-06-15", 403, "MissingAuthenticationToken"},
		{"GET", "/", 404, "Twinport has nothing at this path"},
		{"HEAD", "/", 404, ""},
		{"DELETE", "/", 405, "UnknownOperationException"},
		{"GET", "/healthz", 200, "ok\n"},
		{"HEAD", "/healthz", 200, ""},
		{"GET", "/readyz", 200, "ready\n"},
		{"POST", "/readyz", 405, "GET and HEAD"},
		{"GET", "/metrics", 200, "go_goroutines "},
		{"PUT", "/metrics", 405, "GET and HEAD"},
		{"GET", "/console", 308, "/console/"},
		{"GET", "/console/", 200, "<title>Twinport</title>"},
		{"GET", "/console/session", 200, `"sessions":[]`},
		{"POST", "/console/session", 415, "application/json"},
		{"GET", "/consoles", 404, "nothing at this path"},
		{"GET", "/metrics/", 404, "nothing at this path"},
		{"GET", "/%6detrics", 404, "nothing at this path"},
		{"GET", "/%76%32/", 404, "nothing at this path"},
		{"GET", "/%63onsole/", 404, "nothing at this path"},
		{"GET", "/readyz%2f", 404, "nothing at this path"},
		{"GET", "//v2/", 404, "nothing at this path"},
		{"GET", "/v1/", 404, "nothing at this path"},
		{"GET", "/v2x", 404, "nothing at this path"},
	} {
		status, _, body := get(t, test.method, s.URL()+test.path)
		if status != test.status || !strings.Contains(body, test.contains) || test.method == "HEAD" && body != "" {
			t.Errorf("%s %s: %d %q, want %d %q", test.method, test.path, status, body, test.status, test.contains)
		}
	}
	if err := s.wait(t); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// Metrics with an address of their own are not at the clients' one.
func TestMetricsListener(t *testing.T) {
	cfg := testConfig(t)
	cfg.Metrics = "127.0.0.1:0"
	s := start(t, cfg, nil)
	metrics := "http://" + s.Server.metrics.listener.Addr().String()
	for _, test := range []struct {
		method, url string
		status      int
		contains    string
	}{
		{"GET", s.URL() + "/metrics", 404, "nothing at this path"},
		{"GET", s.URL() + "/healthz", 200, "ok"},
		{"GET", metrics + "/metrics", 200, "twinport_http_requests_total"},
		{"POST", metrics + "/metrics", 405, "GET and HEAD"},
		{"GET", metrics + "/v2/", 404, "Only /metrics"},
		{"POST", metrics + "/", 404, "Only /metrics"},
	} {
		if status, _, body := get(t, test.method, test.url); status != test.status || !strings.Contains(body, test.contains) {
			t.Errorf("%s %s: %d %.80q, want %d %q", test.method, test.url, status, body, test.status, test.contains)
		}
	}
	if err := s.wait(t); err != nil {
		t.Errorf("Run: %v", err)
	}
	if _, err := http.Get(metrics + "/metrics"); err == nil {
		t.Error("metrics are served after the stop")
	}
}

func TestMetrics(t *testing.T) {
	s := start(t, testConfig(t), nil)
	for range 3 {
		get(t, "GET", s.URL()+"/v2/")
	}
	get(t, "POST", s.URL()+"/")
	get(t, "GET", s.URL()+"/nothing")
	_, _, body := get(t, "GET", s.URL()+"/metrics")
	for _, want := range []string{
		`twinport_http_requests_total{protocol="oci",status="4xx"} 3`,
		`twinport_http_requests_total{protocol="oci",status="2xx"} 0`,
		`twinport_http_requests_total{protocol="aws",status="4xx"} 1`,
		`twinport_http_requests_total{protocol="other",status="4xx"} 1`,
		`twinport_http_request_duration_seconds_count{protocol="oci"} 3`,
		`twinport_http_requests_in_flight 1`,
		`twinport_replication_tries_total{result="complete"} 0`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("/metrics lacks %s:\n%s", want, body)
		}
	}
}

// TestAccessLog: every request at debug level, and no secret of any.
func TestAccessLog(t *testing.T) {
	s := start(t, testConfig(t), nil)
	get(t, "GET", s.URL()+"/v2/app/blobs/sha256:"+strings.Repeat("0", 64)+"?X-Twinport-Token=verysecret")
	get(t, "GET", s.URL()+"/?Action=GetCallerIdentity&X-Amz-Signature=verysecret&X-Amz-Security-Token=verysecret")
	get(t, "GET", s.URL()+"/"+strings.Repeat("long", 1000))
	s.wait(t)
	log := s.log.String()
	if strings.Contains(log, "verysecret") {
		t.Errorf("the log shows a secret:\n%s", log)
	}
	for _, want := range []string{"msg=request", "path=/v2/app/blobs/", "status=401", "method=GET"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	if strings.Contains(log, strings.Repeat("long", 200)) {
		t.Error("the log has the whole of a long path")
	}
}

func TestReady(t *testing.T) {
	_, log := newLog()
	s, err := New(t.Context(), testConfig(t), log)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	s.stopping.Store(true)
	if err := s.ready(t.Context()); err == nil {
		t.Error("a stopping server is ready")
	}
	s.stopping.Store(false)
	for range 2 { // twice does no harm
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	s.readiness = readiness{} // forget
	if err := s.ready(t.Context()); err == nil {
		t.Error("a server without its metadata store is ready")
	}
}

// TestReadyReadsTheStores: a process whose stores cannot be read says so, and why,
// whatever it remembers of them.
func TestReadyReadsTheStores(t *testing.T) {
	for name, c := range map[string]struct {
		want  string
		spoil func(data string) error
	}{
		"malformed database": {"the database cannot be read", func(data string) error {
			// In this order: a checkpoint in between copies the first to the second.
			for _, name := range []string{"metadata.db-wal", "metadata.db"} {
				path := filepath.Join(data, "metadata", name)
				info, err := os.Stat(path)
				if err != nil {
					return err
				}
				f, err := os.OpenFile(path, os.O_WRONLY, 0)
				if err != nil {
					return err
				}
				_, err = f.Write(bytes.Repeat([]byte("junk"), int(info.Size())/4))
				if err := errors.Join(err, f.Close()); err != nil {
					return err
				}
			}
			return nil
		}},
		"database gone": {
			"the database cannot be read", func(data string) error {
				return os.Remove(filepath.Join(data, "metadata", "metadata.db"))
			},
		},
		"layers' folder gone": {
			"the folder of layers is not there", func(data string) error {
				return os.Rename(filepath.Join(data, "blobs"), filepath.Join(data, "away"))
			},
		},
		"disk gone": {"not there", func(data string) error { return os.Rename(data, data+" away") }},
	} {
		t.Run(name, func(t *testing.T) {
			_, log := newLog()
			cfg := testConfig(t)
			s, err := New(t.Context(), cfg, log)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close() // it may fail
			if err := s.ready(t.Context()); err != nil {
				t.Fatalf("at first: %v", err)
			}
			if err := c.spoil(cfg.Data); err != nil {
				t.Fatal(err)
			}
			if err := s.ready(t.Context()); err != nil {
				t.Errorf("it is asked again within a second: %v", err)
			}
			s.readiness = readiness{}
			err = s.ready(t.Context())
			if err == nil || strings.Contains(err.Error(), cfg.Data) || !strings.Contains(err.Error(), c.want) &&
				name != "disk gone" {
				t.Errorf("not ready, for %v; want %q", err, c.want)
			}
		})
	}
}

// TestReadyAsksOnce: however many ask, the stores are asked once, and a store
// that does not answer holds nobody up.
func TestReadyAsksOnce(t *testing.T) {
	var r readiness
	var asked atomic.Int64
	silent := make(chan struct{})
	ping := func(context.Context) error { asked.Add(1); <-silent; return nil }
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := r.check(short, ping); err == nil {
				t.Error("ready without an answer")
			}
		})
	}
	all.Wait()
	close(silent)
	if err := r.check(t.Context(), ping); err != nil || asked.Load() > 2 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
}

// TestGracefulStop: a request under way finishes, new ones are refused, and
// the stop waits for it.
func TestGracefulStop(t *testing.T) {
	entered, finish := make(chan struct{}), make(chan struct{})
	s := start(t, testConfig(t), func(s *Server) {
		s.http.Handler.(*forwarded).next.(*observer).routes.oci = http.HandlerFunc(func(w http.ResponseWriter,
			r *http.Request) {
			close(entered)
			<-finish
			io.WriteString(w, "finished")
		})
	})
	answer := make(chan string, 1)
	go func() {
		_, _, body := get(t, "GET", s.URL()+"/v2/")
		answer <- body
	}()
	<-entered
	s.stop()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		connection, err := net.Dial("tcp", s.Addr())
		if err != nil {
			break
		}
		connection.Close()
		if time.Now().After(end) {
			t.Fatal("a stopping server takes connections")
		}
	}
	if err := s.ready(t.Context()); err == nil || !strings.Contains(err.Error(), "stopping") {
		t.Errorf("ready: %v", err)
	}
	select {
	case <-s.stopped:
		t.Fatal("Run returned with a request under way")
	case <-time.After(50 * time.Millisecond):
	}
	close(finish)
	if got := <-answer; got != "finished" {
		t.Errorf("the request under way got %q", got)
	}
	if err := s.wait(t); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// TestStopIsBounded: a request that never ends is broken off.
func TestStopIsBounded(t *testing.T) {
	entered := make(chan struct{})
	s := start(t, testConfig(t), func(s *Server) {
		s.stopTimeout = 20 * time.Millisecond
		s.http.Handler.(*forwarded).next.(*observer).routes.oci = http.HandlerFunc(func(w http.ResponseWriter,
			r *http.Request) {
			close(entered)
			<-r.Context().Done()
		})
	})
	go func() {
		res, err := http.Get(s.URL() + "/v2/")
		if err == nil {
			res.Body.Close()
		}
	}()
	<-entered
	if err := s.wait(t); err != nil {
		t.Errorf("Run: %v", err)
	}
	if !strings.Contains(s.log.String(), "broken off") {
		t.Errorf("the log does not say so:\n%s", s.log)
	}
}

func TestPanic(t *testing.T) {
	s := start(t, testConfig(t), func(s *Server) {
		routes := s.http.Handler.(*forwarded).next.(*observer).routes
		routes.oci = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/late" {
				io.WriteString(w, "a part of")
			}
			w.Header().Set("Docker-Content-Digest", "sha256:wrong")
			panic("on purpose")
		})
		routes.aws = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(fmt.Errorf("on purpose")) })
		routes.metrics = routes.aws
	})
	for _, test := range []struct{ method, path string }{{"GET", "/v2/"}, {"POST", "/"}} {
		status, header, body := get(t, test.method, s.URL()+test.path)
		if status != 500 || !json.Valid([]byte(body)) || header.Get("Docker-Content-Digest") != "" {
			t.Errorf("%s %s: %d %v %s", test.method, test.path, status, header, body)
		}
	}
	if status, _, body := get(t, "GET", s.URL()+"/metrics"); status != 500 || !strings.Contains(body, "internal error") {
		t.Errorf("GET /metrics: %d %s", status, body)
	}
	if res, err := http.Get(s.URL() + "/v2/late"); err == nil {
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Error("a part of an answer was taken for the whole")
		}
		res.Body.Close()
	}
	if status, _, _ := get(t, "GET", s.URL()+"/healthz"); status != 200 {
		t.Error("a panic ended the server")
	}
	s.wait(t)
	if log := s.log.String(); strings.Count(log, "panic: a request failed") < 4 ||
		!strings.Contains(log, "server_test.go") {
		t.Errorf("the log lacks panics or their places:\n%s", log)
	}
	if n := s.requests.inFlight.Load(); n != 0 {
		t.Errorf("%d requests are counted as under way", n)
	}
}

// TestHeaderLimit: what comes before a handler is bounded.
func TestHeaderLimit(t *testing.T) {
	s := start(t, testConfig(t), nil)
	connection, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "GET /healthz HTTP/1.1\r\nHost: x\r\nUser-Agent: %s\r\n\r\n", strings.Repeat("x", 64<<10))
	res, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %s", res.Status)
	}
}

// TestBodyTimeout: a body that does not come holds no connection, even if
// nobody wants to read it.
func TestBodyTimeout(t *testing.T) {
	s := start(t, testConfig(t), func(s *Server) {
		for p := range protocols {
			s.http.Handler.(*forwarded).next.(*observer).paces[p] = budget.Pace{Silence: 50 * time.Millisecond, Rate: 1 << 20}
		}
	})
	for _, line := range []string{"PUT /v2/app/manifests/1", "POST /", "POST /nothing"} {
		connection, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		connection.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(connection, "%s HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", line)
		if _, err := io.ReadAll(connection); err != nil {
			t.Errorf("%s: the connection stays open: %v", line, err)
		}
	}
}

// A byte now and then does not keep a body going.
func TestSlowBodyIsDropped(t *testing.T) {
	s := start(t, testConfig(t), func(s *Server) {
		s.http.Handler.(*forwarded).next.(*observer).paces[protocolConsole] = budget.Pace{
			Silence: 300 * time.Millisecond, Rate: 1 << 20,
		}
	})
	connection, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(connection, "POST /console/session HTTP/1.1\r\nHost: x\r\nContent-Type: "+
		"application/json\r\nContent-Length: 4000\r\n\r\n{")
	go func() {
		for err := error(nil); err == nil; time.Sleep(20 * time.Millisecond) {
			_, err = connection.Write([]byte(" "))
		}
	}()
	answer, _ := io.ReadAll(connection) // it may end with a reset
	if !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("%q", answer)
	}
}

// TestLimitedConnections: a network may have four times as many as are free, a trusted proxy all.
func TestLimitedConnections(t *testing.T) {
	var trusted []netip.Prefix
	for _, want := range []int{8, 10} {
		limits := budget.NewLimits(10*128<<10, 1, slog.New(slog.DiscardHandler))
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer inner.Close()
		l := &limitedListener{inner, limits, trusted}
		accepted := make(chan net.Conn, 20)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				accepted <- c
			}
		}()
		var last net.Conn
		for range 20 {
			c, err := net.Dial("tcp", inner.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			last = c
		}
		last.SetReadDeadline(time.Now().Add(patience))
		if _, err := last.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("one too many was not closed: %v", err)
		}
		if len(accepted) != want || limits.Connections.Used() != int64(want) {
			t.Errorf("%d connections of 20, want %d", len(accepted), want)
		}
		for range want {
			c := <-accepted
			if _, ok := c.(io.ReaderFrom); !ok {
				t.Error("files are copied")
			}
			c.Close()
			c.Close()
		}
		if n := limits.Connections.Used(); n != 0 {
			t.Errorf("%d are not given back", n)
		}
		trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
}

func TestEndpoint(t *testing.T) {
	id := resource.Registry{Account: "111122223333", Region: "us-east-1"}
	for _, test := range []struct {
		port         int
		scheme, want string
	}{
		{0, "http", "111122223333.dkr.ecr.us-east-1.localhost:%d"},
		{9000, "http", "111122223333.dkr.ecr.us-east-1.localhost:9000"},
		{80, "http", "111122223333.dkr.ecr.us-east-1.localhost"},
		{443, "https", "111122223333.dkr.ecr.us-east-1.localhost"},
	} {
		cfg := testConfig(t)
		cfg.PublicPort = test.port
		_, log := newLog()
		s, err := New(t.Context(), cfg, log)
		if err != nil {
			t.Fatal(err)
		}
		want := test.want
		if test.port == 0 {
			want = fmt.Sprintf(want, s.listener.Addr().(*net.TCPAddr).Port)
		}
		if got := s.endpoint(cfg)(id); got != want {
			t.Errorf("port %d: %s, want %s", test.port, got, want)
		}
		if got := cfg.PublicScheme(); got != test.scheme {
			t.Errorf("port %d: %s, want %s", test.port, got, test.scheme)
		}
		s.Close()
	}
}

// TestNewFails: every failure has a reason, and leaves nothing open.
func TestNewFails(t *testing.T) {
	_, log := newLog()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change func(*config.Config)
		want   string
	}{
		{"address in use", func(c *config.Config) { c.Listen = taken.Addr().String() }, "address already in use"},
		{"address of metrics in use", func(c *config.Config) { c.Metrics = taken.Addr().String() }, "set metrics"},
		{"data is a file", func(c *config.Config) { c.Data = file }, "data folder"},
		{"no certificate", func(c *config.Config) { c.TLS = config.TLS{Cert: file, Key: file} },
			"load the certificate " + file},
		{"account twice", func(c *config.Config) { c.Accounts = append(c.Accounts, c.Accounts...) }, "accounts"},
	} {
		cfg := testConfig(t)
		test.change(&cfg)
		s, err := New(t.Context(), cfg, log)
		if err == nil {
			s.Close()
			t.Errorf("%s: no error", test.name)
		} else if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	// Data that another server has open.
	cfg := testConfig(t)
	s, err := New(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := New(t.Context(), cfg, log); err == nil {
		second.Close()
		t.Error("two servers share the data")
	}
	s.Close()
	again, err := New(t.Context(), cfg, log)
	if err != nil {
		t.Fatalf("the data stays locked: %v", err)
	}
	again.Close()
}
