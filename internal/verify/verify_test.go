package verify_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/verify"
)

var ctx = context.Background()

// changing is a store whose listings and sizes come at moments that the test chooses.
type changing struct {
	blob.Store
	unlisted bool // objects came after the listing had passed them
	before   func()
}

func (c changing) Objects(ctx context.Context, after string) iter.Seq2[blob.Object, error] {
	if c.unlisted {
		return func(func(blob.Object, error) bool) {}
	}
	return c.Store.Objects(ctx, after)
}

func (c changing) Size(ctx context.Context, object string) (int64, error) {
	c.before()
	return c.Store.Size(ctx, object)
}

func open(t *testing.T) (*metadata.SQLite, *filestore.Store, *metadata.Repository) {
	t.Helper()
	dir := t.TempDir()
	meta, err := metadata.OpenSQLite(ctx, filepath.Join(dir, "metadata"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { meta.Close() })
	blobs, err := filestore.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	repo := &metadata.Repository{Account: "111122223333", Region: "us-east-1", Name: "app"}
	update(t, meta, func(tx *metadata.Tx) error {
		if err := tx.Registries().Ensure(repo.Account, repo.Region); err != nil {
			return err
		}
		registry, err := tx.Registries().Get(repo.Account, repo.Region)
		if err != nil {
			return err
		}
		repo.RegistryRow = registry.ID
		_, err = tx.Repositories().Create(repo)
		return err
	})
	return meta, blobs, repo
}

func update(t *testing.T, meta metadata.Store, fn func(tx *metadata.Tx) error) {
	t.Helper()
	if err := meta.Update(ctx, fn); err != nil {
		t.Error(err)
	}
}

func run(t *testing.T, c verify.Config) (found []verify.Finding, s verify.Summary) {
	t.Helper()
	c.Progress = func(string, int64, int64, int64) {}
	c.Report = func(f verify.Finding) { found = append(found, f) }
	s, err := verify.Run(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	return found, s
}

// TestBlobsThatChangeMeanwhileAreNoDamage: one that came after the listing, and
// one that went after its row was read.
func TestBlobsThatChangeMeanwhileAreNoDamage(t *testing.T) {
	t.Parallel()
	meta, blobs, repo := open(t)
	u, err := blobs.Upload(ctx, "upload", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if _, err := u.ReadFrom(strings.NewReader("text")); err != nil {
		t.Fatal(err)
	}
	d := digest.FromString("text")
	object, err := u.Commit(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	update(t, meta, func(tx *metadata.Tx) error {
		return tx.Layers().Add(repo, []metadata.Blob{{Digest: d.String(), Size: 4, Object: object}}, false, time.Now())
	})
	for _, full := range []bool{false, true} {
		found, s := run(t, verify.Config{Metadata: meta, Blobs: changing{blobs, true, func() {}}, Full: full, Readers: 2})
		if len(found) != 0 || s.Blobs != 1 {
			t.Errorf("a blob that the listing missed: %+v, %+v", found, s)
		}
	}
	sweep := func() {
		update(t, meta, func(tx *metadata.Tx) error {
			if _, err := tx.Layers().Unlink(repo, d.String()); err != nil {
				return err
			}
			_, err := tx.Upkeep().DropBlobs([]string{d.String()})
			return err
		})
		if err := blobs.Delete(ctx, []string{object}); err != nil {
			t.Error(err)
		}
	}
	if found, s := run(t, verify.Config{Metadata: meta, Blobs: changing{blobs, true, sweep}}); len(found) != 0 ||
		s.Blobs != 1 {
		t.Errorf("a blob that was swept meanwhile: %+v, %+v", found, s)
	}
}

// TestRepositoryThatIsBeingDeletedIsNoDamage: it loses its manifests piece by
// piece, children perhaps before the index that names them.
func TestRepositoryThatIsBeingDeletedIsNoDamage(t *testing.T) {
	t.Parallel()
	meta, blobs, repo := open(t)
	child := []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`)
	index := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"%s","size":%d}]}`,
		digest.FromBytes(child), len(child))
	put := func(raw []byte, references ...metadata.Reference) string {
		d := digest.FromBytes(raw).String()
		update(t, meta, func(tx *metadata.Tx) error {
			return tx.Images().Put(repo, metadata.Manifest{
				Digest: d, MediaType: "application/vnd.oci.image.index.v1+json", Size: int64(len(raw)),
			}, raw, references)
		})
		return d
	}
	var others []string
	for i := range 8 {
		others = append(
			others, put(
				fmt.Appendf(
					nil, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{"i":"%d"}}`, i)))
	}
	c := put(child)
	parent := put(index, metadata.Reference{Digest: c, Child: true, MediaType: "application/vnd.oci.image.index.v1+json"})
	remove := func(d string) {
		update(t, meta, func(tx *metadata.Tx) error { _, err := tx.Images().Delete(repo, d); return err })
	}
	config := verify.Config{Metadata: meta, Blobs: blobs, Pause: 400 * time.Millisecond}
	if found, s := run(t, config); len(found) != 0 || s.Manifests != 10 {
		t.Fatalf("before: %+v, %+v", found, s)
	}
	remove(c)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, d := range append(others, parent) {
			time.Sleep(100 * time.Millisecond)
			remove(d)
		}
	}()
	if found, _ := run(t, config); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	<-done
	// One that stays is damaged.
	put(index, metadata.Reference{Digest: c, Child: true, MediaType: "application/vnd.oci.image.index.v1+json"})
	if found, _ := run(t, config); len(found) != 1 || found[0].Kind != verify.Missing || found[0].Digest != c {
		t.Errorf("an index without its child: %+v", found)
	}
}

// TestFindingSaysOnceWhereElse: the repair keeps what is wrong with a blob, and what
// is said of it later names the repositories that have it then.
func TestFindingSaysOnceWhereElse(t *testing.T) {
	t.Parallel()
	meta, blobs, repo := open(t)
	d := digest.FromString("gone")
	update(t, meta, func(tx *metadata.Tx) error {
		return tx.Layers().Add(repo, []metadata.Blob{{Digest: d.String(), Size: 4, Object: "sha256/gone"}}, false, time.Now())
	})
	other := *repo
	other.Name = "other"
	update(t, meta, func(tx *metadata.Tx) error {
		if _, err := tx.Repositories().Create(&other); err != nil {
			return err
		}
		_, err := tx.Layers().Link(&other, d.String(), false, time.Now())
		return err
	})
	repair := &verify.Repair{Registry: registry.ForRepairs(meta, blobs, slog.New(slog.DiscardHandler)), Metadata: meta}
	for range 2 { // the second finds what the first took out of use
		found, _ := run(t, verify.Config{Metadata: meta, Blobs: blobs, Repair: repair})
		for _, f := range found {
			if n := strings.Count(f.Problem, "also in"); n != 1 {
				t.Errorf("%s: %q says %d times where else", f.Kind, f.Problem, n)
			}
		}
		if len(found) == 0 {
			t.Error("no finding")
		}
	}
}
