package replication

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// fake holds replications in memory.
type fake struct {
	mu    sync.Mutex
	wake  func(queued []metadata.DueReplication)
	rows  map[int64]*metadata.Replication
	tries map[int64][]time.Time
	// outcome decides a try; nil completes it. It may block.
	outcome func(ctx context.Context, r *metadata.Replication) error
	due     error   // of Due
	refused []int64 // that Resume makes due, one at a time
	looked  int
	counts  map[time.Time]metadata.ReplicationCount // by minute
	saves   error
}

func newFake(ids ...int64) *fake {
	f := &fake{
		rows: map[int64]*metadata.Replication{}, tries: map[int64][]time.Time{}, wake: func([]metadata.DueReplication) {},
	}
	for _, id := range ids {
		f.rows[id] = &metadata.Replication{ID: id, State: metadata.ReplicationInProgress}
	}
	return f
}

func (f *fake) Usable() bool { return true }

func (f *fake) OnQueued(wake func([]metadata.DueReplication)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wake = wake
}

func (f *fake) Resume(context.Context) (made int, more bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.refused) == 0 {
		return 0, false, nil
	}
	id := f.refused[0]
	f.refused = f.refused[1:]
	f.rows[id] = &metadata.Replication{ID: id, State: metadata.ReplicationInProgress, NextTryAt: time.Now().Add(time.Hour)}
	wake := f.wake
	go wake([]metadata.DueReplication{{ID: id}})
	return 1, true, nil
}

func (f *fake) Due(_ context.Context, limit int) (due []metadata.DueReplication, next time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked++
	if f.due != nil {
		return nil, time.Time{}, f.due
	}
	now := time.Now()
	var ids []int64
	for id, r := range f.rows {
		if r.State != metadata.ReplicationInProgress {
			continue
		}
		if !r.NextTryAt.After(now) {
			ids = append(ids, id)
		} else if next.IsZero() || r.NextTryAt.Before(next) {
			next = r.NextTryAt
		}
	}
	slices.Sort(ids)
	for _, id := range ids[:min(len(ids), limit)] {
		due = append(due, metadata.DueReplication{ID: id})
	}
	return due, next, nil
}

func (f *fake) Replicate(ctx context.Context, id int64) (metadata.Replication, error) {
	f.mu.Lock()
	f.tries[id] = append(f.tries[id], time.Now())
	r := f.rows[id]
	if r == nil {
		f.mu.Unlock()
		return metadata.Replication{}, metadata.ErrNotFound
	}
	try, outcome := *r, f.outcome
	f.mu.Unlock()
	try.State = metadata.ReplicationComplete
	if outcome != nil {
		if err := outcome(ctx, &try); err != nil {
			return try, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	*r = try
	return try, nil
}

func (f *fake) SaveCounts(_ context.Context, counts []metadata.ReplicationCount) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[time.Time]metadata.ReplicationCount{}
	}
	for _, c := range counts {
		f.counts[c.Minute] = c
	}
	return f.saves
}

func (f *fake) push(id int64, at time.Time) {
	f.mu.Lock()
	f.rows[id] = &metadata.Replication{ID: id, State: metadata.ReplicationInProgress, NextTryAt: at}
	wake := f.wake
	f.mu.Unlock()
	if at.After(time.Now()) {
		wake(nil)
	} else {
		wake([]metadata.DueReplication{{ID: id}})
	}
}

func (f *fake) state(id int64) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rows[id].State
}

func (f *fake) count(id int64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.tries[id])
}

func start(t *testing.T, f *fake) *Engine {
	t.Helper()
	e := NewEngine(f, slog.New(slog.DiscardHandler))
	e.Start()
	t.Cleanup(e.Stop)
	return e
}

func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

func TestStartAndStopTwice(t *testing.T) {
	f := newFake(1)
	e := NewEngine(f, slog.New(slog.DiscardHandler))
	e.Start()
	e.Start()
	wait(t, "the first try", func() bool { return f.state(1) == metadata.ReplicationComplete })
	e.Stop()
	e.Stop()
	f.push(2, time.Time{})
	e.Start()
	time.Sleep(10 * time.Millisecond)
	if n := f.count(2); n != 0 {
		t.Errorf("%d tries after the stop", n)
	}
	never := NewEngine(newFake(1), slog.New(slog.DiscardHandler))
	never.Stop()
	never.Stop()
	never.Start()
}

