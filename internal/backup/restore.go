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

// Target is the data folder to restore into, and what is where in it.
type Target struct {
	Data, Metadata, Blobs string
	// Mark is the file that keeps servers off while the restore is not done.
	Mark string
}

const markOfRestore = "A restore into this folder has not ended: run twinport restore again, or empty the folder.\n"

// Restore puts a backup into an empty data folder, or continues a restore that
// was cut short. The database comes last.
func Restore(ctx context.Context, from string, to Target, o Options) (result Result, err error) {
	if err := checkMark(from); err != nil {
		return result, err
	}
	unlock, err := lock(from, unix.LOCK_SH)
	if err != nil {
		return result, err
	}
	defer unlock()
	database := filepath.Join(from, metadata.DatabaseFile)
	snapshot, err := metadata.OpenSnapshot(ctx, database)
	if errors.Is(err, fs.ErrNotExist) {
		return result, fmt.Errorf("the first backup into %s did not end: there is nothing to restore", from)
	}
	if err != nil {
		return result, err
	}
	defer snapshot.Close()
	copies, err := filestore.OpenReadOnly(filepath.Join(from, blobFolder))
	if err != nil {
		return result, err
	}
	defer copies.Close()

	begun, err := begin(to)
	if err != nil {
		return result, err
	}
	// Opened as by a server, since only one of the two may have it open.
	blobs, err := filestore.Open(to.Blobs)
	if err != nil {
		if begun {
			_ = os.Remove(to.Mark) // it would keep that server from starting again
		}
		return result, err
	}
	defer blobs.Close()
	parts := filepath.Join(to.Data, partFolder)
	// What a restore that was cut short has left may be links to the backup.
	if err := os.RemoveAll(parts); err != nil {
		return result, err
	}
	for _, dir := range []string{parts, to.Metadata} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return result, err
		}
	}
	o.Stage("objects")
	t := transfer{Options: o, from: copies, to: blobs, parts: parts, result: &result}
	if err := t.run(ctx, snapshot); err != nil {
		return result, err
	}
	o.Stage("database")
	part := filepath.Join(parts, metadata.DatabaseFile)
	info, err := os.Stat(database)
	if err != nil {
		return result, err
	}
	result.DatabaseBytes = info.Size()
	if err := copyFile(ctx, database, part, info.Size()); err != nil {
		return result, fmt.Errorf("copy the database: %w", err)
	}
	// A write-ahead log that an earlier try has left does not belong to this
	// database.
	restored := filepath.Join(to.Metadata, metadata.DatabaseFile)
	if err := metadata.RemoveDatabase(restored); err != nil {
		return result, err
	}
	if err := os.Rename(part, restored); err != nil {
		return result, err
	}
	if err := os.RemoveAll(parts); err != nil {
		return result, err
	}
	if err := forgetMigration(ctx, to.Metadata); err != nil {
		return result, err
	}
	for _, dir := range []string{to.Metadata, to.Data} {
		if err := durable.SyncDir(dir); err != nil {
			return result, err
		}
	}
	if err := os.Remove(to.Mark); err != nil {
		return result, err
	}
	return result, durable.SyncDir(to.Data)
}

// forgetMigration ends a migration that was under way when the backup was made:
// what it copied has changed since.
func forgetMigration(ctx context.Context, folder string) error {
	meta, err := metadata.OpenSQLite(ctx, folder)
	if err != nil {
		return fmt.Errorf("open the restored database: %w", err)
	}
	_, err = meta.CancelTransfer(ctx)
	return errors.Join(err, meta.Close())
}

// begin marks the data folder as one that is being restored, and reports whether
// it was not before.
func begin(to Target) (bool, error) {
	if err := os.MkdirAll(to.Data, 0o700); err != nil {
		return false, fmt.Errorf("make the data folder: %w", err)
	}
	if _, err := os.Stat(to.Mark); err == nil {
		return false, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	empty, err := isEmpty(to.Data)
	if err != nil {
		return false, err
	}
	if !empty {
		return false, fmt.Errorf("the data folder %s is not empty: a restore needs an empty one, so stop the server that "+
			"uses it and move it away, or name another in the configuration", to.Data)
	}
	return true, durable.WriteFile(to.Mark, []byte(markOfRestore))
}
