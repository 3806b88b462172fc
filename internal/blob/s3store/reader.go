package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/twinport/twinport/internal/blob"
)

const (
	// maxResumes is how often in a row a body may be cut before the reader
	// gives up.
	maxResumes = 6
	// resumeAfter is how many bytes must arrive before cuts are counted from
	// zero again.
	resumeAfter = 64 << 10
)

// reader reads an object from its offset to the end with one request. It makes
// another one when the body is cut off or Seek moved the offset.
type reader struct {
	store *Store
	ctx   context.Context
	key   string
	size  int64

	offset   int64
	etag     string // of the first answer: all must be of the same bytes
	body     io.ReadCloser
	at       int64 // offset in the object of what body gives next
	cuts     int   // in a row
	sinceCut int64 // bytes
}

var errChanged = errors.New("the object is not the one that was begun to be read")

// Seek moves without asking the server.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.size
	default:
		return 0, fmt.Errorf("seek from %d: not known", whence)
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning of the object")
	}
	r.offset = offset
	return offset, nil
}

// Read returns io.EOF at the end of the object and nowhere else.
func (r *reader) Read(p []byte) (int, error) {
	for {
		if r.offset >= r.size {
			return 0, io.EOF
		}
		if len(p) == 0 {
			return 0, nil
		}
		if err := r.request(); err != nil {
			return 0, err
		}
		n, err := r.body.Read(p[:min(int64(len(p)), r.size-r.offset)])
		r.offset += int64(n)
		r.at += int64(n)
		if r.sinceCut += int64(n); r.sinceCut >= resumeAfter {
			r.cuts = 0
		}
		if err != nil {
			r.drop()
			if r.offset < r.size {
				if err := r.wait(err); err != nil {
					return n, err
				}
			}
		}
		if n > 0 {
			return n, nil
		}
	}
}

// Begin requests what is at the offset, unless that is the end, and reads
// nothing.
func (r *reader) Begin() error {
	if r.offset >= r.size {
		return nil
	}
	return r.request()
}

// wait pauses after a body ended too early; it fails if that happened too often
// in a row.
func (r *reader) wait(err error) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if errors.Is(err, io.EOF) { // must not be taken for the end of the object
		err = io.ErrUnexpectedEOF
	}
	r.sinceCut = 0
	if r.cuts++; r.cuts > maxResumes {
		return fmt.Errorf("read %s in bucket %s: cut %d times at byte %d of %d: %w: %w", r.key, r.store.at.bucket, r.cuts,
			r.offset, r.size, blob.ErrUnavailable, err)
	}
	select {
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	case <-time.After(resumeDelay << (r.cuts - 1)):
		return nil
	}
}

// request makes body begin at the offset.
func (r *reader) request() error {
	if r.body != nil && r.at == r.offset {
		return nil
	}
	r.drop()
	in := &s3.GetObjectInput{
		Bucket: &r.store.at.bucket, Key: &r.key, Range: aws.String(fmt.Sprintf("bytes=%d-", r.offset)),
	}
	if r.etag != "" {
		in.IfMatch = &r.etag
	}
	res, err := r.store.client.GetObject(r.ctx, in)
	if err != nil {
		switch code(err) {
		case "PreconditionFailed":
			err = fmt.Errorf("%w: %w", errChanged, err)
		case "InvalidRange": // shorter than the metadata says
			err = fmt.Errorf("%w: it has fewer than %d bytes, but should have %d: %w", blob.ErrDamaged, r.offset+1, r.size, err)
		}
		err = r.store.wrap(r.ctx, "read "+r.key, err)
		if blob.IsLost(err) {
			r.store.seen.Forget(r.key)
		}
		return err
	}
	if size, ok := sizeOf(res, r.offset); !ok {
		_ = res.Body.Close()
		return fmt.Errorf("read %s in bucket %s: the answer does not begin at byte %d", r.key, r.store.at.bucket, r.offset)
	} else if size != r.size {
		_ = res.Body.Close()
		r.store.seen.Forget(r.key)
		return fmt.Errorf("read %s in bucket %s: %w: it has %d bytes, but should have %d", r.key, r.store.at.bucket,
			blob.ErrDamaged, size, r.size)
	}
	r.body, r.at, r.etag = res.Body, r.offset, aws.ToString(res.ETag)
	return nil
}

// sizeOf is the size of the whole object, if the answer begins at the offset.
func sizeOf(res *s3.GetObjectOutput, offset int64) (int64, bool) {
	if res.ContentRange == nil {
		return aws.ToInt64(res.ContentLength), offset == 0
	}
	text, total, ok := strings.Cut(strings.TrimPrefix(*res.ContentRange, "bytes "), "/")
	if !ok || !strings.HasPrefix(text, strconv.FormatInt(offset, 10)+"-") {
		return 0, false
	}
	size, err := strconv.ParseInt(total, 10, 64)
	return size, err == nil
}

func (r *reader) drop() {
	if r.body != nil {
		_ = r.body.Close()
		r.body = nil
	}
}

// Close ends the request.
func (r *reader) Close() error {
	r.drop()
	return nil
}