func TestStopWaitsForTheTryUnderWay(t *testing.T) {
	f := newFake(1)
	entered, leave := make(chan struct{}), make(chan struct{})
	f.outcome = func(context.Context, *metadata.Replication) error {
		close(entered)
		<-leave
		return nil
	}
	e := start(t, f)
	<-entered
	stopped := make(chan struct{})
	go func() { e.Stop(); close(stopped) }()
	select {
	case <-stopped:
		t.Error("stopped with a try under way")
	case <-time.After(20 * time.Millisecond):
	}
	close(leave)
	<-stopped
	if f.state(1) != metadata.ReplicationComplete {
		t.Error("the try was lost")
	}
}

func TestPushWakesTheEngine(t *testing.T) {
	f := newFake()
	e := start(t, f)
	for id := int64(1); id <= 20; id++ {
		f.push(id, time.Time{})
		wait(t, "the replication", func() bool { return f.state(id) == metadata.ReplicationComplete })
	}
	if s := e.Stats(); s != (Stats{Complete: 20}) {
		t.Errorf("stats: %+v", s)
	}
	f.mu.Lock()
	looked := f.looked
	f.mu.Unlock()
	time.Sleep(50 * time.Millisecond)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.looked > looked+2 {
		t.Errorf("looked %d times for work with none to do", f.looked-looked)
	}
}

func TestDelayedReplicationsAreTriedInTime(t *testing.T) {
	f := newFake()
	start(t, f)
	at := time.Now().Add(60 * time.Millisecond)
	f.push(1, at.Add(40*time.Millisecond))
	f.push(2, at) // falls due before the one that the timer was set for
	for id, due := range map[int64]time.Time{1: at.Add(40 * time.Millisecond), 2: at} {
		wait(t, "the delayed replication", func() bool { return f.count(id) > 0 })
		f.mu.Lock()
		if tried := f.tries[id][0]; tried.Before(due) {
			t.Errorf("replication %d was tried %v early", id, due.Sub(tried))
		}
		f.mu.Unlock()
	}
}

func TestOutcomesAreCounted(t *testing.T) {
	f := newFake(1, 2, 3, 4)
	f.outcome = func(_ context.Context, r *metadata.Replication) error {
		switch r.ID {
		case 1:
			r.State = metadata.ReplicationFailed
		case 2:
			if r.Tries++; r.Tries < 3 {
				r.State, r.NextTryAt = metadata.ReplicationInProgress, time.Now().Add(time.Millisecond)
			}
		case 3:
			return metadata.ErrNotFound
		}
		if r.ID == 4 {
			f.mu.Lock()
			delete(f.rows, 3)
			f.mu.Unlock()
		}
		return nil
	}
	e := start(t, f)
	wait(t, "the third try", func() bool { return e.Stats() == Stats{Complete: 2, Failed: 1, Retried: 2} })
	if n := f.count(1); n != 1 {
		t.Errorf("a refused replication was tried %d times", n)
	}
}

func TestOneThatCannotBeStoredDoesNotBlockOthers(t *testing.T) {
	const n = 3*maxInFlight + 5
	f := newFake()
	for id := int64(1); id <= n; id++ {
		f.rows[id] = &metadata.Replication{ID: id, State: metadata.ReplicationInProgress}
	}
	broken := errors.New("the store is broken for this one")
	f.outcome = func(_ context.Context, r *metadata.Replication) error {
		if r.ID == 1 {
			return broken
		}
		return nil
	}
	began := time.Now()
	e := start(t, f)
	wait(t, "all the others", func() bool { return e.Stats().Complete == n-1 })
	if took := time.Since(began); took > 3*pause { // they are of four looks
		t.Errorf("the others took %v", took)
	}
	// Alone it is tried with pauses.
	before := f.count(1)
	time.Sleep(50 * time.Millisecond)
	if more := f.count(1) - before; more > 1 {
		t.Errorf("%d tries in 50 ms", more)
	}
}

func TestFaultOfTheStoreIsSurvived(t *testing.T) {
	f := newFake(1)
	f.due = errors.New("the store is away")
	start(t, f)
	wait(t, "the first look", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.looked > 0 })
	f.mu.Lock()
	f.due = nil
	f.mu.Unlock()
	wait(t, "the replication", func() bool { return f.state(1) == metadata.ReplicationComplete })
}

func TestRefusedAreMadeDueBatchByBatch(t *testing.T) {
	f := newFake()
	f.refused = []int64{1, 2, 3}
	e := start(t, f)
	wait(t, "what was refused before the start", func() bool { return e.Stats().Complete == 3 })
	f.mu.Lock()
	f.refused = []int64{4, 5}
	f.mu.Unlock()
	e.signal(nil)
	wait(t, "what a change makes due", func() bool { return e.Stats().Complete == 5 })
}

