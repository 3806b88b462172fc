package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinport/twinport/internal/blob"
)

// Delete removes objects: ErrBusy while a backup holds deletes off. The folder
// is not synced: a file that comes back after a power cut is an object that
// nothing names, which is deleted again.
func (s *Store) Delete(ctx context.Context, objects []string) error {
	if s.lock == nil {
		return errReadOnly
	}
	s.deleting.Lock()
	defer s.deleting.Unlock()
	switch err := unix.Flock(int(s.deletes.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("delete objects while a backup reads %s: %w", s.root, blob.ErrBusy)
	case err != nil:
		return fmt.Errorf("lock deletes in %s: %w", s.root, err)
	}
	defer func() { _ = unix.Flock(int(s.deletes.Fd()), unix.LOCK_UN) }()
	for _, object := range objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		path, err := s.path(object)
		if err != nil {
			continue // no name of ours
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete object %s: %w", object, storageError(err))
		}
	}
	return nil
}

// HoldDeletes keeps every process from deleting objects until release is
// called or this process ends, so that a backup finds what its copy of the
// metadata names. Several may hold deletes off at once. It waits for a delete
// that is under way.
func (s *Store) HoldDeletes(ctx context.Context) (release func(), err error) {
	// A lock belongs to an open file, so each holder opens its own.
	f, err := openLock(s.deletes.Name())
	if err != nil {
		return nil, fmt.Errorf("open the lock of deletes: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
		if err == nil {
			return sync.OnceFunc(func() { _ = f.Close() }), nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			_ = f.Close()
			return nil, fmt.Errorf("hold deletes off in %s: %w", s.root, err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
