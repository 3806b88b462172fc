package peer

import (
	"testing"
	"time"
)

// TestBreaker: three failures in a row open it; then the peer is tried later and later, until it answers.
func TestBreaker(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	never := func() float64 { return 0 }
	gone, b := refuse(Unreachable, "gone"), breaker{}
	for i := range 2 {
		if b.failed(now, gone, never) || b.refusal(now) != nil {
			t.Errorf("it opens after failure %d", i+1)
		}
	}
	if b.succeeded() {
		t.Error("it closes, and was not open")
	}
	for i := range 3 {
		if b.failed(now, gone, never) != (i == 2) {
			t.Errorf("failure %d", i+1)
		}
	}
	if e := b.refusal(now); e == nil || e.Code != Unreachable || e.RetryAfter != time.Second || gone.RetryAfter != 0 {
		t.Errorf("open, it gives %+v", e)
	}
	for i, want := range []time.Duration{2, 4, 8, 16, 30, 30, 30, 30, 30, 30, 30, 30} {
		b.failed(now, gone, never) // was under way
		now = b.next
		b.failed(now, gone, never)
		if got := b.next.Sub(now); got != want*time.Second {
			t.Errorf("after try %d it waits for %s", i+1, got)
		}
	}
	if !b.succeeded() || b.refusal(now) != nil || b.opens != 1 {
		t.Errorf("after an answer: %+v", b)
	}
	if !b.failed(now, refuse(NotAPeer, "removed"), func() float64 { return 0.999 }) {
		t.Error("it goes on with what only people can fix")
	}
	if got := b.next.Sub(now); got < 750*time.Millisecond || got >= time.Second {
		t.Errorf("it waits for %s", got)
	}

	b = breaker{}
	busy := refuse(Throttled, "busy")
	busy.RetryAfter = time.Hour
	b.rest(now, busy)
	if e := b.refusal(now.Add(time.Minute)); e == nil || e.Code != Throttled || e.RetryAfter != maxPause-time.Minute {
		t.Errorf("in a pause it gives %+v", e)
	}
	shorter := *busy
	shorter.RetryAfter = time.Second
	b.rest(now, &shorter)
	if b.rested(now.Add(2*time.Second)) || !b.rested(now.Add(maxPause)) || b.rested(now.Add(maxPause)) ||
		b.refusal(now.Add(maxPause)) != nil {
		t.Error("a pause does not end when it should")
	}
}
