package usage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// Room is what an operation may add to, as quotas leave it. It claims what it adds in its transaction, so that others
// of this process see it before it is committed. An operation has a Room of its own, and uses it in one goroutine.
type Room struct {
	now  func() time.Time
	read func(context.Context) *metadata.Queries
	of   []*bound
	// full is the error of a quota that would be exceeded.
	full func(quota string, limit int64) error
}

// bound is a quota that bounds the operation.
type bound struct {
	quota string
	limit int64
	usage *usage
	// rows counts in the database; it need not count past limit.
	rows  func(q *metadata.Queries) (int64, error)
	quick bool // to count: in the transaction, with all else that it asks
	// answer is that of rows, if it was asked, and added is what usage.added was then.
	answer *metadata.Answer[int64]
	added  int64
	// counted says that it was counted for this operation, due that it must be.
	counted, due bool
	claimed      int64 // by this operation
}

// ErrCount means that a quota may be exceeded, as far as is known: call Count, and run the transaction again.
var ErrCount = errors.New("what a quota bounds is to be counted")

// MaxRuns bounds how often a transaction is run because others change what it is about, or a quota must be counted.
const MaxRuns = 3

// Within runs fn, whose transaction takes what it adds.
func (r *Room) Within(ctx context.Context, fn func() error) (err error) {
	defer func() { r.End(err == nil) }()
	if err = r.prepare(ctx); err != nil {
		return err
	}
	for n := 1; ; n++ {
		err = fn()
		if !errors.Is(err, ErrCount) {
			return err
		}
		if n == MaxRuns { // others take what is left
			return r.refuse()
		}
		if err = r.Count(ctx); err != nil {
			return err
		}
	}
}

// refuse is the error of what Count was to count.
func (r *Room) refuse() error {
	for _, b := range r.of {
		if b.due {
			return r.full(b.quota, b.limit)
		}
	}
	return ErrCount
}

// prepare counts, before a transaction, what takes long to count and is not known
// well enough.
func (r *Room) prepare(ctx context.Context) error {
	for _, b := range r.of {
		b.due = !b.quick && r.unknown(b)
	}
	return r.countDue(ctx)
}

// Count counts what a run of the transaction found that it must. It gives all
// claims back.
func (r *Room) Count(ctx context.Context) error {
	r.End(false)
	for _, b := range r.of {
		if b.due {
			b.usage.settle(ctx)
		}
	}
	return r.countDue(ctx)
}

func (r *Room) countDue(ctx context.Context) error {
	for _, b := range r.of {
		if !b.due {
			continue
		}
		if err := b.usage.count(ctx, r.now, func() (int64, error) {
			return b.rows(r.read(context.WithoutCancel(ctx))) // for others, too
		}); err != nil {
			return fmt.Errorf("count what the quota '%s' bounds: %w", b.quota, err)
		}
		b.counted, b.due = true, false
	}
	return nil
}

func (r *Room) unknown(b *bound) bool {
	b.usage.mu.Lock()
	defer b.usage.mu.Unlock()
	return !b.counted && !b.usage.usable(b.limit, r.now())
}

// Ask asks what Begin needs to know, in the same transaction.
func (r *Room) Ask(q *metadata.Queries) {
	for _, b := range r.of {
		b.answer = nil // of an earlier run, perhaps
		if b.quick && r.unknown(b) {
			b.usage.mu.Lock()
			b.added = b.usage.added
			b.usage.mu.Unlock()
			answer := metadata.Ask(q, b.rows)
			b.answer = &answer
		}
	}
}

// Begin must be the first call in each run of the transaction. It gives back what an earlier run
// claimed, and counts what is quick to count and not known well enough.
func (r *Room) Begin(q *metadata.Queries) error {
	r.End(false)
	for _, b := range r.of {
		if !b.quick || !r.unknown(b) {
			continue
		}
		b.usage.mu.Lock()
		at, added := r.now(), b.usage.added
		b.usage.mu.Unlock()
		count := func() (int64, error) { return b.rows(q) }
		if b.answer != nil {
			count, added = b.answer.Get, b.added
		}
		n, err := count()
		if err != nil {
			return err
		}
		b.usage.mu.Lock()
		// What was asked ahead took longer than the answer does.
		b.usage.record(n, added, at, max(r.now().Sub(at), time.Duration(n)*countRow))
		b.usage.mu.Unlock()
		b.counted = true
	}
	return nil
}

// bound of the quota of this name; nil if there is none.
func (r *Room) bound(quota string) *bound {
	for _, b := range r.of {
		if b.quota == quota {
			return b
		}
	}
	return nil
}

// Take claims n: ErrCount, or the error of a quota that is full. Without a quota of the name it does nothing.
func (r *Room) Take(quota string, n int64) error {
	b := r.bound(quota)
	if b == nil {
		return nil
	}
	u := b.usage
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case n == 0: // also past the quota
	case !b.counted && !u.usable(b.limit, r.now()):
		b.due = true
		return ErrCount
	case u.n+u.claimed+n <= b.limit:
		u.claimed += n
		b.claimed += n
	case b.counted && u.counted+n > b.limit:
		return r.full(quota, b.limit)
	default: // what others add now may have been counted, too
		b.due = true
		return ErrCount
	}
	return nil
}

// Instead returns r, which replaces the room of an earlier run of the
// transaction.
func (r *Room) Instead(before *Room) *Room {
	if before == nil {
		return r
	}
	before.End(false)
	for _, b := range r.of {
		if old := before.bound(b.quota); old != nil && old.usage == b.usage {
			b.counted = old.counted
		}
	}
	return r
}

// End gives back what was claimed; committed says that it was added.
func (r *Room) End(committed bool) {
	for _, b := range r.of {
		b.usage.end(b.claimed, committed)
		b.claimed = 0
	}
}

// Bounded reports whether a quota of this name bounds the operation.
func (r *Room) Bounded(quota string) bool { return r.bound(quota) != nil }

// Left returns how much of a quota that bounds the operation is left at least, and at most, as far as is known. It
// counts what is not known well enough.
func (r *Room) Left(ctx context.Context, quota string) (least, most int64, err error) {
	if err := r.prepare(ctx); err != nil {
		return 0, 0, err
	}
	b := r.bound(quota)
	least, most = b.usage.left(b.limit)
	return least, most, nil
}

// Recount is Left after counting the quota again.
func (r *Room) Recount(ctx context.Context, quota string) (least, most int64, err error) {
	b := r.bound(quota)
	b.due = true
	if err := r.countDue(ctx); err != nil {
		return 0, 0, err
	}
	least, most = b.usage.left(b.limit)
	return least, most, nil
}

// Limit returns the quota of this name; 0 if none bounds the operation.
func (r *Room) Limit(quota string) int64 {
	if b := r.bound(quota); b != nil {
		return b.limit
	}
	return 0
}
