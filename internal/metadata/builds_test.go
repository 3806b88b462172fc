package metadata

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/test/servers"
)

// TestDataOfEarlierBuilds opens what builds of each schema wrote: dumps of what
// they made of the same pushes, policies and replications. "3-first" is of the
// builds before damaged_layers was added to 00003, "5-without-4" of one from a
// branch that had 00005 before 00004.
func TestDataOfEarlierBuilds(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		dumps, err := filepath.Glob("testdata/builds/" + engine + "/*.sql")
		if err != nil || len(dumps) < 5 {
			t.Fatalf("%d dumps of %s, %v", len(dumps), engine, err)
		}
		for _, dump := range dumps {
			t.Run(engine+"/"+strings.TrimSuffix(filepath.Base(dump), ".sql"), func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(dump)
				if err != nil {
					t.Fatal(err)
				}
				if engine == "sqlite" {
					testBuildOnSQLite(t, string(text))
				} else {
					testBuildOnPostgres(t, string(text))
				}
			})
		}
	}
}

func testBuildOnSQLite(t *testing.T, dump string) {
	dir, fresh := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, DatabaseFile)
	execute(t, openSQL(t, "sqlite", "file:"+path), dump)
	if _, err := OpenSQLiteReadOnly(t.Context(), dir); err == nil ||
		!strings.Contains(err.Error(), "start the server once") {
		t.Errorf("read before it is brought up to date: %v", err)
	}
	openStore(t, fresh).Close()
	s := openStore(t, dir)
	useEverything(t, s)
	const schema = `SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c."notnull"
		FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'
		UNION ALL SELECT m.tbl_name || ' has index ' || m.name || ' ' || group_concat(coalesce(i.name, ''))
		FROM sqlite_schema m, pragma_index_info(m.name) i WHERE m.type = 'index' GROUP BY m.name, m.tbl_name`
	compareSchema(t, openSQL(t, "sqlite", "file:"+path), openSQL(t, "sqlite", "file:"+filepath.Join(fresh, DatabaseFile)),
		schema)
}

