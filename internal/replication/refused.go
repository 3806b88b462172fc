package replication

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/twinport/twinport/internal/metadata"
)

// What a destination refused is tried again when the destination changes. The
// change itself commits at once, whatever waits: it draws a number and leaves a
// note. Refusals draw numbers too, and are decided under locks that the change
// waits for, so those with lower numbers were decided on what was before.
// Resume finds them, in batches.

const (
	// resumeBatch is how many replications one transaction makes due, or completes.
	resumeBatch = 200
	// maxResumed is how many notes, and how many routes of each, one call looks at.
	maxResumed = 100
)

// resumed is where Resume ended.
type resumed struct {
	mu      sync.Mutex
	retry   metadata.Retry
	adopted bool // what older programs wrote
}

// refusalNumber numbers a refusal that is decided in the transaction.
func refusalNumber(tx *metadata.Tx, job metadata.ReplicationJob, r *Refusal) (int64, error) {
	switch {
	case r.Code == failureNoDestination, r.Code == failureLimitExceeded, job.RegistryRow == 0:
		return metadata.ByConfiguration, nil
	case slices.Contains(refusedCodes, r.Code):
		return tx.Registries().NextSequence(job.RegistryRow)
	}
	return metadata.Permanent, nil
}

// Resume makes due a batch of what was refused and may succeed now: how many, and
// whether others are left. Each source gets an equal part, so that nobody's wait
// behind another's; and no more are made due on a route than are soon tried, so
// that what is pushed now does not wait behind them.
func (s *Service) Resume(ctx context.Context) (made int, more bool, err error) {
	return s.here.Resume(ctx)
}

// resumeRefused is Resume.
func (s *Service) resumeRefused(ctx context.Context) (made int, more bool, err error) {
	s.resumed.mu.Lock()
	defer s.resumed.mu.Unlock()
	if !s.resumed.adopted {
		var n int64
		err := s.meta.Update(ctx, func(tx *metadata.Tx) (err error) {
			n, err = tx.Replications().Adopt(resumeBatch)
			return err
		})
		if err != nil {
			return 0, true, fmt.Errorf("complete replications of earlier versions: %w", err)
		}
		if n > 0 {
			return int(n), true, nil
		}
		s.resumed.adopted = true
	}
	after := s.resumed.retry
	retries, err := s.meta.Read(ctx).Replications().Retries(after, maxResumed)
	if err != nil {
		return 0, true, fmt.Errorf("look for refused replications to try again: %w", err)
	}
	if s.resumed.retry = (metadata.Retry{}); len(retries) == maxResumed {
		s.resumed.retry = retries[maxResumed-1]
	}
	for _, r := range retries {
		n, err := s.resume(ctx, r)
		if err != nil {
			return made, true, fmt.Errorf("try again what %s in %s refused: %w", r.Account, r.Region, err)
		}
		made += n
	}
	return made, len(retries) > 0 || after != metadata.Retry{}, nil
}

// resume does a batch of a retry, and ends it once nothing is left.
func (s *Service) resume(ctx context.Context, r metadata.Retry) (made int, err error) {
	routes, err := s.meta.Read(ctx).Replications().RefusedRoutes(r, resumeBatch, maxResumed)
	if err != nil {
		return 0, err
	}
	if len(routes) == 0 {
		return 0, s.meta.Update(ctx, func(tx *metadata.Tx) error { return tx.Replications().EndRetry(r) })
	}
	routes = slices.DeleteFunc(routes, func(r metadata.RefusedRoute) bool { return r.Waiting >= resumeBatch })
	if len(routes) == 0 {
		return 0, nil
	}
	err = s.meta.Update(ctx, func(tx *metadata.Tx) error {
		made = 0
		now := s.now()
		for _, route := range routes {
			due, err := tx.Replications().RetryRefused(r, route, now, now.Add(takeover), max(1, resumeBatch/len(routes)))
			if err != nil {
				return err
			}
			if made += len(due); len(due) == 0 {
				continue
			}
			tx.OnCommit(func() { s.outbox.report(route.SourceRegistryRow, due) })
		}
		return nil
	})
	return made, err
}
