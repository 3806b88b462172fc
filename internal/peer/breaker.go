package peer

import (
	"math/rand/v2"
	"time"
)

const (
	// failuresToOpen is how many failures in a row open a breaker. One that only people can fix opens it at once.
	failuresToOpen = 3
	// firstWait is how long it then takes until the peer is tried, longestWait how long at most.
	firstWait   = time.Second
	longestWait = 30 * time.Second
)

// breaker keeps calls from a peer that does not answer. While it is open the peer is tried now and then, and everybody
// else gets the last failure at once. It is not safe for concurrent use.
type breaker struct {
	failures int    // in a row
	last     *Error // of them
	open     bool
	tries    int       // since it opened
	next     time.Time // when it is tried again, while it is open
	opens    int64     // how often it has opened

	paused      bool // the peer wants to be asked later
	pausedUntil time.Time
	pause       *Error // what it said
}

// failed records a failure: true if it opens the breaker. random returns a number of [0, 1).
func (b *breaker) failed(now time.Time, e *Error, random func() float64) bool {
	b.failures++
	b.last = e
	if b.open {
		if !now.Before(b.next) { // others were under way before it opened
			b.tries++
			b.next = now.Add(wait(b.tries, random))
		}
		return false
	}
	if b.failures < failuresToOpen && !e.definite() {
		return false
	}
	b.open, b.tries = true, 0
	b.next = now.Add(wait(0, random))
	b.opens++
	return true
}

// wait is how long to wait after so many tries: twice as long each time, less up to a quarter, so that not all who wait
// try at the same moment.
func wait(tries int, random func() float64) time.Duration {
	d := longestWait
	if tries < 10 {
		d = min(firstWait<<tries, longestWait)
	}
	return d - time.Duration(random()*float64(d)/4)
}

// succeeded records an answer of the peer: true if it closes the breaker.
func (b *breaker) succeeded() bool {
	closed := b.open
	b.open, b.failures, b.last = false, 0, nil
	return closed
}

// rest records that the peer wants to be asked later.
func (b *breaker) rest(now time.Time, e *Error) {
	until := now.Add(min(e.RetryAfter, maxPause))
	if !b.paused || until.After(b.pausedUntil) {
		b.paused, b.pausedUntil, b.pause = true, until, e
	}
}

// rested ends a pause whose time is over: true if there was one.
func (b *breaker) rested(now time.Time) bool {
	if !b.paused || now.Before(b.pausedUntil) {
		return false
	}
	b.paused, b.pause = false, nil
	return true
}

// refusal is why the peer is not called now; nil if it is.
func (b *breaker) refusal(now time.Time) *Error {
	switch {
	case b.open:
		e := *b.last
		e.RetryAfter = max(e.RetryAfter, b.next.Sub(now), 0)
		return &e
	case b.paused && now.Before(b.pausedUntil):
		e := *b.pause
		e.RetryAfter = b.pausedUntil.Sub(now)
		return &e
	}
	return nil
}

// randomly is the jitter of breakers.
func randomly() float64 { return rand.Float64() }
