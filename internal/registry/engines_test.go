package registry_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/blob/s3store"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/test/servers"
)

// shared says that this run is on PostgreSQL and S3. The tests are the same. It
// is asked when tests run: what is asked before, go test does not take note of,
// and would answer with what it remembers of a run on the other stores.
func shared() bool { return os.Getenv("TEST_STORES") == "shared" }

// sharedEngines are the database and bucket of each test's folder, so that a
// test that opens its folder again finds what it left.
var sharedEngines sync.Map

type engines struct{ database, blobs string }

// databases are of tests that have ended, for others: to make one takes longer
// than most tests.
var databases = make(chan string, 100)

func database(t testing.TB) (url string) {
	t.Helper()
	select {
	case url = <-databases:
		if err := empty(url); err != nil {
			t.Fatal(err)
		}
	default:
		url = servers.Postgres(lasting{t})
	}
	t.Cleanup(func() { databases <- url })
	return url
}

// empty removes all rows that tests make.
func empty(url string) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(`DELETE FROM repositories; DELETE FROM registries; DELETE FROM blobs; DELETE FROM garbage; DELETE
		FROM damaged; DELETE FROM leases`)
	return err
}

// lasting is a test that ends with the process, for what outlives the first
// that needs it.
type lasting struct{ testing.TB }

var (
	atExit   []func()
	atExitMu sync.Mutex
)

func (lasting) Cleanup(f func()) {
	atExitMu.Lock()
	defer atExitMu.Unlock()
	atExit = append(atExit, f)
}

func (lasting) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func TestMain(m *testing.M) {
	code := m.Run()
	for _, f := range atExit {
		f()
	}
	os.Exit(code)
}

func openEngines(t testing.TB, dir string) (metadata.Store, blob.Store) {
	t.Helper()
	ctx := context.Background()
	if !shared() {
		meta, err := metadata.OpenSQLite(ctx, filepath.Join(dir, "metadata"))
		if err != nil {
			t.Fatal(err)
		}
		blobs, err := filestore.Open(filepath.Join(dir, "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		return meta, blobs
	}
	known, ok := sharedEngines.Load(dir)
	if !ok {
		b := servers.S3(t)
		// All buckets are of one server.
		os.Setenv("AWS_ACCESS_KEY_ID", b.AccessKey)
		os.Setenv("AWS_SECRET_ACCESS_KEY", b.SecretKey)
		known = engines{
			database(t), fmt.Sprintf("s3://%s?endpoint=%s&region=%s&path_style=true&redirect=false", b.Name,
				url.QueryEscape(b.Endpoint), b.Region),
		}
		sharedEngines.Store(dir, known)
	}
	meta, err := metadata.OpenPostgres(ctx, known.(engines).database)
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := s3store.Open(ctx, known.(engines).blobs)
	if err != nil {
		t.Fatal(err)
	}
	return meta, blobs
}

// openDatabase opens the database of the test's folder to look at it.
func openDatabase(t testing.TB, dir string) (db *sql.DB, driver string) {
	t.Helper()
	driver, source := "sqlite", filepath.Join(dir, "metadata", "metadata.db")
	if known, ok := sharedEngines.Load(dir); ok {
		driver, source = "pgx", known.(engines).database
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	return db, driver
}

// refuseTags makes the database in the test's folder fail to store tags in an
// account's repositories, until fix is called.
func refuseTags(t testing.TB, dir, account string) (fix func()) {
	t.Helper()
	of := `(SELECT p.id FROM repositories p JOIN registries g ON g.id = p.registry_id WHERE g.account = '` + account + `')`
	db, driver := openDatabase(t, dir)
	t.Cleanup(func() { db.Close() })
	statements, undo := []string{
		`CREATE TRIGGER fault BEFORE INSERT ON tags WHEN NEW.repository_id IN ` + of +
			` BEGIN SELECT RAISE(ABORT, 'injected'); END`,
	},
		`DROP TRIGGER IF EXISTS fault`
	if driver == "pgx" {
		statements, undo = []string{`CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				IF NEW.repository_id IN ` + of + ` THEN RAISE 'injected'; END IF; RETURN NEW; END $$`,
			`CREATE TRIGGER fault BEFORE INSERT ON tags FOR EACH ROW EXECUTE FUNCTION fault()`},
			`DROP FUNCTION IF EXISTS fault CASCADE` // with the trigger
	}
	execute := func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for _, statement := range statements {
		execute(statement)
	}
	t.Cleanup(func() { execute(undo) }) // others use the database after this test
	return func() { execute(undo) }
}
