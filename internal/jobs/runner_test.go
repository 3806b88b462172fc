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
	waitFor(t, "the short job", 10*time.Second, func() bool { return !r.Stats()[1].Finished.IsZero() })
	all := r.Stats()
	if all[0].Job != "long" || all[0].Step != 1 || all[0].Pages != 0 || all[1].Job != "work" || all[1].Pages != int64(w.count()) {
		t.Errorf("stats: %+v", all)
	}
}

// A runner that starts again over other stores begins there anew, and its counts
// go on.
func TestRunnerStartsAgainOverOtherStores(t *testing.T) {
	t.Parallel()
	first, second := openTwo(t)
	w := &work{pages: 2}
	r := start(t, first, w.of("a"))
	waitFor(t, "the first run", 10*time.Second, func() bool { return hasFinished(r) })
	r.Stop()
	r.Stop()
	pages := stats(r).Pages
	r.Start(second, w.of("a"))
	waitFor(t, "the second run", 10*time.Second, func() bool { return stats(r).Pages == 2*pages })
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
	waitFor(t, "the page before", 10*time.Second, func() bool {
		return w.count() == 3 && leaseOf(t, store).Holder == ""
	})
	r.Stop()
	if s, l := stats(r), leaseOf(t, store); s.Faults != 0 || l.Progress != `{"step":1,"after":"1"}` {
		t.Errorf("stats: %+v; lease: %+v", s, l)
	}
}
