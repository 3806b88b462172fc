package metadata

import (
	"context"
	"errors"
	"testing"
)

// What changes after it was copied is brought up to date: what is new, what is
// other, and what is gone.
func TestTransferFollowsChanges(t *testing.T) {
	t.Parallel()
	from := openStore(t, t.TempDir())
	to := openPostgres(t, migrated.Postgres(t))
	r := newRepository(t, from, "app")
	for i := range 4 {
		putManifest(t, from, r, Manifest{Digest: manifestDigest(i), MediaType: "m", PushedAt: epoch}, "{}")
	}
	commit(t, from, func(tx *Tx) error {
		for i, name := range []string{"moved", "stays", "gone"} {
			if err := tx.Tags().Set(r, Tag{Name: name, Digest: manifestDigest(i), Sequence: 1}, epoch); err != nil {
				return err
			}
		}
		for _, prefix := range []string{"stays", "gone", "changed"} {
			if _, err := tx.CreationTemplates().Create(CreationTemplate{RegistryRow: r.RegistryRow, Prefix: prefix}); err != nil {
				return err
			}
		}
		return addLayer(tx, r, manifestDigest(9), 5)
	})

	transfer, err := NewTransfer(t.Context(), from, to, "a bucket")
	if err != nil {
		t.Fatal(err)
	}
	copyBlobs := func(ctx context.Context, blobs []Blob) error {
		lacking, err := transfer.MissingBlobs(ctx, blobs)
		for _, b := range lacking {
			err = errors.Join(err, transfer.AddBlob(ctx, b, "copy of "+b.Digest))
		}
		return err
	}
	blobs, err := from.Read(t.Context()).Upkeep().Blobs("", 10)
	if err == nil {
		err = copyBlobs(t.Context(), blobs)
	}
	for done := false; err == nil && !done; {
		_, done, err = transfer.CopyPage(t.Context(), copyBlobs)
	}
	if err != nil {
		t.Fatal(err)
	}

	commit(t, from, func(tx *Tx) error {
		if err := tx.Tags().Set(r, Tag{Name: "moved", Digest: manifestDigest(1), Sequence: 7}, epoch); err != nil {
			return err
		}
		if _, err := tx.Tags().Delete(r, "gone"); err != nil {
			return err
		}
		if _, err := tx.Images().Delete(r, manifestDigest(3)); err != nil {
			return err
		}
		if err := tx.Repositories().SetPolicy(r, `{"new":true}`); err != nil {
			return err
		}
		if err := tx.CreationTemplates().Delete(CreationTemplate{RegistryRow: r.RegistryRow, Prefix: "gone"}); err != nil {
			return err
		}
		changed := CreationTemplate{RegistryRow: r.RegistryRow, Prefix: "changed", AppliedFor: []Occasion{ForPush}}
		if err := tx.CreationTemplates().Save(changed); err != nil {
			return err
		}
		return addLayer(tx, r, manifestDigest(8), 6)
	})
	putManifest(t, from, r, Manifest{Digest: manifestDigest(5), MediaType: "m", PushedAt: epoch}, "{}", "new")

	if changes, err := transfer.CatchUp(t.Context(), copyBlobs); err != nil || changes == 0 {
		t.Fatalf("%d changes: %v", changes, err)
	}
	if err := transfer.Compare(t.Context(), copyBlobs); err != nil {
		t.Error(err)
	}
	if _, err := transfer.Finish(t.Context(), copyBlobs); err != nil {
		t.Fatal(err)
	}
	if err := transfer.End(t.Context()); err != nil {
		t.Fatal(err)
	}

	copied, err := to.Read(t.Context()).Repositories().Get(account, region, "app")
	if err != nil || copied.Policy != `{"new":true}` {
		t.Fatalf("the repository is %+v: %v", copied, err)
	}
	for name, want := range map[string]string{
		"moved": manifestDigest(1), "stays": manifestDigest(1), "new": manifestDigest(5), "gone": "",
	} {
		tag, err := to.Read(t.Context()).Tags().Get(copied.ID, name)
		if tag.Digest != want || want == "" != errors.Is(err, ErrNotFound) {
			t.Errorf("the tag %s is %q (%v), want %q", name, tag.Digest, err, want)
		}
	}
	if _, err := to.Read(t.Context()).Images().Manifest(copied.ID, manifestDigest(3)); !errors.Is(err, ErrNotFound) {
		t.Errorf("the manifest that was deleted: %v", err)
	}
	for _, digest := range []string{manifestDigest(8), manifestDigest(9)} {
		if layer, err := to.Read(t.Context()).Layers().Get(copied.ID, digest); err != nil ||
			layer.Object != "copy of "+digest {
			t.Errorf("the layer %s is %+v: %v", digest, layer, err)
		}
	}
	templates, err := to.Read(t.Context()).CreationTemplates().List(copied.RegistryRow, "", 10)
	if err != nil || len(templates) != 2 || templates[0].Prefix != "changed" || len(templates[0].AppliedFor) != 1 ||
		templates[1].Prefix != "stays" {
		t.Errorf("the creation templates are %+v: %v", templates, err)
	}
	wantUsage(t, to)
	// What comes next is numbered higher than all that came.
	commit(t, to, func(tx *Tx) error {
		n, err := tx.Registries().NextSequence(copied.RegistryRow)
		if err == nil && n <= 7 {
			t.Errorf("the next tag change has the number %d", n)
		}
		return err
	})
	second := newRepository(t, to, "second")
	if second.ID <= copied.ID {
		t.Errorf("the next repository has the id %d, after %d", second.ID, copied.ID)
	}
}
