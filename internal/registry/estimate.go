package registry

import (
	"sync"
	"time"
)

const (
	// estimateLife is for how long a count is good enough to estimate from.
	estimateLife = 10 * time.Second
	// maxEstimates bounds what is remembered; past it counts are asked again.
	maxEstimates = 10000
)

// estimates tell most writes without a query that they fit a quota. A write fits if
// the last count, with what this process has added since, leaves half of the quota.
// So one process is exact, and several together go past a quota only if the others
// add half of it within estimateLife.
type estimates struct {
	mu sync.Mutex
	of map[int64]*estimate // by the id of what holds the things
}

type estimate struct {
	count int64
	at    time.Time
}

// fits reports whether more surely fit, and counts them. If not, the caller counts
// what is there, and tells it to know.
func (e *estimates) fits(id, more, limit int64, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	known := e.of[id]
	if known == nil || now.Sub(known.at) > estimateLife || now.Before(known.at) || known.count+more > limit/2 {
		return false
	}
	known.count += more
	return true
}

// know takes note of how many there are.
func (e *estimates) know(id, count int64, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.of == nil || len(e.of) >= maxEstimates && e.of[id] == nil {
		e.of = map[int64]*estimate{}
	}
	e.of[id] = &estimate{count, now}
}
