// Package budget bounds what one party can take from all the others: memory, connections, and the time of the
// processors.
//
// A Budget is a number of units. Whoever needs some takes them as the need grows, and gives them back at once. There
// are no fixed shares: a party may hold no more than a multiple of what is still free. Alone it gets most, of two
// each gets less, and however many hold what they may, something is left for the next. What cannot be had within a
// short time is refused; there is no queue.
package budget

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Party is whom units are counted for. The zero Party counts in the total only.
type Party struct {
	// Account of the caller. With Network, nobody has proven yet that the caller is of the account.
	Account string
	// Network that a caller comes from who has proven nothing yet; see NetworkOf.
	Network netip.Prefix
}

// String is what the log calls a party.
func (p Party) String() string {
	switch {
	case !p.Network.IsValid():
		return p.Account
	case p.Account == "":
		return p.Network.String()
	}
	return p.Network.String() + " as " + p.Account
}

// NetworkOf a client's address and port: the address, or of IPv6 the part that a provider assigns.
func NetworkOf(remoteAddr string) netip.Prefix {
	peer, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 32) // all who have no address share it
	}
	a, bits := peer.Addr().Unmap().WithZone(""), 64
	if a.Is4() {
		bits = 32
	}
	network, _ := a.Prefix(bits) // the length fits
	return network
}

// Config is what a Budget is made of.
type Config struct {
	// Name for the log and the metrics.
	Name string
	// Limit is how many units there are.
	Limit int64
	// Times is how many times what is free a party may hold; 0 lets one hold all. A network may hold twice as
	// much as one account that comes from it: behind a balancer that does not pass addresses on, all clients are one
	// network.
	Times int64
	// Wait is how long Take may wait; 0 refuses at once.
	Wait time.Duration
	// Waiting is how many may wait at a time for one party.
	Waiting int64
}

// slots is how many parties are told apart, by a hash that differs from process to process. Two with the same hash
// share what one may hold; so nothing grows with the number of parties.
const slots = 1 << 12

// Budget bounds one kind of thing. It is safe for concurrent use; a nil Budget has no bounds.
type Budget struct {
	Config
	log  *slog.Logger
	seed maphash.Seed

	used    atomic.Int64
	held    [slots]atomic.Int64
	waiting [slots]atomic.Int64

	mu     sync.Mutex
	freed  chan struct{} // closed and made anew when something is given back while somebody waits
	waits  atomic.Int64  // how many wait
	logged atomic.Int64  // when a refusal was last logged, in seconds
	missed atomic.Int64  // refusals since then

	refusedOwn, refusedAll atomic.Int64
}

// New returns a budget of which nothing is taken. Its refusals go to the log, one a second.
func New(c Config, log *slog.Logger) *Budget {
	return &Budget{Config: c, log: log, seed: maphash.MakeSeed(), freed: make(chan struct{})}
}

// Used is how much is taken.
func (b *Budget) Used() int64 { return b.used.Load() }

// Refused is how often somebody was refused: for what its party held, and because all was taken.
func (b *Budget) Refused() (own, all int64) { return b.refusedOwn.Load(), b.refusedAll.Load() }

// RetryAfter is when to try again after an Error.
const RetryAfter = time.Second

// Error says that a budget has no more for a party.
type Error struct {
	Budget string
	Party  Party
	// Own says that the party holds what it may. Otherwise all units are taken, by whomever.
	Own bool
}

// Error is for the log: the protocols answer clients in words of their own.
func (e *Error) Error() string {
	if e.Own {
		return fmt.Sprintf("%s holds all of the budget %s that it may", e.Party, e.Budget)
	}
	return fmt.Sprintf("the budget %s is used up; %s asked for more", e.Budget, e.Party)
}

// Message is for the client.
func (e *Error) Message() string {
	if e.Own {
		return "Too many large requests are under way for you: try again when some have ended"
	}
	return "The registry has as many large requests under way as it can take: try again"
}

// Claim is what one request holds of a budget. The zero Claim is without bounds. It is safe for concurrent use.
type Claim struct {
	budget *Budget
	party  Party
	held   atomic.Int64

	begin  sync.Once
	shares [2]share // set by begin: most claims never take anything
}

// share is one of the counts that a claim adds to.
type share struct {
	slot  int32
	times int64 // 0: there is none
}

// Claim returns one that holds nothing.
func (b *Budget) Claim(p Party) *Claim {
	c := new(Claim)
	b.Begin(c, p)
	return c
}

