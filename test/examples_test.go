package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestReadmeOfTwoRegions does what examples/two-regions/README.md says, word for
// word but for the ports and for the binary in the place of `go run`; and starts
// once more with what is there.
func TestReadmeOfTwoRegions(t *testing.T) {
	t.Parallel()
	needCurl(t, "--fail-with-body", "--help", "all")
	dir := t.TempDir()
	ports := strings.NewReplacer("8081", freePort(t), "8082", freePort(t))
	files, err := filepath.Glob("../examples/two-regions/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), []byte(ports.Replace(string(text))), 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	readme, err := os.ReadFile("../examples/two-regions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(readme), "\n"); lines > 40 {
		t.Errorf("the README has %d lines, which are more than 40", lines)
	}
	blocks := shellBlocks(string(readme))
	if len(blocks) != 2 {
		t.Fatalf("the README has the blocks %q, want one that starts the deployments and one that uses them", blocks)
	}
	use := strings.ReplaceAll(blocks[1], "go run ../../cmd/twinport", binary)
	for _, session := range []struct{ use, want string }{
		{use, `(?s)pushed app:1 in Tokyo: (sha256:\S+)\napp:1 is in Oregon, [0-9.]+ ms later: sha256:.*` +
			`\napp:2 is in Oregon, .*\noregon +http://127\.0\.0\.1:\d+ +us-west-2 .* reachable since`},
		{"./push.sh 3", `app:3 is in Oregon, `},
	} {
		stop := runExample(t, dir, blocks[0])
		cmd := exec.Command("sh", "-euc", session.use)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil || !regexp.MustCompile(session.want).Match(out) {
			t.Errorf("%s: %v\n%s", session.use, err, out)
		}
		stop()
	}
}

// runExample starts the deployments and waits until they are peers. stop is Ctrl-C.
func runExample(t *testing.T, dir, command string) (stop func()) {
	t.Helper()
	var log logBuffer
	cmd := exec.Command("sh", "-euc", "exec "+command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "BINARY="+binary)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = sync.OnceFunc(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		if err := <-ended; err != nil {
			t.Errorf("%s: %v\n%s", command, err, &log)
		}
	})
	t.Cleanup(stop)
	eventually(t, patience, func() error {
		if !strings.Contains(log.String(), "They are peers.") {
			return fmt.Errorf("%s does not say that they are peers:\n%s", command, &log)
		}
		return nil
	})
	return stop
}
