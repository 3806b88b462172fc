package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
)

func TestDeleteAsOCI(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	c := root(prodAccount)
	raw := d.image(in(prod), "x")
	dg := d.put(in(prod), raw, "a", "b")
	index := d.put(in(prod), d.index(raw), "index")
	if err := d.DeleteTag(ctx, c, in(prod), "a"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "the tag again", d.DeleteTag(ctx, c, in(prod), "a"), registry.ImageNotFound)
	if err := d.DeleteTag(ctx, c, in(prod), "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.resolve(in(prod), registry.Reference{Digest: dg}); err != nil {
		t.Errorf("the manifest went with its last tag: %v", err)
	}
	if err := d.DeleteManifest(ctx, c, in(prod), dg); err != nil {
		t.Errorf("a manifest that an index names: %v", err)
	}
	wantCode(t, "the manifest again", d.DeleteManifest(ctx, c, in(prod), dg), registry.ImageNotFound)
	if err := d.DeleteManifest(ctx, c, in(prod), index); err != nil {
		t.Fatal(err)
	}
	_, err := d.resolve(in(prod), registry.Reference{Tag: "index"})
	wantCode(t, "a tag of a deleted manifest", err, registry.ImageNotFound)
	if err := d.DeleteLayer(ctx, c, in(prod), digest.FromString("x")); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "the layer again", d.DeleteLayer(ctx, c, in(prod), digest.FromString("x")), registry.LayersNotFound)
}

