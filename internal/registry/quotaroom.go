package registry

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// Quotas bound what the database can only count, row by row. So each process
// remembers what was counted, adds what it adds itself, and asks again
//   - after countLife, while half of the quota is left: so other processes go past
//     it only if they add that half meanwhile;
//   - nearer to the quota, after countRest times as long as counting took: so
//     counting takes a small part of the time, however much there is;
//   - before it refuses anything.
const (
	countLife = time.Minute
	countRest = 50
	countRow  = 100 * time.Nanosecond // takes about so long
	// countLong is from when on counting takes too long for each who only looks.
	countLong = time.Second
	// maxCounts bounds what is remembered.
	maxCounts = 10_000
)

// count is how much there is of what a quota bounds, as far as this process knows.
type count struct {
	asking sync.Mutex // held while the database counts
	begun  time.Time  // when it last began to, by the clock that is never set

	mu      sync.Mutex
	n       int64     // when it was counted, with what this process has added since
	at      time.Time // when that began; zero if it was not
	took    time.Duration
	claimed int64 // by operations that have not ended
}

// good reports whether n need not be counted anew. mu is held.
func (c *count) good(limit int64, now time.Time) bool {
	age := now.Sub(c.at)
	return !c.at.IsZero() && age >= 0 && (age <= countRest*c.took || age <= countLife && c.n+c.claimed <= limit/2)
}

// shown returns what is good enough to look at: if it took long to count, an older
// count.
func (c *count) shown(now time.Time) (n int64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := now.Sub(c.at)
	return c.n, !c.at.IsZero() && c.took > countLong && age >= 0 && age <= countRest*c.took
}

// know takes note of what was counted, from the time at on.
func (c *count) know(n int64, at time.Time, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n, c.at, c.took = n, at, took
}

// ask counts, unless somebody else begins to while it waits.
func (c *count) ask(now func() time.Time, rows func() (int64, error)) error {
	since := time.Now()
	c.asking.Lock()
	defer c.asking.Unlock()
	if c.begun.After(since) {
		return nil
	}
	at, begun := now(), time.Now()
	n, err := rows()
	if err != nil {
		return err
	}
	c.begun = begun
	c.know(n, at, time.Since(begun))
	return nil
}

// counted names what is counted: the id is of a repository, or a registry.
type counted struct {
	quota string
	id    int64
}

type counts struct {
	mu sync.Mutex
	of map[counted]*count
}

func (c *counts) get(k counted) *count {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.of[k]
	if known == nil {
		if c.of == nil || len(c.of) >= maxCounts {
			c.of = map[counted]*count{}
		}
		known = &count{}
		c.of[k] = known
	}
	return known
}

// room is what an operation may add to, as quotas leave it. It claims what it adds
// in its transaction, so that others of this process see it before it is committed.
type room struct {
	now  func() time.Time
	read func() *metadata.Queries
	of   []*bound
	// full is the error of a quota that would be exceeded.
	full func(quota string, limit int64) error
}

// bound is what one quota bounds, and how far.
type bound struct {
	quota string
	limit int64
	count *count
	rows  func(q *metadata.Queries) (int64, error)
	quick bool // to count: in the transaction, with all else that it asks
	asked bool // in this operation
	taken int64
}

// errCount means that a quota may be exceeded, as far as is known: count, and run
// the transaction again.
var errCount = errors.New("registry: what a quota bounds is to be counted")

// within runs fn, whose transaction takes what it adds.
func (r *room) within(ctx context.Context, fn func() error) (err error) {
	defer func() { r.end(err == nil) }()
	if err = r.ask(ctx, false); err != nil {
		return err
	}
	if err = fn(); errors.Is(err, errCount) {
		if err = r.ask(ctx, true); err == nil {
			err = fn()
		}
	}
	return err
}

// ask counts, outside of a transaction: all, or what takes long to count and is not
// known well enough.
func (r *room) ask(ctx context.Context, all bool) error {
	for _, b := range r.of {
		if !all && (b.quick || !r.unknown(b)) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.count.ask(r.now, func() (int64, error) { return b.rows(r.read()) }); err != nil {
			return err
		}
		b.asked = true
	}
	return nil
}

func (r *room) unknown(b *bound) bool {
	b.count.mu.Lock()
	defer b.count.mu.Unlock()
	return !b.asked && !b.count.good(b.limit, r.now())
}

// ahead asks what count is going to ask.
func (r *room) ahead(q *metadata.Queries) {
	for _, b := range r.of {
		if b.quick && r.unknown(b) {
			_, _ = b.rows(q)
		}
	}
}

// count counts in the transaction what is not known well enough and quick to count.
func (r *room) count(q *metadata.Queries) error {
	for _, b := range r.of {
		if !b.quick || !r.unknown(b) {
			continue
		}
		at, begun := r.now(), time.Now()
		n, err := b.rows(q)
		if err != nil {
			return err
		}
		// What was asked ahead took longer than the answer does.
		b.count.know(n, at, max(time.Since(begun), time.Duration(n)*countRow))
		b.asked = true
	}
	return nil
}

// bound of the quota of this name; nil if there is none.
func (r *room) bound(quota string) *bound {
	for _, b := range r.of {
		if b.quota == quota {
			return b
		}
	}
	return nil
}

// take claims n, in place of what it has claimed when the transaction was run
// before: errCount, or that the quota is full. Without a quota there is room.
func (r *room) take(quota string, n int64) error {
	b := r.bound(quota)
	if b == nil {
		return nil
	}
	b.count.mu.Lock()
	defer b.count.mu.Unlock()
	b.count.claimed -= b.taken
	b.taken = 0
	switch {
	case n == 0: // also past the quota
	case !b.asked && !b.count.good(b.limit, r.now()):
		return errCount
	case b.count.n+b.count.claimed+n <= b.limit:
		b.count.claimed += n
		b.taken = n
	case !b.asked:
		return errCount
	default:
		return r.full(quota, b.limit)
	}
	return nil
}

// instead is r in the place of the room of a transaction that was run before.
func (r *room) instead(before *room) *room {
	if before == nil {
		return r
	}
	before.end(false)
	for _, b := range r.of {
		if old := before.bound(b.quota); old != nil && old.count == b.count {
			b.asked = old.asked
		}
	}
	return r
}

// end gives back what was taken, or notes that it is there now.
func (r *room) end(committed bool) {
	for _, b := range r.of {
		b.count.mu.Lock()
		b.count.claimed -= b.taken
		if committed {
			b.count.n += b.taken
		}
		b.taken = 0
		b.count.mu.Unlock()
	}
}
