package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

// A sweep frees what nothing needs any more, while pushes and pulls go on. It
// runs in steps, in the order of Steps, each page by page, so that it can
// stop and go on anywhere, also in another process; two sweeps at once do no harm.
//
//   - uploads: sessions that were idle for a day, or less while there is little room;
//   - leftovers: bytes of sessions that are no more;
//   - links: a repository's links to layers that no manifest there names, once
//     they are old enough to be no part of a push that is under way;
//   - blobs: those that no repository has a link to. Their objects become garbage
//     in the same transaction, so a push that needs one keeps it or finds it gone;
//   - objects: those that neither a blob nor a session knows, as a crash may leave
//     them between writing an object and committing its blob;
//   - garbage: the objects whose bytes are to go. Their names are never used
//     again, so that no push can depend on one that is being deleted;
//   - repositories: what is left of those that were deleted with much in them.
type Step string

// Steps in their order.
var Steps = []Step{"uploads", "leftovers", "links", "blobs", "objects", "garbage", "repositories"}

// Page is what one page of a step found, and, unless it was a dry run, freed.
type Page struct {
	Next  string // the key to go on at; "" when the step is done
	Found int64  // sessions, links, blobs, objects or repositories
	Bytes int64  // of blobs and objects
}

const (
	// sweepRows is how many rows a page of links or blobs looks at.
	sweepRows = 2000
	// sweepObjects is how many objects, uploads or pieces of garbage a page takes.
	sweepObjects = 500
)

// Stores are what is swept: the facts and the bytes of a deployment. It is safe
// for concurrent use.
type Stores struct {
	meta     metadata.Store
	blobs    blob.Store
	log      *slog.Logger
	now      func() time.Time
	roomMade atomic.Int64 // when MakeRoom last did, in Unix nanoseconds
}

// NewStores returns stores to sweep. For dry sweeps they may be open to read only.
func NewStores(meta metadata.Store, blobs blob.Store, log *slog.Logger, now func() time.Time) *Stores {
	return &Stores{meta: meta, blobs: blobs, log: log, now: now}
}

// Sweep does one page of a step, from the key after. grace is how old a link
// must be to count as unused. With dry it changes nothing, and counts what it
// would find if the steps before had been done.
func (s *Stores) Sweep(ctx context.Context, step Step, after string, grace time.Duration,
	dry bool) (p Page, err error) {
	before := s.now().Add(-grace)
	switch step {
	case "uploads":
		p, err = s.sweepUploads(ctx, after, dry)
	case "leftovers":
		p, err = s.sweepLeftovers(ctx, dry)
	case "links":
		p, err = s.sweepLinks(ctx, after, before, dry)
	case "blobs":
		p, err = s.sweepBlobs(ctx, after, before, dry)
	case "objects":
		p, err = s.sweepObjects(ctx, after, dry)
	case "garbage":
		p, err = s.sweepGarbage(ctx, after, before, dry)
	case "repositories":
		p, err = s.sweepRepositories(ctx, dry)
	default:
		return p, fmt.Errorf("there is no sweep of %q", step)
	}
	if err != nil {
		return p, fmt.Errorf("sweep %s: %w", step, err)
	}
	return p, nil
}

