package registry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// putAsBefore stores a manifest as builds did that refused less: in both tables,
// without a check.
func (d *domain) putAsBefore(ref resource.Repository, raw []byte) digest.Digest {
	d.t.Helper()
	m, references, err := registry.ReadManifest(raw, ocispec.MediaTypeImageManifest)
	if err != nil {
		d.t.Fatal(err)
	}
	repo, err := d.meta.Repository(ctx, ref.Registry.Account, ref.Registry.Region, ref.Name, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	m.Digest, m.PushedAt = digest.FromBytes(raw).String(), d.clock.now()
	if err := d.meta.Update(ctx, func(tx *metadata.Tx) error {
		return tx.Images().Put(repo, m, raw, references)
	}); err != nil {
		d.t.Fatal(err)
	}
	return digest.FromBytes(raw)
}

// TestManifestsOfEarlierBuilds: what is refused now, and was stored before, is
// pulled, listed, tagged, named by an index, replicated and deleted as ever.
func TestManifestsOfEarlierBuilds(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev)
	d.grant(dev)
	subject := d.put(in(prod), d.image(in(prod), "subject"))
	var body strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&body, `"annotation-%07d":"",`, i)
	}
	image := string(d.image(in(prod), "x"))
	refers := fmt.Sprintf(`,"subject":{"mediaType":%q,"digest":%q,"size":1},"annotations":{%s"last":"one"}}`,
		ocispec.MediaTypeImageManifest, subject, body.String())
	big := d.putAsBefore(in(prod), []byte(image[:len(image)-1]+refers))
	twice := d.putAsBefore(in(prod), []byte(`{"Layers":[],`+image[1:]))

	_, err := d.PutManifest(ctx, root(prodAccount), in(prod), registry.NewManifest{
		Bytes: []byte(`{"Layers":[],` + image[1:]),
	})
	wantCode(t, "the same now", err, registry.InvalidManifest)
	for _, dg := range []digest.Digest{big, twice} {
		m, err := d.Manifest(ctx, root(prodAccount), in(prod), registry.Reference{Digest: dg})
		if err != nil || digest.FromBytes(m.Bytes) != dg {
			t.Errorf("pull: %v", err)
		}
		index := d.put(in(prod), d.index(m.Bytes), "index")
		d.drain()
		if got, err := d.resolve(in(dev), registry.Reference{Tag: "index"}); err != nil || got != index {
			t.Errorf("the index arrived as %s, %v", got, err)
		}
		if got, err := d.resolve(in(dev), registry.Reference{Digest: dg}); err != nil || got != dg {
			t.Errorf("the image in it arrived as %s, %v", got, err)
		}
		if err := d.DeleteManifest(ctx, root(prodAccount), in(prod), index); err != nil {
			t.Error(err)
		}
	}
	small := d.refer(in(prod), subject, "application/x-sbom")
	found := map[digest.Digest]int{}
	pages := 0
	for p := (registry.Page{Limit: 16}); ; pages++ {
		refs, next, err := d.Referrers(ctx, root(prodAccount), in(prod), subject, nil, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range refs {
			found[r.Digest] = len(r.Annotations)
		}
		if p.After = next; next == "" {
			break
		}
	}
	if len(found) != 2 || found[big] < 2<<20 || found[small] != 0 || pages > 1 {
		t.Errorf("referrers with bytes of annotations: %v, pages: %d", found, pages+1)
	}
	for _, dg := range []digest.Digest{big, twice} {
		if err := d.DeleteManifest(ctx, root(prodAccount), in(prod), dg); err != nil {
			t.Error(err)
		}
	}
}
