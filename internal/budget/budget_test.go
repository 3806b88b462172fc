package budget

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

var quiet = slog.New(slog.DiscardHandler)

func take(t *testing.T, c *Claim, n int64) bool {
	t.Helper()
	err := c.Take(t.Context(), n)
	if e, ok := errors.AsType[*Error](err); err != nil && !ok {
		t.Fatalf("%v is no *Error", e)
	}
	return err == nil
}

// most is how much a party gets, one unit at a time.
func most(t *testing.T, c *Claim) int64 {
	for take(t, c, 1) {
	}
	return c.Held()
}

// TestWhoeverComesNextFindsSomething fills a budget by parties one after the other.
func TestWhoeverComesNextFindsSomething(t *testing.T) {
	b := New(Config{Name: "test", Limit: 1200, Times: 1}, quiet)
	var claims []*Claim
	for i, want := range []int64{600, 300, 150, 75} {
		c := b.Claim(Party{Account: fmt.Sprint(i)})
		if got := most(t, c); got != want {
			t.Errorf("party %d got %d of 1200, want %d", i, got, want)
		}
		claims = append(claims, c)
	}
	for _, c := range claims {
		c.Close()
	}
	if b.Used() != 0 {
		t.Errorf("%d are used when all is given back", b.Used())
	}
	if own, all := b.Refused(); own != 4 || all != 0 {
		t.Errorf("refused %d and %d times, want 4 and 0", own, all)
	}
}

// TestAccountsOfOneNetwork: nobody has proven who it is. One that pretends to be an account leaves some to the
// others that come from the same network, and much to other networks.
func TestAccountsOfOneNetwork(t *testing.T) {
	b := New(Config{Name: "test", Limit: 1200, Times: 1}, quiet)
	balancer, elsewhere := NetworkOf("192.0.2.1:1"), NetworkOf("192.0.2.2:1")
	if got := most(t, b.Claim(Party{"victim", balancer})); got != 600 {
		t.Errorf("one account of a network got %d, want 600", got)
	}
	if got := most(t, b.Claim(Party{"other", balancer})); got != 200 {
		t.Errorf("another account of the network got %d, want 200", got)
	}
	for _, p := range []Party{{"victim", elsewhere}, {Account: "victim"}} {
		c := b.Claim(p)
		if got := most(t, c); got != 200 {
			t.Errorf("%v got %d, want half of what is left, 200", p, got)
		}
		c.Close()
	}
}

func TestTakeWaits(t *testing.T) {
	b := New(Config{Name: "test", Limit: 10, Wait: time.Minute, Waiting: 1}, quiet)
	first, second := b.Claim(Party{Account: "a"}), b.Claim(Party{Account: "a"})
	if !take(t, first, 10) {
		t.Fatal("one party did not get all")
	}
	got := make(chan error)
	go func() { got <- second.Take(context.Background(), 10) }()
	for b.waits.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	// More than one must not wait for a party.
	if err := b.Claim(Party{Account: "a"}).Take(t.Context(), 1); err == nil {
		t.Error("a second one was let wait")
	}
	first.Give(1) // not enough yet
	first.Close()
	if err := <-got; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := first.Take(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a request that has ended: %v", err)
	}
	second.Close()
	if b.Used() != 0 || b.waits.Load() != 0 {
		t.Errorf("%d used, %d wait", b.Used(), b.waits.Load())
	}
}

func TestNothingIsLostInARace(t *testing.T) {
	b := New(Config{Name: "test", Limit: 100, Times: 1, Wait: time.Minute, Waiting: 64}, quiet)
	var running sync.WaitGroup
	for i := range 16 {
		running.Go(func() {
			c := b.Claim(Party{Account: fmt.Sprint(i % 3)})
			for range 2000 {
				if err := c.Take(context.Background(), 20); err != nil {
					t.Error(err)
					return
				}
				c.Give(20)
			}
		})
	}
	running.Wait()
	if b.Used() != 0 {
		t.Errorf("%d are used when all is given back", b.Used())
	}
	for i := range b.held {
		if n := b.held[i].Load(); n != 0 {
			t.Errorf("a party holds %d when all is given back", n)
		}
	}
}

func TestRefusalsAreLoggedOnceASecond(t *testing.T) {
	var log strings.Builder
	b := New(Config{Name: "memory", Limit: 1, Times: 1}, slog.New(slog.NewTextHandler(&log, nil)))
	c := b.Claim(Party{Account: "111122223333", Network: NetworkOf("[2001:db8::1]:443")})
	for range 1000 {
		_ = c.Take(t.Context(), 2)
	}
	lines := strings.Count(log.String(), "\n")
	if lines == 0 || lines > 30 || !strings.Contains(log.String(), "account=111122223333 network=2001:db8::/64") {
		t.Errorf("%d lines:\n%s", lines, log.String())
	}
}

func TestWithoutBudget(t *testing.T) {
	var none *Budget
	c := none.Claim(Party{})
	if err := c.Take(t.Context(), 1<<60); err != nil {
		t.Error(err)
	}
	c.Close()
	if err := TakeMemory(t.Context(), 1<<60); err != nil {
		t.Error(err)
	}
	l := NewLimits(850<<20, 2, quiet)
	if err := TakeMemory(l.Begin(Party{Account: "a"}).NewContext(t.Context()), 1<<60); err == nil {
		t.Error("a context's party got all")
	}
}

func TestNetworkOf(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.7:80": "192.0.2.7/32", "[::ffff:192.0.2.7]:80": "192.0.2.7/32",
		"[2001:db8:1:2:3::4]:80": "2001:db8:1:2::/64", "[fe80::1%eth0]:80": "fe80::/64", "@": "0.0.0.0/32",
	} {
		if got := NetworkOf(addr); got != netip.MustParsePrefix(want) {
			t.Errorf("%s: %v, want %s", addr, got, want)
		}
	}
}

func TestPatience(t *testing.T) {
	pace := Pace{Silence: 30 * time.Second, Rate: 8 << 10}
	for _, c := range []struct {
		name  string
		waits time.Duration // each time
		bytes int           // each time
		lasts bool
	}{
		{"a byte every 20 s", 20 * time.Second, 1, false},
		{"a byte a second", time.Second, 1, false},
		{"as fast as must be", time.Second, 8 << 10, true},
		{"now and then much", 29 * time.Second, 1 << 20, true},
		{"a silence too long", 31 * time.Second, 1 << 20, false},
	} {
		p := pace.Begin()
		begun := time.Duration(0)
		cut := false
		for range 1000 {
			if c.waits > p.Left() {
				cut = true
				break
			}
			p.Spend(c.waits, c.bytes)
			begun += c.waits
		}
		if cut == c.lasts || !c.lasts && begun > time.Minute {
			t.Errorf("%s: cut off %v after %v", c.name, cut, begun)
		}
	}
}

// BenchmarkTake is what a request pays that takes something: most take nothing.
func BenchmarkTake(b *testing.B) {
	budget := New(Config{Name: "test", Limit: 1 << 40, Times: 1}, quiet)
	p := Party{Account: "111122223333"}
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var c Claim
			budget.Begin(&c, p)
			_ = c.Take(ctx, 4096)
			c.Close()
		}
	})
}
