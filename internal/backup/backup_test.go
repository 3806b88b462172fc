package backup_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/backup"
	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/metadata"
)

var ctx = context.Background()

// deployment is the embedded stores of a server.
type deployment struct {
	t     *testing.T
	dir   string
	meta  *metadata.SQLite
	blobs *filestore.Store
	repo  *metadata.Repository
}

func newDeployment(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{t: t, dir: t.TempDir()}
	var err error
	if d.meta, err = metadata.OpenSQLite(ctx, filepath.Join(d.dir, "metadata")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.meta.Close() })
	if d.blobs, err = filestore.Open(filepath.Join(d.dir, "blobs")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.blobs.Close() })
	d.update(func(tx *metadata.Tx) error {
		if err := tx.Registries().Ensure("111122223333", "us-east-1"); err != nil {
			return err
		}
		registry, err := tx.Registries().Get("111122223333", "us-east-1")
		if err != nil {
			return err
		}
		d.repo = &metadata.Repository{
			RegistryRow: registry.ID, Account: "111122223333", Region: "us-east-1", Name: "app",
		}
		_, err = tx.Repositories().Create(d.repo)
		return err
	})
	return d
}

func (d *deployment) update(fn func(tx *metadata.Tx) error) {
	d.t.Helper()
	if err := d.meta.Update(ctx, fn); err != nil {
		d.t.Fatal(err)
	}
}

