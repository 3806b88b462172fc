package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/jobs"
	"github.com/twinport/twinport/internal/metadata"
)

// work is a Registry of pages that only takes note of them.
type work struct {
	pages int // of each step
	// before, if not nil, is called at each page.
	before func(page string) error

	mu   sync.Mutex
	done []string // "step after"
}

func (w *work) Sweep(_ context.Context, step Step, after string, _ time.Duration,
	_ bool) (p Page, err error) {
	page := strings.TrimSpace(string(step) + " " + after)
	if w.before != nil {
		if err := w.before(page); err != nil {
			return p, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = append(w.done, page)
	n := 0
	_, _ = fmt.Sscan(after, &n)
	if n+1 < w.pages {
		p.Next = fmt.Sprint(n + 1)
	}
	return Page{Next: p.Next, Found: 1, Bytes: 10}, nil
}

// wantWhole checks that all pages were done in order.
func (w *work) wantWhole(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var order []string
	for _, step := range Steps {
		order = append(order, string(step))
		for i := 1; i < w.pages; i++ {
			order = append(order, fmt.Sprint(step, " ", i))
		}
	}
	if !slices.Equal(w.done, order) {
		t.Errorf("done: %q, want %q", w.done, order)
	}
}

// TestJobGoesThroughAllSteps, and leaves a lease that processes of an earlier
// version read.
func TestJobGoesThroughAllSteps(t *testing.T) {
	t.Parallel()
	store, err := metadata.OpenSQLite(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	w, s := &work{pages: 3}, New()
	r := jobs.New(slog.New(slog.DiscardHandler))
	r.Start(store, s.Job(Config{Stores: w, Interval: time.Hour, Grace: time.Hour}))
	defer r.Stop()
	lease, deadline := metadata.Lease{}, time.Now().Add(30*time.Second)
	for ; !strings.HasPrefix(lease.Progress, `{"step":0,"finished":`); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not end: %+v", lease)
		}
		if lease, err = store.Read(t.Context()).Leases().Get("sweep"); err != nil {
			t.Fatal(err)
		}
	}
	w.wantWhole(t)
	if st := s.Stats(); st.Bytes != int64(2*10*w.pages) || st.Found["links"] != int64(w.pages) || st.Finished.IsZero() {
		t.Errorf("stats: %+v", st)
	}
}

// A backup keeps a sweep waiting; every other error is a fault.
func TestBackupPostponesTheJob(t *testing.T) {
	t.Parallel()
	fault := errors.New("injected")
	for _, cause := range []error{blob.ErrBusy, fault} {
		w := &work{pages: 1, before: func(string) error { return fmt.Errorf("sweep: %w", cause) }}
		_, err := New().Job(Config{Stores: w}).Steps[0].Page(t.Context(), "")
		if errors.Is(err, jobs.ErrPostponed) != (cause == blob.ErrBusy) || errors.Is(err, fault) != (cause == fault) {
			t.Errorf("%v became %v", cause, err)
		}
	}
}

func TestOnceTellsEachPageAndEndsAtAnError(t *testing.T) {
	w := &work{pages: 2}
	var reported []string
	if err := Once(t.Context(), w, 0, true, func(step Step, p Page) {
		reported = append(reported, fmt.Sprint(step, p.Found))
	}); err != nil || len(reported) != 2*len(Steps) {
		t.Errorf("%v, %v", reported, err)
	}
	w.wantWhole(t)
	fault := errors.New("injected")
	w.before = func(string) error { return fault }
	if err := Once(t.Context(), w, 0, true, nil); err != fault {
		t.Error(err)
	}
}
