package expiry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twinport/twinport/internal/jobs"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
)

// The names of the jobs.
const (
	RunsJob     = "lifecycle"
	PreviewsJob = "previews"
)

const (
	// lookInterval is how often is looked for policies that are due.
	lookInterval = 5 * time.Minute
	// previewsInterval is how often is looked for previews that nobody woke the job
	// for: it is woken by who starts a preview, and by who asks for it.
	previewsInterval = time.Hour

	// For so long runs are kept, and previews that nobody has replaced.
	keptRuns     = 30 * 24 * time.Hour
	keptPreviews = 7 * 24 * time.Hour

	// forgottenAtOnce is how many images of an evaluation are forgotten in a
	// transaction.
	forgottenAtOnce = 1000
)

// Jobs are those that run policies, and that make previews.
func (s *Service) Jobs() []jobs.Job {
	previews := &turns{waiting: s.waitingPreviews, goOn: s.goOn}
	runs := &turns{waiting: s.waitingRuns, begin: s.beginDue, goOn: s.goOn}
	return []jobs.Job{
		{Name: RunsJob, Interval: min(lookInterval, s.interval), Steps: []jobs.Step{
			{Name: "runs", Page: runs.page}, {Name: "forget", Page: s.forget},
		}},
		{Name: PreviewsJob, Interval: previewsInterval, Woken: true, Steps: []jobs.Step{
			{Name: "previews", Page: previews.page},
		}},
	}
}

func (s *Service) waitingPreviews(ctx context.Context, after candidate, limit int) ([]candidate, error) {
	return s.open(ctx, metadata.LifecyclePreview, after, limit)
}

// open are evaluations that have not ended.
func (s *Service) open(ctx context.Context, kind metadata.EvaluationKind, after candidate,
	limit int) ([]candidate, error) {
	open, err := s.meta.Read(ctx).Lifecycle().Open(kind, after.evaluation, limit)
	if err != nil {
		return nil, fmt.Errorf("look for evaluations of lifecycle policies: %w", err)
	}
	waiting := make([]candidate, len(open))
	for i, e := range open {
		waiting[i] = candidate{account: e.Account, evaluation: e.ID}
	}
	return waiting, nil
}

// waitingRuns are runs that others have left, and then policies that are due.
func (s *Service) waitingRuns(ctx context.Context, after candidate, limit int) (waiting []candidate, err error) {
	if after.repository == 0 {
		if waiting, err = s.open(ctx, metadata.LifecycleRun, after, limit); err != nil || len(waiting) == limit {
			return waiting, err
		}
	}
	due, err := s.meta.Read(ctx).Lifecycle().Due(s.now(), after.dueAt, after.repository, limit-len(waiting))
	if err != nil {
		return nil, fmt.Errorf("look for lifecycle policies that are due: %w", err)
	}
	for _, p := range due {
		waiting = append(waiting, candidate{account: p.Account, repository: p.RepositoryID, dueAt: p.DueAt})
	}
	return waiting, nil
}

// beginDue begins the run of a policy that was due.
func (s *Service) beginDue(ctx context.Context, c candidate) (int64, error) {
	p, err := s.meta.Read(ctx).Lifecycle().Policy(c.repository)
	if errors.Is(err, metadata.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read a lifecycle policy: %w", err)
	}
	return s.begin(ctx, p, false)
}

// begin begins a run of a policy, or returns the one that is under way: 0 if the
// policy is gone or, unless it is to run anyway, not due.
func (s *Service) begin(ctx context.Context, p metadata.LifecyclePolicy, anyway bool) (int64, error) {
	r, err := s.repository(ctx, p.RepositoryID)
	if err != nil {
		return 0, fmt.Errorf("look up the repository of a lifecycle policy: %w", err)
	}
	if r == nil {
		// Others must not wait for it. If it was deleted just now, its policy is gone.
		return 0, s.meta.Update(ctx, func(tx *metadata.Tx) error {
			return tx.Lifecycle().Schedule(p, s.now().Add(s.interval))
		})
	}
	var e metadata.Evaluation
	err = s.registry.Alter(ctx, r, func(tx *metadata.Tx, r *metadata.Repository) error {
		now := s.now()
		e = metadata.Evaluation{}
		p, err := tx.Lifecycle().Policy(r.ID)
		if errors.Is(err, metadata.ErrNotFound) || err == nil && !anyway && p.DueAt.After(now) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := tx.Lifecycle().Schedule(p, now.Add(s.interval)); err != nil {
			return err
		}
		last, err := tx.Lifecycle().Evaluations(r.ID, metadata.LifecycleRun, 0, 1)
		if err != nil {
			return err
		}
		if len(last) > 0 && last[0].EndedAt.IsZero() {
			if last[0].Policy == p.Policy {
				e = last[0]
				return nil
			}
			if err := s.endIn(tx, last[0], metadata.EvaluationFailed, policyReplaced); err != nil {
				return err
			}
		}
		e = metadata.Evaluation{
			RepositoryID: r.ID, Kind: metadata.LifecycleRun, Policy: p.Policy, Status: metadata.EvaluationInProgress,
			BeganAt: now,
		}
		if err := tx.Lifecycle().Begin(&e); err != nil {
			return err
		}
		return s.notify(tx, &e)
	})
	if err != nil && registry.CodeOf(err) != registry.RepositoryNotFound {
		return 0, fmt.Errorf("begin a run of a lifecycle policy: %w", err)
	}
	return e.ID, nil
}

// forget removes what was recorded long ago, and previews that were replaced.
func (s *Service) forget(ctx context.Context, _ string) (next string, err error) {
	now := s.now()
	for kind, before := range map[metadata.EvaluationKind]time.Time{
		metadata.LifecycleReplaced: now, metadata.LifecyclePreview: now.Add(-keptPreviews),
		metadata.LifecycleRun: now.Add(-keptRuns),
	} {
		ended, err := s.meta.Read(ctx).Lifecycle().Ended(kind, before, 1)
		if err == nil && len(ended) > 0 {
			return "more", s.meta.Update(ctx, func(tx *metadata.Tx) error {
				_, err := tx.Lifecycle().Forget(ended[0], forgottenAtOnce)
				return err
			})
		}
		if err != nil {
			return "", fmt.Errorf("look for evaluations of lifecycle policies to forget: %w", err)
		}
	}
	return "", nil
}
