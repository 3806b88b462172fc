package registry

import (
	"runtime"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestEmptyDescriptorsCostNoMemory: a few bytes of a manifest must not become
// hundreds each in memory.
func TestEmptyDescriptorsCostNoMemory(t *testing.T) {
	for _, member := range []string{"layers", "manifests", "blobs", "fsLayers"} {
		raw := []byte(`{"schemaVersion":2,"` + member + `":[` + strings.Repeat(`{},`, MaxManifestSize/4) + `{}]}`)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := parseManifest(raw, ocispec.MediaTypeImageManifest)
		runtime.ReadMemStats(&after)
		if CodeOf(err) != InvalidManifest {
			t.Errorf("%s: %v, want InvalidManifest", member, err)
		}
		// json doubles a list of fsLayers, of 16 bytes each, as it grows.
		if n := after.TotalAlloc - before.TotalAlloc; n > 100<<20 {
			t.Errorf("%s: %d MiB were allocated", member, n>>20)
		}
	}
}
