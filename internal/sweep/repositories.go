package sweep

import (
	"context"
	"time"

	"github.com/twinport/twinport/internal/jobs"
)

// RepositoriesJob is the name of the job that deletes what is left of deleted
// repositories.
const RepositoriesJob = "repositories"

// repositoriesInterval is when that job looks again for what nobody woke it for,
// because a process died.
const repositoriesInterval = time.Hour

// Repositories returns that job. It is one step of a sweep, which does not wait
// for the others: whoever deletes a repository wakes it.
func Repositories(r Registry) jobs.Job {
	page := func(ctx context.Context, after string) (next string, err error) {
		p, err := r.Sweep(ctx, "repositories", after, 0, false)
		return p.Next, err
	}
	return jobs.Job{
		Name: RepositoriesJob, Interval: repositoriesInterval, Steps: []jobs.Step{{Name: "retired", Page: page}},
	}
}
