package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

// blobs compares what the blob store lists with what the metadata names, both
// in order of object: a listing has the sizes of a thousand objects in each
// answer.
func (r *run) blobs(ctx context.Context) error {
	o := objects{run: r, ctx: ctx}
	var stop func()
	o.next, stop = iter.Pull2(r.Blobs.Objects(ctx, ""))
	defer stop()
	if err := o.advance(); err != nil {
		return err
	}
	for after := ""; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		page, err := r.Metadata.Read(ctx).Damage().BlobsByObject(after, rows)
		if err != nil {
			return err
		}
		for _, b := range page {
			after = b.Object
			if err := o.passTo(b.Object); err != nil {
				return err
			}
			if listed, err := o.take(b.Object); err != nil {
				return err
			} else if listed == b.Size {
				continue
			}
			if err := r.suspect(ctx, b); err != nil {
				return err
			}
		}
		r.summary.Blobs += int64(len(page))
		r.Progress("blobs", r.summary.Blobs, r.totals.Blobs, 0)
		if len(page) == 0 {
			break
		}
	}
	if err := o.passTo(""); err != nil {
		return err
	}
	return o.countUnknown()
}

// objects goes through what the blob store lists, and counts what no row names.
type objects struct {
	*run
	ctx     context.Context
	next    func() (blob.Object, error, bool)
	at      blob.Object
	done    bool
	unknown []blob.Object
}

func (o *objects) advance() error {
	at, err, ok := o.next()
	if o.at, o.done = at, !ok; err != nil {
		return err
	}
	return nil
}

// passTo goes on to the object, or to the first one after it; "" is the end.
func (o *objects) passTo(object string) error {
	for !o.done && (object == "" || o.at.Name < object) {
		if o.unknown = append(o.unknown, o.at); len(o.unknown) == 500 {
			if err := o.countUnknown(); err != nil {
				return err
			}
		}
		if err := o.advance(); err != nil {
			return err
		}
	}
	return nil
}

// take returns the size of the object if it is the next one, and passes it; -1 if it is not.
func (o *objects) take(object string) (int64, error) {
	if o.done || o.at.Name != object {
		return -1, nil
	}
	size := o.at.Size
	return size, o.advance()
}

// countUnknown counts the unknown objects that the sweep would free. The others
// are garbage, kept for inspection, or of a push under way.
func (o *objects) countUnknown() error {
	keys := make([]metadata.ObjectKey, len(o.unknown))
	size := map[string]int64{}
	for i, u := range o.unknown {
		keys[i] = metadata.ObjectKey{Object: u.Name, Upload: u.Upload}
		size[u.Name] = u.Size
	}
	o.unknown = o.unknown[:0]
	orphans, err := o.Metadata.Read(o.ctx).Upkeep().OrphanObjects(keys)
	if err != nil {
		return err
	}
	for _, name := range orphans {
		o.summary.Orphans++
		o.summary.OrphanBytes += size[name]
	}
	return nil
}

// suspect looks again at a blob that did not look right in the listing.
func (r *run) suspect(ctx context.Context, b metadata.Blob) error {
	size, err := r.Blobs.Size(ctx, b.Object)
	problem := ""
	switch {
	case errors.Is(err, blob.ErrNotFound):
		problem = "its bytes are missing"
	case err != nil:
		return err
	case size != b.Size:
		problem = fmt.Sprintf("it has %d bytes instead of %d", size, b.Size)
	default:
		return nil
	}
	return r.damaged(ctx, b, problem)
}

// damaged reports a blob whose bytes are not as they should be, unless it was
// deleted meanwhile. Names of objects are never used again, so if the row is
// still there it was never replaced.
func (r *run) damaged(ctx context.Context, b metadata.Blob, problem string) error {
	row, err := r.Metadata.Read(ctx).Layers().Blob(b.Digest)
	if errors.Is(err, metadata.ErrNotFound) || err == nil && row.Object != b.Object {
		return nil
	}
	if err != nil {
		return err
	}
	f := Finding{Kind: Blob, Digest: b.Digest, Object: b.Object, Problem: problem}
	repositories, err := r.Metadata.Read(ctx).Damage().Links(b.Digest, maxNamed)
	if err != nil {
		return err
	}
	if len(repositories) > 0 {
		f.Repository = repositories[0].String()
	}
	if r.Repair != nil {
		r.setAside(ctx, &f, b.Object) // which keeps the problem: what else has the blob it finds itself
	}
	f.Problem += others(repositories)
	r.report(f)
	return nil
}

// setAside takes the blob out of use. Whether its bytes can be brought back is
// reported as a finding of its own.
func (r *run) setAside(ctx context.Context, f *Finding, object string) {
	r.repair(f, "taken out of use; the object is kept for inspection", func(p *Repair) error {
		done, err := p.Registry.Quarantine(ctx, f.Digest, object, f.Problem)
		if err == nil && !done {
			err = errors.New("the blob has changed meanwhile: verify again")
		}
		return err
	})
}

// bytes reads every blob.
func (r *run) bytes(ctx context.Context) error {
	if !r.Full {
		return nil
	}
	var done, read atomic.Int64
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(max(1, r.Readers))
	for after := ""; ctx.Err() == nil; {
		page, err := r.Metadata.Read(ctx).Upkeep().Blobs(after, rows)
		if err != nil {
			readers.Go(func() error { return err })
			break
		}
		if len(page) == 0 {
			break
		}
		for _, b := range page {
			readers.Go(func() error {
				problem, err := r.readBlob(ctx, b, &read)
				if err == nil && problem != "" {
					err = r.damaged(ctx, b, problem)
				}
				r.Progress("bytes", done.Add(1), r.totals.Blobs, read.Load())
				return err
			})
			after = b.Digest
		}
	}
	err := readers.Wait()
	r.summary.BytesRead = read.Load()
	return err
}

// readBlob reads a blob and returns what is wrong with it, "" if nothing is or if
// the pass over sizes has found it already.
func (r *run) readBlob(ctx context.Context, b metadata.Blob, read *atomic.Int64) (problem string, err error) {
	d := digest.Digest(b.Digest)
	if err := blob.ValidateDigest(d); err != nil {
		return "its digest cannot be verified", nil
	}
	if size, err := r.Blobs.Size(ctx, b.Object); errors.Is(err, blob.ErrNotFound) || err == nil && size != b.Size {
		return "", nil
	}
	content, err := r.Blobs.Open(ctx, b.Object, b.Size)
	if blob.IsLost(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer content.Close()
	hash := d.Algorithm().Hash()
	_, err = io.Copy(hash, &counted{ctx, content, read})
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, blob.ErrUnavailable):
		return "", err
	case blob.IsLost(err):
		return "", nil
	case err != nil:
		return "it cannot be read: " + err.Error(), nil
	}
	if got := digest.NewDigest(d.Algorithm(), hash); got != d {
		return "its bytes have the digest " + got.String(), nil
	}
	return "", nil
}

// counted counts what is read, and ends with the context.
type counted struct {
	ctx  context.Context
	r    io.Reader
	read *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.read.Add(int64(n))
	return n, err
}
