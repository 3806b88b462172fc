package quota

import (
	"math"
	"sync/atomic"
	"time"
)

// burst is how much of its rate an account may use at once after it was idle.
// ECR does not say how much that is there.
const burst = 10 * time.Second

// Meter holds each account to its rates, in each Region and for each kind of
// request. It is safe for concurrent use, and a request costs it a few atomic
// operations. A nil Meter has no rates.
type Meter struct {
	of  map[key]*[Kinds]bucket // never changes
	now func() time.Duration
}

type key struct{ account, region string }

// bucket lets requests through that are an interval apart, and some before their
// time. It is the generic cell rate algorithm: all it knows is the time until
// which the requests so far are paid for.
type bucket struct {
	interval time.Duration // 0: no limit
	paid     atomic.Int64  // until when
}

// NewMeter returns the meter of accounts by their limits.
func NewMeter(limits map[string]Limits, regions []string) *Meter {
	begun := time.Now()
	m := &Meter{of: map[key]*[Kinds]bucket{}, now: func() time.Duration { return time.Since(begun) }}
	for account, l := range limits {
		for _, region := range regions {
			buckets := new([Kinds]bucket)
			for k, rate := range l.Rates {
				if rate > 0 {
					buckets[k].interval = max(time.Second/time.Duration(min(rate, math.MaxInt32)), 1)
				}
				buckets[k].paid.Store(math.MinInt64 / 2) // idle so far
			}
			m.of[key{account, region}] = buckets
		}
	}
	return m
}

// Take reports whether a request is let through. One that is not may come again
// after a second, since no rate is slower. An account without limits is let
// through.
func (m *Meter) Take(account, region string, k Kind) bool {
	if m == nil {
		return true
	}
	buckets := m.of[key{account, region}]
	if buckets == nil || buckets[k].interval == 0 {
		return true
	}
	b, now := &buckets[k], int64(m.now())
	for {
		paid := b.paid.Load()
		next := max(paid, now) + int64(b.interval)
		if next-now > int64(burst) {
			return false
		}
		if b.paid.CompareAndSwap(paid, next) {
			return true
		}
	}
}
