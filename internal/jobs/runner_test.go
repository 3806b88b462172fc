package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// An open store, and another over which a runner may go on.
func openTwo(t *testing.T) (a, b metadata.Store) {
	t.Helper()
	var stores [2]metadata.Store
	for i := range stores {
		s, err := metadata.OpenSQLite(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		stores[i] = s
	}
	return stores[0], stores[1]
}

// A job that takes long keeps no other waiting.
func TestJobsRunBesideEachOther(t *testing.T) {
	t.Parallel()
	store, _ := openTwo(t)
	leave := make(chan struct{})
	page := func(context.Context, string) (string, error) {
		<-leave
		return "", nil
	}
	long := Job{Name: "long", Interval: time.Hour, Steps: []Step{{Name: "only", Page: page}}}
	r := New(slog.New(slog.DiscardHandler))
	w := &work{pages: 2}
	r.Start(store, long, w.of("a"))
	defer r.Stop()
	defer close(leave)
	waitFor(t, "the short job", func() bool { return !r.Stats()[1].Finished.IsZero() })
	all := r.Stats()
	if all[0].Job != "long" || all[0].Step != 1 || all[0].Pages != 0 {
		t.Errorf("the long one: %+v", all[0])
	}
	if all[1].Job != "work" || all[1].Pages != int64(w.count()) {
		t.Errorf("the short one: %+v", all[1])
	}
}

// A runner that starts again over other stores begins there anew, and its counts
// go on.
func TestRunnerStartsAgainOverOtherStores(t *testing.T) {
	t.Parallel()
	first, second := openTwo(t)
	w := &work{pages: 2}
	r := start(t, first, w.of("a"))
	waitFor(t, "the first run", func() bool { return hasFinished(r) })
	r.Stop()
	r.Stop()
	pages := stats(r).Pages
	r.Start(second, w.of("a"))
	waitFor(t, "the second run", func() bool { return stats(r).Pages == 2*pages })
	r.Stop()
	if w.count() != 2*w.pages*len(steps) {
		t.Errorf("%d pages were done", w.count())
	}
	New(slog.New(slog.DiscardHandler)).Stop() // has nothing to stop
}

// What is postponed is no fault, and goes on where it was.
func TestPostponedRun(t *testing.T) {
	t.Parallel()
	store, _ := openTwo(t)
	w := &work{pages: 2}
	w.before = func(_, page string) error {
		if page == "two 1" {
			return fmt.Errorf("%w: in this test", ErrPostponed)
		}
		return nil
	}
	r := start(t, store, w.of("a"))
	waitFor(t, "the page before", func() bool {
		return w.count() == 3 && leaseOf(t, store).Holder == ""
	})
	r.Stop()
	if s, l := stats(r), leaseOf(t, store); s.Faults != 0 || l.Progress != `{"step":1,"after":"1"}` {
		t.Errorf("stats: %+v; lease: %+v", s, l)
	}
}

// A job that is woken runs again, for what was there when it was woken.
func TestWake(t *testing.T) {
	t.Parallel()
	store, _ := openTwo(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	page := func(ctx context.Context, _ string) (string, error) {
		entered <- struct{}{}
		<-leave
		return "", nil
	}
	r := start(t, store, Job{Name: "work", Interval: time.Hour, Steps: []Step{{Name: "only", Page: page}}})
	within := func(what string, c chan struct{}) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(patience):
			t.Fatal(what)
		}
	}
	within("it was never due", entered)
	r.Wake("work") // twice while it runs: once more after it
	r.Wake("work")
	leave <- struct{}{}
	within("what woke it during a run was lost", entered)
	leave <- struct{}{}
	waitFor(t, "the end", func() bool { return stats(r).Step == 0 })
	select {
	case <-entered:
		t.Error("it runs a third time")
	case <-time.After(200 * time.Millisecond):
	}
	r.Wake("work")
	within("it was not woken", entered)
	leave <- struct{}{}
	r.Wake("unknown")
}

// A run that goes on in the middle does not count for what woke the process: a
// whole run follows at once.
func TestWakeInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	store, _ := openTwo(t)
	err := store.Update(t.Context(), func(tx *metadata.Tx) error {
		if _, err := tx.Leases().Take(metadata.Lease{Name: "work"}, "another"); err != nil {
			return err
		}
		return tx.Leases().Release("work", "another", `{"step":3}`)
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &work{pages: 1}
	leave := make(chan struct{})
	w.before = func(string, string) error {
		<-leave
		return nil
	}
	r := start(t, store, w.of("a"))
	r.Wake("work")
	close(leave)
	waitFor(t, "a whole run", func() bool { return w.count() == 1+len(steps) })
	if w.done[0] != "four" || w.done[1] != "one" {
		t.Errorf("done: %q", w.done)
	}
}

// What woke a process while another runs the job has it run the job afterwards,
// since that one may have passed it already.
func TestWakeWhileAnotherProcessRunsTheJob(t *testing.T) {
	t.Parallel()
	store, _ := openTwo(t)
	w := &work{pages: 1}
	leave := make(chan struct{})
	w.before = func(process, page string) error {
		if process == "a" && page == "four" {
			<-leave
		}
		return nil
	}
	one := start(t, store, w.of("a"))
	waitFor(t, "the last page of the first", func() bool { return stats(one).Step == len(steps) })
	two := start(t, store, w.of("b"))
	two.Wake("work")
	time.Sleep(100 * time.Millisecond)
	close(leave)
	all := int64(len(steps))
	waitFor(t, "the second's run", func() bool { return stats(two).Pages == all })
	if n := stats(one).Pages; n != all || w.overlap.Load() {
		t.Errorf("the first did %d pages; two at once: %v", n, w.overlap.Load())
	}
}

// A job that requests wake is due when a process starts: the one that was to be
// woken last may have been killed before it was.
func TestWokenJobIsDueAtTheStart(t *testing.T) {
	t.Parallel()
	store, _ := openTwo(t)
	w := &work{pages: 2}
	job := w.of("a")
	job.Woken = true
	first := start(t, store, job)
	waitFor(t, "the first run", func() bool { return hasFinished(first) })
	first.Stop()
	done := w.count()
	start(t, store, job)
	waitFor(t, "the second run", func() bool { return w.count() == 2*done })
}
