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
	"github.com/twinport/twinport/internal/registry"
)

// Registry is the part of the domain that a sweep needs; *registry.Service
// satisfies it.
type Registry interface {
	Sweep(ctx context.Context, step registry.SweepStep, after string, grace time.Duration,
		dry bool) (registry.SweepPage, error)
}

// JobName is that of the job.
const JobName = "sweep"

// Config is what the job needs; every field must be set.
type Config struct {
	Registry Registry
	// Interval is the time from the end of one sweep to the begin of the next.
	Interval time.Duration
	// Grace is how old a link that no manifest needs must be. A push that takes
	// longer than that from a layer to its manifest may have to send it again.
	Grace time.Duration
}

// Sweeper makes jobs that sweep, and counts what they free.
type Sweeper struct {
	finished atomic.Int64 // time of the last end, in seconds since 1970
	found    map[registry.SweepStep]*atomic.Int64
	bytes    atomic.Int64
}

// Stats of this process since its start.
type Stats struct {
	// Finished is when this process last ended a sweep; zero if it never did.
	Finished time.Time
	// Found counts what was freed by step; Bytes those of objects that were deleted.
	Found map[registry.SweepStep]int64
	Bytes int64
}

// New returns a sweeper that has swept nothing.
func New() *Sweeper {
	s := &Sweeper{found: map[registry.SweepStep]*atomic.Int64{}}
	for _, step := range registry.SweepSteps {
		s.found[step] = new(atomic.Int64)
	}
	return s
}

// Stats returns the counts so far.
func (s *Sweeper) Stats() Stats {
	st := Stats{Bytes: s.bytes.Load(), Found: map[registry.SweepStep]int64{}}
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
	for _, step := range registry.SweepSteps {
		page := func(ctx context.Context, after string) (string, error) { return s.page(ctx, c, step, after) }
		j.Steps = append(j.Steps, jobs.Step{Name: string(step), Page: page})
	}
	return j
}

func (s *Sweeper) page(ctx context.Context, c Config, step registry.SweepStep, after string) (next string, err error) {
	page, err := c.Registry.Sweep(ctx, step, after, c.Grace, false)
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
	if page.Next == "" && step == registry.SweepSteps[len(registry.SweepSteps)-1] {
		s.finished.Store(time.Now().Unix())
	}
	return page.Next, nil
}

// Once goes through all steps, as a command does. report, if not nil, gets each page.
func Once(ctx context.Context, r Registry, grace time.Duration, dry bool,
	report func(registry.SweepStep, registry.SweepPage)) error {
	for _, step := range registry.SweepSteps {
		for after := ""; ; {
			page, err := r.Sweep(ctx, step, after, grace, dry)
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
