package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// line is what lies between two deployments.
type line struct {
	mbits     int64 // a second, each way
	roundTrip time.Duration
}

func (l line) String() string {
	rate := fmt.Sprintf("%d Mbit/s", l.mbits)
	if l.mbits%1000 == 0 {
		rate = fmt.Sprintf("%d Gbit/s", l.mbits/1000)
	}
	return fmt.Sprintf("%s, %d ms", rate, l.roundTrip.Milliseconds())
}

// bytes a second.
func (l line) bytes() float64 { return float64(l.mbits) * 1e6 / 8 }

// parseLines reads lines as they are listed in a flag: Mbit/s and ms, as in 1000/20.
func parseLines(list string) (lines []line, err error) {
	for item := range strings.SplitSeq(list, ",") {
		rate, roundTrip, _ := strings.Cut(item, "/")
		mbits, err := strconv.ParseInt(rate, 10, 32)
		ms, msErr := strconv.ParseInt(roundTrip, 10, 16)
		if err != nil || msErr != nil || mbits <= 0 || ms < 0 {
			return nil, fmt.Errorf("%q is not a line: Mbit/s and ms, such as 1000/20", item)
		}
		lines = append(lines, line{mbits, time.Duration(ms) * time.Millisecond})
	}
	return lines, nil
}

// network joins this place to another by a line: a network namespace behind two
// pairs of veth, of which one has the line's rate (tc tbf) and the other is for who
// watches. Without the rights to make one, the other place is this one, and the
// relays bound the rate.
type network struct {
	line      line
	namespace string // "" if there is none
	links     []string
	// The addresses of the line's ends, and of the other place past the line.
	here, there, beside string
	relays              []*relay
}

// networks counts those that this process has made, which names them.
var networks atomic.Int64

// openNetwork makes a network; shaped says that it is to have a namespace.
func openNetwork(ctx context.Context, l line, shaped bool) (opened *network, err error) {
	if !shaped {
		return &network{line: l, here: "127.0.0.1", there: "127.0.0.1", beside: "127.0.0.1"}, nil
	}
	id := fmt.Sprintf("tb%d-%d", os.Getpid(), networks.Add(1))
	n := &network{line: l, namespace: id, links: []string{id + "l", id + "b"}}
	defer func() {
		if err != nil {
			opened, err = nil, errors.Join(err, n.close())
		}
	}()
	pairs := make([][2]string, len(n.links)) // addresses of the ends
	for i := range pairs {
		if pairs[i], err = freePair(i); err != nil {
			return n, err
		}
	}
	n.here, n.there, n.beside = pairs[0][0], pairs[0][1], pairs[1][1]
	if err := command(ctx, "ip", "netns", "add", id); err != nil {
		n.namespace, n.links = "", nil
		return n, err
	}
	if err := command(ctx, "ip", "-n", id, "link", "set", "lo", "up"); err != nil {
		return n, err
	}
	for i, link := range n.links {
		for _, args := range [][]string{
			{"link", "add", link, "type", "veth", "peer", "name", link, "netns", id},
			{"addr", "add", pairs[i][0] + "/30", "dev", link},
			{"-n", id, "addr", "add", pairs[i][1] + "/30", "dev", link},
			{"link", "set", link, "up"},
			{"-n", id, "link", "set", link, "up"},
		} {
			if err := command(ctx, "ip", args...); err != nil {
				return n, err
			}
		}
	}
	shape := []string{
		"qdisc", "add", "dev", n.links[0], "root", "tbf", "rate", fmt.Sprintf("%dmbit", l.mbits),
		"burst", fmt.Sprint(max(32<<10, l.mbits<<8)), "latency", "20ms",
	}
	if err := command(ctx, "tc", shape...); err != nil {
		return n, err
	}
	return n, command(ctx, "tc", append([]string{"-n", id}, shape...)...)
}

// freePair returns the two addresses of a network that this machine has none of, in
// the range for benchmarks (RFC 2544); no two kinds share one.
func freePair(kind int) ([2]string, error) {
	own, err := net.InterfaceAddrs()
	if err != nil {
		return [2]string{}, err
	}
	for i := range 256 {
		of := fmt.Sprintf("198.%d.%d.", 18+kind, (os.Getpid()+i)%256)
		taken := false
		for _, a := range own {
			taken = taken || strings.HasPrefix(a.String(), of)
		}
		if !taken {
			return [2]string{of + "1", of + "2"}, nil
		}
	}
	return [2]string{}, errors.New("all networks of 198.18.0.0/15 are taken: see ip addr")
}

