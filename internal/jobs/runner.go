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

	mu      sync.Mutex
	records map[string]*record // by job
	cancel  context.CancelFunc

	running sync.WaitGroup // the goroutines of the jobs
}

// New returns a runner that has not started.
func New(log *slog.Logger) *Runner {
	return &Runner{log: log, holder: uuid.NewString(), records: map[string]*record{}, cancel: func() {}}
}

// Start begins to run the jobs, on leases in the store. Before it starts again
// it must have stopped.
func (r *Runner) Start(store metadata.Store, jobs ...Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	for _, j := range jobs {
		if r.records[j.Name] == nil {
			r.records[j.Name] = &record{wake: make(chan struct{}, 1)}
		}
		w := &worker{Job: j, store: store, holder: r.holder, log: r.log.With("job", j.Name), record: r.records[j.Name]}
		r.running.Go(func() { w.watch(ctx) })
	}
}

// record is what the runner remembers of a job while it is stopped.
type record struct {
	count count
	wake  chan struct{} // says that the job is due
}

// Wake makes a job due: a run begins at once, or when the one under way, here
// or in another process, has ended. It does not wait.
func (r *Runner) Wake(job string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.records[job]
	if k == nil {
		return // it has not started
	}
	select {
	case k.wake <- struct{}{}:
	default: // one that waits is as good as two
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
