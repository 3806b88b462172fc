package test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/twinport/twinport/test/servers"
)

// TestTunnel has a deployment that cannot be reached replicate from and to another one, which calls it through tunnels
// that it dials: while the line is cut in the middle of layers, and after both have been killed. On shared stores each
// side has two processes.
func TestTunnel(t *testing.T) {
	t.Parallel()
	n := 1
	if shared() {
		n = 2
	}
	there := newDeployment(t, oregon, n, storesOf(t))
	here := prepareDeployment(t, tokyo, n, storesOf(t), servers.StartProxy(t),
		fmt.Sprintf("deployment: {name: %s}\n", tokyo))
	here.line.Refuse() // it is behind a firewall
	here.start()
	join(there, here)
	there.grant(dev, oregon, prod, "ReplicateImage", "CreateRepository")
	here.grant(prod, tokyo, dev, "ReplicateImage", "CreateRepository")
	here.replicate(prod, tokyo, rule{to: []destination{devOregon}})
	there.replicate(dev, oregon, rule{to: []destination{{prod, tokyo}}})
	here.createRepository(prod, tokyo, "up")
	there.createRepository(dev, oregon, "down")
	up, down := here.oci(prod, tokyo), there.oci(dev, oregon)
	both := func(tag string, size int) {
		t.Helper()
		first, second := makeImageOf(noise(size)), makeImageOf(noise(size))
		up.mustPush("up", tag, first)
		down.mustPush("down", tag, second)
		down.wantArrival("up", tag, first.digest)
		up.wantArrival("down", tag, second.digest)
	}
	both("first", 1000)

	there.line.Latency(10 * time.Millisecond)
	there.line.CutEvery(servers.ToClient, 16<<20)
	there.line.CutEvery(servers.ToServer, 16<<20)
	both("cut", 24<<20)
	if err := there.line.Heal(); err != nil {
		t.Fatal(err)
	}
	there.restart(syscall.SIGKILL)
	both("accepting", 1000)
	here.restart(syscall.SIGKILL)
	both("dialling", 1000)
	for _, d := range []*deployment{here, there} {
		d.idle(prod)
		d.idle(dev)
	}
}
