package peer

import (
	"container/heap"
	"sync"
	"time"
)

const (
	// window is how far the date of a request may be from now.
	window = 5 * time.Minute
	// maxNonces is how many nonces of a peer are kept, fewer if there are many peers: maxAllNonces bounds those of all.
	maxNonces    = 1 << 14
	maxAllNonces = 1 << 18
)

// nonces remembers the requests that were taken, so that none is taken twice. What it forgets for lack of room, and
// what is dated before it began, is too old to be taken.
type nonces struct {
	begun time.Time

	mu    sync.Mutex
	peers map[string]*peerNonces // by id
}

type peerNonces struct {
	floor time.Time // requests that are not later are not taken
	seen  map[nonce]struct{}
	byAge nonceHeap
}

type nonce [16]byte

type datedNonce struct {
	date  time.Time
	nonce nonce
}

// newNonces begins now. Requests have dates of whole milliseconds.
func newNonces(now time.Time) *nonces {
	return &nonces{begun: now.Truncate(time.Millisecond).Add(-time.Millisecond), peers: map[string]*peerNonces{}}
}

// take remembers a request whose date is in the window. It returns "", or the code of why the request is not taken; if
// that is Clock, a request of the date earliest would be.
func (n *nonces) take(peer string, date time.Time, value nonce, now time.Time) (code string, earliest time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peers[peer]
	if p == nil {
		n.forget(now)
		p = &peerNonces{floor: n.begun, seen: map[nonce]struct{}{}}
		n.peers[peer] = p
	}
	p.forget(now)
	if _, again := p.seen[value]; again {
		return Replayed, time.Time{}
	}
	room := max(1, min(maxNonces, maxAllNonces/len(n.peers)))
	for len(p.byAge) > room { // there are more peers than before
		p.drop()
	}
	oldest, full := p.floor, len(p.byAge) == room
	if full && p.byAge[0].date.After(oldest) {
		oldest = p.byAge[0].date
	}
	if !date.After(oldest) {
		return Clock, oldest.Add(time.Millisecond)
	}
	if full {
		p.drop()
	}
	p.seen[value] = struct{}{}
	heap.Push(&p.byAge, datedNonce{date, value})
	return "", time.Time{}
}

// forget forgets peers of which nothing needs to be known.
func (n *nonces) forget(now time.Time) {
	for id, p := range n.peers {
		if p.forget(now); len(p.byAge) == 0 && p.floor.Before(now.Add(-window)) {
			delete(n.peers, id)
		}
	}
}

// forget forgets requests that are refused for their date.
func (p *peerNonces) forget(now time.Time) {
	for len(p.byAge) > 0 && p.byAge[0].date.Before(now.Add(-window)) {
		p.drop()
	}
	if p.floor.After(now.Add(window)) { // the clock was ahead
		p.floor = now.Add(-time.Millisecond)
	}
}

// drop forgets the oldest request. None that is as old is taken from now on.
func (p *peerNonces) drop() {
	oldest := heap.Pop(&p.byAge).(datedNonce)
	delete(p.seen, oldest.nonce)
	if oldest.date.After(p.floor) {
		p.floor = oldest.date
	}
}

// nonceHeap has the oldest first.
type nonceHeap []datedNonce

func (h nonceHeap) Len() int           { return len(h) }
func (h nonceHeap) Less(i, j int) bool { return h[i].date.Before(h[j].date) }
func (h nonceHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *nonceHeap) Push(x any)        { *h = append(*h, x.(datedNonce)) }
func (h *nonceHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
