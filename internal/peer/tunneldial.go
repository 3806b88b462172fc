package peer

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"
)

const (
	// tunnelPause is how long a process waits at least before it dials another tunnel.
	tunnelPause = 20 * time.Millisecond
	// longestTunnelWait is how long it waits at most while the peer cannot be reached, and longestWait while somebody
	// has to do something first.
	longestTunnelWait = 8 * time.Second
	// probeInterval is how often a process that has enough tunnels to the processes that it knows of asks for one more,
	// to find others, where there may be others. Until then it asks later and later.
	probeInterval = 10 * time.Second
	// redialInterval is how often a process may dial in the long run, and maxRedials how often at once, after it has
	// not for a while.
	redialInterval = 250 * time.Millisecond
	maxRedials     = 4 * tunnelsEach
	// tunnelStop is how long what was asked through a tunnel may take to be answered when it is to end.
	tunnelStop = 5 * time.Second
)

// ServeTunnels has what peers ask through tunnels answered by a handler, which must answer what is below PathPrefix
// only. It must be called before Run, which dials the tunnels.
func (d *Directory) ServeTunnels(h http.Handler) { d.tunnelHandler = h }

// dials reports whether this deployment dials tunnels to the peer.
func (d *Directory) dials(e *entry) bool {
	return e != nil && e.URL != "" && (e.Outbound || d.party.URL == "") && d.tunnelHandler != nil
}

// partyFor is this deployment as a peer knows it: without a URL where that is not to be used.
func (d *Directory) partyFor(r Record) Party {
	p := d.party.reported()
	if r.Outbound {
		p.URL = ""
	}
	return p
}

// outbound is what a process knows of the tunnels that it has dialled to a peer.
type outbound struct {
	mu      sync.Mutex
	open    map[string]int // by the process that has accepted them
	problem *Error         // why the last one could not be dialled; nil if it could
}

func (o *outbound) state() (open int, problem *Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range o.open {
		open += n
	}
	return open, o.problem
}

// enough are the processes to which there are enough tunnels, and whether that is so of all that there are tunnels to.
func (o *outbound) enough() (processes []string, all bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for process, n := range o.open {
		if n >= tunnelsEach && len(processes) < maxEnough {
			processes = append(processes, process)
		}
	}
	return processes, len(o.open) > 0 && len(processes) == len(o.open)
}

func (o *outbound) count(process string, by int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		o.open = map[string]int{}
	}
	if o.open[process] += by; o.open[process] == 0 {
		delete(o.open, process)
	}
}

func (o *outbound) note(problem *Error) (changed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	changed = problem != nil && (o.problem == nil || o.problem.Code != problem.Code)
	o.problem = problem
	return changed
}

// keepTunnels dials tunnels to the peer and serves them until ctx ends, or it is a peer no more. Which process of the
// peer accepts one is chance: it says who it is, and takes no more than enough. So all have some soon.
func (c *Client) keepTunnels(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer cancel()
	unwanted := make(chan struct{}) // closed when those that there are are not to be any more
	ended := make(chan struct{}, 1) // a tunnel has
	redials := redials{left: maxRedials}
	failures, misses := 0, 0
	pause := time.Duration(0)
	for c.rest(ctx, pause, ended, &misses) {
		if !c.d.dials(c.d.current.Load().byID[c.id]) {
			close(unwanted) // the peer may call directly now
			unwanted = make(chan struct{})
			pause = time.Minute // unless the peers change
			continue
		}
		if pause = redials.take(time.Now()); pause > 0 {
			continue
		}
		processes, all := c.outbound.enough()
		carrier, answer, err := c.dialTunnel(ctx, processes)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			failures++
			pause = c.tunnelFailed(err, failures)
			continue
		}
		failures = 0
		c.outbound.note(nil)
		if carrier == nil { // that process has enough
			misses++
			// Of two who dial in step through a balancer that takes turns, each would get to one process only.
			longest := probeInterval
			if !all {
				longest = redialInterval // some that are known have not enough
			}
			pause = rand.N(2 * min(tunnelPause<<min(misses, 10), longest))
		} else {
			misses = 0
			pause = tunnelPause
			c.outbound.count(answer.Process, 1)
			unwanted := unwanted
			serving.Go(func() {
				c.serveTunnel(ctx, unwanted, carrier, func() {
					c.outbound.count(answer.Process, -1)
					signal(ended)
				})
			})
		}
		if _, all := c.outbound.enough(); all && answer.Alone {
			pause = time.Minute // unless one ends
		}
		pause += rand.N(pause/4 + 1)
	}
}

// rest waits before the next tunnel is dialled, less if one ends meanwhile: false if there will be no next.
func (c *Client) rest(ctx context.Context, pause time.Duration, ended <-chan struct{}, misses *int) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-c.ended:
			return false
		case <-timer.C:
			return true
		case <-c.redial:
			timer.Reset(0)
		case <-ended:
			*misses = 0
			timer.Reset(min(pause, rand.N(firstWait/2)))
		}
	}
}

