package registry_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/twinport/twinport/bench/seed"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// BenchmarkListImages lists a repository of 100,000 images with a tag each, in pages
// of 1,000.
func BenchmarkListImages(b *testing.B) {
	const images = 100_000
	ctx, dir := context.Background(), b.TempDir()
	if err := seed.SQLite(ctx, dir, seed.Size{
		Accounts: []string{prodAccount}, Region: prod.Region, Images: images, TagsPerImage: 1,
	}, func(int) {}); err != nil {
		b.Fatal(err)
	}
	store, err := metadata.OpenSQLite(ctx, dir)
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	s, _, err := replication.Open(ctx, registry.Config{
		Metadata: store, Accounts: []string{prodAccount}, Regions: []string{prod.Region}, Grace: time.Hour,
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		b.Fatal(err)
	}
	ref := resource.Repository{Registry: prod, Name: seed.Huge}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for page := (registry.Page{Limit: 1000}); ; {
			listed, next, err := s.ListImages(ctx, root(prodAccount), ref, registry.AnyTagStatus, page)
			if err != nil {
				b.Fatal(err)
			}
			if n += len(listed); next == "" {
				break
			}
			page.After = next
		}
		if n != images {
			b.Fatalf("%d images, want %d", n, images)
		}
	}
	b.ReportMetric(images*float64(b.N)/b.Elapsed().Seconds(), "images/s")
}
