package server

import (
	"log/slog"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/jobs"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/session"
	"github.com/twinport/twinport/internal/sweep"
)

// background is the work beside requests: replication, and jobs. It can be
// stopped, and started again over the same generation or another one; its
// counts go on.
type background struct {
	config  config.Sweep
	log     *slog.Logger
	runner  *jobs.Runner
	sweeper *sweep.Sweeper

	mu         sync.Mutex
	engine     *replication.Engine // nil while it is stopped
	replicated replication.Stats   // counts of the engines before
}

func newBackground(c config.Sweep, log *slog.Logger) *background {
	return &background{config: c, log: log, runner: jobs.New(log), sweeper: sweep.New()}
}

// jobs are those of a generation.
func (b *background) jobs(g *generation) []jobs.Job {
	return []jobs.Job{
		b.sweeper.Job(sweep.Config{Stores: g.swept, Interval: b.config.Interval, Grace: b.config.Grace}),
		sweep.Repositories(g.swept),
		g.replication.ForgetJob(),
		session.ExpiryJob(g.metadata, time.Now),
	}
}

func (b *background) start(g *generation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.engine = replication.NewEngine(g.replication, b.log)
	g.registry.OnRetired(func() { b.runner.Wake(sweep.RepositoriesJob) })
	b.runner.Start(g.metadata, b.jobs(g)...)
	b.engine.Start()
}

// stop waits for what is under way. Stopping what does not run does nothing.
func (b *background) stop() {
	b.mu.Lock()
	engine := b.engine
	b.mu.Unlock()
	if engine == nil {
		return
	}
	engine.Stop()
	b.runner.Stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replicated, b.engine = b.replications(), nil
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

// sweeping reports whether this process sweeps now.
func (b *background) sweeping() bool {
	for _, s := range b.runner.Stats() {
		if s.Job == sweep.JobName {
			return s.Step > 0
		}
	}
	return false
}
