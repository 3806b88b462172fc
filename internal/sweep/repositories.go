package sweep

import (
	"context"
	"errors"
	"time"

	"github.com/twinport/twinport/internal/jobs"
	"github.com/twinport/twinport/internal/metadata"
)

// RepositoriesJob is the name of the job that deletes what is left of deleted
// repositories.
const RepositoriesJob = "repositories"

// repositoriesInterval is when that job looks again for what nobody woke it for,
// because a process died.
const repositoriesInterval = time.Hour

// Repositories returns that job. It is one step of a sweep, which does not wait
// for the others: whoever deletes a repository wakes it.
func Repositories(of pages) jobs.Job {
	page := func(ctx context.Context, after string) (next string, err error) {
		p, err := of.Sweep(ctx, "repositories", after, 0, false)
		return p.Next, err
	}
	return jobs.Job{
		Name: RepositoriesJob, Interval: repositoriesInterval, Woken: true,
		Steps: []jobs.Step{{Name: "retired", Page: page}},
	}
}

// sweepRepositories removes one batch of a repository that was retired.
func (s *Stores) sweepRepositories(ctx context.Context, dry bool) (p Page, err error) {
	ids, err := s.meta.Read(ctx).Repositories().Retired(sweepRows)
	if err != nil || len(ids) == 0 {
		return p, err
	}
	if dry {
		p.Found = int64(len(ids))
		return p, nil
	}
	err = s.meta.Update(ctx, func(tx *metadata.Tx) error {
		p = Page{Next: "more"}
		r, err := tx.Repositories().LockRetired(ids[0])
		if errors.Is(err, metadata.ErrNotFound) {
			return nil // another process was first
		}
		if err != nil {
			return err
		}
		more, err := tx.Repositories().DeleteContent(r, metadata.DeleteBatch)
		if err != nil || more {
			return err
		}
		p.Found = 1
		return tx.Repositories().Delete(r)
	})
	return p, err
}
