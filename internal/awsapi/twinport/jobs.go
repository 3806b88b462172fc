package twinport

import (
	"context"
	"fmt"

	"github.com/twinport/twinport/internal/jobs"
)

// Job is one that the deployment does in the background.
type Job struct {
	Name string `json:"name"`
	// Status is WAITING, or RUNNING while a process does it.
	Status string   `json:"status"`
	Steps  []string `json:"steps"`
	// Step is the one that a run has come to.
	Step       string  `json:"step,omitzero"`
	FinishedAt seconds `json:"finishedAt,omitzero"` // of the last run
}

// DescribeJobsResponse is the answer of DescribeJobs.
type DescribeJobsResponse struct {
	Jobs []Job `json:"jobs"`
}

// DescribeJobs says how the jobs of the deployment go. It says nothing of any
// account.
func (s *Service) DescribeJobs(ctx context.Context, _ Call, _ *empty) (*DescribeJobsResponse, error) {
	runs, err := s.Jobs(ctx)
	if err != nil {
		return nil, fmt.Errorf("describe the jobs: %w", err)
	}
	out := &DescribeJobsResponse{Jobs: make([]Job, 0, len(runs))}
	for _, r := range runs {
		out.Jobs = append(out.Jobs, jobOf(r))
	}
	return out, nil
}

func jobOf(r jobs.Run) Job {
	j := Job{Name: r.Job, Status: "WAITING", Steps: r.Steps, FinishedAt: seconds{r.Finished}}
	if r.Running {
		j.Status = "RUNNING"
	}
	if r.Step > 0 {
		j.Step = r.Steps[r.Step-1]
	}
	return j
}
