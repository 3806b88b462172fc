package migrate

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

const (
	// The sample whose bytes are read back.
	sampleObjects = 50
	sampleBytes   = 1 << 30
	// maxWrong bounds how many objects are copied again after a check.
	maxWrong = 1000
)

// check makes sure that the bucket has an object of the right size for every
// blob, and reads a sample back, or all of them. What is wrong is copied again,
// once.
func (r *run) check(ctx context.Context) error {
	wrong, err := r.compareSizes(ctx)
	if err == nil {
		var more []metadata.Blob
		more, err = r.readBack(ctx)
		wrong = append(wrong, more...)
	}
	if err != nil {
		return err
	}
	if len(wrong) > maxWrong {
		return fmt.Errorf("the bucket lacks the objects of more than %d blobs: it is not the one that they were copied "+
			"to, or something deletes from it", maxWrong)
	}
	for _, b := range wrong {
		if err := r.copyAgain(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// compareSizes goes through the bucket and the destination's blobs, both in the
// order of objects' names, and returns the blobs whose object is missing or of
// another size.
func (r *run) compareSizes(ctx context.Context) (wrong []metadata.Blob, err error) {
	var page []metadata.Blob
	after, ended := "", false
	next := func() (*metadata.Blob, error) {
		if len(page) == 0 && !ended {
			if page, err = r.transfer.Objects(ctx, after, blobPage); err != nil {
				return nil, err
			}
			if ended = len(page) == 0; !ended {
				after = page[len(page)-1].Object
			}
		}
		if len(page) == 0 {
			return nil, nil
		}
		return &page[0], nil
	}
	miss := func() {
		if len(wrong) <= maxWrong {
			wrong = append(wrong, page[0])
		}
		page = page[1:]
	}
	for o, err := range r.Bucket.Objects(ctx, "") {
		if err != nil {
			return nil, err
		}
		b, err := next()
		for ; b != nil && b.Object < o.Name; b, err = next() {
			miss()
		}
		if err != nil {
			return nil, err
		}
		if b == nil || b.Object > o.Name {
			continue // of a copy that was cut off
		}
		if b.Size != o.Size {
			miss()
		} else {
			page = page[1:]
		}
		r.report.update(func(p *Progress) { p.Checked++ })
	}
	for {
		b, err := next()
		if err != nil || b == nil {
			return wrong, err
		}
		miss()
	}
}

// readBack reads objects and compares their digests.
func (r *run) readBack(ctx context.Context) (wrong []metadata.Blob, err error) {
	var mu sync.Mutex
	some := r.sample(ctx)
	if r.Full {
		some = all(ctx, r.To.Read(ctx), func(page []metadata.Blob) ([]metadata.Blob, error) { return page, nil })
	}
	err = each(ctx, some, func(ctx context.Context, b metadata.Blob) error {
		good, err := r.hasDigest(ctx, b)
		if err == nil && !good {
			mu.Lock()
			defer mu.Unlock()
			if wrong = append(wrong, b); len(wrong) > maxWrong {
				return fmt.Errorf("more than %d objects of the bucket have other content than was copied", maxWrong)
			}
		}
		return err
	})
	return wrong, err
}

// sample yields blobs from random digests on. Some may come more than once.
func (r *run) sample(ctx context.Context) func(yield func(metadata.Blob) bool) error {
	return func(yield func(metadata.Blob) bool) error {
		var bytes int64
		for range sampleObjects {
			var start [4]byte
			_, _ = rand.Read(start[:]) // never fails
			b, err := r.To.Read(ctx).Upkeep().Blobs("sha256:"+hex.EncodeToString(start[:]), 1)
			if err != nil {
				return err
			}
			if len(b) == 0 {
				continue
			}
			if bytes += b[0].Size; bytes > sampleBytes {
				return nil
			}
			if !yield(b[0]) {
				return nil
			}
		}
		return nil
	}
}

func (r *run) hasDigest(ctx context.Context, b metadata.Blob) (bool, error) {
	d := digest.Digest(b.Digest)
	if err := blob.ValidateDigest(d); err != nil {
		return false, err
	}
	content, err := r.Bucket.Open(ctx, b.Object, b.Size)
	if err != nil {
		return false, err
	}
	defer content.Close()
	verifier := d.Verifier()
	if _, err := io.Copy(verifier, content); err != nil {
		if ctx.Err() != nil || errors.Is(err, blob.ErrUnavailable) {
			return false, fmt.Errorf("read blob %s back: %w", b.Digest, err)
		}
		return false, nil
	}
	r.report.update(func(p *Progress) { p.Checked++ })
	return verifier.Verified(), nil
}

// copyAgain replaces a blob's object.
func (r *run) copyAgain(ctx context.Context, b metadata.Blob) error {
	source, err := r.From.Read(ctx).Upkeep().Blobs(b.Digest[:len(b.Digest)-1], 1)
	if err != nil {
		return err
	}
	if len(source) == 0 || source[0].Digest != b.Digest {
		return nil // it was deleted meanwhile
	}
	return r.copyObject(ctx, source[0])
}
