package usage

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// countedRows is a database that counts. Time passes in it only while it does.
type countedRows struct {
	now      time.Time
	n, asked int64
	takes    time.Duration
	err      error
	during   func() // what happens after it has counted, before it answers
}

func (c *countedRows) rows(*metadata.Queries) (int64, error) {
	c.asked++
	if c.takes > 0 { // else others may read the clock meanwhile
		c.now = c.now.Add(c.takes)
	}
	n := c.n
	if c.during != nil {
		c.during()
	}
	return n, c.err
}

func (c *countedRows) clock() time.Time { return c.now }

var errNoRoom = errors.New("no room")

func newUsage() *usage { return &usage{turn: make(chan struct{}, 1)} }

// roomFor is room for an operation whose quota is 100.
func roomFor(u *usage, db *countedRows) *Room {
	return &Room{
		now: db.clock, read: func(context.Context) *metadata.Queries { return nil },
		full: func(string, int64) error { return errNoRoom },
		of:   []*bound{{quota: "q", limit: 100, usage: u, rows: db.rows}},
	}
}

func TestRoomIsCountedAgain(t *testing.T) {
	t.Parallel()
	u, db := newUsage(), &countedRows{n: 40, now: time.Unix(1000, 0), takes: time.Millisecond}
	add := func(what string, n, asked int64, want error) {
		t.Helper()
		r, before := roomFor(u, db), db.asked
		runs := 0
		err := r.Within(context.Background(), func() error {
			runs++
			return r.Take("q", n)
		})
		if !errors.Is(err, want) || (err == nil) != (want == nil) || db.asked-before != asked || runs > 2 {
			t.Errorf("%s: %v after it was counted %d times and tried %d times; want %v, counted %d times",
				what, err, db.asked-before, runs, want, asked)
		}
		if err == nil {
			db.n += n
		}
		if u.claimed != 0 {
			t.Errorf("%s: %d stay claimed", what, u.claimed)
		}
		db.now = db.now.Add(time.Second)
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
	db.now = db.now.Add(countLife)
	add("known", 1, 1, errNoRoom)
	db.n = 10
	add("deleted", 1, 1, nil)
	db.now = db.now.Add(-time.Minute)
	add("the clock was set back", 1, 1, nil)

	// What takes long to count is not counted for each push.
	db.now, db.n, db.takes = time.Unix(5000, 0), 90, 100*time.Millisecond
	add("slowly", 1, 1, nil)
	add("soon after", 1, 0, nil)
	add("refused only if it is so", 9, 1, errNoRoom)
	// Nor, if it takes very long, for each refusal.
	db.now, db.n, db.takes = time.Unix(9000, 0), 100, 2*countLong
	add("refused after very long", 1, 1, errNoRoom)
	add("refused at once", 1, 0, errNoRoom)
	db.now = db.now.Add(countPause * db.takes)
	add("refused after a pause", 1, 1, errNoRoom)

	// A database that does not answer.
	db.takes, db.err = 0, errors.New("away")
	db.now = db.now.Add(time.Hour)
	add("a fault", 1, 1, db.err)
}

// What this process adds while the database counts is neither lost nor a reason to
// refuse what fits.
func TestRoomWhileOthersAdd(t *testing.T) {
	t.Parallel()
	u, db := newUsage(), &countedRows{n: 10, now: time.Unix(1000, 0), takes: 10 * time.Millisecond}
	within := func(r *Room, n int64) error {
		return r.Within(context.Background(), func() error { return r.Take("q", n) })
	}
	db.during = func() {
		db.during = nil
		other := roomFor(u, db)
		other.of[0].counted = true
		if err := within(other, 80); err != nil {
			t.Error(err)
		}
	}
	if err := within(roomFor(u, db), 1); err != nil || u.n != 91 {
		t.Errorf("%v; %d are known, want 91: the other's were not in the count", err, u.n)
	}
	// An operation that the count has seen, and that has not ended.
	u = newUsage()
	db.n, db.asked = 50, 0
	other := roomFor(u, db)
	if err := other.prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := other.Take("q", 40); err != nil {
		t.Fatal(err)
	}
	db.n += 40
	db.now = db.now.Add(time.Hour) // the next counts anew
	r, runs := roomFor(u, db), 0
	err := r.Within(context.Background(), func() error {
		err := r.Take("q", 8)
		if runs++; runs == 1 {
			time.AfterFunc(10*time.Millisecond, func() { other.End(true) })
		}
		return err
	})
	if err != nil || u.n != 98 {
		t.Errorf("%v, %d are known after %d tries; want 98 of 100", err, u.n, runs)
	}
}

// Operations of a moment see what the others claim, before it is there; what
// fails gives it back.
func TestRoomIsClaimed(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	u, db := newUsage(), &countedRows{now: time.Unix(1000, 0)}
	passed := 0
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			r := roomFor(u, db)
			r.of[0].rows = func(*metadata.Queries) (int64, error) {
				mu.Lock()
				defer mu.Unlock()
				return db.rows(nil)
			}
			err := r.Within(context.Background(), func() error {
				if err := r.Take("q", 1); err != nil {
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
	r := roomFor(u, db)
	if err := r.Within(context.Background(), func() error { return r.Take("q", int64(100-passed)) }); err != nil {
		t.Errorf("%d passed, and the rest does not: %v", passed, err)
	}
	// A transaction that is run again takes what its last run takes: once, or nothing.
	for _, last := range []int64{60, 0} {
		db.n = 0
		r = roomFor(newUsage(), db)
		err := r.Within(context.Background(), func() error {
			err := errors.Join(r.Begin(nil), r.Take("q", 60), r.Begin(nil))
			if last > 0 {
				err = errors.Join(err, r.Take("q", last))
			}
			return err
		})
		if err != nil || r.of[0].usage.n != last {
			t.Errorf("%v, %d are known, want %d", err, r.of[0].usage.n, last)
		}
	}
	if err := r.Take("another", 1<<40); err != nil {
		t.Errorf("without a quota: %v", err)
	}
}

var errCountFault = errors.New("a fault")

// Many who ask at a time share a count, also one that fails, and leave when their
// request ends.
func TestCountsAreShared(t *testing.T) {
	t.Parallel()
	for _, want := range []error{nil, errCountFault} {
		synctest.Test(t, func(t *testing.T) {
			u, asked := newUsage(), 0
			u.turn <- struct{}{} // another count of the account
			left, leave := context.WithCancel(context.Background())
			leave()
			if err := u.count(left, time.Now, nil); err != context.Canceled {
				t.Errorf("who left: %v", err)
			}
			for range 20 {
				go func() {
					err := u.count(context.Background(), time.Now, func() (int64, error) {
						asked++ // one at a time
						return 7, want
					})
					if err != want {
						t.Errorf("%v, want %v", err, want)
					}
				}()
			}
			synctest.Wait() // for them to come
			<-u.turn
			synctest.Wait()
			if asked != 1 {
				t.Errorf("for 20 who came together the database counted %d times", asked)
			}
		})
	}
}

func TestUsagesAreForgotten(t *testing.T) {
	t.Parallel()
	var us usages
	now := time.Unix(1000, 0)
	first := us.get(bounded{"a", "q", 0}, now)
	first.claimed = 1
	if us.get(bounded{"a", "q", 0}, now) != first || us.get(bounded{"a", "other", 0}, now) == first {
		t.Error("each quota of each registry has one usage")
	}
	for id := range int64(3 * manyUsages) {
		us.get(bounded{"a", "q", id}, now).at = now
		if id == manyUsages/2 {
			now = now.Add(countLife + 1) // all these are old
		}
	}
	if n := len(us.of); n > 3*manyUsages-manyUsages/2+2 {
		t.Errorf("%d are remembered", n)
	}
	if us.get(bounded{"a", "q", 0}, now) != first {
		t.Error("what is claimed was forgotten")
	}
}

// A count is for all who wait for it: it goes on if the one who began it leaves.
func TestCountOutlivesWhoBeganIt(t *testing.T) {
	t.Parallel()
	u, db := newUsage(), &countedRows{n: 40, now: time.Unix(1000, 0)}
	ctx, leave := context.WithCancel(t.Context())
	r := roomFor(u, db)
	read := false
	r.read = func(ctx context.Context) *metadata.Queries {
		leave()
		if read = true; ctx.Err() != nil {
			t.Errorf("the count is given up: %v", ctx.Err())
		}
		return nil
	}
	if err := r.Within(ctx, func() error { return r.Take("q", 1) }); err != nil || !read {
		t.Errorf("counted: %v, %v", read, err)
	}
}

// A run of the transaction is answered by what it asked itself, not by what an
// earlier run asked that did not need the answer.
func TestRunsAskForThemselves(t *testing.T) {
	t.Parallel()
	store, err := metadata.OpenSQLite(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	u, db := newUsage(), &countedRows{n: 40, now: time.Unix(1000, 0)}
	var asked *metadata.Queries
	r := roomFor(u, db)
	r.of[0].quick = true
	r.of[0].rows = func(q *metadata.Queries) (int64, error) {
		asked = q
		return db.rows(q)
	}
	know := func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.record(40, 0, db.now, 0)
	}
	run := func(forget bool) (q *metadata.Queries) {
		t.Helper()
		if err := store.Update(t.Context(), func(tx *metadata.Tx) error {
			q = tx.Queries
			r.Ask(q)
			know()
			if forget {
				db.now = db.now.Add(2 * countLife)
			}
			return r.Begin(q)
		}); err != nil {
			t.Fatal(err)
		}
		return q
	}
	if run(false); asked != nil {
		t.Error("what is known was counted")
	}
	if q := run(true); asked != q {
		t.Error("another transaction was asked")
	}
}
