package metadata

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"
)

// wantUsage compares what triggers have counted with what is there.
func wantUsage(t *testing.T, s Store) {
	t.Helper()
	q := s.Read()
	count := func(query string, args ...any) (n int64) {
		t.Helper()
		if err := q.conn.one(query, args, &n); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		return n
	}
	numbers := func(query string) (all []int64) {
		t.Helper()
		err := q.conn.all(query, nil, func(scan func(dest ...any) error) error {
			var n int64
			err := scan(&n)
			all = append(all, n)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	for _, id := range numbers(`SELECT id FROM registries`) {
		const of = ` x JOIN repositories p ON p.id = x.repository_id WHERE p.registry_id = ?`
		want := RegistryUsage{
			Repositories: count(`SELECT count(*) FROM repositories WHERE registry_id = ?`, id),
			Bytes: count(`SELECT CAST(coalesce(sum(x.size), 0) AS BIGINT) FROM layers`+of, id) +
				count(`SELECT CAST(coalesce(sum(x.size), 0) AS BIGINT) FROM manifests`+of, id),
			ReplicatedBytes: count(`SELECT CAST(coalesce(sum(x.size), 0) AS BIGINT) FROM layers`+of+` AND x.replicated = true`, id) +
				count(`SELECT CAST(coalesce(sum(x.size), 0) AS BIGINT) FROM manifests`+of+` AND x.replicated = true`, id),
		}
		if got, err := q.RegistryUsage(id); err != nil || got != want {
			t.Errorf("registry %d: %+v, %v, want %+v", id, got, err, want)
		}
		uploads := count(`SELECT count(*) FROM uploads`+of, id)
		for _, most := range []int64{0, 2, 1000} {
			if got, err := q.OpenUploads(id, most); err != nil || got != min(uploads, most) {
				t.Errorf("registry %d: %d open uploads of at most %d, %v; there are %d", id, got, most, err, uploads)
			}
		}
	}
	for _, id := range numbers(`SELECT id FROM repositories UNION SELECT repository_id FROM repository_usage`) {
		want := count(`SELECT count(*) FROM manifests WHERE repository_id = ?`, id)
		if got, err := q.ImageCount(id); err != nil || got != want {
			t.Errorf("repository %d: %d images, %v, want %d", id, got, err, want)
		}
	}
}

func TestUsageIsCounted(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		app, other, copied := newRepository(t, s, "app"), newRepository(t, s, "other"), newRepository(t, s, "copied")
		step := func(what string, fn func(tx *Tx) error) {
			t.Helper()
			commit(t, s, fn)
			wantUsage(t, s)
			if t.Failed() {
				t.Fatal("after: " + what)
			}
		}
		step("layers", func(tx *Tx) error {
			for i := range 5 {
				if err := addLayer(tx, app, manifestDigest(i), int64(100+i)); err != nil {
					return err
				}
			}
			return nil
		})
		step("known layers", func(tx *Tx) error {
			if _, err := tx.LinkLayer(app, manifestDigest(1), epoch); err != nil {
				return err
			}
			if _, err := tx.LinkLayer(other, manifestDigest(1), epoch); err != nil {
				return err
			}
			return addLayer(tx, other, manifestDigest(2), 102)
		})
		putManifest(t, s, app, Manifest{Digest: manifestDigest(50), MediaType: "m", Size: 7}, "{}", "a")
		step("references", func(tx *Tx) error {
			return tx.addReferences(app, manifestDigest(50), []Reference{{Digest: manifestDigest(0)}, {Digest: manifestDigest(1)}})
		})
		images, bytes, err := s.Read().CopyCost(app.ID, []string{manifestDigest(50)}, copied.ID)
		if err != nil || images != 1 || bytes != 7+100+101 {
			t.Errorf("a copy would cost %d images and %d bytes, %v", images, bytes, err)
		}
		step("replication", func(tx *Tx) error { return tx.CopyImage(app.ID, []string{manifestDigest(50)}, copied, 1, 1, epoch) })
		if u, err := s.Read().RegistryUsage(app.RegistryID); err != nil || u.ReplicatedBytes != bytes {
			t.Errorf("%+v, %v, want %d bytes that a replication brought", u, err, bytes)
		}
		if images, bytes, err = s.Read().CopyCost(app.ID, []string{manifestDigest(50)}, copied.ID); err != nil || images != 0 || bytes != 0 {
			t.Errorf("the same copy would cost %d images and %d bytes, %v", images, bytes, err)
		}
		step("the same replication", func(tx *Tx) error { return tx.CopyImage(app.ID, []string{manifestDigest(50)}, copied, 1, 1, epoch) })
		step("uploads", func(tx *Tx) error {
			for i := range 3 {
				if err := tx.CreateUpload(Upload{ID: fmt.Sprint("u", i), RegistryID: app.RegistryID, RepositoryID: app.ID, StartedAt: epoch}); err != nil {
					return err
				}
			}
			return tx.CreateUpload(Upload{ID: "of other", RegistryID: other.RegistryID, RepositoryID: other.ID, StartedAt: epoch})
		})
		step("ended uploads", func(tx *Tx) error {
			if err := tx.DeleteUpload("absent"); err != nil {
				return err
			}
			_, err := tx.EndUpload("u1")
			return err
		})
		step("another size", func(tx *Tx) error {
			return tx.conn.exec(`UPDATE layers SET size = size + 5 WHERE digest IN (?, ?)`, manifestDigest(0), manifestDigest(1))
		})
		step("unlinked", func(tx *Tx) error {
			_, err := tx.UnlinkLayer(app, manifestDigest(4))
			return err
		})
		step("deleted image", func(tx *Tx) error {
			_, err := tx.DeleteManifest(copied, manifestDigest(50))
			return err
		})
		step("deleted content", func(tx *Tx) error {
			_, err := tx.DeleteContent(other, 100)
			return err
		})
		step("deleted repository with all that is in it", func(tx *Tx) error { return tx.DeleteRepository(app) })
		failed := s.Update(context.Background(), func(tx *Tx) error {
			if err := addLayer(tx, copied, manifestDigest(9), 9); err != nil {
				return err
			}
			return context.Canceled
		})
		if failed == nil {
			t.Error("an update that fails was committed")
		}
		wantUsage(t, s)
	})
}

// Pushes into one repository run side by side, and deletions beside them.
func TestUsageIsCountedAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		app, short := newRepository(t, s, "app"), newRepository(t, s, "short")
		atOnce(t, 16, func(i int) error {
			for j := range 10 {
				err := s.Update(t.Context(), func(tx *Tx) error {
					r := app
					if j == 5 {
						r = short
					}
					if _, err := tx.ShareRepository(r.ID); err != nil {
						if err == ErrNotFound {
							return nil
						}
						return err
					}
					n := i*100 + j
					if err := addLayer(tx, r, manifestDigest(n), int64(n)); err != nil {
						return err
					}
					return tx.PutManifest(r, Manifest{Digest: manifestDigest(10000 + n), MediaType: "m", Size: 3}, []byte("{}"), nil)
				})
				if err == nil && i == 3 && j == 7 {
					err = s.Update(t.Context(), func(tx *Tx) error {
						if _, err := tx.LockRepository(short.ID); err != nil {
							return err
						}
						return tx.DeleteRepository(short)
					})
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		wantUsage(t, s)
		if n, err := s.Read().ImageCount(app.ID); err != nil || n != 144 {
			t.Errorf("%d images, %v, want 144", n, err)
		}
	})
}

// What builds before have stored is counted when the schema is migrated, and
// beside processes that go on to write meanwhile.
func TestUsageOfOldData(t *testing.T) {
	eachClosed(t, func(t *testing.T, p place) {
		s, err := p.open()
		if err != nil {
			t.Fatal(err)
		}
		app := newRepository(t, s, "app")
		newRepository(t, s, "empty")
		commit(t, s, func(tx *Tx) error {
			if err := tx.CreateUpload(Upload{ID: "u", RegistryID: app.RegistryID, RepositoryID: app.ID, StartedAt: epoch}); err != nil {
				return err
			}
			return addLayer(tx, app, manifestDigest(1), 11)
		})
		putManifest(t, s, app, Manifest{Digest: manifestDigest(50), MediaType: "m", Size: 7}, "{}", "a")
		_, onFiles := s.(*SQLite)
		s.Close()

		// Back to the schema before, with its data.
		db, dialect := p.sql(t), goose.DialectPostgres
		if onFiles {
			dialect = goose.DialectSQLite3
		}
		provider, err := newProvider(dialect, db)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := provider.DownTo(t.Context(), usageMigration(t)-1); err != nil {
			t.Fatal(err)
		}
		db.Close()
		if s, err = p.open(); err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		wantUsage(t, s)
		if u, err := s.Read().RegistryUsage(app.RegistryID); err != nil || u != (RegistryUsage{2, 18, 0}) {
			t.Errorf("%+v, %v", u, err)
		}
		commit(t, s, func(tx *Tx) error { return addLayer(tx, app, manifestDigest(2), 12) })
		commit(t, s, func(tx *Tx) error { return tx.DeleteRepository(app) })
		wantUsage(t, s)
	})
}

// usageMigration is the number of the migration that counts.
func usageMigration(t *testing.T) (version int64) {
	t.Helper()
	names, err := filepath.Glob("migrations/sqlite/*_usage.sql")
	if err != nil || len(names) != 1 {
		t.Fatalf("%v, %v", names, err)
	}
	if _, err := fmt.Sscanf(filepath.Base(names[0]), "%05d_", &version); err != nil {
		t.Fatal(err)
	}
	return version
}
