package expiry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// Run is a run of a lifecycle policy.
type Run struct {
	ID      string
	Policy  string // its text, as ECR returns it
	Status  RunStatus
	Note    string // why it failed, or what it has left undone
	BeganAt time.Time
	EndedAt time.Time // zero if it has not

	// What it has found to delete, images and bytes; and of these images, once it has
	// ended, which it has deleted.
	Found, Bytes, Expired int64
}

// RunStatus is how far a run has come.
type RunStatus string

// The statuses of runs.
const (
	RunInProgress RunStatus = "IN_PROGRESS"
	RunComplete   RunStatus = "COMPLETE"
	RunFailed     RunStatus = "FAILED"
)

func runOf(e metadata.Evaluation) Run {
	r := Run{
		ID: strconv.FormatInt(e.ID, 10), Policy: e.Policy, Status: RunStatus(e.Status), Note: e.Failure,
		BeganAt: e.BeganAt, EndedAt: e.EndedAt, Found: e.Expiring, Bytes: e.Bytes, Expired: e.Acted,
	}
	if e.EndedAt.IsZero() {
		r.Status = RunInProgress
	}
	return r
}

// Runs lists the runs of a repository's policies, the latest first, as long as
// they are kept. next is the Page.After of the next page, "" at the end; dueAt is
// when a run is to begin next, zero if the repository has no policy.
func (s *Service) Runs(ctx context.Context, c access.Caller, ref resource.Repository, page registry.Page) (runs []Run,
	next string, dueAt time.Time, err error) {
	r, err := s.registry.Repository(ctx, c, ref, access.GetLifecyclePolicy)
	if err != nil {
		return nil, "", dueAt, err
	}
	below := int64(0)
	if page.After != "" {
		if below, err = strconv.ParseInt(page.After, 10, 64); err != nil {
			return nil, "", dueAt, fmt.Errorf("read the key of a page: %w", err)
		}
	}
	q := s.meta.Read(ctx).Lifecycle()
	p, err := q.Policy(r.ID)
	if err != nil && !errors.Is(err, metadata.ErrNotFound) {
		return nil, "", dueAt, fmt.Errorf("read the lifecycle policy of %s: %w", ref, err)
	}
	rows, err := q.Evaluations(r.ID, metadata.LifecycleRun, below, page.Limit+1)
	if err != nil {
		return nil, "", dueAt, fmt.Errorf("list the runs of lifecycle policies of %s: %w", ref, err)
	}
	rows, next = registry.PageOf(rows, page.Limit, func(e metadata.Evaluation) string { return runOf(e).ID })
	for _, e := range rows {
		runs = append(runs, runOf(e))
	}
	return runs, next, p.DueAt, nil
}

// RunOf is a run, without its policy, and the repository of which it is.
type RunOf struct {
	Repository string
	Run
}

// RunsOf are those of the runs that the registry has, for who watches it: it
// authorises nobody.
func (s *Service) RunsOf(ctx context.Context, of resource.Registry, runs []int64) ([]RunOf, error) {
	rows, err := s.meta.Read(ctx).Lifecycle().Runs(of.Account, of.Region, runs)
	if err != nil {
		return nil, fmt.Errorf("look up runs of lifecycle policies of %s: %w", of, err)
	}
	all := make([]RunOf, len(rows))
	for i, row := range rows {
		all[i] = RunOf{row.Repository, runOf(row.Evaluation)}
	}
	return all, nil
}

// RunImages lists the images that a run has found, those pushed first before
// others, and what came of each: none if the repository has no such run, or not
// any more.
func (s *Service) RunImages(ctx context.Context, c access.Caller, ref resource.Repository, run string,
	page registry.Page) (images []Marked, next string, err error) {
	r, err := s.registry.Repository(ctx, c, ref, access.GetLifecyclePolicy)
	if err != nil {
		return nil, "", err
	}
	id, err := strconv.ParseInt(run, 10, 64)
	if err != nil {
		return nil, "", nil
	}
	e, err := s.meta.Read(ctx).Lifecycle().Evaluation(id)
	if errors.Is(err, metadata.ErrNotFound) || err == nil &&
		(e.RepositoryID != r.ID || e.Kind != metadata.LifecycleRun) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("look up a run of %s: %w", ref, err)
	}
	return s.marks(ctx, id, registry.AnyTagStatus, page)
}
