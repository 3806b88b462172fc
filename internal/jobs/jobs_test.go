package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/metadata"
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

// steps of the jobs of these tests.
var steps = []string{"one", "two", "three", "four"}

// work is a job of pages that only takes note of them.
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

// of is the job as a process does it.
func (w *work) of(process string) Job {
	j := Job{Name: "work", Interval: time.Hour}
	for _, step := range steps {
		j.Steps = append(j.Steps, Step{Name: step, Page: func(_ context.Context, after string) (string, error) {
			return w.page(process, step, after)
		}})
	}
	return j
}

func (w *work) page(process, step, after string) (next string, err error) {
	if w.running.Add(1) > 1 {
		w.overlap.Store(true)
	}
	defer w.running.Add(-1)
	page := strings.TrimSpace(step + " " + after)
	if w.before != nil {
		if err := w.before(process, page); err != nil {
			return "", err
		}
	}
	time.Sleep(w.takes)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = append(w.done, page)
	w.by = append(w.by, process)
	n := 0
	_, _ = fmt.Sscan(after, &n)
	if n+1 < w.pages {
		next = fmt.Sprint(n + 1)
	}
	return next, nil
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
	for _, step := range steps {
		order = append(order, step)
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

// patience bounds the wait for what takes milliseconds on an idle machine.
const patience = time.Minute

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// start runs a job in a process of its own until it is stopped or the test ends.
func start(t *testing.T, s metadata.Store, j Job) *Runner {
	t.Helper()
	r := New(slog.New(slog.DiscardHandler))
	r.Start(s, j)
	t.Cleanup(r.Stop)
	return r
}

// stats are those of the one job.
func stats(r *Runner) Stats { return r.Stats()[0] }

// hasFinished reports whether the runner has seen the end of a run.
func hasFinished(r *Runner) bool { return !stats(r).Finished.IsZero() }

func leaseOf(t *testing.T, s metadata.Store) metadata.Lease {
	t.Helper()
	l, err := s.Read(t.Context()).Leases().Get("work")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestOneProcessRunsAJobUntilTheEnd(t *testing.T) {
	eachStore(t, func(t *testing.T, a, b metadata.Store) {
		w := &work{pages: 5, takes: 5 * time.Millisecond}
		one := start(t, a, w.of("a"))
		two := start(t, b, w.of("b"))
		all := w.pages * len(steps)
		waitFor(t, "the end", func() bool {
			return (hasFinished(one) || hasFinished(two)) && stats(one).Step == 0 && stats(two).Step == 0
		})
		w.wantWhole(t)
		if n := w.count(); n != all || w.overlap.Load() {
			t.Errorf("%d pages were done, want %d; two at once: %v", n, all, w.overlap.Load())
		}
		if x, y := stats(one), stats(two); x.Pages+y.Pages != int64(all) || x.Faults != 0 || y.Faults != 0 {
			t.Errorf("stats: %+v, %+v", x, y)
		}
		if l := leaseOf(t, a); l.Holder != "" {
			t.Errorf("the lease is still held: %+v", l)
		}
		// Who comes now finds that nothing is due.
		third := start(t, a, w.of("c"))
		waitFor(t, "a look at the lease", func() bool { return hasFinished(third) })
		time.Sleep(200 * time.Millisecond)
		third.Stop()
		if n := w.count(); n != all {
			t.Errorf("the job ran again at once: %d pages", n)
		}
		runs, err := Runs(a.Read(t.Context()), w.of("d"), Job{Name: "none", Steps: []Step{{Name: "one"}}})
		want := []Run{{Job: "work", Steps: steps, Finished: stats(third).Finished}, {Job: "none", Steps: []string{"one"}}}
		if err != nil || !reflect.DeepEqual(runs, want) {
			t.Errorf("runs: %+v, %v; want %+v", runs, err, want)
		}
	})
}

// A run that is stopped, or meets a fault, lets go, and the next goes on where
// it was.
func TestNextProcessGoesOn(t *testing.T) {
	eachStore(t, func(t *testing.T, a, b metadata.Store) {
		w := &work{pages: 4, takes: 20 * time.Millisecond}
		fault := errors.New("injected")
		w.before = func(process, page string) error {
			if process == "b" && page == "four 2" {
				return fault
			}
			return nil
		}
		first := start(t, a, w.of("a"))
		waitFor(t, "the third step", func() bool { return w.count() == 10 })
		first.Stop()
		if l := leaseOf(t, a); l.Holder != "" || !strings.Contains(l.Progress, `"step":2`) {
			t.Fatalf("after the stop: %+v", l)
		}
		if runs, err := Runs(b.Read(t.Context()), w.of("b")); err != nil || runs[0].Running || runs[0].Step != 3 {
			t.Errorf("a run that waits: %+v, %v", runs, err)
		}
		done := w.count()
		second := start(t, b, w.of("b"))
		waitFor(t, "the fault", func() bool {
			l := leaseOf(t, a)
			return l.Holder == "" && strings.Contains(l.Progress, `"step":3`)
		})
		second.Stop()
		if st := stats(second); st.Faults != 1 || st.Step != 0 {
			t.Errorf("stats after the fault: %+v", st)
		}
		third := start(t, a, w.of("c"))
		waitFor(t, "the end", func() bool { return hasFinished(third) })
		w.wantWhole(t)
		if n, all := w.count(), w.pages*len(steps); n > all+1 || done < 10 {
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

func TestDeadProcessIsReplaced(t *testing.T) {
	eachStore(t, func(t *testing.T, a, b metadata.Store) {
		w := &work{pages: 30, takes: 20 * time.Millisecond}
		first := &dead{Store: a}
		one := start(t, first, w.of("a"))
		waitFor(t, "some progress", func() bool {
			return strings.Contains(leaseOf(t, b).Progress, `"after"`)
		})
		first.died.Store(true)
		one.Stop()
		left := leaseOf(t, b)
		if left.Holder == "" {
			t.Fatal("the dead one has let go")
		}
		done, begun := w.count(), time.Now()
		second := start(t, b, w.of("b"))
		waitFor(t, "the takeover", func() bool { return w.count() > done })
		if waited := time.Since(begun); waited < leaseExpiry {
			t.Errorf("the lease was taken after %v", waited)
		}
		waitFor(t, "the end", func() bool { return hasFinished(second) })
		w.wantWhole(t) // from where the first had said that it was
		if w.by[done] != "b" || w.done[done] == steps[0] {
			t.Errorf("after the takeover, %s began with %q", w.by[done], w.done[done])
		}
	})
}

// A process that was only slow finds that it has lost the lease, and leaves the
// job to the other.
func TestSlowProcessLosesTheLease(t *testing.T) {
	eachStore(t, func(t *testing.T, a, b metadata.Store) {
		w := &work{pages: 3}
		goOn, slow := make(chan struct{}), make(chan struct{})
		w.before = func(process, page string) error {
			if process == "a" && page == "two" {
				close(slow)
				<-goOn
			}
			if process == "b" && page == "three 1" {
				close(goOn)
				time.Sleep(500 * time.Millisecond) // the first tries to go on
			}
			return nil
		}
		one := start(t, a, w.of("a"))
		<-slow
		time.Sleep(beatInterval) // so that its next page ends with a beat
		two := start(t, b, w.of("b"))
		waitFor(t, "the second to end", func() bool {
			return hasFinished(two) && stats(two).Step == 0
		})
		waitFor(t, "the first to give up", func() bool { return stats(one).Step == 0 })
		if n := stats(one).Pages; n > int64(w.pages)+2 {
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
		s    state
		want bool
	}{
		"never":                       {state{}, true},
		"just now":                    {state{Finished: at(0)}, false},
		"a while ago":                 {state{Finished: at(-59 * time.Minute)}, false},
		"long ago":                    {state{Finished: at(-time.Hour)}, true},
		"by a clock that was ahead":   {state{Finished: at(48 * time.Hour)}, true},
		"in the middle of a step":     {state{After: "x", Finished: at(0)}, true},
		"at the beginning of a later": {state{Step: 1, Finished: at(0)}, true},
		"beyond what it could be":     {state{Step: len(steps), Finished: at(0)}, true},
	} {
		if got := c.s.due(now, time.Hour); got != c.want {
			t.Errorf("%s: due is %v", name, got)
		}
	}
}
