package replication

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// However much backfills have waiting, and are trying, what is pushed is tried at once.
func TestBackfillsLeaveRoomInTheQueue(t *testing.T) {
	q := newQueue(limits{40, 20})
	id := int64(0)
	add := func(account string, backfill bool, n int) (ids []int64) {
		for range n {
			id++
			q.add(metadata.DueReplication{ID: id, Route: metadata.Route{SourceAccount: account, Backfill: backfill}})
			ids = append(ids, id)
		}
		return ids
	}
	next := func() (ids []int64) {
		for {
			id, ok := q.next()
			if !ok {
				return ids
			}
			ids = append(ids, id)
		}
	}
	add("1", true, 100)
	if n := len(next()); n != 10 {
		t.Errorf("%d of an account's backfills are tried, want 10", n)
	}
	add("2", true, 100)
	add("3", true, 100)
	if n := len(next()); n != 10 {
		t.Errorf("%d more of other accounts', want 10", n)
	}
	pushed := add("1", false, 5)
	if got := next(); !slices.Equal(got, pushed) {
		t.Errorf("%v are tried, want %v", got, pushed)
	}
	for _, id := range pushed {
		q.end(id)
	}
	if got := next(); got != nil {
		t.Errorf("%v are tried in place of pushes", got)
	}
	q.end(1)
	if got := next(); len(got) != 1 {
		t.Errorf("%v are tried in place of one", got)
	}
}

// Backfills get slots when nobody else waits, and one of eight else.
func TestBackfillsWaitForSlots(t *testing.T) {
	s := slots{most: 1}
	release, err := s.take(t.Context(), sender{id: 1})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan sender)
	wait := func(by sender) {
		waiting := len(s.backfills.order) + len(s.others.order)
		go func() {
			if _, err := s.take(context.Background(), by); err == nil {
				got <- by
			}
		}()
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			s.mu.Lock()
			n := len(s.backfills.order) + len(s.others.order)
			s.mu.Unlock()
			if n > waiting {
				return
			}
		}
		t.Fatal("it does not wait")
	}
	for i := range int64(2) {
		wait(sender{100 + i, true})
	}
	for i := range int64(10) {
		wait(sender{id: i})
	}
	var order []int64
	for range 12 {
		release()
		order = append(order, (<-got).id)
	}
	if want := []int64{0, 1, 2, 3, 4, 5, 6, 100, 7, 8, 9, 101}; !slices.Equal(order, want) {
		t.Errorf("in the order %v, want %v", order, want)
	}
	if release(); s.taken != 0 {
		t.Errorf("%d are taken in the end", s.taken)
	}

	release, err = s.take(t.Context(), sender{id: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.take(ctx, sender{2, true}); err == nil || len(s.backfills.order)+len(s.backfills.waiting) > 0 {
		t.Errorf("who has gone waits: %v, %v", err, s.backfills)
	}
	release()
}
