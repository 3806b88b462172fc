package jobs

import (
	"context"
	"log/slog"
	"sync"

	"github.com/google/uuid"

	"github.com/twinport/twinport/internal/metadata"
)

// Runner runs jobs between Start and Stop, each whenever it is due and no other
// process runs it. It may start again, over other stores too; its counts go on.
type Runner struct {
	log    *slog.Logger
	holder string // this process, in leases

	mu     sync.Mutex
	counts map[string]*count // by job
	cancel context.CancelFunc

	running sync.WaitGroup // the goroutines of the jobs
}

// New returns a runner that has not started.
func New(log *slog.Logger) *Runner {
	return &Runner{log: log, holder: uuid.NewString(), counts: map[string]*count{}, cancel: func() {}}
}

// Start begins to run the jobs, on leases in the store. Before it starts again
// it must have stopped.
func (r *Runner) Start(store metadata.Store, jobs ...Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	for _, j := range jobs {
		w := &worker{Job: j, store: store, holder: r.holder, log: r.log.With("job", j.Name), count: r.counts[j.Name]}
		if w.count == nil {
			w.count = new(count)
			r.counts[j.Name] = w.count
		}
		r.running.Go(func() { w.watch(ctx) })
	}
}

// Stop ends each run at its page, and waits for that. A runner that has not
// started has nothing to stop.
func (r *Runner) Stop() {
	r.mu.Lock()
	r.cancel()
	r.mu.Unlock()
	r.running.Wait()
}
