package jobs

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Stats are the figures of one job, counted in this process since its start.
type Stats struct {
	Job  string
	Step int // that the run of this process is at, from 1; 0 while it runs none
	// Pages are those that were done, Faults the errors that interrupted a run.
	Pages, Faults int64
	// Finished is when a run of the deployment last ended, as far as this process
	// has seen; zero if none did.
	Finished time.Time
}

// Stats of all jobs that were started, by name.
func (r *Runner) Stats() (all []Stats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, k := range r.records {
		c := &k.count
		s := Stats{Job: name, Step: int(c.step.Load()), Pages: c.pages.Load(), Faults: c.faults.Load()}
		s.Finished = state{Finished: c.finished.Load()}.finished()
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Stats) int { return strings.Compare(a.Job, b.Job) })
	return all
}

// count is what Stats are made of.
type count struct {
	step          atomic.Int64
	pages, faults atomic.Int64
	finished      atomic.Int64 // in microseconds since 1970
}

func (c *count) finishedAt(s state) { c.finished.Store(s.Finished) }
