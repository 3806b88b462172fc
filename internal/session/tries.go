package session

import (
	"sync"
	"time"
)

const (
	// How many wrong tries a minute are answered, of one network and for one
	// access key. The latter is the larger: others must not lock an account out
	// easily, and secrets are too long to be guessed anyway.
	triesPerNetwork = 20
	triesPerKey     = 100
	triesPeriod     = time.Minute
	// maxTries bounds how many networks and keys are counted at a time.
	maxTries = 4096
)

// tries counts wrong access keys in this process.
type tries struct {
	now func() time.Time

	mu     sync.Mutex
	begun  time.Time // of the minute that is counted
	counts map[string]int
}

func newTries(now func() time.Time) *tries { return &tries{now: now, counts: map[string]int{}} }

// allow says whether one more try is answered.
func (t *tries) allow(keyID, network string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.now(); now.Sub(t.begun) >= triesPeriod || now.Before(t.begun) {
		t.begun = now
		clear(t.counts)
	}
	return t.counts["network "+network] < triesPerNetwork && t.counts["key "+keyID] < triesPerKey
}

func (t *tries) failed(keyID, network string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range [...]string{"network " + network, "key " + keyID} {
		if _, known := t.counts[name]; !known && len(t.counts) >= maxTries {
			// Forgetting one lets a few more tries through; refusing whoever is new
			// would keep everybody out.
			for victim := range t.counts {
				delete(t.counts, victim)
				break
			}
		}
		t.counts[name]++
	}
}
