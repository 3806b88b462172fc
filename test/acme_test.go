package test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestACME has a certificate from a real authority: obtained by TLS-ALPN-01 on
// the server's own port, renewed while it serves, and kept over a restart
// without the authority. Another domain is refused.
func TestACME(t *testing.T) {
	t.Parallel()
	const domain, second, other = "registry.acme.example", "second.acme.example", "other.acme.example"
	s := newServer(t)
	s.kill(syscall.SIGTERM)
	// Two thirds of the certificates' time is how long the test waits for the renewal.
	authority := startPebble(t, s.port, 45*time.Second)
	s.replaceInConfig("domain: localhost\n", fmt.Sprintf("domain: localhost\ntls: {acme: {domains: [%s, %s], email: "+
		"me@acme.example, directory: %q, ca: %s}}\n",
		domain, second, authority.directory, authority.ca))
	serve := func() {
		t.Helper()
		s.launch(nil, "serve", "--config", filepath.Join(s.dir, "twinport.yaml"))
	}
	// leaf connects and gives the certificate that the server shows. Its chain
	// is verified if roots are given.
	leaf := func(name string, roots *x509.CertPool) (*x509.Certificate, error) {
		dialer := &net.Dialer{Timeout: patience}
		connection, err := tls.DialWithDialer(dialer, "tcp", s.addr, &tls.Config{
			ServerName: name, RootCAs: roots, InsecureSkipVerify: roots == nil,
		})
		if err != nil {
			return nil, err
		}
		defer connection.Close()
		return connection.ConnectionState().PeerCertificates[0], nil
	}

	serve()
	roots := authority.roots()
	var first *x509.Certificate
	eventually(t, patience, func() (err error) {
		first, err = leaf(domain, roots)
		return err
	})
	eventually(t, patience, func() error {
		_, err := leaf(second, roots)
		return err
	})
	if cert, err := leaf(other, nil); err == nil {
		t.Errorf("a domain that is not configured gets a certificate of %q", cert.DNSNames)
	}
	eventually(t, patience, func() error {
		if !strings.Contains(s.log.String(), "not among tls.acme.domains") {
			return fmt.Errorf("the log does not say why a domain was refused:\n%s", s.log)
		}
		return nil
	})
	if strings.Contains(authority.log.String(), other) {
		t.Error("the authority was asked for a domain that is not configured")
	}
	// As a health check by address does it: without a name.
	if cert, err := leaf("", nil); err != nil || cert.VerifyHostname(domain) != nil {
		t.Errorf("without a name: %v", err)
	}
	https := &http.Client{Timeout: patience, Transport: &http.Transport{
		ForceAttemptHTTP2: true, DisableKeepAlives: true, TLSClientConfig: &tls.Config{ServerName: domain, RootCAs: roots},
	}}
	res, err := https.Get("https://" + s.addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || res.Proto != "HTTP/2.0" {
		t.Errorf("%s, %v; want HTTP/2.0", res.Proto, err)
	}
	var expiry float64
	for lines := bufio.NewScanner(strings.NewReader(string(metrics))); lines.Scan(); {
		fmt.Sscanf(lines.Text(), "twinport_tls_certificate_expiry_timestamp_seconds %g", &expiry)
	}
	if left := time.Until(time.Unix(int64(expiry), 0)); left < 0 || left > time.Minute {
		t.Errorf("the metric says that the certificate ends in %v", left)
	}

	var renewed *x509.Certificate
	eventually(t, time.Minute, func() (err error) {
		time.Sleep(200 * time.Millisecond)
		if renewed, err = leaf(domain, roots); err == nil && renewed.SerialNumber.Cmp(first.SerialNumber) == 0 {
			err = fmt.Errorf("the certificate is not renewed; it ends in %v", time.Until(renewed.NotAfter))
		}
		return err
	})

	s.kill(syscall.SIGKILL)
	authority.stop()
	serve()
	eventually(t, patience, func() error {
		cert, err := leaf(domain, nil)
		if err == nil && cert.SerialNumber.Cmp(renewed.SerialNumber) != 0 {
			t.Errorf("after the restart the certificate is %v, want %v", cert.SerialNumber, renewed.SerialNumber)
		}
		return err
	})
	entries, err := os.ReadDir(filepath.Join(s.data, "acme"))
	if err != nil || len(entries) < 3 { // two certificates and the account's key
		t.Errorf("the cache has %d files, %v", len(entries), err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has the mode %v, %v", entry.Name(), info.Mode(), err)
		}
	}
}

// pebble is Let's Encrypt's authority for tests, with a DNS server for which
// every name is this machine.
type pebble struct {
	t             *testing.T
	directory, ca string
	management    string
	log           *logBuffer
	cmd           *exec.Cmd
	http          *http.Client
}

// startPebble starts one that validates at the port and whose certificates
// have the lifetime. It ends with the test.
func startPebble(t *testing.T, port string, lifetime time.Duration) *pebble {
	t.Helper()
	program, names := client(t, "pebble"), client(t, "pebble-challtestsrv")
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key, 1, "localhost")
	listen, management, dns := freePort(t), freePort(t), freePort(t)
	settings, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": "127.0.0.1:" + listen, "managementListenAddress": "127.0.0.1:" + management,
		"certificate": cert, "privateKey": key, "httpPort": 1, "tlsPort": json.Number(port), "keyAlgorithm": "ecdsa",
		"profiles": map[string]any{
			"default": map[string]any{"description": "short", "validityPeriod": int(lifetime.Seconds())},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "pebble.json"), string(settings))
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	own := x509.NewCertPool()
	own.AppendCertsFromPEM(text)
	p := &pebble{
		t: t, directory: "https://localhost:" + listen + "/dir", ca: cert, management: "https://localhost:" + management,
		log: &logBuffer{},
		http: &http.Client{
			Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: own}},
		},
	}
	start := func(program string, args ...string) *exec.Cmd {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
		cmd.Stdout, cmd.Stderr = p.log, p.log
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Kill() // it may have ended
			cmd.Wait()
		})
		return cmd
	}
	start(names, "-dnsserver", "127.0.0.1:"+dns, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-management",
		"127.0.0.1:0", "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "")
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+dns)
	}}
	eventually(t, patience, func() error {
		// An authority that does not find a domain gives up on it.
		_, err := resolver.LookupHost(ctx, "registry.acme.example.")
		return err
	})
	p.cmd = start(program, "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", "127.0.0.1:"+dns)
	t.Cleanup(func() {
		if t.Failed() {
			text := p.log.String()
			t.Logf("the authority's log ends with:\n%s", text[max(0, len(text)-3000):])
		}
	})
	eventually(t, patience, func() error {
		res, err := p.http.Get(p.directory)
		if err == nil {
			res.Body.Close()
		}
		return err
	})
	return p
}

// roots returns the certificates that the authority's own come from.
func (p *pebble) roots() *x509.CertPool {
	p.t.Helper()
	res, err := p.http.Get(p.management + "/roots/0")
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		p.t.Fatalf("the authority's root is %q, %v", text, err)
	}
	return pool
}

func (p *pebble) stop() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}
