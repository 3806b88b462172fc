package metadata

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hold keeps the writer busy until release is called, so that the updates
// that come meanwhile gather in one group.
func hold(t *testing.T, s *SQLite) (release func()) {
	t.Helper()
	entered, leave, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.Update(context.Background(), func(*Tx) error {
			close(entered)
			<-leave
			return nil
		})
	}()
	<-entered
	return func() {
		close(leave)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func waitQueued(t *testing.T, s *SQLite, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); len(s.updates) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d updates are queued, want %d", len(s.updates), n)
		}
	}
}

func TestGroupedUpdatesFailEachForItself(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	r := newRepository(t, s, "app")
	wrong := errors.New("wrong")
	release := hold(t, s)
	const n = 300 // more than one group
	var wg sync.WaitGroup
	errs := make([]error, n)
	var committed atomic.Int64
	for i := range n {
		wg.Go(func() {
			errs[i] = s.Update(context.Background(), func(tx *Tx) error {
				tx.OnCommit(func() { committed.Add(1) })
				if err := addLayer(tx, r, manifestDigest(i), int64(i)); err != nil {
					return err
				}
				switch i % 10 {
				case 3:
					return wrong
				case 7:
					panic("seven")
				case 9: // violates a constraint
					return tx.Uploads().Create(Upload{ID: "u", RepositoryID: -1, StartedAt: epoch})
				}
				return nil
			})
		})
	}
	waitQueued(t, s, n)
	release()
	wg.Wait()
	for i, err := range errs {
		_, look := s.Read(t.Context()).Layers().Get(r.ID, manifestDigest(i))
		switch i % 10 {
		case 3:
			if err != wrong || look != ErrNotFound {
				t.Errorf("failing update %d: %v; its layer: %v", i, err, look)
			}
		case 7:
			if err == nil || !strings.Contains(err.Error(), "seven") || look != ErrNotFound {
				t.Errorf("panicking update %d: %v; its layer: %v", i, err, look)
			}
		case 9:
			if err == nil || look != ErrNotFound {
				t.Errorf("constraint of update %d: %v; its layer: %v", i, err, look)
			}
		default:
			if err != nil || look != nil {
				t.Errorf("update %d: %v; its layer: %v", i, err, look)
			}
		}
	}
	if got := committed.Load(); got != n*7/10 {
		t.Errorf("OnCommit ran %d times, want %d", got, n*7/10)
	}
}

// UpdateFirst goes first, and yet cannot keep all others waiting.
func TestUpdateFirstLeavesAPartToTheOthers(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	release := hold(t, s)
	const n = 3 * maxGroup
	var order []bool // of the writer, whether each was first
	var wg sync.WaitGroup
	for range n {
		for first, update := range map[bool]func(context.Context, func(*Tx) error) error{
			true: s.UpdateFirst, false: s.Update,
		} {
			wg.Go(func() {
				err := update(context.Background(), func(*Tx) error {
					order = append(order, first)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	waitQueued(t, s, n)
	for len(s.first) < n {
		time.Sleep(time.Millisecond)
	}
	release()
	wg.Wait()
	firsts := 0
	for _, first := range order[:2*maxGroup] {
		if first {
			firsts++
		}
	}
	// One of each group is taken at random.
	if want := 2 * (maxGroup - updateShare); firsts < want-2 || firsts > want {
		t.Errorf("%d of the first %d were UpdateFirst's, want %d", firsts, 2*maxGroup, want)
	}
}

func TestCloseAnswersEveryUpdate(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	release := hold(t, s)
	const n = 200
	outcomes := make(chan error, n)
	var ran atomic.Int64
	for range n {
		go func() {
			outcomes <- s.Update(context.Background(), func(*Tx) error { ran.Add(1); return nil })
		}()
	}
	waitQueued(t, s, n/2)
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	release()
	succeeded := int64(0)
	for range n {
		switch err := <-outcomes; err {
		case nil:
			succeeded++
		case ErrClosed:
		default:
			t.Error(err)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if succeeded < n/2 || succeeded != ran.Load() {
		t.Errorf("%d updates succeeded, %d ran, at least %d were queued before the close", succeeded, ran.Load(), n/2)
	}
}

func TestUpdateHonoursTheContextBeforeItIsQueuedOnly(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	r := newRepository(t, s, "app")
	ctx, cancel := context.WithCancel(context.Background())
	release := hold(t, s)
	outcome := make(chan error)
	go func() {
		outcome <- s.Update(ctx, func(tx *Tx) error { return addLayer(tx, r, manifestDigest(1), 1) })
	}()
	waitQueued(t, s, 1)
	cancel()
	release()
	if err := <-outcome; err != nil {
		t.Errorf("a queued update: %v", err)
	}
	if _, err := s.Read(ctx).Layers().Get(r.ID, manifestDigest(1)); err != nil {
		t.Error(err)
	}
	if err := s.Update(ctx, func(*Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("an update by a caller who has gone: %v", err)
	}
}
