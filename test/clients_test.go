package test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// desk is where command-line clients run: a home folder of their own, and a
// view of /etc/hosts in which the server's registries have their names. That
// view is a mount in a namespace that ends with the client, so nothing of the
// machine is changed.
type desk struct {
	s     *server
	home  string
	hosts string
	env   []string
}

func (s *server) desk() *desk {
	s.t.Helper()
	home := s.t.TempDir()
	hosts, err := os.ReadFile("/etc/hosts")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, a := range accounts {
		for _, region := range regions {
			name, _, _ := net.SplitHostPort(s.host(a, region))
			hosts = fmt.Appendf(hosts, "127.0.0.1 %s\n", name)
		}
	}
	d := &desk{s: s, home: home, hosts: filepath.Join(home, "hosts"), env: os.Environ()}
	if err := os.WriteFile(d.hosts, hosts, 0o644); err != nil {
		s.t.Fatal(err)
	}
	d.env = append(d.env,
		"HOME="+home,
		"XDG_RUNTIME_DIR="+home,
		"DOCKER_CONFIG="+filepath.Join(home, "docker"),
		"REGISTRY_AUTH_FILE="+filepath.Join(home, "auth.json"),
		"AWS_CONFIG_FILE="+s.writeAWSProfiles(home, "config"),
		"AWS_SHARED_CREDENTIALS_FILE="+s.writeAWSProfiles(home, "credentials"),
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_PAGER=",
	)
	return d
}

// writeAWSProfiles writes the file that `twinport init` writes: a profile for
// each account, which carries its Region and endpoint.
func (s *server) writeAWSProfiles(dir, kind string) string {
	s.t.Helper()
	var text strings.Builder
	for _, a := range accounts {
		if kind == "config" {
			fmt.Fprintf(&text, "[profile %s]\nregion = %s\nendpoint_url = http://%s\n", a.name, tokyo, s.addr)
		} else {
			fmt.Fprintf(&text, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", a.name, a.key, a.secret)
		}
	}
	path := filepath.Join(dir, "aws-"+kind)
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// command prepares a client that sees the registries' names.
func (d *desk) command(program string, args ...string) *exec.Cmd {
	d.s.t.Helper()
	enter, err := enterNamespace()
	if err != nil {
		d.s.t.Skipf("left out: %v", err)
	}
	line := append([]string{}, enter...)
	line = append(line, "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, d.hosts, program)
	cmd := exec.Command(line[0], append(line[1:], args...)...)
	cmd.Env, cmd.Dir = d.env, d.home
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return cmd
}

// run runs a client with the input and returns what it printed.
func (d *desk) run(stdin, program string, args ...string) (string, error) {
	d.s.t.Helper()
	cmd := d.command(program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(program), strings.Join(args, " "), err,
			stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// must is run for what has to work.
func (d *desk) must(stdin, program string, args ...string) string {
	d.s.t.Helper()
	out, err := d.run(stdin, program, args...)
	if err != nil {
		d.s.t.Fatal(err)
	}
	return out
}

// mustFail is run for what has to fail, saying the text.
func (d *desk) mustFail(text, stdin, program string, args ...string) {
	d.s.t.Helper()
	out, err := d.run(stdin, program, args...)
	if err == nil {
		d.s.t.Fatalf("%s %s worked:\n%s", filepath.Base(program), strings.Join(args, " "), out)
	}
	if !strings.Contains(err.Error(), text) {
		d.s.t.Errorf("the error has no %q: %v", text, err)
	}
}

// enterNamespace returns the command that enters a mount namespace.
var enterNamespace = sync.OnceValues(func() ([]string, error) {
	for _, enter := range [][]string{{"unshare", "--mount"}, {"unshare", "--map-root-user", "--mount"}} {
		try := append(append([]string{}, enter[1:]...), "mount", "--bind", "/dev/null", "/etc/hosts")
		if exec.Command(enter[0], try...).Run() == nil {
			return enter, nil
		}
	}
	return nil, errors.New("no mount namespace to give the registries' host names in (needs root or user " +
		"namespaces, and unshare)")
})

// client returns the path of a command-line client, the pinned one that `make
// tools` installs before any other, or skips the test.
func client(t *testing.T, name string) string {
	t.Helper()
	pinned, _ := filepath.Glob("../.cache/tools/" + name + "@*/" + name)
	if len(pinned) == 1 {
		path, err := filepath.Abs(pinned[0])
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("left out: %s is not installed", name)
	}
	return path
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
