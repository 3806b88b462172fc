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
	// batch is how many replications are tried at once: their transactions
	// are committed together.
	batch = 128
	// pause is how long the engine waits after a fault of the store.
	pause = time.Second
)

// Engine tries due replications until it is stopped.
type Engine struct {
	registry Registry
	log      *slog.Logger
	wake     chan struct{}

	start, stop sync.Once
	ctx         context.Context
	cancel      context.CancelFunc
	done        chan struct{}

	stats stats
}

type stats struct{ complete, failed, retried atomic.Int64 }

// Stats counts how tries ended since the start.
type Stats struct{ Complete, Failed, Retried int64 }

// New returns an engine that is not running yet.
func New(r Registry, log *slog.Logger) *Engine {
	e := &Engine{registry: r, log: log, wake: make(chan struct{}, 1), done: make(chan struct{})}
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
	return Stats{Complete: e.stats.complete.Load(), Failed: e.stats.failed.Load(), Retried: e.stats.retried.Load()}
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
		select {
		case <-e.ctx.Done():
			return
		case <-e.wake:
		case <-timer.C:
		}
		next, err := e.drain()
		switch {
		case e.ctx.Err() != nil:
			return
		case err != nil:
			e.log.Error("could not look for due replications; trying again", "in", pause, "error", err)
			timer.Reset(pause)
		case !next.IsZero():
			timer.Reset(max(time.Until(next), time.Millisecond))
		default:
			timer.Stop()
		}
	}
}

// drain tries what is due until nothing is, and returns when something will be.
func (e *Engine) drain() (next time.Time, err error) {
	for e.ctx.Err() == nil {
		ids, next, err := e.registry.DueReplications(e.ctx, batch)
		if err != nil || len(ids) == 0 {
			return next, err
		}
		if failed := e.try(ids); failed != nil {
			return time.Time{}, failed
		}
	}
	return time.Time{}, nil
}

// try tries each once, all at the same time. The error is of one whose outcome
// could not be stored.
func (e *Engine) try(ids []int64) error {
	var wg sync.WaitGroup
	errs := make([]error, len(ids))
	for i, id := range ids {
		wg.Go(func() {
			r, err := e.registry.Replicate(e.ctx, id)
			if err != nil {
				if !errors.Is(err, metadata.ErrNotFound) { // deleted with its repository
					errs[i] = err
				}
				return
			}
			e.record(r)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (e *Engine) record(r metadata.Replication) {
	attrs := []any{"image", r.Digest, "tag", r.Tag, "account", r.DestinationAccount, "region", r.DestinationRegion, "tries", r.Tries}
	switch r.State {
	case metadata.ReplicationComplete:
		e.stats.complete.Add(1)
		e.log.Debug("replicated", append(attrs, "lag", r.FinishedAt.Sub(r.PushedAt))...)
	case metadata.ReplicationFailed:
		e.stats.failed.Add(1)
		e.log.Warn("replication refused", append(attrs, "code", r.FailureCode)...)
	default:
		e.stats.retried.Add(1)
	}
}
