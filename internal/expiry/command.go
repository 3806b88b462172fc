package expiry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// RunRequest asks for a piece of what the operator wants to be run.
type RunRequest struct {
	Repository resource.Repository // the only one; zero: all
	Anyway     bool                // also policies that are not due
	After      string              // the piece before, its Next
}

// RunPiece is what came of a piece.
type RunPiece struct {
	// Ended, if not nil, is a run that has ended, in Repository.
	Ended      *Run
	Repository resource.Repository
	Next       string // "" at the end
}

// piece is the Next of one.
type piece struct {
	Policy int64  `json:"policy"` // the last repository whose policy was begun
	At     cursor `json:"at,omitzero"`
}

// RunForOperator runs policies, some of the work at a time, beside what the job
// does: LifecyclePolicyNotFound, RepositoryNotFound. Nobody is authorised.
func (s *Service) RunForOperator(ctx context.Context, r RunRequest) (out RunPiece, err error) {
	var at piece
	if r.After != "" {
		if err := json.Unmarshal([]byte(r.After), &at); err != nil {
			return out, fmt.Errorf("read where to go on: %w", err)
		}
	}
	if at.At.Evaluation == 0 {
		p, err := s.nextForOperator(ctx, r, at.Policy)
		if err != nil || p == nil {
			return out, err
		}
		at.Policy = p.RepositoryID
		if r.Anyway || !p.DueAt.After(s.now()) {
			if at.At.Evaluation, err = s.begin(ctx, *p, r.Anyway); err != nil {
				return out, err
			}
		}
	} else {
		next, ended, err := s.goOn(ctx, at.At)
		if err != nil {
			return out, err
		}
		if at.At = next; ended {
			if err := s.report(ctx, at, &out); err != nil {
				return out, err
			}
			at.At = cursor{}
		}
	}
	text, err := json.Marshal(at)
	out.Next = string(text)
	return out, err
}

// nextForOperator returns the next policy to run, nil at the end.
func (s *Service) nextForOperator(ctx context.Context, r RunRequest, after int64) (*metadata.LifecyclePolicy, error) {
	q := s.meta.Read(ctx)
	if r.Repository == (resource.Repository{}) {
		all, err := q.Lifecycle().Policies(after, 1)
		if err != nil || len(all) == 0 {
			return nil, err
		}
		return &all[0], nil
	}
	if after != 0 {
		return nil, nil
	}
	repo, err := q.Repositories().Get(r.Repository.Registry.Account, r.Repository.Registry.Region, r.Repository.Name)
	if errors.Is(err, metadata.ErrNotFound) || err == nil && !s.registry.Exists(r.Repository.Registry) {
		return nil, registry.Errorf(registry.RepositoryNotFound, "There is no repository %s", r.Repository)
	}
	if err != nil {
		return nil, err
	}
	p, err := q.Lifecycle().Policy(repo.ID)
	if errors.Is(err, metadata.ErrNotFound) {
		return nil, registry.Errorf(registry.LifecyclePolicyNotFound, "The repository %s has no lifecycle policy",
			r.Repository)
	}
	return &p, err
}

// report says what came of a run that has ended, if it was not forgotten meanwhile.
func (s *Service) report(ctx context.Context, at piece, out *RunPiece) error {
	q := s.meta.Read(ctx)
	e, err := q.Lifecycle().Evaluation(at.At.Evaluation)
	if errors.Is(err, metadata.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := q.Repositories().ByID(at.Policy)
	if errors.Is(err, metadata.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	run := runOf(e)
	out.Ended = &run
	out.Repository = resource.Repository{
		Registry: resource.Registry{Account: r.Account, Region: r.Region}, Name: r.Name,
	}
	return nil
}
