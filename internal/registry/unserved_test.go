package registry_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// TestAccountNotServedAnyMore: what an account stored grants nothing to others
// once the account is taken out of the configuration.
func TestAccountNotServedAnyMore(t *testing.T) {
	d := openStill(t)
	ref := resource.Repository{Registry: prod, Name: "team/app"}
	d.create(ref)
	d.put(ref, d.image(ref, "layer"), "one")
	if err := d.SetRepositoryPolicy(ctx, root(prodAccount), ref, statement("Allow", devAccount, "ecr:BatchGetImage"),
		false); err != nil {
		t.Fatal(err)
	}
	one := registry.Reference{Tag: "one"}
	_, err := d.Manifest(ctx, root(devAccount), ref, one)
	wantCode(t, "while it is served", err, "")

	without, _, err := replication.Open(ctx, registry.Config{
		Metadata: d.meta, Blobs: d.blobs, Accounts: []string{devAccount},
		Regions: []string{"us-east-1", "us-west-2"}, Grace: 24 * time.Hour, Logger: slog.New(slog.DiscardHandler),
		Now: d.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = without.Manifest(ctx, root(devAccount), ref, one)
	wantCode(t, "afterwards", err, registry.AccessDenied)
}
