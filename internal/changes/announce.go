package changes

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/twinport/twinport/internal/metadata"
)

const (
	// announceInterval is how long changes gather before they are announced.
	announceInterval = 250 * time.Millisecond
	// namesPerAnnouncement and runsPerAnnouncement keep one within
	// metadata.MaxAnnouncement.
	namesPerAnnouncement, runsPerAnnouncement = 25, 200
	// listenPause is how long a process waits before it tries again to listen,
	// and listenPatience how long a watch waits for that.
	listenPause    = time.Second
	listenPatience = 2 * time.Second
)

// announcements tell the watchers of other processes what this process's commits change, and this process's watchers
// what others' commits change. Replications are left out: watchers look for those themselves. They are gathered, and
// sent apart from the commits.
type announcements struct {
	store   metadata.Announcer
	feed    *Feed
	log     *slog.Logger
	process string // to ignore its own

	mu       sync.Mutex
	gathered map[int64]*Notes // by the registry's row; nil if nothing waits

	listeners int // watches; while there are any, the process listens
	stop      context.CancelFunc
	begun     chan struct{} // closed once it listens
}

// announcement is the text of one.
type announcement struct {
	Process      string   `json:"p"`
	Registry     int64    `json:"r"`
	Repositories []string `json:"n,omitempty"`
	Settings     bool     `json:"s,omitempty"`
	Lost         bool     `json:"l,omitempty"`
	Runs         []int64  `json:"e,omitempty"`
}

func newAnnouncements(store metadata.Announcer, feed *Feed, log *slog.Logger) *announcements {
	return &announcements{store: store, feed: feed, log: log, process: uuid.NewString()}
}

// add gathers a change. The first one starts the timer after which all are
// announced.
func (a *announcements) add(c Change) {
	if c.Repository == "" && !c.Settings && len(c.Runs) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gathered == nil {
		a.gathered = map[int64]*Notes{}
		time.AfterFunc(announceInterval, a.send)
	}
	n := a.gathered[c.Registry]
	if n == nil {
		n = &Notes{}
		a.gathered[c.Registry] = n
	}
	n.add(Change{Repository: c.Repository, Settings: c.Settings, Runs: c.Runs})
}

func (a *announcements) send() {
	a.mu.Lock()
	gathered := a.gathered
	a.gathered = nil
	a.mu.Unlock()
	var texts []string
	put := func(one announcement) {
		one.Process = a.process
		if text, err := json.Marshal(one); err == nil { // names always marshal
			texts = append(texts, string(text))
		}
	}
	for registry, n := range gathered {
		if n.Settings || n.Lost {
			put(announcement{Registry: registry, Settings: n.Settings, Lost: n.Lost})
		}
		for names := range slices.Chunk(slices.Sorted(maps.Keys(n.Repositories)), namesPerAnnouncement) {
			put(announcement{Registry: registry, Repositories: names})
		}
		for runs := range slices.Chunk(slices.Sorted(maps.Keys(n.Runs)), runsPerAnnouncement) {
			put(announcement{Registry: registry, Runs: runs})
		}
	}
	if err := a.store.Announce(context.Background(), texts); err != nil && !errors.Is(err, metadata.ErrClosed) {
		a.log.Warn("could not notify the other processes of what has changed: their consoles show it late", "error", err)
	}
}

// listen makes the process listen until release is called. It waits until the
// process listens, but not for long.
func (a *announcements) listen(ctx context.Context) (release func()) {
	a.mu.Lock()
	if a.listeners++; a.listeners == 1 {
		var listening context.Context
		listening, a.stop = context.WithCancel(context.Background())
		a.begun = make(chan struct{})
		go a.keepListening(listening, sync.OnceFunc(func() { close(a.begun) }))
	}
	begun := a.begun
	a.mu.Unlock()
	select {
	case <-begun:
	case <-ctx.Done():
	case <-time.After(listenPatience):
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.listeners--; a.listeners == 0 {
			a.stop()
		}
	}
}

// keepListening listens again whenever the connection is lost. What was
// announced meanwhile is lost, too.
func (a *announcements) keepListening(ctx context.Context, begun func()) {
	for {
		err := a.store.Listen(ctx, func() {
			a.feed.noteLost()
			begun()
		}, a.heard)
		if ctx.Err() != nil {
			return
		}
		a.log.Warn("could not listen to what other processes change; trying again", "in", listenPause, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(listenPause):
		}
	}
}

func (a *announcements) heard(text string) {
	var one announcement
	if err := json.Unmarshal([]byte(text), &one); err != nil || one.Process == a.process {
		return // a later version's, or our own
	}
	a.feed.note(one.Registry, func(n *Notes) {
		n.Lost = n.Lost || one.Lost
		n.add(Change{Settings: one.Settings, Runs: one.Runs})
		for _, name := range one.Repositories {
			n.add(Change{Repository: name})
		}
	})
}
