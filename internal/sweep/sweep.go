// Package sweep frees, now and then, what nothing needs any more. One process
// of a deployment does it at a time, slowly, beside pushes and pulls; when it
// dies another goes on where it was.
package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
)

// Registry is the part of the domain that a sweep needs; *registry.Service
// satisfies it.
type Registry interface {
	Sweep(ctx context.Context, step registry.SweepStep, after string, grace time.Duration, dry bool) (registry.SweepPage, error)
}

const (
	leaseName = "sweep"
	// watchInterval is how often the lease is looked at while someone sweeps,
	// and beatInterval how often the sweeper shows that it is alive.
	watchInterval = 2 * time.Second
	beatInterval  = time.Second
	// leaseExpiry is how long a lease must stay unchanged before another
	// process takes over, measured by that process's own clock.
	leaseExpiry = 8 * time.Second
	// idleInterval is how often the lease is looked at while nobody sweeps.
	idleInterval = 15 * time.Second
	// faultPause is how long a sweep rests after an error.
	faultPause = 30 * time.Second
	// Between two pages a sweep rests for as long as the page took, so that it
	// takes half of what one connection can do.
	shortestRest, longestRest = 2 * time.Millisecond, time.Second
)

// Config is what New needs; every field must be set.
type Config struct {
	Metadata metadata.Store
	Registry Registry
	// Interval is the time from the end of one sweep to the begin of the next.
	Interval time.Duration
	// Grace is how old a link that no manifest needs must be. A push that takes
	// longer than that from a layer to its manifest may have to send it again.
	Grace  time.Duration
	Logger *slog.Logger
}

// Sweeper sweeps until it is stopped.
type Sweeper struct {
	Config
	holder string

	running  atomic.Bool
	finished atomic.Int64 // time of the last end, in seconds since 1970
	found    map[registry.SweepStep]*atomic.Int64
	bytes    atomic.Int64
}

// Stats of this process since its start.
type Stats struct {
	Running bool
	// Finished is when this process last ended a sweep; zero if it never did.
	Finished time.Time
	// Found counts what was freed by step; Bytes those of objects that were deleted.
	Found map[registry.SweepStep]int64
	Bytes int64
}

// New returns a sweeper that is not running yet.
func New(c Config) *Sweeper {
	s := &Sweeper{Config: c, holder: uuid.NewString(), found: map[registry.SweepStep]*atomic.Int64{}}
	for _, step := range registry.SweepSteps {
		s.found[step] = new(atomic.Int64)
	}
	return s
}

// Stats returns the counts so far.
func (s *Sweeper) Stats() Stats {
	st := Stats{Running: s.running.Load(), Bytes: s.bytes.Load(), Found: map[registry.SweepStep]int64{}}
	if t := s.finished.Load(); t != 0 {
		st.Finished = time.Unix(t, 0)
	}
	for step, n := range s.found {
		st.Found[step] = n.Load()
	}
	return st
}

// progress is how far a sweep has come, kept with the lease for whoever goes on.
type progress struct {
	Step     int    `json:"step"` // of registry.SweepSteps
	After    string `json:"after,omitempty"`
	Finished int64  `json:"finished,omitempty"` // of the last sweep, in microseconds since 1970
}

// LastEnd is when a sweep of the deployment last ended, zero if none did yet, and
// whether one is under way.
func LastEnd(q *metadata.Queries) (end time.Time, underWay bool, err error) {
	lease, err := q.Lease(leaseName)
	if err != nil {
		return end, false, err
	}
	var p progress
	if json.Unmarshal([]byte(lease.Progress), &p) == nil && p.Finished != 0 {
		end = time.UnixMicro(p.Finished)
	}
	return end, lease.Holder != "", nil
}

// due reports whether the next sweep is. One that ended in the future did so by
// a clock that was ahead.
func (p progress) due(now time.Time, interval time.Duration) bool {
	since := now.Sub(time.UnixMicro(p.Finished))
	return p.Step > 0 || p.After != "" || since >= interval || since < 0
}

// Run sweeps, whenever it is due and no other process does, until ctx is done.
func (s *Sweeper) Run(ctx context.Context) {
	var seen metadata.Lease
	since := time.Now()
	for wait := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		lease, err := s.Metadata.Read().Lease(leaseName)
		if err != nil {
			s.Logger.WarnContext(ctx, "could not look at the lease of the sweep", "error", err)
			wait = faultPause
			continue
		}
		if lease != seen {
			seen, since = lease, time.Now()
		}
		var p progress
		_ = json.Unmarshal([]byte(lease.Progress), &p) // what cannot be read begins anew
		wait = min(idleInterval, s.Interval)
		switch {
		case lease.Holder != "" && time.Since(since) < leaseExpiry:
			wait = watchInterval
		case lease.Holder != "" || p.due(time.Now(), s.Interval):
			switch err := s.sweep(ctx, lease, p); {
			case ctx.Err() != nil:
			case errors.Is(err, blob.ErrBusy):
				s.Logger.InfoContext(ctx, "the sweep waits: a backup is under way")
				wait = faultPause
			case err != nil:
				s.Logger.WarnContext(ctx, "the sweep met a fault and goes on later", "error", err)
				wait = faultPause
			}
		}
	}
}

// errLost means that another process has taken the lease over.
var errLost = errors.New("another process has taken over")

// sweep takes the lease and goes on at p until the end.
func (s *Sweeper) sweep(ctx context.Context, lease metadata.Lease, p progress) (err error) {
	taken := false
	err = s.Metadata.Update(ctx, func(tx *metadata.Tx) (err error) {
		taken, err = tx.TakeLease(lease, s.holder)
		return err
	})
	if err != nil || !taken {
		return err // another was first
	}
	s.running.Store(true)
	defer s.running.Store(false)
	defer func() {
		// Who stops says so, and nobody has to wait for the lease to expire.
		releaseErr := s.release(context.WithoutCancel(ctx), p)
		if errors.Is(err, errLost) {
			err = nil
		} else if err == nil {
			err = releaseErr
		}
	}()
	beat := time.Now()
	for ; p.Step < len(registry.SweepSteps); p.Step, p.After = p.Step+1, "" {
		step := registry.SweepSteps[p.Step]
		for {
			begun := time.Now()
			page, err := s.Registry.Sweep(ctx, step, p.After, s.Grace, false)
			if err != nil {
				return err
			}
			s.found[step].Add(page.Found)
			if step == "garbage" || step == "objects" {
				s.bytes.Add(page.Bytes)
			}
			if p.After = page.Next; time.Since(beat) >= beatInterval {
				beat = time.Now()
				if err := s.keep(ctx, p); err != nil {
					return err
				}
			}
			if page.Next == "" {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(min(max(time.Since(begun), shortestRest), longestRest)):
			}
		}
	}
	p = progress{Finished: time.Now().UnixMicro()}
	s.finished.Store(time.Now().Unix())
	return nil
}

func (s *Sweeper) keep(ctx context.Context, p progress) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	kept := false
	err = s.Metadata.Update(ctx, func(tx *metadata.Tx) (err error) {
		kept, err = tx.KeepLease(leaseName, s.holder, string(text))
		return err
	})
	if err == nil && !kept {
		err = errLost
	}
	return err
}

func (s *Sweeper) release(ctx context.Context, p progress) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return s.Metadata.Update(ctx, func(tx *metadata.Tx) error { return tx.ReleaseLease(leaseName, s.holder, string(text)) })
}

// Once goes through all steps, as a command does. report, if not nil, is told of each page.
func Once(ctx context.Context, r Registry, grace time.Duration, dry bool, report func(registry.SweepStep, registry.SweepPage)) error {
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
