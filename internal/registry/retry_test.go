package registry_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
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
	fix := refuseTags(t, dir, devAccount)
	dg := d.put(in(prod), d.image(in(prod), "one"), "latest")
	toDev := func() replication.Status {
		t.Helper()
		for _, st := range d.statuses(in(prod), registry.Reference{Tag: "latest"}) {
			if st.Destination == dev {
				return st
			}
		}
		t.Fatal("no replication to dev")
		return replication.Status{}
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
		if st.State != replication.InProgress || st.Tries != try || st.Failure.Code != "InternalError" ||
			!st.FinishedAt.IsZero() {
			t.Fatalf("try %d: %+v", try, st)
		}
		if delay < least || delay > 2*least+took {
			t.Errorf("after try %d it waits %v, want %v to %v", try, delay, least, 2*least)
		}
		// Where there may be other processes, it looks for what they left before.
		// On a machine that stood still the replication may have fallen due meanwhile.
		_, next, err := d.Due(ctx, 1)
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
	fix()
	ahead := d.clock.ahead.Load()
	d = openStores(t, dir)
	d.clock.advance(time.Duration(ahead))
	if after := toDev(); after != before || len(d.dueNow()) != 0 {
		t.Errorf("after the restart: %+v, before it: %+v", after, before)
	}
	d.clock.advance(10 * time.Minute)
	d.drain()
	if st := toDev(); st.State != replication.Complete || st.Failure.Code != "" || st.Failure.Reason != "" {
		t.Errorf("at the end: %+v", st)
	}
	if got, err := d.resolve(in(dev), registry.Reference{Tag: "latest"}); err != nil || got != dg {
		t.Errorf("%s, %v", got, err)
	}
}

// interrupted is a store in which tries of replications fail, each after what
// others do meanwhile.
type interrupted struct {
	metadata.Store
	meanwhile func()
}

func (s *interrupted) UpdateFirst(ctx context.Context, fn func(*metadata.Tx) error) error {
	err := s.Store.UpdateFirst(ctx, func(tx *metadata.Tx) error { return errors.Join(fn(tx), errors.New("injected")) })
	s.meanwhile()
	return err
}

// What a try met is not recorded once the replication is not that try's any
// more: it was pushed anew meanwhile, or others have tried it.
func TestFaultOfAnEarlierTryIsNotRecorded(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(third)
	image := d.image(in(prod), "one")
	store := &interrupted{Store: d.meta}
	_, other, err := replication.Open(ctx, registry.Config{
		Metadata: store, Blobs: d.blobs, Accounts: []string{prodAccount, devAccount},
		Regions: []string{"us-east-1", "us-west-2"},
		Grace:   time.Hour, Logger: slog.New(slog.DiscardHandler), Now: d.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	of := func(tag string) replication.Status { return d.statuses(in(prod), registry.Reference{Tag: tag})[0] }
	for what, meanwhile := range map[string]func(tag string, id int64) error{
		"a push": func(tag string, _ int64) error {
			_, err := d.PutManifest(ctx, root(prodAccount), in(prod), registry.NewManifest{Bytes: image, Tags: []string{tag}})
			return err
		},
		"another try": func(_ string, id int64) error {
			_, err := d.Replicate(ctx, id)
			return err
		},
	} {
		tag := strings.ReplaceAll(what, " ", "-")
		d.put(in(prod), image, tag)
		d.clock.advance(3 * time.Second)
		id := d.dueNow()[0]
		var before replication.Status
		store.meanwhile = func() {
			if err := meanwhile(tag, id); err != nil {
				t.Error(err)
			}
			before = of(tag)
		}
		if _, err := other.Replicate(ctx, id); !errors.Is(err, metadata.ErrNotFound) {
			t.Errorf("%s: the try ends with %v", what, err)
		}
		if after := of(tag); after != before || after.Failure.Code != "" {
			t.Errorf("%s: %+v, then %+v", what, before, after)
		}
		d.clock.advance(3 * time.Second)
		d.drain()
	}
}
