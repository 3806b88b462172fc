package test

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServeEphemeral: it needs no configuration and does not take that of the
// folder, says in one line where it is, is ready when it does, and leaves nothing.
func TestServeEphemeral(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "twinport.yaml"), "not: a configuration\n")
	cmd := exec.Command(binary, "serve", "--ephemeral")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "HOME="+dir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log logBuffer
	cmd.Stderr = &log
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("no line: %v\n%s", err, &log)
	}
	variables := exported(t, line)
	res, err := http.Get(variables["AWS_ENDPOINT_URL"] + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("it is not healthy: %s", res.Status)
	}
	t.Logf("healthy %v after the start", time.Since(begun))

	addr := strings.TrimPrefix(variables["AWS_ENDPOINT_URL"], "http://")
	key := account{prod.id, prod.name, variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]}
	s := &server{t: t, addr: addr, port: addr[strings.LastIndexByte(addr, ':')+1:], http: newHTTPClient(addr)}
	s.createRepository(key, variables["AWS_REGION"], "app")
	oci := s.oci(key, variables["AWS_REGION"])
	pushed := makeImage("ephemeral", nil, "")
	oci.mustPush("app", "1", pushed)
	if err := oci.wantPull("app", "1", pushed.digest); err != nil {
		t.Error(err)
	}

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if more, err := lines.ReadString(0); more != "" || err == nil {
		t.Errorf("there is more on stdout: %q", more)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v\n%s", err, &log)
	}
	for folder, want := range map[string]string{dir: "tmp twinport.yaml", tmp: ""} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("the folder has %q, want %q", got, want)
		}
	}
}

// exported are the variables of a line for a shell.
func exported(t *testing.T, line string) map[string]string {
	t.Helper()
	if !regexp.MustCompile(`^export( [A-Z_]+=[A-Za-z0-9/:.+-]*)+\n$`).MatchString(line) {
		t.Fatalf("not a line for scripts: %q", line)
	}
	variables := map[string]string{}
	for _, word := range strings.Fields(line)[1:] {
		name, value, _ := strings.Cut(word, "=")
		variables[name] = value
	}
	return variables
}

// TestServeEphemeralEndsWithItsParent, also when that is killed, and leaves no
// file even if it is killed itself.
func TestServeEphemeralEndsWithItsParent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command("sh", "-c", `"$0" serve --ephemeral >line 2>/dev/null & echo $! >pid; wait`, binary)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	var line string
	eventually(t, patience, func() error {
		text, err := os.ReadFile(filepath.Join(dir, "line"))
		if line = string(text); err == nil && !strings.HasSuffix(line, "\n") {
			err = errors.New("there is no line yet")
		}
		return err
	})
	url := exported(t, line)["AWS_ENDPOINT_URL"] + "/healthz"
	throughout(t, settle, func() error {
		res, err := http.Get(url)
		if err == nil {
			err = res.Body.Close()
		}
		return err
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	eventually(t, patience, func() error {
		res, err := http.Get(url)
		if err == nil {
			res.Body.Close()
			return errors.New("it serves without its parent")
		}
		return nil
	})
	if left, err := filepath.Glob(filepath.Join(dir, "twinport*")); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

// TestServeEphemeralCommand: with a command it serves as long as that runs, and
// ends as it does.
func TestServeEphemeralCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command string
		code    int
		want    string
	}{
		{`echo "$AWS_ACCESS_KEY_ID $AWS_REGION"`, 0, `^AKIAIOSFODNN7EXAMPLE ap-northeast-1\n$`},
		{`exit 7`, 7, `^$`},
		{`kill -9 $$`, 128 + 9, `^$`},
		{`cat; echo "$AWS_ENDPOINT_URL" >&2`, 0, `^http://127\.0\.0\.1:\d+\n$`},
	} {
		out, err := runFor(t, patience, t.TempDir(), "serve", "--ephemeral", "--", "sh", "-c", c.command)
		code := 0
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			code = exit.ExitCode()
		}
		if code != c.code || !regexp.MustCompile(c.want).Match(out) {
			t.Errorf("%s: code %d, want %d; %q, want %s", c.command, code, c.code, out, c.want)
		}
	}
	// A signal ends the command first.
	var log logBuffer
	cmd := exec.Command(binary, "serve", "--ephemeral", "--", "sh", "-c",
		`trap 'echo asked; exit 3' TERM; echo begun; while :; do sleep 0.1; done`)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	eventually(t, patience, func() error {
		if !strings.Contains(log.String(), "begun") {
			return fmt.Errorf("the command does not run: %s", &log)
		}
		return nil
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 || log.String() != "begun\nasked\n" {
		t.Errorf("it ends with %v\n%s", err, &log)
	}
}

// TestServeEphemeralRefusals say what does not go together, and show no secret
// of a configuration to those who read what is printed.
func TestServeEphemeralRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "shared.yaml"), "database: postgres://user:password@host/database\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"serve", "--ephemeral", "--config", "shared.yaml"},
			"shared.yaml:1: database: an ephemeral server keeps everything in memory"},
		{[]string{"serve", "--ephemeral", "--", "no-such-program"}, "no-such-program"},
		{[]string{"serve", "true"}, "only serve --ephemeral runs a command"},
	} {
		out, err := runFor(t, patience, dir, c.args...)
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%v: %v\n%s", c.args, err, out)
		}
	}
	if out, err := runFor(t, patience, dir, "init"); err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	written, err := os.ReadFile(filepath.Join(dir, "aws/credentials"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", "--ephemeral", "--debug", "--config", "twinport.yaml", "--", "env")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TWINPORT_LISTEN=127.0.0.1:0")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "AWS_ENDPOINT_URL=http://127.0.0.1:") {
		t.Errorf("with a configuration: %v\n%s", err, out)
	}
	for _, m := range regexp.MustCompile(`secret_access_key = (\S+)`).FindAllStringSubmatch(string(written), -1) {
		if strings.Contains(string(out), m[1]) {
			t.Errorf("a secret of the configuration is shown:\n%s", out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "twinport-data")); err == nil {
		t.Error("the data folder of the configuration is there")
	}
}
