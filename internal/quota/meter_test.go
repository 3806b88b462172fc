package quota

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const account, region = "111122223333", "us-east-1"

func newMeter(rate int64) (m *Meter, now *atomic.Int64) {
	var l Limits
	l.Rates[PutImage] = rate
	m, now = NewMeter(map[string]Limits{account: l, "444455556666": l}, []string{region, "us-west-2"}), new(atomic.Int64)
	m.now = func() time.Duration { return time.Duration(now.Load()) }
	return m, now
}

// An account that was idle may ask ten seconds' worth at once, and then its rate.
func TestRate(t *testing.T) {
	t.Parallel()
	m, now := newMeter(10)
	taken := func() (n int) {
		for m.Take(account, region, PutImage) {
			n++
		}
		return n
	}
	if n := taken(); n != 100 {
		t.Errorf("%d requests at once, want 100", n)
	}
	for _, step := range []time.Duration{time.Second, 99 * time.Millisecond, time.Millisecond, time.Hour} {
		now.Add(int64(step))
		want := map[time.Duration]int{time.Second: 10, time.Millisecond: 1, time.Hour: 100}[step]
		if n := taken(); n != want {
			t.Errorf("%d requests after %v, want %d", n, step, want)
		}
	}
}

// Accounts, Regions and kinds do not count for each other, and what has no limit
// has none.
func TestRatesAreApart(t *testing.T) {
	t.Parallel()
	m, _ := newMeter(1)
	for m.Take(account, region, PutImage) {
	}
	for range 1000 {
		if !m.Take(account, region, BatchGetImage) || !m.Take("999999999999", region, PutImage) {
			t.Fatal("a request without a limit was refused")
		}
	}
	if !m.Take(account, "us-west-2", PutImage) || !m.Take("444455556666", region, PutImage) {
		t.Error("a request was refused for those of another account or Region")
	}
}

func TestRateAtOnce(t *testing.T) {
	t.Parallel()
	m, _ := newMeter(50)
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 1000 {
				if m.Take(account, region, PutImage) {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := passed.Load(); n != 500 {
		t.Errorf("%d requests passed, want 500", n)
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for k := range Kind(Kinds) {
		if KindOf(k.String()) != k {
			t.Errorf("%v is taken for %v", k, KindOf(k.String()))
		}
		if Default().Rates[k] == 0 {
			t.Errorf("%v has no rate", k)
		}
	}
	if k := KindOf("DescribeImages"); k != Other {
		t.Errorf("DescribeImages is taken for %v", k)
	}
}

func BenchmarkTake(b *testing.B) {
	m, now := newMeter(1 << 30)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			now.Add(1000)
			m.Take(account, region, PutImage)
		}
	})
}
