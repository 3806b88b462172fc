package registry

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// countedRows is a database that counts.
type countedRows struct {
	n, asked int64
	takes    time.Duration
	err      error
}

func (c *countedRows) rows(*metadata.Queries) (int64, error) {
	c.asked++
	time.Sleep(c.takes)
	return c.n, c.err
}

var errNoRoom = errors.New("no room")

func roomFor(c *count, rows func(*metadata.Queries) (int64, error), now *time.Time) *room {
	return &room{
		now: func() time.Time { return *now }, read: func() *metadata.Queries { return nil },
		full: func(string, int64) error { return errNoRoom },
		of:   []*bound{{quota: "q", limit: 100, count: c, rows: rows}},
	}
}

func TestRoomIsCountedAgain(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	c, db := &count{}, &countedRows{n: 40}
	add := func(what string, n, asked int64, want error) {
		t.Helper()
		r, before := roomFor(c, db.rows, &now), db.asked
		runs := 0
		err := r.within(context.Background(), func() error {
			runs++
			return r.take("q", n)
		})
		if err != want || db.asked-before != asked || runs > 2 {
			t.Errorf("%s: %v after it was counted %d times and tried %d times; want %v, counted %d times",
				what, err, db.asked-before, runs, want, asked)
		}
		if err == nil {
			db.n += n
		}
		if c.claimed != 0 {
			t.Errorf("%s: %d stay claimed", what, c.claimed)
		}
		now = now.Add(time.Second)
	}
	add("nothing is known", 1, 1, nil)
	add("with half of it left", 5, 0, nil)
	add("as far as that goes", 10, 0, nil)
	add("past the half", 1, 1, nil)
	add("past the half again", 1, 1, nil)
	add("too much", 43, 1, errNoRoom)
	add("what fits exactly", 42, 1, nil)
	add("one too many", 1, 1, errNoRoom)
	add("nothing at all", 0, 1, nil)
	db.n = 10 // others delete
	add("room that others made", 1, 1, nil)
	db.n = 100 // others add
	add("not known yet", 1, 0, nil)
	now = now.Add(countLife)
	add("known", 1, 1, errNoRoom)
	db.n = 10
	add("deleted", 1, 1, nil)
	now = now.Add(-time.Minute)
	add("the clock was set back", 1, 1, nil)

	// What takes long to count is not counted for each push.
	now = time.Unix(5000, 0)
	db.n, db.takes = 90, 20*time.Millisecond
	add("slowly", 1, 1, nil)
	now = now.Add(-time.Second)
	add("soon after", 1, 0, nil)
	now = now.Add(-time.Second)
	add("refused only if it is so", 9, 1, errNoRoom)

	// A database that does not answer.
	db.takes, db.err = 0, errors.New("away")
	now = now.Add(time.Hour)
	add("a fault", 1, 1, db.err)
}

// Operations of a moment see what the others claim, before it is there; what
// fails gives it back.
func TestRoomIsClaimed(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	var mu sync.Mutex
	c, db := &count{}, &countedRows{}
	passed := 0
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			r := roomFor(c, func(*metadata.Queries) (int64, error) {
				mu.Lock()
				defer mu.Unlock()
				return db.rows(nil)
			}, &now)
			err := r.within(context.Background(), func() error {
				if err := r.take("q", 1); err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				if i%3 == 0 {
					return errCountFault
				}
				db.n++
				passed++
				return nil
			})
			if err != nil && err != errNoRoom && err != errCountFault {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if passed > 100 {
		t.Errorf("%d passed where 100 may", passed)
	}
	r := roomFor(c, db.rows, &now)
	if err := r.within(context.Background(), func() error { return r.take("q", int64(100-passed)) }); err != nil {
		t.Errorf("%d passed, and the rest does not: %v", passed, err)
	}
	// A transaction that is run again takes once.
	db.n = 0
	r = roomFor(&count{}, db.rows, &now)
	err := r.within(context.Background(), func() error { return errors.Join(r.take("q", 60), r.take("q", 60)) })
	if err != nil || r.of[0].count.n != 60 {
		t.Errorf("%v, %d are counted, want 60", err, r.of[0].count.n)
	}
	if err := r.take("another", 1<<40); err != nil {
		t.Errorf("without a quota: %v", err)
	}
}

var errCountFault = errors.New("a fault")

func TestLongCountsAreShownAgain(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		took, age time.Duration
		want      bool
	}{
		{2 * countLong, 0, true},
		{2 * countLong, countRest * 2 * countLong, true},
		{2 * countLong, countRest*2*countLong + 1, false},
		{2 * countLong, -1, false},
		{countLong, 0, false}, // is counted each time
	} {
		of := &count{n: 5, at: now, took: c.took}
		if n, ok := of.shown(now.Add(c.age)); ok != c.want || n != 5 {
			t.Errorf("counted in %v, %v ago: %d, %v", c.took, c.age, n, ok)
		}
	}
	if _, ok := new(count).shown(now); ok {
		t.Error("nothing was counted")
	}
}

func TestCountsAreBounded(t *testing.T) {
	t.Parallel()
	var c counts
	first := c.get(counted{"q", 0})
	if c.get(counted{"q", 0}) != first || c.get(counted{"other", 0}) == first {
		t.Error("each quota of each registry has one count")
	}
	for id := range int64(maxCounts + 5) {
		c.get(counted{"q", id})
	}
	if n := len(c.of); n > maxCounts {
		t.Errorf("%d are remembered", n)
	}
}
