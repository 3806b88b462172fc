package registry_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

func (d *domain) statistics(id resource.Registry, period, interval time.Duration) replication.Statistics {
	d.t.Helper()
	s, err := d.Statistics(ctx, root(id.Account), id, period, interval)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// run tries what is due with an engine of its own, as another process would,
// until the image's replications have ended.
func (d *domain) run(ref resource.Repository, r registry.Reference) {
	d.t.Helper()
	e := replication.NewEngine(d.replicator, slog.New(slog.DiscardHandler))
	e.Start()
	defer e.Stop()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		open := 0
		for _, st := range d.statuses(ref, r) {
			if st.State == replication.InProgress {
				open++
			}
		}
		if open == 0 {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatal("replications do not end")
		}
	}
}

func TestReplicationStatistics(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	if s := d.statistics(prod, time.Hour, time.Minute); len(s.Destinations) != 0 || s.Interval != time.Minute ||
		s.End.Sub(s.Start) != time.Hour ||
		s.End.Before(d.clock.now()) || s.End.Sub(d.clock.now()) > time.Minute || s.End.Second() != 0 {
		t.Errorf("before anything: %+v", s)
	}
	d.replicateTo(dev, third)
	raw := d.image(in(prod), "one")
	d.put(in(prod), raw, "1", "2")
	s := d.statistics(prod, time.Hour, time.Minute)
	if len(s.Destinations) != 2 {
		t.Fatalf("%+v", s)
	}
	for _, dest := range s.Destinations {
		if !dest.InRules || dest.InProgress != 2 || dest.Failed != 0 || dest.OldestInProgressAt.IsZero() ||
			dest.Intervals != nil || !dest.LastCompletedAt.IsZero() {
			t.Errorf("queued: %+v", dest)
		}
	}
	d.clock.advance(3 * time.Second) // both tried and pushed by the same clock
	for _, tag := range []string{"1", "2"} {
		d.run(in(prod), registry.Reference{Tag: tag})
	}
	d.put(in(prod), raw, "3")
	d.clock.advance(3 * time.Second)
	d.run(in(prod), registry.Reference{Tag: "3"}) // another process
	if err := d.SetRules(ctx, root(prodAccount), prod, []replication.Rule{
		{Destinations: []resource.Registry{third}},
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		period, interval time.Duration
	}{{time.Hour, time.Minute}, {24 * time.Hour, 15 * time.Minute}} {
		s = d.statistics(prod, c.period, c.interval)
		if len(s.Destinations) != 2 || s.Destinations[0].Destination != third || s.Destinations[1].Destination != dev {
			t.Fatalf("%+v", s)
		}
		own, refused := s.Destinations[0], s.Destinations[1]
		if !own.InRules || own.InProgress != 0 || own.Failed != 0 || own.LastCompletedAt.IsZero() ||
			!own.LastFailedAt.IsZero() || !own.OldestInProgressAt.IsZero() {
			t.Errorf("%+v", own)
		}
		if refused.InRules || refused.Failed != 3 || refused.LastFailedAt.IsZero() || !refused.LastCompletedAt.IsZero() {
			t.Errorf("%+v", refused)
		}
		var sum replication.Interval
		for _, i := range own.Intervals {
			sum.Completed += i.Completed
			sum.Failed += i.Failed
			sum.Bytes += i.Bytes
			sum.LagMax = max(sum.LagMax, i.LagMax)
			if i.Time.Before(s.Start) || !i.Time.Before(s.End) || !i.Time.Truncate(c.interval).Equal(i.Time) || i.LagP50 <= 0 ||
				i.LagP50 > i.LagP99 || i.LagP99 > i.LagMax {
				t.Errorf("%+v", i)
			}
		}
		if sum.Completed != 3 || sum.Failed != 0 || sum.Bytes != 3*int64(len("{}one")) || sum.LagMax < 3*time.Second {
			t.Errorf("completed: %+v", sum)
		}
		failed := int64(0)
		for _, i := range refused.Intervals {
			failed += i.Failed
		}
		if failed != 3 {
			t.Errorf("failed: %+v", refused.Intervals)
		}
	}
	if s := d.statistics(dev, time.Hour, time.Minute); len(s.Destinations) != 0 {
		t.Errorf("the destination's: %+v", s)
	}
	d.clock.advance(2 * time.Hour)
	if s := d.statistics(prod, time.Hour, time.Minute); len(s.Destinations) != 2 || s.Destinations[0].Intervals != nil ||
		s.Destinations[0].LastCompletedAt.IsZero() {
		t.Errorf("hours later: %+v", s)
	}
	d.clock.advance(24 * time.Hour)
	if _, err := d.Forget(ctx); err != nil {
		t.Fatal(err)
	}
	d.clock.advance(-24 * time.Hour)
	if s := d.statistics(prod, 24*time.Hour, time.Minute); !s.Destinations[0].LastCompletedAt.IsZero() {
		t.Errorf("they were not forgotten: %+v", s)
	}
	for _, c := range []struct {
		period, interval time.Duration
	}{{time.Hour, 0}, {time.Hour, time.Second}, {time.Hour, 7 * time.Minute}, {25 * time.Hour, time.Hour},
		{0, time.Minute}, {-time.Hour, time.Minute}} {
		_, err := d.Statistics(ctx, root(prodAccount), prod, c.period, c.interval)
		wantCode(t, c.period.String(), err, registry.InvalidParameter)
	}
}