// push stores a blob and returns its object.
func (d *deployment) push(text string) (object string) {
	d.t.Helper()
	id := fmt.Sprintf("upload-%x", digest.FromString(text).Encoded()[:16])
	u, err := d.blobs.Upload(ctx, id, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	defer u.Close()
	if _, err := u.ReadFrom(strings.NewReader(text)); err != nil {
		d.t.Fatal(err)
	}
	if object, err = u.Commit(ctx, digest.FromString(text)); err != nil {
		d.t.Fatal(err)
	}
	d.update(func(tx *metadata.Tx) error {
		return tx.Layers().Add(d.repo, []metadata.Blob{
			{Digest: digest.FromString(text).String(), Size: int64(len(text)), Object: object},
		}, false, time.Now())
	})
	return object
}

// drop deletes a blob, as a sweep does.
func (d *deployment) drop(text string) {
	d.t.Helper()
	name := digest.FromString(text).String()
	b, err := d.meta.Read(ctx).Layers().Blob(name)
	if err != nil {
		d.t.Fatal(err)
	}
	d.update(func(tx *metadata.Tx) error {
		if _, err := tx.Layers().Unlink(d.repo, name); err != nil {
			return err
		}
		_, err := tx.Upkeep().DropBlobs([]string{name})
		return err
	})
	if err := d.blobs.Delete(ctx, []string{b.Object}); err != nil {
		d.t.Fatal(err)
	}
}

// beside opens the stores as another process does.
func (d *deployment) beside() (*metadata.SQLite, *filestore.Store) {
	d.t.Helper()
	meta, err := metadata.OpenSQLiteReadOnly(ctx, filepath.Join(d.dir, "metadata"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { meta.Close() })
	blobs, err := filestore.OpenReadOnly(filepath.Join(d.dir, "blobs"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { blobs.Close() })
	return meta, blobs
}

func options() backup.Options {
	return backup.Options{Stage: func(string) {}, Progress: func(int64, int64, int64) {}, Damaged: func(string, string) {}}
}

// TestSnapshotIsOneMoment copies a database that is written to all the time.
// The writer does not wait for it, and its log does not go on growing.
func TestSnapshotIsOneMoment(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	// Enough that the copy takes a while.
	filler := strings.Repeat("x", 1<<20)
	for i := range 16 {
		d.update(func(tx *metadata.Tx) error {
			return tx.Images().Put(d.repo, metadata.Manifest{Digest: digest.FromString(fmt.Sprint(i)).String(), MediaType: "x"},
				[]byte(filler), nil)
		})
	}
	meta, _ := d.beside()
	var n, slowest atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			begun := time.Now()
			err := d.meta.Update(ctx, func(tx *metadata.Tx) error {
				// Two facts that belong together, far apart in the file.
				i := n.Add(1)
				if err := tx.Uploads().Create(metadata.Upload{ID: fmt.Sprintf("u%07d", i), RepositoryID: d.repo.ID}); err != nil {
					return err
				}
				return tx.Images().Put(d.repo, metadata.Manifest{Digest: fmt.Sprintf("m%07d", i), MediaType: "x"}, []byte("{}"), nil)
			})
			if err != nil {
				t.Error(err)
				return
			}
			slowest.Store(max(slowest.Load(), int64(time.Since(begun))))
		}
	}()
	during := int64(0)
	for i := range 3 {
		before := n.Load()
		path := filepath.Join(t.TempDir(), "copy.db")
		if err := meta.Snapshot(ctx, path, func(int64, int64) { time.Sleep(5 * time.Millisecond) }); err != nil {
			t.Fatal(err)
		}
		during += n.Load() - before
		snapshot, err := metadata.OpenSnapshot(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		defer snapshot.Close()
		if lines, err := snapshot.CheckIntegrity(ctx, 10); err != nil || len(lines) > 0 {
			t.Errorf("copy %d: %q, %v", i, lines, err)
		}
		waiting, err := snapshot.Read(ctx).Damage().Waiting()
		if err != nil {
			t.Fatal(err)
		}
		manifests, err := snapshot.Read(ctx).Damage().CountManifests(d.repo.ID)
		if err != nil {
			t.Fatal(err)
		}
		if waiting.Uploads < before-1 || manifests != waiting.Uploads+16 {
			t.Errorf("copy %d, begun after %d updates, has %d uploads and %d manifests", i, before, waiting.Uploads,
				manifests-16)
		}
		if names, _ := filepath.Glob(path + "*"); len(names) != 1 {
			t.Errorf("copy %d left %q", i, names)
		}
	}
	close(stop)
	<-stopped
	if during == 0 {
		t.Error("no update came through while the database was copied")
	}
	t.Logf("%d updates during three copies; the slowest of all took %v", during, time.Duration(slowest.Load()))
}

// TestBackupCutShort: wherever a backup ends, the folder holds the one before,
// or the new one, with all that it names.
func TestBackupCutShort(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	to := filepath.Join(t.TempDir(), "backup")
	meta, blobs := d.beside()
	for i := range 12 {
		d.push(fmt.Sprint("first ", i))
	}
	o := options()
	if _, err := backup.Take(ctx, meta, blobs, to, o); err != nil {
		t.Fatal(err)
	}
	for round := range 12 {
		d.push(fmt.Sprint("more ", round))
		d.drop(fmt.Sprint("first ", round))
		// The context ends at the n-th sign of progress.
		cut, cancel := context.WithCancel(ctx)
		left := round
		o := options()
		o.Copy = round%2 == 0
		o.Progress = func(int64, int64, int64) {
			if left--; left < 0 {
				cancel()
			}
		}
		o.Stage = func(name string) {
			if strings.HasPrefix(name, "removing") {
				holds(t, to, fmt.Sprint("more ", round))
			}
		}
		_, err := backup.Take(cut, meta, blobs, to, o)
		cancel()
		whole(t, to, 12)
		if err == nil {
			t.Logf("round %d was not cut", round)
		}
	}
	result, err := backup.Take(ctx, meta, blobs, to, o)
	if err != nil || result.Objects != 12 || result.Damaged != 0 {
		t.Errorf("the last backup: %+v, %v", result, err)
	}
	whole(t, to, 12)
	if names, _ := filepath.Glob(filepath.Join(to, "partial", "*")); len(names) != 0 {
		t.Errorf("left over: %q", names)
	}
}

// holds checks that the database of the backup names the blob.
func holds(t *testing.T, to, text string) {
	t.Helper()
	snapshot, err := metadata.OpenSnapshot(ctx, filepath.Join(to, metadata.DatabaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	if _, err := snapshot.Read(ctx).Layers().Blob(digest.FromString(text).String()); err != nil {
		t.Errorf("objects are removed before the database is replaced: %v", err)
	}
}

// whole restores the backup elsewhere and compares digests.
func whole(t *testing.T, from string, atLeast int64) {
	t.Helper()
	dir := t.TempDir()
	o := options()
	o.Digests = true
	o.Damaged = func(object, problem string) { t.Errorf("the backup lacks %s: %s", object, problem) }
	result, err := backup.Restore(ctx, from, backup.Target{
		Data: dir, Metadata: filepath.Join(dir, "metadata"), Blobs: filepath.Join(dir, "blobs"),
		Mark: filepath.Join(dir, "restoring"),
	}, o)
	if err != nil {
		t.Fatal(err)
	}
	if result.Objects < atLeast {
		t.Errorf("the backup has %d objects, want %d", result.Objects, atLeast)
	}
	if _, err := os.Stat(filepath.Join(dir, "restoring")); err == nil {
		t.Error("the mark of the restore is left")
	}
}

// TestBackupHoldsDeletesOff: while a backup runs nothing is deleted, and two of
// them do not share a folder.
func TestBackupHoldsDeletesOff(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	object := d.push("text")
	meta, blobs := d.beside()
	to := t.TempDir()
	o := options()
	asked := 0
	o.Stage = func(name string) {
		err := d.blobs.Delete(ctx, []string{"sha256/00/" + strings.Repeat("0", 64)})
		switch {
		case name == "objects":
			asked++
			if err == nil {
				t.Error("an object could be deleted while the backup copied")
			}
			if _, err := backup.Take(ctx, meta, blobs, to, options()); err == nil ||
				!strings.Contains(err.Error(), "another backup") {
				t.Errorf("a second backup into the folder: %v", err)
			}
		case strings.HasPrefix(name, "removing") && err != nil:
			t.Errorf("deletes are still held off after the copy: %v", err)
		}
	}
	if _, err := backup.Take(ctx, meta, blobs, to, o); err != nil || asked != 1 {
		t.Fatalf("%v, asked %d times", err, asked)
	}
	if _, err := os.Stat(filepath.Join(to, "blobs", object)); err != nil {
		t.Error(err)
	}
}

// TestSecondRunsLeaveLinksAlone: what a backup or restore that was killed has left
// may be hard links to objects of the backup, of the server, or of both. A run
// that goes on, with links or with copies, changes none of them.
func TestSecondRunsLeaveLinksAlone(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	objects := make([]string, 12)
	for i := range objects {
		objects[i] = d.push(fmt.Sprint("layer ", i))
	}
	meta, blobs := d.beside()
	to := t.TempDir()
	if _, err := backup.Take(ctx, meta, blobs, to, options()); err != nil {
		t.Fatal(err)
	}
	names := func(dir string) []string {
		all := make([]string, len(objects))
		for i, object := range objects {
			all[i] = filepath.Join(dir, "blobs", object)
		}
		return all
	}
	unharmed := func(after string) {
		t.Helper()
		for _, dir := range []string{d.dir, to} {
			for i, name := range names(dir) {
				if text, err := os.ReadFile(name); err != nil || string(text) != fmt.Sprint("layer ", i) {
					t.Fatalf("after %s, %s holds %.20q, %v", after, name, text, err)
				}
			}
		}
	}
	// leave makes dir what a run leaves that was killed: the newest files have their
	// first names, each a link to another object.
	leave := func(dir string, objects []string) {
		t.Helper()
		parts := filepath.Join(dir, "partial")
		if err := os.MkdirAll(parts, 0o700); err != nil {
			t.Fatal(err)
		}
		for i, object := range objects {
			if err := os.Link(object, filepath.Join(parts, fmt.Sprint(len(objects)-i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Link(objects[0], filepath.Join(parts, metadata.DatabaseFile)); err != nil {
			t.Fatal(err)
		}
	}
	for _, links := range []bool{false, true} {
		o := options()
		o.Copy, o.Digests = !links, true
		dir := t.TempDir()
		target := backup.Target{
			Data: dir, Metadata: filepath.Join(dir, "metadata"), Blobs: filepath.Join(dir, "blobs"),
			Mark: filepath.Join(dir, "restoring"),
		}
		leave(dir, names(to))
		if err := os.WriteFile(target.Mark, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		// It was killed while the database that it had put there was open.
		if err := os.MkdirAll(target.Metadata, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{metadata.DatabaseFile, metadata.DatabaseFile + "-wal"} {
			if err := os.Link(names(to)[1], filepath.Join(target.Metadata, name)); err != nil {
				t.Fatal(err)
			}
		}
		if result, err := backup.Restore(ctx, to, target, o); err != nil || result.Damaged != 0 || result.Objects != 12 {
			t.Fatalf("a restore goes on: %+v, %v", result, err)
		}
		unharmed("a restore")

		leave(to, names(d.dir))
		if err := os.Link(names(d.dir)[1], filepath.Join(to, metadata.DatabaseFile+".new")); err != nil {
			t.Fatal(err)
		}
		if result, err := backup.Take(ctx, meta, blobs, to, o); err != nil || result.Damaged != 0 || result.Objects != 12 {
			t.Fatalf("a backup goes on: %+v, %v", result, err)
		}
		unharmed("a backup")
		if links {
			continue
		}
		for _, name := range append(names(to), names(dir)...) {
			if info, err := os.Stat(name); err != nil || info.Sys().(*syscall.Stat_t).Nlink != 1 {
				t.Errorf("with --copy, %s has other names: %v", name, err)
			}
		}
	}
	whole(t, to, 12)
}
