package s3store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
)

// partsInFlight is how many parts of an upload are on their way to the bucket
// at a time.
const partsInFlight = 3

// maxOld is about how many tails that could not be deleted a state remembers.
// The sweep finds others.
const maxOld = 100

// cleanupTimeout bounds the removal of tails after a commit.
const cleanupTimeout = 10 * time.Second

// upload is a session reserved for one request.
type upload struct {
	store  *Store
	ctx    context.Context
	id     string
	object string // that the session becomes
	key    string // of the object
	closed bool

	state  // of all bytes that were accepted, but Hash; Tail is "" unless it is in the bucket
	hash   hash.Hash
	memory memory
	tail   *part // the bytes after the parts; nil unless in memory

	obsolete  []string      // tails that no saved state mentions any more
	verified  digest.Digest // of what was written so far
	published bool          // the object is there, with digest verified
	gone      bool
}

// Upload reserves a session. Nothing is asked of the server.
func (s *Store) Upload(ctx context.Context, id string, text []byte) (blob.Upload, error) {
	if !blob.ValidID(id) {
		return nil, fmt.Errorf("upload %q: %w", id, blob.ErrNotFound)
	}
	st, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("read the state of upload %s: %w", id, err)
	}
	h, err := st.hash()
	if err != nil {
		return nil, fmt.Errorf("read the running digest of upload %s: %w", id, err)
	}
	if err := s.reserve(id); err != nil {
		return nil, err
	}
	object := objectsFolder + id
	u := &upload{
		store: s, ctx: ctx, id: id, object: object, key: s.at.prefix + object, state: *st, hash: h, memory: s.memory(ctx),
	}
	u.obsolete, u.Old = u.Old, nil
	return u, nil
}

func (s *Store) reserve(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reserved[id] {
		return fmt.Errorf("another request is writing to the upload %s: %w", id, blob.ErrBusy)
	}
	s.reserved[id] = true
	return nil
}

func (s *Store) release(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.reserved, id)
}

// Close ends the reservation.
func (u *upload) Close() {
	if u.closed {
		return
	}
	u.closed = true
	u.tail.free()
	u.tail = nil
	u.store.release(u.id)
}

// Size is how many bytes the upload holds.
func (u *upload) Size() int64 { return u.state.Size }

func (u *upload) ended() error {
	if u.gone || u.published {
		return fmt.Errorf("upload %s has ended: %w", u.id, blob.ErrNotFound)
	}
	return nil
}

// flight is a part on its way.
type flight struct {
	part *part
	size int64  // of the upload with it
	hash []byte // running, with it
	etag string
	err  error
	done chan struct{}
}

// ReadFrom appends all of r: parts are read and hashed while the ones before
// them are on their way.
func (u *upload) ReadFrom(r io.Reader) (int64, error) {
	if err := u.ended(); err != nil {
		return 0, err
	}
	u.verified = ""
	if err := u.load(u.ctx); err != nil {
		return 0, err
	}
	before := u.state.Size
	sending, cancel := context.WithCancel(u.ctx)
	defer cancel()
	// A part that failed keeps its memory, so from then on no part may wait for
	// more.
	waiting, giveUp := context.WithCancel(u.ctx)
	defer giveUp()
	var (
		flights []*flight
		readErr error
		err     error
	)
	for readErr == nil && err == nil {
		if u.tail == nil {
			u.tail = &part{memory: u.memory}
		}
		if !u.tail.full() {
			var n int
			n, readErr = u.tail.fill(waiting, r, u.hash)
			if u.state.Size += int64(n); n > 0 {
				u.outdate()
			}
		}
		if !u.tail.full() {
			continue
		}
		if len(flights) == partsInFlight {
			err = u.land(flights[0])
			flights = flights[1:]
		}
		if err == nil {
			err = u.begin()
		}
		if err == nil {
			flights = append(flights, u.fly(sending, giveUp, len(u.Parts)+len(flights)+1))
		}
	}
	for _, f := range flights {
		if err != nil {
			// What comes after a part that failed is lost.
			cancel()
			<-f.done
			f.part.free()
			continue
		}
		err = u.land(f)
	}
	if err == nil && readErr != io.EOF {
		err = readErr
	}
	return u.state.Size - before, err
}

