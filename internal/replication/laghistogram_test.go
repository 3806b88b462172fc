package replication

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestLagHistogram(t *testing.T) {
	t.Parallel()
	var h, half lagHistogram
	var lags []time.Duration
	for i := range 10000 {
		lag := time.Microsecond + rand.N(time.Duration(1)<<(i%48))
		lags = append(lags, lag)
		if i%2 == 0 {
			h.add(lag)
		} else {
			half.add(lag)
		}
	}
	h.merge(&half)
	back, err := decodeLags(h.encode())
	if err != nil || back != h {
		t.Errorf("it is not what was encoded: %v", err)
	}
	slices.Sort(lags)
	for _, part := range []float64{0.001, 0.1, 0.5, 0.99, 1} {
		want := lags[int(part*float64(len(lags)))-1]
		if got := h.quantile(part); got < want*999/1000 || float64(got) > 1.21*float64(want) {
			t.Errorf("%v of all: %v, want %v to a fifth more", part, got, want)
		}
	}
	var ends lagHistogram
	for _, lag := range []time.Duration{-time.Hour, 0, 1, 365 * 24 * time.Hour} {
		ends.add(lag)
	}
	if ends[0] != 3 || ends[lagBins-1] != 1 {
		t.Errorf("%v", ends)
	}
	if back, err := decodeLags(ends.encode()); err != nil || back != ends {
		t.Errorf("the first and the last: %v", err)
	}
	if empty, err := decodeLags(nil); err != nil || empty.quantile(0.5) != 0 {
		t.Errorf("an empty one: %v", err)
	}
	for _, bad := range [][]byte{
		{1}, {0x80}, {200, 1, 1}, {149, 1, 1, 1, 1}, {0, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, slices.Repeat([]byte{0xff}, 100),
	} {
		if _, err := decodeLags(bad); err == nil {
			t.Errorf("%v was read", bad)
		}
	}
}
