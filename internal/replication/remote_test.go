package replication

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/peer"
)

// What people change at a peer is found soon, and what nobody changes is tried less and less often.
func TestDelayAfter(t *testing.T) {
	for _, c := range []struct {
		err         error
		first, last time.Duration // the longest after the first try and after many
	}{
		{errors.New("a fault"), firstRetry, lastRetry},
		{&peer.Error{Code: peer.Internal}, firstRetry, lastRetry},
		{fmt.Errorf("send: %w", &peer.Error{Code: peer.Unreachable}), awayRetry, awayRetry},
	} {
		for tries, most := range map[int]time.Duration{1: c.first, 1000: c.last} {
			if got := delayAfter(c.err, tries); got > most || got < most/2 {
				t.Errorf("after %d tries, of which the last ended with %v, it waits for %s; want %s to %s", tries,
					c.err, got, most/2, most)
			}
		}
	}
}
