package servers

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Direction is a way of bytes through a Proxy.
type Direction int

const (
	ToServer Direction = iota
	ToClient
)

// Proxy passes TCP connections on to a server, or to several in turn, with the
// faults that a network may have. Faults hold for open connections and for those
// to come, until they are set anew or healed. Its methods may be called from any
// goroutine.
type Proxy struct {
	address string

	mu       sync.Mutex
	upstream []string
	next     int          // of upstream
	listener net.Listener // nil while connections are refused
	links    map[*link]bool
	latency  time.Duration
	ways     [2]way
	passed   [2]int64
	healed   chan struct{} // closed and made anew by Heal
}

// way is what is wrong with a direction.
type way struct {
	rate    int64     // bytes a second; 0 for no limit
	free    time.Time // when the bytes let through so far have passed at that rate
	limited bool      // after left bytes, something happens:
	left    int64
	stall   bool  // nothing more passes, instead of a reset
	every   int64 // bytes between a reset and the next; 0 if there is none
}

// link is a client's connection and the one to the server.
type link struct {
	client, server *net.TCPConn
	once           sync.Once
	done           chan struct{} // closed by reset, and when both have ended
}

// chunk is a piece of a stream, and when it may leave.
type chunk struct {
	data []byte
	due  time.Time
}

const (
	chunkSize = 16 << 10
	queueSize = 256 // chunks under way in each direction of a connection
	steps     = 50  // into how many steps a limited rate divides a second
)

// StartProxy starts a proxy in front of the servers at the addresses, each
// host:port.
func StartProxy(t T, upstream ...string) *Proxy {
	t.Helper()
	p := &Proxy{upstream: upstream, links: map[*link]bool{}, healed: make(chan struct{})}
	check(t, onFreePort(func(port string) error {
		p.address = net.JoinHostPort("127.0.0.1", port)
		return p.listen()
	}))
	t.Cleanup(func() {
		p.Refuse()
		p.Cut()
	})
	return p
}

// Address returns the proxy's host:port, which clients use for the server's.
func (p *Proxy) Address() string { return p.address }

// Add has connections go to the server at host:port, too.
func (p *Proxy) Add(upstream string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.upstream = append(p.upstream, upstream)
}

// Passed returns how many bytes the proxy has passed on in the direction.
func (p *Proxy) Passed(d Direction) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed[d]
}

// Cut resets all open connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.reset()
	}
}

// Refuse makes new connections fail, as if nobody listened. Open ones stay.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
}

// Latency delays each byte by so much in each direction.
func (p *Proxy) Latency(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = d
}

// Rate limits a direction of all connections together to bytes a second; 0 for
// no limit.
func (p *Proxy) Rate(d Direction, bytesPerSecond int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ways[d].rate, p.ways[d].free = bytesPerSecond, time.Time{}
}

// CutAfter resets the connection that carries the byte after the next n of the
// direction, once: the connections after it are well.
func (p *Proxy) CutAfter(d Direction, n int64) { p.limit(d, way{left: n}) }

// CutEvery is CutAfter again and again.
func (p *Proxy) CutEvery(d Direction, n int64) { p.limit(d, way{left: n, every: n}) }

// StallAfter lets n more bytes through in the direction; then, nothing more, and
// nobody is notified.
func (p *Proxy) StallAfter(d Direction, n int64) { p.limit(d, way{left: n, stall: true}) }

func (p *Proxy) limit(d Direction, w way) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.limited, w.rate, w.free = true, p.ways[d].rate, p.ways[d].free
	p.ways[d] = w
}

// Heal ends all faults: new connections are accepted, and what was stalled goes
// on. It fails if another process has taken the port meanwhile.
func (p *Proxy) Heal() error {
	p.mu.Lock()
	p.latency, p.ways = 0, [2]way{}
	close(p.healed)
	p.healed = make(chan struct{})
	listening := p.listener != nil
	p.mu.Unlock()
	if listening {
		return nil
	}
	return p.listen()
}

