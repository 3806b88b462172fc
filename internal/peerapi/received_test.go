package peerapi_test

import (
	"bytes"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
)

// A destination that had received all bytes of a layer, and ended before it made
// a layer of them, gets the image all the same.
func TestLayerThatWasReceivedAndNotMade(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	oregon.create("app")
	layer := noise(t, 5<<20)
	repo, err := oregon.meta.Repository(t.Context(), devAccount, dev.Region, "app", nil)
	if err != nil {
		t.Fatal(err)
	}
	upload, err := oregon.BeginReceiving(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	if err := oregon.meta.Update(t.Context(), func(tx *metadata.Tx) error {
		_, err := tx.PeerLayers().Begin(tokyo.peers.Self().ID, metadata.PeerLayer{
			Digest: digest.FromBytes(layer).String(), RepositoryID: repo.ID, Upload: upload,
		}, "")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	received, err := oregon.Receiving(t.Context(), repo, upload)
	if err != nil {
		t.Fatal(err)
	}
	if err := received.Append(t.Context(), bytes.NewReader(layer)); err != nil {
		t.Fatal(err)
	}
	received.Close()
	oregon.await("app", "1", tokyo.push("app", "1", layer))
}
