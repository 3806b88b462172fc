package peerapi_test

import (
	"bytes"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/replication"
)

// relay is a line between deployments that can be cut.
type relay struct {
	net.Listener
	to    string
	delay time.Duration // each way

	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool  // no connections are taken
	after  int64 // cut once this many more bytes went the way that answers go; 0 for never
}

func newRelay(t *testing.T, to string, delay time.Duration) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l, to: strings.TrimPrefix(to, "http://"), open: map[net.Conn]bool{}, delay: delay}
	t.Cleanup(func() { l.Close(); r.cut() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.carry(c)
		}
	}()
	return r
}

func (r *relay) url() string { return "http://" + r.Addr().String() }

func (r *relay) hold(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		c.Close()
		return false
	}
	r.open[c] = true
	return true
}

func (r *relay) carry(c net.Conn) {
	to, err := net.Dial("tcp", r.to)
	if err != nil {
		c.Close()
		return
	}
	if !r.hold(c) || !r.hold(to) {
		c.Close()
		return
	}
	go r.copy(to, c, false)
	r.copy(c, to, true)
}

type chunk struct {
	at    time.Time
	bytes []byte
}

// copy hands on what comes, later by the delay, with at most 4 MiB under way.
func (r *relay) copy(to, from net.Conn, answers bool) {
	chunks := make(chan chunk, 128)
	go func() {
		defer close(chunks)
		for {
			b := make([]byte, 32<<10)
			n, err := from.Read(b)
			if n > 0 {
				chunks <- chunk{time.Now().Add(r.delay), b[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range chunks {
		time.Sleep(time.Until(c.at))
		if _, err := to.Write(c.bytes); err != nil {
			break
		}
		if answers && r.spend(int64(len(c.bytes))) {
			r.cut()
		}
	}
	to.Close()
	from.Close()
	for range chunks {
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, to)
	delete(r.open, from)
}

// spend reports whether the line is to be cut, once.
func (r *relay) spend(n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.after == 0 {
		return false
	}
	r.after = max(0, r.after-n)
	return r.after == 0
}

func (r *relay) cutAfter(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.after = n
}

func (r *relay) uncut() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.after > 0
}

// cut cuts all connections.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.open {
		c.Close()
	}
}

func (r *relay) close(closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = closed
}

// unreachable is a deployment that nobody reaches directly.
func unreachable(d *deployment) { d.url = "" }

// tunnelled opens two deployments, of which tokyo has no URL: it dials oregon through the line. Both may replicate to
// each other.
func tunnelled(t *testing.T, delay time.Duration) (tokyo, oregon *deployment, line *relay) {
	t.Helper()
	oregon = open(t, "oregon", dev, func(d *deployment) {
		line = newRelay(t, d.url, delay)
		d.url = line.url()
	})
	tokyo = open(t, "tokyo", prod, unreachable)
	join(t, oregon, tokyo)
	tokyo.grant(devAccount)
	oregon.grant(prodAccount)
	tokyo.replicateTo(true, dev)
	oregon.replicateTo(true, prod)
	return tokyo, oregon, line
}

// tunnels is how many this process has to or from the only peer.
func (d *deployment) tunnels() int {
	peers := d.peers.Peers()
	if len(peers) != 1 {
		return 0
	}
	return d.peers.Client(peers[0].ID).State().Tunnels
}

func TestTunnelCarriesReplicationBothWays(t *testing.T) {
	t.Parallel()
	tokyo, oregon, _ := tunnelled(t, 0)
	oregon.create("down")
	tokyo.create("up")
	layer := noise(t, 9<<20+1)
	image := oregon.push("down", "1", noise(t, 100), layer)
	tokyo.await("down", "1", image)
	if got := tokyo.layer("down", digest.FromBytes(layer)); !bytes.Equal(got, layer) {
		t.Error("the layer that arrived is another one")
	}
	oregon.await("up", "1", tokyo.push("up", "1", noise(t, 100)))
	eventually(t, "the source knows", func() bool { return oregon.status("down", "1").State == replication.Complete })
	eventually(t, "there are four tunnels", func() bool { return oregon.tunnels() == 4 && tokyo.tunnels() == 4 })
}

// A tunnel that is cut in the middle of a layer is dialled again, and the layer goes on where it was.
func TestTunnelThatIsCut(t *testing.T) {
	t.Parallel()
	tokyo, oregon, line := tunnelled(t, 0)
	eventually(t, "there are tunnels", func() bool { return oregon.tunnels() == 4 })
	oregon.create("app")
	layer := noise(t, 40<<20)
	line.cutAfter(24 << 20)
	image := oregon.push("app", "1", layer)
	tokyo.await("app", "1", image)
	if line.uncut() {
		t.Error("the line was not cut")
	}
	if got := tokyo.layer("app", digest.FromBytes(layer)); !bytes.Equal(got, layer) {
		t.Error("the layer that arrived is another one")
	}
}

// While there is no tunnel nothing is tried, and what waits goes as soon as there is one.
func TestTunnelThatIsAway(t *testing.T) {
	t.Parallel()
	tokyo, oregon, line := tunnelled(t, 0)
	eventually(t, "there are tunnels", func() bool { return oregon.tunnels() == 4 })
	line.close(true)
	line.cut()
	eventually(t, "the tunnels have ended", func() bool { return oregon.tunnels() == 0 })
	if oregon.peers.Client(tokyo.peers.Self().ID).Usable() {
		t.Error("a peer without a tunnel is usable")
	}
	oregon.create("app")
	image := oregon.push("app", "1", noise(t, 100))
	time.Sleep(time.Second)
	line.close(false)
	begun := time.Now()
	tokyo.await("app", "1", image)
	if lag := time.Since(begun); lag > 10*time.Second {
		t.Errorf("it took %s once the line was back", lag)
	}
}

// Removing the peer at either side ends its tunnels at once.
func TestRemovalEndsTunnels(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"accepting", "dialling"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			tokyo, oregon, _ := tunnelled(t, 0)
			eventually(t, "there are tunnels", func() bool { return oregon.tunnels() == 4 })
			removing, name := oregon, "tokyo"
			if side == "dialling" {
				removing, name = tokyo, "oregon"
			}
			if err := removing.peers.Remove(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			eventually(t, "the tunnels have ended", func() bool { return oregon.tunnels() == 0 && tokyo.tunnels() == 0 })
			if took := time.Since(begun); took > time.Second {
				t.Errorf("they ended after %s", took)
			}
			time.Sleep(500 * time.Millisecond)
			if tokyo.tunnels()+oregon.tunnels() > 0 {
				t.Error("they were dialled again")
			}
		})
	}
}

