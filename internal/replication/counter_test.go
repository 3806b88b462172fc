package replication

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

var minute = time.Unix(1795456020, 0)

func ended(state string, at time.Time, lag time.Duration) *metadata.Replication {
	return &metadata.Replication{
		SourceRegistryRow: 3, DestinationAccount: "2", DestinationRegion: "r", ImageSize: 10, State: state,
		PushedAt: at.Add(-lag), FinishedAt: at,
	}
}

func TestStatisticsAddUp(t *testing.T) {
	s := newCounter()
	s.add(ended(metadata.ReplicationComplete, minute.Add(time.Second), 2*time.Millisecond))
	s.add(ended(metadata.ReplicationComplete, minute.Add(3*time.Second), 4*time.Millisecond))
	s.add(ended(metadata.ReplicationComplete, minute.Add(2*time.Second), -time.Second)) // another clock pushed it
	s.add(ended(metadata.ReplicationFailed, minute.Add(59*time.Second), time.Hour))
	counts := s.take(minute)
	if len(counts) != 1 {
		t.Fatalf("%+v", counts)
	}
	c := counts[0]
	lags, err := decodeLags(c.Lags)
	if err != nil || lags.quantile(1) < 4*time.Millisecond {
		t.Errorf("%v, %v", lags, err)
	}
	if c.SourceRegistryRow != 3 || c.DestinationAccount != "2" || c.DestinationRegion != "r" || c.Process == "" ||
		!c.Minute.Equal(minute) ||
		c.Completed != 3 || c.Failed != 1 || c.Bytes != 30 || c.MaxLag != 4*time.Millisecond ||
		!c.LastCompletedAt.Equal(minute.Add(3*time.Second)) || !c.LastFailedAt.Equal(minute.Add(59*time.Second)) {
		t.Errorf("%+v", c)
	}
	if again := s.take(minute); len(again) != 0 {
		t.Errorf("nothing has changed: %+v", again)
	}
	// What ends in the minute after all is added to what was stored.
	s.add(ended(metadata.ReplicationComplete, minute.Add(59*time.Second), time.Second))
	s.add(ended(metadata.ReplicationComplete, minute.Add(60*time.Second), time.Second))
	total := int64(0)
	for _, c := range s.take(minute.Add(65 * time.Second)) {
		total += c.Completed
	}
	if total != 4+1 {
		t.Errorf("%d were completed in two minutes", total)
	}
	s.take(minute.Add(10 * time.Minute))
	if len(s.counts) != 0 || len(s.number) != 0 {
		t.Errorf("%d counts are kept for ever", len(s.counts))
	}
}

func TestStatisticsAreBounded(t *testing.T) {
	s := newCounter()
	for i := range 1000 {
		for _, source := range []int64{1, 2} {
			r := ended(metadata.ReplicationFailed, minute, 0)
			r.SourceRegistryRow, r.DestinationAccount = source, fmt.Sprint(i)
			s.add(r)
		}
	}
	if n := len(s.take(minute)); n != 2*maxDestinations {
		t.Errorf("%d counts", n)
	}
}

func TestStatisticsAreStoredAtTheStop(t *testing.T) {
	f := newFake(1, 2, 3)
	f.outcome = func(_ context.Context, r *metadata.Replication) error {
		r.FinishedAt = minute
		if r.ID == 3 {
			r.State = metadata.ReplicationFailed
		}
		return nil
	}
	e := NewEngine(f, slog.New(slog.DiscardHandler))
	e.Start()
	wait(t, "all to end", func() bool { s := e.Stats(); return s.Complete == 2 && s.Failed == 1 })
	e.Stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.counts[minute]; len(f.counts) != 1 || c.Completed != 2 || c.Failed != 1 {
		t.Errorf("stored: %+v", f.counts)
	}
}

func TestStatisticsThatCouldNotBeStoredAreStoredLater(t *testing.T) {
	f := newFake()
	f.saves = errors.New("injected")
	e := NewEngine(f, slog.New(slog.DiscardHandler))
	e.counter.add(ended(metadata.ReplicationComplete, time.Now(), 0))
	e.flush(t.Context())
	f.saves, f.counts = nil, nil
	e.flush(t.Context())
	if len(f.counts) != 1 {
		t.Errorf("stored: %+v", f.counts)
	}
}
