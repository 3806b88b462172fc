package registry_test

import (
	"testing"
	"time"

	"github.com/twinport/twinport/internal/registry"
)

// A fault of the server's delays one replication, longer each time, and none
// of the others; a restart keeps the delay.
func TestFaultsAreTriedAgainWithGrowingDelays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := openStores(t, dir)
	d.create(in(prod))
	d.replicateTo(dev, third)
	d.grant(dev)
	d.create(in(dev))
	mend := refuseTags(t, dir, devAccount)
	dg := d.put(in(prod), d.image(in(prod), "one"), "latest")
	toDev := func() registry.ReplicationStatus {
		t.Helper()
		for _, st := range d.statuses(in(prod), registry.Reference{Tag: "latest"}) {
			if st.Destination == dev {
				return st
			}
		}
		t.Fatal("no replication to dev")
		return registry.ReplicationStatus{}
	}
	least := 500 * time.Millisecond
	d.clock.advance(2 * time.Second)
	tryDue := func() {
		t.Helper()
		for _, id := range d.dueNow() {
			if _, err := d.Replicate(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
	}
	for try := 1; try <= 12; try++ {
		before := d.clock.now()
		tryDue()
		took := d.clock.now().Sub(before)
		st := toDev()
		delay := st.NextTryAt.Sub(before)
		if st.State != registry.ReplicationInProgress || st.Tries != try || st.Failure.Code != "InternalError" || !st.FinishedAt.IsZero() {
			t.Fatalf("try %d: %+v", try, st)
		}
		if delay < least || delay > 2*least+took {
			t.Errorf("after try %d it waits %v, want %v to %v", try, delay, least, 2*least)
		}
		// Where there may be other processes, it looks for what they left before.
		// On a machine that stood still the replication may have fallen due meanwhile.
		_, next, err := d.DueReplications(ctx, 1)
		fellDue := !st.NextTryAt.After(d.clock.now())
		if err != nil || !fellDue && !next.Equal(st.NextTryAt) && !(shared() && next.Before(st.NextTryAt)) {
			t.Errorf("next: %v, %v", next, err)
		}
		least = min(2*least, 150*time.Second)
		d.clock.advance(time.Until(st.NextTryAt) - time.Until(d.clock.now()) + time.Millisecond)
	}
	if _, err := d.resolve(in(third), registry.Reference{Tag: "latest"}); err != nil {
		t.Errorf("the other destination: %v", err)
	}
	if _, err := d.resolve(in(dev), registry.Reference{Digest: dg}); registry.CodeOf(err) != registry.ImageNotFound {
		t.Errorf("a part of a copy that failed is there: %v", err)
	}
	tryDue()
	before := toDev()
	d.close()
	mend()
	ahead := d.clock.ahead.Load()
	d = openStores(t, dir)
	d.clock.advance(time.Duration(ahead))
	if after := toDev(); after != before || len(d.dueNow()) != 0 {
		t.Errorf("after the restart: %+v, before it: %+v", after, before)
	}
	d.clock.advance(10 * time.Minute)
	d.drain()
	if st := toDev(); st.State != registry.ReplicationComplete || st.Failure.Code != "" || st.Failure.Reason != "" {
		t.Errorf("at the end: %+v", st)
	}
	if got, err := d.resolve(in(dev), registry.Reference{Tag: "latest"}); err != nil || got != dg {
		t.Errorf("%s, %v", got, err)
	}
}
