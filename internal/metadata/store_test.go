package metadata

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/test/servers"
)

const (
	account = "111122223333"
	region  = "us-east-1"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// migrated has the tables.
var migrated = servers.Template{Fill: func(url string) error {
	s, err := OpenPostgres(context.Background(), url)
	if err != nil {
		return err
	}
	return s.Close()
}}

// each runs a test on both engines.
func each(t *testing.T, test func(t *testing.T, s Store)) {
	eachPlace(t, func(t *testing.T, open func() Store) { test(t, open()) })
}

// eachPlace is each for tests that open their database more than once.
func eachPlace(t *testing.T, test func(t *testing.T, open func() Store)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		test(t, func() Store { return openStore(t, dir) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		url := migrated.Postgres(t)
		test(t, func() Store { return openPostgres(t, url) })
	})
}

func openStore(t *testing.T, dir string) *SQLite {
	t.Helper()
	s, err := OpenSQLite(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openPostgres(t *testing.T, url string) *Postgres {
	t.Helper()
	s, err := OpenPostgres(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// commit fails the test outside of the transaction: the writer must not be
// ended by it.
func commit(t *testing.T, s Store, fn func(tx *Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// hasBlob reports whether the deployment has the blob.
func hasBlob(s Store, digest string) (bool, error) {
	_, err := s.Read(context.Background()).Layers().Blob(digest)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// addLayer gives the repository a blob whose object is named by its digest.
func addLayer(tx *Tx, r *Repository, digest string, size int64) error {
	return tx.Layers().Add(r, []Blob{{Digest: digest, Size: size, Object: "object of " + digest}}, false, epoch)
}

// newRepository creates a repository, and its registry if need be.
func newRepository(t *testing.T, s Store, name string) *Repository {
	t.Helper()
	r := &Repository{Account: account, Region: region, Name: name, CreatedAt: epoch}
	r.TagMutability, r.Encryption.Type = "MUTABLE", "AES256"
	commit(t, s, func(tx *Tx) error {
		if err := tx.Registries().Ensure(account, region); err != nil {
			return err
		}
		reg, err := tx.Registries().Get(account, region)
		if err != nil {
			return err
		}
		r.RegistryRow = reg.ID
		created, err := tx.Repositories().Create(r)
		if err == nil && !created {
			err = errors.New("the repository exists")
		}
		return err
	})
	return r
}

func manifestDigest(i int) string { return fmt.Sprintf("sha256:%064d", i) }

func putManifest(t *testing.T, s Store, r *Repository, m Manifest, bytes string, tags ...string) {
	t.Helper()
	commit(t, s, func(tx *Tx) error {
		if err := tx.Images().Put(r, m, []byte(bytes), nil); err != nil {
			return err
		}
		for _, tag := range tags {
			if err := tx.Tags().Set(r, Tag{Name: tag, Digest: m.Digest, Sequence: 1}, epoch); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestSecondOpenOfTheSameFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	if other, err := OpenSQLite(context.Background(), dir); err == nil ||
		!strings.Contains(err.Error(), "another Twinport process") {
		if err == nil {
			other.Close()
		}
		t.Errorf("second open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openStore(t, dir)
}

func TestCloseTwice(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestNothingBeginsAfterClose(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Update(context.Background(), func(*Tx) error { return nil }); err != ErrClosed {
			t.Errorf("update after close: %v", err)
		}
		begun := time.Now()
		if _, err := hasBlob(s, manifestDigest(1)); err == nil || time.Since(begun) >= patience {
			t.Errorf("read after close: %v after %v", err, time.Since(begun))
		}
	})
}

func TestFolderNameNeedsNoEscaping(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b?c#d%41é")
	openStore(t, dir)
	if _, err := os.Stat(filepath.Join(dir, "metadata.db")); err != nil {
		t.Error(err)
	}
}

func TestReopenKeepsEverything(t *testing.T) {
	eachPlace(t, func(t *testing.T, open func() Store) {
		s := open()
		r := newRepository(t, s, "app")
		layer, child, grandchild := manifestDigest(1), manifestDigest(2), manifestDigest(3)
		commit(t, s, func(tx *Tx) error {
			reg, err := tx.Registries().Get(account, region)
			reg.Policy, reg.Replication = "registry policy", `[{}]`
			r.TagMutability, r.Exclusions = "IMMUTABLE_WITH_EXCLUSION", []string{"a*", "b"}
			return errors.Join(err,
				tx.Registries().SaveSettings(reg),
				tx.Repositories().SetPolicy(r, "repository policy"),
				tx.Repositories().SaveSettings(r),
				tx.Repositories().SetResourceTag(r, resource.Tag{Key: "team", Value: "x"}),
				tx.Repositories().SetResourceTag(r, resource.Tag{Key: `"Team`, Value: `\é`}),
				addLayer(tx, r, layer, 7),
				tx.Uploads().Create(Upload{ID: "u1", RepositoryID: r.ID, StartedAt: epoch}),
			)
		})
		m := Manifest{
			Digest: child, MediaType: "type", ArtifactType: "artifact", Subject: "subject", Annotations: `{"a":"b"}`, Size: 3,
			ImageSize: 11, PushedAt: epoch,
		}
		refs := []Reference{{Digest: layer, MediaType: "layer"}, {Digest: grandchild, Child: true, MediaType: "manifest"}}
		commit(t, s, func(tx *Tx) error {
			return errors.Join(tx.Images().Put(r, m, []byte("raw"), refs), tx.Tags().Set(r, Tag{"latest", child, 4}, epoch),
				tx.Images().SetPulledAt(r.ID, child, epoch.Add(time.Hour)),
				tx.Replications().Queue(&Replication{
					RepositoryID: r.ID, Digest: child, Tag: "t", Sequence: 9, DestinationAccount: account, DestinationRegion: region,
					PushedAt: epoch, NextTryAt: epoch,
				}))
		})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}

		s = open()
		got, err := s.Repository(t.Context(), account, region, "app", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.Policy != "repository policy" || got.Registry.Policy != "registry policy" ||
			got.Registry.Replication != "[{}]" ||
			got.TagMutability != "IMMUTABLE_WITH_EXCLUSION" || !reflect.DeepEqual(got.Exclusions, []string{"a*", "b"}) ||
			!got.CreatedAt.Equal(epoch) {
			t.Errorf("repository: %+v", got)
		}
		tagged := []resource.Tag{{Key: `"Team`, Value: `\é`}, {Key: "team", Value: "x"}}
		m.PulledAt = epoch.Add(time.Hour)
		if row, err := s.Read(t.Context()).Images().Manifest(got.ID, m.Digest); err != nil || row != m {
			t.Errorf("manifest: %+v, %v", row, err)
		}
		c, err := s.ManifestContentByTag(t.Context(), got, "latest")
		m.Annotations = "" // which are in the bytes
		if err != nil || c.Manifest != m || string(c.Bytes) != "raw" {
			t.Errorf("manifest: %+v, %v", c, err)
		}
		if n, err := s.Layer(t.Context(), got, layer); n != (Layer{7, "object of " + layer, epoch}) || err != nil {
			t.Errorf("layer: %+v, %v", n, err)
		}
		if tags, err := s.ResourceTags(t.Context(), got); err != nil || !reflect.DeepEqual(tags, tagged) {
			t.Errorf("resource tags: %v, %v", tags, err)
		}
		if by, mediaType, err := s.Read(t.Context()).Images().Referring(r.ID, layer); err != nil ||
			!reflect.DeepEqual(by, []string{child}) ||
			mediaType != "layer" {
			t.Errorf("references to the layer: %v as %q, %v", by, mediaType, err)
		}
		parts := ImageParts{Manifests: []string{child, grandchild}, Missing: grandchild}
		if got, err := s.Read(t.Context()).Images().Parts(r.ID, child, 0, 10); err != nil || !reflect.DeepEqual(got, parts) {
			t.Errorf("the image's parts: %v, %v", got, err)
		}
		if u, err := s.Read(t.Context()).Uploads().Get(r.ID, "u1"); err != nil || !u.StartedAt.Equal(epoch) {
			t.Errorf("upload: %v, %v", u, err)
		}
		due := dueReplications(t, s, epoch, 10)
		if len(due) != 1 {
			t.Fatalf("replications: %v", due)
		}
		if row, err := s.Read(t.Context()).Replications().Get(due[0].ID); err != nil || row.Sequence != 9 || row.Tag != "t" {
			t.Errorf("replication: %v, %v", row, err)
		}
		commit(t, s, func(tx *Tx) error {
			job, err := tx.Replications().Claim(due[0].ID)
			if err == nil && (job.DestinationID != r.ID || !reflect.DeepEqual(job.DestinationTags, tagged)) {
				t.Errorf("the destination: %+v", job)
			}
			return err
		})
	})
}

func TestFullDiskIsSaidAndPasses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("no small disk to fill: mount tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	s := openStore(t, dir)
	r := newRepository(t, s, "app")
	big := make([]byte, 256<<10)
	stored := 0
	var err error
	for ; err == nil && stored < 100; stored++ {
		err = s.Update(context.Background(), func(tx *Tx) error {
			return tx.Images().Put(r, Manifest{Digest: manifestDigest(stored), PushedAt: epoch}, big, nil)
		})
	}
	stored--
	if !errors.Is(err, ErrFull) {
		t.Fatalf("after %d manifests: %v, want ErrFull", stored, err)
	}
	row, err := s.Repository(t.Context(), account, region, "app", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range stored {
		if c, err := s.ManifestContent(t.Context(), row, manifestDigest(i)); err != nil || len(c.Bytes) != len(big) {
			t.Errorf("manifest %d of before: %v", i, err)
		}
	}
	if _, err := s.ManifestContent(t.Context(), row, manifestDigest(stored)); err != ErrNotFound {
		t.Errorf("the manifest that had no room: %v", err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=20m"); err != nil {
		t.Fatal(err)
	}
	putManifest(t, s, r, Manifest{Digest: manifestDigest(stored), PushedAt: epoch}, string(big))
}
