package peerapi_test

import (
	"bytes"
	"testing"

	"github.com/opencontainers/go-digest"
)

// A layer is at the destination before there is a manifest.
func TestLayersArriveBeforeThePush(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	layer := noise(t, 9<<20)
	tokyo.pushLayer("app", layer)
	eventually(t, "the layer is there", func() bool {
		_, err := oregon.Layer(t.Context(), root(devAccount), oregon.ref("app"), digest.FromBytes(layer))
		return err == nil
	})
	before := oregon.received.Load()
	oregon.await("app", "1", tokyo.push("app", "1", layer))
	if n := oregon.received.Load() - before; n > 1<<20 {
		t.Errorf("%d bytes were sent after the layer", n)
	}
	if !bytes.Equal(oregon.layer("app", digest.FromBytes(layer)), layer) {
		t.Error("another layer arrived")
	}
}
