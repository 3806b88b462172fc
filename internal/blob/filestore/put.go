package filestore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/durable"
)

// Put writes the object's file under its name at once: nothing reads an object before
// the metadata name it. So it takes two changes of folders less than an upload.
func (s *Store) Put(_ context.Context, id string, d digest.Digest, content []byte) (string, error) {
	if s.lock == nil {
		return "", errReadOnly
	}
	if !blob.ValidID(id) {
		return "", fmt.Errorf("upload %q: %w", id, blob.ErrNotFound)
	}
	object, err := objectOf(d, id)
	if err != nil {
		return "", err
	}
	path := filepath.Join(s.root, filepath.FromSlash(object))
	if err = s.makeDir(filepath.Dir(path)); err == nil {
		err = writeNew(path, content)
	}
	if err == nil {
		err = durable.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return "", fmt.Errorf("store object %s: %w", object, storageError(err))
	}
	return object, nil
}

// writeNew writes a file that is not there yet, durably but for its name. It leaves
// nothing after an error, if it can.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}
