package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// helloInterval is how often a peer that answers is asked for its state.
	helloInterval = 5 * time.Second
	// helloTimeout is how long that may take.
	helloTimeout = 15 * time.Second
	// joiningTime is how long a deployment that has become a peer is left alone, unless it says hello before: of the two
	// one stores the other first, and would be refused until that has stored it, too.
	joiningTime = 2 * time.Second
	// keptRoundTrips is how many are remembered.
	keptRoundTrips = 5
)

// Client calls a peer. It is safe for concurrent use.
type Client struct {
	d         *Directory
	id        string
	transport *http.Transport // to the peer's URL
	tunnels   tunnels         // of a peer that has none
	byTunnel  *http.Transport
	outbound  outbound
	caller    *caller
	wake      chan struct{} // says that something is due earlier
	redial    chan struct{} // says that a tunnel may be dialled now

	ended  chan struct{} // closed once the peer is none any more
	asking atomic.Bool   // see isAt

	mu          sync.Mutex
	breaker     breaker
	problem     *Error    // what went wrong last; nil if nothing has since
	answered    bool      // it has, once
	since       time.Time // of State
	lastSuccess time.Time
	nextHello   time.Time
	roundTrips  []time.Duration // the last few
	hello       Hello           // the last
	granted     *Grant          // what it last said that this deployment may send; nil if it did not
	protocol    int
	joining     *Error // why it is left alone at first; see joiningTime
	onUsable    []func()
}

// State is what a process knows of a peer.
type State struct {
	// Reachable says that the last exchanges with the peer went well; Since is when that began or ended, zero before
	// the first.
	Reachable bool
	Since     time.Time
	// LastSuccess is when the peer last answered.
	LastSuccess time.Time
	// RoundTrip is the shortest of the last few.
	RoundTrip time.Duration
	// Version and Protocol are the peer's program's, and what both speak.
	Version  string
	Protocol int
	// Code and Problem say what went wrong last; "" if nothing has since.
	Code, Problem string
	// Open says that the breaker is open: the peer is not asked before NextTry. Opens counts how often it has opened.
	Open    bool
	NextTry time.Time
	Opens   int64
	// PausedUntil is when the peer wants to be asked again; zero if it is in the past.
	PausedUntil time.Time
	// ClockOffset is how far the peer's clock is ahead.
	ClockOffset time.Duration
	// Key is the number of the key that this deployment signs with to the peer.
	Key int64
	// Tunnels is how many there are between the peer and this process, dialled by either. TunnelProblem says why this
	// process could dial none; "" if it could, or dials none.
	Tunnels       int
	TunnelProblem string
	// Unagreed is what the peer says of itself otherwise than was agreed.
	Unagreed Unagreed
	// Granted is what this deployment may speak for at the peer, as that says; nil if it has not said it.
	Granted *Grant
}

func newClient(d *Directory, id string) *Client {
	c := &Client{
		d: d, id: id, transport: d.newTransport(), wake: make(chan struct{}, 1),
		redial: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	c.byTunnel = newTunnelTransport(&c.tunnels)
	resume := func(ctx context.Context, known []int64) error { return d.resume(ctx, id, known) }
	c.caller = &caller{d: d, target: c.target, resume: resume}
	return c
}

// awaitHello leaves a deployment that has become a peer alone, for it may not know yet that this one is its peer.
func (c *Client) awaitHello() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.joining = refuse(Unavailable, "%s has only just become a peer: try again.", c.subject())
	c.joining.RetryAfter = joiningTime
	c.breaker.rest(c.d.now(), c.joining)
}

// knowsUs ends what awaitHello began.
func (c *Client) knowsUs() {
	c.mu.Lock()
	joining := c.joining != nil && c.breaker.pause == c.joining
	if joining {
		c.breaker.paused, c.breaker.pause = false, nil
	}
	c.mu.Unlock()
	if joining {
		c.signal()
		c.notify()
	}
}

