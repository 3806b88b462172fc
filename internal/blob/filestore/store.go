// Package filestore keeps blobs in files.
//
//	<root>/sha256/ab/abcdef…-<id>   an object that the session <id> wrote
//	<root>/sha256/ab/abcdef…        an object from before names had ids
//	<root>/uploads/<id>             an upload
//	<root>/lock, <root>/deletes     see Open and HoldDeletes
//
// An object's file appears under its name only when its bytes are on disk and
// their digest was verified, so a file that is there is whole.
package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/durable"
)

// Store keeps blobs in a folder.
type Store struct {
	root string
	lock *os.File // held by the one process that may write; nil if opened read-only

	mu       sync.Mutex
	sessions map[string]*session // seen by this process, with their running digests

	dirs sync.Map // of objects, whose names are durable
	seen *blob.Sightings

	deleting sync.Mutex
	deletes  *os.File // locked by who deletes, and by who holds deletes off
}

var _ blob.Store = (*Store)(nil)

// errReadOnly says that a store that was opened to read was asked to write.
var errReadOnly = errors.New("filestore: the folder was opened to read only")

// Open opens the store in folder root, which it creates. Only one process at a
// time may have it open, since two would not see each other's reservations of
// uploads.
func Open(root string) (_ *Store, err error) {
	for _, dir := range []string{"uploads", "sha256", "sha512"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			return nil, fmt.Errorf("create the folder of blobs: %w", err)
		}
	}
	s := &Store{root: root, sessions: map[string]*session{}, seen: blob.NewSightings(checkedFor)}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if s.lock, err = openLock(filepath.Join(root, "lock")); err != nil {
		return nil, fmt.Errorf("open the lock of the folder of blobs: %w", err)
	}
	switch err := unix.Flock(int(s.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, fmt.Errorf("another process keeps blobs in the folder %s: stop it, or use another folder", root)
	case err != nil:
		return nil, fmt.Errorf("lock the folder of blobs %s: %w", root, err)
	}
	if s.deletes, err = openLock(filepath.Join(root, "deletes")); err != nil {
		return nil, fmt.Errorf("open the lock of deletes in the folder of blobs: %w", err)
	}
	return s, durable.SyncDir(root)
}

// OpenReadOnly opens the store in folder root beside the process that writes
// to it. What would change the folder fails.
func OpenReadOnly(root string) (*Store, error) {
	if _, err := os.Stat(filepath.Join(root, "sha256")); err != nil {
		return nil, fmt.Errorf("%s is not a folder of blobs: %w", root, err)
	}
	deletes, err := openLock(filepath.Join(root, "deletes"))
	if err != nil {
		return nil, fmt.Errorf("open the lock of deletes in the folder of blobs: %w", err)
	}
	return &Store{root: root, deletes: deletes, seen: blob.NewSightings(checkedFor)}, nil
}

// openLock opens a file to lock, which needs no right to write it once it is
// there.
func openLock(path string) (*os.File, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
	}
	return f, err
}

// Close lets another process open the folder.
func (s *Store) Close() error {
	for _, f := range []*os.File{s.lock, s.deletes} {
		if f != nil {
			_ = f.Close()
		}
	}
	return nil
}

// Open opens an object for reading. The reader is an *os.File.
func (s *Store) Open(_ context.Context, object string, size int64) (io.ReadSeekCloser, error) {
	path, err := s.path(object)
	if err != nil {
		return nil, err
	}
	f, err := openPlain(path)
	if err != nil {
		s.seen.Forget(object)
		return nil, s.readError("open", object, err)
	}
	if s.seen.Lately(object, size) {
		return f, nil
	}
	info, err := f.Stat()
	if err == nil {
		err = checkSize(object, info.Size(), size)
	} else {
		err = s.readError("look at", object, err)
	}
	if err != nil {
		s.seen.Forget(object)
		_ = f.Close()
		return nil, err
	}
	s.seen.Note(object, size)
	return f, nil
}

// openPlain is os.Open without registering the file with the runtime's poller, which takes no
// regular files: the attempt costs system calls, of which a small blob needs few.
func openPlain(path string) (*os.File, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), path), nil
		case !errors.Is(err, unix.EINTR):
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

// URL returns "": files are read through this process.
func (s *Store) URL(context.Context, string) (string, error) { return "", nil }

// Size returns the size of an object.
func (s *Store) Size(_ context.Context, object string) (int64, error) {
	path, err := s.path(object)
	if err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, s.readError("look at", object, err)
	}
	return info.Size(), nil
}

// checkedFor is how long Check and Open rely on having seen a file's size: to look
// is a sixth of the cost of a HEAD request.
const checkedFor = time.Second

// Seen reports whether Check looked at the object's file within the last second.
func (s *Store) Seen(object string, size int64) bool { return s.seen.Lately(object, size) }

// Check looks at the object's file, unless it did within the last second.
func (s *Store) Check(ctx context.Context, object string, size int64) error {
	if s.Seen(object, size) {
		return nil
	}
	got, err := s.Size(ctx, object)
	if err != nil {
		return err
	}
	if err := checkSize(object, got, size); err != nil {
		return err
	}
	s.seen.Note(object, size)
	return nil
}

func checkSize(object string, got, want int64) error {
	if got != want {
		return fmt.Errorf("object %s has %d bytes instead of %d: %w", object, got, want, blob.ErrDamaged)
	}
	return nil
}

// clockStep is how far in the future a file's time may be before it is ignored:
// the clock was wrong.
const clockStep = 24 * time.Hour

// WrittenSince goes by the time of the session's file.
func (s *Store) WrittenSince(id string, t time.Time) bool {
	if !blob.ValidID(id) {
		return false
	}
	info, err := os.Stat(s.uploadPath(id))
	return err == nil && !info.ModTime().Before(t) && info.ModTime().Before(time.Now().Add(clockStep))
}

// objectOf names the object that a session makes of its bytes.
func objectOf(d digest.Digest, id string) (string, error) {
	if err := blob.ValidateDigest(d); err != nil {
		return "", err
	}
	return d.Algorithm().String() + "/" + d.Encoded()[:2] + "/" + d.Encoded() + "-" + id, nil
}

// makeDir makes a folder of objects durably. A folder that exists may have been
// made just now, by a request or process that did not get to sync it, so each
// process syncs each folder once. They are few.
func (s *Store) makeDir(dir string) error {
	if _, durable := s.dirs.Load(dir); durable {
		return nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := durable.SyncDir(filepath.Dir(dir)); err != nil {
		return err
	}
	s.dirs.Store(dir, true)
	return nil
}