// A tunnel survives the restarts of both sides.
func TestTunnelsAfterRestarts(t *testing.T) {
	t.Parallel()
	tokyo, oregon, _ := tunnelled(t, 0)
	oregon.create("app")
	tokyo.await("app", "1", oregon.push("app", "1", noise(t, 100)))
	tokyo.restart()
	tokyo.await("app", "2", oregon.push("app", "2", noise(t, 100)))
	oregon.restart()
	tokyo.await("app", "3", oregon.push("app", "3", noise(t, 100)))
}

// A deployment that has a URL and joins outbound is called by tunnel only.
func TestJoinOutbound(t *testing.T) {
	t.Parallel()
	oregon, tokyo := open(t, "oregon", dev), open(t, "tokyo", prod)
	var direct atomic.Int64
	tokyo.wrap.Store(wrapper(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Host, oregonHost(tokyo)) {
				direct.Add(1)
			}
			h.ServeHTTP(w, r)
		})
	}))
	code, _, err := oregon.peers.Invite(t.Context(), peer.Grant{All: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tokyo.peers.JoinOutbound(t.Context(), code, peer.Grant{All: true}); err != nil {
		t.Fatal(err)
	}
	tokyo.grant(devAccount)
	oregon.replicateTo(true, prod)
	oregon.create("app")
	tokyo.await("app", "1", oregon.push("app", "1", noise(t, 100)))
	if n := direct.Load(); n > 0 {
		t.Errorf("%d requests came to the URL", n)
	}
	if p, _ := oregon.peers.Named("tokyo"); p.URL != "" {
		t.Errorf("oregon knows the URL %q", p.URL)
	}
	for _, p := range oregon.peers.Peers() {
		if u := oregon.peers.Client(p.ID).State().Unagreed.URL; u != "" {
			t.Errorf("tokyo says that it is at %s", u)
		}
	}
}

// oregonHost is the host that requests to tokyo through a tunnel name: its id.
func oregonHost(tokyo *deployment) string { return tokyo.peers.Self().ID }

// A tunnel gives no rights: a request in it that is not signed is refused.
func TestTunnelGivesNoRights(t *testing.T) {
	t.Parallel()
	tokyo, oregon, _ := tunnelled(t, 0)
	eventually(t, "there are tunnels", func() bool { return oregon.tunnels() == 4 })
	if _, err := tokyo.peers.SetGrant(t.Context(), "oregon", peer.Grant{}); err != nil {
		t.Fatal(err)
	}
	oregon.create("app")
	oregon.push("app", "1", noise(t, 100))
	eventually(t, "it is refused", func() bool { return oregon.status("app", "1").Failure.Code != "" })
	if tokyo.tag("app", "1") != "" {
		t.Error("it arrived all the same")
	}
}
