package test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	out, err := runFor(t, patience, t.TempDir(), "version")
	if err != nil || len(bytes.TrimSpace(out)) == 0 {
		t.Errorf("version: %v\n%s", err, out)
	}
	if out, err := runFor(t, patience, t.TempDir(), "replicate-everything"); err == nil {
		t.Errorf("an unknown command ends well:\n%s", out)
	}
}

// TestDemo runs the whole story that a newcomer sees first, in one deployment and in two.
func TestDemo(t *testing.T) {
	t.Parallel()
	for _, regions := range []string{"1", "2"} {
		dir := t.TempDir()
		out, err := runFor(t, 2*time.Minute, dir, "demo", "--regions", regions)
		if err != nil {
			t.Fatalf("demo: %v\n%s", err, out)
		}
		for _, want := range []string{"ecr:ReplicateImage", "ms", "sha256:"} {
			if !bytes.Contains(out, []byte(want)) {
				t.Errorf("the demo of %s Regions does not show %q:\n%s", regions, want, out)
			}
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("the demo of %s Regions leaves %v in its folder", regions, left)
		}
	}
}

// TestInit: `init` writes what `serve` and the AWS clients need, and nothing
// over what is there.
func TestInit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := runFor(t, patience, dir, "init"); err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	written := map[string]string{}
	filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			text, _ := os.ReadFile(path)
			written[path] = string(text)
			info, _ := entry.Info()
			if strings.Contains(string(text), "aws_secret_access_key") && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has secrets and the mode %v", path, info.Mode())
			}
		}
		return nil
	})
	settings, ok := written[filepath.Join(dir, "twinport.yaml")]
	if !ok {
		t.Fatalf("init wrote %d files, and no twinport.yaml", len(written))
	}
	if !strings.Contains(settings, "#") || !strings.Contains(settings, "prod") || !strings.Contains(settings, "dev") {
		t.Errorf("init wrote\n%s", settings)
	}
	if out, err := runFor(t, patience, dir, "init"); err == nil {
		if text, _ := os.ReadFile(filepath.Join(dir, "twinport.yaml")); string(text) != settings {
			t.Errorf("a second init overwrote the first:\n%s", out)
		}
	}

	// Serve it on another port, with the AWS files as they are but for that.
	port := freePort(t)
	listen := regexp.MustCompile(`(?m)^listen: .*$`)
	if !listen.MatchString(settings) {
		t.Fatalf("no listen in\n%s", settings)
	}
	writeFile(t, filepath.Join(dir, "twinport.yaml"), listen.ReplaceAllString(settings, "listen: 127.0.0.1:"+port))
	var configFile, credentialsFile string
	for path, text := range written {
		if strings.Contains(text, "aws_secret_access_key") {
			credentialsFile = path
		} else if strings.Contains(text, "endpoint_url") {
			configFile = path
			writeFile(t, path, strings.ReplaceAll(text, ":8080", ":"+port))
		}
	}
	if configFile == "" || credentialsFile == "" {
		t.Fatalf("init wrote no AWS configuration: %v", written)
	}
	s := &server{
		t: t, dir: dir, data: filepath.Join(dir, "twinport-data"), addr: "127.0.0.1:" + port, port: port, log: &logBuffer{},
		http: newHTTPClient("127.0.0.1:" + port),
	}
	s.start()
	t.Cleanup(func() { s.kill(syscall.SIGTERM) })
	seen := map[string]bool{}
	for _, profile := range []string{"prod", "dev"} {
		settings, err := config.LoadDefaultConfig(ctx, config.WithSharedConfigProfile(profile),
			config.WithSharedConfigFiles([]string{configFile}),
			config.WithSharedCredentialsFiles([]string{credentialsFile}))
		if err != nil {
			t.Fatal(err)
		}
		identity, err := sts.NewFromConfig(settings).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			t.Fatalf("%s: %v", profile, err)
		}
		seen[*identity.Account] = true
		if _, err := ecr.NewFromConfig(settings).DescribeRegistry(ctx, &ecr.DescribeRegistryInput{}); err != nil {
			t.Errorf("%s: %v", profile, err)
		}
	}
	if len(seen) != 2 {
		t.Errorf("the profiles are of the accounts %v", seen)
	}
}

// TestServeWithoutConfiguration does what init does first, and says so.
func TestServeWithoutConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log logBuffer
	cmd := exec.Command(binary, "serve")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TWINPORT_LISTEN=127.0.0.1:"+freePort(t))
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Signal(syscall.SIGTERM)
	eventually(t, patience, func() error {
		if _, err := os.Stat(filepath.Join(dir, "twinport.yaml")); err != nil {
			return fmt.Errorf("%w; the log is:\n%s", err, &log)
		}
		if !strings.Contains(log.String(), "twinport.yaml") {
			return fmt.Errorf("serve does not say what it wrote:\n%s", &log)
		}
		return nil
	})
}

// TestTLS serves HTTPS, and takes a new certificate without a restart.
func TestTLS(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.kill(syscall.SIGTERM)
	cert, key := filepath.Join(s.dir, "cert.pem"), filepath.Join(s.dir, "key.pem")
	writeCertificate(t, cert, key, 1, "localhost")
	s.replaceInConfig("domain: localhost\n", fmt.Sprintf("domain: localhost\ntls: {cert: %s, key: %s}\n", cert, key))
	cmd := exec.Command(binary, "serve", "--config", filepath.Join(s.dir, "twinport.yaml"))
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout, cmd.Stderr = io.Writer(s.log), s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Signal(syscall.SIGTERM)
	serial := func() (int64, error) {
		connection, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return 0, err
		}
		defer connection.Close()
		return connection.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
	}
	shows := func(want int64) {
		t.Helper()
		eventually(t, patience, func() error {
			got, err := serial()
			if err == nil && got != want {
				err = fmt.Errorf("the certificate has the serial number %d, want %d", got, want)
			}
			return err
		})
	}
	shows(1)
	time.Sleep(time.Second) // so that the files' times differ
	writeCertificate(t, cert, key, 2, "localhost")
	shows(2)
	// Files that do not fit leave the old certificate in use.
	writeFile(t, cert, "no certificate")
	throughout(t, settle, func() error { _, err := serial(); return err })
}

// writeCertificate makes a certificate for the names, its own authority, and its key.
func writeCertificate(t *testing.T, cert, key string, serial int64, names ...string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
}

// freePort returns a port that was free a moment ago. It is below those that the
// system gives to clients: nobody takes it by chance while its server restarts.
func freePort(t *testing.T) string {
	t.Helper()
	var err error
	for range 100 {
		port := strconv.Itoa(15000 + mathrand.IntN(17000))
		var listener net.Listener
		if listener, err = net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			listener.Close()
			return port
		}
	}
	t.Fatal(err)
	return ""
}
