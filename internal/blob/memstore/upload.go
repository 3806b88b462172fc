package memstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
)

// partSize is how much is read at a time.
const partSize = 256 << 10

// buffers are shared by uploads, so that a part takes no more room than it has bytes.
var buffers = sync.Pool{New: func() any { return new([partSize]byte) }}

// session is an upload between its requests.
type session struct {
	store   *Store
	id      string
	written time.Time // guarded by store.mu

	mu      sync.Mutex // held while reserved
	content *content
	hash    hash.Hash
	ended   bool
}

// upload is a session reserved for one request.
type upload struct {
	*session
	verified digest.Digest // of what was written so far
	became   string        // the object that the session became, now or before
	size     int64
	closed   bool
}

// Upload reserves a session. Its state is in memory. A session that has become
// an object begins empty, until Verify finds the object.
func (s *Store) Upload(_ context.Context, id string, _ []byte) (blob.Upload, error) {
	if !blob.ValidID(id) {
		return nil, fmt.Errorf("upload %q: %w", id, blob.ErrNotFound)
	}
	ses, err := s.reserve(id)
	if err != nil {
		return nil, err
	}
	return &upload{session: ses, size: ses.content.size()}, nil
}

// reserve locks the session: ErrBusy.
func (s *Store) reserve(id string) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	ses := s.sessions[id]
	if ses == nil {
		ses = &session{store: s, id: id, content: &content{}, hash: sha256.New()}
		s.sessions[id] = ses
	}
	// Whoever holds ses.mu takes s.mu, but never waits for ses.mu with s.mu held.
	if !ses.mu.TryLock() {
		return nil, fmt.Errorf("another request is writing to the upload %s: %w", id, blob.ErrBusy)
	}
	return ses, nil
}

// Put keeps a copy of the content.
func (s *Store) Put(_ context.Context, id string, d digest.Digest, whole []byte) (string, error) {
	if !blob.ValidID(id) {
		return "", fmt.Errorf("upload %q: %w", id, blob.ErrNotFound)
	}
	name, err := objectOf(d, id)
	if err != nil {
		return "", err
	}
	if err := s.take(len(whole)); err != nil {
		return "", fmt.Errorf("store object %s: %w", name, err)
	}
	o := &object{&content{}, id}
	o.add(bytes.Clone(whole))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", errClosed
	}
	if before := s.objects[name]; before != nil {
		s.used -= before.size()
	}
	s.objects[name] = o
	return name, nil
}

// DropUpload removes an upload that may or may not be there.
func (s *Store) DropUpload(_ context.Context, id string, _ []byte) error {
	if !blob.ValidID(id) {
		return nil
	}
	ses, err := s.reserve(id) // so that no request begins meanwhile
	if err != nil {
		return err
	}
	defer ses.mu.Unlock()
	ses.end("")
	return nil
}

// Close ends the reservation.
func (u *upload) Close() {
	if !u.closed {
		u.closed = true
		u.mu.Unlock()
	}
}

// Size is how many bytes the upload holds, or the object that it became.
func (u *upload) Size() int64 { return u.size }

// State returns nil: the store keeps it.
func (u *upload) State(context.Context) ([]byte, error) { return nil, nil }

// ReadFrom appends all of r.
func (u *upload) ReadFrom(r io.Reader) (n int64, err error) {
	if u.ended {
		return 0, fmt.Errorf("upload %s has ended: %w", u.id, blob.ErrNotFound)
	}
	u.verified = ""
	buffer := buffers.Get().(*[partSize]byte)
	defer buffers.Put(buffer)
	for {
		filled, readErr := fill(r, buffer[:])
		if err := u.append(buffer[:filled]); err != nil {
			return n, err
		}
		n += int64(filled)
		switch readErr {
		case nil:
		case io.EOF:
			return n, nil
		default:
			return n, readErr
		}
	}
}

// fill reads until the buffer is full or r ends. It returns r's own error, so
// that content that was cut short is not taken for content that ended.
func fill(r io.Reader, buffer []byte) (filled int, err error) {
	for filled < len(buffer) && err == nil {
		var n int
		n, err = r.Read(buffer[filled:])
		filled += n
	}
	return filled, err
}

func (u *upload) append(part []byte) error {
	if err := u.store.take(len(part)); err != nil {
		return fmt.Errorf("write to upload %s: %w", u.id, err)
	}
	u.content.add(bytes.Clone(part))
	u.hash.Write(part)
	u.size = u.content.size()
	u.store.mu.Lock()
	defer u.store.mu.Unlock()
	u.written = time.Now()
	return nil
}

// objectOf names the object that a session makes of its bytes.
func objectOf(d digest.Digest, id string) (string, error) {
	if err := blob.ValidateDigest(d); err != nil {
		return "", err
	}
	return d.Algorithm().String() + "/" + d.Encoded() + "-" + id, nil
}

// Verify compares the digest. If the bytes have another one, but the session's
// object with this digest is there, it was committed before.
func (u *upload) Verify(_ context.Context, d digest.Digest) error {
	name, err := objectOf(d, u.id)
	if err != nil {
		return err
	}
	if u.ended {
		if u.became == name {
			return nil
		}
		return fmt.Errorf("upload %s has ended: %w", u.id, blob.ErrNotFound)
	}
	sum := u.hash
	if d.Algorithm() == digest.SHA512 {
		sum = sha512.New()
		for _, part := range u.content.parts {
			sum.Write(part)
		}
	}
	got := digest.NewDigest(d.Algorithm(), sum)
	if got == d {
		u.verified = d
		return nil
	}
	if o, err := u.store.find(name); err == nil {
		u.became, u.size = name, o.size()
		u.end("")
		return nil
	}
	u.end("")
	return fmt.Errorf("%w: expected %s, received %s", blob.ErrDigest, d, got)
}

// Commit makes the upload an object.
func (u *upload) Commit(ctx context.Context, d digest.Digest) (string, error) {
	name, err := objectOf(d, u.id)
	if err != nil {
		return "", err
	}
	if u.verified != d || u.ended {
		if err := u.Verify(ctx, d); err != nil {
			return "", err
		}
	}
	if u.became == "" {
		u.became = name
		u.end(name)
	}
	return name, nil
}

// Cancel removes the upload.
func (u *upload) Cancel(context.Context) error {
	u.end("")
	return nil
}

// end forgets the session, whose bytes become the object of that name, or go if
// it is empty.
func (s *session) end(name string) {
	if s.ended {
		return
	}
	s.ended = true
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if s.store.closed {
		return
	}
	delete(s.store.sessions, s.id)
	if name != "" && s.store.objects[name] == nil {
		s.store.objects[name] = &object{s.content, s.id}
		return
	}
	s.store.used -= s.content.size()
	s.content = &content{}
}
