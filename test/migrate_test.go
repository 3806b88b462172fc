package test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // registers pgx
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	_ "modernc.org/sqlite" // registers sqlite

	"github.com/twinport/twinport/test/servers"
)

// migration is an embedded deployment and where it is to move.
type migration struct {
	*server
	t        *testing.T
	source   *ociClient
	target   *ociClient
	database string
	bucket   servers.Bucket
	env      []string // the command's
	to       string   // the new configuration
}

// newMigration starts an embedded server that replicates from prod to dev, and
// writes the new configuration.
func newMigration(t *testing.T) *migration {
	t.Helper()
	if shared() {
		t.Skip("the server of this run has moved already")
	}
	return newMigrationTo(t, servers.Postgres(t), servers.S3(t))
}

func newMigrationTo(t *testing.T, database string, bucket servers.Bucket) *migration {
	t.Helper()
	if shared() {
		t.Skip("the server of this run has moved already")
	}
	s, source, target := replicating(t)
	s.http.CheckRedirect = nil // to the bucket
	m := &migration{server: s, t: t, source: source, target: target, database: database, bucket: bucket}
	m.configure()
	return m
}

func (m *migration) configure() {
	m.t.Helper()
	config, err := os.ReadFile(filepath.Join(m.dir, "twinport.yaml"))
	if err != nil {
		m.t.Fatal(err)
	}
	stores := sharedStores(m.database, m.bucket, "")
	m.env = stores.env
	m.to = filepath.Join(m.dir, "new.yaml")
	if err := os.WriteFile(m.to, append(config, stores.config...), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// command is twinport migrate.
func (m *migration) command(more ...string) *exec.Cmd {
	args := append([]string{"migrate", "--config", filepath.Join(m.dir, "twinport.yaml")}, more...)
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), m.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// migrate runs the command and returns what it printed.
func (m *migration) migrate(more ...string) (string, error) {
	cmd := m.command(append([]string{"--to", m.to}, more...)...)
	late := time.AfterFunc(5*patience, func() { cmd.Process.Kill() })
	defer late.Stop()
	out, err := cmd.CombinedOutput()
	for _, secret := range []string{m.bucket.SecretKey, passwordOf(m.database)} {
		if strings.Contains(string(out)+m.log.String(), secret) {
			m.t.Errorf("a secret of the new stores is shown in\n%s\n%s", out, m.log.String())
		}
	}
	return string(out), err
}

func (m *migration) mustMigrate(more ...string) string {
	m.t.Helper()
	out, err := m.migrate(more...)
	if err != nil {
		m.t.Fatalf("migrate: %v\n%s", err, out)
	}
	return out
}

func passwordOf(database string) string {
	c, err := pgx.ParseConfig(database)
	if err != nil {
		panic(err)
	}
	return c.Password
}

// fill gives the deployment something of everything.
func (m *migration) fill(images int) {
	m.t.Helper()
	m.createRepository(prod, tokyo, "app")
	for i := range images {
		image := makeImage(fmt.Sprintf("fill-%d", i), nil, "")
		m.source.mustPush("app", fmt.Sprintf("t%d", i), image)
		if i%4 == 1 {
			index := makeIndex(image.descriptor())
			if err := m.source.putManifest("app", fmt.Sprintf("index%d", i), ocispec.MediaTypeImageIndex, index); err != nil {
				m.t.Fatal(err)
			}
		}
		if i%4 == 2 {
			d := image.descriptor()
			m.source.mustPush("app", "", makeImage(fmt.Sprintf("signature-%d", i), &d, "application/vnd.example.signature"))
		}
	}
	// A destination that refuses, and one that is not there.
	m.createRepository(dev, tokyo, "lonely")
	m.replicate(dev, tokyo, rule{to: []destination{{mallory, tokyo}}, prefixes: []string{"lonely"}})
	m.oci(dev, tokyo).mustPush("lonely", "1", makeImage("lonely", nil, ""))
	m.wantStatus(dev, tokyo, "lonely", "1", destination{mallory, tokyo}, types.ReplicationStatusFailed)
	m.wantStatus(prod, tokyo, "app", "t0", devTokyo, types.ReplicationStatusComplete)
	m.allow(prod, tokyo, "app", dev, pullActions...)
}

// facts are the rows of a store's tables, sorted, as text, of those columns that
// a migration keeps.
func facts(t *testing.T, db *sql.DB, columns map[string][]string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for table, names := range columns {
		rows, err := db.Query(`SELECT ` + strings.Join(names, ", ") + ` FROM ` + table)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values := make([]any, len(names))
			into := make([]any, len(names))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			var line strings.Builder
			for i, v := range values {
				switch v := v.(type) {
				case bool:
					fmt.Fprintf(&line, "%s=%d ", names[i], map[bool]int{true: 1}[v])
				case []byte:
					fmt.Fprintf(&line, "%s=%q ", names[i], v)
				case string:
					fmt.Fprintf(&line, "%s=%q ", names[i], v)
				default:
					fmt.Fprintf(&line, "%s=%v ", names[i], v)
				}
			}
			all[table] = append(all[table], line.String())
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(all[table])
	}
	return all
}

// wantSameFacts compares the old store, which nobody uses any more, with the new.
func (m *migration) wantSameFacts() {
	m.t.Helper()
	old, err := sql.Open("sqlite", "file:"+filepath.Join(m.data, "metadata", "metadata.db")+"?mode=ro")
	if err != nil {
		m.t.Fatal(err)
	}
	defer old.Close()
	now, err := sql.Open("pgx", m.database)
	if err != nil {
		m.t.Fatal(err)
	}
	defer now.Close()
	columns := map[string][]string{}
	rows, err := now.Query(
		`SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()`)
	if err != nil {
		m.t.Fatal(err)
	}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			m.t.Fatal(err)
		}
		switch {
		case slices.Contains([]string{
			"goose_db_version", "uploads", "leases", "garbage", "registry_changes", // each start writes them anew
		}, table), column == "object":
		default:
			columns[table] = append(columns[table], column)
		}
	}
	before, after := facts(m.t, old, columns), facts(m.t, now, columns)
	for table := range columns {
		if !slices.Equal(before[table], after[table]) {
			for _, line := range before[table] {
				if !slices.Contains(after[table], line) {
					m.t.Errorf("%s: lost: %s", table, line)
				}
			}
			for _, line := range after[table] {
				if !slices.Contains(before[table], line) {
					m.t.Errorf("%s: came from nowhere: %s", table, line)
				}
			}
		}
	}
	if len(before["replications"]) == 0 || len(before["tag_watermarks"]) == 0 || len(before["manifests"]) == 0 {
		m.t.Error("there is nothing to compare")
	}
}

