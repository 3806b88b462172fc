package registry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/registry"
)

// receive has a repository get layers that came at once.
func (d *domain) receive(contents ...string) []error {
	d.t.Helper()
	layers := make([]registry.WholeLayer, len(contents))
	for i, c := range contents {
		layers[i] = registry.WholeLayer{Digest: digest.FromString(c), Content: []byte(c)}
	}
	return d.PutReceived(ctx, d.row(), layers)
}

// row is that of dev's repository.
func (d *domain) row() *metadata.Repository {
	d.t.Helper()
	r, err := d.meta.Repository(ctx, devAccount, dev.Region, in(dev).Name, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}

func TestLayersThatComeAtOnce(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.create(in(dev))
	d.pushLayer(in(prod), "known")
	d.pushLayer(in(prod), "lost")
	d.loseBytes(digest.FromString("lost"))
	contents := []string{"known", "lost", ""}
	for i := range 150 { // more than share a transaction
		contents = append(contents, fmt.Sprint("new ", i))
	}
	for i, err := range d.receive(contents...) {
		if err != nil {
			t.Errorf("%s: %v", contents[i], err)
		}
	}
	for _, c := range contents {
		d.wantLayer(in(dev), c)
	}
	for i, err := range d.receive(contents...) { // once more
		if err != nil {
			t.Errorf("%s again: %v", contents[i], err)
		}
	}
	wrong := d.PutReceived(ctx, d.row(), []registry.WholeLayer{
		{Digest: digest.FromString("right"), Content: []byte("right")}, {Digest: digest.FromString("other"), Content: []byte("x")},
	})
	wantCode(t, "a layer with the digest of another", wrong[1], registry.InvalidLayer)
	if wrong[0] != nil {
		t.Errorf("beside it: %v", wrong[0])
	}
	d.wantLayer(in(dev), "right")
	if n := d.used(dev, quota.OpenUploads); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	d.sweepAll(false)
	for _, c := range contents {
		d.wantLayer(in(dev), c)
	}
}

// Of layers that came together, those are stored that quotas have room for.
func TestQuotasOfLayersThatComeAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(string, *quota.Limits)
		want int
	}{
		quota.OpenUploads:     {func(_ string, l *quota.Limits) { l.OpenUploads = 2 }, 5}, // one after the other
		quota.StoredBytes:     {func(_ string, l *quota.Limits) { l.StoredBytes = 350 }, 3},
		quota.ReplicatedBytes: {func(_ string, l *quota.Limits) { l.ReplicatedBytes = 250 }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			d := openQuotas(t, c.set)
			d.create(in(dev))
			contents := make([]string, 5)
			for i := range contents {
				contents[i] = strings.Repeat(fmt.Sprint(i), 100)
			}
			stored := 0
			for i, err := range d.receive(contents...) {
				if err == nil {
					stored++
					d.wantLayer(in(dev), contents[i])
					continue
				}
				wantOver(t, contents[i][:1], err, name)
			}
			if stored != c.want {
				t.Errorf("%d layers are stored, want %d", stored, c.want)
			}
			if n := d.used(dev, quota.OpenUploads); n != 0 {
				t.Errorf("%d sessions are left", n)
			}
		})
	}
}
