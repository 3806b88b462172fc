package metadata

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/twinport/twinport/test/servers"
)

// place is a database that is not open, to be looked at and changed by hand.
type place struct {
	open func() (Store, error)
	sql  func(t *testing.T) *sql.DB
}

func eachClosed(t *testing.T, test func(t *testing.T, p place)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		test(t, place{
			open: func() (Store, error) { return OpenSQLite(context.Background(), dir) },
			sql:  func(t *testing.T) *sql.DB { return openSQL(t, "sqlite", filepath.Join(dir, "metadata.db")) },
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		database := servers.Postgres(t)
		test(t, place{
			open: func() (Store, error) { return OpenPostgres(context.Background(), database) },
			sql:  func(t *testing.T) *sql.DB { return openSQL(t, "pgx", database) },
		})
	})
}

func openSQL(t *testing.T, driver, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func execute(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// A newer program has migrated the database. Whether this one may still use it
// is for the newer schema to say.
func TestNewerSchema(t *testing.T) {
	eachClosed(t, func(t *testing.T, p place) {
		s, err := p.open()
		if err != nil {
			t.Fatal(err)
		}
		newRepository(t, s, "app")
		s.Close()
		db := p.sql(t)
		flag := map[bool]string{true: "1", false: "true"}[strings.HasSuffix(t.Name(), "SQLite")]
		execute(t, db, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, `+flag+`)`)

		s, err = p.open() // it says that schema 3 will do
		if err != nil {
			t.Fatalf("a schema that this program may use: %v", err)
		}
		if _, err := s.Repository(t.Context(), account, region, "app", nil); err != nil {
			t.Error(err)
		}
		s.Close()

		execute(t, db, `UPDATE schema_compatibility SET oldest = 9999`)
		wantRefused(t, p, "needs a program that knows schema 9999")
		execute(t, db, `DROP TABLE schema_compatibility`)
		wantRefused(t, p, "does not say which programs may use it")
	})
}

func wantRefused(t *testing.T, p place, why string) {
	t.Helper()
	s, err := p.open()
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "schema 9999") ||
		!strings.Contains(err.Error(), "use the newer program") {
		t.Errorf("open: %v, want %q", err, why)
	}
}

// Several processes of a new deployment start at once.
func TestManyProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	database := servers.Postgres(t)
	stores := make([]*Postgres, 6)
	atOnce(t, len(stores), func(i int) (err error) {
		stores[i], err = OpenPostgres(t.Context(), database)
		return err
	})
	for _, s := range stores {
		if s != nil {
			if _, err := hasBlob(s, "d"); err != nil {
				t.Error(err)
			}
			s.Close()
		}
	}
	var n int
	if err := openSQL(t, "pgx", database).QueryRow(
		`SELECT count(*) FROM goose_db_version WHERE version_id = 3`).Scan(&n); err != nil || n != 1 {
		t.Errorf("the schema was made %d times, %v", n, err)
	}
}

// A database of schema 2, as the versions before wrote it.
func TestOldDatabaseIsMigrated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := openSQL(t, "sqlite", dataSource(filepath.Join(dir, "metadata.db")))
	files, err := migrationsOf(goose.DialectSQLite3)
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	d256, d512 := manifestDigest(7), "sha512:"+strings.Repeat("ab", 64)
	for _, statement := range []string{
		`INSERT INTO registries (id, account, region) VALUES (1, '` + account + `', '` + region + `')`,
		`INSERT INTO repositories (id, registry_id, name, created_at, tag_mutability, encryption_type)
			VALUES (5, 1, 'app', 1, 'MUTABLE', 'AES256')`,
		`INSERT INTO blobs (digest, size, created_at) VALUES ('` + d256 + `', 11, 1), ('` + d512 + `', 12, 1)`,
		`INSERT INTO layers (repository_id, digest, size, linked_at) VALUES (5, '` + d256 + `', 11, 1), (5, '` + d512 +
			`', 12, 1)`,
		`INSERT INTO uploads (id, repository_id, started_at) VALUES ('u', 5, 77)`,
	} {
		execute(t, db, statement)
	}
	db.Close()
	s := openStore(t, dir)
	r, err := s.Repository(t.Context(), account, region, "app", nil)
	if err != nil {
		t.Fatal(err)
	}
	for d, want := range map[string]Layer{
		d256: {11, "sha256/00/" + d256[7:], time.UnixMicro(1).UTC()},
		d512: {12, "sha512/ab/" + d512[7:], time.UnixMicro(1).UTC()},
	} {
		if l, err := s.Layer(t.Context(), r, d); err != nil || l != want {
			t.Errorf("%s: %+v, %v, want %+v", d, l, err, want)
		}
	}
	u, err := s.Read(t.Context()).Uploads().Get(5, "u")
	if err != nil || len(u.State) != 0 || u.StartedAt.UnixMicro() != 77 || !u.UpdatedAt.IsZero() {
		t.Errorf("upload: %+v, %v", u, err)
	}
	// It goes on as any other.
	commit(t, s, func(tx *Tx) error {
		_, err := tx.Upkeep().DropBlobs([]string{d256})
		return err
	})
	if garbage, err := s.Read(t.Context()).Upkeep().Garbage("", 10); err != nil || len(garbage) != 0 {
		t.Errorf("a blob that is linked became garbage: %v, %v", garbage, err)
	}
	commit(t, s, func(tx *Tx) error {
		if _, err := tx.Layers().Unlink(r, d256); err != nil {
			return err
		}
		_, err := tx.Upkeep().DropBlobs([]string{d256, d512})
		return err
	})
	if garbage, err := s.Read(t.Context()).Upkeep().Garbage("", 10); err != nil || len(garbage) != 1 ||
		garbage[0].Object != "sha256/00/"+d256[7:] ||
		garbage[0].Size != 11 {
		t.Errorf("garbage: %+v, %v", garbage, err)
	}
}

// A database of schema 3 with replications, and a program of that time that goes
// on beside this one.
func TestOldReplicationsAreListed(t *testing.T) {
	eachClosed(t, func(t *testing.T, p place) {
		dialect := goose.DialectPostgres
		if strings.HasSuffix(t.Name(), "SQLite") {
			dialect = goose.DialectSQLite3
		}
		db := p.sql(t)
		provider, err := newProvider(dialect, db)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := provider.UpTo(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		queue := func(id int, state string, pushed, finished int) string {
			return fmt.Sprintf(`INSERT INTO replications (id, manifest_id, tag, sequence, destination_account,
				destination_region, state, next_try_at, pushed_at, finished_at)
				VALUES (%d, 7, 't%[1]d', %[1]d, '2', 'x', '%s', 1, %d, %d)`, id, state, pushed, finished)
		}
		for _, statement := range []string{
			`INSERT INTO registries (id, account, region) VALUES (1, '1', 'x'), (2, '2', 'x')`,
			`INSERT INTO repositories (id, registry_id, name, created_at, tag_mutability, encryption_type)
				VALUES (5, 1, 'app', 1, 'MUTABLE', 'AES256')`,
			`INSERT INTO manifests (id, repository_id, digest, media_type, size, image_size, pushed_at, bytes)
				VALUES (7, 5, 'sha256:7', 't', 1, 70, 1, '{}')`,
			queue(1, ReplicationComplete, 10, 30), queue(2, ReplicationInProgress, 20, 0), queue(3, ReplicationFailed, 15, 16),
		} {
			execute(t, db, statement)
		}
		s, err := p.open()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		execute(t, db, queue(4, ReplicationComplete, 40, 50)) // by the old program
		for _, want := range []int64{1, 0} {
			commit(t, s, func(tx *Tx) error {
				if n, err := tx.Replications().Adopt(1); err != nil || n != want {
					t.Errorf("completed %d, %v, want %d", n, err, want)
				}
				return nil
			})
		}
		changed := map[int64]int64{}
		for _, state := range []string{ReplicationInProgress, ReplicationComplete, ReplicationFailed} {
			rs, err := s.Read(t.Context()).Replications().From(1, state, time.Time{}, ReplicationKey{}, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rs {
				changed[r.ID] = r.ChangedAt.UnixMicro()
				if r.State != state || r.SourceRegistryRow != 1 || r.SourceAccount != "1" || r.RepositoryName != "app" ||
					r.ImageSize != 70 {
					t.Errorf("%+v", r)
				}
			}
		}
		if want := map[int64]int64{1: 30, 2: 20, 3: 16, 4: 50}; !maps.Equal(changed, want) {
			t.Errorf("they changed at %v, want %v", changed, want)
		}
		if rs, err := s.Read(t.Context()).Replications().Into("2", "x", time.Time{}, ReplicationKey{}, 10); err != nil ||
			len(rs) != 2 ||
			rs[0].ID != 4 {
			t.Errorf("arrived: %+v, %v", rs, err)
		}
	})
}

// A migration that was cut off anywhere is done again from its beginning.
func TestMigrationIsDoneAgain(t *testing.T) {
	t.Parallel()
	database := servers.Postgres(t)
	openPostgres(t, database).Close()
	execute(
		t, openSQL(t, "pgx", database), `DELETE FROM goose_db_version
			WHERE version_id >= 4; DROP TABLE sessions; DROP INDEX replications_arrived`)
	s := openPostgres(t, database)
	defer s.Close()
	if _, err := s.Read(t.Context()).Replications().Into("2", "x", time.Time{}, ReplicationKey{}, 10); err != nil {
		t.Error(err)
	}
}
