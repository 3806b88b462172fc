// Package backup copies the embedded stores while they are served, and puts a
// copy back.
//
//	<dir>/twinport-backup   says what the folder is
//	<dir>/metadata.db       the database as one moment saw it
//	<dir>/blobs             the objects that it names, as package filestore has them
//	<dir>/lock              held by who writes to the folder, shared by who reads it
//
// A backup into a folder that holds one adds what is new, then replaces the
// database in one step, then removes what the new one does not name: so the
// folder holds a whole backup from the end of the first one on, whenever a
// later one is cut short.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/durable"
	"github.com/twinport/twinport/internal/metadata"
)

const (
	markFile = "twinport-backup"
	markText = "This folder holds a backup of Twinport, in form 1: see twinport restore --help.\n"

	blobFolder  = "blobs"
	newDatabase = metadata.DatabaseFile + ".new"
	partFolder  = "partial" // files on their way
)

// Options of a backup or restore.
type Options struct {
	// Copy copies files even where a hard link would do.
	Copy bool
	// Digests reads every object of the copy and checks its digest.
	Digests bool
	// Stage gets the name of each stage that begins; Progress how much of it is
	// done, in objects and bytes. Damaged gets each object that the source
	// lacks or has wrong; several goroutines may call it at once.
	Stage    func(name string)
	Progress func(done, total, bytes int64)
	Damaged  func(object, problem string)
}

// Result counts objects.
type Result struct {
	Objects, Bytes   int64 // that the database names
	Linked, Copied   int64 // by this run
	FreshBytes       int64 // of those linked and copied
	Removed, Damaged int64
	RemovedBytes     int64
	DatabaseBytes    int64
}

// Take makes or renews a backup in the folder to. The stores may be in use by
// another process, which is kept from deleting objects meanwhile. Objects
// that are damaged are left out and counted; if the folder has them whole, they stay.
func Take(ctx context.Context, meta *metadata.SQLite, blobs *filestore.Store, to string,
	o Options) (result Result, err error) {
	unlock, err := prepare(to)
	if err != nil {
		return result, err
	}
	defer unlock()
	o.Stage("waiting for a sweep to pause")
	release, err := blobs.HoldDeletes(ctx)
	if err != nil {
		return result, err
	}
	defer release()

	o.Stage("database")
	fresh := filepath.Join(to, newDatabase)
	err = meta.Snapshot(ctx, fresh, func(done, total int64) {
		result.DatabaseBytes = total
		o.Progress(done, total, done)
	})
	if err != nil {
		return result, err
	}
	snapshot, err := metadata.OpenSnapshot(ctx, fresh)
	if err != nil {
		return result, err
	}
	defer snapshot.Close()

	o.Stage("objects")
	copies, err := filestore.OpenReadOnly(filepath.Join(to, blobFolder))
	if err != nil {
		return result, err
	}
	defer copies.Close()
	t := transfer{Options: o, from: blobs, to: copies, parts: filepath.Join(to, partFolder), result: &result}
	if err := t.run(ctx, snapshot); err != nil {
		return result, err
	}
	if err := os.Rename(fresh, filepath.Join(to, metadata.DatabaseFile)); err != nil {
		return result, err
	}
	if err := durable.SyncDir(to); err != nil {
		return result, err
	}
	// From here on the folder holds the new backup.
	release()
	o.Stage("removing what is no longer needed")
	if err := removeUnnamed(ctx, snapshot, copies, &result); err != nil {
		return result, fmt.Errorf("the backup is complete, but objects that it does not need could not be removed: %w", err)
	}
	return result, nil
}

// prepare makes the folder ready, or refuses one that is something else, and
// locks it.
func prepare(to string) (unlock func(), err error) {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the backup: %w", err)
	}
	mark := filepath.Join(to, markFile)
	if _, err := os.Stat(mark); errors.Is(err, fs.ErrNotExist) {
		if empty, err := isEmpty(to); err != nil {
			return nil, err
		} else if !empty {
			return nil, fmt.Errorf("%s is not empty and holds no backup: give an empty folder, or one of an earlier backup", to)
		}
		if err := durable.WriteFile(mark, []byte(markText)); err != nil {
			return nil, err
		}
	} else if err := checkMark(to); err != nil {
		return nil, err
	}
	if unlock, err = lock(to, unix.LOCK_EX); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			unlock()
		}
	}()
	// Remove what a backup that was cut short has left.
	parts := filepath.Join(to, partFolder)
	if err := os.RemoveAll(parts); err != nil {
		return nil, err
	}
	if err := metadata.RemoveDatabase(filepath.Join(to, newDatabase)); err != nil {
		return nil, err
	}
	for _, dir := range []string{parts, filepath.Join(to, blobFolder, "sha256"), filepath.Join(to, blobFolder, "sha512")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	return unlock, nil
}

func checkMark(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, markFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s holds no backup: it has no file %s", dir, markFile)
	}
	if err != nil {
		return err
	}
	if string(text) != markText {
		return fmt.Errorf("%s holds a backup in a form that this program does not know: use the program that wrote it, "+
			"or a newer one", dir)
	}
	return nil
}

// isEmpty ignores what a file system makes itself, and a mark that was not
// finished.
func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.Name() != "lost+found" && !durable.Unfinished(e.Name()) {
			return false, nil
		}
	}
	return true, nil
}

// lock takes a backup folder for writing (LOCK_EX) or reading (LOCK_SH).
func lock(dir string, how int) (unlock func(), err error) {
	path := filepath.Join(dir, "lock")
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("open the lock of the backup: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: another backup or restore uses it: wait until it ends (%w)", dir, err)
	}
	return func() { _ = f.Close() }, nil
}

// removeUnnamed removes the objects of the backup that its database does not
// name, going through both in order of name.
func removeUnnamed(ctx context.Context, snapshot *metadata.SQLite, copies *filestore.Store, result *Result) error {
	var named []metadata.Blob
	after, last := "", false
	for o, err := range copies.Objects(ctx, "") {
		if err != nil {
			return err
		}
		for !last && (len(named) == 0 || named[0].Object < o.Name) {
			if len(named) > 0 {
				named = named[1:]
				continue
			}
			if named, err = snapshot.Read(ctx).Damage().BlobsByObject(after, pageRows); err != nil {
				return err
			}
			if last = len(named) == 0; !last {
				after = named[len(named)-1].Object
			}
		}
		if len(named) > 0 && named[0].Object == o.Name {
			continue
		}
		path, err := copies.File(o.Name)
		if err != nil {
			return err
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		result.Removed++
		result.RemovedBytes += o.Size
	}
	return nil
}