// end ends the client of a peer that was removed.
func (c *Client) end() {
	close(c.ended)
	c.tunnels.end()
	c.transport.CloseIdleConnections()
}

// target is the peer as it is known now.
func (c *Client) target() (target, error) {
	s := c.d.current.Load()
	e := s.byID[c.id]
	if e == nil {
		return target{}, refuse(NotAPeer, "The deployment %s is no peer any more.", c.id)
	}
	t := target{
		id: e.ID, name: e.Record.String(), url: e.URL, transport: c.transport, keys: e.Keys,
		sign: s.keys.forPeer(e.confirmed),
	}
	if e.URL == "" {
		t.url, t.tunnel, t.transport = "http://"+e.ID, true, c.byTunnel
	}
	return t, nil
}

// reachable reports whether there is a way to the peer: a URL, or a tunnel to this process.
func (c *Client) reachable() bool {
	e := c.d.current.Load().byID[c.id]
	return e != nil && (e.URL != "" || c.tunnels.count() > 0)
}

// subject names the peer in messages.
func (c *Client) subject() string {
	if p, ok := c.d.Peer(c.id); ok {
		return p.String()
	}
	return "the deployment " + c.id
}

// Call sends a request as JSON and reads the answer, unless it is nil: as Do.
func (c *Client) Call(ctx context.Context, operation string, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode the request %s: %w", operation, err)
	}
	return c.Do(ctx, http.MethodPost, operation, nil, body, jsonType, answer)
}

// Do sends a request to an operation of the peer, which may have a path of its own, and reads the answer, which is
// JSON. The request may be sent more than once, so it must be one that can be. The error is an *Error, or that of ctx.
// While the peer is not usable it is the last failure, at once. A peer that does not go on for a minute has failed.
func (c *Client) Do(ctx context.Context, method, operation string, query url.Values, body []byte, contentType string,
	answer any) error {
	c.mu.Lock()
	refusal := c.breaker.refusal(c.d.now())
	c.mu.Unlock()
	if refusal != nil {
		return refusal
	}
	_, err := c.caller.call(ctx, call{
		method: method, operation: operation, query: query, body: body, contentType: contentType, answer: answer,
	})
	return c.note(err)
}

// Usable reports whether an attempt makes sense: there is a way to the peer, it answers, as far as is known, and has
// not asked to be left alone.
func (c *Client) Usable() bool {
	return c.Refusing() == nil
}

