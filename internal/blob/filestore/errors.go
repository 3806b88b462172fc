package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/twinport/twinport/internal/blob"
)

// unavailable are errors of a disk that fails, was removed or is read-only, and
// of a process that is out of file descriptors: they say nothing about an
// object.
var unavailable = []error{unix.EIO, unix.EROFS, unix.ENODEV, unix.ENXIO, unix.ESTALE, unix.ENOTCONN, unix.ETIMEDOUT,
	unix.EMFILE, unix.ENFILE,
	unix.ENOMEM, unix.EACCES, unix.EPERM}

// storageError marks an error that means a full disk, or one that does not
// work, as ErrFull or ErrUnavailable.
func storageError(err error) error {
	switch {
	case err == nil, errors.Is(err, blob.ErrFull), errors.Is(err, blob.ErrUnavailable):
		return err
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("%w: %w", blob.ErrFull, err)
	case slices.ContainsFunc(unavailable, func(e error) bool { return errors.Is(err, e) }):
		return fmt.Errorf("%w: %w", blob.ErrUnavailable, err)
	}
	return err
}

// readError says what was tried on an object. If the store's folders are
// missing too, as when a disk is not mounted, the object is not lost.
func (s *Store) readError(doing, object string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.present(); err != nil {
			return fmt.Errorf("%s object %s: %w", doing, object, err)
		}
		return fmt.Errorf("%s object %s: %w", doing, object, blob.ErrNotFound)
	}
	return fmt.Errorf("%s object %s: %w", doing, object, storageError(err))
}

// present looks whether the store's folders are there: ErrUnavailable.
func (s *Store) present() error {
	for _, dir := range []string{"uploads", "sha256"} {
		if _, err := os.Stat(filepath.Join(s.root, dir)); err != nil {
			return fmt.Errorf("%w: look at the folder of blobs: %w", blob.ErrUnavailable, err)
		}
	}
	return nil
}
