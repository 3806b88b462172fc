package test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	_ "modernc.org/sqlite"

	"github.com/twinport/twinport/internal/config"
)

// command is twinport with a subcommand and the server's configuration.
func (s *server) command(name string, args ...string) *exec.Cmd {
	line := append([]string{name, "--config", filepath.Join(s.dir, "twinport.yaml")}, args...)
	cmd := exec.Command(binary, line...)
	cmd.Env = append(append(os.Environ(), "GORACE=halt_on_error=0 atexit_sleep_ms=0"), s.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// tool runs a subcommand to its end, which must be with the exit status.
func (s *server) tool(status int, name string, args ...string) (stdout, stderr string) {
	s.t.Helper()
	return s.runTool(s.command(name, args...), status)
}

func (s *server) runTool(cmd *exec.Cmd, status int) (stdout, stderr string) {
	s.t.Helper()
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if strings.Contains(log.String(), "DATA RACE") {
		s.t.Errorf("%v has a data race:\n%s", cmd.Args, &log)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		s.t.Fatalf("%v ended with %d, want %d; stdout:\n%s\nstderr:\n%s", cmd.Args[1:], got, status, &out, &log)
	}
	return out.String(), log.String()
}

func (s *server) configuration() config.Config {
	s.t.Helper()
	cfg, err := config.Load(filepath.Join(s.dir, "twinport.yaml"), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return cfg
}

// sql changes the database behind the server's back, without its constraints.
func (s *server) sql(statement string) {
	s.t.Helper()
	cfg := s.configuration()
	driver, source, free := "sqlite", filepath.Join(s.data, "metadata", "metadata.db"), "PRAGMA foreign_keys = 0"
	if cfg.Database != "" {
		driver, source, free = "pgx", string(cfg.Database), "SET session_replication_role = replica"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, free); err != nil {
		s.t.Fatal(err)
	}
	result, err := conn.ExecContext(ctx, statement)
	if err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
	if n, _ := result.RowsAffected(); n == 0 {
		s.t.Fatalf("%s changed nothing", statement)
	}
}

// value asks the database.
func (s *server) value(query string) (text string) {
	s.t.Helper()
	cfg := s.configuration()
	driver, source := "sqlite", filepath.Join(s.data, "metadata", "metadata.db")
	if cfg.Database != "" {
		driver, source = "pgx", string(cfg.Database)
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query).Scan(&text); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return text
}

// changeObject replaces the bytes of a blob in the blob store; nil deletes it.
func (s *server) changeObject(blob []byte, change func([]byte) []byte) {
	s.t.Helper()
	object := s.value(fmt.Sprintf(`SELECT object FROM blobs WHERE digest = '%s'`, digest.FromBytes(blob)))
	changed := change(bytes.Clone(blob))
	cfg := s.configuration()
	if cfg.Blobs == "" {
		path := filepath.Join(s.data, "blobs", object)
		if changed == nil {
			if err := os.Remove(path); err != nil {
				s.t.Fatal(err)
			}
		} else if err := os.WriteFile(path, changed, 0o600); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	u, err := url.Parse(string(cfg.Blobs))
	if err != nil {
		s.t.Fatal(err)
	}
	var key, secret string
	for _, e := range s.env {
		if v, ok := strings.CutPrefix(e, "AWS_ACCESS_KEY_ID="); ok {
			key = v
		}
		if v, ok := strings.CutPrefix(e, "AWS_SECRET_ACCESS_KEY="); ok {
			secret = v
		}
	}
	client := s3.New(s3.Options{Region: u.Query().Get("region"), BaseEndpoint: aws.String(u.Query().Get("endpoint")),
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(key, secret, "")})
	name := aws.String(strings.Trim(u.Path, "/") + "/" + object)
	if changed == nil {
		_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &u.Host, Key: name})
	} else {
		_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &u.Host, Key: name, Body: bytes.NewReader(changed)})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// finding is a line of verify --json.
type finding struct {
	Kind, Repository, Digest, Tag, Problem, Action string
	Repaired                                       bool
	// Of the last line.
	Complete                               *bool
	Blobs, Links, Manifests, Tags, Orphans int64
	Damaged, Left, Kept                    int64
	BytesRead                              int64 `json:"bytes_read"`
}

// verify runs twinport verify --json and returns its findings and the summary.
func (s *server) verify(status int, args ...string) (found []finding, summary finding) {
	s.t.Helper()
	return s.verifyBy(status, s.command("verify", append([]string{"--json"}, args...)...))
}

func (s *server) verifyBy(status int, cmd *exec.Cmd) (found []finding, summary finding) {
	s.t.Helper()
	stdout, _ := s.runTool(cmd, status)
	for decoder := json.NewDecoder(strings.NewReader(stdout)); ; {
		var f finding
		if err := decoder.Decode(&f); err == io.EOF {
			break
		} else if err != nil {
			s.t.Fatalf("verify printed %s: %v", stdout, err)
		}
		if f.Complete != nil {
			summary = f
		} else {
			found = append(found, f)
		}
	}
	if summary.Complete == nil {
		s.t.Fatalf("verify printed no summary:\n%s", stdout)
	}
	return found, summary
}

// wantFindings compares kinds and what they are about, in any order.
func wantFindings(t *testing.T, found []finding, want ...string) {
	t.Helper()
	var got []string
	for _, f := range found {
		got = append(got, strings.TrimSpace(f.Kind+" "+f.Digest+f.Tag))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("verify found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// TestVerifyFindsAndRepairs plants every kind of damage, has each found, and
// all of it repaired from a second deployment that has the same images.
func TestVerifyFindsAndRepairs(t *testing.T) {
	t.Parallel()
	s, replica := newServer(t), newServer(t)
	images := map[string]image{}
	for _, name := range []string{
		"flipped", "cut", "gone", "unlinked", "renamed", "torn", "resized", "child", "relinked", "forgotten", "untagged",
		"whole",
	} {
		images[name] = makeImage(name, nil, "")
	}
	index := makeIndex(images["child"].descriptor(), images["whole"].descriptor())
	for _, at := range []*server{s, replica} {
		at.createRepository(prod, tokyo, "app")
		c := at.oci(prod, tokyo)
		for name, i := range images {
			c.mustPush("app", name, i)
		}
		if err := c.putManifest("app", "index", ocispec.MediaTypeImageIndex, index); err != nil {
			t.Fatal(err)
		}
	}
	// A second repository has two of the images: what is fetched for one is for both.
	s.createRepository(prod, tokyo, "other")
	s.oci(prod, tokyo).mustPush("other", "flipped", images["flipped"])
	s.oci(prod, tokyo).mustPush("other", "torn", images["torn"])

	found, summary := s.verify(0, "--full")
	wantFindings(t, found)
	if summary.Blobs != 24 || summary.Manifests != 15 || summary.Tags != 15 || summary.Links != 28 ||
		summary.BytesRead == 0 || summary.Orphans != 0 {
		t.Errorf("verify of a whole deployment counts %+v", summary)
	}

	if !shared() {
		s.kill(syscall.SIGTERM)
	}
	of := func(name string) string { return digest.FromBytes(images[name].layer).String() }
	id := func(name string) string {
		return fmt.Sprintf(
			`(SELECT m.id FROM manifests m JOIN repositories p ON p.id = m.repository_id WHERE p.name = 'app' AND m.digest = '%s')`, images[name].digest)
	}
	s.changeObject(images["flipped"].layer, func(b []byte) []byte { b[0] ^= 1; return b })
	s.changeObject(images["cut"].layer, func(b []byte) []byte { return b[:len(b)-1] })
	s.changeObject(images["gone"].layer, func([]byte) []byte { return nil })
	s.sql(`DELETE FROM layers WHERE digest = '` + of("unlinked") + `'`)
	s.sql(`UPDATE manifest_references SET target = '` + of("whole") + `' WHERE target = '` + of("renamed") + `'`)
	cast := "X'7b7d'"
	if shared() {
		cast = `'\x7b7d'::bytea`
	}
	s.sql(`UPDATE manifests SET bytes = ` + cast + ` WHERE id = ` + id("torn"))
	s.sql(`UPDATE manifests SET image_size = 7 WHERE id = ` + id("resized"))
	s.sql(`UPDATE layers SET size = 7 WHERE digest = '` + of("relinked") + `'`)
	s.sql(`DELETE FROM blobs WHERE digest = '` + of("forgotten") + `'`)
	s.sql(`UPDATE tags SET manifest_id = 123456789 WHERE name = 'untagged'`)
	s.sql(`DELETE FROM manifest_references WHERE manifest_id = ` + id("child"))
	s.sql(`DELETE FROM tags WHERE name = 'child'`)
	s.sql(`DELETE FROM manifests WHERE id = ` + id("child"))
	if !shared() {
		s.start()
	}

	fast := []string{
		"blob " + of("cut"), "blob " + of("gone"), "missing " + of("unlinked"), "record " + images["renamed"].digest.String(),
		"manifest " + images["torn"].digest.String(), "record " + images["resized"].digest.String(), "link " + of("relinked"),
		"link " + of("forgotten"), "tag untagged", "missing " + images["child"].digest.String(),
	}
	found, summary = s.verify(1)
	wantFindings(t, found, fast...)
	if summary.Orphans != 1 || summary.Left != int64(len(fast)) {
		t.Errorf("verify counts %d orphans and %d findings", summary.Orphans, summary.Left)
	}
	found, _ = s.verify(1, "--full")
	wantFindings(t, found, append([]string{"blob " + of("flipped")}, fast...)...)
	if out, _ := s.tool(1, "verify"); !strings.Contains(out, "--repair") ||
		!strings.Contains(out, prod.id+"/"+tokyo+"/app") {
		t.Errorf("verify says\n%s", out)
	}

	if !shared() {
		if _, log := s.tool(2, "verify", "--repair"); !strings.Contains(log, "stop it first") {
			t.Errorf("a repair beside a server says %s", log)
		}
		s.kill(syscall.SIGTERM)
	}
	// Without a replica: what is wrong is out of use, and what can be fixed is.
	found, _ = s.verify(1, "--full", "--repair")
	for _, f := range found {
		fixed := f.Kind == "record" || f.Kind == "manifest" || f.Kind == "tag" || f.Kind == "link" || f.Kind == "blob"
		if f.Repaired != fixed {
			t.Errorf("a repair alone: %+v", f)
		}
	}
	found, _ = s.verify(1, "--full")
	wantFindings(t, found, "quarantined "+of("flipped"), "quarantined "+of("cut"), "quarantined "+of("gone"),
		"quarantined "+of("forgotten"),
		"missing "+of("unlinked"), "missing "+images["child"].digest.String())
	if !shared() {
		s.start()
	}
	c := s.oci(prod, tokyo)
	for _, repo := range []string{"app", "other"} {
		c.want(c.do("GET", repo+"/blobs/"+of("flipped"), nil), http.StatusNotFound, "BLOB_UNKNOWN")
	}
	c.mustPush("app", "torn", images["torn"])
	// The next push of a layer stores it anew, and gives it back to all who had it.
	c.mustPush("app", "cut", images["cut"])
	if err := follow(c).wantPull("app", "cut", images["cut"].digest); err != nil {
		t.Error(err)
	}
	if !shared() {
		s.kill(syscall.SIGTERM)
	}
	repair := s.command("verify", "--json", "--full", "--repair", "--from", "http://"+replica.addr, "--username", "AWS",
		"--password-stdin")
	repair.Stdin = strings.NewReader(replica.password(prod, tokyo) + "\n")
	found, summary = s.verifyBy(0, repair)
	wantFindings(t, found, "quarantined "+of("flipped"), "quarantined "+of("gone"), "quarantined "+of("forgotten"),
		"missing "+of("unlinked"), "missing "+images["child"].digest.String())
	if summary.Kept != 4 {
		t.Errorf("%d objects are kept, want 4", summary.Kept)
	}
	found, _ = s.verify(0, "--full")
	wantFindings(t, found)
	if _, summary = s.verify(0, "--repair", "--discard"); summary.Kept != 0 {
		t.Errorf("after a discard %d objects are kept", summary.Kept)
	}
	if !shared() {
		s.start()
	}
	for name, i := range images {
		if name == "child" || name == "untagged" {
			name = i.digest.String()
		}
		if err := follow(c).wantPull("app", name, i.digest); err != nil {
			t.Error(err)
		}
	}
	if err := follow(c).wantPull("app", "index", digest.FromBytes(index)); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"flipped", "torn"} {
		if err := follow(c).wantPull("other", name, images[name].digest); err != nil {
			t.Error(err)
		}
	}
	if err := c.wantAbsent("app", "untagged"); err != nil {
		t.Error(err)
	}
}

// follow is the client, going where redirects lead, as registry clients do.
func follow(c *ociClient) *ociClient {
	if !shared() {
		return c
	}
	followed, client := *c, *c.http
	client.CheckRedirect = nil
	followed.http = &client
	return &followed
}

// busy keeps clients pushing to and deleting from the repository until stop is
// called, which returns what was pushed and not deleted, by tag.
func (s *server) busy(repo string, clients int) (stop func() map[string]image) {
	var wait sync.WaitGroup
	var ended atomic.Bool
	var mu sync.Mutex
	kept := map[string]image{}
	c := s.oci(prod, tokyo)
	for n := range clients {
		wait.Go(func() {
			var mine []string
			for i := 0; !ended.Load(); i++ {
				tag := fmt.Sprintf("c%d-%d", n, i)
				image := makeImage(tag, nil, "")
				// A sweep may take a layer before a slow push comes to its manifest.
				if c.push(repo, tag, image) != nil {
					continue
				}
				mu.Lock()
				kept[tag] = image
				mu.Unlock()
				if mine = append(mine, tag); len(mine) > 5 && i%2 == 0 {
					at := rand.IntN(len(mine))
					tag := mine[at]
					mine = slices.Delete(mine, at, at+1)
					mu.Lock()
					image := kept[tag]
					delete(kept, tag)
					mu.Unlock()
					if _, err := c.send("DELETE", "/v2/"+repo+"/manifests/"+image.digest.String(), nil); err != nil {
						s.t.Errorf("delete %s: %v", tag, err)
					}
				}
			}
		})
	}
	stop = func() map[string]image {
		ended.Store(true)
		wait.Wait()
		return kept
	}
	s.t.Cleanup(func() { stop() }) // should the test fail before
	return stop
}

// sweepOften has the server sweep all the time. (A push on a slow machine may
// take longer than the grace, and then fails.)
func (s *server) sweepOften() {
	s.t.Helper()
	s.kill(syscall.SIGTERM)
	s.http.CloseIdleConnections()
	s.env = append(s.env, "TWINPORT_SWEEP_INTERVAL=1s", "TWINPORT_SWEEP_GRACE=2s")
	s.start()
}

// TestVerifyBesideABusyServer: what is pushed, deleted and swept meanwhile is
// no damage.
func TestVerifyBesideABusyServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.sweepOften()
	for _, repo := range []string{"app", "gone"} {
		s.createRepository(prod, tokyo, repo)
	}
	stop := s.busy("app", 6)
	for range 4 {
		time.Sleep(500 * time.Millisecond)
		found, summary := s.verify(0, "--full")
		wantFindings(t, found)
		if !*summary.Complete {
			t.Errorf("verify did not end: %+v", summary)
		}
	}
	if len(stop()) == 0 {
		t.Error("nothing was pushed")
	}
	found, summary := s.verify(0, "--full")
	wantFindings(t, found)
	t.Logf("%+v", summary)
}

// TestVerifyCannot: what keeps it from verifying is not damage.
func TestVerifyCannot(t *testing.T) {
	t.Parallel()
	embeddedOnly(t, "the embedded stores")
	s := newServer(t)
	s.kill(syscall.SIGTERM)
	if err := os.RemoveAll(filepath.Join(s.data, "metadata")); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{nil, {"--repair"}} {
		if _, log := s.tool(2, "verify", args...); !strings.Contains(log, "holds no registries") {
			t.Errorf("verify %v of nothing says %s", args, log)
		}
	}
	if _, err := os.Stat(filepath.Join(s.data, "metadata")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("verify made a database: %v", err)
	}
	for _, args := range [][]string{
		{"--from", "http://127.0.0.1:1"}, {"--repair", "--from", "http://u:p@127.0.0.1:1"}, {"--repair", "--from", "ftp://x"},
		{"--repair", "--username", "x"},
	} {
		s.tool(2, "verify", args...)
	}
}
