package registry_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// compare compares prod with dev in pages, and returns the differences as texts,
// in the order in which they came.
func (d *domain) compare(r replication.CompareRequest, limit int) (differences []string, compared, queued int) {
	d.t.Helper()
	r.Destination = dev
	for after := ""; ; {
		page, err := d.Compare(d.t.Context(), root(prodAccount), prod, r, registry.Page{After: after, Limit: limit})
		if err != nil {
			d.t.Fatal(err)
		}
		if len(page.Differences) > limit {
			d.t.Errorf("a page of %d has %d differences", limit, len(page.Differences))
		}
		for _, one := range page.Differences {
			differences = append(differences, fmt.Sprintf("%s %s:%s %s", one.Kind, one.Repository, one.Tag, one.Digest))
		}
		compared += page.Compared
		queued += page.Queued
		if after = page.Next; after == "" {
			return differences, compared, queued
		}
	}
}

// await waits until something has come to be.
func (d *domain) await(what string, is func() bool) {
	d.t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("it does not come to be that %s", what)
		}
	}
}

// What was pushed before there was a rule is lacking, and repair brings it.
func TestCompareWithANewDestination(t *testing.T) {
	d := openStill(t)
	d.grant(dev)
	images := 0
	var want []string
	push := func(name, content string, tags ...string) {
		image := d.put(resource.Repository{Registry: prod, Name: name}, d.image(resource.Repository{
			Registry: prod, Name: name,
		}, content), tags...)
		if len(tags) == 0 {
			tags = []string{""}
		}
		for _, tag := range tags {
			images++
			want = append(want, fmt.Sprintf("LACKING %s:%s %s", name, tag, image))
		}
	}
	for i := range 12 {
		name := fmt.Sprintf("app/%02d", i)
		d.create(resource.Repository{Registry: prod, Name: name})
		for k := range i % 4 {
			push(name, fmt.Sprint("content", k), fmt.Sprintf("v%d", k), fmt.Sprintf("v%d.0", k))
		}
		push(name, "untagged")
	}
	for _, name := range []string{"app2", "tools", "tool"} {
		d.create(resource.Repository{Registry: prod, Name: name})
		for k := range 150 {
			push(name, fmt.Sprint("content", k), fmt.Sprintf("v%d", k))
		}
	}
	d.create(resource.Repository{Registry: prod, Name: "other"}) // which no rule sends
	d.put(resource.Repository{Registry: prod, Name: "other"}, d.image(resource.Repository{
		Registry: prod, Name: "other",
	}, "x"), "1")
	if err := d.SetRules(t.Context(), root(prodAccount), prod, []replication.Rule{
		{Destinations: []resource.Registry{dev}, Prefixes: []string{"tool", "app/0"}},
		{Destinations: []resource.Registry{dev}, Prefixes: []string{"app", "tools"}},
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	for _, limit := range []int{1000, 100, 7} {
		got, compared, _ := d.compare(replication.CompareRequest{}, limit)
		if compared != images {
			t.Errorf("%d of %d images were compared", compared, images)
		}
		if !slices.IsSortedFunc(got, func(a, b string) int {
			return strings.Compare(repositoryIn(a), repositoryIn(b))
		}) {
			t.Error("the differences are not in order of their repositories")
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("with pages of %d there are %d differences, not %d", limit, len(got), len(want))
		}
	}
	one, compared, _ := d.compare(replication.CompareRequest{Repository: "tool"}, 40)
	if len(one) != 150 || compared != 150 {
		t.Errorf("in one repository %d of %d images differ", len(one), compared)
	}
	if _, _, queued := d.compare(replication.CompareRequest{Repair: true}, 100); queued != images {
		t.Errorf("%d of %d images were queued", queued, images)
	}
	if _, _, queued := d.compare(replication.CompareRequest{Repair: true}, 100); queued != 0 {
		t.Errorf("%d were queued that are on their way", queued)
	}
	d.drain()
	if got, compared, _ := d.compare(replication.CompareRequest{}, 100); len(got) != 0 || compared != images {
		t.Errorf("after the repair %d of %d images differ", len(got), compared)
	}
}

func repositoryIn(difference string) string {
	_, rest, _ := strings.Cut(difference, " ")
	name, _, _ := strings.Cut(rest, ":")
	return name
}

// Repairs beside pushes, deletions and changes at the destination never bring an
// older image back: in the end the destination has what the source has.
func TestRepairsBesidePushes(t *testing.T) {
	d := open(t)
	d.grant(dev)
	deletes := true
	if err := d.SetRules(t.Context(), root(prodAccount), prod, []replication.Rule{
		{Destinations: []resource.Registry{dev}, Deletes: &deletes},
	}); err != nil {
		t.Fatal(err)
	}
	ref, copied := in(prod), in(dev)
	d.create(ref)
	manifests := make([][]byte, 8)
	for i := range manifests {
		manifests[i] = d.image(ref, fmt.Sprint("content", i))
	}
	d.put(ref, manifests[0], "tag0")
	d.status(ref, registry.Reference{Tag: "tag0"}, replication.Complete)
	tag := func() string { return fmt.Sprintf("tag%d", rand.N(4)) }
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			for range 40 {
				d.put(ref, manifests[rand.N(len(manifests))], tag())
				if rand.N(4) == 0 {
					if err := d.DeleteTag(t.Context(), root(prodAccount), ref, tag()); err != nil &&
						registry.CodeOf(err) != registry.ImageNotFound {
						t.Error(err)
					}
				}
			}
		})
	}
	running.Go(func() {
		for range 40 {
			if err := d.DeleteTag(t.Context(), root(devAccount), copied, tag()); err != nil &&
				registry.CodeOf(err) != registry.ImageNotFound {
				t.Error(err)
			}
		}
	})
	for range 2 {
		running.Go(func() {
			for range 20 {
				d.compare(replication.CompareRequest{Repair: true}, 100)
			}
		})
	}
	running.Wait()
	d.await("all replications end", func() bool {
		list, _, err := d.List(t.Context(), root(prodAccount), prod, replication.Outgoing, replication.InProgress,
			registry.Page{Limit: 1})
		return err == nil && len(list) == 0
	})
	d.compare(replication.CompareRequest{Repair: true}, 100)
	for i := range 4 {
		name := fmt.Sprintf("tag%d", i)
		want, err := d.resolve(ref, registry.Reference{Tag: name})
		if err != nil && registry.CodeOf(err) != registry.ImageNotFound {
			t.Fatal(err)
		}
		var got digest.Digest
		d.await(name+" is the same", func() bool {
			got, err = d.resolve(copied, registry.Reference{Tag: name})
			return got == want
		})
	}
	if got, _, _ := d.compare(replication.CompareRequest{}, 100); len(got) != 0 {
		t.Errorf("these differ: %q", got)
	}
}

