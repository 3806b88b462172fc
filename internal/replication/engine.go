// Package replication carries out what pushes have queued: it finds the
// replications that are due, has the domain copy them, and waits for the next.
//
// What is due is in the store, written in the transaction of the push, so
// nothing is lost by a crash; the engine holds no state that matters. What this
// process has queued it tries at once; what another process has left falls due
// for all a little later.
package replication

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// Registry is the part of the domain that the engine needs;
// *registry.Service satisfies it.
type Registry interface {
	DueReplications(ctx context.Context, limit int) (ids []int64, next time.Time, err error)
	Replicate(ctx context.Context, id int64) (metadata.Replication, error)
	OnReplications(wake func(ids []int64))
	SaveReplicationCounts(ctx context.Context, counts []metadata.ReplicationCount) error
}

const (
	// maxInFlight bounds how many replications are tried at the same time:
	// their transactions are committed together.
	maxInFlight = 256
	// maxPending bounds what is remembered of replications that this process has
	// queued. Those past it, and those of a process that died, fall due a
	// little later for whoever looks.
	maxPending = 100000
	// takenPause is how long the engine waits when other processes have taken all
	// that it found due.
	takenPause = 100 * time.Millisecond
	// pause is how long the engine waits after a fault of the store.
	pause = time.Second
)

// Engine tries due replications until it is stopped.
type Engine struct {
	registry Registry
	log      *slog.Logger
	wake     chan struct{}
	finished chan ending

	mu      sync.Mutex
	pending []int64 // queued by this process, to be tried at once
	others  bool    // others may have fallen due

	// Of the goroutine that runs:
	inFlight map[int64]bool
	queue    []int64 // to be tried as soon as there is room
	look     bool    // more may be due than was started

	start, stop sync.Once
	ctx         context.Context
	cancel      context.CancelFunc
	done        chan struct{}

	complete, failed, retried atomic.Int64
	statistics                *statistics
}

// Stats counts how tries ended since the start.
type Stats struct{ Complete, Failed, Retried int64 }

// New returns an engine that is not running yet.
func New(r Registry, log *slog.Logger) *Engine {
	e := &Engine{
		registry: r, log: log, wake: make(chan struct{}, 1), finished: make(chan ending, maxInFlight),
		inFlight: map[int64]bool{}, done: make(chan struct{}), statistics: newStatistics(),
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

// Start begins with what is due. Starting twice does nothing.
func (e *Engine) Start() {
	e.start.Do(func() {
		e.registry.OnReplications(e.signal)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			e.run()
		}()
		go func() {
			defer close(e.done)
			e.keepStatistics(ended)
		}()
	})
}

// Stop waits for the tries under way, and stores what was counted. Stopping twice, or an engine that never
// started, does nothing.
func (e *Engine) Stop() {
	e.stop.Do(func() {
		e.cancel()
		e.start.Do(func() { close(e.done) })
	})
	<-e.done
}

// Stats returns the counts so far.
func (e *Engine) Stats() Stats {
	return Stats{Complete: e.complete.Load(), Failed: e.failed.Load(), Retried: e.retried.Load()}
}

// signal never blocks: one signal that waits is as good as many.
func (e *Engine) signal(ids []int64) {
	e.mu.Lock()
	if room := maxPending - len(e.pending); len(ids) > room || len(ids) == 0 {
		ids = ids[:min(room, len(ids))]
		e.others = true
	}
	e.pending = append(e.pending, ids...)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *Engine) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-e.ctx.Done():
			for len(e.inFlight) > 0 {
				delete(e.inFlight, (<-e.finished).id)
			}
			return
		case <-e.wake:
			e.takePending()
		case <-timer.C:
			e.look = true
		case end := <-e.finished:
			if e.forget(end) {
				timer.Reset(takenPause)
			}
		}
		for len(e.queue) > 0 && len(e.inFlight) < maxInFlight {
			e.begin(e.queue[0])
			e.queue = e.queue[1:]
		}
		if !e.look || len(e.inFlight) >= maxInFlight {
			continue
		}
		next, err := e.beginDue()
		switch {
		case e.ctx.Err() != nil:
		case err != nil:
			e.log.Error("could not look for due replications; trying again", "in", pause, "error", err)
			timer.Reset(pause)
		case !next.IsZero():
			timer.Reset(max(time.Until(next), time.Millisecond))
		}
	}
}

// takePending takes what this process has queued.
func (e *Engine) takePending() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = append(e.queue, e.pending...)
	e.pending = nil
	e.look = e.look || e.others
	e.others = false
}

// forget takes all that have finished: they come in groups, as they are
// committed, and one look for more serves them all. It returns true if all
// that there was to do was taken by other processes.
func (e *Engine) forget(end ending) (taken bool) {
	taken = e.look
	for {
		delete(e.inFlight, end.id)
		if !end.taken {
			taken = false
		}
		if end.again {
			e.look = true
		}
		select {
		case end = <-e.finished:
		default:
			if taken {
				e.look = false // until the timer says so
			}
			return taken
		}
	}
}

// beginDue starts what is due and not in flight, as far as there is room. It
// returns when to look again, if nothing is due now.
func (e *Engine) beginDue() (next time.Time, err error) {
	e.look = false
	// What is in flight may still be due, and take up places in the answer.
	ids, next, err := e.registry.DueReplications(e.ctx, maxInFlight+1)
	if err != nil {
		return time.Time{}, err
	}
	for _, id := range ids {
		e.look = true // when there is room again
		if len(e.inFlight) < maxInFlight {
			e.begin(id)
		}
	}
	return next, nil
}

func (e *Engine) begin(id int64) {
	if !e.inFlight[id] {
		e.inFlight[id] = true
		go e.try(id)
	}
}

// ending is how a try ended.
type ending struct {
	id    int64
	taken bool // by another process, or it was gone
	again bool // it will fall due again
}

func (e *Engine) try(id int64) {
	end := ending{id: id}
	defer func() { e.finished <- end }()
	r, err := e.registry.Replicate(e.ctx, id)
	switch {
	case err == nil:
		e.record(r)
		end.again = r.State == metadata.ReplicationInProgress
	case errors.Is(err, metadata.ErrNotFound):
		end.taken = true
	case e.ctx.Err() != nil: // we stop
	default:
		// It could not be stored that, and when, it is to be tried again. It
		// stays in flight for a while, out of the others' way.
		e.log.Error("could not store how a replication ended; trying it again", "replication", id, "in", pause, "error", err)
		end.again = true
		select {
		case <-time.After(pause):
		case <-e.ctx.Done():
		}
	}
}

func (e *Engine) record(r metadata.Replication) {
	attrs := []any{"image", r.Digest, "tag", r.Tag, "account", r.DestinationAccount, "region", r.DestinationRegion, "tries", r.Tries}
	switch r.State {
	case metadata.ReplicationComplete:
		e.complete.Add(1)
		e.statistics.add(&r)
		e.log.Debug("replicated", append(attrs, "lag", r.FinishedAt.Sub(r.PushedAt))...)
	case metadata.ReplicationFailed:
		e.failed.Add(1)
		e.statistics.add(&r)
		e.log.Warn("replication refused", append(attrs, "code", r.FailureCode)...)
	default:
		e.retried.Add(1)
	}
}
