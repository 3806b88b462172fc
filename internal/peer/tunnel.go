package peer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/hashicorp/yamux"
)

// A tunnel is a connection that a deployment which cannot be reached has dialled, and over which the other side calls
// it. It carries connections of HTTP, with the same requests and answers as others, signed as they are: who holds a
// tunnel has no rights by it.

const (
	// tunnelsEach is how many tunnels a process dials to each process of the peer: the kernels let one connection have
	// some 4 MiB under way, which a line of 1 Gbit/s with a round trip of 100 ms has three times.
	tunnelsEach = 4
	// maxTunnels is how many tunnels of a peer a process has.
	maxTunnels = 64
	// maxStreams is how many connections a tunnel carries, and all tunnels of a peer together: who dials takes a few
	// more, since it learns late which have ended.
	maxStreams = 32
	// streamWindow is how many bytes of a connection may be under way, and wait for who reads them: as many connections
	// as parts are sent side by side fill the line that tunnelsEach is for.
	streamWindow = 2 << 20
	// tunnelSilence is how long nothing may come over a tunnel: both sides say something each tunnelInterval.
	tunnelSilence  = 30 * time.Second
	tunnelInterval = 10 * time.Second
	// streamCloseTimeout is how long the other side may take to end a connection, too.
	streamCloseTimeout = time.Minute
	// maxEnough is how many processes a request for a tunnel may name.
	maxEnough = 64
)

// tunnelConfig returns that of the sessions of both sides. What ends one that is silent is watchTunnel: answers to
// pings alone may wait long behind what is being sent.
func tunnelConfig() *yamux.Config {
	c := yamux.DefaultConfig()
	c.AcceptBacklog = maxStreams
	c.EnableKeepAlive, c.KeepAliveInterval = true, tunnelInterval
	c.ConnectionWriteTimeout, c.StreamOpenTimeout = 4*tunnelSilence, 4*tunnelSilence
	c.StreamCloseTimeout = streamCloseTimeout
	c.MaxStreamWindowSize = streamWindow
	c.LogOutput = io.Discard // who uses the tunnel gets the errors
	return c
}

// watchTunnel ends a session over which nothing comes, and returns when it has ended.
func watchTunnel(s *yamux.Session, c *carrier) {
	ticker := time.NewTicker(tunnelSilence / 6)
	defer ticker.Stop()
	for {
		select {
		case <-s.CloseChan():
			return
		case <-ticker.C:
			if c.silent() > tunnelSilence {
				_ = s.Close() // it never fails
			}
		}
	}
}

// stream is a connection that a tunnel carries.
type stream struct {
	*yamux.Stream
	carrier *carrier
	end     func() // called once it is closed, at least once
}

// Close implements net.Conn.
func (s *stream) Close() error {
	defer s.end()
	return s.Stream.Close()
}

// RemoteAddr implements net.Conn.
func (s *stream) RemoteAddr() net.Addr { return s.carrier.RemoteAddr() }

// NetConn returns the connection under it.
func (s *stream) NetConn() net.Conn { return s.carrier }

// tunnel is one that this process has accepted.
type tunnel struct {
	*yamux.Session
	carrier *carrier
	process string // that has dialled it
}

// answers reports whether the process that has dialled the tunnel is there.
func (t *tunnel) answers(within time.Duration) bool {
	answered := make(chan bool, 1)
	go func() {
		_, err := t.Ping()
		answered <- err == nil
	}()
	select {
	case ok := <-answered:
		return ok
	case <-time.After(within):
		return false
	}
}

// tunnels are those of a peer that this process has accepted.
type tunnels struct {
	mu    sync.Mutex
	all   []*tunnel
	ended bool // none is taken
}

// count is how many there are.
func (t *tunnels) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

// add takes a tunnel: false if none is taken.
func (t *tunnels) add(accepted *tunnel) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || len(t.all) >= maxTunnels {
		return false
	}
	t.all = append(t.all, accepted)
	return true
}

func (t *tunnels) remove(ended *tunnel) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = slices.DeleteFunc(t.all, func(other *tunnel) bool { return other == ended })
}

// another returns one that another process has dialled; nil if there is none.
func (t *tunnels) another(process string) *tunnel {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.all, func(other *tunnel) bool { return other.process != process })
	if i < 0 {
		return nil
	}
	return t.all[i]
}

// end ends all, and has none taken until begin.
func (t *tunnels) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	for _, s := range t.all {
		go s.Close() // it waits for those who use it
	}
}

func (t *tunnels) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = false
}

// errNoTunnel says that the peer has dialled no tunnel to this process.
var errNoTunnel = errors.New("peer: there is no tunnel")

// dial opens a connection in the tunnel that carries the fewest.
func (t *tunnels) dial(_ context.Context, _, _ string) (net.Conn, error) {
	t.mu.Lock()
	all := slices.Clone(t.all)
	t.mu.Unlock()
	busy := make(map[*tunnel]int, len(all))
	for _, one := range all {
		busy[one] = one.NumStreams()
	}
	slices.SortStableFunc(all, func(a, b *tunnel) int { return busy[a] - busy[b] })
	err := errNoTunnel
	for _, one := range all {
		var opened *yamux.Stream
		if opened, err = one.OpenStream(); err == nil {
			return &stream{Stream: opened, carrier: one.carrier, end: func() {}}, nil
		}
	}
	return nil, err
}

