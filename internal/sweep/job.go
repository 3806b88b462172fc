// Package sweep frees, now and then, what nothing needs any more: as a job of
// the background, or by a command.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/jobs"
)

// pages are those of a sweep; *Stores has them.
type pages interface {
	Sweep(ctx context.Context, step Step, after string, grace time.Duration, dry bool) (Page, error)
}

// JobName is that of the job.
const JobName = "sweep"

// Config is what the job needs; every field must be set.
type Config struct {
	Stores pages
	// Interval is the time from the end of one sweep to the begin of the next.
	Interval time.Duration
	// Grace is how old a link that no manifest needs must be. A push that takes
	// longer than that from a layer to its manifest may have to send it again.
	Grace time.Duration
}

// Sweeper makes jobs that sweep, and counts what they free.
type Sweeper struct {
	finished atomic.Int64 // time of the last end, in seconds since 1970
	found    map[Step]*atomic.Int64
	bytes    atomic.Int64
}

// Stats of this process since its start.
type Stats struct {
	// Finished is when this process last ended a sweep; zero if it never did.
	Finished time.Time
	// Found counts what was freed by step; Bytes those of objects that were deleted.
	Found map[Step]int64
	Bytes int64
}

// New returns a sweeper that has swept nothing.
func New() *Sweeper {
	s := &Sweeper{found: map[Step]*atomic.Int64{}}
	for _, step := range Steps {
		s.found[step] = new(atomic.Int64)
	}
	return s
}

// Stats returns the counts so far.
func (s *Sweeper) Stats() Stats {
	st := Stats{Bytes: s.bytes.Load(), Found: map[Step]int64{}}
	if t := s.finished.Load(); t != 0 {
		st.Finished = time.Unix(t, 0)
	}
	for step, n := range s.found {
		st.Found[step] = n.Load()
	}
	return st
}

// Job returns a job that sweeps. Processes of an earlier version share its lease,
// which has the number of a step: the steps keep their order.
func (s *Sweeper) Job(c Config) jobs.Job {
	j := jobs.Job{Name: JobName, Interval: c.Interval}
	for _, step := range Steps {
		page := func(ctx context.Context, after string) (string, error) { return s.page(ctx, c, step, after) }
		j.Steps = append(j.Steps, jobs.Step{Name: string(step), Page: page})
	}
	return j
}

func (s *Sweeper) page(ctx context.Context, c Config, step Step, after string) (next string, err error) {
	page, err := c.Stores.Sweep(ctx, step, after, c.Grace, false)
	switch {
	case errors.Is(err, blob.ErrBusy):
		return "", fmt.Errorf("%w: a backup is under way", jobs.ErrPostponed)
	case err != nil:
		return "", err
	}
	s.found[step].Add(page.Found)
	if step == "garbage" || step == "objects" {
		s.bytes.Add(page.Bytes)
	}
	if page.Next == "" && step == Steps[len(Steps)-1] {
		s.finished.Store(time.Now().Unix())
	}
	return page.Next, nil
}

// Once goes through all steps, as a command does. report, if not nil, gets each page.
func Once(ctx context.Context, of pages, grace time.Duration, dry bool, report func(Step, Page)) error {
	for _, step := range Steps {
		for after := ""; ; {
			page, err := of.Sweep(ctx, step, after, grace, dry)
			if err != nil {
				return err
			}
			if report != nil {
				report(step, page)
			}
			if after = page.Next; after == "" {
				break
			}
		}
	}
	return nil
}
