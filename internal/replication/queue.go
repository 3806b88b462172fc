package replication

import (
	"slices"
	"sync"

	"github.com/twinport/twinport/internal/metadata"
)

// queue holds the replications that are to be tried. Source accounts take turns
// in it, and within an account its routes: so however much one has waiting,
// what another pushes comes soon. Of what is tried at the same time, a half at most
// is of backfills: so pushes find room at once. It is safe for concurrent use.
type queue struct {
	limits limits

	mu       sync.Mutex
	known    map[int64]*entry // those that wait or are tried
	accounts map[string]*account
	turns    []*account // those of which some wait, in the order of their turns
	waiting  int
	inFlight tried
}

// tried is how many replications are tried, and how many of them are of backfills.
type tried struct{ all, backfills int }

func (t *tried) add(e *entry, n int) {
	t.all += n
	if e.Backfill {
		t.backfills += n
	}
}

// hasRoom says whether one more of a route may be tried, of at most so many.
func (t tried) hasRoom(of metadata.Route, most int) bool {
	return t.all < most && (!of.Backfill || t.backfills < most/2)
}

// entry is a replication that waits or is tried.
type entry struct {
	metadata.DueReplication
	tried bool
	again bool // it was queued anew while it was tried
}

// account is a source account with what it has in the queue.
type account struct {
	routes   map[metadata.Route][]*entry
	turns    []metadata.Route // those of which some wait
	waiting  int
	inFlight tried
}

// limits bound how many replications are tried at the same time: in all, and those
// of one source account, so that what another pushes queues behind few of them.
type limits struct{ inFlight, inFlightOf int }

func newQueue(l limits) *queue {
	return &queue{limits: l, known: map[int64]*entry{}, accounts: map[string]*account{}}
}

// add queues what this process has just stored: false if there is no room for
// it. What is being tried is tried once more after that: it may have changed
// since that try looked at it.
func (q *queue) add(d metadata.DueReplication) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.known[d.ID]; e != nil {
		e.again = e.tried
		return true
	}
	return q.append(&entry{DueReplication: d})
}

// addFound queues what was found due: false if it is known, or there is no room.
func (q *queue) addFound(d metadata.DueReplication) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.known[d.ID] == nil && q.append(&entry{DueReplication: d})
}

func (q *queue) append(e *entry) bool {
	a := q.accounts[e.SourceAccount]
	if q.waiting >= maxPending || a != nil && a.waiting >= maxPendingOf {
		return false
	}
	if a == nil {
		a = &account{routes: map[metadata.Route][]*entry{}}
		q.accounts[e.SourceAccount] = a
	}
	if a.waiting == 0 {
		q.turns = append(q.turns, a)
	}
	if len(a.routes[e.Route]) == 0 {
		a.turns = append(a.turns, e.Route)
	}
	a.routes[e.Route] = append(a.routes[e.Route], e)
	a.waiting++
	q.waiting++
	q.known[e.ID] = e
	return true
}

// next takes the replication whose turn it is, to be tried now: false if none
// waits, or all that may be are being tried.
func (q *queue) next() (id int64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.inFlight.all >= q.limits.inFlight {
		return 0, false
	}
	for range q.turns {
		a := q.turns[0]
		q.turns = q.turns[1:]
		e := a.take(func(of metadata.Route) bool {
			return a.inFlight.hasRoom(of, q.limits.inFlightOf) && q.inFlight.hasRoom(of, q.limits.inFlight)
		})
		if a.waiting > 0 {
			q.turns = append(q.turns, a)
		}
		if e == nil {
			continue
		}
		q.waiting--
		q.inFlight.add(e, 1)
		e.tried = true
		return e.ID, true
	}
	return 0, false
}

// take takes the first of the route whose turn it is, of those that have room: nil if none has.
func (a *account) take(hasRoom func(metadata.Route) bool) *entry {
	i := slices.IndexFunc(a.turns, hasRoom)
	if i < 0 {
		return nil
	}
	route := a.turns[i]
	a.turns = slices.Delete(a.turns, i, i+1)
	of := a.routes[route]
	e := of[0]
	if of = of[1:]; len(of) > 0 {
		a.routes[route] = of
		a.turns = append(a.turns, route)
	} else {
		delete(a.routes, route)
	}
	a.waiting--
	a.inFlight.add(e, 1)
	return e
}

// end notes that a try has ended: false if the replication was queued anew
// meanwhile and there is no room for it.
func (q *queue) end(id int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.known[id]
	delete(q.known, id)
	q.inFlight.add(e, -1)
	a := q.accounts[e.SourceAccount]
	a.inFlight.add(e, -1)
	kept := !e.again || q.append(&entry{DueReplication: e.DueReplication})
	if a.waiting == 0 && a.inFlight.all == 0 {
		delete(q.accounts, e.SourceAccount)
	}
	return kept
}

// load is how many replications wait, and how many are tried.
func (q *queue) load() (waiting, inFlight int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting, q.inFlight.all
}
