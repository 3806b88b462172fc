package registry_test

import (
	"testing"
	"time"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// TestStorage counts layers that images and repositories share once.
func TestStorage(t *testing.T) {
	d := openStill(t)
	app, web := resource.Repository{Registry: prod, Name: "app"}, resource.Repository{Registry: prod, Name: "web"}
	elsewhere := resource.Repository{Registry: dev, Name: "app"}
	for _, ref := range []resource.Repository{app, web, elsewhere} {
		d.create(ref)
	}
	// Images of a base of 4 bytes and a layer of their own of 3, with a config of 2.
	image := func(ref resource.Repository, own string) int64 {
		config := d.pushLayer(ref, "{}")
		config.MediaType = ocispec.MediaTypeImageConfig
		raw := marshal(t, ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config,
			Layers: []ocispec.Descriptor{d.pushLayer(ref, "base"), d.pushLayer(ref, own)},
		})
		d.put(ref, raw)
		return int64(len(raw))
	}
	one, two, three := image(app, "one"), image(app, "two"), image(web, "333")
	image(elsewhere, "one") // another account's counts for itself

	of, counted, err := d.StorageOf(ctx, root(prodAccount), prod, []string{"web", "none", "app"})
	want := map[string]registry.Stored{
		"app": {Layers: 4, LayerBytes: 12, Manifests: 2, ManifestBytes: one + two},
		"web": {Layers: 3, LayerBytes: 9, Manifests: 1, ManifestBytes: three},
	}
	if err != nil || counted.At.IsZero() || counted.Counting || len(of) != len(want) || of["app"] != want["app"] ||
		of["web"] != want["web"] {
		t.Errorf("repositories: %+v, %+v, %v, want %+v", of, counted, err, want)
	}
	all := registry.Stored{Layers: 5, LayerBytes: 15, Manifests: 3, ManifestBytes: one + two + three}
	s, err := d.Storage(ctx, root(prodAccount), prod)
	if err != nil || s.Stored != all || s.Shared != 6 || s.Bytes() != 15+one+two+three {
		t.Errorf("the registry: %+v, %v, want %+v", s, err, all)
	}

	d.clock.advance(time.Hour)
	d.put(web, d.image(web, "late"))
	if s, err = d.Storage(ctx, root(prodAccount), prod); err != nil || s.Manifests != 4 || s.LayerBytes != 19 {
		t.Errorf("after another push: %+v, %v", s, err)
	}
	if none, _, err := d.StorageOf(ctx, root(prodAccount), prod, []string{"none"}); len(none) != 0 || err != nil {
		t.Errorf("of what is not there: %v, %v", none, err)
	}
	_, err = d.Storage(ctx, root(devAccount), prod)
	wantCode(t, "another account's registry", err, registry.AccessDenied)
	_, _, err = d.StorageOf(ctx, root(devAccount), prod, []string{"app"})
	wantCode(t, "another account's repository", err, registry.AccessDenied)
	_, _, err = d.StorageOf(ctx, root(devAccount), prod, []string{"none"})
	wantCode(t, "another account's repository that is not there", err, registry.AccessDenied)
}
