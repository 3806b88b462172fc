package registry_test

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// Text that is none to a database is the client's fault, if a fault at all.
func TestTextThatNoDatabaseTakes(t *testing.T) {
	d := openStill(t)
	ref := in(prod)
	d.create(ref)
	layer, config := d.pushLayer(ref, "one"), d.pushLayer(ref, "{}")
	for _, text := range []string{"a\x00b", "\xff\xfe", "\uFFFD", strings.Repeat("\x00", 100)} {
		layer.MediaType, config.MediaType = text, text
		raw := marshal(t, ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2},
			MediaType: ocispec.MediaTypeImageManifest, ArtifactType: text,
			Config: config, Layers: []ocispec.Descriptor{layer}, Subject: &config, Annotations: map[string]string{text: text}})
		dg := digest.FromBytes(raw)
		if _, err := d.PutManifest(ctx, root(prodAccount), ref, registry.NewManifest{
			Bytes: raw, Digest: dg, Tags: []string{"t"},
		}); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if m, err := d.Manifest(ctx, root(prodAccount), ref, registry.Reference{Digest: dg}); err != nil ||
			string(m.Bytes) != string(raw) {
			t.Errorf("%q: %q, %v", text, m.Bytes, err)
		}
		_, err := d.Manifest(ctx, root(prodAccount), ref, registry.Reference{Tag: text})
		wantCode(t, "by tag", err, registry.ImageNotFound)
		wantCode(t, "delete the tag", d.DeleteTag(ctx, root(prodAccount), ref, text), registry.ImageNotFound)
		if _, _, err := d.Tags(ctx, root(prodAccount), ref, registry.Page{After: text, Limit: 10}); err != nil {
			t.Errorf("tags after %q: %v", text, err)
		}
		if _, _, err := d.Referrers(ctx, root(prodAccount), ref, config.Digest, []string{text}, registry.Page{Limit: 10}); err != nil {
			t.Errorf("referrers of type %q: %v", text, err)
		}
		if err := d.TagResource(ctx, root(prodAccount), ref, []resource.Tag{{Key: "k" + text, Value: text}}); err != nil &&
			registry.CodeOf(err) == "" {
			t.Errorf("resource tag %q: %v", text, err)
		}
	}
}
