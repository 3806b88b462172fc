package cli

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const patience = time.Minute

// buffer is what a command prints, for a test to read meanwhile.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// await waits until the output contains the text.
func (b *buffer) await(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(b.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %q in\n%s", text, b)
		}
	}
}

// inEmptyFolder makes a new folder the working one, and clears what would
// configure a server.
func inEmptyFolder(t *testing.T) string {
	t.Helper()
	for _, name := range []string{
		"TWINPORT_ACCOUNTS", "TWINPORT_LISTEN", "TWINPORT_DATA", "TWINPORT_DOMAIN", "TWINPORT_REGIONS",
		"TWINPORT_PUBLIC_PORT", "TWINPORT_TLS_CERT", "TWINPORT_TLS_KEY",
	} {
		t.Setenv(name, "")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	return dir
}

func TestRun(t *testing.T) {
	inEmptyFolder(t)
	if err := os.WriteFile("wrong.yaml", []byte("lisden: x\nport: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args           []string
		code           int
		stdout, stderr string // regular expressions for all of it
	}{
		{[]string{"version"}, 0, `^twinport \S+ go1\S* \w+/\w+\n$`, `^$`},
		{[]string{"--help"}, 0, `(?s)^Usage: twinport .*serve.*init.*demo.*version`, `^$`},
		{[]string{"serve", "--help"}, 0, `(?s)--config=FILE`, `^$`},
		{nil, 2, `^$`, `^twinport: expected one of .*--help.*\n$`},
		{[]string{"bogus"}, 2, `^$`, `^twinport: unexpected argument bogus;.*\n$`},
		{[]string{"serve", "--nonsense"}, 2, `^$`, `^twinport: unknown flag --nonsense.*\n$`},
		{[]string{"serve", "--config", "missing.yaml"}, 1, `^$`, `^twinport: .*missing\.yaml.*\n$`},
		{[]string{
			"serve", "--config", "wrong.yaml",
		}, 1, `^$`, `^twinport: accounts.*\ntwinport: wrong\.yaml:1: .*listen.*\ntwinport: wrong\.yaml:2: .*port.*\n$`},
	} {
		var stdout, stderr bytes.Buffer
		code := Run(test.args, &stdout, &stderr)
		if code != test.code || !regexp.MustCompile(test.stdout).Match(stdout.Bytes()) ||
			!regexp.MustCompile(test.stderr).Match(stderr.Bytes()) {
			t.Errorf("twinport %v: exit code %d, want %d; stdout:\n%s\nstderr:\n%s", test.args, code, test.code, &stdout,
				&stderr)
		}
	}
}

func TestInit(t *testing.T) {
	dir := filepath.Join(inEmptyFolder(t), "new folder")
	var stdout, stderr bytes.Buffer
	if code := Run([]string{"init", "--dir", dir}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	for _, name := range []string{"twinport.yaml", "aws/config", "aws/credentials"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil || !strings.Contains(stdout.String(), name) {
			t.Errorf("%s: %v; init says\n%s", name, err, &stdout)
		}
	}
	if want := "serve --config '" + filepath.Join(dir, "twinport.yaml") + "'"; !strings.Contains(stdout.String(), want) {
		t.Errorf("no %q in\n%s", want, &stdout)
	}
	if code := Run([]string{"init", "--dir", dir}, &stdout, &stderr); code != 1 ||
		strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("a second init: exit code %d, stderr:\n%s", code, &stderr)
	}
	t.Setenv("TWINPORT_LISTEN", "127.0.0.1:8099")
	dir = t.TempDir()
	if code := Run([]string{"init", "--dir", dir}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	for _, name := range []string{"twinport.yaml", "aws/config"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil ||
			!strings.Contains(string(text), "127.0.0.1:8099") {
			t.Errorf("%s does not have the address of TWINPORT_LISTEN: %v\n%s", name, err, text)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// TestServe starts with nothing, then with what the first start wrote, and
// then with the environment alone.
func TestServe(t *testing.T) {
	dir := inEmptyFolder(t)
	addr := freeAddress(t)
	t.Setenv("TWINPORT_LISTEN", addr)
	const accounts = `[{"id":"777788889999","name":"ops","access_keys":[{"id":"AKIAOPSOPSOPSOPSOPSO","secret":"0123456789012345678901234567890123456789"}]}]`
	for _, test := range []struct {
		name     string
		accounts string
		remove   bool
		says     []string
		silent   string
	}{
		{"nothing", "", false, []string{
			"There is no twinport.yaml here", "aws/credentials", "account 444455556666 (dev)",
			"--profile prod ecr get-login-password | docker login", "AWS_CONFIG_FILE=" + dir,
		}, "…"},
		{"the file", "", false, []string{"account 111122223333 (prod)", "--profile prod"}, "There is no"},
		{"the environment", accounts, true, []string{"account 777788889999 (ops)", "AWS_ACCESS_KEY_ID=AKIAOPSOPSOPSOPSOPSO"},
			"There is no"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("TWINPORT_ACCOUNTS", test.accounts)
			if test.remove {
				os.Remove("twinport.yaml")
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var stdout, stderr buffer
			ended := make(chan error, 1)
			go func() { ended <- serveCommand{}.Run(ctx, output{&stdout, &stderr}) }()
			stdout.await(t, "Ctrl-C stops the server")
			res, err := http.Get("http://" + addr + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("/readyz: %s", res.Status)
			}
			cancel()
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(patience):
				t.Fatal("serve does not end")
			}
			for _, want := range test.says {
				if !strings.Contains(stdout.String(), want) {
					t.Errorf("no %q in\n%s", want, &stdout)
				}
			}
			if strings.Contains(stdout.String(), test.silent) {
				t.Errorf("serve says %q:\n%s", test.silent, &stdout)
			}
			if strings.Contains(stdout.String()+stderr.String(), "0123456789012345678901234567890123456789") {
				t.Error("serve shows a secret")
			}
		})
	}
}

func TestShellQuoted(t *testing.T) {
	for path, want := range map[string]string{
		"/tmp/a-b_c.d": "/tmp/a-b_c.d", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "~": "'~'",
		"ü": "'ü'",
	} {
		if got := shellQuoted(path); got != want {
			t.Errorf("%q: %s, want %s", path, got, want)
		}
	}
}

func TestArguments(t *testing.T) {
	for line, want := range map[string]string{
		"":                                      "",
		"twinport":                              "",
		"/usr/bin/twinport version":             "version",
		"docker-credential-twinport get":        "docker-credential get",
		"bin/docker-credential-twinport.exe x":  "docker-credential x",
		"/opt/bin/twinport-credential-provider": "credential-provider",
	} {
		if got := strings.Join(Arguments(strings.Fields(line)), " "); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
