package expiry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// waitingRoom is a store of evaluations that take some pages each.
type waitingRoom struct {
	of    []string // the account of each evaluation, the first of which is 1
	pages []int    // that are left of each
	done  []int64  // in the order of their ends
	reads int
	fault error
}

func (w *waitingRoom) add(account string, pages int) {
	w.of, w.pages = append(w.of, account), append(w.pages, pages)
}

func (w *waitingRoom) turns() *turns {
	return &turns{
		waiting: func(_ context.Context, after candidate, limit int) (all []candidate, err error) {
			w.reads++
			for i := after.evaluation; i < int64(len(w.of)) && len(all) < limit; i++ {
				if w.pages[i] > 0 {
					all = append(all, candidate{account: w.of[i], evaluation: i + 1})
				}
			}
			return all, nil
		},
		goOn: func(_ context.Context, at cursor) (cursor, bool, error) {
			if w.fault != nil {
				return at, false, w.fault
			}
			at.Acted.Digest += "x" // how far it is
			if w.pages[at.Evaluation-1]--; w.pages[at.Evaluation-1] <= 0 {
				w.done = append(w.done, at.Evaluation)
				return at, true, nil
			}
			return at, false, nil
		},
	}
}

// run does pages from a key on, at most so many.
func (w *waitingRoom) run(t *testing.T, of *turns, key string, most int) (next string, pages int) {
	t.Helper()
	for ; pages < most; pages++ {
		var err error
		if key, err = of.page(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if key == "" {
			break
		}
	}
	return key, pages
}

// However many repositories or images one account has, what another asks for is
// done among the next.
func TestAccountsTakeTurns(t *testing.T) {
	w := &waitingRoom{}
	w.add("large", 1_000_000)
	for range 10_000 {
		w.add("many", 1)
	}
	w.add("a", 2)
	of := w.turns()
	key, _ := w.run(t, of, "", 6)
	if !slices.Contains(w.done, 10_002) {
		t.Errorf("after six pages these have ended: %v", w.done)
	}
	w.add("b", 1)
	if key, _ = w.run(t, of, key, 3); !slices.Contains(w.done, 10_003) {
		t.Errorf("after three pages more these have ended: %v", w.done)
	}
	w.run(t, of, key, 25_000)
	if n := len(w.done); n != 10_002 {
		t.Errorf("%d evaluations have ended, want 10,002", n)
	}
	if w.reads > 26_000 {
		t.Errorf("the store was read %d times", w.reads)
	}
}

// If there are more accounts than are gone on with at once, each comes to its turn.
func TestMoreAccountsThanTurns(t *testing.T) {
	w := &waitingRoom{}
	for range 20 {
		for i := range 3 * atOnce {
			w.add(fmt.Sprint("account-", i), 5)
		}
	}
	if key, _ := w.run(t, w.turns(), "", 3*atOnce*5+1); key == "" {
		t.Error("all have ended")
	}
	var first []string
	for _, id := range w.done {
		first = append(first, w.of[id-1])
	}
	slices.Sort(first)
	if n := len(slices.Compact(first)); n != 3*atOnce || len(w.done) > 3*atOnce+1 {
		t.Errorf("%d accounts have ended one, %d in all", n, len(w.done))
	}
}

// Whoever goes on with the job goes on where its evaluations were.
func TestTurnsGoOn(t *testing.T) {
	w := &waitingRoom{}
	for i := range 40 {
		w.add(fmt.Sprint("account-", i%20), 3)
	}
	key, _ := w.run(t, w.turns(), "", 10)
	var underWay []turn
	if err := json.Unmarshal([]byte(key), &underWay); err != nil || len(underWay) != atOnce || len(key) > 8<<10 {
		t.Errorf("the key is %s: %v", key, err)
	}
	next := w.turns()
	second, err := next.page(t.Context(), key)
	// All but the ten that had their turn, and the eleventh, are where they were.
	if err != nil || strings.Count(second, `"x"`) != 11 {
		t.Errorf("the key after that is %s: %v", second, err)
	}
	w.fault = errors.New("injected")
	if _, err := next.page(t.Context(), second); !errors.Is(err, w.fault) {
		t.Errorf("a fault: %v", err)
	}
	w.fault = nil
	w.run(t, next, second, 1000)
	if n := len(w.done); n != 40 {
		t.Errorf("%d evaluations have ended, want 40", n)
	}
	// What an earlier version has stored begins anew.
	w.add("a", 1)
	w.run(t, w.turns(), `{"evaluation":3}`, 10)
	if n := len(w.done); n != 41 {
		t.Errorf("%d evaluations have ended, want 41", n)
	}
}
