package peer

import (
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// silence is how long a peer may do nothing, and patience how many bytes a second make good for the time that they
	// take.
	silence  = 60 * time.Second
	patience = 4 << 10
	// looks is how often in a silence the connection is looked at.
	looks = 12
)

var (
	// errStalled says that a peer did not go on with a request.
	errStalled = errors.New("peer: the peer did not go on with the request")
	// errSlow says that a request had its time.
	errSlow = errors.New("peer: the peer did not answer in time")
)

// progress ends a request that does not go on. Bytes that are handed to the kernel are not at the peer yet, so it looks
// at what the connection still has to send, where that can be known.
type progress struct {
	silence time.Duration
	end     func(cause error)
	begun   time.Time

	mu     sync.Mutex
	timer  *time.Timer // nil once it has stopped
	last   time.Time   // when something moved
	moved  int64
	conn   net.Conn
	unsent int
}

func watchProgress(silence time.Duration, end func(cause error)) *progress {
	now := time.Now()
	p := &progress{silence: silence, end: end, begun: now, last: now}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(silence/looks, p.look)
	return p
}

// on says which connection the request uses.
func (p *progress) on(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conn, p.unsent = c, 0
}

// move says that n bytes moved.
func (p *progress) move(n int) {
	if n <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = time.Now()
	p.moved += int64(n)
}

func (p *progress) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

func (p *progress) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil {
		return
	}
	now := time.Now()
	if p.conn != nil {
		if n, ok := unsent(p.conn); ok {
			if n < p.unsent {
				p.last = now
				p.moved += int64(p.unsent - n)
			}
			p.unsent = n
		}
	}
	allowed := p.silence + time.Duration(p.moved)*(time.Second/patience)
	if now.Sub(p.last) >= p.silence || now.Sub(p.begun) >= allowed {
		p.timer = nil
		p.end(errStalled)
		return
	}
	p.timer.Reset(p.silence / looks)
}