func TestDeleteAsECR(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	raw := d.image(in(prod), "x")
	dg := d.put(in(prod), raw, "a", "b", "c")
	other := d.put(in(prod), d.image(in(prod), "y"))
	index := d.put(in(prod), d.index(raw), "index")
	type result struct {
		r    registry.Reference
		code registry.Code
	}
	for i, step := range []struct {
		refs []registry.Reference
		want []result
	}{
		{[]registry.Reference{{}}, []result{{registry.Reference{}, registry.InvalidParameter}}},
		{[]registry.Reference{{Tag: "absent"}}, []result{{registry.Reference{Tag: "absent"}, registry.ImageNotFound}}},
		{[]registry.Reference{{Tag: "a", Digest: other}}, []result{
			{registry.Reference{Tag: "a", Digest: other}, registry.ImageNotFound},
		}},
		// The digest of a layer is no image's, though an image names it.
		{[]registry.Reference{
			{Digest: digest.FromString("x")},
		}, []result{{registry.Reference{Digest: digest.FromString("x")}, registry.ImageNotFound}}},
		{[]registry.Reference{{Tag: "a", Digest: dg}}, []result{{registry.Reference{Tag: "a", Digest: dg}, ""}}},
		{[]registry.Reference{{Digest: dg}}, []result{
			{registry.Reference{Digest: dg}, registry.ImageReferencedByManifestList},
		}},
		// One that fails does not keep the others.
		{[]registry.Reference{{Tag: "absent"}, {Tag: "index"}, {Digest: other}}, []result{
			{registry.Reference{Tag: "absent"}, registry.ImageNotFound}, {registry.Reference{Tag: "index", Digest: index}, ""},
			{registry.Reference{Digest: other}, ""},
		}},
		{[]registry.Reference{{Digest: dg}}, []result{
			{registry.Reference{Tag: "b", Digest: dg}, ""}, {registry.Reference{Tag: "c", Digest: dg}, ""},
		}},
		{[]registry.Reference{{Digest: dg}}, []result{{registry.Reference{Digest: dg}, registry.ImageNotFound}}},
	} {
		results, err := d.DeleteImages(ctx, root(prodAccount), in(prod), step.refs)
		if err != nil {
			t.Fatal(err)
		}
		var got []result
		for _, r := range results {
			var code registry.Code
			if r.Err != nil {
				code = r.Err.Code
			}
			got = append(got, result{r.Reference, code})
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
	// The last tag takes the image along.
	last := d.put(in(prod), raw, "last")
	if _, err := d.DeleteImages(ctx, root(prodAccount), in(prod), []registry.Reference{{Tag: "last"}}); err != nil {
		t.Fatal(err)
	}
	_, err := d.resolve(in(prod), registry.Reference{Digest: last})
	wantCode(t, "the image of the last tag", err, registry.ImageNotFound)
	// And a last tag of an image that an index names stays.
	d.put(in(prod), raw, "last")
	d.put(in(prod), d.index(raw), "index")
	results, err := d.DeleteImages(ctx, root(prodAccount), in(prod), []registry.Reference{{Tag: "last"}})
	if err != nil || len(results) != 1 || results[0].Err == nil ||
		results[0].Err.Code != registry.ImageReferencedByManifestList {
		t.Errorf("the last tag of a child: %+v, %v", results, err)
	}
}

// TestDeleteLargeRepository: however much is in it, it is gone and its name is free
// when the answer comes, and each transaction removes a bounded number of rows.
func TestDeleteLargeRepository(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	c := root(prodAccount)
	raw := d.image(in(prod), "x")
	dg := d.put(in(prod), raw, "latest")
	const images = 1000
	r, err := d.meta.Repository(ctx, prodAccount, prod.Region, in(prod).Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = d.meta.Update(ctx, func(tx *metadata.Tx) error {
		for i := range images {
			m := metadata.Manifest{Digest: digest.FromString(fmt.Sprint(i)).String(), MediaType: "t", PushedAt: d.clock.now()}
			if err := tx.Images().Put(r, m, []byte("{}"), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.DeleteRepository(ctx, c, in(prod), false)
	wantCode(t, "with images", err, registry.RepositoryNotEmpty)
	upload, err := d.StartUpload(ctx, c, in(prod))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.DeleteRepository(ctx, c, in(prod), true); err != nil {
		t.Fatal(err)
	}
	list, _, err := d.ListRepositories(ctx, c, prod, registry.Page{Limit: 10})
	if err != nil || len(list) != 0 {
		t.Errorf("listed: %+v, %v", list, err)
	}
	// A push that had found it before finds it gone.
	err = d.meta.Update(ctx, func(tx *metadata.Tx) error {
		_, err := tx.Repositories().Share(r.ID)
		return err
	})
	if !errors.Is(err, metadata.ErrNotFound) {
		t.Errorf("adding to it: %v", err)
	}
	d.create(in(prod))
	_, err = d.resolve(in(prod), registry.Reference{Digest: dg})
	wantCode(t, "an image of before", err, registry.ImageNotFound)
	_, err = d.Layer(ctx, c, in(prod), digest.FromString("x"))
	wantCode(t, "a layer of before", err, registry.LayersNotFound)
	_, err = d.UploadSize(ctx, c, in(prod), upload)
	wantCode(t, "an upload of before", err, registry.UploadNotFound)
	// A sweep removes what the process that deleted does not come to, as much at a
	// time as it does.
	before := int64(images + 1)
	for range 100 {
		page, err := d.swept.Sweep(ctx, "repositories", "", 0, false)
		if err != nil {
			t.Fatal(err)
		}
		left, err := d.meta.Read(ctx).Damage().CountManifests(r.ID)
		if err != nil || left > before {
			t.Fatalf("%d manifests are left, %v", left, err)
		}
		if before = left; page.Next == "" {
			break
		}
	}
	if ids, err := d.meta.Read(ctx).Repositories().Retired(10); err != nil || len(ids) != 0 || before != 0 {
		t.Errorf("%d manifests of the repositories %v are left, %v", before, ids, err)
	}
	d.put(in(prod), d.image(in(prod), "x"), "latest")
}

func TestDeleteRepository(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	c := root(prodAccount)
	dg := d.put(in(prod), d.image(in(prod), "x"), "latest")
	_, err := d.DeleteRepository(ctx, c, in(prod), false)
	wantCode(t, "with images", err, registry.RepositoryNotEmpty)
	upload, err := d.StartUpload(ctx, c, in(prod))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.DeleteRepository(ctx, c, in(prod), true); err != nil {
		t.Fatal(err)
	}
	_, err = d.DeleteRepository(ctx, c, in(prod), true)
	wantCode(t, "again", err, registry.RepositoryNotFound)
	// Another of the same name begins empty.
	d.create(in(prod))
	_, err = d.resolve(in(prod), registry.Reference{Digest: dg})
	wantCode(t, "an image of before", err, registry.ImageNotFound)
	_, err = d.Layer(ctx, c, in(prod), digest.FromString("x"))
	wantCode(t, "a layer of before", err, registry.LayersNotFound)
	_, err = d.UploadSize(ctx, c, in(prod), upload)
	wantCode(t, "an upload of before", err, registry.UploadNotFound)
	if _, err := d.DeleteRepository(ctx, c, in(prod), false); err != nil {
		t.Errorf("an empty one: %v", err)
	}
	for i := range 3 { // its name may be taken and freed any number of times
		d.create(in(prod))
		if _, err := d.DeleteRepository(ctx, c, in(prod), false); err != nil {
			t.Error(fmt.Sprint(i), err)
		}
	}
}
