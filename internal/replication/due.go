package replication

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// takeover is how long a queued replication is left to the process that took
// the push, which tries it at once. Then it is due for every process.
const takeover = 2 * time.Second

// pollInterval is how often a process looks for what others have left, where
// there may be others.
const pollInterval = time.Second

// maxRoutes is how many routes one look for due replications goes over. The
// next look goes on behind them.
const maxRoutes = 256

// lastRoute is where a look for due replications ended: zero if it came to the
// end of all routes. Else the next look goes on there, and this says of the routes
// before what it needs to know.
type lastRoute struct {
	mu sync.Mutex
	metadata.Route
	next time.Time // when the first of them falls due that was not; zero if none will
	due  bool      // whether any was
}

// Due are replications to try now that stay in this deployment, and when to look
// again (zero if none will fall due by itself). Each route gets an equal part of
// the limit, at least one: however much one source has waiting, no other's are
// missed. Of each route the longest due come first.
func (s *Service) Due(ctx context.Context, limit int) (due []metadata.DueReplication, next time.Time, err error) {
	return s.here.Due(ctx, limit)
}

// due is Due for what goes to a peer, or stays here.
func (s *Service) due(ctx context.Context, peer string, last *lastRoute, limit int) (
	due []metadata.DueReplication, next time.Time, err error) {
	last.mu.Lock()
	defer last.mu.Unlock()
	now := s.now()
	q := s.meta.Read(ctx)
	after := last.Route
	routes, err := q.Replications().WaitingRoutes(after, maxRoutes)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("look for routes with replications: %w", err)
	}
	next = last.next
	var have []metadata.WaitingRoute
	for _, w := range routes {
		if s.outbox.laneOf(w.Destination()) != peer {
			continue
		}
		switch {
		case w.Next.After(now.Add(lastRetry)):
			// No delay is that long, so the clock was ahead when it was stored.
			w.Next = time.UnixMicro(math.MaxInt64)
		case w.Next.After(now):
			next = earlier(next, w.Next)
			continue
		default:
			w.Next = now
		}
		have = append(have, w)
	}
	wasDue := last.due
	last.Route, last.next, last.due = metadata.Route{}, time.Time{}, false
	switch {
	case len(routes) == maxRoutes:
		last.Route, last.next, last.due = routes[maxRoutes-1].Route, next, wasDue || len(have) > 0
		next = now // for those that this look does not go over
	case wasDue:
		// When more of their replications fall due is not known.
		next = earlier(next, now.Add(pollInterval))
	}
	if due, err = s.dueOf(q, have, limit); err != nil {
		return nil, time.Time{}, fmt.Errorf("look for due replications: %w", err)
	}
	if len(due) == 0 && len(have) > 0 {
		// What was due has been done since the routes were read. When the next of
		// them falls due is not known, and perhaps nobody will wake the engine.
		next = now
	}
	if s.meta.Shared() {
		next = earlier(next, now.Add(pollInterval))
	}
	return due, next, nil
}

// earlier returns the earlier of two times, of which the first may be zero: none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// dueOf are replications of the routes that are due at each one's Next.
func (s *Service) dueOf(q *metadata.Queries, routes []metadata.WaitingRoute,
	limit int) (due []metadata.DueReplication, err error) {
	each := max(1, limit/max(1, len(routes)))
	asked := each
	if s.meta.Shared() {
		asked *= 4 // not all processes should fall upon the same ones
	}
	answers := make([]metadata.Answer[[]metadata.DueReplication], len(routes))
	for i, w := range routes {
		answers[i] = metadata.Ask(q, func(q *metadata.Queries) ([]metadata.DueReplication, error) {
			return q.Replications().Due(w.Route, w.Next, asked)
		})
	}
	for _, answer := range answers {
		of, err := answer.Get()
		if err != nil {
			return nil, err
		}
		if len(of) > each {
			rand.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
			of = of[:each]
		}
		due = append(due, of...)
	}
	return due, nil
}