// What waits already bounds what repair queues: it goes as far as there is room.
func TestRepairIsBounded(t *testing.T) {
	d := openStill(t)
	d.grant(dev)
	d.replicateTo(dev, third)
	const repositories, images, waiting = 20, 300, 50000
	for n := range repositories {
		ref := resource.Repository{Registry: prod, Name: fmt.Sprintf("app%02d", n)}
		d.create(ref)
		r, err := d.meta.Repository(t.Context(), prod.Account, prod.Region, ref.Name, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = d.meta.Update(t.Context(), func(tx *metadata.Tx) (err error) {
			for i := range images {
				text := fmt.Appendf(nil, `{"schemaVersion":2,"annotations":{"n":"%d %d"}}`, n, i)
				m := metadata.Manifest{
					Digest: digest.FromBytes(text).String(), Size: int64(len(text)), PushedAt: d.clock.now(),
				}
				err = errors.Join(err, tx.Images().Put(r, m, text, nil),
					tx.Tags().Set(r, metadata.Tag{Name: fmt.Sprint("v", i), Digest: m.Digest, Sequence: int64(i + 1)},
						m.PushedAt))
				for k := range waiting / repositories / images {
					err = errors.Join(err, tx.Replications().Queue(&metadata.Replication{
						RepositoryID: r.ID, Digest: m.Digest, Tag: fmt.Sprint("w", k), Sequence: int64(k + 1),
						DestinationAccount: third.Account, DestinationRegion: third.Region, PushedAt: m.PushedAt,
						NextTryAt: m.PushedAt,
					}))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	queued, differences, after := 0, 0, ""
	for {
		page, err := d.Compare(t.Context(), root(prodAccount), prod, replication.CompareRequest{
			Destination: dev, Repair: true,
		}, registry.Page{After: after, Limit: 700})
		if err != nil {
			if registry.CodeOf(err) != registry.Throttled || !errors.Is(err, replication.ErrWaitingRoomFull) {
				t.Errorf("without room it is %v", err)
			}
			break
		}
		if queued, differences = queued+page.Queued, differences+len(page.Differences); page.Next == "" {
			t.Fatalf("%d were queued beside %d that wait", queued, waiting)
		}
		after = page.Next
	}
	const letIn = 5000 // before the process counts what waits
	if queued != differences || queued > letIn || queued < letIn-200 {
		t.Errorf("%d of %d differences were queued, want about %d", queued, differences, letIn)
	}
}
