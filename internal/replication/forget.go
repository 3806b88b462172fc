package replication

import (
	"context"
	"time"

	"github.com/twinport/twinport/internal/jobs"
	"github.com/twinport/twinport/internal/metadata"
)

// deletionsKept is for how long the deletions that were replicated, or refused,
// are kept. (Other replications go with their image.)
const deletionsKept = 7 * 24 * time.Hour

// maxForgotten bounds how many deletions one transaction forgets.
const maxForgotten = 1000

// Forget deletes what is kept of replications for a while only: statistics, and
// deletions and backfills that have ended. It returns whether more is left.
func (s *Service) Forget(ctx context.Context) (more bool, err error) {
	err = s.meta.Update(ctx, func(tx *metadata.Tx) error {
		n, err := tx.Deletions().Forget(s.now().Add(-deletionsKept), maxForgotten)
		if err != nil {
			return err
		}
		if more, err = s.forgetBackfills(tx); err != nil {
			return err
		}
		more = more || n == maxForgotten
		return tx.Replications().ForgetCounts(s.now().Add(-statisticsKept))
	})
	return more, err
}

// forgetInterval is how often the store is rid of what is too old.
const forgetInterval = 10 * time.Minute

// ForgetJob returns a job that deletes what is kept of replications for a while only.
func (s *Service) ForgetJob() jobs.Job { return forgetJob(s.Forget) }

// forgetJob is ForgetJob with forget, which deletes a batch and returns whether more is left.
func forgetJob(forget func(context.Context) (more bool, err error)) jobs.Job {
	page := func(ctx context.Context, _ string) (next string, err error) {
		more, err := forget(ctx)
		if more {
			next = "more"
		}
		return next, err
	}
	return jobs.Job{Name: "replications", Interval: forgetInterval, Steps: []jobs.Step{{Name: "forgotten", Page: page}}}
}