// wantRefused checks that the old configuration does not serve any more.
func (m *migration) wantRefused() {
	m.t.Helper()
	out, err := exec.Command(binary, "serve", "--config", filepath.Join(m.dir, "twinport.yaml")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), m.to) {
		m.t.Errorf("serve with the old configuration: %v\n%s", err, out)
	}
}

// beside starts a second server, on the new configuration.
func (m *migration) beside() *server {
	m.t.Helper()
	text, err := os.ReadFile(m.to)
	if err != nil {
		m.t.Fatal(err)
	}
	port := freePort(m.t)
	dir := m.t.TempDir()
	s := &server{
		t: m.t, dir: dir, data: filepath.Join(dir, "data"), addr: "127.0.0.1:" + port, port: port, env: m.env,
		log: &logBuffer{}, http: newHTTPClient("127.0.0.1:" + port),
	}
	s.http.CheckRedirect = nil // to the bucket
	config := strings.Replace(string(text), "listen: "+m.addr, "listen: "+s.addr, 1)
	if err := os.WriteFile(filepath.Join(dir, "twinport.yaml"), []byte(config), 0o600); err != nil {
		m.t.Fatal(err)
	}
	s.endWithTest()
	s.start()
	return s
}

func TestMigrateStopped(t *testing.T) {
	t.Parallel()
	m := newMigration(t)
	m.fill(20)
	m.kill(syscall.SIGTERM)
	out := m.mustMigrate("--full")
	if !strings.Contains(out, "No server serves") {
		t.Errorf("migrate says\n%s", out)
	}
	m.wantSameFacts()
	m.wantRefused()
	s := m.beside()
	for i := range 20 {
		for _, c := range []*ociClient{s.oci(prod, tokyo), s.oci(dev, tokyo)} {
			if err := c.wantPull("app", fmt.Sprintf("t%d", i), makeImage(fmt.Sprintf("fill-%d", i), nil,
				"").digest); err != nil {
				t.Error(err)
			}
		}
	}
	// Numbers go on above those that were used.
	for i := range 20 {
		image := makeImage(fmt.Sprintf("new-%d", i), nil, "")
		s.oci(prod, tokyo).mustPush("app", fmt.Sprintf("t%d", i), image)
		eventually(t, patience, func() error {
			return s.oci(dev, tokyo).wantPull("app", fmt.Sprintf("t%d", i), image.digest)
		})
	}
	if out := m.mustMigrate(); !strings.Contains(out, "All has moved") {
		t.Errorf("once more, migrate says\n%s", out)
	}
}

