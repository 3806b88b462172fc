package registry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// BenchmarkPutManifest puts new manifests by new tags, 32 at a time, each
// durable when it returns; with replication, each is replicated as well.
func BenchmarkPutManifest(b *testing.B) {
	for _, destinations := range [][]resource.Registry{nil, {dev}} {
		b.Run(fmt.Sprintf("destinations=%d", len(destinations)), func(b *testing.B) {
			d := openIn(b, b.TempDir())
			ref := resource.Repository{Registry: prod, Name: "bench"}
			d.create(ref)
			if destinations != nil {
				d.grant(dev)
				d.replicateTo(destinations...)
			}
			var m ocispec.Manifest
			if err := json.Unmarshal(d.image(ref, "layer"), &m); err != nil {
				b.Fatal(err)
			}
			var n atomic.Int64
			b.SetParallelism(16) // times GOMAXPROCS
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					own := m
					own.Annotations = map[string]string{"n": fmt.Sprint(i)}
					if _, err := d.PutManifest(context.Background(), root(prodAccount), ref, registry.NewManifest{
						Bytes: marshal(b, own), Tags: []string{fmt.Sprintf("t%d", i)},
					}); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.StopTimer()
			for destinations != nil {
				ids, _, err := d.Due(context.Background(), 1)
				if err != nil {
					b.Fatal(err)
				}
				if len(ids) == 0 {
					break
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
