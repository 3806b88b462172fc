package usage

import (
	"context"
	"sync"
	"time"
)

// The database counts what quotas bound row by row. So each process remembers
// the last count, and adds what it adds itself. It has the database count again
//   - after countLife, while half of the quota is left: so other processes go past
//     it only if they add that half meanwhile;
//   - nearer to the quota, after countRest times as long as counting took;
//   - before it refuses anything; but if counting took longer than countLong, not
//     until countPause times as long has passed.
const (
	countLife  = time.Minute
	countRest  = 50
	countRow   = 100 * time.Nanosecond // a row that was asked for ahead takes about as long
	countLong  = time.Second
	countPause = 4
	// settleTime bounds how long a count waits for operations that have not ended.
	settleTime = 2 * time.Second
	// manyUsages is from how many on those that are old are forgotten.
	manyUsages = 10_000
)

// usage is how much there is of what a quota bounds, as far as this process knows.
type usage struct {
	turn chan struct{} // the account's: the database counts one of an account at a time

	mu sync.Mutex
	// counted is what was counted, and n is that with what this process has added
	// since it began to count. What was added while it counted may be in n twice:
	// there are at least counted and at most n.
	counted, n int64
	at         time.Time // when counting began; zero if nothing was counted
	took       time.Duration
	counts     int           // how often counting began
	err        error         // of the last count
	claimed    int64         // by operations that have not ended
	added      int64         // by all operations that have ended
	idle       chan struct{} // closed when nothing is claimed; nil if nobody waits for that
}

// usable reports whether n can be used without counting again. mu is held.
func (u *usage) usable(limit int64, now time.Time) bool {
	age := now.Sub(u.at)
	return !u.at.IsZero() && age >= 0 && (age <= countRest*u.took || age <= countLife && u.n+u.claimed <= limit/2)
}

// tooSoon reports whether counting took so long that it is too early to count
// again. mu is held.
func (u *usage) tooSoon(now time.Time) bool {
	age := now.Sub(u.at)
	return !u.at.IsZero() && u.took > countLong && age >= 0 && age <= countPause*u.took
}

// record stores a count that began when added was as given. mu is held.
func (u *usage) record(counted, added int64, at time.Time, took time.Duration) {
	u.counted, u.n, u.at, u.took = counted, counted+u.added-added, at, took
}

// count has the database count, unless a count for another operation begins
// meanwhile.
func (u *usage) count(ctx context.Context, now func() time.Time, rows func() (int64, error)) error {
	u.mu.Lock()
	before := u.counts
	u.mu.Unlock()
	select {
	case u.turn <- struct{}{}:
		defer func() { <-u.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	at := now()
	u.mu.Lock()
	added, shared, rests, err := u.added, u.counts > before, u.tooSoon(at), u.err
	if !shared && !rests {
		u.counts++
	}
	u.mu.Unlock()
	switch {
	case shared:
		return err
	case rests:
		return nil
	}
	n, err := rows()
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err = err; err == nil {
		u.record(n, added, at, now().Sub(at))
	}
	return err
}

// settle waits until nothing is claimed, for settleTime at most, so that
// nothing is counted twice.
func (u *usage) settle(ctx context.Context) {
	u.mu.Lock()
	if u.claimed == 0 {
		u.mu.Unlock()
		return
	}
	if u.idle == nil {
		u.idle = make(chan struct{})
	}
	idle := u.idle
	u.mu.Unlock()
	late := time.NewTimer(settleTime)
	defer late.Stop()
	select {
	case <-idle:
	case <-ctx.Done():
	case <-late.C:
	}
}

// end gives back what an operation claimed; added says that it was committed.
func (u *usage) end(claimed int64, added bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.claimed -= claimed
	if added {
		u.n += claimed
		u.added += claimed
	}
	if u.claimed == 0 && u.idle != nil {
		close(u.idle)
		u.idle = nil
	}
}

// left is how much the quota leaves at least, and at most.
func (u *usage) left(limit int64) (least, most int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return limit - u.n - u.claimed, limit - u.counted
}

// bounded identifies what a quota bounds: the id is of a repository, or a
// registry.
type bounded struct {
	account string
	quota   string
	id      int64
}

// usages are those of which a process knows something.
type usages struct {
	mu    sync.Mutex
	of    map[bounded]*usage
	turns map[string]chan struct{} // by account
	many  int
}

func (us *usages) get(what bounded, now time.Time) *usage {
	us.mu.Lock()
	defer us.mu.Unlock()
	if us.of == nil {
		us.of, us.turns, us.many = map[bounded]*usage{}, map[string]chan struct{}{}, manyUsages
	}
	u := us.of[what]
	if u == nil {
		if len(us.of) >= us.many {
			us.forget(now)
		}
		turn := us.turns[what.account]
		if turn == nil {
			turn = make(chan struct{}, 1)
			us.turns[what.account] = turn
		}
		u = &usage{turn: turn}
		us.of[what] = u
	}
	return u
}

// forget drops usages that are too old to be used without counting again.
func (us *usages) forget(now time.Time) {
	for what, u := range us.of {
		u.mu.Lock()
		age := now.Sub(u.at)
		if u.claimed == 0 && (age < 0 || age > countLife && age > countRest*u.took) {
			delete(us.of, what)
		}
		u.mu.Unlock()
	}
	us.many = max(manyUsages, 2*len(us.of))
}
