package peerapi_test

import (
	"bytes"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/replication"
)

// receive has a deployment receive bytes of a layer from a peer, and end then, at a
// time when a process kept the layer's session, or none did.
func (d *deployment) receive(t *testing.T, from *deployment, of digest.Digest, content []byte, keeper string) {
	t.Helper()
	repo, err := d.meta.Repository(t.Context(), devAccount, dev.Region, "app", nil)
	if err != nil {
		t.Fatal(err)
	}
	upload, err := d.BeginReceiving(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.meta.Update(t.Context(), func(tx *metadata.Tx) error {
		_, err := tx.PeerLayers().Begin(from.peers.Self().ID, metadata.PeerLayer{
			Digest: of.String(), RepositoryID: repo.ID, Upload: upload, Keeper: keeper,
		}, "")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	received, err := d.Receiving(t.Context(), repo, upload)
	if err != nil {
		t.Fatal(err)
	}
	if err := received.Append(t.Context(), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if err := received.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	received.Close()
}

// A destination that had received all bytes of a layer, and ended before it made
// a layer of them, gets the image all the same.
func TestLayerThatWasReceivedAndNotMade(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	oregon.create("app")
	layer := noise(t, 5<<20)
	oregon.receive(t, tokyo, digest.FromBytes(layer), layer, "")
	oregon.await("app", "1", tokyo.push("app", "1", layer))
}

// A process that keeps a layer for others may be killed before it says how far the
// layer is: what it has saved need not be sent again.
func TestLayerOfAKeeperThatWasKilled(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	oregon.create("app")
	layer := noise(t, 5<<20)
	d := digest.FromBytes(layer)
	oregon.receive(t, tokyo, d, layer[:3<<20], "a process that was killed")
	from, ok := oregon.peers.Peer(tokyo.peers.Self().ID)
	if !ok {
		t.Fatal("the peer is not known")
	}
	answer, err := oregon.replication.AskLayers(t.Context(), from, replication.AskedLayers{
		Into:    replication.Into{Source: prod, Destination: dev, Repository: "app"},
		Digests: []string{d.String()},
	})
	if err != nil || answer.Refused != nil || len(answer.Lacking) != 1 || answer.Lacking[0].Received != 3<<20 {
		t.Errorf("the answer is %+v, %v; want that 3 MiB were received", answer, err)
	}
}
