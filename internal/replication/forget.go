package replication

import (
	"context"
	"time"

	"github.com/twinport/twinport/internal/jobs"
)

// forgetInterval is how often the store is rid of what is too old.
const forgetInterval = 10 * time.Minute

// ForgetJob returns a job that deletes what is kept of replications for a while
// only. forget deletes a batch, and returns whether more is left.
func ForgetJob(forget func(context.Context) (more bool, err error)) jobs.Job {
	page := func(ctx context.Context, _ string) (next string, err error) {
		more, err := forget(ctx)
		if more {
			next = "more"
		}
		return next, err
	}
	return jobs.Job{Name: "replications", Interval: forgetInterval, Steps: []jobs.Step{{Name: "forgotten", Page: page}}}
}
