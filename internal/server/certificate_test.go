package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/config"
)

// writePair makes a certificate with the serial number, and its key.
func writePair(t *testing.T, files config.TLS, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, files.Cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	write(t, files.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func pairIn(dir string) config.TLS {
	return config.TLS{Cert: filepath.Join(dir, "server.crt"), Key: filepath.Join(dir, "server.key")}
}

func TestCertificateReload(t *testing.T) {
	files := pairIn(t.TempDir())
	writePair(t, files, 1)
	buffer, log := newLog()
	c, err := loadCertificate(files.Cert, files.Key, log)
	if err != nil {
		t.Fatal(err)
	}
	// serial connects as if the interval between looks at the files were over.
	serial := func() int64 {
		t.Helper()
		c.checked = time.Time{}
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return serialOf(t, pair)
	}
	next := time.Now()
	age := func() { // the files' times may be too coarse to tell two writes apart
		next = next.Add(time.Second)
		for _, name := range []string{files.Cert, files.Key} {
			if err := os.Chtimes(name, next, next); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		name   string
		change func()
		want   int64
	}{
		{"unchanged", func() {}, 1},
		{"new pair", func() { writePair(t, files, 2) }, 2},
		{"no certificate", func() { write(t, files.Cert, []byte("nonsense")) }, 2},
		{"no files", func() { os.Remove(files.Cert); os.Remove(files.Key) }, 2},
		{"files again", func() { writePair(t, files, 3) }, 3},
		{"certificate of another key", func() {
			key, _ := os.ReadFile(files.Key)
			writePair(t, files, 4)
			write(t, files.Key, key)
		}, 3},
		{"the pair complete", func() { writePair(t, files, 5) }, 5},
	} {
		test.change()
		age()
		if got := serial(); got != test.want {
			t.Errorf("%s: the certificate in use is %d, want %d", test.name, got, test.want)
		}
	}
	warnings := strings.Count(buffer.String(), "level=WARN")
	serial()
	if got := strings.Count(buffer.String(), "level=WARN"); warnings != 3 || got != warnings {
		t.Errorf("%d and then %d warnings, want 3, once each:\n%s", warnings, got, buffer)
	}

	writePair(t, files, 6)
	age()
	c.checked = time.Now()
	if pair, err := c.get(nil); err != nil || serialOf(t, pair) != 5 {
		t.Error("the files are looked at for every connection")
	}
}

func serialOf(t *testing.T, pair *tls.Certificate) int64 {
	t.Helper()
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.SerialNumber.Int64()
}

// TestTLS: HTTPS in both versions of HTTP.
func TestTLS(t *testing.T) {
	cfg := testConfig(t)
	cfg.TLS = pairIn(t.TempDir())
	writePair(t, cfg.TLS, 1)
	s := start(t, cfg, nil)
	if !strings.HasPrefix(s.URL(), "https://127.0.0.1:") {
		t.Errorf("URL %s", s.URL())
	}
	for proto, protocols := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP/2.0": func(p *http.Protocols) { p.SetHTTP2(true) },
	} {
		var enabled http.Protocols
		protocols(&enabled)
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: &enabled}
		res, err := (&http.Client{Transport: transport, Timeout: patience}).Get(s.URL() + "/healthz")
		if err != nil {
			t.Errorf("%s: %v", proto, err)
			continue
		}
		res.Body.Close()
		if res.StatusCode != 200 || res.Proto != proto {
			t.Errorf("%s: %s %s", proto, res.Proto, res.Status)
		}
		transport.CloseIdleConnections()
	}

	// The metric shows the end of the certificate in use.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	res, err := (&http.Client{Transport: transport, Timeout: patience}).Get(s.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var end float64
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		fmt.Sscanf(lines.Text(), "twinport_tls_certificate_expiry_timestamp_seconds %g", &end)
	}
	if left := time.Until(time.Unix(int64(end), 0)); left < 50*time.Minute || left > time.Hour {
		t.Errorf("the metric says that the certificate ends in %v, want an hour", left)
	}
}
