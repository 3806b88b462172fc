package test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"
)

// restored returns a server on what the backup holds, which is not running yet.
func (s *server) restored(backup string, status int, args ...string) *server {
	s.t.Helper()
	dir := s.t.TempDir()
	port := freePort(s.t)
	config, err := os.ReadFile(filepath.Join(s.dir, "twinport.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	r := &server{
		t: s.t, dir: dir, data: filepath.Join(dir, "data"), addr: "127.0.0.1:" + port, port: port, env: s.env,
		log: &logBuffer{}, http: newHTTPClient("127.0.0.1:" + port),
	}
	text := strings.NewReplacer("data: "+s.data+"\n", "data: "+r.data+"\n", s.addr, r.addr).Replace(string(config))
	writeFile(s.t, filepath.Join(dir, "twinport.yaml"), text)
	r.endWithTest()
	r.tool(status, "restore", append([]string{"--from", backup}, args...)...)
	return r
}

// killTool ends a command after a while, if it has not ended before.
func killTool(t *testing.T, cmd *exec.Cmd, after time.Duration) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	cmd.Process.Kill()
	cmd.Wait()
}

// allTags lists and pulls every image of a repository.
func (c *ociClient) allTags(repo string) map[string]digest.Digest {
	c.t.Helper()
	tags := map[string]digest.Digest{}
	a := c.want(c.do("GET", repo+"/tags/list", nil), http.StatusOK, "")
	var list struct{ Tags []string }
	if err := json.Unmarshal(a.body, &list); err != nil {
		c.t.Fatal(err)
	}
	for _, tag := range list.Tags {
		d, err := c.pull(repo, tag)
		if err != nil {
			c.t.Errorf("restored, but: %v", err)
		}
		tags[tag] = d
	}
	return tags
}

// TestBackupWhileServing backs up while clients push and delete and the server
// sweeps, and ends backups with kill -9 in between. Whatever the folder
// holds then is whole, and a server on it goes on with everything.
func TestBackupWhileServing(t *testing.T) {
	t.Parallel()
	embeddedOnly(t, "the embedded stores")
	s, source, _ := replicating(t)
	s.sweepOften()
	s.createRepository(prod, tokyo, "app")
	s.createRepository(prod, tokyo, "early")
	early := makeImage("early", nil, "")
	source.mustPush("early", "1", early)
	backup := filepath.Join(t.TempDir(), "backup")

	stop := s.busy("app", 8)
	killed := 0
	for round := range 10 {
		killTool(t, s.command("backup", "--to", backup), time.Duration(5+round*11)*time.Millisecond)
		if _, err := os.Stat(filepath.Join(backup, "metadata.db")); err != nil {
			continue // killed before the first one was whole
		}
		if round%3 == 0 {
			r := s.restored(backup, 0, "--verify")
			found, _ := r.verify(0, "--full")
			wantFindings(t, found)
			killed++
		}
	}
	for range 2 {
		out, _ := s.tool(0, "backup", "--to", backup, "--verify")
		if !strings.Contains(out, "Backed up to "+backup) {
			t.Errorf("backup says %s", out)
		}
	}
	// While clients go on, a last one; what was acknowledged before it is in it.
	kept := stop()
	last := makeImage("last", nil, "")
	source.mustPush("app", "last", last)
	out, _ := s.tool(0, "backup", "--to", backup, "--copy")
	t.Logf("%d of the killed backups were looked at; the last says %s", killed, out)
	if len(kept) == 0 {
		t.Fatal("nothing was pushed")
	}
	// The bytes are the backup's own.
	s.changeObject(early.layer, func(b []byte) []byte { b[0] ^= 1; return b })

	r := s.restored(backup, 0)
	r.start()
	c := r.oci(prod, tokyo)
	tags := c.allTags("app")
	if tags["last"] != last.digest {
		t.Errorf("the last image is %q in the backup", tags["last"])
	}
	for tag, image := range kept {
		if tags[tag] != image.digest {
			t.Errorf("%s was acknowledged before the backup and is %q in it", tag, tags[tag])
		}
	}
	if err := c.wantPull("early", "1", early.digest); err != nil {
		t.Error(err)
	}
	// It goes on replicating.
	after := makeImage("after", nil, "")
	c.mustPush("app", "after", after)
	r.wantStatus(prod, tokyo, "app", "after", devTokyo, types.ReplicationStatusComplete)
	for tag, image := range kept {
		eventually(t, patience, func() error { return r.oci(dev, tokyo).wantPull("app", tag, image.digest) })
	}
	found, _ := r.verify(0, "--full")
	wantFindings(t, found)
}