// newTunnelTransport returns connections in tunnels.
func newTunnelTransport(t *tunnels) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext: t.dial, Protocols: protocols, MaxConnsPerHost: maxStreams, MaxIdleConnsPerHost: maxStreams,
		IdleConnTimeout: idleTimeout, DisableCompression: true, WriteBufferSize: connectionBuffer,
		ReadBufferSize: connectionBuffer, MaxResponseHeaderBytes: maxAnswerHeader,
	}
}

// tunnelled is the key by which the context of a request says that it came through a tunnel.
type tunnelled struct{}

func byTunnel(r *http.Request) bool { return r.Context().Value(tunnelled{}) != nil }

// AcceptTunnel is what OperationTunnel does for a peer that Authenticate returned: it makes the request's connection a
// tunnel (taken), unless the peer has enough of them to this process.
func (d *Directory) AcceptTunnel(w http.ResponseWriter, r *http.Request, from Record) (answer TunnelAnswer, taken bool,
	err error) {
	answer = TunnelAnswer{Process: d.process, Alone: !d.store.Shared()}
	query := r.URL.Query()
	enough, process := query[queryEnough], query.Get(queryProcess)
	switch {
	case byTunnel(r):
		return answer, false, refuse(InvalidRequest, "A tunnel goes through no other tunnel.")
	case len(enough) > maxEnough || !isID(process):
		return answer, false, refuse(InvalidRequest, "The request for a tunnel does not name its process, or names "+
			"more than %d of this deployment.", maxEnough)
	case from.URL != "":
		return answer, false, refuse(InvalidRequest, "%s calls the deployment %s at its URL, %s, and takes no tunnel "+
			"of it: join again with --outbound there, or take the URL out of the configuration here.", d, from.Name,
			from.URL)
	case slices.Contains(enough, d.process):
		return answer, false, nil
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return answer, false, refuse(InvalidRequest, "The request for a tunnel came without the header Upgrade: "+
			"websocket. Have what stands between the deployments hand WebSockets on.")
	}
	c, err := d.clientFor(r.Context(), from.ID)
	if err != nil {
		return answer, false, err
	}
	if other := c.tunnels.another(process); other != nil && query.Has(queryAlone) && other.answers(greetTimeout) {
		err := twoOfOne(from, "")
		if d.mayLog(SameIdentity + " " + from.ID) {
			d.log.Error("two deployments have one identity", "peer", from.Name, "error", err.Message)
		}
		return answer, false, err
	}
	if c.tunnels.count() >= maxTunnels {
		e := refuse(Unavailable, "%s has %d tunnels of the deployment %s, as many as it may.", d, maxTunnels, from.Name)
		e.RetryAfter = longestWait
		return answer, false, e
	}
	carrier, err := d.takeOver(w, r, answer)
	if err != nil {
		d.log.Debug("a tunnel did not come about", "peer", from.Name, "error", err)
		return answer, true, nil // it was answered
	}
	c.knowsUs()
	go c.useTunnel(carrier, process)
	return answer, true, nil
}

// clientFor returns the client of a peer that may have just joined in another process.
func (d *Directory) clientFor(ctx context.Context, id string) (*Client, error) {
	c := d.Client(id)
	if c == nil {
		if err := d.Refresh(ctx); err != nil {
			return nil, storeError(err)
		}
		c = d.Client(id)
	}
	if c == nil {
		return nil, d.unknown(id)
	}
	return c, nil
}

// takeOver answers that the connection of a request is a tunnel from now on, and makes it one.
func (d *Directory) takeOver(w http.ResponseWriter, r *http.Request, answer TunnelAnswer) (*carrier, error) {
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	// The answer has no body, so what would be in it is in a header.
	w.Header().Set(HeaderTunnel, string(text))
	d.SignAnswer(w.Header(), r, http.StatusSwitchingProtocols, text)
	taking := &hijacker{ResponseWriter: w}
	socket, err := websocket.Accept(taking, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // it is signed
	if err != nil {
		return nil, err
	}
	return newCarrier(socket, taking.conn), nil
}

// hijacker knows the connection that is taken over.
type hijacker struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (conn net.Conn, buffered *bufio.ReadWriter, err error) {
	h.conn, buffered, err = http.NewResponseController(h.ResponseWriter).Hijack()
	return h.conn, buffered, err
}

// useTunnel calls the peer through a tunnel until that ends.
func (c *Client) useTunnel(carrier *carrier, process string) {
	s, err := yamux.Client(carrier, tunnelConfig())
	if err != nil {
		panic(err) // the configuration is valid
	}
	defer s.Close()
	accepted := &tunnel{Session: s, carrier: carrier, process: process}
	if !c.tunnels.add(accepted) {
		return
	}
	c.log("a tunnel of a peer is open")
	c.reached()
	go func() {
		if _, err := s.AcceptStream(); err == nil {
			_ = s.Close() // who has dialled opens nothing
		}
	}()
	watchTunnel(s, carrier)
	c.tunnels.remove(accepted)
	c.log("a tunnel of a peer has ended")
}

func (c *Client) log(what string) {
	c.d.log.Debug(what, "peer", c.name(), "tunnels", c.tunnels.count())
}

// reached is called when the peer can be called again: it has dialled a tunnel.
func (c *Client) reached() {
	c.mu.Lock()
	c.breaker.succeeded()
	c.problem, c.nextHello = nil, time.Time{}
	usable := c.breaker.refusal(c.d.now()) == nil
	c.mu.Unlock()
	c.signal() // which says hello
	if usable {
		c.notify()
	}
}
