package server

import (
	"context"
	"log/slog"
	"maps"
	"sync"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/sweep"
)

// background is the work that goes on beside requests: replication and sweeps.
// It can be stopped and started again, over the same generation or another, and
// its counts go on.
type background struct {
	config config.Sweep
	log    *slog.Logger

	mu      sync.Mutex
	engine  *replication.Engine // nil while it rests
	sweeper *sweep.Sweeper
	stopped func() // stops the sweeper and waits for it
	// What those before have counted.
	replicated replication.Stats
	swept      sweep.Stats
}

func newBackground(c config.Sweep, log *slog.Logger) *background {
	return &background{config: c, log: log, swept: sweep.Stats{Found: map[registry.SweepStep]int64{}}}
}

func (b *background) start(g *generation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.engine = replication.New(g.registry, b.log)
	b.sweeper = sweep.New(sweep.Config{Metadata: g.metadata, Registry: g.registry, Interval: b.config.Interval, Grace: b.config.Grace, Logger: b.log})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	sweeper := b.sweeper
	running.Go(func() { sweeper.Run(ctx) })
	b.stopped = func() {
		cancel()
		running.Wait()
	}
	b.engine.Start()
}

// stop waits for what is under way. Stopping what does not run does nothing.
func (b *background) stop() {
	b.mu.Lock()
	engine, stopped := b.engine, b.stopped
	b.mu.Unlock()
	if engine == nil {
		return
	}
	engine.Stop()
	stopped()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replicated, b.swept = b.replications(), b.sweeps()
	b.engine, b.sweeper, b.stopped = nil, nil, nil
}

// Replications are the counts since the start of the process.
func (b *background) Replications() replication.Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.replications()
}

func (b *background) replications() replication.Stats {
	s := b.replicated
	if b.engine != nil {
		now := b.engine.Stats()
		s.Complete, s.Failed, s.Retried = s.Complete+now.Complete, s.Failed+now.Failed, s.Retried+now.Retried
	}
	return s
}

// Sweeps are the counts since the start of the process.
func (b *background) Sweeps() sweep.Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sweeps()
}

func (b *background) sweeps() sweep.Stats {
	s := b.swept
	if b.sweeper == nil {
		return s
	}
	now := b.sweeper.Stats()
	s.Running, s.Bytes, s.Found = now.Running, s.Bytes+now.Bytes, maps.Clone(s.Found)
	if now.Finished.After(s.Finished) {
		s.Finished = now.Finished
	}
	for step, n := range now.Found {
		s.Found[step] += n
	}
	return s
}
