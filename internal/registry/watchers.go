package registry

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// What is noted for a watcher between two events. Of more it is told only that
// there was more.
const (
	maxNotedNames        = 1000
	maxNotedReplications = 500
)

// change is what a commit has changed, as far as watchers are told.
type change struct {
	registry     int64  // the row of the one that it concerns
	repository   string // that was changed, or what it holds; "" for none
	settings     bool   // of the registry
	replications []int64
}

// watchers are those who follow a registry, in this process. The zero value has
// none, and no other process.
type watchers struct {
	// announcements reach other processes; nil where there are none.
	announcements *announcements

	number atomic.Int64 // so that a commit costs nothing while nobody watches
	mu     sync.Mutex
	of     map[int64][]*watcher // by the registry's row
}

// watcher gathers what changes until it is taken.
type watcher struct {
	wake chan struct{} // signals that there is something

	mu    sync.Mutex
	noted notes
}

// notes are what has changed since they were last taken.
type notes struct {
	repositories map[string]bool
	settings     bool
	replications map[int64]bool
	// since is when replications changed that nobody has named; zero if none did.
	since time.Time
	// lost says that more has changed than is noted.
	lost bool
}

func (ws *watchers) add(registry int64) *watcher {
	w := &watcher{wake: make(chan struct{}, 1)}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.of == nil {
		ws.of = map[int64][]*watcher{}
	}
	ws.of[registry] = append(ws.of[registry], w)
	ws.number.Add(1)
	return w
}

func (ws *watchers) remove(registry int64, w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	left := slices.DeleteFunc(ws.of[registry], func(o *watcher) bool { return o == w })
	if ws.of[registry] = left; len(left) == 0 {
		delete(ws.of, registry)
	}
	ws.number.Add(-1)
}

// tell notes a change for those who watch its registry. It never waits for them.
func (ws *watchers) tell(c change) {
	if ws.announcements != nil {
		ws.announcements.add(c)
	}
	if ws.number.Load() > 0 {
		ws.note(c.registry, func(n *notes) { n.add(c) })
	}
}

// note notes something for those of this process who watch a registry.
func (ws *watchers) note(registry int64, add func(*notes)) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, w := range ws.of[registry] {
		w.note(add)
	}
}

// lose notes for all watchers that more may have changed than they are told.
func (ws *watchers) lose() { ws.noteAll(func(n *notes) { *n = notes{lost: true} }) }

func (ws *watchers) noteAll(add func(*notes)) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, of := range ws.of {
		for _, w := range of {
			w.note(add)
		}
	}
}

func (w *watcher) note(add func(*notes)) {
	w.mu.Lock()
	add(&w.noted)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take returns what was noted, and begins anew.
func (w *watcher) take() notes {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.noted
	w.noted = notes{}
	return n
}

func (n *notes) add(c change) {
	n.settings = n.settings || c.settings
	if c.repository != "" {
		if n.repositories == nil {
			n.repositories = map[string]bool{}
		}
		n.repositories[c.repository] = true
	}
	if n.replications == nil && len(c.replications) > 0 {
		n.replications = map[int64]bool{}
	}
	for _, id := range c.replications {
		n.replications[id] = true
	}
	if len(n.repositories) > maxNotedNames || len(n.replications) > maxNotedReplications {
		*n = notes{lost: true}
	}
}

// lookSince has replications looked for that changed at t or later.
func (n *notes) lookSince(t time.Time) {
	if n.since.IsZero() || t.Before(n.since) {
		n.since = t
	}
}
