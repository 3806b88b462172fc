// Package usage knows how much there is of what quotas bound. No push updates a counter: the database counts, and a
// process remembers what was counted with what it has added since. Operations claim the Room that quotas leave.
package usage

import (
	"context"
	"math"
	"time"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/quota"
)

// What the quotas bound that the database can count.
var boundings = map[string]struct {
	limit        func(l quota.Limits) int64
	inRepository bool // each repository, and not the registry, may have so much
	quick        bool // to count: by an index
	// rows counts what a repository or registry has. It need not count past most.
	rows func(u metadata.Usage, id, most int64) (int64, error)
}{
	quota.Repositories: {
		limit: func(l quota.Limits) int64 { return l.Repositories }, quick: true,
		rows: func(u metadata.Usage, id, _ int64) (int64, error) { return u.Repositories(id) },
	},
	quota.ImagesPerRepository: {
		limit: func(l quota.Limits) int64 { return l.ImagesPerRepository }, inRepository: true, quick: true,
		rows: metadata.Usage.Images,
	},
	quota.OpenUploads: {
		limit: func(l quota.Limits) int64 { return l.OpenUploads }, quick: true,
		rows: metadata.Usage.Uploads,
	},
	quota.StoredBytes: {
		limit: func(l quota.Limits) int64 { return l.StoredBytes },
		rows:  func(u metadata.Usage, id, _ int64) (int64, error) { return u.StoredBytes(id) },
	},
	quota.ReplicatedBytes: {
		limit: func(l quota.Limits) int64 { return l.ReplicatedBytes },
		rows:  func(u metadata.Usage, id, _ int64) (int64, error) { return u.ReplicatedBytes(id) },
	},
}

// Counter remembers what was counted, for all accounts. It is safe for concurrent use.
type Counter struct {
	limits map[string]quota.Limits // by account
	read   func(context.Context) *metadata.Queries
	now    func() time.Time
	known  usages
	stored storages
}

// New returns a Counter of what the limits of accounts bound; who has none is not bounded.
func New(limits map[string]quota.Limits, read func(context.Context) *metadata.Queries, now func() time.Time) *Counter {
	return &Counter{limits: limits, read: read, now: now}
}

// Used returns how much a registry has of what the quota bounds. It counts, unless that takes long; concurrent
// callers share a count.
func (c *Counter) Used(ctx context.Context, account, name string, registry int64) (int64, error) {
	u := c.known.get(bounded{account, name, registry}, c.now())
	err := u.count(ctx, c.now, func() (int64, error) {
		return boundings[name].rows(c.read(context.WithoutCancel(ctx)).Usage(), registry, math.MaxInt64)
	})
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.n, err
}

// Room returns what the named quotas leave of a registry, and of a repository in it: 0 if the operation creates that.
// full is the error of a quota that would be exceeded.
func (c *Counter) Room(account string, registry, repository int64, full func(quota string, limit int64) error,
	names ...string) *Room {
	r := &Room{now: c.now, read: c.read, full: full}
	for _, name := range names {
		of := boundings[name]
		b := &bound{quota: name, limit: of.limit(c.limits[account]), quick: of.quick}
		if b.limit == 0 {
			continue
		}
		what := bounded{account, name, registry}
		if of.inRepository {
			what.id = repository
		}
		if what.id == 0 { // what is not there yet has nothing
			b.usage, b.counted = &usage{}, true
		} else {
			b.usage = c.known.get(what, c.now())
		}
		b.rows = func(q *metadata.Queries) (int64, error) { return of.rows(q.Usage(), what.id, b.limit) }
		r.of = append(r.of, b)
	}
	return r
}