func (s *Stores) sweepLinks(ctx context.Context, after string, before time.Time, dry bool) (p Page, err error) {
	var from metadata.LayerKey
	if after != "" {
		if err := json.Unmarshal([]byte(after), &from); err != nil {
			return p, fmt.Errorf("read where to go on: %w", err)
		}
	}
	to, last, err := s.meta.Read(ctx).Upkeep().LayersAfter(from, sweepRows)
	if err != nil {
		return p, err
	}
	if !last {
		key, err := json.Marshal(to)
		if err != nil {
			return p, err
		}
		p.Next = string(key)
	}
	unused, err := s.meta.Read(ctx).Upkeep().UnusedLayers(from, to, before)
	if err != nil {
		return p, err
	}
	if dry {
		p.Found = int64(len(unused))
		return p, nil
	}
	for len(unused) > 0 { // those of one repository at a time
		id := unused[0].RepositoryID
		var digests []string
		for len(unused) > 0 && unused[0].RepositoryID == id {
			digests = append(digests, unused[0].Digest)
			unused = unused[1:]
		}
		var n int64
		err := s.meta.Update(ctx, func(tx *metadata.Tx) error {
			n = 0
			r, err := tx.Repositories().Lock(id)
			if errors.Is(err, metadata.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			n, err = tx.Upkeep().UnlinkUnused(r, digests, before)
			return err
		})
		if err != nil {
			return p, err
		}
		p.Found += n
	}
	return p, nil
}

func (s *Stores) sweepBlobs(ctx context.Context, after string, before time.Time, dry bool) (p Page, err error) {
	to, last, err := s.meta.Read(ctx).Upkeep().BlobsAfter(after, sweepRows)
	if err != nil {
		return p, err
	}
	if !last {
		p.Next = to
	}
	if dry {
		doomed, err := s.meta.Read(ctx).Upkeep().DoomedBlobs(after, to, before)
		for _, b := range doomed {
			p.Found++
			p.Bytes += b.Size
		}
		return p, err
	}
	unlinked, err := s.meta.Read(ctx).Upkeep().UnlinkedBlobs(after, to)
	if err != nil {
		return p, err
	}
	for len(unlinked) > 0 {
		page := unlinked[:min(len(unlinked), sweepObjects)]
		unlinked = unlinked[len(page):]
		digests := make([]string, len(page))
		for i, b := range page {
			digests[i] = b.Digest
			p.Bytes += b.Size
		}
		var n int64
		err := s.meta.Update(ctx, func(tx *metadata.Tx) (err error) {
			n, err = tx.Upkeep().DropBlobs(digests)
			return err
		})
		if err != nil {
			return p, err
		}
		p.Found += n
	}
	return p, nil
}

func (s *Stores) sweepObjects(ctx context.Context, after string, dry bool) (p Page, err error) {
	var keys []metadata.ObjectKey
	size := map[string]int64{}
	for o, err := range s.blobs.Objects(ctx, after) {
		if err != nil {
			return p, err
		}
		keys = append(keys, metadata.ObjectKey{Object: o.Name, Upload: o.Upload})
		size[o.Name] = o.Size
		if len(keys) == sweepObjects {
			p.Next = o.Name
			break
		}
	}
	if len(keys) == 0 {
		return p, nil
	}
	orphans, err := s.meta.Read(ctx).Upkeep().OrphanObjects(keys)
	if err != nil || len(orphans) == 0 {
		return p, err
	}
	if !dry {
		if err := s.blobs.Delete(ctx, orphans); err != nil {
			return p, err
		}
	}
	for _, o := range orphans {
		p.Found++
		p.Bytes += size[o]
	}
	return p, nil
}

// doomed begins the keys of pages of a dry run's garbage that is not garbage
// yet. No object's name does.
const doomed = "doomed:"

func (s *Stores) sweepGarbage(ctx context.Context, after string, before time.Time, dry bool) (p Page, err error) {
	if digest, ok := strings.CutPrefix(after, doomed); ok && dry {
		if p, err = s.sweepBlobs(ctx, digest, before, dry); p.Next != "" {
			p.Next = doomed + p.Next
		}
		return p, err
	}
	garbage, err := s.meta.Read(ctx).Upkeep().Garbage(after, sweepObjects)
	if err != nil {
		return p, err
	}
	if dry {
		p.Next = doomed
	}
	if len(garbage) == 0 {
		return p, nil
	}
	objects := make([]string, len(garbage))
	for i, g := range garbage {
		objects[i] = g.Object
		p.Bytes += g.Size
	}
	p.Found = int64(len(garbage))
	if len(garbage) == sweepObjects {
		p.Next = objects[len(objects)-1]
	}
	if dry {
		return p, nil
	}
	if err := s.blobs.Delete(ctx, objects); err != nil {
		if p.Found, p.Bytes, objects, err = s.deleteEach(ctx, garbage, err); err != nil {
			return Page{}, err
		}
	}
	return p, s.meta.Update(ctx, func(tx *metadata.Tx) error { return tx.Upkeep().ForgetGarbage(objects) })
}

// deleteEach deletes objects one by one after they could not be deleted
// together: one that cannot be deleted at all, such as a locked one, must not
// keep the others. It stays garbage, and the next sweep tries again. cause is
// returned where trying again now is of no use.
func (s *Stores) deleteEach(ctx context.Context, garbage []metadata.Blob,
	cause error) (found, bytes int64, deleted []string, err error) {
	if errors.Is(cause, blob.ErrBusy) || errors.Is(cause, metadata.ErrUnavailable) || errors.Is(cause, blob.ErrUnavailable) || ctx.Err() != nil {
		return 0, 0, nil, cause
	}
	const several = 3
	for i, g := range garbage {
		if err := s.blobs.Delete(ctx, []string{g.Object}); err != nil {
			if i+1 >= several && len(deleted) == 0 {
				return 0, 0, nil, err // it is not the objects
			}
			s.log.Warn("an object that nothing needs could not be deleted; the next sweep tries again", "object", g.Object, "error", err)
			continue
		}
		found, bytes, deleted = found+1, bytes+g.Size, append(deleted, g.Object)
	}
	return found, bytes, deleted, nil
}
