// Package attack has programs that try to take what is everybody's: memory, processors, queues. Each runs against
// the real program with the memory limit of deploy/, beside another tenant who goes on working. The test fails if
// the program takes more memory than it may, or the tenant notices.
//
// They run short with all other tests, and for ATTACK_TIME each in `make torture`, where latencies count. With
// TEST_STORES=shared the program has PostgreSQL and a bucket.
package attack

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twinport/twinport/test/servers"
)

// tenant is a configured account with its root access key.
type tenant struct{ id, name, key, secret string }

var (
	// victim goes on working.
	victim = tenant{"111122223333", "victim", "AKIAVICTIMEXAMPLE001", "victim+secret/kept/by/the/tests/only0001"}
	// mallory is the tenant who attacks.
	mallory = tenant{"777788889999", "mallory", "AKIAMALLORYEXAMPLE03", "mallory+secret/kept/by/the/tests/only003"}
	// partner is a third one, to replicate to.
	partner = tenant{"444455556666", "partner", "AKIAPARTNEREXAMPLE02", "partner+secret/kept/by/the/tests/only002"}

	tenants = []tenant{victim, mallory, partner}
)

const region = "us-east-1"

// others are Regions to replicate to: as many as one registry may have destinations.
var others = func() (names []string) {
	for i := range 25 {
		names = append(names, fmt.Sprint("other-", i+1))
	}
	return names
}()

var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		if os.Getenv("ATTACKER") != "" {
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "twinport-attack-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		// Never with the race detector: memory is what is measured.
		binary = filepath.Join(dir, "twinport")
		if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/twinport").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build twinport: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// attackTime is how long an attack goes on; long says that it was asked for.
func attackTime() (d time.Duration, long bool) {
	d, err := time.ParseDuration(os.Getenv("ATTACK_TIME"))
	if err != nil {
		return 3 * time.Second, false
	}
	return d, true
}

func shared() bool { return os.Getenv("TEST_STORES") == "shared" }

// program is a running twinport.
type program struct {
	t     *testing.T
	addr  string
	tls   bool
	dir   string // with the configuration
	env   []string
	cmd   *exec.Cmd
	ended chan error
	log   *syncBuffer
	http  *http.Client
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start starts the program, which ends with the test.
func start(t *testing.T) *program { return startWith(t, "") }

// startTLS is start with a certificate, and so with HTTP/2.
func startTLS(t *testing.T) *program {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return startWith(t, fmt.Sprintf("tls: {cert: %q, key: %q}\n", write("cert.pem", "CERTIFICATE", certificate),
		write("key.pem", "PRIVATE KEY", der)))
}

// startWith is start with more of the configuration.
func startWith(t *testing.T, more string) *program {
	t.Helper()
	dir := t.TempDir()
	p := &program{t: t, tls: strings.Contains(more, "tls:"), log: &syncBuffer{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = listener.Addr().String()
	listener.Close()
	var config strings.Builder
	fmt.Fprintf(&config, "listen: %s\ndomain: localhost\ndata: %s\nregions: [%s, %s]\naccounts:\n", p.addr,
		filepath.Join(dir, "data"), region,
		strings.Join(others, ", "))
	for _, a := range tenants {
		fmt.Fprintf(&config, "  - id: %q\n    name: %s\n    access_keys:\n      - {id: %s, secret: %q}\n", a.id, a.name,
			a.key, a.secret)
	}
	if !strings.Contains(more, "quotas:") { // it is not the rates of requests that an attack is to meet
		more += "quotas: {requests_per_second: none}\n"
	}
	env := append(os.Environ(), "GOMEMLIMIT=850MiB")
	if shared() {
		b := servers.S3(t)
		fmt.Fprintf(&config, "database: %q\nblobs: %q\n", servers.Postgres(t),
			fmt.Sprintf("s3://%s/twinport?endpoint=%s&region=%s&path_style=true&redirect=false",
				b.Name, url.QueryEscape(b.Endpoint), b.Region))
		env = append(env, "AWS_ACCESS_KEY_ID="+b.AccessKey, "AWS_SECRET_ACCESS_KEY="+b.SecretKey)
	}
	file := filepath.Join(dir, "twinport.yaml")
	if err := os.WriteFile(file, []byte(config.String()+more), 0o600); err != nil {
		t.Fatal(err)
	}
	p.http = p.client()
	p.dir, p.env = dir, env
	p.serve()
	t.Cleanup(func() {
		p.stop()
		text := p.log.String()
		for _, sign := range []string{"panic", "fatal error:", "level=ERROR"} {
			if i := strings.Index(text, sign); i >= 0 {
				t.Errorf("the program's log has %q:\n%s", sign, text[i:min(len(text), i+2000)])
			}
		}
		if t.Failed() {
			t.Logf("the program's log ends with:\n%s", text[max(0, len(text)-3000):])
		}
	})
	return p
}

// stop ends the program.
func (p *program) stop() {
	p.http.CloseIdleConnections()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second): // whom the attack holds
		p.cmd.Process.Kill()
		<-p.ended
	}
}

// serve starts the program, and returns once it is ready.
func (p *program) serve() {
	t := p.t
	t.Helper()
	p.cmd = exec.Command(binary, "serve", "--config", filepath.Join(p.dir, "twinport.yaml"))
	p.cmd.Dir, p.cmd.Env = p.dir, p.env
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	cmd := p.cmd
	go func() {
		ended <- cmd.Wait()
		close(ended)
	}()
	p.ended = ended
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if res, err := p.http.Get(p.url("/readyz")); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("serve ended at start: %v\n%s", err, p.log)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("serve is not ready after 30 s:\n%s", p.log)
		}
	}
}

func (p *program) url(path string) string {
	if p.tls {
		return "https://" + p.addr + path
	}
	return "http://" + p.addr + path
}

// client returns a client with connections of its own, which takes names below localhost for the program.
func (p *program) client() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: servers.WholeTransport{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, p.addr)
		},
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64,
	}}}
}

// dial opens a connection that ends with the test.
func (p *program) dial() net.Conn {
	p.t.Helper()
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	return c
}

// peak is the most memory that the program has had since the last call, in MiB.
func (p *program) peak() int {
	p.t.Helper()
	proc := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		p.t.Fatal(err)
	}
	kib := 0
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kib)
	}
	_ = os.WriteFile(proc+"clear_refs", []byte("5"), 0o200) // where it cannot be set back, the test is stricter
	return kib >> 10
}

// metric is the value of a metric with its labels.
func (p *program) metric(name string) (value float64) {
	p.t.Helper()
	res, err := p.http.Get(p.url("/metrics"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, strings.ReplaceAll(name, "%", "%%")+" %g", &value); err == nil {
			return value
		}
	}
	p.t.Fatalf("/metrics has no %s", name)
	return 0
}
