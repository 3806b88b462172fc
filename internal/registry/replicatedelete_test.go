package registry_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// deleteTo has prod replicate to the destinations, deletions too.
func (d *domain) deleteTo(destinations ...resource.Registry) {
	d.t.Helper()
	if err := d.SetRules(ctx, root(prodAccount), prod, []replication.Rule{
		{Destinations: destinations, Deletes: new(true)},
	}); err != nil {
		d.t.Fatal(err)
	}
}

// deleting is pair with a rule that replicates deletions.
func deleting(t *testing.T) *domain {
	t.Helper()
	d := pair(t)
	d.deleteTo(dev)
	return d
}

// batchDelete deletes as ECR does.
func (d *domain) batchDelete(ref resource.Repository, refs ...registry.Reference) {
	d.t.Helper()
	results, err := d.DeleteImages(ctx, root(ref.Registry.Account), ref, refs)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			d.t.Fatalf("%+v: %v", r.Reference, r.Err)
		}
	}
}

// has are the images of a repository, as "number: tags" with the images numbered as given.
func (d *domain) has(ref resource.Repository, images ...digest.Digest) string {
	d.t.Helper()
	all, _, err := d.ListImages(ctx, root(ref.Registry.Account), ref, registry.AnyTagStatus, registry.Page{Limit: 100})
	if err != nil {
		d.t.Fatal(err)
	}
	var lines []string
	for _, image := range all {
		lines = append(lines, fmt.Sprintf("%d%v", slices.Index(images, image.Digest), image.Tags))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

func TestDeletionsAreReplicated(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(d *domain, one, two digest.Digest) // to one with tags a and b, two with c, which replication has brought
		want string
	}{
		"one tag of two": {
			func(d *domain, _, _ digest.Digest) { d.batchDelete(in(prod), registry.Reference{Tag: "a"}) }, "0[b] 1[c]",
		},
		"both tags": {func(d *domain, _, _ digest.Digest) {
			d.batchDelete(in(prod), registry.Reference{Tag: "a"}, registry.Reference{Tag: "b"})
		}, "1[c]"},
		"the last tag": {
			func(d *domain, _, _ digest.Digest) { d.batchDelete(in(prod), registry.Reference{Tag: "c"}) }, "0[a b]",
		},
		"the digest": {
			func(d *domain, one, _ digest.Digest) { d.batchDelete(in(prod), registry.Reference{Digest: one}) }, "1[c]",
		},
		"tag and digest": {func(d *domain, one, _ digest.Digest) {
			d.batchDelete(in(prod), registry.Reference{Tag: "a", Digest: one})
		}, "0[b] 1[c]"},
		"a tag by OCI": {func(d *domain, _, _ digest.Digest) {
			if err := d.DeleteTag(ctx, root(prodAccount), in(prod), "c"); err != nil {
				d.t.Error(err)
			}
		}, "0[a b] 1[]"},
		"a manifest by OCI": {func(d *domain, one, _ digest.Digest) {
			if err := d.DeleteManifest(ctx, root(prodAccount), in(prod), one); err != nil {
				d.t.Error(err)
			}
		}, "1[c]"},
		"all": {func(d *domain, one, two digest.Digest) {
			d.batchDelete(in(prod), registry.Reference{Digest: one}, registry.Reference{Digest: two})
		}, ""},
		// ECR's rule is about images: a repository that is deleted leaves its copies.
		"the repository": {func(d *domain, _, _ digest.Digest) {
			if _, err := d.DeleteRepository(ctx, root(prodAccount), in(prod), true); err != nil {
				d.t.Error(err)
			}
		}, "0[a b] 1[c]"},
		"nothing that is there": {func(d *domain, _, _ digest.Digest) {
			wantCode(d.t, "tag", d.DeleteTag(ctx, root(prodAccount), in(prod), "x"), registry.ImageNotFound)
			wantCode(d.t, "manifest", d.DeleteManifest(ctx, root(prodAccount), in(prod), digest.FromString("x")),
				registry.ImageNotFound)
		}, "0[a b] 1[c]"},
		"a tag that was pushed again": {func(d *domain, one, _ digest.Digest) {
			d.batchDelete(in(prod), registry.Reference{Tag: "c"})
			d.put(in(prod), d.image(in(prod), "one"), "c")
		}, "0[a b c]"},
		"an image that was pushed again": {func(d *domain, one, _ digest.Digest) {
			d.batchDelete(in(prod), registry.Reference{Digest: one})
			d.put(in(prod), d.image(in(prod), "one"), "a")
		}, "0[a] 1[c]"},
		"a tag that a push there has moved": {func(d *domain, _, _ digest.Digest) {
			d.put(in(dev), d.image(in(dev), "two"), "a")
			d.batchDelete(in(prod), registry.Reference{Tag: "a"})
		}, "0[b] 1[a c]"},
		"a tag that was pushed there, too": {func(d *domain, _, _ digest.Digest) {
			d.put(in(dev), d.image(in(dev), "one"), "a")
			d.batchDelete(in(prod), registry.Reference{Tag: "a"})
		}, "0[a b] 1[c]"},
		"an image with a tag from there": {func(d *domain, one, _ digest.Digest) {
			d.put(in(dev), d.image(in(dev), "one"), "mine")
			d.batchDelete(in(prod), registry.Reference{Digest: one})
		}, "0[mine] 1[c]"},
		"an image that was pushed there, too": {func(d *domain, one, _ digest.Digest) {
			d.put(in(dev), d.image(in(dev), "one"))
			d.batchDelete(in(prod), registry.Reference{Digest: one})
		}, "0[] 1[c]"},
		"what is gone there": {func(d *domain, one, _ digest.Digest) {
			d.batchDelete(in(dev), registry.Reference{Digest: one})
			d.batchDelete(in(prod), registry.Reference{Digest: one})
		}, "1[c]"},
	} {
		t.Run(name, func(t *testing.T) {
			d := deleting(t)
			one := d.put(in(prod), d.image(in(prod), "one"), "a", "b")
			two := d.put(in(prod), d.image(in(prod), "two"), "c")
			if d.drain(); d.has(in(dev), one, two) != "0[a b] 1[c]" {
				t.Fatalf("before: %s", d.has(in(dev), one, two))
			}
			c.do(d, one, two)
			d.drain()
			if got := d.has(in(dev), one, two); got != c.want {
				t.Errorf("the destination has %q, want %q", got, c.want)
			}
			if failed := d.list(prod, replication.Outgoing, replication.Failed, 10); len(failed) != 0 {
				t.Errorf("failed: %+v", failed)
			}
		})
	}
}

// Deletions and pushes are tried in any order: the destination ends up as the
// source.
func TestDeletionsAndPushesInAnyOrder(t *testing.T) {
	d := deleting(t)
	images := make([][]byte, 4)
	digests := make([]digest.Digest, 4)
	for i := range images {
		images[i] = d.image(in(prod), fmt.Sprint("content ", i))
		digests[i] = digest.FromBytes(images[i])
	}
	for round := range 6 {
		for step := range 12 {
			i := (round*7 + step*5) % len(images)
			switch step % 4 {
			case 0, 1:
				d.put(in(prod), images[i], fmt.Sprint("t", step%3), fmt.Sprint("u", i))
			case 2:
				_, _ = d.DeleteImages(ctx, root(prodAccount), in(prod), []registry.Reference{{Tag: fmt.Sprint("t", round%3)}})
			case 3:
				_, _ = d.DeleteImages(ctx, root(prodAccount), in(prod), []registry.Reference{{Digest: digests[i]}})
			}
			if step%5 == 4 { // some are tried meanwhile
				ids := d.due()
				for _, id := range ids[len(ids)/2:] {
					if _, err := d.Replicate(ctx, id); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		d.drain()
		if want, got := d.has(in(prod), digests...), d.has(in(dev), digests...); got != want {
			t.Fatalf("round %d: the destination has %q, the source %q", round, got, want)
		}
	}
}

// A child that an index names stays until the index goes, whichever deletion comes first.
func TestDeletionsOfIndexesAndTheirChildren(t *testing.T) {
	for _, order := range []string{"as they come", "the other way"} {
		t.Run(order, func(t *testing.T) {
			d := deleting(t)
			a, b := d.image(in(prod), "a"), d.image(in(prod), "b")
			one, two := d.put(in(prod), a), d.put(in(prod), b)
			index := d.put(in(prod), d.index(a, b), "latest")
			if d.drain(); d.has(in(dev), one, two, index) != "0[] 1[] 2[latest]" {
				t.Fatal(d.has(in(dev), one, two, index))
			}
			d.batchDelete(in(prod), registry.Reference{Digest: index}, registry.Reference{Digest: one})
			ids := d.due()
			if order == "the other way" {
				slices.Reverse(ids)
			}
			for _, id := range ids {
				if _, err := d.Replicate(ctx, id); err != nil {
					t.Fatal(err)
				}
			}
			if got := d.has(in(dev), one, two, index); got != "1[]" {
				t.Errorf("the destination has %q", got)
			}
		})
	}
}

// What another registry has replicated, too, stays until that deletes it.
func TestDeletionsOfOneSourceOfTwo(t *testing.T) {
	d := openStill(t)
	d.grant(dev)
	d.deleteTo(dev)
	if err := d.SetRules(ctx, root(prodAccount), third, []replication.Rule{
		{Destinations: []resource.Registry{dev}, Deletes: new(true)},
	}); err != nil {
		t.Fatal(err)
	}
	var dg digest.Digest
	for _, from := range []resource.Registry{prod, third} {
		d.create(in(from))
		dg = d.put(in(from), d.image(in(from), "one"), "of-"+from.Region)
	}
	d.drain()
	d.batchDelete(in(prod), registry.Reference{Digest: dg})
	d.drain()
	if got := d.has(in(dev), dg); got != "0[of-us-west-2]" {
		t.Errorf("after one: %q", got)
	}
}

// The destination decides, at every deletion; and what it refused is done when it changes.
func TestDestinationDecidesOnDeletions(t *testing.T) {
	for name, c := range map[string]struct {
		refuse, allow func(d *domain) error
	}{
		"the grant is gone": {func(d *domain) error { _, err := d.DeleteRegistryPolicy(ctx, root(devAccount), dev); return err },
			func(d *domain) error { d.grant(dev); return nil }},
		"the repository denies deletions": {func(d *domain) error {
			return d.SetRepositoryPolicy(ctx, root(devAccount), in(dev),
				statement("Deny", prodAccount, "ecr:BatchDeleteImage"), true)
		}, func(d *domain) error { _, err := d.DeleteRepositoryPolicy(ctx, root(devAccount), in(dev)); return err }},
		"the repository denies replication": {func(d *domain) error {
			return d.SetRepositoryPolicy(ctx, root(devAccount), in(dev),
				statement("Deny", prodAccount, "ecr:ReplicateImage"), true)
		}, func(d *domain) error { _, err := d.DeleteRepositoryPolicy(ctx, root(devAccount), in(dev)); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			d := deleting(t)
			dg := d.put(in(prod), d.image(in(prod), "one"), "a")
			d.drain()
			want := d.list(prod, replication.Outgoing, "", 10)[0]
			if err := c.refuse(d); err != nil {
				t.Fatal(err)
			}
			d.batchDelete(in(prod), registry.Reference{Digest: dg})
			d.drain()
			rows := d.list(prod, replication.Outgoing, replication.Failed, 10)
			if len(rows) != 1 || !rows[0].Deletes || rows[0].Failure.Code != denied || rows[0].Failure.Detail != "" ||
				rows[0].Failure.Statement == "" {
				t.Fatalf("%+v", rows)
			}
			r := rows[0]
			if r.Digest != dg || r.Tag != "" || r.Repository != want.Repository || r.Source != prod || r.Destination != dev ||
				r.ImageSize != want.ImageSize || r.MediaType != want.MediaType {
				t.Errorf("%+v, want that of %+v", r, want)
			}
			if got := d.has(in(dev), dg); got != "0[a]" {
				t.Errorf("refused, the destination has %q", got)
			}
			if got := d.list(dev, replication.Incoming, "", 10); slices.ContainsFunc(got,
				func(r replication.Replication) bool { return r.Deletes }) {
				t.Errorf("the destination sees %+v", got)
			}
			if err := c.allow(d); err != nil {
				t.Fatal(err)
			}
			d.drain()
			if got := d.has(in(dev), dg); got != "" {
				t.Errorf("allowed, the destination has %q", got)
			}
			if got := d.list(dev, replication.Incoming, "", 10); len(got) != 1 || !got[0].Deletes || got[0].Digest != dg {
				t.Errorf("the destination sees %+v", got)
			}
		})
	}
}

// A deletion that waits is there after a restart, and one that nobody
// replicates is none.
func TestDeletionsAreDurable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := openStores(t, dir)
	d.create(in(prod))
	d.deleteTo(dev)
	d.grant(dev)
	dg := d.put(in(prod), d.image(in(prod), "one"), "a", "b")
	d.drain()
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := d.DeleteManifest(canceled, root(prodAccount), in(prod), dg); err == nil {
		t.Error("a deletion by a caller who has gone succeeded")
	}
	if n := len(d.due()); n != 0 {
		t.Errorf("%d deletions of an image that is there", n)
	}
	d.batchDelete(in(prod), registry.Reference{Tag: "a"}, registry.Reference{Digest: dg})
	ahead := d.clock.ahead.Load()
	d.close()
	d = openStores(t, dir)
	d.clock.advance(time.Duration(ahead))
	if rows := d.list(prod, replication.Outgoing, replication.InProgress, 10); len(rows) != 2 {
		t.Errorf("waiting after the restart: %+v", rows)
	}
	d.drain()
	if got := d.has(in(dev), dg); got != "" {
		t.Errorf("the destination has %q", got)
	}
	// They are forgotten after a while.
	for _, c := range []struct {
		days time.Duration
		left int
	}{{6, 2}, {2, 0}} {
		d.clock.advance(c.days * 24 * time.Hour)
		if _, err := d.Forget(ctx); err != nil {
			t.Fatal(err)
		}
		if rows := d.list(prod, replication.Outgoing, "", 10); len(rows) != c.left {
			t.Errorf("after %d days more: %+v", c.days, rows)
		}
	}
}

func TestDeletionsGoOnlyWhereARuleSaysSo(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.grant(dev)
	rules := []replication.Rule{
		{Destinations: []resource.Registry{dev}, Deletes: new(false)},
		{Destinations: []resource.Registry{third}, Prefixes: []string{"team/"}, Deletes: new(true)},
		{Destinations: []resource.Registry{dev}, Prefixes: []string{"other"}, Deletes: new(true)},
	}
	if err := d.SetRules(ctx, root(prodAccount), prod, rules); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Rules(ctx, root(prodAccount), prod); err != nil || !*got[1].Deletes || *got[0].Deletes {
		t.Errorf("%+v, %v", got, err)
	}
	dg := d.put(in(prod), d.image(in(prod), "one"), "a")
	d.drain()
	d.batchDelete(in(prod), registry.Reference{Digest: dg})
	d.drain()
	if d.has(in(dev), dg) != "0[a]" || d.has(in(third), dg) != "" {
		t.Errorf("without the rule: %q, with it: %q", d.has(in(dev), dg), d.has(in(third), dg))
	}
}

// What a destination refuses now it may have got before: the deletion goes there,
// too, and is done once it is allowed.
func TestDeletionsOfWhatWasRefused(t *testing.T) {
	refuse := func(d *domain) {
		d.t.Helper()
		if _, err := d.DeleteRegistryPolicy(ctx, root(devAccount), dev); err != nil {
			d.t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		do   func(d *domain, image []byte) // dev has image with the tags a and b, and refuses all that follows
		want string
	}{
		"a tag that was set again": {func(d *domain, image []byte) {
			d.put(in(prod), image, "a")
			d.drain()
			d.batchDelete(in(prod), registry.Reference{Tag: "a"})
		}, "0[b]"},
		"a tag that has moved": {func(d *domain, _ []byte) {
			d.put(in(prod), d.image(in(prod), "two"), "a")
			d.drain()
			d.batchDelete(in(prod), registry.Reference{Tag: "a"})
		}, "0[b]"},
		"an image that was pushed again": {func(d *domain, image []byte) {
			d.put(in(prod), image, "a", "b")
			d.drain()
			d.batchDelete(in(prod), registry.Reference{Digest: digest.FromBytes(image)})
		}, ""},
		"an image that a tag has moved to": {func(d *domain, _ []byte) {
			two := d.put(in(prod), d.image(in(prod), "two"), "a")
			d.drain()
			d.batchDelete(in(prod), registry.Reference{Digest: two})
		}, "0[b]"},
	} {
		t.Run(name, func(t *testing.T) {
			d := deleting(t)
			image := d.image(in(prod), "one")
			one := d.put(in(prod), image, "a", "b")
			if d.drain(); d.has(in(dev), one) != "0[a b]" {
				t.Fatalf("before: %s", d.has(in(dev), one))
			}
			refuse(d)
			c.do(d, image)
			d.drain()
			if got := d.has(in(dev), one); got != "0[a b]" {
				t.Errorf("while it refuses, the destination has %q", got)
			}
			d.grant(dev)
			d.drain()
			if got := strings.ReplaceAll(d.has(in(dev), one), "-1[]", ""); strings.TrimSpace(got) != c.want {
				t.Errorf("the destination has %q, want %q", got, c.want)
			}
		})
	}
}

// A deletion that is tried before anything has come makes no repository, and what
// comes late does not bring back what it has deleted.
func TestDeletionsBeforeAnythingCame(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.grant(dev)
	d.deleteTo(dev)
	one := d.put(in(prod), d.image(in(prod), "one"), "a", "b")
	d.batchDelete(in(prod), registry.Reference{Tag: "a"})
	ids := d.due()
	slices.Reverse(ids)
	for _, id := range ids {
		if _, err := d.Replicate(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	d.drain()
	if got := d.has(in(dev), one); got != "0[b]" {
		t.Errorf("the destination has %q", got)
	}
}

func TestWatchTellsDeletions(t *testing.T) {
	d := deleting(t)
	dg := d.put(in(prod), d.image(in(prod), "one"), "a")
	d.drain()
	source, destination := d.follow(prod), d.follow(dev)
	d.batchDelete(in(prod), registry.Reference{Digest: dg})
	d.drain()
	for _, f := range []*follower{source, destination} {
		f.until(func(e replication.WatchEvent) bool {
			return slices.ContainsFunc(e.Replications, func(r replication.Replication) bool {
				return r.Deletes && r.Digest == dg && r.State == replication.State(metadata.ReplicationComplete)
			})
		})
	}
}

// Images that came with an index are deleted with it, or after it, also if they were
// pushed before there was a rule.
func TestDeletionsOfWhatAnIndexHasBrought(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.grant(dev)
	one, two := d.image(in(prod), "one"), d.image(in(prod), "two")
	child, kept := d.put(in(prod), one), d.put(in(prod), two)
	d.deleteTo(dev)
	index := d.put(in(prod), d.index(one, two), "multi")
	d.drain()
	if got := d.has(in(dev), child, kept, index); got != "0[] 1[] 2[multi]" {
		t.Fatalf("the destination has %s", got)
	}
	if all := d.statuses(in(prod), registry.Reference{Digest: child}); len(all) != 1 ||
		all[0].State != replication.Complete {
		t.Errorf("the child's status: %+v", all)
	}
	d.batchDelete(in(prod), registry.Reference{Tag: "multi"})
	d.batchDelete(in(prod), registry.Reference{Digest: child})
	d.drain()
	if got := d.has(in(dev), child, kept, index); got != "1[]" {
		t.Errorf("the destination has %s, want the other child alone", got)
	}
}
