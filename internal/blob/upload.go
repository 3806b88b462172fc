package blob

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
)

// Upload is bytes on their way to becoming a blob. Bytes are hashed as they
// are written and never read back, unless the process was restarted meanwhile
// or the blob turns out to be named by sha512.
//
// Its file is open only while a request has it reserved: sessions that wait
// for their next part cost a little memory but no file, however many they are.
type Upload struct {
	store *Store
	id    string
	path  string

	mu    sync.Mutex
	file  *os.File // nil unless reserved
	size  int64
	hash  hash.Hash // nil until the first reservation
	ended bool
}

func (s *Store) uploadPath(id string) (string, error) {
	if id == "" || strings.ContainsAny(id, "/\x00") || strings.HasPrefix(id, ".") {
		return "", fmt.Errorf("upload %q: %w", id, ErrNotFound)
	}
	return filepath.Join(s.root, "uploads", id), nil
}

// Upload returns the upload with the id. Its file is created when it is first
// reserved.
func (s *Store) Upload(_ context.Context, id string) (*Upload, error) {
	path, err := s.uploadPath(id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uploads[id]
	if u == nil {
		u = &Upload{store: s, id: id, path: path}
		s.uploads[id] = u
	}
	return u, nil
}

// Lock reserves the upload for one request: ErrBusy while another has it,
// ErrNotFound if it has ended, ErrFull. Every other method needs it.
func (u *Upload) Lock() error {
	if !u.mu.TryLock() {
		return ErrBusy
	}
	if u.ended {
		u.mu.Unlock()
		return ErrNotFound
	}
	if err := u.open(); err != nil {
		defer u.Unlock()
		if errors.Is(err, fs.ErrNotExist) {
			u.end() // somebody made room by hand
			return ErrNotFound
		}
		return fmt.Errorf("open upload %s: %w", u.id, storageError(err))
	}
	return nil
}

// Unlock ends the reservation.
func (u *Upload) Unlock() {
	if u.file != nil {
		u.file.Close()
		u.file = nil
	}
	u.mu.Unlock()
}

func (u *Upload) open() (err error) {
	if u.hash != nil {
		// A file that is gone must not come back empty: the bytes before would
		// be missing from the blob, and the running digest not tell.
		u.file, err = os.OpenFile(u.path, os.O_RDWR, 0)
		return err
	}
	if u.file, err = os.OpenFile(u.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	// The upload is new to this process. If an earlier one left bytes, they
	// are hashed again.
	info, err := u.file.Stat()
	if err != nil {
		return err
	}
	u.size = info.Size()
	h := sha256.New()
	if err := u.rehash(h); err != nil {
		return err
	}
	u.hash = h
	return nil
}

func (u *Upload) rehash(h hash.Hash) error {
	n, err := io.Copy(h, io.NewSectionReader(u.file, 0, u.size))
	if err == nil && n != u.size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read upload %s back: %w", u.id, err)
	}
	return nil
}

// Size is how many bytes the upload holds.
func (u *Upload) Size() int64 { return u.size }

// Commit makes the upload the blob d. When it returns, the blob would survive
// a power cut. With ErrDigest the upload is gone, and so it is if its bytes
// could not be synced: the kernel drops what it failed to write, and a second
// sync would succeed without it.
func (u *Upload) Commit(_ context.Context, d digest.Digest) error {
	path, err := u.store.path(d)
	if err != nil {
		return err
	}
	var sum hash.Hash
	switch d.Algorithm() {
	case digest.SHA256:
		sum = u.hash
	case digest.SHA512:
		sum = sha512.New()
		if err := u.rehash(sum); err != nil {
			return err
		}
	default:
		return fmt.Errorf("digest algorithm %s: %w", d.Algorithm(), digest.ErrDigestUnsupported)
	}
	if got := digest.NewDigest(d.Algorithm(), sum); got != d {
		u.remove()
		return fmt.Errorf("%w: expected %s, received %s", ErrDigest, d, got)
	}
	if _, err := os.Stat(path); err == nil {
		// The deployment has it: one copy is enough. Whoever stored it may
		// not have synced the folders yet.
		u.remove()
		if err := u.store.makeDir(filepath.Dir(path)); err != nil {
			return err
		}
		return syncDir(filepath.Dir(path))
	}
	if err := u.publish(path); err != nil {
		return fmt.Errorf("store blob %s: %w", d, storageError(err))
	}
	return nil
}

func (u *Upload) publish(path string) error {
	if err := u.file.Sync(); err != nil {
		u.remove()
		return err
	}
	dir := filepath.Dir(path)
	if err := u.store.makeDir(dir); err != nil {
		return err
	}
	if err := os.Rename(u.path, path); err != nil {
		return err
	}
	u.end()
	return syncDir(dir)
}

// Cancel removes the upload.
func (u *Upload) Cancel() { u.remove() }

func (u *Upload) remove() {
	_ = os.Remove(u.path)
	u.end()
}

// end forgets the session. The file is closed with the reservation.
func (u *Upload) end() {
	u.ended = true
	u.store.mu.Lock()
	defer u.store.mu.Unlock()
	if u.store.uploads[u.id] == u {
		delete(u.store.uploads, u.id)
	}
}

// DropUpload removes an upload that may or may not be there. It returns
// ErrBusy while a request is writing to it.
func (s *Store) DropUpload(id string) error {
	path, err := s.uploadPath(id)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	u := s.uploads[id]
	if u == nil {
		defer s.mu.Unlock()
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	s.mu.Unlock()
	if err := u.Lock(); err != nil {
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}
	defer u.Unlock()
	u.Cancel()
	return nil
}
