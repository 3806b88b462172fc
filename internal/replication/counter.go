package replication

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/twinport/twinport/internal/metadata"
)

const (
	// flushInterval is how often counts are stored: what a process that is killed
	// loses of them.
	flushInterval = 5 * time.Second
	// flushTimeout bounds the last time, when the engine stops.
	flushTimeout = 5 * time.Second
	// maxDestinations bounds the destinations of a registry that are counted in
	// one minute. Rules have fewer at a time; but they can be changed.
	maxDestinations = 100
)

// counter adds up how tries ended, by source, destination and minute. The
// rows that it stores are its own, so that no two processes write the same.
type counter struct {
	process string

	mu     sync.Mutex
	counts map[countKey]*count
	number map[sourceMinute]int // of the destinations that are counted
}

type sourceMinute struct {
	source int64
	minute int64 // since 1970
}

type countKey struct {
	sourceMinute
	account, region string
}

// count is one that is stored again each time it has changed, until its minute
// is over.
type count struct {
	metadata.ReplicationCount
	lags    lagHistogram
	changed bool
}

func newCounter() *counter {
	return &counter{process: uuid.NewString(), counts: map[countKey]*count{}, number: map[sourceMinute]int{}}
}

// add counts a replication that has ended.
func (s *counter) add(r *metadata.Replication) {
	in := sourceMinute{r.SourceRegistryRow, r.FinishedAt.Unix() / 60}
	key := countKey{in, r.DestinationAccount, r.DestinationRegion}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts[key]
	if c == nil {
		if s.number[in] >= maxDestinations {
			return
		}
		s.number[in]++
		c = &count{ReplicationCount: metadata.ReplicationCount{
			SourceRegistryRow: r.SourceRegistryRow, DestinationAccount: r.DestinationAccount,
			DestinationRegion: r.DestinationRegion,
			Minute:            time.Unix(in.minute*60, 0), Process: s.process,
		}}
		s.counts[key] = c
	}
	c.changed = true
	if r.State != metadata.ReplicationComplete {
		c.Failed++
		c.LastFailedAt = later(c.LastFailedAt, r.FinishedAt)
		return
	}
	lag := max(0, r.FinishedAt.Sub(r.PushedAt))
	c.Completed++
	if !r.Deletes {
		c.Bytes += r.ImageSize
	}
	c.lags.add(lag)
	c.MaxLag = max(c.MaxLag, lag)
	c.LastCompletedAt = later(c.LastCompletedAt, r.FinishedAt)
}

// take returns the counts that have changed since the last time, and forgets
// those of minutes that have been over for a minute: what ended in one may come
// to be counted a little later.
func (s *counter) take(now time.Time) (changed []metadata.ReplicationCount) {
	present := now.Unix() / 60
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, c := range s.counts {
		if c.changed {
			c.Lags = c.lags.encode()
			changed = append(changed, c.ReplicationCount)
			c.changed = false
		} else if key.minute < present-1 || key.minute > present+1 { // by a clock that was ahead
			delete(s.counts, key)
			delete(s.number, key.sourceMinute)
		}
	}
	return changed
}

// again has counts stored the next time that could not be now.
func (s *counter) again(counts []metadata.ReplicationCount) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range counts {
		key := countKey{sourceMinute{c.SourceRegistryRow, c.Minute.Unix() / 60}, c.DestinationAccount, c.DestinationRegion}
		if kept := s.counts[key]; kept != nil {
			kept.changed = true
		}
	}
}

// flush stores what has changed.
func (e *Engine) flush(ctx context.Context) {
	counts := e.counter.take(time.Now())
	if len(counts) == 0 {
		return
	}
	if err := e.work.SaveCounts(ctx, counts); err != nil {
		e.counter.again(counts)
		if !errors.Is(err, metadata.ErrClosed) && ctx.Err() == nil {
			e.log.Warn("could not store the statistics of replications; trying it again", "in", flushInterval, "error", err)
		}
	}
}

// keepCounts stores counts now and then, until the engine stops and all
// tries have ended.
func (e *Engine) keepCounts(ended <-chan struct{}) {
	ticker := time.NewTicker(flushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			e.flush(context.Background())
		case <-ended:
			ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
			defer cancel()
			e.flush(ctx)
			return
		}
	}
}
