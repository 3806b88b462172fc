package registry_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// follower watches a registry.
type follower struct {
	t      testing.TB
	events chan replication.WatchEvent
	stop   func() error
}

// follow begins to watch, and returns when changes are reported.
func (d *domain) follow(id resource.Registry) *follower {
	d.t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	f := &follower{t: d.t, events: make(chan replication.WatchEvent, 10000)}
	ended := make(chan error, 1)
	go func() {
		ended <- d.Watch(ctx, root(id.Account), id, func(e replication.WatchEvent) error { f.events <- e; return nil })
	}()
	f.stop = func() error {
		cancel()
		select {
		case err := <-ended:
			ended <- err
			return err
		case <-time.After(10 * time.Second):
			return errors.New("the watch did not end")
		}
	}
	d.t.Cleanup(func() { _ = f.stop() })
	select {
	case e := <-f.events:
		if e.Replications != nil || e.Repositories != nil || e.Registry || e.Lost {
			d.t.Errorf("the first event: %+v", e)
		}
	case <-time.After(10 * time.Second):
		d.t.Fatal("the watch does not begin")
	}
	return f
}

// until takes events until all the wishes have come true, in whatever order.
func (f *follower) until(wishes ...func(replication.WatchEvent) bool) {
	f.t.Helper()
	var got []replication.WatchEvent
	for deadline := time.After(10 * time.Second); len(wishes) > 0; {
		select {
		case e := <-f.events:
			got = append(got, e)
			wishes = slices.DeleteFunc(wishes, func(wish func(replication.WatchEvent) bool) bool { return wish(e) })
		case <-deadline:
			f.t.Fatalf("%d things were not reported; what was: %+v", len(wishes), got)
		}
	}
}

// silent makes sure that nothing is reported for a while.
func (f *follower) silent() {
	f.t.Helper()
	select {
	case e := <-f.events:
		f.t.Errorf("reported: %+v", e)
	case <-time.After(300 * time.Millisecond):
	}
}

func reported(direction replication.Direction, state replication.State, tag string) func(replication.WatchEvent) bool {
	return func(e replication.WatchEvent) bool {
		return e.Direction == direction && slices.ContainsFunc(e.Replications, func(r replication.Replication) bool {
			return r.State == state && r.Tag == tag
		})
	}
}

func changed(repository string) func(replication.WatchEvent) bool {
	return func(e replication.WatchEvent) bool { return slices.Contains(e.Repositories, repository) }
}

func settings(e replication.WatchEvent) bool { return e.Registry }

func TestWatch(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev)
	source, destination, other := d.follow(prod), d.follow(dev), d.follow(third)
	d.put(in(prod), d.image(in(prod), "one"), "1")
	source.until(reported(replication.Outgoing, replication.InProgress, "1"), changed("team/app"))
	d.drain()
	source.until(reported(replication.Outgoing, replication.Failed, "1"))
	destination.silent() // what it has refused is none of its business
	d.grant(dev)
	d.resume() // which makes it due again
	source.until(reported(replication.Outgoing, replication.InProgress, "1"))
	destination.until(settings)
	d.drain()
	source.until(reported(replication.Outgoing, replication.Complete, "1"))
	destination.until(reported(replication.Incoming, replication.Complete, "1"), changed("team/app"))

	// One that has arrived, and is on its way again before the destination is notified.
	raw := d.image(in(prod), "one")
	for range 3 {
		d.put(in(prod), raw, "1")
		d.drain()
		d.put(in(prod), raw, "1")
		time.Sleep(100 * time.Millisecond)
	}
	for len(destination.events) > 0 {
		for _, r := range (<-destination.events).Replications {
			if r.State != replication.Complete {
				t.Errorf("reported to the destination: %+v", r)
			}
		}
	}
	c := root(prodAccount)
	for _, do := range []func() error{
		func() error { return d.DeleteTag(ctx, c, in(prod), "1") },
		func() error {
			return d.SetRepositoryPolicy(ctx, c, in(prod), statement("Allow", devAccount, "ecr:BatchGetImage"), false)
		},
		func() error { _, err := d.DeleteRepositoryPolicy(ctx, c, in(prod)); return err },
		func() error { return d.TagResource(ctx, c, in(prod), []resource.Tag{{Key: "k", Value: "v"}}) },
		func() error { _, err := d.SetTagMutability(ctx, c, in(prod), registry.Immutable, nil); return err },
		func() error { d.put(in(prod), d.image(in(prod), "two"), "2"); return nil },
		func() error { _, err := d.DeleteRepository(ctx, c, in(prod), true); return err },
	} {
		if err := do(); err != nil {
			t.Error(err)
		}
		source.until(changed("team/app"))
	}
	d.create(resource.Repository{Registry: prod, Name: "new"})
	source.until(changed("new"))
	if err := d.SetRules(ctx, root(prodAccount), prod, nil); err != nil {
		t.Error(err)
	}
	source.until(settings)
	other.silent()
	if err := source.stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	refused := errors.New("the client has gone")
	if err := d.Watch(ctx, root(prodAccount), prod, func(replication.WatchEvent) error { return refused }); !errors.Is(err,
		refused) {
		t.Errorf("ended with %v", err)
	}
}

