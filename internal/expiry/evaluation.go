package expiry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/lifecycle"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// pageTime is for how long an evaluation is gone on with at a time. A job's lease
// is renewed between.
const pageTime = 300 * time.Millisecond

// cursor is where an evaluation goes on. The zero cursor is of none.
type cursor struct {
	Evaluation int64              `json:"evaluation,omitzero"`
	Found      lifecycle.Position `json:"found,omitzero"` // images were looked at up to there
	Acted      metadata.ImageKey  `json:"acted,omitzero"` // and acted on up to there
}

// goOn does some of an evaluation. It returns where to go on, or that the
// evaluation has ended.
func (s *Service) goOn(ctx context.Context, at cursor) (next cursor, ended bool, err error) {
	e, err := s.meta.Read(ctx).Lifecycle().Evaluation(at.Evaluation)
	if errors.Is(err, metadata.ErrNotFound) || err == nil && !e.EndedAt.IsZero() {
		return at, true, nil
	}
	if err == nil {
		next, ended, err = s.work(ctx, e, at)
	}
	switch {
	case err == nil:
		return next, ended, nil
	case ctx.Err() != nil || again(err) || e.ID == 0:
		return at, false, fmt.Errorf("evaluate a lifecycle policy: %w", err)
	}
	// Others must not wait for what cannot be done.
	s.log.ErrorContext(ctx, "an evaluation of a lifecycle policy failed", "repository", e.RepositoryID,
		"evaluation", e.ID, "error", err)
	return at, true, s.end(ctx, e, metadata.EvaluationFailed, "The server met a fault; its log says more.")
}

// again says whether an error is the store's, so that trying again helps.
func again(err error) bool {
	return registry.IsUnavailable(err) || errors.Is(err, metadata.ErrFull) || errors.Is(err, metadata.ErrClosed)
}

func (s *Service) work(ctx context.Context, e metadata.Evaluation, at cursor) (next cursor, ended bool, err error) {
	r, err := s.repository(ctx, e.RepositoryID)
	if err != nil {
		return at, false, err
	}
	if r == nil {
		return at, true, s.end(ctx, e, metadata.EvaluationFailed, repositoryDeleted)
	}
	p := s.plans.take(e.ID)
	if p == nil {
		policy, err := lifecycle.Parse(e.Policy)
		if err != nil {
			return at, true, s.end(ctx, e, metadata.EvaluationFailed, "The policy cannot be read: "+err.Error())
		}
		p = &planned{Plan: lifecycle.NewPlan(policy, s.now()), policy: policy}
	}
	defer func() {
		if !ended {
			s.plans.keep(e.ID, p)
		}
	}()
	images := images{s.meta, r.ID}
	for begun := time.Now(); !ended && err == nil && time.Since(begun) < pageTime; {
		switch {
		case !p.complete:
			p.complete, err = p.Count(ctx, images)
		case e.Status == metadata.EvaluationInProgress:
			at.Found, ended, err = s.find(ctx, &e, p, images, at.Found)
		default:
			at.Acted, ended, err = s.act(ctx, e, r, p, at.Acted)
		}
	}
	return at, ended, err
}

// repository returns a repository by its id; nil if it is not there any more,
// which is what that of an account or Region is that is not served.
func (s *Service) repository(ctx context.Context, id int64) (*metadata.Repository, error) {
	r, err := s.meta.Read(ctx).Repositories().ByID(id)
	if errors.Is(err, metadata.ErrNotFound) ||
		err == nil && !s.registry.Exists(resource.Registry{Account: r.Account, Region: r.Region}) {
		return nil, nil
	}
	return r, err
}

const (
	// storedAtOnce is how many images are stored in a transaction: at least so many,
	// unless they come of lookedAtOnce pages, and fewer than a page more. Each
	// transaction writes much of an index by digests, so few do less work; pushes to an
	// embedded store wait for it.
	storedAtOnce = 3000
	lookedAtOnce = 10
)

// find looks at the next images, and stores those that the policy acts on.
func (s *Service) find(ctx context.Context, e *metadata.Evaluation, p *planned, images images,
	at lifecycle.Position) (next lifecycle.Position, ended bool, err error) {
	var rows []metadata.LifecycleMark
	next = at
	for pages := 0; pages < lookedAtOnce && len(rows) < storedAtOnce && !next.Done; pages++ {
		var marks []lifecycle.Mark
		if marks, next, err = p.Marks(ctx, images, next); err != nil {
			return at, false, err
		}
		rows = appendRows(rows, marks, e.Kind)
	}
	if len(rows) > 0 {
		err = s.meta.Update(ctx, func(tx *metadata.Tx) error { return tx.Lifecycle().Mark(e.ID, rows) })
	}
	if err != nil {
		return at, false, err
	}
	if !next.Done {
		return next, false, nil
	}
	if e.Kind != metadata.LifecycleRun {
		return next, true, s.end(ctx, *e, metadata.EvaluationComplete, "")
	}
	e.Status = metadata.EvaluationActing
	return next, false, s.meta.Update(ctx, func(tx *metadata.Tx) error {
		saved, err := tx.Lifecycle().Save(*e)
		if err != nil || !saved {
			return err
		}
		return s.notify(tx, e)
	})
}

