package registry_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// What one account has left in the store hides nothing of another's, however
// much longer it has been due.
func TestDueReplicationsOfEachRouteAreFound(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev, third)
	raw := d.image(in(prod), "flood")
	for i := range 10 {
		tags := make([]string, 20)
		for j := range tags {
			tags[j] = fmt.Sprint("t", i, "-", j)
		}
		d.put(in(prod), raw, tags...)
	}
	d.clock.advance(time.Minute)
	d.create(in(dev))
	if err := d.SetRules(ctx, root(devAccount), dev, []replication.Rule{
		{Destinations: []resource.Registry{prod}},
	}); err != nil {
		t.Fatal(err)
	}
	d.put(in(dev), d.image(in(dev), "one"), "latest")
	d.clock.advance(2 * time.Second)
	due, _, err := d.Due(ctx, 30)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, r := range due {
		found[r.SourceAccount+" to "+r.DestinationAccount+" in "+r.DestinationRegion]++
	}
	want := map[string]int{
		prodAccount + " to " + devAccount + " in " + dev.Region:    10,
		prodAccount + " to " + prodAccount + " in " + third.Region: 10,
		devAccount + " to " + prodAccount + " in " + prod.Region:   1,
	}
	if fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("found %v, want %v", found, want)
	}
}

// What seems to be due after longer than any delay was stored while the clock was
// ahead, and is due now.
func TestReplicationsOfAClockThatWasAheadAreDue(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev)
	d.clock.advance(24 * time.Hour)
	d.put(in(prod), d.image(in(prod), "one"), "a", "b")
	d.clock.advance(-24 * time.Hour)
	d.put(in(prod), d.image(in(prod), "two"), "c")
	if n := len(d.dueNow()); n != 0 {
		t.Errorf("%d are due before the time of the process that took the push has passed", n)
	}
	for _, id := range d.due() {
		if _, err := d.Replicate(ctx, id); err != nil {
			t.Error(err)
		}
	}
	d.drain()
	for _, tag := range []string{"a", "b", "c"} {
		st := d.statuses(in(prod), registry.Reference{Tag: tag})
		if !slices.ContainsFunc(st, func(st replication.Status) bool {
			return st.State == replication.Failed && st.Tries == 1
		}) {
			t.Errorf("%s: %+v", tag, st)
		}
	}
}

// One push makes no more replications than are soon done; more are refused before
// anything is stored.
func TestReplicationsOfOnePushAreBounded(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	to := []resource.Registry{dev}
	for i := range 24 {
		to = append(to, resource.Registry{Account: fmt.Sprintf("%012d", i), Region: "us-east-1"})
	}
	d.replicateTo(to...)
	raw := d.image(in(prod), "one")
	tags := make([]string, 90)
	for i := range tags {
		tags[i] = fmt.Sprint("t", i)
	}
	_, err := d.PutManifest(ctx, root(prodAccount), in(prod), registry.NewManifest{Bytes: raw, Tags: tags})
	wantCode(t, "2,250 replications", err, registry.LimitExceeded)
	if _, err := d.resolve(in(prod), registry.Reference{Tag: "t0"}); registry.CodeOf(err) != registry.ImageNotFound {
		t.Errorf("a part of the push was stored: %v", err)
	}
	d.put(in(prod), raw, tags[:20]...)
	if n := len(d.due()); n != 500 {
		t.Errorf("%d replications are due, want 500", n)
	}
}

// A look for what is due says when to look again as long as anything waits, also
// if what was due has just been done: nothing else may come to wake the engine.
func TestLooksGoOnWhileAnythingWaits(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(third)
	image := d.image(in(prod), "one")
	const n = 300
	for i := range n {
		d.put(in(prod), image, fmt.Sprint("now-", i))
	}
	d.clock.advance(3 * time.Second)
	due := d.dueNow()
	if len(due) != n {
		t.Fatalf("%d are due, want %d", len(due), n)
	}
	d.put(in(prod), image, "later")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, id := range due {
			if _, err := d.Replicate(ctx, id); err != nil {
				t.Error(err)
			}
		}
	}()
	for waits := true; waits; {
		select {
		case <-done:
			waits = false
		default:
		}
		found, next, err := d.Due(ctx, 1000)
		if err != nil || len(found) == 0 && next.IsZero() {
			t.Fatalf("a look found nothing, and no time for the next: %v", err)
		}
	}
}

// With more routes than a look goes over, looks follow each other until all were
// gone over, and then rest until the first falls due; if any had due
// replications, more of the same may fall due a little later.
func TestLooksRestBetweenManyRoutes(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	image := d.put(in(prod), d.image(in(prod), "one"), "latest")
	r, err := d.meta.Repository(ctx, prodAccount, prod.Region, in(prod).Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	queue := func(from, to int, next time.Time) {
		t.Helper()
		if err := d.meta.Update(ctx, func(tx *metadata.Tx) error {
			for i := from; i < to; i++ {
				row := &metadata.Replication{
					RepositoryID: r.ID, Digest: string(image), Sequence: 1, DestinationAccount: fmt.Sprint(200_000_000_000 + i),
					DestinationRegion: dev.Region, PushedAt: d.clock.now(), NextTryAt: next,
				}
				if err := tx.Replications().Queue(row); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	// rests looks at all routes, and returns how many were due and for how long it rests.
	rests := func() (due int, rest time.Duration) {
		t.Helper()
		for looks := 1; ; looks++ {
			found, next, err := d.Due(ctx, 1000)
			if err != nil || next.IsZero() || looks > 4 {
				t.Fatalf("look %d: next %v, %v", looks, next, err)
			}
			due += len(found)
			if rest = next.Sub(d.clock.now()); rest > 0 {
				return due, rest
			}
		}
	}
	least := 2 * time.Second
	if shared() {
		least = 500 * time.Millisecond // it looks each second
	}
	queue(0, 600, d.clock.now().Add(time.Minute))
	if due, rest := rests(); due != 0 || rest < least || rest > time.Minute {
		t.Errorf("%d are due, and it rests for %v", due, rest)
	}
	queue(600, 601, d.clock.now())
	queue(601, 900, d.clock.now().Add(time.Minute))
	d.clock.advance(time.Millisecond)
	if due, rest := rests(); due != 1 || rest > time.Second {
		t.Errorf("%d are due, and it rests for %v", due, rest)
	}
}