// pushers are what clients do while a deployment moves.
type pushers struct {
	m       *migration
	stopped atomic.Bool
	clients sync.WaitGroup
	// killed says that the server is killed now and then, so that pulls may fail.
	killed bool

	mu   sync.Mutex
	tags map[string]digest.Digest // by the last push that was acknowledged; "" if it was deleted
	// pushes that were acknowledged, failures and the longest time of any.
	pushes, failures int
	longest          time.Duration
	pulls            int
}

// start lets 8 clients push, move tags, delete and pull, each with tags of its own.
func (m *migration) startTraffic(killed bool) *pushers {
	m.t.Helper()
	tr := &pushers{m: m, killed: killed, tags: map[string]digest.Digest{}}
	m.createRepository(prod, tokyo, "live")
	for client := range 8 {
		tr.clients.Go(func() { tr.client(client) })
	}
	m.t.Cleanup(tr.stop)
	return tr
}

func (tr *pushers) stop() {
	tr.stopped.Store(true)
	tr.clients.Wait()
}

func (tr *pushers) client(client int) {
	for i := 0; !tr.stopped.Load(); i++ {
		time.Sleep(50 * time.Millisecond) // there are other tests
		tag := fmt.Sprintf("c%d-%d", client, i%7)
		image := makeImage(fmt.Sprintf("live-%d-%d", client, i), nil, "")
		// What a client repeats by itself: the whole push.
		tr.until(tag, image.digest, func() error { return tr.m.source.push("live", tag, image) })
		switch i % 5 {
		case 3:
			tr.until(tag, "", func() error {
				a, err := tr.m.source.send("DELETE", "/v2/"+tr.m.source.prefix+"live/manifests/"+tag, nil)
				if err == nil && a.status != http.StatusAccepted && a.status != http.StatusNotFound {
					err = &statusError{a}
				}
				return err
			})
		case 4:
			if err := tr.m.source.wantPull("app", "t1", makeImage("fill-1", nil, "").digest); err != nil && !tr.killed {
				tr.m.t.Errorf("a pull failed: %v", err)
			}
			tr.mu.Lock()
			tr.pulls++
			tr.mu.Unlock()
		}
	}
}