// TestBackupHasOnlyWhatIsNamed: a backup removes what the deployment no longer
// has, and takes only what is new.
func TestBackupHasOnlyWhatIsNamed(t *testing.T) {
	t.Parallel()
	embeddedOnly(t, "the embedded stores")
	s := newServer(t)
	s.sweepOften()
	s.createRepository(prod, tokyo, "app")
	c := s.oci(prod, tokyo)
	kept, deleted := makeImage("kept", nil, ""), makeImage("deleted", nil, "")
	c.mustPush("app", "kept", kept)
	c.mustPush("app", "deleted", deleted)
	backup := t.TempDir()
	for _, args := range [][]string{{}, {"--copy"}} {
		out, _ := s.tool(0, "backup", append(args, "--to", backup)...)
		want := "4 copied and 0 linked"
		if len(args) == 0 {
			want = "0 copied and 4 linked"
		}
		if !strings.Contains(out, want) {
			t.Errorf("backup %v says %s, want %s", args, out, want)
		}
	}
	if out, _ := s.tool(0, "backup", "--copy", "--to", backup); !strings.Contains(out, "0 copied and 0 linked") {
		t.Errorf("a second backup says %s", out)
	}
	c.want(c.do("DELETE", "app/manifests/"+deleted.digest.String(), nil), http.StatusAccepted, "")
	files := func() int {
		names, err := filepath.Glob(filepath.Join(backup, "blobs", "sha256", "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	eventually(t, patience, func() error {
		s.tool(0, "backup", "--to", backup)
		if n := files(); n != 2 {
			return fmt.Errorf("the backup has %d objects, want 2", n)
		}
		return nil
	})
	// What is damaged since is kept as it was, what is damaged there is made good.
	good, err := filepath.Glob(filepath.Join(backup, "blobs", "sha256", "*", digest.FromBytes(kept.config).Encoded()+"*"))
	if err != nil || len(good) != 1 {
		t.Fatalf("%q: %v", good, err)
	}
	writeFile(t, good[0], strings.Repeat("x", len(kept.config)))
	s.changeObject(kept.layer, func(b []byte) []byte { return nil })
	s.tool(0, "backup", "--to", backup, "--copy", "--verify")
	s.restored(backup, 0, "--verify").verify(0, "--full")

	// A new backup lacks it, and says so.
	other := t.TempDir()
	if _, log := s.tool(3, "backup", "--to", other); !strings.Contains(log, "it is missing") ||
		!strings.Contains(log, "twinport verify") {
		t.Errorf("a backup of damage says %s", log)
	}
	found, _ := s.restored(other, 3).verify(1)
	wantFindings(t, found, "blob "+digest.FromBytes(kept.layer).String())

	// The server may be stopped.
	s.kill(syscall.SIGTERM)
	s.tool(0, "backup", "--to", backup, "--copy", "--verify")
}

// TestBackupRefusals: neither a backup nor a restore overwrites anything else.
func TestBackupRefusals(t *testing.T) {
	t.Parallel()
	embeddedOnly(t, "the embedded stores")
	s := newServer(t)
	s.createRepository(prod, tokyo, "app")
	s.oci(prod, tokyo).mustPush("app", "1", makeImage("1", nil, ""))
	backup, wrong := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(wrong, "thesis.txt"), "years of work")
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"backup", "--to", wrong}, "holds no backup"},
		{[]string{"restore", "--from", wrong}, "holds no backup"},
		{[]string{"backup", "--to", s.data}, "holds no backup"},
	} {
		if _, log := s.tool(1, test.args[0], test.args[1:]...); !strings.Contains(log, test.says) {
			t.Errorf("%v says %s", test.args, log)
		}
	}
	if err := errors.Join(os.Chmod(backup, 0o755), os.Chmod(s.data, 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, log := s.tool(0, "backup", "--to", backup); !strings.Contains(log, "chmod 700 "+backup) {
		t.Errorf("a backup into a folder that others may look into says %s", log)
	}
	s.kill(syscall.SIGTERM)
	s.start()
	if log := s.log.String(); !strings.Contains(log, "chmod 700 "+s.data) {
		t.Errorf("a server on a folder that others may look into says %s", log)
	}
	if _, log := s.tool(1, "restore", "--from", backup); !strings.Contains(log, "is not empty") {
		t.Errorf("a restore over a server says %s", log)
	}
	// They have done no harm.
	s.oci(prod, tokyo).mustPush("app", "2", makeImage("2", nil, ""))
	if text, err := os.ReadFile(filepath.Join(wrong, "thesis.txt")); err != nil || string(text) != "years of work" {
		t.Errorf("the file of another program: %q, %v", text, err)
	}
}

// TestRestoreKilled: until a restore has ended no server starts on the folder,
// and the next one goes on with it.
func TestRestoreKilled(t *testing.T) {
	t.Parallel()
	embeddedOnly(t, "the embedded stores")
	s := newServer(t)
	s.createRepository(prod, tokyo, "app")
	c := s.oci(prod, tokyo)
	data := make([]byte, 48<<20)
	rand.Read(data)
	large, err := c.putBlob("app", data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		c.mustPush("app", fmt.Sprint(i), makeImage(fmt.Sprint(i), nil, ""))
	}
	backup := t.TempDir()
	s.tool(0, "backup", "--to", backup)
	r := s.restored(backup, 0)
	cut := 0
	for wait := 20 * time.Millisecond; wait < 2*time.Second && cut < 3; wait += 15 * time.Millisecond {
		if err := os.RemoveAll(r.data); err != nil {
			t.Fatal(err)
		}
		killTool(t, r.command("restore", "--copy", "--from", backup), wait)
		if _, err := os.Stat(filepath.Join(r.data, "restoring")); err != nil {
			continue // it had not begun, or was done
		}
		cut++
		serve := r.command("serve")
		var log bytes.Buffer
		serve.Stderr = &log
		if err := serve.Run(); err == nil || !strings.Contains(log.String(), "run twinport restore again") {
			t.Fatalf("serve on half a restore: %v, %s", err, &log)
		}
		r.tool(0, "restore", "--copy", "--from", backup, "--verify")
		found, summary := r.verify(0, "--full")
		wantFindings(t, found)
		if summary.Manifests != 30 || summary.Orphans != 0 {
			t.Errorf("after the restore: %+v", summary)
		}
	}
	if cut == 0 {
		t.Error("no restore was cut short")
	}
	r.start()
	rc := r.oci(prod, tokyo)
	a := rc.do("GET", "app/blobs/"+large.String(), nil)
	if digest.FromBytes(a.body) != large {
		t.Errorf("the large layer: %d, %d bytes", a.status, len(a.body))
	}
	rc.allTags("app")
}

// TestLinksAndCopiesKilled ends backups and restores with kill -9 at random, with
// links and copies mixed, so that what one leaves another meets. The next one
// goes on, and nobody's bytes change. TEST_KILLS is how often.
func TestLinksAndCopiesKilled(t *testing.T) {
	t.Parallel()
	embeddedOnly(t, "the embedded stores")
	kills, seed := 6, uint64(time.Now().UnixNano())
	if text := os.Getenv("TEST_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("TEST_KILLS is not a number: %q", text)
		}
		kills = n
	}
	t.Logf("the seed is %d", seed)
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	s := newServer(t)
	s.createRepository(prod, tokyo, "app")
	c := s.oci(prod, tokyo)
	push := func(i int) { c.mustPush("app", fmt.Sprint(i), makeImage(fmt.Sprint(i), nil, "")) }
	for i := range 30 {
		push(i)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	begun := time.Now()
	s.tool(0, "backup", "--to", backup)
	took := time.Since(begun)
	r := s.restored(backup, 0)
	if err := os.RemoveAll(r.data); err != nil {
		t.Fatal(err)
	}
	mode := func(args ...string) []string {
		for _, flag := range []string{"--copy", "--verify"} {
			if random.IntN(2) == 0 {
				args = append(args, flag)
			}
		}
		return args
	}
	for round := range kills {
		killTool(t, s.command("backup", mode("--to", backup)...), time.Duration(random.Float64()*float64(took)*1.2))
		killTool(t, r.command("restore", mode("--from", backup)...), time.Duration(random.Float64()*float64(took)*1.2))
		push(30 + round)
		if round%3 < 2 {
			continue // half of the next begins where these ended
		}
		s.tool(0, "backup", mode("--to", backup)...)
		_, half := os.Stat(filepath.Join(r.data, "restoring"))
		_, done := os.Stat(filepath.Join(r.data, "metadata", "metadata.db"))
		if half == nil || done != nil { // else it was done before it was killed
			r.tool(0, "restore", mode("--from", backup)...)
		}
		for _, side := range []*server{s, r, s.restored(backup, 0, mode()...)} {
			found, _ := side.verify(0, "--full")
			wantFindings(t, found)
		}
		if err := os.RemoveAll(r.data); err != nil {
			t.Fatal(err)
		}
	}
	c.allTags("app")
}

// TestBackupOfOtherStores says what to use instead.
func TestBackupOfOtherStores(t *testing.T) {
	t.Parallel()
	if !shared() {
		t.Skip("needs PostgreSQL and S3")
	}
	s := newServer(t)
	if _, log := s.tool(1, "backup", "--to", t.TempDir()); !strings.Contains(log, "pg_dump") {
		t.Errorf("backup says %s", log)
	}
	if _, log := s.tool(1, "restore", "--from", t.TempDir()); !strings.Contains(log, "pg_restore") {
		t.Errorf("restore says %s", log)
	}
}
