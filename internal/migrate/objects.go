package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

const (
	// workers is how many objects are copied or read at a time: most are small,
	// and their copy mostly waits for the bucket. The store of the bucket
	// bounds the memory of each.
	workers = 32
	// blobPage is how many blobs are looked up at a time.
	blobPage = 500
	// maxDamaged bounds how many damaged blobs are reported.
	maxDamaged = 10
	// cleanupTimeout bounds the removal of what a failed copy has left.
	cleanupTimeout = 10 * time.Second
)

// errDamaged says that a blob of the source cannot be copied.
var errDamaged = errors.New("the blob is damaged")

// each calls fn for each of the blobs, several at a time, until one fails.
// Damaged ones are gathered, so that all are reported together.
func each(ctx context.Context, blobs func(yield func(metadata.Blob) bool) error,
	fn func(context.Context, metadata.Blob) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		running sync.WaitGroup
		turns   = make(chan struct{}, workers)
		mu      sync.Mutex
		damaged []string
	)
	err := blobs(func(b metadata.Blob) bool {
		select {
		case turns <- struct{}{}:
		case <-ctx.Done():
			return false
		}
		running.Go(func() {
			defer func() { <-turns }()
			err := fn(ctx, b)
			if errors.Is(err, errDamaged) {
				mu.Lock()
				defer mu.Unlock()
				if damaged = append(damaged, err.Error()); len(damaged) < maxDamaged {
					return
				}
			}
			if err != nil {
				cancel(err)
			}
		})
		return true
	})
	running.Wait()
	if err != nil {
		return err
	}
	if len(damaged) > 0 {
		return fmt.Errorf("%s\nrepair these (twinport verify --repair), or delete the images that need them, and "+
			"run migrate again", strings.Join(damaged, "\n"))
	}
	return context.Cause(ctx)
}

// all are the blobs of a store, page by page.
func all(ctx context.Context, q *metadata.Queries,
	prepare func([]metadata.Blob) ([]metadata.Blob, error)) func(yield func(metadata.Blob) bool) error {
	return func(yield func(metadata.Blob) bool) error {
		for after := ""; ; {
			page, err := q.Upkeep().Blobs(after, blobPage)
			if err != nil || len(page) == 0 {
				return err
			}
			after = page[len(page)-1].Digest
			if page, err = prepare(page); err != nil {
				return err
			}
			for _, b := range page {
				if ctx.Err() != nil || !yield(b) {
					return ctx.Err()
				}
			}
		}
	}
}

// copyObjects copies the bytes of all blobs that the destination lacks.
func (r *run) copyObjects(ctx context.Context) error {
	return each(ctx, all(ctx, r.From.Read(ctx), func(page []metadata.Blob) ([]metadata.Blob, error) {
		lacking, err := r.transfer.MissingBlobs(ctx, page)
		if err != nil {
			return nil, err
		}
		var bytes int64
		for _, b := range page {
			bytes += b.Size
		}
		for _, b := range lacking {
			bytes -= b.Size
		}
		r.report.update(func(p *Progress) {
			p.Objects += int64(len(page) - len(lacking))
			p.Bytes += bytes
		})
		return lacking, nil
	}), r.copyObject)
}

// copyMissing copies those of the blobs that the destination lacks.
func (r *run) copyMissing(ctx context.Context, blobs []metadata.Blob) error {
	if len(blobs) == 0 {
		return nil
	}
	lacking, err := r.transfer.MissingBlobs(ctx, blobs)
	if err != nil {
		return err
	}
	return each(ctx, func(yield func(metadata.Blob) bool) error {
		for _, b := range lacking {
			if !yield(b) {
				break
			}
		}
		return nil
	}, r.copyObject)
}

// copyObject copies a blob's bytes into an object of a new name, whose digest is
// verified on the way, and records it.
func (r *run) copyObject(ctx context.Context, b metadata.Blob) error {
	for {
		object, err := r.tryObject(ctx, b)
		switch {
		case err == nil:
			if err := r.transfer.AddBlob(ctx, b, object); err != nil {
				return fmt.Errorf("record blob %s: %w", b.Digest, err)
			}
			r.report.update(func(p *Progress) { p.Objects++ })
			return nil
		case errors.Is(err, errDamaged):
			now, lookErr := r.From.Read(ctx).Upkeep().Blobs(b.Digest[:len(b.Digest)-1], 1)
			if lookErr != nil {
				return lookErr
			}
			if len(now) == 0 || now[0].Digest != b.Digest {
				return nil // it was deleted meanwhile
			}
			if now[0].Object == b.Object {
				return err
			}
			b = now[0] // it was deleted and pushed again
		default:
			return fmt.Errorf("copy blob %s to the bucket: %w", b.Digest, err)
		}
	}
}

func (r *run) tryObject(ctx context.Context, b metadata.Blob) (object string, err error) {
	file, err := r.Files.Open(ctx, b.Object, b.Size)
	if blob.IsLost(err) {
		return "", fmt.Errorf("%w: %s: %w", errDamaged, b.Digest, err)
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	u, err := r.Bucket.Upload(ctx, uuid.NewString(), nil)
	if err != nil {
		return "", err
	}
	defer u.Close()
	counted := &countingReader{ctx: ctx, r: file, report: r.report}
	defer func() {
		if err != nil {
			counted.takeBack()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
			defer cancel()
			_ = u.Cancel(ctx) // else it is left to the sweep
		}
	}()
	if _, err := u.ReadFrom(counted); err != nil {
		return "", err
	}
	if u.Size() != b.Size {
		return "", fmt.Errorf("%w: %s has %d bytes, its file %s %d", errDamaged, b.Digest, b.Size, b.Object, u.Size())
	}
	d := digest.Digest(b.Digest)
	if err := u.Verify(ctx, d); err != nil {
		if errors.Is(err, blob.ErrDigest) {
			err = fmt.Errorf("%w: %s: the file %s has other content", errDamaged, b.Digest, b.Object)
		}
		return "", err
	}
	return u.Commit(ctx, d)
}

// countingReader reports the progress of each byte, and ends with ctx.
type countingReader struct {
	ctx    context.Context
	r      io.Reader
	report *reporter
	n      int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.report.update(func(p *Progress) { p.Bytes, p.BytesCopied = p.Bytes+int64(n), p.BytesCopied+int64(n) })
	return n, err
}

func (c *countingReader) takeBack() {
	c.report.update(func(p *Progress) { p.Bytes, p.BytesCopied = p.Bytes-c.n, p.BytesCopied-c.n })
}
