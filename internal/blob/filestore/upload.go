package filestore

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
	"sync"
	"syscall"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/durable"
)

// session is what the process remembers of an upload between its requests.
// Bytes are hashed as they are written and never read back, unless the process
// was restarted meanwhile or the blob turns out to be named by sha512.
//
// Sessions that wait for their next part cost a little memory but no file,
// however many they are.
type session struct {
	store *Store
	id    string
	path  string

	mu      sync.Mutex // held while reserved
	size    int64
	flushed int64     // of that, what the kernel was asked to write out
	hash    hash.Hash // nil until the first reservation
	ended   bool
}

// upload is a session reserved for one request.
type upload struct {
	*session
	file      *os.File
	verified  digest.Digest // of what was written so far
	published string        // the object that the session became, now or before
	closed    bool
}

func (s *Store) uploadPath(id string) string { return filepath.Join(s.root, "uploads", id) }

// Upload reserves a session. Its state is in its file and not in the metadata.
// The file is created when the session is new to this process. A session that
// was committed, but not forgotten before a crash, begins with an empty file
// until Verify finds its object.
func (s *Store) Upload(_ context.Context, id string, _ []byte) (blob.Upload, error) {
	if s.lock == nil {
		return nil, errReadOnly
	}
	if !blob.ValidID(id) {
		return nil, fmt.Errorf("upload %q: %w", id, blob.ErrNotFound)
	}
	ses, err := s.reserve(id)
	if err != nil {
		return nil, err
	}
	u := &upload{session: ses}
	if err := u.open(); err != nil {
		defer u.Close()
		if errors.Is(err, fs.ErrNotExist) {
			if err := s.present(); err != nil {
				return nil, fmt.Errorf("open upload %s: %w", id, err)
			}
			u.end() // somebody made room by hand
			return nil, fmt.Errorf("upload %s: its file is gone: %w", id, blob.ErrNotFound)
		}
		return nil, fmt.Errorf("open upload %s: %w", id, storageError(err))
	}
	return u, nil
}

// reserve locks the session: ErrBusy.
func (s *Store) reserve(id string) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ses := s.sessions[id]
	if ses == nil {
		ses = &session{store: s, id: id, path: s.uploadPath(id)}
		s.sessions[id] = ses
	}
	// Whoever holds ses.mu takes s.mu only to end the session: one that is in
	// the map and can be locked has not ended.
	if !ses.mu.TryLock() {
		return nil, fmt.Errorf("another request is writing to the upload %s: %w", id, blob.ErrBusy)
	}
	return ses, nil
}

// Close ends the reservation.
func (u *upload) Close() {
	if u.closed {
		return
	}
	u.closed = true
	if u.file != nil {
		_ = u.file.Close()
	}
	u.mu.Unlock()
}

func (u *upload) open() (err error) {
	if u.hash != nil {
		// A file that is gone must not be created again, empty: the blob would
		// lack the bytes before, and the running digest would not show it.
		u.file, err = os.OpenFile(u.path, os.O_RDWR, 0)
		return err
	}
	info, err := os.Lstat(u.path)
	if err == nil && info.Mode().IsRegular() && info.Sys().(*syscall.Stat_t).Nlink > 1 {
		// Somebody has copied the folder by hard links. What is sent now must
		// not go into that copy too, so the client sends everything again.
		err = os.Remove(u.path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if u.file, err = os.OpenFile(u.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	// The upload is new to this process. If an earlier one left bytes, they
	// are hashed again.
	if info, err = u.file.Stat(); err != nil {
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

func (u *upload) rehash(h hash.Hash) error {
	n, err := io.Copy(h, io.NewSectionReader(u.file, 0, u.size))
	if err == nil && n != u.size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read upload %s back: %w", u.id, storageError(err))
	}
	return nil
}

// Size is how many bytes the upload holds.
func (u *upload) Size() int64 { return u.size }

// State returns nil: the state is in the file. The bytes are not synced before
// Commit, since a client can send them again.
func (u *upload) State(context.Context) ([]byte, error) { return nil, nil }

// Verify compares the running digest. If the bytes have another digest, but the
// session's object with this digest exists, it was committed before.
func (u *upload) Verify(_ context.Context, d digest.Digest) error {
	object, err := objectOf(d, u.id)
	if err != nil {
		return err
	}
	if u.ended {
		if u.published == object {
			return nil
		}
		return fmt.Errorf("upload %s has ended: %w", u.id, blob.ErrNotFound)
	}
	sum := u.hash
	if d.Algorithm() == digest.SHA512 {
		sum = sha512.New()
		if err := u.rehash(sum); err != nil {
			return err
		}
	}
	got := digest.NewDigest(d.Algorithm(), sum)
	if got == d {
		u.verified = d
		return nil
	}
	switch info, err := os.Stat(filepath.Join(u.store.root, filepath.FromSlash(object))); {
	case err == nil:
		u.published, u.size = object, info.Size()
		u.remove()
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look for object %s: %w", object, storageError(err))
	}
	u.remove()
	return fmt.Errorf("%w: expected %s, received %s", blob.ErrDigest, d, got)
}

// Commit makes the upload an object. If its bytes could not be synced, the
// upload is gone: the kernel drops what it failed to write, and a second sync
// would succeed without it.
func (u *upload) Commit(ctx context.Context, d digest.Digest) (string, error) {
	object, err := objectOf(d, u.id)
	if err != nil {
		return "", err
	}
	if u.verified != d || u.ended {
		if err := u.Verify(ctx, d); err != nil {
			return "", err
		}
	}
	if err := u.publish(object); err != nil {
		return "", fmt.Errorf("store object %s: %w", object, storageError(err))
	}
	return object, nil
}

func (u *upload) publish(object string) error {
	path := filepath.Join(u.store.root, filepath.FromSlash(object))
	dir := filepath.Dir(path)
	if u.published != object {
		if err := u.file.Sync(); err != nil {
			u.remove()
			return err
		}
	}
	if err := u.store.makeDir(dir); err != nil {
		return err
	}
	if u.published != object {
		if err := os.Rename(u.path, path); err != nil {
			return err
		}
		u.published = object
		u.end()
	}
	// Also if it was published before: whoever did may have died before this.
	return durable.SyncDir(dir)
}

// Cancel removes the upload.
func (u *upload) Cancel(context.Context) error {
	u.remove()
	return nil
}

// remove gives the room back at once: the file is open until the reservation ends.
func (u *upload) remove() {
	if u.published == "" && u.file != nil {
		_ = u.file.Truncate(0)
	}
	_ = os.Remove(u.path)
	u.end()
}

// end forgets the session. The file is closed with the reservation.
func (s *session) end() {
	s.ended = true
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if s.store.sessions[s.id] == s {
		delete(s.store.sessions, s.id)
	}
}

// DropUpload removes an upload that may or may not be there.
func (s *Store) DropUpload(_ context.Context, id string, _ []byte) error {
	if s.lock == nil {
		return errReadOnly
	}
	if !blob.ValidID(id) {
		return nil
	}
	ses, err := s.reserve(id) // so that no request begins meanwhile
	if err != nil {
		return err
	}
	defer ses.mu.Unlock()
	defer ses.end()
	if err := os.Remove(ses.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop upload %s: %w", id, storageError(err))
	}
	return nil
}