// However many replications one account has waiting, another's is tried among
// the next; and so is one of its own to another destination.
func TestAccountsAndDestinationsTakeTurns(t *testing.T) {
	flood := metadata.Route{SourceRegistryRow: 1, SourceAccount: "1", DestinationAccount: "9"}
	const n = maxPendingOf / 2
	for name, c := range map[string]struct {
		route metadata.Route
		most  int // of the flood that are tried before it
	}{
		"another account": {
			metadata.Route{SourceRegistryRow: 2, SourceAccount: "2", DestinationAccount: "9"}, maxInFlightOf + 1,
		},
		"another destination": {
			metadata.Route{SourceRegistryRow: 1, SourceAccount: "1", DestinationAccount: "8"}, maxInFlightOf + 2,
		},
		"another Region": {
			metadata.Route{SourceRegistryRow: 3, SourceAccount: "1", DestinationAccount: "9"}, maxInFlightOf + 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			full, leave := make(chan struct{}, n), make(chan struct{})
			f.outcome = func(_ context.Context, r *metadata.Replication) error {
				full <- struct{}{}
				<-leave
				return nil
			}
			var queued []metadata.DueReplication
			for id := int64(1); id <= n; id++ {
				queued = append(queued, metadata.DueReplication{ID: id, Route: flood})
				f.rows[id] = &metadata.Replication{
					ID: id, State: metadata.ReplicationInProgress, NextTryAt: time.Now().Add(time.Hour),
				}
			}
			f.rows[n+1] = &metadata.Replication{
				ID: n + 1, State: metadata.ReplicationInProgress, NextTryAt: time.Now().Add(time.Hour),
			}
			e := start(t, f)
			e.signal(queued)
			for range maxInFlightOf {
				<-full
			}
			e.signal([]metadata.DueReplication{{ID: n + 1, Route: c.route}})
			before := -1
			for i := range n + 1 {
				if f.count(n+1) > 0 {
					before = i
					break
				}
				if c.route.SourceAccount == "1" {
					leave <- struct{}{} // one ends, and another begins
					<-full
				} else {
					time.Sleep(time.Millisecond)
				}
			}
			f.mu.Lock()
			tried := len(f.tries)
			f.mu.Unlock()
			if before < 0 || tried > c.most {
				t.Errorf("%d were tried before it, want at most %d", tried-1, c.most-1)
			}
			close(leave)
			wait(t, "the rest", func() bool { return e.Stats().Complete == n+1 })
		})
	}
}

// What one account has waiting in memory is bounded, and leaves room for others;
// the store keeps the rest.
func TestQueueIsBoundedPerAccount(t *testing.T) {
	q := newQueue(limits{maxInFlight, maxInFlightOf})
	id := int64(0)
	add := func(account string, n int) (added int) {
		for range n {
			id++
			if q.add(metadata.DueReplication{ID: id, Route: metadata.Route{SourceAccount: account}}) {
				added++
			}
		}
		return added
	}
	if n := add("1", 2*maxPendingOf); n != maxPendingOf {
		t.Errorf("%d of one account are queued, want %d", n, maxPendingOf)
	}
	if n := add("2", 10); n != 10 {
		t.Errorf("%d of another account's 10 are queued", n)
	}
	var inFlight []int64
	for {
		id, ok := q.next()
		if !ok {
			break
		}
		inFlight = append(inFlight, id)
	}
	if len(inFlight) != maxInFlightOf+10 {
		t.Errorf("%d are tried at the same time", len(inFlight))
	}
	for _, id := range inFlight {
		q.end(id)
	}
	if waiting, inFlight := q.load(); waiting != maxPendingOf-maxInFlightOf || inFlight != 0 || len(q.accounts) != 1 {
		t.Errorf("%d wait, %d are tried, of %d accounts", waiting, inFlight, len(q.accounts))
	}
}

// What is queued anew while it is tried is tried again: the try may have looked
// at it before. What is only found due again is not.
func TestQueuedWhileItIsTried(t *testing.T) {
	q := newQueue(limits{maxInFlight, maxInFlightOf})
	d := metadata.DueReplication{ID: 1}
	q.add(d)
	q.next()
	if q.addFound(d) {
		t.Error("one that is being tried was taken for another")
	}
	q.end(1)
	if _, ok := q.next(); ok {
		t.Error("it is tried again for nothing")
	}
	q.add(d)
	q.next()
	q.add(d)
	if _, ok := q.next(); ok {
		t.Error("it is tried twice at the same time")
	}
	q.end(1)
	if id, ok := q.next(); !ok || id != 1 {
		t.Error("it is not tried again")
	}
}
