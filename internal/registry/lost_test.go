package registry_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/sweep"
)

// loseLink takes a layer away from a repository whatever names it, as programs
// before this one let clients do.
func (d *domain) loseLink(ref resource.Repository, layer digest.Digest) error {
	row, err := d.meta.Repository(ctx, ref.Registry.Account, ref.Registry.Region, ref.Name, nil)
	if err != nil {
		return err
	}
	return d.meta.Update(ctx, func(tx *metadata.Tx) error {
		r, err := tx.Repositories().Lock(row.ID)
		if err == nil {
			_, err = tx.Layers().Unlink(r, string(layer))
		}
		return err
	})
}

// object names the object that holds a blob.
func (d *domain) object(layer digest.Digest) string {
	d.t.Helper()
	b, err := d.meta.Read(ctx).Layers().Blob(string(layer))
	if err != nil {
		d.t.Fatal(err)
	}
	return b.Object
}

// loseBytes loses a blob's object, as a disk or another client of the bucket may.
func (d *domain) loseBytes(layer digest.Digest) (object string) {
	d.t.Helper()
	object = d.object(layer)
	if err := d.blobs.Delete(ctx, []string{object}); err != nil {
		d.t.Fatal(err)
	}
	return object
}

// wantLayer reads a layer.
func (d *domain) wantLayer(ref resource.Repository, content string) {
	d.t.Helper()
	_, r, err := d.OpenLayer(ctx, root(ref.Registry.Account), ref, digest.FromString(content))
	if err != nil {
		d.t.Error(err)
		return
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != content {
		d.t.Errorf("%s has %q of %q, %v", ref, got, content, err)
	}
}

// Whoever brings a layer whose bytes are lost gives them back to all, and is not
// told before that they are there.
func TestLostBytesComeBackWithAnyPush(t *testing.T) {
	for how, push := range map[string]func(d *domain, ref resource.Repository, content string) error{
		"at once": func(d *domain, ref resource.Repository, content string) error {
			_, err := d.PutLayer(ctx, root(ref.Registry.Account), ref, digest.FromString(content), strings.NewReader(content))
			return err
		},
		"in parts": func(d *domain, ref resource.Repository, content string) error {
			id, c := d.startUpload(ref), root(ref.Registry.Account)
			_, err := d.AppendUpload(ctx, c, ref, id, 0, strings.NewReader(content))
			_, completeErr := d.CompleteLayerUpload(ctx, c, ref, id, digest.FromString(content))
			return errors.Join(err, completeErr)
		},
	} {
		t.Run(how, func(t *testing.T) {
			d := openStill(t)
			for _, ref := range []resource.Repository{in(prod), in(dev)} {
				d.create(ref)
			}
			const content = "layer"
			l := d.pushLayer(in(prod), content).Digest
			d.pushLayer(in(dev), content)
			lost := d.loseBytes(l)
			c := root(prodAccount)
			_, err := d.Layer(ctx, c, in(prod), l)
			wantCode(t, "HEAD of lost bytes", err, registry.LayersNotFound)
			if _, r, err := d.OpenLayer(ctx, c, in(prod), l); err == nil {
				wantCode(t, "GET of lost bytes", r.Begin(0), registry.LayersNotFound)
				r.Close()
			} else {
				wantCode(t, "GET of lost bytes", err, registry.LayersNotFound)
			}
			if have, err := d.LayersAvailable(ctx, c, in(prod), []digest.Digest{l}); len(have) != 0 || err != nil {
				t.Errorf("available: %v, %v", have, err)
			}
			other := resource.Repository{Registry: prod, Name: "other"}
			d.create(other)
			from := in(prod)
			if mounted, err := d.MountLayer(ctx, c, other, l, &from); mounted || err != nil {
				t.Errorf("lost bytes are mounted: %v, %v", mounted, err)
			}
			if err := push(d, in(dev), content); err != nil {
				t.Fatal(err)
			}
			if d.object(l) == lost {
				t.Error("the blob names what is lost")
			}
			for _, ref := range []resource.Repository{in(prod), in(dev)} {
				d.wantLayer(ref, content)
				if _, err := d.Layer(ctx, root(ref.Registry.Account), ref, l); err != nil {
					t.Error(err)
				}
			}
			if mounted, err := d.MountLayer(ctx, c, other, l, &from); !mounted || err != nil {
				t.Errorf("what is back is not mounted: %v, %v", mounted, err)
			}
			// What was lost is freed, should a part of it be there, and nothing else.
			if _, err := d.sweep("uploads", "leftovers", "objects", "garbage"); err != nil {
				t.Fatal(err)
			}
			if garbage, err := d.meta.Read(ctx).Upkeep().Garbage("", 10); len(garbage) != 0 || err != nil {
				t.Errorf("garbage %+v, %v", garbage, err)
			}
			if d.held() != 0 {
				t.Errorf("%d uploads are left", d.held())
			}
			d.wantLayer(in(prod), content)
			// Of a blob that is whole nothing is stored again.
			object := d.object(l)
			if err := repush(d, in(dev), content); err != nil || d.object(l) != object {
				t.Errorf("pushed again it is another object: %v", err)
			}
		})
	}
}

func repush(d *domain, ref resource.Repository, content string) error {
	_, err := d.PutLayer(ctx, root(ref.Registry.Account), ref, digest.FromString(content), strings.NewReader(content))
	return err
}

// Two who bring back the same lost layer at once leave one object.
func TestLostBytesComeBackTwice(t *testing.T) {
	d := openStill(t)
	refs := []resource.Repository{in(prod), in(dev)}
	for _, ref := range refs {
		d.create(ref)
	}
	const content = "layer"
	l := d.pushLayer(in(prod), content).Digest
	for range 5 {
		d.loseBytes(l)
		if err := meet(func() error {
			return repush(d, refs[0], content)
		}, func() error { return repush(d, refs[1], content) }); err != nil {
			t.Fatal(err)
		}
		if _, err := d.sweep(sweep.Steps...); err == nil { // which frees the links too
			_, err = d.meta.Read(ctx).Layers().Blob(string(l))
			if err == nil {
				t.Error("an unused blob is left")
			}
		}
		for _, ref := range refs {
			d.pushLayer(ref, content)
			d.wantLayer(ref, content)
		}
	}
}

// A client that may push does not hear that an image is there of which a part is
// missing: crane, oras and regctl would send nothing. Who may only pull gets
// what is there.
func TestHeadDoesNotPromiseAnIncompleteImage(t *testing.T) {
	d := openStill(t)
	ref, c, reader := in(prod), root(prodAccount), root(devAccount)
	d.create(ref)
	raw := d.image(ref, "x")
	whole := d.put(ref, d.image(ref, "y"), "whole")
	child := d.put(ref, raw, "child")
	index := d.put(ref, d.index(raw), "index")
	if err := d.SetRepositoryPolicy(ctx, c, ref, statement("Allow", devAccount, "ecr:BatchGetImage"), false); err != nil {
		t.Fatal(err)
	}
	all := []registry.Reference{{Digest: child}, {Tag: "child"}, {Digest: index}, {Tag: "index"}}
	check := func(what string, want registry.Code) {
		t.Helper()
		for _, r := range all {
			if _, err := d.ManifestHead(ctx, c, ref, r); registry.CodeOf(err) != want || (err == nil) != (want == "") {
				t.Errorf("%s: HEAD of %v: %v", what, r, err)
			}
			if _, err := d.ManifestHead(ctx, reader, ref, r); err != nil {
				t.Errorf("%s: HEAD of %v by who may only pull: %v", what, r, err)
			}
			if _, err := d.Manifest(ctx, c, ref, r); err != nil {
				t.Errorf("%s: GET of %v: %v", what, r, err)
			}
		}
		if _, err := d.ManifestHead(ctx, c, ref, registry.Reference{Digest: whole, Tag: "whole"}); err != nil {
			t.Errorf("%s: HEAD of another image: %v", what, err)
		}
	}
	x := digest.FromString("x")
	check("at first", "")
	if err := d.loseLink(ref, x); err != nil {
		t.Fatal(err)
	}
	check("without a layer", registry.ImageNotFound)
	d.pushLayer(ref, "x")
	check("with the layer again", "")
	if done, err := d.Quarantine(ctx, string(x), d.object(x), "a test"); !done || err != nil {
		t.Fatal(done, err)
	}
	check("with a damaged layer", registry.ImageNotFound)
	d.pushLayer(ref, "x")
	check("with the layer pushed again", "")
	// Bytes that are lost and that nobody has asked for, nobody knows of.
	d.loseBytes(x)
	check("before anybody knows", "")
	if _, r, err := d.OpenLayer(ctx, c, ref, x); err == nil {
		wantCode(t, "the lost layer", r.Begin(0), registry.LayersNotFound)
		r.Close()
	}
	check("after a pull has failed", registry.ImageNotFound)
	d.pushLayer(ref, "x")
	check("with the bytes again", "")
	if err := d.DeleteManifest(ctx, c, ref, child); err != nil {
		t.Fatal(err)
	}
	all = all[2:]
	check("without the child", registry.ImageNotFound)
	d.put(ref, raw)
	check("with the child again", "")
}

// takeBlobsAway renames the folder of blobs, until back is called.
func (d *domain) takeBlobsAway() (back func()) {
	d.t.Helper()
	folder := filepath.Join(d.dir, "blobs")
	if err := os.Rename(folder, folder+" away"); err != nil {
		d.t.Fatal(err)
	}
	return func() {
		if err := os.Rename(folder+" away", folder); err != nil {
			d.t.Error(err)
		}
	}
}

// What the store cannot tell for now is no loss.
func TestStoreThatIsAwayLosesNothing(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	if shared() {
		t.Skip("the store's own tests have it for buckets")
	}
	l := d.pushLayer(in(prod), "x").Digest
	back := d.takeBlobsAway()
	_, err := d.Layer(ctx, root(prodAccount), in(prod), l)
	_, _, openErr := d.OpenLayer(ctx, root(prodAccount), in(prod), l)
	pushErr := repush(d, in(prod), "x")
	for what, err := range map[string]error{"HEAD": err, "GET": openErr, "push": pushErr} {
		if !registry.IsUnavailable(err) || blob.IsLost(err) || registry.CodeOf(err) != "" {
			t.Errorf("%s without the folder: %v", what, err)
		}
	}
	back()
	d.wantLayer(in(prod), "x")
}

// A layer of an image goes with the image, not before it.
func TestLayerInUseIsNotDeleted(t *testing.T) {
	d := openStill(t)
	ref, c := in(prod), root(prodAccount)
	d.create(ref)
	dg := d.put(ref, d.image(ref, "x"), "latest")
	for _, l := range []string{"x", "{}"} {
		wantCode(t, "DELETE of a layer of an image", d.DeleteLayer(ctx, c, ref, digest.FromString(l)), registry.LayerInUse)
	}
	if err := d.DeleteTag(ctx, c, ref, "latest"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "of an untagged one", d.DeleteLayer(ctx, c, ref, digest.FromString("x")), registry.LayerInUse)
	d.wantLayer(ref, "x")
	if err := d.DeleteManifest(ctx, c, ref, dg); err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteLayer(ctx, c, ref, digest.FromString("x")); err != nil {
		t.Errorf("when the image is gone: %v", err)
	}
}