// Begin makes c a claim of the party that holds nothing.
func (b *Budget) Begin(c *Claim, p Party) {
	if b == nil {
		return
	}
	c.budget, c.party = b, p
}

// findShares finds the counts of the claim's party.
func (c *Claim) findShares() {
	b, p := c.budget, c.party
	if p == (Party{}) {
		return
	}
	c.shares[0] = share{b.slot(p), b.Times}
	if p.Network.IsValid() && p.Account != "" {
		c.shares[1] = share{b.slot(Party{Network: p.Network}), 2 * b.Times}
	} else if p.Network.IsValid() {
		c.shares[0].times *= 2
	}
}

func (b *Budget) slot(p Party) int32 { return int32(maphash.Comparable(b.seed, p) % slots) }

// Take takes n more units, waiting for them no longer than the budget lets it: an *Error, or ctx's.
func (c *Claim) Take(ctx context.Context, n int64) error {
	b := c.budget
	if b == nil || n == 0 {
		return nil
	}
	c.begin.Do(c.findShares)
	own, ok := c.try(n)
	if ok {
		return nil
	}
	if b.Wait > 0 {
		if w := &b.waiting[c.shares[0].slot]; w.Add(1) <= b.Waiting {
			b.waits.Add(1)
			var err error
			own, ok, err = c.wait(ctx, n)
			b.waits.Add(-1)
			w.Add(-1)
			if ok || err != nil {
				return err
			}
		} else {
			w.Add(-1)
			own = true
		}
	}
	return b.refuse(c.party, own)
}

// wait tries until it succeeds or the time is over.
func (c *Claim) wait(ctx context.Context, n int64) (own, ok bool, err error) {
	over := time.NewTimer(c.budget.Wait)
	defer over.Stop()
	for {
		freed := c.budget.nextFreed() // before the try, so that nothing is missed
		if own, ok = c.try(n); ok {
			return own, true, nil
		}
		select {
		case <-freed:
		case <-over.C:
			return own, false, nil
		case <-ctx.Done():
			return own, false, context.Cause(ctx)
		}
	}
}

func (b *Budget) nextFreed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.freed
}

// try takes n units, or nothing. own says that the party's share is why it did not.
func (c *Claim) try(n int64) (own, ok bool) {
	b := c.budget
	used := b.used.Add(n)
	if used > b.Limit {
		b.used.Add(-n)
		return false, false
	}
	for i := range c.shares {
		s := &c.shares[i]
		if s.times == 0 {
			continue
		}
		if b.held[s.slot].Add(n) <= (b.Limit-used)*s.times {
			continue
		}
		for j := range i + 1 {
			if c.shares[j].times > 0 {
				b.held[c.shares[j].slot].Add(-n)
			}
		}
		b.used.Add(-n)
		return true, false
	}
	c.held.Add(n)
	return false, true
}

// Give gives n units back.
func (c *Claim) Give(n int64) {
	b := c.budget
	if b == nil || n == 0 {
		return
	}
	c.held.Add(-n)
	for i := range c.shares {
		if c.shares[i].times > 0 {
			b.held[c.shares[i].slot].Add(-n)
		}
	}
	b.used.Add(-n)
	if b.waits.Load() > 0 {
		b.mu.Lock()
		close(b.freed)
		b.freed = make(chan struct{})
		b.mu.Unlock()
	}
}

// Held is how much the claim holds.
func (c *Claim) Held() int64 { return c.held.Load() }

// Close gives all back. The claim can be used again.
func (c *Claim) Close() {
	if c.budget != nil {
		c.Give(c.held.Load())
	}
}

// refuse counts a refusal, and logs one a second, however many there are.
func (b *Budget) refuse(p Party, own bool) error {
	e := &Error{Budget: b.Name, Party: p, Own: own}
	if own {
		b.refusedOwn.Add(1)
	} else {
		b.refusedAll.Add(1)
	}
	now := time.Now().Unix()
	if last := b.logged.Load(); now == last || !b.logged.CompareAndSwap(last, now) {
		b.missed.Add(1)
		return e
	}
	b.log.Warn("refused: a budget has no more", "budget", b.Name, "account", p.Account, "network", networkText(p.Network),
		"own_share", own, "used", b.used.Load(), "limit", b.Limit, "others_since_last", b.missed.Swap(0))
	return e
}

func networkText(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}