// notify notifies those who watch the registry of a run, once the transaction is
// committed.
func (s *Service) notify(tx *metadata.Tx, run *metadata.Evaluation) error {
	r, err := tx.Repositories().ByID(run.RepositoryID)
	if errors.Is(err, metadata.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	tx.OnCommit(func() { s.registry.Notify(changes.Change{Registry: r.RegistryRow, Runs: []int64{run.ID}}) })
	return nil
}

// appendRows appends what is stored of images that an evaluation has found.
func appendRows(rows []metadata.LifecycleMark, marks []lifecycle.Mark,
	kind metadata.EvaluationKind) []metadata.LifecycleMark {
	for _, m := range marks {
		if kind == metadata.LifecycleRun && m.Rule.Action == lifecycle.Transition {
			continue // see noteOf
		}
		rows = append(rows, metadata.LifecycleMark{
			Digest: m.Image.Digest, PushedAt: m.Image.PushedAt, Tags: m.Image.Tags, Size: m.Image.Size,
			StorageClass: string(m.Image.StorageClass), Action: string(m.Rule.Action), Priority: m.Rule.Priority,
		})
	}
	return rows
}

// end stores that an evaluation has ended, unless another has done so.
func (s *Service) end(ctx context.Context, e metadata.Evaluation, status metadata.EvaluationStatus, note string) error {
	return s.meta.Update(ctx, func(tx *metadata.Tx) error { return s.endIn(tx, e, status, note) })
}

func (s *Service) endIn(tx *metadata.Tx, e metadata.Evaluation, status metadata.EvaluationStatus, note string) error {
	e.Status, e.Failure, e.EndedAt = status, note, s.now()
	saved, err := tx.Lifecycle().Save(e)
	if err != nil || !saved || e.Kind != metadata.LifecycleRun {
		return err
	}
	tx.OnCommit(func() { s.counter.Load().ran(status) })
	if err := s.notify(tx, &e); err != nil {
		return err
	}
	if status != metadata.EvaluationComplete {
		return nil
	}
	p, err := tx.Lifecycle().Policy(e.RepositoryID)
	if errors.Is(err, metadata.ErrNotFound) || err == nil && p.Policy != e.Policy {
		return nil
	}
	if err == nil {
		_, err = tx.Lifecycle().Ran(p, e.EndedAt)
	}
	return err
}

const (
	repositoryDeleted = "The repository is not there any more."
	policyReplaced    = "The policy was replaced or deleted while the run was under way."
)

// noteOf says what a run of the policy leaves undone. There is no archive yet: an
// image that a rule would move there stays, and since it is in the scope of that
// rule, no later one deletes it. To record it in each run would say nothing new.
func noteOf(p *lifecycle.Policy) string {
	var rules []string
	for _, r := range p.Rules {
		if r.Action == lifecycle.Transition {
			rules = append(rules, strconv.Itoa(r.Priority))
		}
	}
	if len(rules) == 0 {
		return ""
	}
	return "This version has no archive: images that rules with the action transition are about stay as they are. " +
		"Their priorities: " + strings.Join(rules, ", ") + "."
}

// planned is the plan of an evaluation.
type planned struct {
	*lifecycle.Plan
	policy   *lifecycle.Policy
	complete bool
}

// maxPlans is how many plans are remembered: those of all that the jobs go on with
// in turn, and a command's. Who finds none makes it anew.
const maxPlans = 4 * atOnce

// plans are those of evaluations that this process goes on with, between pages.
type plans struct {
	mu sync.Mutex
	of map[int64]*planned
}

// take returns a plan that nobody else uses until it is kept again, or nil.
func (p *plans) take(evaluation int64) *planned {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.of[evaluation]
	delete(p.of, evaluation)
	return taken
}

func (p *plans) keep(evaluation int64, plan *planned) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil || len(p.of) >= maxPlans {
		p.of = map[int64]*planned{} // what others have ended may be there
	}
	p.of[evaluation] = plan
}
