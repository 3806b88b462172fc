package expiry

import (
	"context"
	"errors"

	"github.com/twinport/twinport/internal/lifecycle"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
)

const (
	// actedAtOnce is how many images of a run are acted on in a transaction, and
	// deletedAtOnce how many manifests it deletes, referrers among them: pushes to
	// the repository wait for it.
	actedAtOnce   = 20
	deletedAtOnce = 100
)

// act acts on the next images that a run has found. Without any more the run has
// ended.
func (s *Service) act(ctx context.Context, e metadata.Evaluation, r *metadata.Repository, p *planned,
	after metadata.ImageKey) (next metadata.ImageKey, ended bool, err error) {
	marks, err := s.meta.Read(ctx).Lifecycle().Marks(e.ID, -1, after, actedAtOnce)
	if err != nil {
		return after, false, err
	}
	if len(marks) == 0 {
		return after, true, s.end(ctx, e, metadata.EvaluationComplete, noteOf(p.policy))
	}
	var digests []string
	for _, m := range marks {
		if toDo(m) {
			digests = append(digests, m.Digest)
		}
	}
	all := true
	if len(digests) > 0 {
		all, ended, err = s.settle(ctx, e, r, p, digests)
	}
	if registry.CodeOf(err) == registry.RepositoryNotFound {
		return after, true, s.end(ctx, e, metadata.EvaluationFailed, repositoryDeleted)
	}
	if all && err == nil {
		last := marks[len(marks)-1]
		after = metadata.ImageKey{PushedAt: last.PushedAt, Digest: last.Digest}
	}
	return after, ended, err
}

// toDo says whether a run has yet to act on an image, or to end that.
func toDo(m metadata.LifecycleMark) bool { return m.Outcome == "" || m.Outcome == metadata.MarkGoing }

// settle acts on images, and stores what came of it: all says whether nothing is
// left of them to do. If the policy is not the run's any more, the run ends.
func (s *Service) settle(ctx context.Context, e metadata.Evaluation, r *metadata.Repository, p *planned,
	digests []string) (all, ended bool, err error) {
	err = s.registry.Alter(ctx, r, func(tx *metadata.Tx, r *metadata.Repository) error {
		all, ended = true, false
		current, err := tx.Lifecycle().Policy(r.ID)
		if errors.Is(err, metadata.ErrNotFound) || err == nil && current.Policy != e.Policy {
			ended = true
			return s.endIn(tx, e, metadata.EvaluationFailed, policyReplaced)
		}
		if err != nil {
			return err
		}
		// Another process may have acted on some before this one had the repository.
		marks, err := tx.Lifecycle().MarksOf(e.ID, digests)
		if err != nil {
			return err
		}
		left := deletedAtOnce
		for _, m := range marks {
			if !toDo(m) {
				continue
			}
			if left <= 0 {
				all = false
				break
			}
			deleted, err := s.expire(tx, r, p, &m, left)
			if err != nil {
				return err
			}
			left -= deleted
			all = all && !toDo(m)
			if err := tx.Lifecycle().Settle(e.ID, m); err != nil {
				return err
			}
			tx.OnCommit(func() { s.counter.Load().acted(m) })
		}
		return nil
	})
	return all, ended, err
}

// expire deletes an image with its referrers, if the policy acts on it still, and
// at most so many of these. It returns how many manifests are gone.
func (s *Service) expire(tx *metadata.Tx, r *metadata.Repository, p *planned, m *metadata.LifecycleMark,
	most int) (deleted int, err error) {
	image, err := tx.Images().LifecycleImage(r.ID, m.Digest)
	there := err == nil
	if err != nil && !errors.Is(err, metadata.ErrNotFound) {
		return 0, err
	}
	switch {
	case m.Outcome == metadata.MarkGoing && there:
		m.Outcome = metadata.MarkDone // it was pushed anew, so its referrers are wanted
		return 0, nil
	case m.Outcome == metadata.MarkGoing:
	case !there:
		m.Outcome, m.Reason = metadata.MarkKept, "It was deleted before the run came to it."
		return 0, nil
	default:
		decided := imageOf(&image)
		rule := p.Decide(&decided)
		if rule == nil || rule.Action != lifecycle.Expire {
			m.Outcome, m.Reason = metadata.MarkKept, whyKept(image)
			return 0, nil
		}
		if _, err := s.registry.Expire(tx, r, m.Digest); err != nil {
			return 0, err
		}
		deleted++
	}
	referrers, err := tx.Images().Following(r.ID, m.Digest, most)
	if err != nil {
		return deleted, err
	}
	for _, d := range referrers {
		if _, err := s.registry.Expire(tx, r, d); err != nil {
			return deleted, err
		}
	}
	m.Outcome = metadata.MarkDone
	if len(referrers) == most {
		m.Outcome = metadata.MarkGoing
	}
	return deleted + len(referrers), nil
}

func whyKept(image metadata.LifecycleImage) string {
	switch {
	case image.Child:
		return "An index names it now."
	case image.Attached:
		return "It refers to an image that is there now."
	}
	return "It was tagged, signed or pulled after the run had found it, and the policy does not delete it any more."
}
