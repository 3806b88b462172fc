package replication

import (
	"sync"
	"time"
)

const (
	// maxReplicationsPerPut bounds what one push makes: tags times destinations.
	maxReplicationsPerPut = 500
	// maxWaiting is how many replications of an account may be in progress before
	// its pushes are refused. They are taken again once there is some room.
	maxWaiting      = 50000
	waitingRoomLeft = maxWaiting / 10
	// fullPause is for how long it is not counted again after there was no room.
	fullPause = time.Second
)

// waitingRoom bounds how many replications each account has in progress. It
// counts what this process lets in, and looks into the store only when that may
// have filled it: so a push costs nothing more, and each process lets in no more
// than the bound. The zero value is empty.
type waitingRoom struct {
	mu       sync.Mutex
	accounts map[string]*allowance
}

// allowance is what an account may still queue before it is counted.
type allowance struct {
	mu     sync.Mutex
	left   int
	fullAt time.Time // when there was no room; zero if there is
}

func (w *waitingRoom) of(account string) *allowance {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.accounts == nil {
		w.accounts = map[string]*allowance{}
	}
	a := w.accounts[account]
	if a == nil {
		a = &allowance{left: waitingRoomLeft}
		w.accounts[account] = a
	}
	return a
}

// take takes room for n replications: false if there is none.
func (a *allowance) take(n int, now time.Time, count func() (int, error)) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left >= n {
		a.left -= n
		return true, nil
	}
	if !a.fullAt.IsZero() && now.Sub(a.fullAt) < fullPause {
		return false, nil
	}
	waiting, err := count()
	if err != nil {
		return false, err
	}
	if maxWaiting-waiting < max(n, waitingRoomLeft) {
		a.left, a.fullAt = 0, now
		return false, nil
	}
	a.left, a.fullAt = maxWaiting-waiting-n, time.Time{}
	return true, nil
}
