package registry

import (
	"testing"
	"time"
)

func TestEstimates(t *testing.T) {
	t.Parallel()
	var e estimates
	now := time.Unix(1000, 0)
	fits := func(what string, more int64, at time.Time, want bool) {
		t.Helper()
		if got := e.fits(7, more, 100, at); got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	fits("nothing is known", 1, now, false)
	e.know(7, 45, now)
	fits("another one", 1, now, true)
	fits("up to the half", 4, now, true)
	fits("past the half, with what was added", 1, now, false)
	e.know(7, 45, now)
	fits("at the end of its life", 1, now.Add(estimateLife), true)
	fits("too old", 1, now.Add(estimateLife+1), false)
	fits("the clock was set back", 1, now.Add(-1), false)
	if e.fits(8, 1, 100, now) {
		t.Error("nothing is known of another")
	}
	for id := range int64(maxEstimates + 5) {
		e.know(id, 0, now)
	}
	if n := len(e.of); n > maxEstimates {
		t.Errorf("%d are remembered", n)
	}
}
