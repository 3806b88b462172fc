package replication

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// WatchEvent is what has changed in a registry. One with nothing in it is
// the first: what changes from then on is reported.
type WatchEvent struct {
	// Replications that changed, the latest first, all in one direction.
	Direction    Direction
	Replications []Replication
	// Repositories that were created, changed or deleted, or whose images were.
	Repositories []string
	// Registry says that the registry's settings were changed.
	Registry bool
	// LifecycleRuns are runs of lifecycle policies that began, found their images, or
	// ended.
	LifecycleRuns []int64
	// Lost says that more changed than was reported.
	Lost bool
}

const (
	// watchGather is how long a watcher waits for more after the first change, so
	// that many at once are reported together.
	watchGather = 50 * time.Millisecond
	// watchPoll is how often a watcher looks for what other processes have changed.
	watchPoll = time.Second
	// watchOverlap is how far it looks back each time: what was committed later
	// than it says, and what a clock that is behind says, is found all the same.
	watchOverlap = 5 * time.Second
)

// Watch calls emit with what changes in a registry until ctx ends, or emit fails:
// it returns that error, or one of the store. Something may be reported twice. What
// other processes change is reported within a second or so.
func (s *Service) Watch(ctx context.Context, c access.Caller, id resource.Registry, emit func(WatchEvent) error) error {
	reg, err := s.registry.Settings(ctx, c, id, access.DescribeRegistry)
	if err != nil {
		return err
	}
	w := s.changes.Watch(reg.ID)
	defer w.Close()
	v := &view{service: s, id: id, registry: reg.ID}
	var poll <-chan time.Time
	if s.meta.Shared() {
		defer s.changes.Listen(ctx)()
		// What was there before is not reported.
		w.Take()
		v.reported = map[int64]time.Time{}
		if _, err := v.changed(ctx, v.unseen(changes.Notes{})); err != nil {
			return err
		}
		ticker := time.NewTicker(watchPoll)
		defer ticker.Stop()
		poll = ticker.C
	}
	for events := []WatchEvent{{}}; ; {
		for _, e := range events {
			if err := emit(e); err != nil {
				return err
			}
		}
		polled := false
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-poll:
			polled = true
		case <-w.Changed():
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(watchGather):
			}
		}
		n := w.Take()
		if polled {
			n = v.unseen(n)
		}
		if events, err = v.events(ctx, n); err != nil {
			return err
		}
	}
}

// view is what one watcher knows.
type view struct {
	service  *Service
	id       resource.Registry
	registry int64
	looked   time.Time // when it last looked for what others have changed
	// reported are the replications of the last seconds, each with when it changed as
	// it was reported; nil where no other process changes any.
	reported map[int64]time.Time
}

// unseen has those replications looked for that others may have changed since
// the last time.
func (v *view) unseen(n changes.Notes) changes.Notes {
	now := v.service.now()
	if v.looked.IsZero() || v.looked.After(now) {
		v.looked = now
	}
	n.LookSince(v.looked.Add(-watchOverlap))
	v.looked = now
	return n
}

// events are what was noted.
func (v *view) events(ctx context.Context, n changes.Notes) (events []WatchEvent, err error) {
	if n.Lost {
		return []WatchEvent{{Lost: true}}, nil
	}
	rows, err := v.changed(ctx, n)
	if err != nil {
		return nil, err
	}
	if len(rows) > changes.MaxReplications {
		return []WatchEvent{{Lost: true}}, nil
	}
	outgoing, incoming := WatchEvent{Direction: Outgoing}, WatchEvent{Direction: Incoming}
	for _, r := range rows {
		if r.Source == v.id {
			outgoing.Replications = append(outgoing.Replications, r)
		} else {
			incoming.Replications = append(incoming.Replications, r)
		}
	}
	for _, e := range []WatchEvent{outgoing, incoming} {
		if len(e.Replications) > 0 {
			events = append(events, e)
		}
	}
	if len(n.Repositories) > 0 || n.Settings {
		events = append(events, WatchEvent{Repositories: slices.Sorted(maps.Keys(n.Repositories)), Registry: n.Settings})
	}
	if len(n.Runs) > 0 {
		events = append(events, WatchEvent{LifecycleRuns: slices.Sorted(maps.Keys(n.Runs))})
	}
	return events, nil
}

// changed are the noted replications that the registry may see, and of which nothing was reported.
func (v *view) changed(ctx context.Context, n changes.Notes) ([]Replication, error) {
	const limit = changes.MaxReplications + 1
	var lists []list
	if len(n.Replications) > 0 {
		ids := slices.Sorted(maps.Keys(n.Replications))
		lists = append(lists,
			func(q *metadata.Queries) ([]metadata.ListedReplication, error) { return q.Replications().ByID(ids) },
			func(q *metadata.Queries) ([]metadata.ListedReplication, error) { return q.Deletions().ByID(ids) })
	}
	if !n.Since.IsZero() {
		for _, state := range []State{InProgress, Complete, Failed} {
			lists = append(lists, from(v.registry, state, n.Since, metadata.ReplicationKey{}, limit)...)
		}
		lists = append(lists, into(v.id, n.Since, metadata.ReplicationKey{}, limit)...)
	}
	if len(lists) == 0 {
		return nil, nil
	}
	rows, err := v.service.listed(ctx, lists)
	if err != nil {
		return nil, fmt.Errorf("look for changed replications of %s: %w", v.id, err)
	}
	seen := map[int64]bool{}
	rows = slices.DeleteFunc(rows, func(r Replication) bool {
		mine := r.Source == v.id || r.Destination == v.id && r.State == Complete
		again := seen[r.ID]
		seen[r.ID] = true
		return !mine || again || v.reported != nil && v.reported[r.ID].Equal(r.ChangedAt)
	})
	v.remember(rows)
	return rows, nil
}

// maxReported bounds reported; past it some are reported twice.
const maxReported = 10000

func (v *view) remember(rows []Replication) {
	if v.reported == nil {
		return
	}
	if len(v.reported) > maxReported {
		clear(v.reported)
	}
	for _, r := range rows {
		v.reported[r.ID] = r.ChangedAt
	}
	horizon := v.looked.Add(-2 * watchOverlap)
	maps.DeleteFunc(v.reported, func(_ int64, changed time.Time) bool { return changed.Before(horizon) })
}
