package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

const (
	// readyTimeout bounds a readiness check.
	readyTimeout = 2 * time.Second
	// readyFor is how long the outcome of one holds: however many ask, the stores
	// are asked once.
	readyFor = time.Second
)

// readiness remembers the result of the last check. Everybody waits for a check
// that is under way, which a dead disk may hold up, and nobody begins another.
type readiness struct {
	mu      sync.Mutex
	ended   time.Time
	err     error
	running chan struct{} // closed when the check under way ends; nil without
}

var errStoresSilent = errors.New("the database or the store of layers does not answer in time")

// check returns how the last check went, or that of a new one.
func (r *readiness) check(ctx context.Context, ping func(context.Context) error) error {
	r.mu.Lock()
	if r.running == nil {
		if !r.ended.IsZero() && time.Since(r.ended) < readyFor {
			defer r.mu.Unlock()
			return r.err
		}
		r.running = make(chan struct{})
		go r.run(context.WithoutCancel(ctx), ping)
	}
	running := r.running
	r.mu.Unlock()
	select {
	case <-running:
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.err
	case <-ctx.Done():
		return errStoresSilent
	}
}

func (r *readiness) run(ctx context.Context, ping func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	err := ping(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err, r.ended = err, time.Now()
	close(r.running)
	r.running = nil
}

// ready says why the server should get no requests, or nil.
func (s *Server) ready(ctx context.Context) error {
	if s.stopping.Load() {
		return errors.New("the server is stopping")
	}
	return s.readiness.check(ctx, s.pingStores)
}

// pingStores pings both stores. Anybody may read the error; the log has the
// details for the operator.
func (s *Server) pingStores(ctx context.Context) error {
	g := s.generations.acquire()
	defer g.release()
	var both errgroup.Group
	both.Go(func() error {
		err := g.metadata.Ping(ctx)
		if err == nil {
			return nil
		}
		s.log.WarnContext(ctx, "not ready: the database cannot be used", "error", err)
		return errors.New(metadata.Reason(err))
	})
	both.Go(func() error {
		err := g.blobs.Ping(ctx)
		if err == nil {
			return nil
		}
		s.log.WarnContext(ctx, "not ready: the store of layers cannot be used", "error", err)
		if e, ok := errors.AsType[*blob.PingError](err); ok {
			return errors.New(e.Reason)
		}
		return errors.New("the store of layers does not answer")
	})
	return both.Wait()
}
