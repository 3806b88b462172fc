package session

import (
	"sync"
	"time"
)

const (
	// maxWrong is how many wrong secrets a minute are answered as such, for one
	// access key from one network. Behind a balancer that is not configured as
	// trusted, all clients are of one network: so no count may keep a right
	// secret out. Past the limit, wrong secrets get a shorter answer and are
	// not logged. Secrets are too long to be guessed at any rate.
	maxWrong    = 20
	triesPeriod = time.Minute
	// maxTries bounds how many pairs of key and network are counted at a time.
	maxTries = 4096
)

// try is what wrong secrets are counted by.
type try struct{ keyID, network string }

// tries counts wrong secrets in this process.
type tries struct {
	now func() time.Time

	mu     sync.Mutex
	begun  time.Time // of the minute that is counted
	counts map[try]int
}

func newTries(now func() time.Time) *tries { return &tries{now: now, counts: map[try]int{}} }

// wrong counts one more wrong secret, and says whether there were too many.
func (t *tries) wrong(keyID, network string) (tooMany bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.now(); now.Sub(t.begun) >= triesPeriod || now.Before(t.begun) {
		t.begun = now
		clear(t.counts)
	}
	of := try{keyID, network}
	if _, known := t.counts[of]; !known && len(t.counts) >= maxTries {
		// Forgetting one lets a few more be answered.
		for victim := range t.counts {
			delete(t.counts, victim)
			break
		}
	}
	t.counts[of]++
	return t.counts[of] > maxWrong
}