// until repeats a write until it is acknowledged.
func (tr *pushers) until(tag string, d digest.Digest, write func() error) {
	for !tr.stopped.Load() {
		begun := time.Now()
		err := write()
		tr.mu.Lock()
		tr.longest = max(tr.longest, time.Since(begun))
		if err == nil {
			tr.tags[tag] = d
			tr.pushes++
			tr.mu.Unlock()
			return
		}
		// It may have been done or not: until it is repeated, nothing is known.
		delete(tr.tags, tag)
		tr.failures++
		tr.mu.Unlock()
		var status *statusError
		if errors.As(err, &status) && status.answer.status != http.StatusServiceUnavailable &&
			status.answer.status != http.StatusNotFound {
			tr.m.t.Errorf("a client gives up: %v", err)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (tr *pushers) count() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.pushes
}

// wantMore waits until n more writes are acknowledged.
func (tr *pushers) wantMore(n int) {
	tr.m.t.Helper()
	before := tr.count()
	eventually(tr.m.t, patience, func() error {
		if now := tr.count(); now < before+n {
			return fmt.Errorf("%d writes were acknowledged, %d wanted", now-before, n)
		}
		return nil
	})
}

// check stops the clients and looks for what was acknowledged, on a server.
func (tr *pushers) check(s *server) {
	t := tr.m.t
	t.Helper()
	tr.stop()
	for tag, d := range tr.tags {
		if d == "" {
			if err := s.oci(prod, tokyo).wantAbsent("live", tag); err != nil {
				t.Error(err)
			}
			continue
		}
		if err := s.oci(prod, tokyo).wantPull("live", tag, d); err != nil {
			t.Errorf("acknowledged, but now: %v", err)
		}
		eventually(t, patience, func() error { return s.oci(dev, tokyo).wantPull("live", tag, d) })
		s.wantStatus(prod, tokyo, "live", tag, devTokyo, types.ReplicationStatusComplete)
	}
	t.Logf("%d writes and %d pulls, %d failures, the longest write took %v", tr.pushes, tr.pulls, tr.failures, tr.longest)
}

// readOnly is how long writes had to wait, as the command says.
func readOnly(t *testing.T, out string) time.Duration {
	t.Helper()
	_, text, found := strings.Cut(out, "Writes had to wait for ")
	text, _, _ = strings.Cut(text, " s")
	seconds, err := strconv.ParseFloat(text, 64)
	if !found || err != nil {
		t.Fatalf("the output does not say how long writes waited:\n%s", out)
	}
	return time.Duration(seconds * float64(time.Second))
}

// maxReadOnly is what the program promises, with the moment in which it switches.
// On a quiet machine it takes a tenth of that, or less.
const maxReadOnly = 11 * time.Second

// TestMigrateWhileServing: a deployment moves while clients push, move tags,
// delete and pull, and images replicate.
func TestMigrateWhileServing(t *testing.T) {
	t.Parallel()
	m := newMigration(t)
	m.fill(60)
	tr := m.startTraffic(false)
	tr.wantMore(40)
	out := m.mustMigrate()
	t.Log(out)
	if took := readOnly(t, out); took > maxReadOnly {
		t.Errorf("writes had to wait for %v", took)
	}
	tr.wantMore(40)
	other := m.beside()
	tr.wantMore(40)
	tr.check(m.server)
	tr.check(other)

	// What one writes the other reads at once.
	image := makeImage("beside", nil, "")
	other.oci(prod, tokyo).mustPush("app", "beside", image)
	if err := m.source.wantPull("app", "beside", image.digest); err != nil {
		t.Error(err)
	}
	// What failed before can be fixed now.
	m.grant(mallory, tokyo, dev, "ReplicateImage", "CreateRepository")
	m.wantStatus(dev, tokyo, "lonely", "1", destination{mallory, tokyo}, types.ReplicationStatusComplete)

	m.kill(syscall.SIGTERM)
	m.wantRefused()
	if _, err := os.Stat(filepath.Join(m.data, "control.sock")); err == nil {
		t.Error("the control socket is left behind")
	}
}

// TestMigrateKeepsEveryFact moves a running deployment that rests at the end.
func TestMigrateKeepsEveryFact(t *testing.T) {
	t.Parallel()
	m := newMigration(t)
	m.fill(12)
	tr := m.startTraffic(false)
	tr.wantMore(60)
	cut := m.command("--to", m.to)
	if err := cut.Start(); err != nil {
		t.Fatal(err)
	}
	tr.wantMore(20)
	cut.Process.Kill()
	cut.Wait()
	tr.check(m.server)
	m.kill(syscall.SIGTERM)
	m.mustMigrate()
	m.wantSameFacts()
}

// until starts the command and calls at when it has printed a line that begins
// with the word; then it waits for the command's end.
func (m *migration) until(word string, at func(cmd *exec.Cmd)) (out string, err error) {
	m.t.Helper()
	cmd := m.command("--to", m.to)
	printed := &logBuffer{}
	cmd.Stdout, cmd.Stderr = printed, printed
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	late := time.After(5 * time.Minute)
	for !strings.Contains(printed.String(), "\n"+word) && !strings.HasPrefix(printed.String(), word) {
		select {
		case <-late:
			cmd.Process.Kill()
			m.t.Fatalf("migrate does not come to %q:\n%s", word, printed)
		case err := <-ended:
			m.t.Fatalf("migrate ended (%v) before %q:\n%s", err, word, printed)
		case <-time.After(time.Millisecond):
		}
	}
	at(cmd)
	return printed.String(), <-ended
}

// TestMigrateKilled kills the server, and the command, at several moments. Until
// all has moved the old deployment serves, and the next command goes on.
func TestMigrateKilled(t *testing.T) {
	t.Parallel()
	m := newMigration(t)
	m.fill(30)
	tr := m.startTraffic(true)
	tr.wantMore(20)
	for i, word := range []string{"objects", "rows", "check", "changes", "switch"} {
		moved := func() bool {
			_, err := os.Stat(filepath.Join(m.data, "moved"))
			return err == nil
		}
		_, err := m.until(word, func(cmd *exec.Cmd) {
			if i%2 == 1 {
				cmd.Process.Kill()
				return
			}
			time.Sleep(time.Duration(i*7) * time.Millisecond)
			m.kill(syscall.SIGKILL)
		})
		if moved() {
			// The kill came too late, which it may.
			t.Logf("at %q all had moved (%v)", word, err)
			break
		}
		if i%2 == 0 {
			m.start()
		}
		tr.wantMore(10)
	}
	out := m.mustMigrate()
	if strings.Contains(out, "Going on") {
		t.Log("the last command went on with what was begun")
	}
	tr.check(m.beside())
}

// TestMigrateOutage: the bucket fails in the middle of a migration, and later
// the database. The deployment serves on, and the next command goes on.
func TestMigrateOutage(t *testing.T) {
	t.Parallel()
	if shared() {
		t.Skip("the server of this run has moved already")
	}
	postgres := servers.StartPostgres(t)
	faults := servers.S3Faults(t, servers.S3(t))
	m := newMigrationTo(t, postgres.Database(), faults.Bucket)
	m.fill(30)
	tr := m.startTraffic(false)
	var puts atomic.Int64
	faults.Rule(func(r *http.Request) servers.Fault {
		if r.Method == http.MethodPut && puts.Add(1) > 20 {
			return servers.Answer(http.StatusInternalServerError, "InternalError")
		}
		return servers.Fault{}
	})
	out, err := m.migrate()
	if err == nil || !strings.Contains(out, "serves as before") {
		t.Fatalf("migrate into a bucket that fails: %v\n%s", err, out)
	}
	copied := m.count(`SELECT count(*) FROM blobs`)
	if copied < 10 {
		t.Errorf("%d blobs were copied before the bucket failed", copied)
	}
	tr.wantMore(10)
	// It fails now and then, as buckets do: that ends nothing.
	faults.Rule(func(r *http.Request) servers.Fault {
		if r.Method == http.MethodPut && puts.Add(1)%100 == 0 {
			return servers.Answer(http.StatusServiceUnavailable, "SlowDown")
		}
		return servers.Fault{}
	})
	_, err = m.until("rows", func(*exec.Cmd) { postgres.Kill() })
	if err == nil {
		t.Fatal("migrate into a database that was killed ends well")
	}
	tr.wantMore(10)
	postgres.Start()
	tr.check(m.server)
	if out := m.mustMigrate(); !strings.Contains(out, "Going on") {
		t.Errorf("the third command began anew:\n%s", out)
	}
	tr.check(m.server)
}

// count is what a query for a number gives in the new database.
func (m *migration) count(query string, args ...any) (n int64) {
	m.t.Helper()
	db, err := pgx.Connect(ctx, m.database)
	if err != nil {
		m.t.Fatal(err)
	}
	defer db.Close(ctx)
	if err := db.QueryRow(ctx, query, args...).Scan(&n); err != nil {
		m.t.Fatal(err)
	}
	return n
}

// TestMigrateRefuses destinations and configurations that cannot be right, and
// changes nothing.
func TestMigrateRefuses(t *testing.T) {
	t.Parallel()
	m := newMigration(t)
	m.fill(4)
	refused := func(name, want string, more ...string) {
		t.Helper()
		out, err := m.migrate(more...)
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, want …%s…\n%s", name, err, want, out)
		}
		if err := m.source.wantPull("app", "t1", makeImage("fill-1", nil, "").digest); err != nil {
			t.Error(err)
		}
	}
	good, err := os.ReadFile(m.to)
	if err != nil {
		t.Fatal(err)
	}
	rewrite := func(old, new string) {
		t.Helper()
		if !strings.Contains(string(good), old) {
			t.Fatalf("the configuration has no %s", old)
		}
		if err := os.WriteFile(m.to, []byte(strings.Replace(string(good), old, new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rewrite("regions: ["+tokyo+", ", "regions: [")
	refused("another Region", "must be the same")
	rewrite(prod.secret, "another+secret/kept/by/the/tests/only001")
	refused("another secret", "has another secret")
	rewrite("database:", "#")
	refused("no database", "both database and blobs")
	rewrite(m.bucket.Name, m.bucket.Name+"-other")
	refused("no bucket", "there is no bucket")
	rewrite("domain", "domain") // as it was

	if _, err := m.bucket.Client().PutObject(ctx, &s3.PutObjectInput{
		Bucket: &m.bucket.Name, Key: aws.String("twinport/blobs/an-object"), Body: strings.NewReader("x"),
	}); err != nil {
		t.Fatal(err)
	}
	refused("a bucket that is not empty", "is not empty")
	if _, err := m.bucket.Client().DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &m.bucket.Name, Key: aws.String("twinport/blobs/an-object"),
	}); err != nil {
		t.Fatal(err)
	}

	// A migration that another deployment has begun.
	other := newMigrationTo(t, m.database, m.bucket)
	other.fill(4)
	other.until("objects", func(cmd *exec.Cmd) { cmd.Process.Kill() })
	if m.count(`SELECT count(*) FROM leases WHERE name = 'migration'`) == 1 {
		refused("another's migration", "another migration")
		// No server may use the database before it is whole.
		out, err := exec.Command(binary, "serve", "--config", m.to).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "run twinport migrate again") &&
			!strings.Contains(string(out), "address already in use") {
			t.Errorf("serve on half a copy: %v\n%s", err, out)
		}
	}
	// Given up, it leaves no trace in the source; its destination is of no use.
	if out, err := other.command("--cancel").CombinedOutput(); err != nil {
		t.Fatalf("migrate --cancel: %v\n%s", err, out)
	}
	other.kill(syscall.SIGTERM)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(other.data, "metadata", "metadata.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var left int
	if err := db.QueryRow(
		`SELECT (SELECT count(*) FROM sqlite_master WHERE name LIKE 'transfer%') + (SELECT count(*) FROM leases WHERE name = 'migration')`).Scan(&left); err != nil || left != 0 {
		t.Errorf("after migrate --cancel %d things are left (%v)", left, err)
	}
	// A database that a server uses.
	other.database, other.bucket = servers.Postgres(t), servers.S3(t)
	other.configure()
	other.start()
	other.mustMigrate()
	m.database, m.bucket = other.database, servers.S3(t)
	m.configure()
	refused("a database that is used", "is not empty")
}

// TestMigrateMark: a process that dies between the switch and its last word
// leaves a mark that keeps servers off the new database, until the command is
// run again.
func TestMigrateMark(t *testing.T) {
	t.Parallel()
	m := newMigration(t)
	m.fill(4)
	m.mustMigrate()
	m.kill(syscall.SIGKILL)
	text, err := os.ReadFile(filepath.Join(m.data, "moved"))
	if err != nil {
		t.Fatal(err)
	}
	var moved struct{ Migration string }
	if err := json.Unmarshal(text, &moved); err != nil {
		t.Fatal(err)
	}
	m.count(
		`WITH mark AS (INSERT INTO leases (name, holder, beat, progress) VALUES ('migration', $1, 1, '{"complete":true}') RETURNING 1) SELECT count(*) FROM mark`, moved.Migration)
	serve := exec.Command(binary, "serve", "--config", m.to)
	serve.Env = append(os.Environ(), m.env...)
	if out, err := serve.CombinedOutput(); err == nil || !strings.Contains(string(out), "run twinport migrate again") {
		t.Errorf("serve with the mark in place: %v\n%s", err, out)
	}
	if out := m.mustMigrate(); !strings.Contains(out, "All has moved") {
		t.Errorf("migrate says\n%s", out)
	}
	m.beside()
}
