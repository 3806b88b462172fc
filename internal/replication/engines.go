package replication

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Engines are those of all lanes: this deployment's, and one for each peer. They
// follow the peers as these come and go.
type Engines struct {
	service *Service
	log     *slog.Logger
	ctx     context.Context
	cancel  context.CancelFunc
	changed chan struct{}
	done    chan struct{}
	start   sync.Once
	stop    sync.Once

	mu    sync.Mutex
	of    map[string]*laneEngine // by the peer; "" for this deployment
	ended Stats                  // of those that have stopped
}

// laneEngine is the engine of a lane, with what runs beside it.
type laneEngine struct {
	lane   *lane
	engine *Engine
	cancel context.CancelFunc
	beside sync.WaitGroup
}

// NewEngines returns engines that are not running yet.
func NewEngines(s *Service, log *slog.Logger) *Engines {
	e := &Engines{
		service: s, log: log, changed: make(chan struct{}, 1), done: make(chan struct{}), of: map[string]*laneEngine{},
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

// followInterval is how often the engines look whether the peers are still the same.
const followInterval = time.Second

// Start begins with what is due. Starting twice does nothing.
func (e *Engines) Start() {
	e.start.Do(func() {
		if e.service.outbox.peers != nil {
			e.service.outbox.peers.OnChange(func() { signal(e.changed) })
		}
		e.follow()
		signal(e.changed) // the configuration may have others than before
		go func() {
			defer close(e.done)
			for {
				select {
				case <-e.ctx.Done():
					return
				case <-e.changed:
					e.follow()
					e.service.peersChanged(e.ctx)
				case <-time.After(followInterval):
					e.follow()
				}
			}
		}()
	})
}

// Stop waits for the tries under way. Stopping twice, or engines that never
// started, does nothing.
func (e *Engines) Stop() {
	e.stop.Do(func() {
		e.cancel()
		e.start.Do(func() { close(e.done) })
		<-e.done
		e.mu.Lock()
		defer e.mu.Unlock()
		var ending sync.WaitGroup
		for _, l := range e.of {
			ending.Go(l.end)
		}
		ending.Wait()
		e.service.closeAssemblies()
	})
	<-e.done
}

// Stats returns the counts so far.
func (e *Engines) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.ended
	for _, l := range e.of {
		all = all.Plus(l.engine.Stats())
	}
	return all
}

// Plus adds the counts of others.
func (s Stats) Plus(t Stats) Stats {
	return Stats{Complete: s.Complete + t.Complete, Failed: s.Failed + t.Failed, Retried: s.Retried + t.Retried}
}

// follow starts the engines of lanes that are new, and stops those of peers that have gone.
func (e *Engines) follow() {
	wanted := map[string]*lane{"": e.service.here}
	if peers := e.service.outbox.peers; peers != nil {
		for _, p := range peers.Peers() {
			if l := e.service.laneTo(p); l != nil {
				wanted[p.ID] = l
			}
		}
	}
	var gone []*laneEngine
	e.mu.Lock()
	for id, l := range e.of {
		if wanted[id] != l.lane {
			delete(e.of, id)
			gone = append(gone, l)
		}
	}
	for id, l := range wanted {
		if e.of[id] == nil {
			e.of[id] = e.begin(l)
		}
	}
	e.mu.Unlock()
	for _, l := range gone {
		l.end()
		e.mu.Lock()
		e.ended = e.ended.Plus(l.engine.Stats())
		e.mu.Unlock()
	}
}

func (e *Engines) begin(l *lane) *laneEngine {
	running := &laneEngine{lane: l}
	var ctx context.Context
	ctx, running.cancel = context.WithCancel(e.ctx)
	if l.remote == nil {
		running.engine = NewEngine(l, e.log)
	} else {
		running.engine = newPeerEngine(l, e.log)
		running.beside.Go(func() { l.remote.keepLeases(ctx) })
		running.beside.Go(func() { l.remote.sendEarlyLayers(ctx) })
		running.beside.Go(func() { l.remote.sendArrivingLayers(ctx, e.service.outbox.arrivals.forget) })
	}
	running.engine.Start()
	return running
}

// end stops the engine before what keeps its leases.
func (l *laneEngine) end() {
	l.engine.Stop()
	l.cancel()
	l.beside.Wait()
}
