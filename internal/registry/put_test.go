package registry_test

import (
	"fmt"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/registry"
)

func TestPutNeedsWhatTheManifestNames(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	put := func(raw []byte) error {
		_, err := d.PutManifest(ctx, root(prodAccount), in(prod), registry.NewManifest{Bytes: raw, Tags: []string{"latest"}})
		return err
	}
	raw := d.image(in(prod), "x")
	wantCode(t, "an index before its child", put(d.index(raw)), registry.ReferencedImagesNotFound)
	if err := put(raw); err != nil {
		t.Fatal(err)
	}
	inner := d.index(raw)
	wantCode(t, "an index before the index in it", put(d.index(inner)), registry.ReferencedImagesNotFound)
	for _, index := range [][]byte{inner, d.index(inner), d.index(inner, raw), d.index()} {
		if err := put(index); err != nil {
			t.Error(err)
		}
	}
	if err := d.loseLink(in(prod), digest.FromString("x")); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "a known manifest whose layer has gone", put(raw), registry.LayersNotFound)

	config := d.pushLayer(in(prod), "{}")
	elsewhere := ocispec.Descriptor{
		MediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar", Digest: digest.FromString("elsewhere"), Size: 9,
	}
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config,
		Layers: []ocispec.Descriptor{elsewhere},
		Subject: &ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("no such subject"), Size: 1,
		},
	}
	r, err := d.PutManifest(ctx, root(prodAccount), in(prod), registry.NewManifest{
		Bytes: marshal(t, m), Tags: []string{"x"},
	})
	if err != nil || r.Subject != m.Subject.Digest {
		t.Errorf("a nondistributable layer and a missing subject: %+v, %v", r, err)
	}
	m.Layers[0].MediaType = ocispec.MediaTypeImageLayer
	wantCode(t, "the same as a layer that must be there", put(marshal(t, m)), registry.LayersNotFound)
}

func TestPutChecksDigestAndTags(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	raw := d.image(in(prod), "x")
	tags := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprint("t", i))
		}
		return all
	}
	for name, c := range map[string]struct {
		n    registry.NewManifest
		want registry.Code
	}{
		"another digest":     {registry.NewManifest{Digest: digest.FromString("y")}, registry.ImageDigestDoesNotMatch},
		"no digest":          {registry.NewManifest{Digest: "sha256:x"}, registry.InvalidParameter},
		"sha384":             {registry.NewManifest{Digest: digest.SHA384.FromBytes(raw)}, registry.InvalidParameter},
		"sha512":             {registry.NewManifest{Digest: digest.SHA512.FromBytes(raw)}, ""},
		"bad tag":            {registry.NewManifest{Tags: []string{"ok", "-bad"}}, registry.InvalidParameter},
		"empty tag":          {registry.NewManifest{Tags: []string{""}}, registry.InvalidParameter},
		"100 tags":           {registry.NewManifest{Tags: tags(100)}, ""},
		"101 tags":           {registry.NewManifest{Tags: tags(101)}, registry.InvalidParameter},
		"the same tag again": {registry.NewManifest{Tags: []string{"t", "t"}}, ""},
	} {
		c.n.Bytes = raw
		r, err := d.PutManifest(ctx, root(prodAccount), in(prod), c.n)
		wantCode(t, name, err, c.want)
		if err == nil && c.n.Digest != "" && r.Digest != c.n.Digest {
			t.Errorf("%s: stored as %s", name, r.Digest)
		}
	}
	if m, err := d.Manifest(ctx, root(prodAccount), in(prod), registry.Reference{
		Digest: digest.SHA512.FromBytes(raw),
	}); err != nil || string(m.Bytes) != string(raw) {
		t.Errorf("by sha512: %v", err)
	}
	_, err := d.resolve(in(prod), registry.Reference{Tag: "ok"})
	wantCode(t, "a tag beside a bad one", err, registry.ImageNotFound)
}

func TestPutAgainAsECR(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	raw := d.image(in(prod), "x")
	put := func(tags ...string) error {
		_, err := d.PutManifest(ctx, root(prodAccount), in(prod), registry.NewManifest{
			Bytes: raw, Tags: tags, RefuseUnchanged: true,
		})
		return err
	}
	wantCode(t, "new", put("a"), "")
	wantCode(t, "the same", put("a"), registry.ImageAlreadyExists)
	wantCode(t, "the same without a tag", put(), registry.ImageAlreadyExists)
	wantCode(t, "another tag", put("b"), "")
	wantCode(t, "one of two tags is new", put("b", "c"), "")
}
