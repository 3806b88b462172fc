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

// work is what an Engine has to do; a lane has it.
type work interface {
	// Usable reports whether an attempt makes sense now. OnQueued's call is made
	// when that changes.
	Usable() bool
	// Resume makes due what was refused and may succeed now.
	Resume(ctx context.Context) (made int, more bool, err error)
	Due(ctx context.Context, limit int) (due []metadata.DueReplication, next time.Time, err error)
	Replicate(ctx context.Context, id int64) (metadata.Replication, error)
	OnQueued(call func(queued []metadata.DueReplication))
	SaveCounts(ctx context.Context, counts []metadata.ReplicationCount) error
}

const (
	// maxInFlight bounds how many replications are tried at the same time:
	// their transactions are committed together.
	maxInFlight = 256
	// maxInFlightOf bounds those of one source account: it is enough to keep the
	// store busy, and what another pushes queues behind few of them.
	maxInFlightOf = maxInFlight / 4
	// maxInFlightToPeer and maxInFlightToPeerOf are these bounds for a peer: a try
	// mostly waits there, for answers, and for the line while others have it.
	maxInFlightToPeer   = 2048
	maxInFlightToPeerOf = maxInFlightToPeer / 2
	// maxPending bounds what is remembered of replications that are to be tried,
	// and maxPendingOf what of one source account. Those past it, and those of a
	// process that died, fall due a little later for whoever looks.
	maxPending   = 100000
	maxPendingOf = maxPending / 10
	// maxFound is how many due replications a look asks for: more than are known
	// when it looks, so that it finds others.
	maxFound = 4 * maxInFlight
	// lookInterval is how often the engine looks for what others have left while
	// it has enough to do.
	lookInterval = time.Second
	// takenPause is how long the engine waits when other processes have taken all
	// that it found due.
	takenPause = 100 * time.Millisecond
	// resumeInterval is how often the engine looks whether a destination has
	// changed, and resumePause how long it waits for what it made due to be tried.
	resumeInterval = time.Second
	resumePause    = 20 * time.Millisecond
	// pause is how long the engine waits after a fault of the store.
	pause = time.Second
)

// Engine tries due replications until it is stopped.
type Engine struct {
	work     work
	log      *slog.Logger
	wake     chan struct{}
	changed  chan struct{} // signals that a destination has
	finished chan ending

	queue  *queue
	others atomic.Bool // others may have fallen due

	// Of the goroutine that runs:
	look   bool      // for what is due, as soon as there is room
	more   bool      // the last look may not have found all
	looked time.Time // last

	start, stop sync.Once
	ctx         context.Context
	cancel      context.CancelFunc
	done        chan struct{}

	complete, failed, retried atomic.Int64
	counter                   *counter
}

// Stats counts how tries ended since the start.
type Stats struct{ Complete, Failed, Retried int64 }

// NewEngine returns an engine that is not running yet.
func NewEngine(w work, log *slog.Logger) *Engine {
	return newEngine(w, limits{maxInFlight, maxInFlightOf}, log)
}

// newPeerEngine is NewEngine for what goes to a peer.
func newPeerEngine(w work, log *slog.Logger) *Engine {
	return newEngine(w, limits{maxInFlightToPeer, maxInFlightToPeerOf}, log)
}

func newEngine(w work, l limits, log *slog.Logger) *Engine {
	e := &Engine{
		work: w, log: log, wake: make(chan struct{}, 1), changed: make(chan struct{}, 1),
		finished: make(chan ending, l.inFlight),
		queue:    newQueue(l), done: make(chan struct{}), counter: newCounter(),
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

// Start begins with what is due. Starting twice does nothing.
func (e *Engine) Start() {
	e.start.Do(func() {
		e.work.OnQueued(e.signal)
		ended := make(chan struct{})
		var running sync.WaitGroup
		running.Go(e.run)
		running.Go(e.resume)
		go func() {
			defer close(ended)
			running.Wait()
		}()
		go func() {
			defer close(e.done)
			e.keepCounts(ended)
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
func (e *Engine) signal(queued []metadata.DueReplication) {
	if len(queued) == 0 {
		e.others.Store(true)
		signal(e.changed)
	}
	for _, d := range queued {
		if !e.queue.add(d) {
			e.others.Store(true)
			break // the rest falls due with it
		}
	}
	signal(e.wake)
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// resume makes due what destinations refused before they changed, batch by
// batch, while there is any.
func (e *Engine) resume() {
	for {
		wait := resumeInterval
		made, more, err := e.work.Resume(e.ctx)
		switch {
		case e.ctx.Err() != nil:
			return
		case err != nil:
			e.log.Error("could not make due again what may succeed now; trying again", "in", pause, "error", err)
			wait = pause
		case made > 0:
			continue
		case more:
			wait = resumePause
		}
		select {
		case <-e.ctx.Done():
			return
		case <-e.changed:
		case <-time.After(wait):
		}
	}
}

func (e *Engine) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-e.ctx.Done():
			for e.busy() {
				e.queue.end((<-e.finished).id)
			}
			return
		case <-e.wake:
		case <-timer.C:
			e.look = true
		case end := <-e.finished:
			if e.forget(end) {
				timer.Reset(takenPause)
			}
		}
		e.look = e.others.Swap(false) || e.look
		if !e.work.Usable() {
			timer.Reset(lookInterval)
			continue
		}
		e.beginQueued()
		if !e.look || !e.needsMore() {
			continue
		}
		next, err := e.lookForDue()
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

func (e *Engine) busy() bool {
	_, inFlight := e.queue.load()
	return inFlight > 0
}

// needsMore reports whether it is time to look for due replications: however
// much this process has queued, what others have left gets its turn.
func (e *Engine) needsMore() bool {
	waiting, _ := e.queue.load()
	return waiting < maxInFlight || time.Since(e.looked) >= lookInterval
}

// forget takes all that have finished: they come in groups, as they are
// committed, and one look for more serves them all. It returns true if all
// that there was to do was taken by other processes.
func (e *Engine) forget(end ending) (taken bool) {
	taken = e.more
	e.look = e.look || e.more
	for {
		if !e.queue.end(end.id) || end.again {
			e.look = true
		}
		if !end.taken {
			taken = false
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

// lookForDue queues what is due and not known. It returns when to look again, if
// nothing is due now.
func (e *Engine) lookForDue() (next time.Time, err error) {
	e.look, e.more, e.looked = false, false, time.Now()
	due, next, err := e.work.Due(e.ctx, maxFound)
	if err != nil {
		return time.Time{}, err
	}
	for _, d := range due {
		e.more = true // there may be others: look when there is room again
		e.queue.addFound(d)
	}
	e.beginQueued()
	return next, nil
}

// beginQueued begins what may be tried now.
func (e *Engine) beginQueued() {
	for {
		id, ok := e.queue.next()
		if !ok {
			return
		}
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
	r, err := e.work.Replicate(e.ctx, id)
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
	attrs := []any{
		"image", r.Digest, "tag", r.Tag, "account", r.DestinationAccount, "region", r.DestinationRegion, "tries", r.Tries,
	}
	switch r.State {
	case metadata.ReplicationComplete:
		e.complete.Add(1)
		e.counter.add(&r)
		e.log.Debug("replicated", append(attrs, "lag", r.FinishedAt.Sub(r.PushedAt))...)
	case metadata.ReplicationFailed:
		e.failed.Add(1)
		e.counter.add(&r)
		e.log.Warn("replication refused", append(attrs, "code", r.FailureCode)...)
	default:
		e.retried.Add(1)
	}
}
