package registry_test

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
)

// TestLayerParts: whichever process completes an upload knows of the parts that
// others took.
func TestLayerParts(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	other, _, err := replication.Open(ctx, registry.Config{
		Metadata: d.meta, Blobs: d.blobs, Accounts: []string{prodAccount, devAccount},
		Regions: []string{"us-east-1", "us-west-2"},
		Grace:   24 * time.Hour, Logger: slog.New(slog.DiscardHandler), Now: d.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	const large, small = 5 << 20, 5<<20 - 1
	c := root(prodAccount)
	for name, test := range map[string]struct {
		parts []int
		code  registry.Code
	}{
		"nothing":          {nil, registry.EmptyUpload},
		"one":              {[]int{large}, ""},
		"one small":        {[]int{1}, ""},
		"a small end":      {[]int{large, large, 1}, ""},
		"a small begin":    {[]int{small, large}, registry.LayerPartTooSmall},
		"small, in all":    {[]int{1, 1}, registry.LayerPartTooSmall},
		"small in between": {[]int{large, small, large}, registry.LayerPartTooSmall},
		"several small":    {[]int{large, small, 1, large}, registry.LayerPartTooSmall},
	} {
		id := d.startUpload(in(prod))
		var content []byte
		for i, size := range test.parts {
			part := bytes.Repeat([]byte(name[len(name)-1:]), size)
			first := int64(len(content))
			content = append(content, part...)
			n, err := []*registry.Service{d.Service, other}[i%2].UploadLayerPart(ctx, c, in(prod), id, first,
				first+int64(size)-1, part)
			if err != nil || n != int64(len(content)) {
				t.Fatalf("%s: part %d: %d, %v", name, i, n, err)
			}
		}
		_, err := other.CompleteLayerUpload(ctx, c, in(prod), id, digest.FromBytes(content))
		wantCode(t, name, err, test.code)
	}
}

func TestLayerPartOfOtherLength(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	id := d.startUpload(in(prod))
	if err := d.appendPart(id, 0, "one"); err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		first, last int64
		content     string
	}{{3, 6, "two"}, {3, 4, "two"}, {3, 2, ""}, {3, 3, ""}, {2, 4, "two"}, {4, 6, "two"}} {
		_, err := d.UploadLayerPart(ctx, root(prodAccount), in(prod), id, part.first, part.last, []byte(part.content))
		var refusal *registry.Error
		if !errors.As(err, &refusal) || refusal.Code != registry.InvalidLayerPart || refusal.Received != 3 {
			t.Errorf("%+v: %v", part, err)
		}
	}
}

// TestLayerThatIsThere: who may know that the repository has a layer learns it,
// and the upload ends; for others it is completed again.
func TestLayerThatIsThere(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	l := d.pushLayer(in(prod), "layer").Digest
	complete := func() error {
		id := d.startUpload(in(prod))
		if err := d.appendPart(id, 0, "layer"); err != nil {
			t.Fatal(err)
		}
		_, err := d.CompleteLayerUpload(ctx, root(prodAccount), in(prod), id, l)
		_, gone := d.UploadSize(ctx, root(prodAccount), in(prod), id)
		wantCode(t, "the upload, afterwards", gone, registry.UploadNotFound)
		return err
	}
	wantCode(t, "a layer that is there", complete(), registry.LayerAlreadyExists)
	if n := d.held(); n != 0 {
		t.Errorf("the store holds %d uploads", n)
	}
	policy := statement("Deny", prodAccount, "ecr:BatchCheckLayerAvailability")
	if err := d.SetRepositoryPolicy(ctx, root(prodAccount), in(prod), policy, true); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "of which the caller may not know", complete(), "")
}
