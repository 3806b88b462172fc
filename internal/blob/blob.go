// Package blob is the contract of the stores of bytes. A blob's bytes are an
// object, under a name that contains the id of the upload session that wrote
// it and is never used again: so an object can be deleted without regard to a
// push of the same digest, which writes an object of its own. Which object
// holds which digest is the metadata's to know.
//
// filestore keeps objects as files, s3store in a bucket, memstore in memory.
package blob

import (
	"context"
	_ "crypto/sha256" // go-digest knows only what is linked
	_ "crypto/sha512"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/opencontainers/go-digest"
)

var (
	// ErrNotFound is in the chain of errors that mean that the store lacks an
	// object, or an upload whose bytes it should have.
	ErrNotFound = errors.New("blob: not found")
	// ErrFull is in the chain of errors that mean that the disk or bucket is
	// full.
	ErrFull = errors.New("blob: no space left for blobs")
	// ErrDigest means that the bytes do not have the digest they should.
	ErrDigest = errors.New("blob: the content does not have the digest")
	// ErrBusy means that another request is writing to the upload, or that a
	// backup holds deletes off.
	ErrBusy = errors.New("blob: busy")
	// ErrDamaged is in the chain of errors that mean that an object has another
	// size than it should.
	ErrDamaged = errors.New("blob: the object has another size than it should")
	// ErrUnavailable is in the chain of errors that mean that the store did
	// not answer, or that it cannot now: trying again may help, or the operator
	// must; the error's text says why.
	ErrUnavailable = errors.New("blob: the store of blobs does not answer")
)

// IsLost reports whether an error means that the store has lost an object's
// bytes, or some of them: trying again does not help.
func IsLost(err error) bool { return errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) }

// Object is one blob's bytes.
type Object struct {
	Name   string
	Upload string // id of the session that wrote it, "" if it is older than such names
	Size   int64
}

// Store keeps objects, and uploads that are to become objects. All its methods
// are safe for concurrent use. A name or id that the store cannot have made is
// treated as absent: ErrNotFound, or no error where a method allows absence.
type Store interface {
	// Open opens an object of size bytes for reading: ErrNotFound, ErrDamaged, ErrUnavailable. A
	// remote store may notice only at the first Read, or at Begin, that it lacks the object. The
	// reader returns io.EOF after exactly size bytes; an object that is shorter or longer is an
	// error. It is for one goroutine, and valid until ctx ends. A store of files returns an
	// *os.File, which the kernel can send and whose length was right when it was last checked.
	Open(ctx context.Context, object string, size int64) (io.ReadSeekCloser, error)
	// URL returns where a client may GET the object itself for a while; "" if
	// the object can only be read by Open. It does not check that the object is
	// there.
	URL(ctx context.Context, object string) (string, error)
	// Size of an object in bytes: ErrNotFound, ErrUnavailable.
	Size(ctx context.Context, object string) (int64, error)
	// Check looks whether an object is there and has size bytes: ErrNotFound,
	// ErrDamaged, ErrUnavailable. It may answer from what it saw within the last
	// CheckedFor.
	Check(ctx context.Context, object string, size int64) error
	// Seen reports whether Check would answer from what it saw, and find all well.
	Seen(object string, size int64) bool
	// Delete removes objects. Absent ones are no error. After an error, some
	// may be gone. ErrBusy while a backup holds deletes off, ErrUnavailable.
	Delete(ctx context.Context, objects []string) error
	// Objects are the objects with names after the given one, in order of
	// name, in bounded memory. What others add or delete meanwhile may or may
	// not be among them. An error ends the sequence.
	Objects(ctx context.Context, after string) iter.Seq2[Object, error]

	// Upload reserves a session for one request: state is what Upload.State
	// last returned, empty for a new session. ErrBusy while another request of
	// this process has it, ErrNotFound if its bytes are gone, ErrFull,
	// ErrUnavailable. ctx is for the whole reservation; bytes on their way
	// when it ends are not part of the upload.
	//
	// Two processes should not have a session at once. If they do, the one
	// whose state is saved last wins; at worst its Commit fails with
	// ErrNotFound. It never publishes a mixture.
	Upload(ctx context.Context, id string, state []byte) (Upload, error)
	// Put makes an object of content that is at hand whole and has the digest, in a
	// session that is new and ends with that. The object is durable when it returns.
	// ErrFull, ErrUnavailable; then the sweep frees what there may be of it.
	Put(ctx context.Context, id string, d digest.Digest, content []byte) (object string, err error)
	// WrittenSince reports whether bytes were written to the session since t.
	// It returns false if the store cannot tell without the session's state.
	WrittenSince(id string, t time.Time) bool
	// Uploads are the ids of the sessions of which the store holds something
	// that is not an object, in no order. An id may come twice. An error ends
	// the sequence.
	Uploads(ctx context.Context) iter.Seq2[string, error]
	// DropUpload removes what the store holds of a session, but not an object
	// that it became. ErrBusy while a request of this process has it. The
	// state may be empty even if the session has one. Absent is no error.
	DropUpload(ctx context.Context, id string, state []byte) error

	// Ping checks that the store can be read and, unless that is up to another
	// server, written: *PingError. It does little, and costs as much as a small
	// push: once a second is often enough. A full store is no error.
	Ping(ctx context.Context) error
	// Short reports whether the store has little room left, or had none a short
	// while ago.
	Short() bool
	Close() error
}

