package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/test/servers"
)

// eachStore runs a test on both engines, as two processes see them. (On SQLite
// there is only one, but a lease that was left behind is taken over all the same.)
func eachStore(t *testing.T, test func(t *testing.T, a, b metadata.Store)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		s, err := metadata.OpenSQLite(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		test(t, s, s)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		database := servers.Postgres(t)
		var stores [2]metadata.Store
		for i := range stores {
			s, err := metadata.OpenPostgres(t.Context(), database)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			stores[i] = s
		}
		test(t, stores[0], stores[1])
	})
}

// work is a Registry of pages that only takes note of them.
type work struct {
	pages int           // of each step
	takes time.Duration // a page
	// before, if not nil, is called at each page.
	before func(process, page string) error

	mu      sync.Mutex
	done    []string // "step after"
	by      []string // which process did it
	running atomic.Int64
	overlap atomic.Bool
}

// of is the work as a process does it.
func (w *work) of(process string) Registry { return worker{w, process} }

type worker struct {
	*work
	process string
}

func (w worker) Sweep(ctx context.Context, step registry.SweepStep, after string, _ time.Duration, dry bool) (p registry.SweepPage, err error) {
	if w.running.Add(1) > 1 {
		w.overlap.Store(true)
	}
	defer w.running.Add(-1)
	page := strings.TrimSpace(string(step) + " " + after)
	if w.before != nil {
		if err := w.before(w.process, page); err != nil {
			return p, err
		}
	}
	time.Sleep(w.takes)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = append(w.done, page)
	w.by = append(w.by, w.process)
	n := 0
	_, _ = fmt.Sscan(after, &n)
	if n+1 < w.pages {
		p.Next = fmt.Sprint(n + 1)
	}
	return registry.SweepPage{Next: p.Next, Found: 1, Bytes: 10}, nil
}

func (w *work) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.done)
}

// wantWhole checks that the pages were done in order, each at least once: a
// page whose end was not recorded is done again.
func (w *work) wantWhole(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var order []string
	for _, step := range registry.SweepSteps {
		order = append(order, string(step))
		for i := 1; i < w.pages; i++ {
			order = append(order, fmt.Sprint(step, " ", i))
		}
	}
	place, at := map[string]int{}, -1
	for i, page := range order {
		place[page] = i
	}
	for _, page := range w.done {
		if place[page] > at+1 {
			t.Errorf("page %q was done after page %q", page, order[at])
		}
		at = max(at, place[page])
	}
	if at != len(order)-1 {
		t.Errorf("the last page was %d, want %d", at, len(order)-1)
	}
}

func waitFor(t *testing.T, what string, most time.Duration, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(most); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", most, what)
		}
	}
}

