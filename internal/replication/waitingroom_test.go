package replication

import (
	"errors"
	"testing"
	"time"
)

// What an account may have waiting is bounded; it is counted only when what was
// let in may have filled it, and for a while after that not again.
func TestWaitingRoom(t *testing.T) {
	var room waitingRoom
	waiting, counts := 0, 0
	var fault error
	now := time.Unix(1000, 0)
	push := func(account string, n int) (in int) {
		t.Helper()
		for range n {
			ok, err := room.of(account).take(100, now, func() (int, error) {
				counts++
				return min(waiting, maxWaiting), fault
			})
			if err != nil {
				if !errors.Is(err, fault) {
					t.Error(err)
				}
				continue
			}
			if ok {
				in++
				waiting += 100
			}
		}
		return in
	}
	if in := push("1", 2000); in*100 < maxWaiting-waitingRoomLeft || in*100 > maxWaiting {
		t.Errorf("%d replications were let in", in*100)
	}
	if counts > 4 {
		t.Errorf("counted %d times", counts)
	}
	if in := push("2", 10); in != 10 {
		t.Errorf("another account: %d of 10 pushes were let in", in)
	}
	waiting -= 1000 // of the two
	now = now.Add(fullPause)
	if in := push("1", 10); in != 0 {
		t.Errorf("%d pushes were let in while there is hardly room", in)
	}
	waiting = maxWaiting / 2
	if in := push("1", 10); in != 0 {
		t.Errorf("%d pushes were let in, though it was counted just now", in)
	}
	now = now.Add(fullPause)
	if in := push("1", 10); in != 10 {
		t.Errorf("%d of 10 pushes were let in when there was room again", in)
	}
	fault = errors.New("the store is away")
	if in := push("3", 1000); in*100 != waitingRoomLeft {
		t.Errorf("%d replications were let in that could not be counted", in*100)
	}
}
