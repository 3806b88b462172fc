package metadata

import (
	"fmt"
	"testing"
)

// wantUsage compares what is counted with the rows that are there.
func wantUsage(t *testing.T, s Store) {
	t.Helper()
	q := s.Read(t.Context())
	count := func(query string, args ...any) (n int64) {
		t.Helper()
		if err := q.conn.one(query, args, &n); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		return n
	}
	want := func(what string, id int64, got int64, err error, want int64) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("%s of %d: %d, %v, want %d", what, id, got, err, want)
		}
	}
	registries, err := numbersOf(q.conn, `SELECT id FROM registries`)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range registries {
		const of = ` x JOIN repositories p ON p.id = x.repository_id WHERE p.registry_id = ?`
		n, err := q.Usage().Repositories(id)
		want("repositories", id, n, err, count(`SELECT count(*) FROM repositories WHERE registry_id = ?`, id))
		n, err = q.Usage().StoredBytes(id)
		want("bytes", id, n, err, count(`SELECT CAST(coalesce(sum(x.size), 0) AS BIGINT) FROM layers`+of, id)+
			count(`SELECT CAST(coalesce(sum(x.size), 0) AS BIGINT) FROM manifests`+of, id))
		n, err = q.Usage().ReplicatedBytes(id)
		want("replicated bytes", id, n, err, count(`SELECT CAST(coalesce(sum(x.size), 0) AS BIGINT) FROM layers`+of+
			` AND x.replicated = true`, id)+
			count(`SELECT CAST(coalesce(sum(x.size), 0) AS BIGINT) FROM manifests`+of+` AND x.replicated = true`, id))
		var stored []Stored
		for last, more := "", true; more; {
			page, err := q.Usage().Stored(id, last, 2)
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, page...)
			if more = len(page) == 2; more {
				last = page[1].Name
			}
		}
		names, err := q.Usage().Repositories(id)
		want("repositories with what they have stored", id, int64(len(stored)), err, names)
		for _, r := range stored {
			const in = ` FROM layers x WHERE x.repository_id = ?`
			want("layers of "+r.Name, r.Repository, r.Layers, nil, count(`SELECT count(*)`+in, r.Repository))
			want("bytes of layers of "+r.Name, r.Repository, r.LayerBytes, nil,
				count(`SELECT CAST(coalesce(sum(x.size), 0) AS BIGINT)`+in, r.Repository))
			const of = ` FROM manifests x WHERE x.repository_id = ?`
			want("manifests of "+r.Name, r.Repository, r.Manifests, nil, count(`SELECT count(*)`+of, r.Repository))
			want("bytes of manifests of "+r.Name, r.Repository, r.ManifestBytes, nil,
				count(`SELECT CAST(coalesce(sum(x.size), 0) AS BIGINT)`+of, r.Repository))
		}
		var layers, bytes int64
		for _, half := range [][2]string{{"", "sha256:8"}, {"sha256:8", "~"}} {
			n, size, err := q.Usage().Layers(id, half[0], half[1])
			if err != nil {
				t.Fatal(err)
			}
			layers, bytes = layers+n, bytes+size
		}
		const each = ` FROM (SELECT DISTINCT x.digest, x.size FROM layers` + of + `) AS each`
		want("different layers", id, layers, nil, count(`SELECT count(*)`+each, id))
		want("bytes of different layers", id, bytes, nil,
			count(`SELECT CAST(coalesce(sum(each.size), 0) AS BIGINT)`+each, id))
		uploads := count(`SELECT count(*) FROM uploads`+of, id)
		for _, most := range []int64{0, 2, 1000} {
			n, err := q.Usage().Uploads(id, most)
			want("uploads", id, n, err, min(uploads, most))
		}
	}
	repositories, err := numbersOf(q.conn, `SELECT id FROM repositories`)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range repositories {
		images := count(`SELECT count(*) FROM manifests WHERE repository_id = ?`, id)
		for _, most := range []int64{0, 1, 1000} {
			n, err := q.Usage().Images(id, most)
			want("images", id, n, err, min(images, most))
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
			if _, err := tx.Layers().Link(app, manifestDigest(1), false, epoch); err != nil {
				return err
			}
			if _, err := tx.Layers().Link(other, manifestDigest(1), false, epoch); err != nil {
				return err
			}
			return addLayer(tx, other, manifestDigest(2), 102)
		})
		putManifest(t, s, app, Manifest{Digest: manifestDigest(50), MediaType: "m", Size: 7}, "{}", "a")
		step("references", func(tx *Tx) error {
			return tx.Images().addReferences(app, manifestDigest(50), []Reference{
				{Digest: manifestDigest(0)}, {Digest: manifestDigest(1)},
			})
		})
		bytes, err := s.Read(t.Context()).Usage().CopyCost(app.ID, []string{manifestDigest(50)}, copied.ID)
		if err != nil || bytes != 7+100+101 {
			t.Errorf("a copy would cost %d bytes, %v", bytes, err)
		}
		step("replication", func(tx *Tx) error {
			return tx.Images().Copy(app.ID, []string{manifestDigest(50)}, copied, 1, 1, epoch)
		})
		if n, err := s.Read(t.Context()).Usage().ReplicatedBytes(app.RegistryRow); err != nil || n != bytes {
			t.Errorf("%d, %v, want %d bytes that a replication brought", n, err, bytes)
		}
		if bytes, err = s.Read(t.Context()).Usage().CopyCost(app.ID, []string{manifestDigest(50)}, copied.ID); err != nil ||
			bytes != 0 {
			t.Errorf("the same copy would cost %d bytes, %v", bytes, err)
		}
		step("the same replication", func(tx *Tx) error {
			return tx.Images().Copy(app.ID, []string{manifestDigest(50)}, copied, 1, 1, epoch)
		})
		step("uploads", func(tx *Tx) error {
			for i := range 3 {
				if err := tx.Uploads().Create(Upload{
					ID: fmt.Sprint("u", i), RegistryRow: app.RegistryRow, RepositoryID: app.ID, StartedAt: epoch,
				}); err != nil {
					return err
				}
			}
			return tx.Uploads().Create(Upload{
				ID: "of other", RegistryRow: other.RegistryRow, RepositoryID: other.ID, StartedAt: epoch,
			})
		})
		step("ended uploads", func(tx *Tx) error {
			if err := tx.Uploads().Delete("absent"); err != nil {
				return err
			}
			_, err := tx.Uploads().End("u1")
			return err
		})
		step("another size", func(tx *Tx) error {
			return tx.conn.exec(`UPDATE layers SET size = size + 5 WHERE digest IN (?, ?)`, manifestDigest(0), manifestDigest(1))
		})
		step("unlinked", func(tx *Tx) error {
			_, err := tx.Layers().Unlink(app, manifestDigest(4))
			return err
		})
		step("deleted image", func(tx *Tx) error {
			_, err := tx.Images().Delete(copied, manifestDigest(50))
			return err
		})
		step("deleted content", func(tx *Tx) error {
			_, err := tx.Repositories().DeleteContent(other, 100)
			return err
		})
		step("deleted repository with all that is in it", func(tx *Tx) error { return tx.Repositories().Delete(app) })
	})
}
