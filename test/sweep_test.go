package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSweepCommand frees by hand what a server would free by itself.
func TestSweepCommand(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.createRepository(prod, tokyo, "app")
	c := s.oci(prod, tokyo)
	kept, deleted := makeImage("kept", nil, ""), makeImage("deleted", nil, "")
	c.mustPush("app", "kept", kept)
	c.mustPush("app", "deleted", deleted)
	c.want(c.do("DELETE", "app/manifests/"+deleted.digest.String(), nil), 202, "")

	wantLine := func(out, line string) {
		t.Helper()
		if !regexp.MustCompile(`(?m)^ +` + line).MatchString(out) {
			t.Errorf("no %q in\n%s", line, out)
		}
	}
	out, _ := s.tool(0, "sweep", "--dry-run", "--grace", "1h")
	wantLine(out, `0  links`)
	time.Sleep(10 * time.Millisecond)
	out, _ = s.tool(0, "sweep", "--dry-run", "--grace", "1ms")
	wantLine(out, `2  links`)
	if !shared() {
		if _, log := s.tool(1, "sweep"); !strings.Contains(log, "sweeps by itself every 1h0m0s. The last one ended on") &&
			!strings.Contains(log, "It has not ended one yet") {
			t.Errorf("sweep beside a server says %s", log)
		}
		s.kill(syscall.SIGTERM)
	}
	out, _ = s.tool(0, "sweep", "--grace", "1ms")
	wantLine(out, `2  links`)
	wantLine(out, `2  blobs that no repository has \(\d+ B\)`)
	wantLine(out, `2  objects of deleted blobs`)
	if !shared() {
		files, err := filepath.Glob(filepath.Join(s.data, "blobs", "sha256", "*", "*"))
		if err != nil || len(files) != 2 {
			t.Errorf("%d files are left (%v), want 2", len(files), err)
		}
		s.start()
	}
	if err := follow(c).wantPull("app", "kept", kept.digest); err != nil {
		t.Error(err)
	}
	found, _ := s.verify(0, "--full")
	wantFindings(t, found)
	if !shared() {
		s.kill(syscall.SIGTERM)
		if err := os.RemoveAll(s.data); err != nil {
			t.Fatal(err)
		}
		if _, log := s.tool(1, "sweep"); !strings.Contains(log, "holds no registries") {
			t.Errorf("sweep of nothing says %s", log)
		}
	}
}