// outdate notes that the tail in the bucket is no longer complete.
func (u *upload) outdate() {
	if u.Tail != "" {
		u.Old = append(u.Old, u.Tail)
		u.Tail = ""
	}
}

// fly sends the tail, which is full, as a part. It calls failed if it cannot.
func (u *upload) fly(ctx context.Context, failed func(), number int) *flight {
	f := &flight{part: u.tail, size: u.state.Size, hash: snapshot(u.hash), done: make(chan struct{})}
	u.tail = nil
	u.outdate()
	go func() {
		defer close(f.done)
		if f.etag, f.err = u.send(ctx, f.part, number); f.err != nil {
			failed()
			return
		}
		f.part.free() // at once: others wait for the memory
	}()
	return f
}

// land waits for the oldest part in flight. If it failed, its bytes become the
// tail again, and the upload ends with them.
func (u *upload) land(f *flight) error {
	<-f.done
	if f.err == nil {
		u.Parts = append(u.Parts, f.etag)
		return nil
	}
	u.tail.free()
	u.tail, u.state.Size = f.part, f.size
	if err := u.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(f.hash); err != nil {
		panic(err) // it was made a moment ago
	}
	return f.err
}

// begin begins the multipart upload, unless that was done.
func (u *upload) begin() error {
	if u.Multipart != "" {
		return nil
	}
	in := &s3.CreateMultipartUploadInput{Bucket: &u.store.at.bucket, Key: &u.key, ContentType: aws.String(contentType)}
	in.ServerSideEncryption, in.SSEKMSKeyId = u.store.encryption()
	res, err := u.store.client.CreateMultipartUpload(u.ctx, in)
	if err != nil {
		return u.store.wrap(u.ctx, "begin upload "+u.id, err)
	}
	u.Multipart = aws.ToString(res.UploadId)
	return nil
}

// encryption is what the server is asked to encrypt objects with.
func (s *Store) encryption() (types.ServerSideEncryption, *string) {
	if s.at.kmsKey == "" {
		return types.ServerSideEncryption(s.at.sse), nil
	}
	return types.ServerSideEncryption(s.at.sse), &s.at.kmsKey
}

// send uploads a part and returns its ETag.
func (u *upload) send(ctx context.Context, p *part, number int) (string, error) {
	if number > maxParts {
		return "", fmt.Errorf("upload %s has more than %d bytes", u.id, int64(maxParts)*partSize)
	}
	res, err := u.store.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &u.store.at.bucket, Key: &u.key, UploadId: &u.Multipart, PartNumber: aws.Int32(int32(number)),
		Body: p.reader(), ContentLength: aws.Int64(int64(p.size)),
	})
	if err != nil {
		return "", u.store.wrap(ctx, fmt.Sprintf("send part %d of upload %s", number, u.id), err)
	}
	return aws.ToString(res.ETag), nil
}

// load reads the tail into memory, if there is one: ErrNotFound.
func (u *upload) load(ctx context.Context) error {
	if u.tail != nil || u.tailSize() == 0 {
		return nil
	}
	p := &part{memory: u.memory}
	r := &reader{store: u.store, ctx: ctx, key: u.tailKey(u.Tail), size: u.tailSize()}
	defer r.Close()
	for int64(p.size) < r.size {
		if _, err := p.fill(ctx, r, io.Discard); err != nil {
			p.free()
			return err
		}
	}
	u.tail = p
	return nil
}

func (u *upload) tailKey(name string) string {
	return u.store.at.prefix + uploadsFolder + u.id + "/" + name
}