// redials bounds how often tunnels are dialled, however soon they end.
type redials struct {
	left   int
	filled time.Time
}

// take returns how long to wait before the next may be dialled: 0 if it may now.
func (r *redials) take(now time.Time) time.Duration {
	if n := int(now.Sub(r.filled) / redialInterval); n > 0 {
		r.left, r.filled = min(r.left+n, maxRedials), now
	}
	if r.left == 0 {
		return max(time.Millisecond, redialInterval-now.Sub(r.filled))
	}
	r.left--
	return 0
}

// tunnelFailed records why no tunnel could be dialled, and returns how long to wait.
func (c *Client) tunnelFailed(err error, failures int) time.Duration {
	var e *Error
	if !errors.As(err, &e) {
		e = refuse(Internal, "No tunnel could be dialled: %s.", err)
	}
	if c.outbound.note(e) {
		c.d.log.Warn("cannot dial a tunnel to a peer", "peer", c.name(), "code", e.Code, "err", e.Message)
	}
	pause := wait(failures-1, randomly)
	if e.Temporary() {
		pause = min(pause, longestTunnelWait-rand.N(longestTunnelWait/4))
	}
	return max(pause, e.RetryAfter)
}

// dialTunnel asks the peer for a tunnel. The carrier is nil if the process that answered is one of those that are
// named.
func (c *Client) dialTunnel(ctx context.Context, enough []string) (*carrier, TunnelAnswer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, helloTimeout, errSlow)
	defer cancel()
	var answer TunnelAnswer
	var got *carrier
	// A connection that is kept goes to the process that it went to before.
	transport := c.d.newTransport()
	transport.DisableKeepAlives = true
	through := &caller{d: c.d, resume: c.caller.resume, target: func() (target, error) {
		t, err := c.target()
		t.transport = transport
		return t, err
	}}
	through.setOffset(c.caller.offset())
	query := url.Values{queryEnough: enough, queryProcess: {c.d.process}}
	if !c.d.store.Shared() {
		query.Set(queryAlone, "")
	}
	_, err := through.call(ctx, call{
		method: http.MethodGet, operation: OperationTunnel, query: query, answer: &answer,
		upgrade: func(carrier *carrier) { got = carrier },
	})
	if err == nil && !isID(answer.Process) {
		err = refuse(Garbage, "%s does not say which process has answered: are both deployments up to date?",
			c.subject())
	}
	if err != nil && got != nil {
		_ = got.Close()
		got = nil
	}
	return got, answer, err
}

// serveTunnel answers what the peer asks through a tunnel, until that ends, ctx does, or it is unwanted. It calls ended
// at once, and returns when what was asked has ended, too.
func (c *Client) serveTunnel(ctx context.Context, unwanted <-chan struct{}, carrier *carrier, ended func()) {
	s, err := yamux.Server(carrier, tunnelConfig())
	if err != nil {
		panic(err) // the configuration is valid
	}
	defer s.Close()
	accepting, stop := context.WithCancel(context.Background())
	defer stop()
	listener := &tunnelListener{ctx: accepting, stop: stop, session: s, carrier: carrier}
	server := &http.Server{
		Handler: c.d.tunnelHandler, ReadHeaderTimeout: dialTimeout, IdleTimeout: 2 * idleTimeout,
		MaxHeaderBytes: maxAnswerHeader, ErrorLog: slog.NewLogLogger(c.d.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), tunnelled{}, c.id)
		},
	}
	go func() { _ = server.Serve(listener) }() // it ends with the listener
	go func() {
		defer s.Close()
		select {
		case <-s.CloseChan():
		case <-c.ended:
		case <-unwanted:
			leave(s, server)
		case <-ctx.Done():
			leave(s, server)
		}
	}()
	watchTunnel(s, carrier)
	ended()
	finish(server) // what was asked goes on for as long as it notices
	_ = server.Close()
}

// leave has no more asked, and waits until what was asked is answered.
func leave(s *yamux.Session, server *http.Server) {
	_ = s.GoAway() // else the tunnel has ended
	finish(server)
}

// finish waits until what was asked is answered.
func finish(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), tunnelStop)
	defer cancel()
	_ = server.Shutdown(ctx)
}

// tunnelListener listens for connections in a tunnel.
type tunnelListener struct {
	ctx     context.Context
	stop    context.CancelFunc
	session *yamux.Session
	carrier *carrier
	open    atomic.Int64
}

// Accept implements net.Listener. What is too much is closed.
func (l *tunnelListener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.session.AcceptStreamWithContext(l.ctx)
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) > 2*maxStreams {
			l.open.Add(-1)
			_ = accepted.Close()
			continue
		}
		return &stream{Stream: accepted, carrier: l.carrier, end: sync.OnceFunc(func() { l.open.Add(-1) })}, nil
	}
}

// Close implements net.Listener: connections that were accepted stay.
func (l *tunnelListener) Close() error {
	l.stop()
	return nil
}

// Addr implements net.Listener.
func (l *tunnelListener) Addr() net.Addr { return l.carrier.LocalAddr() }
