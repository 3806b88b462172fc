package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

const (
	// watchInterval is how often a lease is read while another process runs the
	// job, and beatInterval how often that process shows that it is alive.
	watchInterval = 2 * time.Second
	beatInterval  = time.Second
	// leaseExpiry is how long a lease must stay unchanged before another
	// process takes over, measured by that process's own clock.
	leaseExpiry = 8 * time.Second
	// idleInterval is how often a lease is read while nobody runs the job.
	idleInterval = 15 * time.Second
	// faultPause is how long a run rests after an error.
	faultPause = 30 * time.Second
	// Between two pages a run rests for as long as the page took, so that it
	// takes half of what one connection can do.
	shortestRest, longestRest = 2 * time.Millisecond, time.Second
)

// worker runs one job in this process.
type worker struct {
	Job
	store  metadata.Store
	holder string
	log    *slog.Logger
	*record
}

// watch runs the job, whenever it is due and no other process does, until ctx
// is done.
func (w *worker) watch(ctx context.Context) {
	var seen metadata.Lease
	since, woken := time.Now(), w.Woken
	for wait := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
			woken = true
		case <-time.After(wait):
		}
		lease, err := w.store.Read(ctx).Leases().Get(w.Name)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.log.WarnContext(ctx, "could not read the lease of a job", "error", err)
			wait = faultPause
			continue
		}
		if lease != seen {
			seen, since = lease, time.Now()
		}
		s := stateOf(lease)
		w.count.finishedAt(s)
		wait = min(idleInterval, w.Interval)
		switch {
		case lease.Holder != "" && time.Since(since) < leaseExpiry:
			wait = watchInterval
		case lease.Holder != "" || woken || s.due(time.Now(), w.Interval):
			switch ended, err := w.run(ctx, lease, s); {
			case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)): // it was stopped
			case err != nil:
				w.report(ctx, err)
				wait = faultPause
			case ended:
				// If this run went on with another's, it may have passed what this process was
				// woken for.
				if woken = woken && s.underWay(); woken {
					wait = 0
				}
			default:
				wait = watchInterval
			}
		}
	}
}

func (w *worker) report(ctx context.Context, err error) {
	if errors.Is(err, ErrPostponed) {
		w.log.InfoContext(ctx, "a job waits", "reason", err)
		return
	}
	w.count.faults.Add(1)
	w.log.WarnContext(ctx, "a job met a fault and goes on later", "error", err)
}

// errLost means that another process has taken the lease over.
var errLost = errors.New("another process has taken over")

// run takes the lease and goes on at s until the end of the run. It returns
// false if another process took the lease.
func (w *worker) run(ctx context.Context, lease metadata.Lease, s state) (ended bool, err error) {
	taken := false
	err = w.store.Update(ctx, func(tx *metadata.Tx) (err error) {
		taken, err = tx.Leases().Take(lease, w.holder)
		return err
	})
	if err != nil || !taken {
		return false, err
	}
	defer w.count.step.Store(0)
	s, err = w.pages(ctx, s)
	// Release the lease, so that nobody has to wait until it expires.
	releaseErr := w.release(context.WithoutCancel(ctx), s)
	switch {
	case errors.Is(err, errLost):
		return false, nil
	case err == nil:
		err = releaseErr
	}
	return err == nil, err
}

// pages does page after page from s on, and returns where it stopped.
func (w *worker) pages(ctx context.Context, s state) (state, error) {
	beat := time.Now()
	for s.Step < len(w.Steps) {
		w.count.step.Store(int64(s.Step) + 1)
		begun := time.Now()
		next, err := w.Steps[s.Step].Page(ctx, s.After)
		if err != nil {
			return s, err
		}
		w.count.pages.Add(1)
		if s.After = next; next == "" {
			s.Step++
		}
		if time.Since(beat) >= beatInterval {
			beat = time.Now()
			if err := w.keep(ctx, s); err != nil {
				return s, err
			}
		}
		if s.Step == len(w.Steps) {
			break
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(min(max(time.Since(begun), shortestRest), longestRest)):
		}
	}
	s = state{Finished: time.Now().UnixMicro()}
	w.count.finishedAt(s)
	return s, nil
}

// keep stores how far the run has come, and renews the lease: errLost if
// another process has taken it over.
func (w *worker) keep(ctx context.Context, s state) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	kept := false
	err = w.store.Update(ctx, func(tx *metadata.Tx) (err error) {
		kept, err = tx.Leases().Keep(w.Name, w.holder, string(text))
		return err
	})
	if err == nil && !kept {
		err = errLost
	}
	return err
}

// release gives the lease back, if no other process has taken it over.
func (w *worker) release(ctx context.Context, s state) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return w.store.Update(ctx, func(tx *metadata.Tx) error { return tx.Leases().Release(w.Name, w.holder, string(text)) })
}
