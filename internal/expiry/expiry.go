// Package expiry carries lifecycle policies out: it keeps the policies of
// repositories, shows what they would do, and does it.
//
// What a policy does to images is decided by package lifecycle; an evaluation of
// it goes through a repository page by page, and stores what it finds. A preview
// ends there. A run then acts on what was found, an image at a time: under the
// lock of the repository it reads the image again and asks again, so that an image
// that was tagged, or named by an index, a moment ago stays.
//
// Evaluations are in the store. Whoever has time goes on with one: a job, of
// whatever process, or a command. Two may go on with the same one side by side;
// they do some of its work twice.
package expiry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// patience is how long after a policy was set its first run may begin, unless
// the interval is shorter: the time to take back a slip. ECR leaves up to a day.
const patience = time.Hour

// FirstRun is how long after a policy was set it runs first, where policies run at such intervals.
func FirstRun(interval time.Duration) time.Duration { return min(interval, patience) }

// Config is what New needs; every field must be set.
type Config struct {
	Registry *registry.Service
	Metadata metadata.Store
	// Interval is the time from the beginning of a policy's run to that of the next.
	Interval time.Duration
	Logger   *slog.Logger
	Now      func() time.Time
}

// Service has the lifecycle policies of a deployment. Methods that take a caller
// authorise it, and return *registry.Error for what the caller did wrong. It is
// safe for concurrent use.
type Service struct {
	registry *registry.Service
	meta     metadata.Store
	interval time.Duration
	log      *slog.Logger
	now      func() time.Time

	plans   plans
	counter atomic.Pointer[Counter] // see CountIn
	asked   atomic.Pointer[func()]  // see OnPreview
}

// New returns the policies of a deployment.
func New(c Config) *Service {
	s := &Service{registry: c.Registry, meta: c.Metadata, interval: c.Interval, log: c.Logger, now: c.Now}
	s.CountIn(new(Counter))
	return s
}

// OnPreview sets what is called when somebody waits for a preview, for its job to
// run. It must not block.
func (s *Service) OnPreview(call func()) { s.asked.Store(&call) }

// Policy is the lifecycle policy of a repository.
type Policy struct {
	Text string // as ECR returns it
	// EvaluatedAt is when a run of it ended last; zero if none has since it was set.
	EvaluatedAt time.Time
}

// PutPolicy sets the policy of a repository, and returns it as it is stored:
// InvalidParameter, PreconditionFailed.
func (s *Service) PutPolicy(ctx context.Context, c access.Caller, ref resource.Repository, text string,
	base ...registry.Revision) (string, error) {
	r, err := s.registry.Repository(ctx, c, ref, access.PutLifecyclePolicy)
	if err != nil {
		return "", err
	}
	p, err := registry.ParseLifecyclePolicy("LifecyclePolicyText", text)
	if err != nil {
		return "", err
	}
	stored := p.Text()
	err = s.registry.Alter(ctx, r, func(tx *metadata.Tx, r *metadata.Repository) error {
		before, err := tx.Lifecycle().Policy(r.ID)
		if err != nil && !errors.Is(err, metadata.ErrNotFound) {
			return err
		}
		if err := unchanged(ref, base, before.Policy); err != nil {
			return err
		}
		return tx.Lifecycle().PutPolicy(r, stored, s.now().Add(FirstRun(s.interval)))
	})
	return stored, err
}

func unchanged(ref resource.Repository, base []registry.Revision, text string) error {
	return registry.Unchanged(fmt.Sprintf("the lifecycle policy of the repository with name '%s'", ref.Name), base, text)
}

// Policy of a repository: LifecyclePolicyNotFound.
func (s *Service) Policy(ctx context.Context, c access.Caller, ref resource.Repository) (Policy, error) {
	r, err := s.registry.Repository(ctx, c, ref, access.GetLifecyclePolicy)
	if err != nil {
		return Policy{}, err
	}
	return policyOf(s.meta.Read(ctx), r, ref)
}

func policyOf(q *metadata.Queries, r *metadata.Repository, ref resource.Repository) (Policy, error) {
	p, err := q.Lifecycle().Policy(r.ID)
	if errors.Is(err, metadata.ErrNotFound) {
		return Policy{}, registry.Errorf(registry.LifecyclePolicyNotFound, "Lifecycle policy does not exist for the "+
			"repository with name '%s' in the registry with id '%s'", ref.Name, ref.Registry.Account)
	}
	return Policy{p.Policy, p.EvaluatedAt}, err
}

// DeletePolicy deletes the policy of a repository, and returns it:
// LifecyclePolicyNotFound, PreconditionFailed. A run of it that is under way stops.
func (s *Service) DeletePolicy(ctx context.Context, c access.Caller, ref resource.Repository,
	base ...registry.Revision) (p Policy, err error) {
	r, err := s.registry.Repository(ctx, c, ref, access.DeleteLifecyclePolicy)
	if err != nil {
		return p, err
	}
	err = s.registry.Alter(ctx, r, func(tx *metadata.Tx, r *metadata.Repository) error {
		if p, err = policyOf(tx.Queries, r, ref); err != nil && registry.CodeOf(err) != registry.LifecyclePolicyNotFound {
			return err
		}
		if changed := unchanged(ref, base, p.Text); changed != nil {
			return changed
		}
		if err != nil {
			return err
		}
		_, err := tx.Lifecycle().DeletePolicy(r)
		return err
	})
	return p, err
}
