package registry_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// refuseMany stores refusals of prod's image by dev, without trying them.
func (d *domain) refuseMany(n int) {
	d.t.Helper()
	d.create(in(prod))
	row, err := d.meta.Repository(ctx, prodAccount, prod.Region, in(prod).Name, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	dg := d.put(in(prod), d.image(in(prod), "refused"))
	for first := 0; first < n; first += 500 {
		var rows []*metadata.Replication
		for i := first; i < min(n, first+500); i++ {
			rows = append(rows, &metadata.Replication{RepositoryID: row.ID, Digest: string(dg), Tag: fmt.Sprint("t", i),
				Sequence:           1,
				DestinationAccount: devAccount, DestinationRegion: dev.Region, PushedAt: d.clock.now(), NextTryAt: d.clock.now()})
		}
		err := d.meta.Update(ctx, func(tx *metadata.Tx) error {
			for _, r := range rows {
				if err := tx.Replications().Queue(r); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = d.meta.Update(ctx, func(tx *metadata.Tx) error {
				for _, r := range rows {
					r.State, r.FailureCode, r.RefusedInto = metadata.ReplicationFailed, "ReplicateImageNotAllowed", in(dev).Name
					if err := tx.Replications().Save(*r); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err != nil {
			d.t.Fatal(err)
		}
	}
}

func (d *domain) count(state replication.State) int {
	d.t.Helper()
	return len(d.list(prod, replication.Outgoing, state, 100000))
}

// What a destination refused locks none of its settings: a change makes nothing
// due itself, whatever waits. What it makes due is found afterwards, and no more
// at once than are soon tried.
func TestChangesDoNotTouchWhatWasRefused(t *testing.T) {
	const n = 500
	d := openStill(t)
	d.refuseMany(n)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		change func()
	}{
		{"registry policy", func() { d.grant(dev) }},
		{"no registry policy", func() { _, err := d.DeleteRegistryPolicy(ctx, root(devAccount), dev); must(err) }},
		{"repository", func() { d.create(in(dev)) }},
		{"resource tags", func() {
			must(d.TagResource(ctx, root(devAccount), in(dev), []resource.Tag{{Key: "a", Value: "b"}}))
			must(d.UntagResource(ctx, root(devAccount), in(dev), []string{"a"}))
		}},
		{"repository policy", func() {
			must(d.SetRepositoryPolicy(ctx, root(devAccount), in(dev), statement("Deny", prodAccount, "ecr:ReplicateImage"),
				true))
			_, err := d.DeleteRepositoryPolicy(ctx, root(devAccount), in(dev))
			must(err)
		}},
		{"no repository", func() { _, err := d.DeleteRepository(ctx, root(devAccount), in(dev), true); must(err) }},
		{"registry policy again", func() { d.grant(dev) }},
	} {
		c.change()
		if waiting := d.count(replication.InProgress); waiting != 0 {
			t.Errorf("%s: %d were made due by the change itself", c.name, waiting)
		}
	}
	d.resume()
	if waiting := d.count(replication.InProgress); waiting == 0 || waiting >= n {
		t.Errorf("%d of %d were made due at once", waiting, n)
	}
	for range n / 100 {
		if d.count(replication.Failed) > 0 {
			d.drain()
		}
	}
	if done := d.count(replication.Complete); done != n {
		t.Errorf("%d of %d have completed", done, n)
	}
	d.resume()
	if _, more, err := d.Resume(ctx); more || err != nil {
		t.Errorf("afterwards more is left, or %v", err)
	}
}

// A process that dies leaves the batches that are left to the next.
func TestRetriesAreResumedByAnotherProcess(t *testing.T) {
	const n = 300
	d := openStill(t)
	d.refuseMany(n)
	d.grant(dev)
	if made, more, err := d.Resume(ctx); made == 0 || made >= n || !more || err != nil {
		t.Fatalf("the first batch: %d, %v, %v", made, more, err)
	}
	other, replicas, err := replication.Open(ctx, registry.Config{
		Metadata: d.meta, Blobs: d.blobs, Accounts: []string{prodAccount, devAccount},
		Regions: []string{"us-east-1", "us-west-2"}, Grace: 24 * time.Hour, Logger: slog.New(slog.DiscardHandler),
		Now: d.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Service, d.replicator = other, replicas
	for range n / 100 {
		if d.count(replication.Failed) > 0 {
			d.drain()
		}
	}
	if done := d.count(replication.Complete); done != n {
		t.Errorf("%d of %d have completed", done, n)
	}
}

// What no change of the destination fixes is not tried again when it changes.
func TestWhatNobodyCanMendIsLeft(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.grant(dev)
	d.replicateTo(dev)
	a := d.image(in(prod), "a")
	d.put(in(prod), a)
	d.put(in(prod), d.index(a), "latest")
	if err := d.DeleteManifest(ctx, root(prodAccount), in(prod), digest.FromBytes(a)); err != nil {
		t.Fatal(err)
	}
	d.drain()
	if st := d.statuses(in(prod), registry.Reference{Tag: "latest"}); st[0].Failure.Code != "SourceImageIncomplete" {
		t.Fatalf("%+v", st)
	}
	d.grant(dev)
	if n := len(d.due()); n != 0 {
		t.Errorf("%d are tried again", n)
	}
}