// State saves the tail as an object of its own, under a new name: another
// process that has the session by mistake must not overwrite it.
func (u *upload) State(ctx context.Context) ([]byte, error) {
	if err := u.ended(); err != nil {
		return nil, err
	}
	if u.Tail == "" && u.tailSize() > 0 {
		name := rand.Text()
		if err := u.put(ctx, u.tailKey(name), u.tail, nil); err != nil {
			return nil, u.store.wrap(ctx, "save the end of upload "+u.id, err)
		}
		u.Tail = name
	}
	u.Version, u.Hash = stateVersion, snapshot(u.hash)
	// Tails that an earlier state mentions are left to the next request: this
	// state may never be saved.
	if u.deleteTails(ctx, u.obsolete) != nil && len(u.Old) < maxOld {
		u.Old = append(u.Old, u.obsolete...) // the next request tries again
	}
	u.obsolete = nil
	return u.encode()
}

func (u *upload) deleteTails(ctx context.Context, names []string) error {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = u.tailKey(name)
	}
	return u.store.deleteKeys(ctx, keys)
}

// put writes an object of one piece, which may be nil for an empty one.
func (u *upload) put(ctx context.Context, key string, p *part, ifNoneMatch *string) error {
	if p == nil {
		p = new(part)
	}
	in := &s3.PutObjectInput{
		Bucket: &u.store.at.bucket, Key: &key, Body: p.reader(), ContentLength: aws.Int64(int64(p.size)),
		ContentType: aws.String(contentType), IfNoneMatch: ifNoneMatch,
	}
	in.ServerSideEncryption, in.SSEKMSKeyId = u.store.encryption()
	_, err := u.store.client.PutObject(ctx, in)
	return err
}

// Verify compares the running digest. A blob with a sha512 digest is published
// first if it has parts, since those cannot be read before.
func (u *upload) Verify(ctx context.Context, d digest.Digest) error {
	if err := blob.ValidateDigest(d); err != nil {
		return err
	}
	if u.verified == d && !u.gone {
		return nil
	}
	if err := u.ended(); err != nil {
		return err
	}
	sum := u.hash
	if d.Algorithm() == digest.SHA512 {
		if len(u.Parts) > 0 {
			return u.publish(ctx, d, true)
		}
		if err := u.load(ctx); err != nil {
			if errors.Is(err, blob.ErrNotFound) {
				return u.recognise(ctx, d)
			}
			return err
		}
		sum = sha512.New()
		if u.tail != nil {
			if _, err := io.Copy(sum, u.tail.reader()); err != nil {
				return err
			}
		}
	}
	if got := digest.NewDigest(d.Algorithm(), sum); got != d {
		// An earlier commit, whose state was not saved, may have had more
		// bytes.
		err := u.recognise(ctx, d)
		if errors.Is(err, blob.ErrNotFound) {
			err = u.refuse(ctx, d, got)
		}
		return err
	}
	u.verified = d
	return nil
}

// refuse ends the upload, whose bytes do not have the digest. What cannot be
// removed now is left to the sweep.
func (u *upload) refuse(ctx context.Context, d, got digest.Digest) error {
	u.gone = true
	if u.Multipart != "" || u.Tail != "" || len(u.Old)+len(u.obsolete) > 0 {
		_ = u.store.drop(ctx, u.id, u.Multipart)
	}
	return fmt.Errorf("%w: expected %s, received %s", blob.ErrDigest, d, got)
}

// recognise looks for the object that an earlier reservation of the session
// made, and reads it to check its digest, for that request may have sent other
// bytes: ErrNotFound if there is none with the digest.
func (u *upload) recognise(ctx context.Context, d digest.Digest) error {
	size, err := u.store.Size(ctx, u.object)
	if err != nil {
		return err
	}
	got, err := u.store.digest(ctx, u.key, size, d.Algorithm())
	if err != nil {
		return err
	}
	if got != d {
		return fmt.Errorf("upload %s became another object, with digest %s: %w", u.id, got, blob.ErrNotFound)
	}
	u.verified, u.published, u.state.Size = d, true, size
	return nil
}