// start runs a sweeper until it is stopped or the test ends.
func start(t *testing.T, s metadata.Store, r Registry) (sweeper *Sweeper, stop func()) {
	t.Helper()
	sweeper = New(Config{Metadata: s, Registry: r, Interval: time.Hour, Grace: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		sweeper.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return sweeper, stop
}

func leaseOf(t *testing.T, s metadata.Store) metadata.Lease {
	t.Helper()
	l, err := s.Read().Lease(leaseName)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestOneProcessSweepsUntilTheEnd(t *testing.T) {
	eachStore(t, func(t *testing.T, a, b metadata.Store) {
		w := &work{pages: 5, takes: 5 * time.Millisecond}
		one, _ := start(t, a, w.of("a"))
		two, _ := start(t, b, w.of("b"))
		all := w.pages * len(registry.SweepSteps)
		waitFor(t, "the end", 30*time.Second, func() bool {
			x, y := one.Stats(), two.Stats()
			return !(x.Finished.IsZero() && y.Finished.IsZero()) && !x.Running && !y.Running
		})
		w.wantWhole(t)
		if n := w.count(); n != all || w.overlap.Load() {
			t.Errorf("%d pages were done, want %d; two at once: %v", n, all, w.overlap.Load())
		}
		x, y := one.Stats(), two.Stats()
		if x.Bytes+y.Bytes != int64(2*10*w.pages) || x.Found["links"]+y.Found["links"] != int64(w.pages) || x.Running || y.Running {
			t.Errorf("stats: %+v, %+v", x, y)
		}
		if l := leaseOf(t, a); l.Holder != "" {
			t.Errorf("the lease is still held: %+v", l)
		}
		// Who comes now finds that nothing is due.
		third, stop := start(t, a, w.of("c"))
		time.Sleep(200 * time.Millisecond)
		stop()
		if n := w.count(); n != all || !third.Stats().Finished.IsZero() {
			t.Errorf("it was swept again at once: %d pages", n)
		}
	})
}

// A sweeper that is stopped, or meets a fault, lets go, and the next goes on
// where it was.
func TestNextSweeperGoesOn(t *testing.T) {
	eachStore(t, func(t *testing.T, a, b metadata.Store) {
		w := &work{pages: 4, takes: 20 * time.Millisecond}
		fault := errors.New("injected")
		w.before = func(process, page string) error {
			if process == "b" && page == "blobs 2" {
				return fault
			}
			return nil
		}
		_, stop := start(t, a, w.of("a"))
		waitFor(t, "the links", 30*time.Second, func() bool { return w.count() == 10 })
		stop()
		if l := leaseOf(t, a); l.Holder != "" || !strings.Contains(l.Progress, `"step":2`) {
			t.Fatalf("after the stop: %+v", l)
		}
		done := w.count()
		_, stop = start(t, b, w.of("b"))
		waitFor(t, "the fault", 30*time.Second, func() bool { l := leaseOf(t, a); return l.Holder == "" && strings.Contains(l.Progress, `"step":3`) })
		stop()
		third, _ := start(t, a, w.of("c"))
		waitFor(t, "the end", 30*time.Second, func() bool { return !third.Stats().Finished.IsZero() })
		w.wantWhole(t)
		if n, all := w.count(), w.pages*len(registry.SweepSteps); n > all+1 || done < 10 {
			t.Errorf("%d pages were done, %d of them by the first; want %d", n, done, all)
		}
	})
}

// dead is a store whose process has died: nothing that it says is heard.
type dead struct {
	metadata.Store
	died atomic.Bool
}

func (d *dead) Update(ctx context.Context, fn func(*metadata.Tx) error) error {
	if d.died.Load() {
		return metadata.ErrUnavailable
	}
	return d.Store.Update(ctx, fn)
}

func TestDeadSweeperIsReplaced(t *testing.T) {
	eachStore(t, func(t *testing.T, a, b metadata.Store) {
		w := &work{pages: 30, takes: 20 * time.Millisecond}
		first := &dead{Store: a}
		_, stop := start(t, first, w.of("a"))
		waitFor(t, "some progress", 30*time.Second, func() bool { return strings.Contains(leaseOf(t, b).Progress, `"after"`) })
		first.died.Store(true)
		stop()
		left := leaseOf(t, b)
		if left.Holder == "" {
			t.Fatal("the dead one has let go")
		}
		done, begun := w.count(), time.Now()
		second, _ := start(t, b, w.of("b"))
		waitFor(t, "the takeover", leaseExpiry+4*watchInterval, func() bool { return w.count() > done })
		if waited := time.Since(begun); waited < leaseExpiry {
			t.Errorf("the lease was taken after %v", waited)
		}
		waitFor(t, "the end", 60*time.Second, func() bool { return !second.Stats().Finished.IsZero() })
		w.wantWhole(t) // from where the first had said that it was
		if w.by[done] != "b" || w.done[done] == string(registry.SweepSteps[0]) {
			t.Errorf("after the takeover, %s began with %q", w.by[done], w.done[done])
		}
	})
}

// A sweeper that was only slow finds that it has lost the lease, and leaves it
// to the other.
func TestSlowSweeperLosesTheLease(t *testing.T) {
	eachStore(t, func(t *testing.T, a, b metadata.Store) {
		w := &work{pages: 3}
		goOn, slow := make(chan struct{}), make(chan struct{})
		w.before = func(process, page string) error {
			if process == "a" && page == "links" {
				close(slow)
				<-goOn
			}
			if process == "b" && page == "blobs 1" {
				close(goOn)
				time.Sleep(500 * time.Millisecond) // the first tries to go on
			}
			return nil
		}
		one, _ := start(t, a, w.of("a"))
		<-slow
		time.Sleep(beatInterval) // so that its next page ends with a beat
		two, _ := start(t, b, w.of("b"))
		waitFor(t, "the second to end", leaseExpiry+4*watchInterval, func() bool { st := two.Stats(); return !st.Finished.IsZero() && !st.Running })
		waitFor(t, "the first to give up", 10*time.Second, func() bool { return !one.Stats().Running })
		if !one.Stats().Finished.IsZero() {
			t.Error("the first went on to the end")
		}
		if l := leaseOf(t, a); l.Holder != "" || !strings.Contains(l.Progress, "finished") {
			t.Errorf("in the end: %+v", l)
		}
	})
}

func TestDue(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(d time.Duration) int64 { return now.Add(d).UnixMicro() }
	for name, c := range map[string]struct {
		p    progress
		want bool
	}{
		"never swept":                 {progress{}, true},
		"just now":                    {progress{Finished: at(0)}, false},
		"a while ago":                 {progress{Finished: at(-59 * time.Minute)}, false},
		"long ago":                    {progress{Finished: at(-time.Hour)}, true},
		"by a clock that was ahead":   {progress{Finished: at(48 * time.Hour)}, true},
		"in the middle of a step":     {progress{After: "x", Finished: at(0)}, true},
		"at the beginning of a later": {progress{Step: 1, Finished: at(0)}, true},
		"beyond what it could be":     {progress{Step: len(registry.SweepSteps), Finished: at(0)}, true},
	} {
		if got := c.p.due(now, time.Hour); got != c.want {
			t.Errorf("%s: due is %v", name, got)
		}
	}
}

func TestOnceTellsEachPageAndEndsAtAnError(t *testing.T) {
	w := &work{pages: 2}
	var told []string
	if err := Once(t.Context(), w.of("a"), 0, true, func(step registry.SweepStep, p registry.SweepPage) {
		told = append(told, fmt.Sprint(step, p.Found))
	}); err != nil || len(told) != 2*len(registry.SweepSteps) {
		t.Errorf("%v, %v", told, err)
	}
	w.wantWhole(t)
	fault := errors.New("injected")
	w.before = func(string, string) error { return fault }
	if err := Once(t.Context(), w.of("a"), 0, true, nil); err != fault {
		t.Error(err)
	}
}
