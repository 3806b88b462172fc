// Package jobs runs what a deployment does in the background, now and then: one
// process at a time, page by page, beside requests. When that process stops or
// dies, another goes on where it was.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// Job is work that is done again and again. A run goes through its steps, in
// their order.
type Job struct {
	// Name is that of its lease, and of its figures in /metrics.
	Name string
	// Interval is the time from the end of one run to the beginning of the next.
	Interval time.Duration
	// Woken says that requests make the job due (Runner.Wake). A process that was
	// killed may have been about to, so a run is also due when one starts.
	Woken bool
	Steps []Step
}

// Step is a part of a job. It is done page by page. A page may be done again,
// since progress is not stored after each.
type Step struct {
	Name string
	// Page does what comes after a key, "" at first, and returns the key to go on
	// at: "" when the step is done. It must end long before a lease expires.
	Page func(ctx context.Context, after string) (next string, err error)
}

// ErrPostponed is returned, perhaps wrapped, by a page that cannot be done now,
// without a fault: the run goes on later.
var ErrPostponed = errors.New("the job is postponed")

// state is what is stored with the lease of a job, for whoever runs it next.
type state struct {
	Step     int    `json:"step"`               // of the job's
	After    string `json:"after,omitempty"`    // the key at which it goes on
	Finished int64  `json:"finished,omitempty"` // of the last run, in microseconds since 1970
}

// stateOf reads what is stored. If it cannot be read, the next run begins from
// the start.
func stateOf(lease metadata.Lease) (s state) {
	if json.Unmarshal([]byte(lease.Progress), &s) != nil || s.Step < 0 {
		return state{}
	}
	return s
}

// due reports whether a run is to begin, or to go on. If the last one ended in
// the future, the clock was ahead then.
func (s state) due(now time.Time, interval time.Duration) bool {
	since := now.Sub(time.UnixMicro(s.Finished))
	return s.underWay() || since >= interval || since < 0
}

// underWay reports whether a run has begun and not ended.
func (s state) underWay() bool { return s.Step > 0 || s.After != "" }

// Run is how a job goes in the deployment, whichever process runs it.
type Run struct {
	Job string
	// Steps of the job; Step is the number of the one that a run has come to, from 1
	// on, also where it waits for a process to go on with it; 0 if no run is under way.
	Steps []string
	Step  int
	// Running reports whether a process runs the job now, or died just now.
	Running  bool
	Finished time.Time // when the last run ended; zero if none did yet
}

// Runs returns how each of the jobs goes.
func Runs(q *metadata.Queries, jobs ...Job) ([]Run, error) {
	runs := make([]Run, 0, len(jobs))
	for _, j := range jobs {
		lease, err := q.Leases().Get(j.Name)
		if err != nil {
			return nil, fmt.Errorf("read the lease of the job %s: %w", j.Name, err)
		}
		state := stateOf(lease)
		run := Run{Job: j.Name, Running: lease.Holder != "", Finished: state.finished()}
		for _, step := range j.Steps {
			run.Steps = append(run.Steps, step.Name)
		}
		if run.Running || state.underWay() {
			run.Step = min(state.Step+1, len(j.Steps))
		}
		runs = append(runs, run)
	}
	return runs, nil
}

func (s state) finished() time.Time {
	if s.Finished == 0 {
		return time.Time{}
	}
	return time.UnixMicro(s.Finished)
}
