// Package replication carries out what pushes have queued: it finds the
// replications that are due, has the domain copy them, and waits for the next.
//
// What is due is in the store, written in the transaction of the push, so
// nothing is lost by a crash; the engine holds no state that matters.
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
	OnReplications(wake func())
}

const (
	// maxInFlight bounds how many replications are tried at the same time:
	// their transactions are committed together.
	maxInFlight = 256
	// pause is how long the engine waits after a fault of the store.
	pause = time.Second
)

// Engine tries due replications until it is stopped.
type Engine struct {
	registry Registry
	log      *slog.Logger
	wake     chan struct{}
	finished chan int64

	// Of the goroutine that runs:
	inFlight map[int64]bool
	again    bool // more may be due than was started

	start, stop sync.Once
	ctx         context.Context
	cancel      context.CancelFunc
	done        chan struct{}

	complete, failed, retried atomic.Int64
}

// Stats counts how tries ended since the start.
type Stats struct{ Complete, Failed, Retried int64 }

// New returns an engine that is not running yet.
func New(r Registry, log *slog.Logger) *Engine {
	e := &Engine{
		registry: r, log: log, wake: make(chan struct{}, 1), finished: make(chan int64, maxInFlight),
		inFlight: map[int64]bool{}, done: make(chan struct{}),
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

// Start begins with what is due. Starting twice does nothing.
func (e *Engine) Start() {
	e.start.Do(func() {
		e.registry.OnReplications(e.signal)
		go e.run()
	})
}

// Stop waits for the tries under way. Stopping twice, or an engine that never
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
func (e *Engine) signal() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *Engine) run() {
	defer close(e.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		look := true
		select {
		case <-e.ctx.Done():
			for len(e.inFlight) > 0 {
				delete(e.inFlight, <-e.finished)
			}
			return
		case <-e.wake:
		case <-timer.C:
		case id := <-e.finished:
			delete(e.inFlight, id)
			e.forgetFinished()
			look = e.again
		}
		if !look {
			continue
		}
		next, err := e.dispatch()
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

// forgetFinished takes all that have finished: they come in groups, as they
// are committed, and one look for more serves them all.
func (e *Engine) forgetFinished() {
	for {
		select {
		case id := <-e.finished:
			delete(e.inFlight, id)
		default:
			return
		}
	}
}

// dispatch starts what is due and not in flight, as far as there is room. It
// returns when the next one falls due, if none is due now.
func (e *Engine) dispatch() (next time.Time, err error) {
	if e.again = true; len(e.inFlight) >= maxInFlight {
		return time.Time{}, nil
	}
	// What is in flight is still due, so it takes up places in the answer.
	ids, next, err := e.registry.DueReplications(e.ctx, maxInFlight+1)
	if err != nil {
		return time.Time{}, err
	}
	e.again = len(ids) > 0
	for _, id := range ids {
		if len(e.inFlight) >= maxInFlight {
			break
		}
		if !e.inFlight[id] {
			e.inFlight[id] = true
			go e.try(id)
		}
	}
	return next, nil
}

func (e *Engine) try(id int64) {
	defer func() { e.finished <- id }()
	r, err := e.registry.Replicate(e.ctx, id)
	switch {
	case err == nil:
		e.record(r)
	case errors.Is(err, metadata.ErrNotFound) || e.ctx.Err() != nil: // deleted with its image, or we stop
	default:
		// It could not be stored that, and when, it is to be tried again. It
		// stays in flight for a while, out of the others' way.
		e.log.Error("could not store how a replication ended; trying it again", "replication", id, "in", pause, "error", err)
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
		e.log.Debug("replicated", append(attrs, "lag", r.FinishedAt.Sub(r.PushedAt))...)
	case metadata.ReplicationFailed:
		e.failed.Add(1)
		e.log.Warn("replication refused", append(attrs, "code", r.FailureCode)...)
	default:
		e.retried.Add(1)
	}
}