func (s *Store) digest(ctx context.Context, key string, size int64, algorithm digest.Algorithm) (digest.Digest, error) {
	var h hash.Hash
	if h = sha256.New(); algorithm == digest.SHA512 {
		h = sha512.New()
	}
	r := &reader{store: s, ctx: ctx, key: key, size: size}
	defer r.Close()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return digest.NewDigest(algorithm, h), nil
}

// Commit makes the upload an object.
func (u *upload) Commit(ctx context.Context, d digest.Digest) (string, error) {
	if err := u.Verify(ctx, d); err != nil {
		return "", err
	}
	if !u.published {
		if err := u.publish(ctx, d, false); err != nil {
			return "", err
		}
	}
	if tails := u.tails(); len(tails) > 0 {
		// Tails that stay do no harm, and the sweep finds them.
		ctx, cancel := context.WithTimeout(ctx, cleanupTimeout)
		defer cancel()
		_ = u.deleteTails(ctx, tails)
	}
	return u.object, nil
}

func (u *upload) tails() []string {
	tails := append(append([]string(nil), u.obsolete...), u.Old...)
	if u.Tail != "" {
		tails = append(tails, u.Tail)
	}
	return tails
}

// publish makes the object. If the session made it before, or the server says
// that it is there, it must have the digest. readBack says that the digest of
// what was written is not known, so that it is read back.
func (u *upload) publish(ctx context.Context, d digest.Digest, readBack bool) error {
	err := u.write(ctx)
	switch c := code(err); {
	case c == "NoSuchUpload", c == "PreconditionFailed", errors.Is(err, blob.ErrNotFound):
		return u.recognise(ctx, d)
	case c == "InvalidPart", c == "InvalidPartOrder":
		return fmt.Errorf("upload %s was written to by two processes at once: %w: %w", u.id, blob.ErrNotFound, err)
	case errors.Is(err, blob.ErrUnavailable):
		// The object may be there, and only the answer lost. Some servers close
		// the connection when a part is sent to a completed upload.
		if u.recognise(ctx, d) == nil {
			return nil
		}
		return err
	case err != nil:
		return err
	}
	if readBack {
		got, err := u.store.digest(ctx, u.key, u.state.Size, d.Algorithm())
		if err != nil {
			return err
		}
		if got != d {
			return u.refuse(ctx, d, got)
		}
	}
	u.verified, u.published = d, true
	return nil
}

func (u *upload) write(ctx context.Context) error {
	if err := u.load(ctx); err != nil {
		return err
	}
	err := u.writeOnce(ctx, !u.store.overwrites.Load())
	if code(err) == "NotImplemented" && !u.store.overwrites.Swap(true) {
		err = u.writeOnce(ctx, false)
	}
	return err
}

// writeOnce writes the object; new asks the server not to overwrite one.
func (u *upload) writeOnce(ctx context.Context, new bool) error {
	var ifNoneMatch *string
	if new {
		ifNoneMatch = aws.String("*")
	}
	if len(u.Parts) == 0 {
		return u.store.wrap(ctx, "store object "+u.object, u.put(ctx, u.key, u.tail, ifNoneMatch))
	}
	etags := u.Parts
	if u.tailSize() > 0 {
		etag, err := u.send(ctx, u.tail, len(etags)+1)
		if err != nil {
			return err
		}
		etags = append(append([]string(nil), etags...), etag)
	}
	parts := make([]types.CompletedPart, len(etags))
	for i := range etags {
		parts[i] = types.CompletedPart{ETag: &etags[i], PartNumber: aws.Int32(int32(i + 1))}
	}
	_, err := u.store.client.CompleteMultipartUpload(context.WithValue(ctx, workKey{}, u.state.Size),
		&s3.CompleteMultipartUploadInput{
			Bucket: &u.store.at.bucket, Key: &u.key, UploadId: &u.Multipart, IfNoneMatch: ifNoneMatch,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
	return u.store.wrap(ctx, "complete upload "+u.id, err)
}

// Cancel removes what was written.
func (u *upload) Cancel(ctx context.Context) error {
	u.gone = true
	return u.store.drop(ctx, u.id, u.Multipart)
}
