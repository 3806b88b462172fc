package peer

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come to be that %s", what)
		}
	}
}

// run keeps in touch with the peers until the test ends, or stop is called.
func (n *node) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { n.Run(ctx) })
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(stop)
	return stop
}

func withoutURL(c *Config) { c.URL = "" }

func TestTunnel(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", east), newNode(t, "b", west, withoutURL)
	makePeers(t, a, b)
	if a.to(b).Usable() {
		t.Error("a peer is usable that has no URL and no tunnel")
	}
	wantCode(t, a.call(t, b), Unreachable, "no tunnel to this process")
	usable := make(chan struct{}, 1)
	a.to(b).OnUsable(func() { signal(usable) })
	stop := b.run(t)
	<-usable
	if err := a.call(t, b); err != nil {
		t.Error(err)
	}
	if b.count("echo") != 1 {
		t.Errorf("b has answered %d requests", b.count("echo"))
	}
	eventually(t, "there are four tunnels", func() bool { return a.to(b).State().Tunnels == tunnelsEach })
	stop()
	eventually(t, "the tunnels end with b", func() bool { return a.to(b).State().Tunnels == 0 })
	if a.to(b).Usable() {
		t.Error("a peer is usable that has no URL and no tunnel")
	}
}

// sharedStore is one that several processes use.
type sharedStore struct{ metadata.Store }

func (sharedStore) Shared() bool { return true }

// Each of two processes behind a balancer gets tunnels from each of two others, and calls the peer by its own.
func TestTunnelsOfSeveralProcesses(t *testing.T) {
	t.Parallel()
	var nodes []*node
	var next atomic.Int64
	balancer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nodes[int(next.Add(1))%len(nodes)].ServeHTTP(w, r)
	}))
	t.Cleanup(balancer.Close)
	first := newNode(t, "a", east, func(c *Config) { c.URL, c.Store = balancer.URL, sharedStore{c.Store} })
	second := newNode(t, "a", east, func(c *Config) { c.URL, c.Store = balancer.URL, first.config.Store })
	nodes = []*node{first, second}
	b := newNode(t, "b", west, withoutURL, func(c *Config) { c.Store = sharedStore{c.Store} })
	other := newNode(t, "b", west, withoutURL, func(c *Config) { c.Store = b.config.Store })
	makePeers(t, first, b)
	for _, n := range []*node{second, other} {
		if err := n.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.run(t)
	other.run(t)
	for _, n := range nodes {
		eventually(t, "each process has tunnels of each", func() bool {
			return n.to(b).State().Tunnels == 2*tunnelsEach
		})
		if err := n.call(t, b); err != nil {
			t.Error(err)
		}
	}
	second.endTunnels()
	second.reopen(t) // another process
	eventually(t, "the new process has tunnels", func() bool {
		return second.to(b).State().Tunnels == 2*tunnelsEach
	})
	if n := first.to(b).State().Tunnels; n != 2*tunnelsEach {
		t.Errorf("the one that stayed has %d tunnels", n)
	}
}

// A request in a tunnel has no rights but those of who signed it.
func TestTunnelIsOnlyACarrier(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", east), newNode(t, "b", west, withoutURL)
	makePeers(t, a, b)
	b.run(t)
	eventually(t, "there are tunnels", func() bool { return a.to(b).State().Tunnels == tunnelsEach })
	client := &http.Client{Transport: a.to(b).byTunnel}
	answer, err := client.Post("http://b"+PathPrefix+"echo", jsonType, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a request that nobody has signed gets %s", answer.Status)
	}
	wantCode(t, a.to(b).Do(t.Context(), http.MethodGet, OperationTunnel, nil, nil, "", nil), InvalidRequest,
		"through no other tunnel")
	wantCode(t, b.to(a).Do(t.Context(), http.MethodGet, OperationTunnel, nil, nil, "", nil), InvalidRequest,
		"does not name its process")
}

