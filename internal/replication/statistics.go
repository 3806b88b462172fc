package replication

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// Interval is how replications to a destination ended in a part of
// the period.
type Interval struct {
	Time      time.Time // its beginning
	Completed int64
	Failed    int64
	Bytes     int64 // of the images that were completed
	// Of these: the time from the push. Half, and all but one in a hundred, took
	// no longer than the first two, which are up to a fifth too large.
	LagP50, LagP99, LagMax time.Duration
}

// DestinationStatistics is how replications to one destination go.
type DestinationStatistics struct {
	Destination resource.Registry
	Peer        string // name of the one that serves it; "" for this deployment
	InRules     bool   // of what is pushed now
	// InProgress and Failed ones there are now. All destinations together are
	// counted up to maxCounted.
	InProgress         int
	Failed             int
	OldestInProgressAt time.Time // when it was pushed; zero if none is
	LastCompletedAt    time.Time // zero if none was within what is kept
	LastFailedAt       time.Time
	Intervals          []Interval // those in which any ended, in order
}

// Statistics is how a registry's replications went from Start to End.
type Statistics struct {
	Start, End   time.Time
	Interval     time.Duration
	Destinations []DestinationStatistics // of the rules, and of what was counted; in order
}

const (
	// statisticsKept is for how long counts are kept: a day, and the hour in
	// which it begins.
	statisticsKept = 25 * time.Hour
	// maxCounted is how many replications in one state are counted.
	maxCounted = 10000
)

// Statistics of the last period, until now, cut into intervals:
// InvalidParameter unless these are whole minutes and part the period.
func (s *Service) Statistics(ctx context.Context, c access.Caller, id resource.Registry, period,
	interval time.Duration) (Statistics, error) {
	reg, err := s.registry.Settings(ctx, c, id, access.DescribeRegistry)
	if err != nil {
		return Statistics{}, err
	}
	if interval < time.Minute || interval%time.Minute != 0 || period < interval || period%interval != 0 ||
		period > 24*time.Hour {
		return Statistics{}, registry.Errorf(registry.InvalidParameter, "Statistics of %v in parts of %v: the parts must "+
			"be whole minutes, and the period at most a day", period, interval)
	}
	rules, err := s.outbox.rules(id, reg.Replication)
	if err != nil {
		return Statistics{}, err
	}
	end := s.now().UTC().Truncate(interval).Add(interval)
	out := Statistics{Start: end.Add(-period), End: end, Interval: interval}
	sum := statisticsSum{Statistics: out, destinations: map[resource.Registry]*destinationSum{}}
	for _, r := range rules {
		for _, d := range r.Destinations {
			sum.of(d).InRules = true
		}
	}
	if err := s.sumUp(ctx, reg.ID, &sum); err != nil {
		return Statistics{}, fmt.Errorf("sum up the replications of %s: %w", id, err)
	}
	for _, d := range sum.destinations {
		for _, p := range d.parts {
			d.Intervals = append(d.Intervals, p.interval())
		}
		d.Peer = s.outbox.peerName(d.Destination)
		out.Destinations = append(out.Destinations, d.DestinationStatistics)
	}
	slices.SortFunc(out.Destinations, func(a, b DestinationStatistics) int {
		return cmp.Or(cmp.Compare(a.Destination.Account, b.Destination.Account),
			cmp.Compare(a.Destination.Region, b.Destination.Region))
	})
	return out, nil
}

// statisticsSum is being summed up.
type statisticsSum struct {
	Statistics
	destinations map[resource.Registry]*destinationSum
}

type destinationSum struct {
	DestinationStatistics
	parts []partSum // in order
}

// partSum is an interval with what its quantiles are of.
type partSum struct {
	Interval
	lags lagHistogram
}

func (sum *statisticsSum) of(id resource.Registry) *destinationSum {
	d := sum.destinations[id]
	if d == nil {
		d = &destinationSum{DestinationStatistics: DestinationStatistics{Destination: id}}
		sum.destinations[id] = d
	}
	return d
}

// add a count; they come in order of time.
func (sum *statisticsSum) add(c *metadata.ReplicationCount) error {
	d := sum.of(resource.Registry{Account: c.DestinationAccount, Region: c.DestinationRegion})
	d.LastCompletedAt, d.LastFailedAt = later(d.LastCompletedAt, c.LastCompletedAt), later(d.LastFailedAt, c.LastFailedAt)
	if c.Minute.Before(sum.Start) || !c.Minute.Before(sum.End) {
		return nil
	}
	at := c.Minute.Truncate(sum.Interval)
	if n := len(d.parts); n == 0 || !d.parts[n-1].Time.Equal(at) {
		d.parts = append(d.parts, partSum{Interval: Interval{Time: at}})
	}
	p := &d.parts[len(d.parts)-1]
	p.Completed, p.Failed, p.Bytes = p.Completed+c.Completed, p.Failed+c.Failed, p.Bytes+c.Bytes
	p.LagMax = max(p.LagMax, c.MaxLag)
	lags, err := decodeLags(c.Lags)
	p.lags.merge(&lags)
	return err
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (p *partSum) interval() Interval {
	p.LagP50, p.LagP99 = min(p.lags.quantile(0.5), p.LagMax), min(p.lags.quantile(0.99), p.LagMax)
	return p.Interval
}

func (s *Service) sumUp(ctx context.Context, registry int64, sum *statisticsSum) error {
	q := s.meta.Read(ctx)
	since := s.now().Add(-statisticsKept)
	waiting := func(state string) metadata.Answer[[]metadata.WaitingReplications] {
		return metadata.Ask(q, func(q *metadata.Queries) ([]metadata.WaitingReplications, error) {
			return q.Replications().Waiting(registry, state, maxCounted)
		})
	}
	inProgress, failed := waiting(metadata.ReplicationInProgress), waiting(metadata.ReplicationFailed)
	counts := metadata.Ask(q, func(q *metadata.Queries) (struct{}, error) {
		return struct{}{}, q.Replications().Counts(registry, since, sum.add)
	})
	rows, err := inProgress.Get()
	if err != nil {
		return err
	}
	for _, w := range rows {
		d := sum.of(resource.Registry{Account: w.DestinationAccount, Region: w.DestinationRegion})
		d.InProgress, d.OldestInProgressAt = int(w.Number), w.OldestPush
	}
	if rows, err = failed.Get(); err != nil {
		return err
	}
	for _, w := range rows {
		sum.of(resource.Registry{Account: w.DestinationAccount, Region: w.DestinationRegion}).Failed = int(w.Number)
	}
	_, err = counts.Get()
	return err
}

// SaveCounts stores how replications ended, each in place of what
// its process stored before of the same minute.
func (s *Service) SaveCounts(ctx context.Context, counts []metadata.ReplicationCount) error {
	return s.meta.Update(ctx, func(tx *metadata.Tx) error {
		for _, c := range counts {
			if err := tx.Replications().SaveCount(c); err != nil {
				return err
			}
		}
		return nil
	})
}