// Refusing is why the peer is not called now; nil if it is.
func (c *Client) Refusing() *Error {
	if c == nil { // it has just been removed
		return nil
	}
	if !c.reachable() {
		return refuse(Unreachable, "The peer has no URL that it could be reached by, and no tunnel to this process: see "+
			"whether it runs and says why (twinport peer list there).")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.breaker.refusal(c.d.now()); e != nil {
		return e
	}
	return nil
}

// OnUsable has f called whenever the peer becomes usable again. f must not block.
func (c *Client) OnUsable(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onUsable = append(c.onUsable, f)
}

// State returns what is known of the peer.
func (c *Client) State() State {
	s := c.d.current.Load()
	e := s.byID[c.id]
	now := c.d.now()
	dialled, problem := c.outbound.state()
	c.mu.Lock()
	defer c.mu.Unlock()
	state := State{
		Reachable: c.answered && !c.breaker.open, Since: c.since, LastSuccess: c.lastSuccess, Version: c.hello.Version,
		Protocol: c.protocol, Open: c.breaker.open, Opens: c.breaker.opens, ClockOffset: c.caller.offset(),
		Granted: c.granted,
	}
	if len(c.roundTrips) > 0 {
		state.RoundTrip = slices.Min(c.roundTrips)
	}
	if c.problem != nil {
		state.Code, state.Problem = c.problem.Code, c.problem.Message
	}
	if state.Tunnels = c.tunnels.count() + dialled; problem != nil && state.Tunnels == 0 {
		state.TunnelProblem = problem.Message
	}
	if c.breaker.open {
		state.NextTry = c.breaker.next
	}
	if c.breaker.paused && now.Before(c.breaker.pausedUntil) {
		state.PausedUntil = c.breaker.pausedUntil
	}
	if e != nil {
		state.Key = s.keys.forPeer(e.confirmed).number
		state.Unagreed = unagreed(e.Record, c.hello)
	}
	return state
}

// note records how a call ended, and returns its error.
func (c *Client) note(err error) error {
	var e *Error
	if err != nil && (!errors.As(err, &e) || e.Status == 0 && !e.AboutPeer()) {
		return err // the caller has left, or made a mistake
	}
	now := c.d.now()
	c.mu.Lock()
	reachable := c.answered && !c.breaker.open
	var usable, opened bool
	if e != nil && e.AboutPeer() {
		c.problem = e
		if e.Code == NotAPeer {
			c.granted = nil
		}
		if opened = c.breaker.failed(now, e, randomly); opened {
			c.signal()
		}
	} else { // the peer has answered, whatever it said
		c.problem, c.lastSuccess, c.answered = nil, now, true
		usable = c.breaker.succeeded()
	}
	if e != nil && e.RetryAfter > 0 && (e.Code == Throttled || e.Code == Unavailable) {
		c.problem = e
		c.breaker.rest(now, e)
		c.signal()
	}
	if c.since.IsZero() || reachable != (c.answered && !c.breaker.open) {
		c.since = now
	}
	usable = usable && c.breaker.refusal(now) == nil
	c.mu.Unlock()
	if err == nil {
		c.knowsUs()
	}
	if opened && c.d.mayLog("unusable "+c.id) { // one that comes and goes must not fill the log
		c.d.log.Warn("a peer cannot be used", "peer", c.name(), "code", e.Code, "error", e.Message)
	}
	if usable {
		if c.d.mayLog("usable " + c.id) {
			c.d.log.Info("a peer can be used again", "peer", c.name())
		}
		c.notify()
	}
	return err
}

// setGranted records what the peer has said that this deployment may send.
func (c *Client) setGranted(g *Grant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.granted = g
}

func (c *Client) name() string {
	p, _ := c.d.Peer(c.id)
	return p.Name
}

// signal has keep look what is due.
func (c *Client) signal() { signal(c.wake) }

// signal never blocks: one signal that waits is as good as many.
func signal(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// notify calls those who wait for the peer.
func (c *Client) notify() {
	c.mu.Lock()
	callbacks := c.onUsable
	c.mu.Unlock()
	for _, f := range callbacks {
		f()
	}
}

// keep keeps in touch with the peer until ctx ends, or it is none any more.
func (c *Client) keep(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		timer := time.NewTimer(c.due())
		select {
		case <-ctx.Done():
		case <-c.ended:
			cancel()
		case <-c.wake:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
		if c.due() <= 0 {
			c.touch(ctx)
		}
	}
}

// due is when touch has something to do.
func (c *Client) due() time.Duration {
	now := c.d.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	due := c.nextHello
	if c.breaker.open {
		due = c.breaker.next
	}
	if c.breaker.paused && (c.breaker.pausedUntil.After(due) || !c.breaker.open) {
		due = c.breaker.pausedUntil
	}
	return max(0, min(due.Sub(now), longestWait))
}

// touch does what is due: it ends a pause, says hello, and gives the peer keys that it lacks.
func (c *Client) touch(ctx context.Context) {
	now := c.d.now()
	c.mu.Lock()
	usable := c.breaker.rested(now) && c.breaker.refusal(now) == nil
	c.nextHello = now.Add(helloInterval)
	c.mu.Unlock()
	if usable {
		c.notify()
	}
	timed, cancel := context.WithTimeoutCause(ctx, helloTimeout, errSlow)
	defer cancel()
	if _, err := c.Hello(timed); err != nil {
		return // the state says so
	}
	if err := c.announce(ctx); err != nil && ctx.Err() == nil && c.d.mayLog("announce "+c.id) {
		c.d.log.Warn("a peer does not take the new key", "peer", c.name(), "error", err)
	}
}
