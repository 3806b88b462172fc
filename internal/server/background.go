package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/expiry"
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
	expired expiry.Counter

	mu         sync.Mutex
	directory  context.CancelFunc   // ends what keeps the peers' states and tunnels, and uses of access keys
	following  sync.WaitGroup       // until that has ended
	engines    *replication.Engines // nil while they are stopped
	replicated replication.Stats    // counts of those before
}

func newBackground(c config.Sweep, log *slog.Logger) *background {
	return &background{config: c, log: log, runner: jobs.New(log), sweeper: sweep.New()}
}

// jobs are those of a generation.
func (b *background) jobs(g *generation) []jobs.Job {
	return append([]jobs.Job{
		b.sweeper.Job(sweep.Config{Stores: g.swept, Interval: b.config.Interval, Grace: b.config.Grace}),
		sweep.Repositories(g.swept),
		g.replication.ForgetJob(),
		g.replication.BackfillJob(),
		session.ExpiryJob(g.metadata, time.Now),
	}, g.expiry.Jobs()...)
}

func (b *background) start(g *generation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ctx context.Context
	ctx, b.directory = context.WithCancel(context.Background())
	b.following.Go(func() { g.directory.Run(ctx) })
	b.following.Go(func() { g.iam.Run(ctx) })
	b.engines = replication.NewEngines(g.replication, b.log)
	g.registry.OnRetired(func() { b.runner.Wake(sweep.RepositoriesJob) })
	g.expiry.OnPreview(func() { b.runner.Wake(expiry.PreviewsJob) })
	g.replication.OnBackfill(func() { b.runner.Wake(replication.BackfillsJob) })
	g.expiry.CountIn(&b.expired)
	b.runner.Start(g.metadata, b.jobs(g)...)
	b.engines.Start()
}

// stop waits for what is under way. Stopping what does not run does nothing.
func (b *background) stop() {
	b.mu.Lock()
	engines := b.engines
	b.mu.Unlock()
	if engines == nil {
		return
	}
	engines.Stop()
	b.runner.Stop()
	b.directory()
	b.following.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replicated, b.engines = b.replications(), nil
}

// Replications are the counts since the start of the process.
func (b *background) Replications() replication.Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.replications()
}

func (b *background) replications() replication.Stats {
	s := b.replicated
	if b.engines != nil {
		s = s.Plus(b.engines.Stats())
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
