package test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/twinport/twinport/test/servers"
)

// backup writes a backup of a deployment on files while it serves, and returns
// its folder.
func (d *deployment) backup() string {
	d.t.Helper()
	to := filepath.Join(d.t.TempDir(), "backup")
	d.tool(0, "backup", "--to", to)
	return to
}

// restore gives the deployment what a backup has.
func (d *deployment) restore(backup string) {
	d.t.Helper()
	d.kill(syscall.SIGKILL)
	d.http.CloseIdleConnections()
	if err := os.RemoveAll(d.data); err != nil {
		d.t.Fatal(err)
	}
	d.tool(0, "restore", "--from", backup)
	d.start()
}

// TestPeersRestored: a destination that was restored from a backup gets what it
// has lost, and loses what was deleted, with the next push. After the source was
// restored, what is pushed there still wins.
func TestPeersRestored(t *testing.T) {
	embeddedOnly(t, "backups of files")
	t.Parallel()
	here, there := newPair(t)
	here.replicateWithDeletes(prod, devOregon)
	here.createRepository(prod, tokyo, "app")
	source, target := here.oci(prod, tokyo), there.oci(dev, oregon)
	images := map[string]image{}
	push := func(tag string) {
		t.Helper()
		images[tag] = makeImageOf(noise(200_000))
		source.mustPush("app", tag, images[tag])
	}
	arrived := func() {
		t.Helper()
		here.idle(prod)
		for tag, image := range images {
			target.wantArrival("app", tag, image.digest)
		}
	}
	for _, tag := range []string{"kept", "moved", "deleted"} {
		push(tag)
	}
	arrived()
	earlier := there.backup()
	sourceEarlier := here.backup()
	push("moved")
	push("new")
	source.want(source.do("DELETE", "app/manifests/"+images["deleted"].digest.String(), nil), http.StatusAccepted, "")
	delete(images, "deleted")
	arrived()
	there.restore(earlier)
	here.peer("check", oregon)
	push("after")
	for tag, image := range images {
		target.wantArrival("app", tag, image.digest)
	}
	eventually(t, patience, func() error { return target.wantAbsent("app", "deleted") })

	here.restore(sourceEarlier)
	for _, tag := range []string{"moved", "new", "deleted"} {
		push(tag)
		target.wantArrival("app", tag, images[tag].digest)
	}
	here.idle(prod)
	for tag, image := range images {
		if err := target.wantPull("app", tag, image.digest); err != nil {
			t.Error(err)
		}
	}
}

// TestPeersCopied: a deployment whose data is a copy of another's is found out by
// both of them, and by their peers.
func TestPeersCopied(t *testing.T) {
	embeddedOnly(t, "a copied folder")
	t.Parallel()
	here, there := newPair(t)
	there.faulty = true
	here.createRepository(prod, tokyo, "app")
	twin := prepareDeployment(t, tokyo, 1, stores{}, servers.StartProxy(t), "")
	here.kill(syscall.SIGTERM)
	if err := os.CopyFS(twin.data, os.DirFS(here.data)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(twin.data, "master.key"), 0o600); err != nil { // it is no copy of modes
		t.Fatal(err)
	}
	here.http.CloseIdleConnections()
	here.start()
	here.peer("check", oregon)
	there.peer("check", tokyo) // else it may take the original to be away still
	twin.start()
	// First of all by what the copy asks by itself: while the peer looks into one request, others are answered.
	eventually(t, patience, func() error {
		if text := there.nodes[0].log.String(); !strings.Contains(text, "two deployments have one identity") {
			return errors.New("the peer does not say that there are two")
		}
		return nil
	})
	if out, _ := twin.peerEnds(1, "check", oregon); !strings.Contains(out, "identity") {
		t.Errorf("the copy is answered with\n%s", out)
	}
	code := strings.TrimSpace(here.peer("invite", "--accounts", "all"))
	if _, log := twin.peerEnds(1, "join", code); !strings.Contains(log, "identity") {
		t.Errorf("joining itself is answered with\n%s", log)
	}
	// The original goes on.
	image := makeImage("original", nil, "")
	here.oci(prod, tokyo).mustPush("app", "1", image)
	there.oci(dev, oregon).wantArrival("app", "1", image.digest)
}