func command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", cmd, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// canShape says why this process cannot make namespaces: "" if it can.
func canShape(ctx context.Context) string {
	n, err := openNetwork(ctx, line{mbits: 1000}, true)
	if err == nil {
		err = n.close()
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// within has a program run in the other place, where it is reached at beside.
func (n *network) within(p program) program {
	if n.namespace == "" {
		return p
	}
	p.within, p.host = []string{"ip", "netns", "exec", n.namespace}, n.beside
	configure := p.configure
	p.configure = func(dir, _ string) (args, env []string, err error) { return configure(dir, ":"+otherPort) }
	return p
}

// toward is an address of a process of the other place as it is reached by the line.
func (n *network) toward(addr string) string { return strings.Replace(addr, n.beside, n.there, 1) }

func (n *network) close() error {
	for _, r := range n.relays {
		r.close()
	}
	if n.namespace == "" {
		return nil
	}
	// The links go with the namespace, unless one was made and not moved there.
	return command(context.Background(), "ip", "netns", "del", n.namespace)
}

const (
	// lineWindow is how much a connection has under way at most, as a kernel would
	// let it, and relayPiece how much of it is moved at a time.
	lineWindow = 4 << 20
	relayPiece = 64 << 10
	// relayBuffer is the kernel's buffer at the ends of a relay: what is in there is
	// under way, too.
	relayBuffer = 256 << 10
	// relayPieces is how many pieces of a connection are under way at most, each way.
	relayPieces = 1024
)

// relay carries connections over the line: bytes take half the round trip each
// way, and a connection takes one to open.
type relay struct {
	listener    *net.TCPListener
	delay       time.Duration // each way
	rates       [2]*rate      // each way; nil if the kernel bounds it
	target      atomic.Value  // string
	connections atomic.Int64  // so far
	running     sync.WaitGroup
	mu          sync.Mutex
	open        map[*net.TCPConn]bool // nil once it is closed
}

// relay listens at a host of this place and carries connections to target, which
// may be set later.
func (n *network) relay(host string) (*relay, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l.(*net.TCPListener), delay: n.line.roundTrip / 2, open: map[*net.TCPConn]bool{}}
	if n.namespace == "" {
		r.rates = [2]*rate{{bytes: n.line.bytes()}, {bytes: n.line.bytes()}}
	}
	n.relays = append(n.relays, r)
	r.running.Go(func() {
		for {
			c, err := r.listener.AcceptTCP()
			if err != nil {
				return // it is closed
			}
			r.connections.Add(1)
			r.running.Go(func() { r.carry(c) })
		}
	})
	return r, nil
}

func (r *relay) addr() string { return r.listener.Addr().String() }

func (r *relay) close() {
	r.listener.Close()
	r.mu.Lock()
	for c := range r.open {
		c.Close()
	}
	r.open = nil
	r.mu.Unlock()
	r.running.Wait()
}

// keep notes that a connection is open: false if the relay is closed.
func (r *relay) keep(c *net.TCPConn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open != nil {
		r.open[c] = true
	}
	return r.open != nil
}

func (r *relay) carry(from *net.TCPConn) {
	defer from.Close()
	if !r.keep(from) {
		return
	}
	time.Sleep(2 * r.delay)
	target, _ := r.target.Load().(string)
	c, err := net.DialTimeout("tcp", target, 10*time.Second)
	if err != nil {
		return
	}
	to := c.(*net.TCPConn)
	defer to.Close()
	if !r.keep(to) {
		return
	}
	for _, c := range []*net.TCPConn{from, to} {
		_ = c.SetReadBuffer(relayBuffer)
		_ = c.SetWriteBuffer(relayBuffer)
	}
	var both sync.WaitGroup
	both.Go(func() { r.pump(from, to, r.rates[0]) })
	both.Go(func() { r.pump(to, from, r.rates[1]) })
	both.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, from)
	delete(r.open, to)
}

// piece is bytes under way, or that they arrived, and when that is to be noticed.
type piece struct {
	at   time.Time
	data *[relayPiece]byte
	size int
}

var relayBuffers = sync.Pool{New: func() any { return new([relayPiece]byte) }}

// pump moves bytes one way until they end.
func (r *relay) pump(from, to *net.TCPConn, limit *rate) {
	underWay, acknowledged := make(chan piece, relayPieces), make(chan piece, relayPieces)
	var moving sync.WaitGroup
	w := &window{free: lineWindow}
	moving.Go(func() {
		for p := range underWay {
			time.Sleep(time.Until(p.at))
			limit.wait(p.size)
			_, err := to.Write(p.data[:p.size])
			relayBuffers.Put(p.data)
			if err != nil {
				from.Close() // so that the reading ends, too
			}
			acknowledged <- piece{at: time.Now().Add(r.delay), size: p.size}
		}
		close(acknowledged)
		_ = to.CloseWrite()
	})
	moving.Go(func() {
		for p := range acknowledged {
			time.Sleep(time.Until(p.at))
			w.give(p.size)
		}
	})
	for {
		data := relayBuffers.Get().(*[relayPiece]byte)
		room := w.take(relayPiece)
		n, err := from.Read(data[:room])
		w.give(room - n)
		if n > 0 {
			underWay <- piece{time.Now().Add(r.delay), data, n}
		}
		if err != nil {
			if err != io.EOF {
				to.Close()
			}
			break
		}
	}
	close(underWay)
	moving.Wait()
}

// window is how many bytes more a connection may have under way.
type window struct {
	mu    sync.Mutex
	free  int
	freed *sync.Cond
}

// take waits until some of n bytes may be under way, and returns how many.
func (w *window) take(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.freed == nil {
		w.freed = sync.NewCond(&w.mu)
	}
	for w.free == 0 {
		w.freed.Wait()
	}
	n = min(n, w.free)
	w.free -= n
	return n
}

func (w *window) give(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free += n
	if w.freed != nil {
		w.freed.Signal()
	}
}

// rate bounds how many bytes pass a second. A nil rate has no bound.
type rate struct {
	bytes float64
	mu    sync.Mutex
	free  time.Time // when all that was let through has passed
}

// rateCredit is how much time that was not used may be made up for.
const rateCredit = 2 * time.Millisecond

func (r *rate) wait(n int) {
	if r == nil {
		return
	}
	r.mu.Lock()
	if earliest := time.Now().Add(-rateCredit); r.free.Before(earliest) {
		r.free = earliest
	}
	r.free = r.free.Add(time.Duration(float64(n) / r.bytes * float64(time.Second)))
	until := r.free
	r.mu.Unlock()
	time.Sleep(time.Until(until))
}
