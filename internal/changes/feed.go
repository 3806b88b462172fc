// Package changes notifies those who follow a registry of what commits change in it: in this process at once, in
// other processes by announcements of the store.
package changes

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// Limits of what is noted for a watcher between two events. Past them it learns only that there was more.
const (
	maxNames        = 1000
	maxRuns         = 500
	MaxReplications = 500
)

// Change is what a commit has changed, as far as watchers are notified.
type Change struct {
	Registry     int64  // the row of the one that it concerns
	Repository   string // that was changed, or what it holds; "" for none
	Settings     bool   // of the registry
	Replications []int64
	Runs         []int64 // of lifecycle policies: that began, found their images, or ended
}

// Feed notifies the watchers of registries. It is safe for concurrent use.
type Feed struct {
	// announcements reach other processes; nil where there are none.
	announcements *announcements

	number   atomic.Int64 // of watchers, so that a commit costs nothing while nobody watches
	mu       sync.Mutex
	watchers map[int64][]*Watcher // by the registry's row
}

// New returns a Feed. It reaches other processes if the store is a metadata.Announcer; without a store it does not.
func New(store metadata.Store, log *slog.Logger) *Feed {
	f := &Feed{watchers: map[int64][]*Watcher{}}
	if a, ok := store.(metadata.Announcer); ok {
		f.announcements = newAnnouncements(a, f, log)
	}
	return f
}

// Watcher gathers what changes in a registry until it is taken.
type Watcher struct {
	feed     *Feed
	registry int64
	wake     chan struct{} // signals that there is something

	mu    sync.Mutex
	notes Notes
}

// Notes are what has changed since they were last taken.
type Notes struct {
	Repositories map[string]bool
	Settings     bool
	Replications map[int64]bool
	Runs         map[int64]bool
	// Since is since when replications may have changed that are not in
	// Replications; zero if there are none.
	Since time.Time
	// Lost says that more has changed than is noted.
	Lost bool
}

// Watch returns a new watcher of a registry, by its row. Close ends it.
func (f *Feed) Watch(registry int64) *Watcher {
	w := &Watcher{feed: f, registry: registry, wake: make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watchers[registry] = append(f.watchers[registry], w)
	f.number.Add(1)
	return w
}

// Close ends the watcher.
func (w *Watcher) Close() {
	f := w.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	left := slices.DeleteFunc(f.watchers[w.registry], func(o *Watcher) bool { return o == w })
	if f.watchers[w.registry] = left; len(left) == 0 {
		delete(f.watchers, w.registry)
	}
	f.number.Add(-1)
}

// Changed receives when there is something to take.
func (w *Watcher) Changed() <-chan struct{} { return w.wake }

// Take returns what was noted since the last call.
func (w *Watcher) Take() Notes {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.notes
	w.notes = Notes{}
	return n
}

// Listen makes this process hear of what others change, until release is called. It waits for that, but not for long.
func (f *Feed) Listen(ctx context.Context) (release func()) {
	if f.announcements == nil {
		return func() {}
	}
	return f.announcements.listen(ctx)
}

// Notify notes a change for those who watch its registry. It never waits for them.
func (f *Feed) Notify(c Change) {
	if f.announcements != nil {
		f.announcements.add(c)
	}
	if f.number.Load() > 0 {
		f.note(c.Registry, func(n *Notes) { n.add(c) })
	}
}

// note notes something for those of this process who watch a registry.
func (f *Feed) note(registry int64, add func(*Notes)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.watchers[registry] {
		w.note(add)
	}
}

// noteLost notes for all watchers that they may miss changes.
func (f *Feed) noteLost() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, of := range f.watchers {
		for _, w := range of {
			w.note(func(n *Notes) { *n = Notes{Lost: true} })
		}
	}
}

func (w *Watcher) note(add func(*Notes)) {
	w.mu.Lock()
	add(&w.notes)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (n *Notes) add(c Change) {
	n.Settings = n.Settings || c.Settings
	if c.Repository != "" {
		if n.Repositories == nil {
			n.Repositories = map[string]bool{}
		}
		n.Repositories[c.Repository] = true
	}
	if n.Replications == nil && len(c.Replications) > 0 {
		n.Replications = map[int64]bool{}
	}
	for _, id := range c.Replications {
		n.Replications[id] = true
	}
	if n.Runs == nil && len(c.Runs) > 0 {
		n.Runs = map[int64]bool{}
	}
	for _, id := range c.Runs {
		n.Runs[id] = true
	}
	if len(n.Repositories) > maxNames || len(n.Runs) > maxRuns || len(n.Replications) > MaxReplications {
		*n = Notes{Lost: true}
	}
}

// LookSince notes that replications that changed at t or later are to be looked for.
func (n *Notes) LookSince(t time.Time) {
	if n.Since.IsZero() || t.Before(n.Since) {
		n.Since = t
	}
}