// PingError is in the chain of errors of Store.Ping, beside ErrUnavailable.
type PingError struct {
	// Reason is what is wrong, in words that anybody may read: it has no names
	// and no addresses.
	Reason string
	Err    error
}

func (e *PingError) Error() string   { return e.Reason + ": " + e.Err.Error() }
func (e *PingError) Unwrap() []error { return []error{ErrUnavailable, e.Err} }

// CheckedFor is how long a store may rely on having seen an object.
const CheckedFor = time.Minute

// Begin prepares content, which came from Store.Open, to be read at the offset,
// so that a fault of the store shows before an answer is begun: ErrNotFound,
// ErrDamaged, ErrUnavailable.
func Begin(content io.ReadSeeker, offset int64) error {
	if offset > 0 {
		if _, err := content.Seek(offset, io.SeekStart); err != nil {
			return fmt.Errorf("%w: go to byte %d: %w", ErrUnavailable, offset, err)
		}
	}
	switch content := content.(type) {
	case interface{ Begin() error }: // of a store far away
		return content.Begin()
	case io.ReaderAt: // a file
		var one [1]byte
		if _, err := content.ReadAt(one[:], offset); err != nil && err != io.EOF {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return nil
}

// Upload is a session that is reserved for one request, and for one goroutine.
type Upload interface {
	// Size is how many bytes the upload holds; after Verify succeeded, how many
	// the content with that digest has.
	Size() int64
	// ReadFrom appends all of r in constant memory. If r or the store fails
	// midway, bytes before that stay, as many as Size says, and the upload can
	// be resumed. ErrFull, ErrUnavailable, ErrNotFound if the upload ended.
	ReadFrom(r io.Reader) (int64, error)
	// State returns what to pass to Store.Upload in the next request or
	// process; nil if the store keeps it itself. All that it mentions is
	// durable. It must be saved before bytes are acknowledged; a request that
	// commits what it wrote need not save it. Each state may be used once: when
	// a later one was saved, the store may delete what only earlier ones
	// mention.
	State(ctx context.Context) ([]byte, error)
	// Verify checks that what was written has the digest. ErrDigest: then the
	// upload is gone. Other errors leave it as it was.
	Verify(ctx context.Context, d digest.Digest) error
	// Commit makes the upload an object, durable when it returns. Its digest
	// must have been verified since the last ReadFrom. It may be repeated in
	// another reservation with the same state, also in another process after a
	// crash: Verify and Commit then succeed for the same digest and return the
	// same object, even if Size was less before Verify.
	Commit(ctx context.Context, d digest.Digest) (object string, err error)
	// Cancel removes what was written.
	Cancel(ctx context.Context) error
	// Close ends the reservation. It removes nothing, and may be called twice.
	Close()
}

// maxID is the length of the longest id of a session: together with the digest
// it makes a file's name.
const maxID = 64

// ValidID reports whether a session may have the id: 1 to 64 letters, digits,
// "-" and "_" of ASCII.
func ValidID(id string) bool {
	if id == "" || len(id) > maxID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