func TestWatchTellsOfRetries(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev)
	d.put(in(prod), d.image(in(prod), "one"), "1")
	d.drain()
	source := d.follow(prod)
	if _, _, err := d.Retry(ctx, root(prodAccount), prod, ids(d.list(prod, replication.Outgoing, "", 10))); err != nil {
		t.Fatal(err)
	}
	source.until(reported(replication.Outgoing, replication.InProgress, "1"))
	fix := refuseTags(t, d.dir, devAccount)
	d.grant(dev)
	if _, err := d.Replicate(ctx, d.dueNow()[0]); err != nil {
		t.Fatal(err)
	}
	source.until(func(e replication.WatchEvent) bool {
		return slices.ContainsFunc(e.Replications, func(r replication.Replication) bool {
			return r.Tries == 1 && r.Failure.Code == "InternalError"
		})
	})
	fix()
}

// Whoever does not keep up is notified of it, and costs no memory.
func TestWatchIsBounded(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.replicateTo(dev, third)
	source := d.follow(prod)
	raw := d.image(in(prod), "one")
	for n := range 3 {
		var tags []string
		for i := range 100 {
			tags = append(tags, fmt.Sprintf("t%d-%d", n, i))
		}
		d.put(in(prod), raw, tags...)
	}
	seen := map[int64]bool{}
	for deadline := time.After(10 * time.Second); len(seen) < 600; {
		select {
		case e := <-source.events:
			if e.Lost {
				return
			}
			if len(e.Replications) > 500 {
				t.Fatalf("%d replications at once", len(e.Replications))
			}
			for _, r := range e.Replications {
				seen[r.ID] = true
			}
		case <-deadline:
			t.Fatalf("neither all are reported nor that some were lost: %d", len(seen))
		}
	}
}

// On shared stores there are other processes.
func TestWatchSeesOtherProcesses(t *testing.T) {
	d := pair(t)
	if !d.meta.Shared() {
		t.Skip("nobody else writes to embedded stores: run with TEST_STORES=shared")
	}
	d.put(in(prod), d.image(in(prod), "zero"), "0")
	source, destination := d.follow(prod), d.follow(dev)
	other := openStores(t, d.dir)
	other.put(in(prod), other.image(in(prod), "one"), "1")
	source.until(reported(replication.Outgoing, replication.InProgress, "1"))
	other.drain()
	source.until(reported(replication.Outgoing, replication.Complete, "1"))
	destination.until(reported(replication.Incoming, replication.Complete, "1"))
	// And nothing is reported again each time that it looks.
	time.Sleep(2500 * time.Millisecond)
	for _, events := range []chan replication.WatchEvent{source.events, destination.events} {
		for len(events) > 0 {
			<-events
		}
	}
	for range 8 {
		source.silent()
	}
	// What has no replication is announced.
	if err := other.SetRules(ctx, root(prodAccount), prod, nil); err != nil {
		t.Fatal(err)
	}
	other.create(resource.Repository{Registry: prod, Name: "new"})
	source.until(settings, changed("new"))
	destination.silent()
	other.replicateTo(dev)
	source.until(settings)
	// A commit that comes later than it says.
	other.put(in(prod), other.image(in(prod), "two"), "late")
	row := other.list(prod, replication.Outgoing, replication.InProgress, 1)[0]
	source.until(reported(replication.Outgoing, replication.InProgress, "late"))
	stored, err := other.meta.Read(ctx).Replications().Get(row.ID)
	if err != nil {
		t.Fatal(err)
	}
	stored.State, stored.ChangedAt = metadata.ReplicationFailed, stored.ChangedAt.Add(-time.Second)
	if err := other.meta.Update(ctx, func(tx *metadata.Tx) error { return tx.Replications().Save(stored) }); err != nil {
		t.Fatal(err)
	}
	source.until(reported(replication.Outgoing, replication.Failed, "late"))
	if strings.Contains(fmt.Sprint(source.stop()), "not end") {
		t.Error("it does not end")
	}
}

// Who cannot hear for a while is notified that something may have been missed.
func TestWatchSurvivesALostLine(t *testing.T) {
	d := openStill(t)
	known, ok := sharedEngines.Load(d.dir)
	if !ok {
		t.Skip("embedded stores have no line: run with TEST_STORES=shared")
	}
	d.create(in(prod))
	source := d.follow(prod)
	db, err := sql.Open("pgx", known.(engines).database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var cut int
	if err := db.QueryRow(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()
		AND query LIKE 'LISTEN%'`).Scan(&cut); err != nil || cut != 1 {
		t.Fatalf("%d lines were cut, %v", cut, err)
	}
	source.until(func(e replication.WatchEvent) bool { return e.Lost })
	other := openStores(t, d.dir)
	other.create(resource.Repository{Registry: prod, Name: "new"})
	source.until(changed("new"))
	if err := source.stop(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// Nobody watches: nobody listens.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var listening int
		if err := db.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND query LIKE 'LISTEN%'`).Scan(&listening); err != nil || time.Now().After(deadline) {
			t.Fatalf("%d still listen, %v", listening, err)
		}
		if listening == 0 {
			break
		}
	}
}
