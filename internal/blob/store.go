// Package blob is the store of bytes: blobs named by their digests, and
// uploads on their way to becoming blobs, in files.
//
//	<root>/sha256/ab/abcdef…   a blob
//	<root>/uploads/<id>        an upload
//
// A blob's file appears under its name only when its bytes are on disk and
// their digest was verified, so a file that is there is whole.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

var (
	// ErrNotFound is returned for a blob or upload that the store lacks.
	ErrNotFound = errors.New("blob: not found")
	// ErrFull is in the chain of errors that mean that the disk is full.
	ErrFull = errors.New("blob: no space left for blobs")
	// ErrDigest means that the bytes do not have the digest they should.
	ErrDigest = errors.New("blob: the content does not have the digest")
	// ErrBusy means that another request is writing to the upload.
	ErrBusy = errors.New("blob: another request is writing to this upload")
)

// Store keeps blobs in a folder. It is safe for concurrent use.
type Store struct {
	root string

	mu      sync.Mutex
	uploads map[string]*Upload // seen by this process, with their running digests

	dirs sync.Map // of blobs, whose names are durable
}

// Open opens the store in folder root, which it creates.
func Open(root string) (*Store, error) {
	for _, dir := range []string{"uploads", "sha256", "sha512"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			return nil, fmt.Errorf("create the folder of blobs: %w", err)
		}
	}
	if err := syncDir(root); err != nil {
		return nil, err
	}
	return &Store{root: root, uploads: map[string]*Upload{}}, nil
}

func (s *Store) path(d digest.Digest) (string, error) {
	if err := d.Validate(); err != nil {
		return "", fmt.Errorf("blob %q: %w", d, err)
	}
	return filepath.Join(s.root, d.Algorithm().String(), d.Encoded()[:2], d.Encoded()), nil
}

// Open opens a blob for reading: ErrNotFound.
func (s *Store) Open(_ context.Context, d digest.Digest) (*os.File, error) {
	path, err := s.path(d)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open blob %s: %w", d, ErrNotFound)
	}
	return f, err
}

// Stat returns the size of a blob: ErrNotFound.
func (s *Store) Stat(_ context.Context, d digest.Digest) (int64, error) {
	path, err := s.path(d)
	if err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("blob %s: %w", d, ErrNotFound)
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// StaleUploads are the ids of the uploads that nobody has written to since t.
func (s *Store) StaleUploads(t time.Time) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.root, "uploads"))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // gone meanwhile
		}
		if info.ModTime().Before(t) {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// HasUpload reports whether an upload has a file: it was reserved at least once.
func (s *Store) HasUpload(id string) bool {
	path, err := s.uploadPath(id)
	if err != nil {
		return false
	}
	_, err = os.Stat(path)
	return err == nil
}

// makeDir makes a folder of blobs, durably. One that is there may have been
// made a moment ago, by a request or process that did not come to sync it: so
// each is synced once by this process, which costs little, for they are few.
func (s *Store) makeDir(dir string) error {
	if _, durable := s.dirs.Load(dir); durable {
		return nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return err
	}
	s.dirs.Store(dir, true)
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// storageError adds ErrFull to an error that means a full disk.
func storageError(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