func testBuildOnPostgres(t *testing.T, dump string) {
	url, fresh := servers.Postgres(t), servers.Postgres(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.PgConn().Exec(t.Context(), dump).ReadAll()
	conn.Close(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	openPostgres(t, fresh).Close()
	s := openPostgres(t, url)
	useEverything(t, s)
	const schema = `SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || coalesce(' ' || collation_name, '')
			FROM information_schema.columns WHERE table_schema = 'public'
		UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
		UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
		UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
		WHERE connamespace = 'public'::regnamespace AND contype IN ('f', 'p', 'u')`
	compareSchema(t, openSQL(t, "pgx", url), openSQL(t, "pgx", fresh), schema)
}

// compareSchema fails unless both databases have the same tables, columns and indices.
func compareSchema(t *testing.T, migrated, fresh *sql.DB, query string) {
	t.Helper()
	schema := func(db *sql.DB) []string {
		rows, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		lines := map[string]bool{}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			lines[line] = true
		}
		if err := rows.Err(); err != nil || len(lines) < 100 {
			t.Fatalf("a schema of %d lines, %v", len(lines), err)
		}
		return slices.Sorted(maps.Keys(lines))
	}
	if diff := cmp.Diff(schema(fresh), schema(migrated)); diff != "" {
		t.Errorf("the schema is not that of a new database (-new +migrated):\n%s", diff)
	}
}

// useEverything reads and changes rows of each table that the dumps' builds had.
func useEverything(t *testing.T, s Store) {
	t.Helper()
	const prod, dev, here, there = "111122223333", "444455556666", "ap-northeast-1", "us-east-1"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	repository := func(account, region, name string) *Repository {
		t.Helper()
		r, err := s.Repository(t.Context(), account, region, name, nil)
		if err != nil {
			t.Fatalf("%s/%s/%s: %v", account, region, name, err)
		}
		return r
	}
	app, fixed := repository(prod, here, "team/app"), repository(prod, here, "fixed")
	tags, err := s.Read(t.Context()).Repositories().ResourceTags(app.ID)
	if err != nil || len(tags) != 1 || tags[0].Key != "stage" || !strings.Contains(app.Policy, "BatchGetImage") ||
		fixed.TagMutability != "IMMUTABLE" {
		t.Errorf("%+v has the tags %v, %v; fixed is %s", app, tags, err, fixed.TagMutability)
	}
	for _, r := range []*Repository{app, repository(prod, there, "team/app"), repository(dev, here, "team/app")} {
		images, err := s.Read(t.Context()).Tags().List(r.ID, "", 10)
		if err != nil || len(images) != 4 {
			t.Errorf("%s has the tags %v, %v", r.Account+"/"+r.Region, images, err)
			continue
		}
		for _, tag := range images {
			content, err := s.Read(t.Context()).Images().ContentByTag(r.ID, tag.Name)
			if err != nil || !strings.Contains(string(content.Bytes), `"schemaVersion": 2`) {
				t.Errorf("%s: %+v, %v", tag.Name, content, err)
			}
		}
		first := images[slices.IndexFunc(images, func(t Tag) bool { return t.Name == "v1" })]
		if rs, _, err := s.Read(t.Context()).Images().Referrers(r.ID, first.Digest, nil, "", 10); err != nil || len(rs) != 1 ||
			rs[0].ArtifactType != "application/example" {
			t.Errorf("referrers of %s: %+v, %v", first.Digest, rs, err)
		}
	}
	registry, err := s.Read(t.Context()).Registries().Get(prod, here)
	must(err)
	for state, want := range map[string]int{ReplicationComplete: 12, ReplicationFailed: 6, ReplicationInProgress: 0} {
		rs, err := s.Read(t.Context()).Replications().From(registry.ID, state, epoch, ReplicationKey{}, 100)
		if err != nil || len(rs) != want || want > 0 && rs[0].RepositoryName != "team/app" {
			t.Errorf("%d replications are %s, want %d: %v", len(rs), state, want, err)
		}
	}
	blobs, err := s.Read(t.Context()).Upkeep().Blobs("", 100)
	must(err)
	if len(blobs) != 6 || blobs[0].Object == "" {
		t.Errorf("blobs: %+v", blobs)
	}
	idle, err := s.Read(t.Context()).Uploads().Idle(epoch.AddDate(100, 0, 0), epoch.AddDate(101, 0, 0), "", 10)
	must(err)
	if len(idle) != 2 {
		t.Errorf("uploads: %+v", idle)
	}

	damaged := blobs[0].Digest
	commit(t, s, func(tx *Tx) error {
		if found, err := tx.Damage().QuarantineBlob(damaged, blobs[0].Object, "for the test", epoch); err != nil || !found {
			return fmt.Errorf("quarantine: %t, %w", found, err)
		}
		return nil
	})
	if links, err := s.Read(t.Context()).Damage().DamagedLinks(damaged, 10); err != nil || len(links) == 0 {
		t.Errorf("links to what is damaged: %v, %v", links, err)
	}
	commit(t, s, func(tx *Tx) error {
		return tx.Layers().Add(app, []Blob{{Digest: damaged, Size: blobs[0].Size, Object: "a new object"}}, false, epoch)
	})
	commit(t, s, func(tx *Tx) error {
		must := func(err error) {
			if err != nil {
				panic(err)
			}
		}
		must(tx.Replications().SaveCount(ReplicationCount{
			SourceRegistryRow: registry.ID, Minute: epoch, DestinationAccount: dev, DestinationRegion: here, Process: "test",
			Completed: 1,
		}))
		must(tx.Sessions().Create(Session{
			ID: "session", Account: prod, AccessKey: "AK", CreatedAt: epoch, ExpiresAt: epoch.AddDate(100, 0, 0),
		}))
		must(tx.Uploads().Create(Upload{ID: "upload", RepositoryID: app.ID, StartedAt: epoch}))
		_, err := tx.Uploads().Save(Upload{ID: "upload"}, []byte("state"), 0, epoch)
		must(err)
		_, err = tx.Leases().Take(Lease{Name: "test"}, "holder")
		must(err)
		must(tx.Repositories().SetResourceTag(app, resource.Tag{Key: "more", Value: "tags"}))
		return nil
	})
	// What these builds saw refused is tried again.
	refused, err := s.Read(t.Context()).Replications().From(registry.ID, ReplicationFailed, epoch, ReplicationKey{}, 100)
	must(err)
	refused = slices.DeleteFunc(refused, func(r ListedReplication) bool {
		return r.DestinationAccount != refused[0].DestinationAccount || r.DestinationRegion != refused[0].DestinationRegion
	})
	if made := madeDue(t, s, Retry{registry.ID, refused[0].DestinationAccount, refused[0].DestinationRegion, "", 1},
		10); len(made) != len(refused) {
		t.Errorf("%d of %d refusals were made due", len(made), len(refused))
	}
	// A push and a replication, with a sequence beyond those of the builds before.
	before, err := s.Read(t.Context()).Tags().Get(app.ID, "v2")
	must(err)
	commit(t, s, func(tx *Tx) error {
		n, err := tx.Registries().NextSequence(registry.ID)
		if err == nil && n <= before.Sequence {
			err = fmt.Errorf("the sequence goes on at %d, and v2 has %d", n, before.Sequence)
		}
		if err != nil {
			return err
		}
		m := Manifest{Digest: manifestDigest(7), MediaType: "t", Size: 2, ImageSize: blobs[1].Size, PushedAt: epoch}
		if err := tx.Images().Put(app, m, []byte("{}"), []Reference{{Digest: blobs[1].Digest}}); err != nil {
			return err
		}
		if err := tx.Tags().Set(app, Tag{Name: "v2", Digest: m.Digest, Sequence: n}, epoch); err != nil {
			return err
		}
		return tx.Replications().Queue(&Replication{RepositoryID: app.ID, Digest: m.Digest, Tag: "v2", Sequence: n,
			DestinationAccount: dev, DestinationRegion: here,
			State: ReplicationInProgress, PushedAt: epoch})
	})
	there2 := repository(dev, here, "team/app")
	commit(t, s, func(tx *Tx) error {
		if err := tx.Images().Copy(app.ID, []string{manifestDigest(7)}, there2, 1, 1, epoch); err != nil {
			return err
		}
		// older than what has arrived
		return tx.Tags().Advance(there2, Tag{Name: "v2", Digest: manifestDigest(7)}, registry.ID, 1, epoch)
	})
	if tag, err := s.Read(t.Context()).Tags().Get(there2.ID, "v2"); err != nil || tag.Digest != before.Digest {
		t.Errorf("an older push has moved the tag back: %+v, %v", tag, err)
	}
	commit(t, s, func(tx *Tx) error { return tx.Repositories().Delete(fixed) })
}