func (p *Proxy) listen() error {
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		return fmt.Errorf("listen as a proxy: %w", err)
	}
	p.mu.Lock()
	p.listener = listener
	p.mu.Unlock()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed by Refuse
			}
			go p.pass(client.(*net.TCPConn))
		}
	}()
	return nil
}

// pass connects a client with the server until both have ended.
func (p *Proxy) pass(client *net.TCPConn) {
	l := &link{client: client, done: make(chan struct{})}
	server := p.dial()
	if server == nil {
		l.server = client
		l.reset()
		return
	}
	l.server = server
	p.mu.Lock()
	p.links[l] = true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pump(l, ToServer, l.client, l.server) })
	both.Go(func() { p.pump(l, ToClient, l.server, l.client) })
	both.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
	l.end()
}

// dial connects to the next server that takes a connection; nil if none does.
func (p *Proxy) dial() *net.TCPConn {
	p.mu.Lock()
	upstream := p.upstream
	first := p.next
	p.next++
	p.mu.Unlock()
	for i := range upstream {
		if server, err := net.Dial("tcp", upstream[(first+i)%len(upstream)]); err == nil {
			return server.(*net.TCPConn)
		}
	}
	return nil
}

// pump passes one direction of a link on, with its faults.
func (p *Proxy) pump(l *link, d Direction, from, to *net.TCPConn) {
	queue := make(chan chunk, queueSize)
	go func() {
		defer close(queue)
		for {
			buffer := make([]byte, chunkSize)
			n, err := from.Read(buffer)
			p.mu.Lock()
			due := time.Now().Add(p.latency)
			p.mu.Unlock()
			if n > 0 {
				select {
				case queue <- chunk{buffer[:n], due}:
				case <-l.done:
					return
				}
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				l.reset()
				return
			}
		}
	}()
	for c := range queue {
		l.wait(time.Until(c.due))
		for len(c.data) > 0 {
			n, ok := p.admit(l, d, len(c.data))
			if !ok {
				l.reset()
				return
			}
			if _, err := to.Write(c.data[:n]); err != nil {
				l.reset()
				return
			}
			c.data = c.data[n:]
		}
	}
	to.CloseWrite()
}

// admit waits until bytes may pass and returns how many of them, or false if
// the link is to be, or was, reset.
func (p *Proxy) admit(l *link, d Direction, size int) (int, bool) {
	for {
		select {
		case <-l.done:
			return 0, false
		default:
		}
		p.mu.Lock()
		w := &p.ways[d]
		n := int64(size)
		if w.limited {
			if w.left == 0 && !w.stall {
				*w = way{rate: w.rate, free: w.free, limited: w.every > 0, left: w.every, every: w.every}
				p.mu.Unlock()
				return 0, false
			}
			if w.left == 0 {
				healed := p.healed
				p.mu.Unlock()
				select {
				case <-healed:
				case <-l.done:
				}
				continue
			}
			n = min(n, w.left)
		}
		var pause time.Duration
		if w.rate > 0 {
			n = min(n, max(1, w.rate/steps))
			if now := time.Now(); w.free.Before(now) {
				w.free = now
			}
			w.free = w.free.Add(time.Duration(n) * time.Second / time.Duration(w.rate))
			pause = time.Until(w.free)
		}
		if w.limited {
			w.left -= n
		}
		p.passed[d] += n
		p.mu.Unlock()
		l.wait(pause)
		return int(n), true
	}
}

// wait waits for the time, or the end of the link.
func (l *link) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-l.done:
	}
}

// reset ends both connections at once, and reports to both ends that it is not a
// regular end.
func (l *link) reset() {
	l.client.SetLinger(0)
	l.server.SetLinger(0)
	l.end()
}

func (l *link) end() {
	l.once.Do(func() {
		close(l.done)
		l.client.Close()
		l.server.Close()
	})
}