// Whoever dials learns why there is no tunnel.
func TestRefusedTunnels(t *testing.T) {
	t.Parallel()
	ask := func(from, at *node) error {
		carrier, _, err := from.to(at).dialTunnel(t.Context(), nil)
		if carrier != nil {
			carrier.Close()
			t.Error("there is a tunnel")
		}
		return err
	}
	a, b := pair(t)
	wantCode(t, ask(b, a), InvalidRequest, "join again with --outbound")
	if err := a.Remove(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, ask(b, a), NotAPeer, "join again")

	c := newNode(t, "c", "eu-west-1", withoutURL)
	makePeers(t, b, c)
	b.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Upgrade") // as proxies do that know nothing of it
		return false
	})
	wantCode(t, ask(c, b), InvalidRequest, "hand WebSockets on")
	b.intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "what is that?", http.StatusBadGateway)
		return true
	})
	wantCode(t, ask(c, b), Garbage, "what is that?")
	b.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusFound)
		return true
	})
	wantCode(t, ask(c, b), Garbage, "302")
	b.intercept(nil)
	b.to(c).tunnels.end()
	if _, err := b.to(c).tunnels.dial(t.Context(), "", ""); err != errNoTunnel {
		t.Errorf("without a tunnel: %v", err)
	}
}

func TestRedialsAreBounded(t *testing.T) {
	t.Parallel()
	r := redials{left: maxRedials}
	now := time.Now()
	for range maxRedials {
		if r.take(now) > 0 {
			t.Fatal("it has to wait too early")
		}
	}
	pause := r.take(now)
	if pause <= 0 || pause > redialInterval {
		t.Errorf("it has to wait for %s", pause)
	}
	if r.take(now.Add(redialInterval)) > 0 || r.take(now.Add(redialInterval)) == 0 {
		t.Error("after an interval it may dial other than once")
	}
}

// The connection under a tunnel has TLS, through which it is known what was not sent yet.
func TestTunnelWithTLS(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", east), newNode(t, "b", west, withoutURL)
	makePeers(t, a, b)
	pair, roots := certificate(t, "localhost", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	server := httptest.NewUnstartedServer(a)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	b.roots = roots
	b.to(a).transport.TLSClientConfig.RootCAs = roots
	if err := b.change(t.Context(), a.party.ID, func(e *entry) { e.URL = "https://localhost:" + port }); err != nil {
		t.Fatal(err)
	}
	b.run(t)
	eventually(t, "there are tunnels", func() bool { return a.to(b).State().Tunnels == tunnelsEach })
	if err := a.call(t, b); err != nil {
		t.Error(err)
	}
	c, err := a.to(b).tunnels.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, ok := unsent(c); !ok && runtime.GOOS == "linux" {
		t.Error("it is not known what was not sent yet")
	}
}

// While there is another tunnel, a call in one that is cut is made again at once, and the peer stays usable.
func TestOneTunnelIsCut(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", east), newNode(t, "b", west, withoutURL)
	makePeers(t, a, b)
	b.run(t)
	eventually(t, "there are tunnels", func() bool { return a.to(b).State().Tunnels == tunnelsEach })
	c := a.to(b)
	cut := func() bool {
		c.tunnels.mu.Lock()
		defer c.tunnels.mu.Unlock()
		for _, s := range c.tunnels.all {
			if s.NumStreams() > 0 {
				go s.carrier.Close()
				return true
			}
		}
		return false
	}
	var first atomic.Bool
	b.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == PathPrefix+"echo" && first.CompareAndSwap(false, true) {
			cut()
			<-r.Context().Done() // its tunnel is cut before it is answered
			return true
		}
		return false
	})
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		if err := a.call(t, b); err != nil {
			t.Fatal(err)
		}
	}
	if n := c.State().Opens; n > 0 {
		t.Errorf("the breaker has opened %d times", n)
	}
}

// Of two deployments with one identity, one of which has copied the other's data, the second is refused.
func TestTunnelsOfACopy(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", east), newNode(t, "b", west, withoutURL)
	makePeers(t, a, b)
	stop := b.run(t)
	eventually(t, "there are tunnels", func() bool { return a.to(b).State().Tunnels == tunnelsEach })
	copied := newNode(t, "b", west, withoutURL, func(c *Config) { c.Store = b.config.Store })
	_, _, err := copied.to(a).dialTunnel(t.Context(), nil)
	wantCode(t, err, SameIdentity, "begin one of the two with data of its own")
	stop()
	copied.run(t)
	eventually(t, "the one that is left has tunnels", func() bool { return a.to(b).State().Tunnels == tunnelsEach })
}
