package registry

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/usage"
)

// ErrChangedSince ends a transaction if what it was decided on has changed since: the policies or tags of a repository,
// the template of a new one, the registry's settings. It is to be decided anew.
var ErrChangedSince = errors.New("what this was decided on has just been changed")

// TemplateFor returns the template that holds for a repository that is created on the occasion, nil if none does.
func TemplateFor(q *metadata.Queries, registry int64, name string, on Occasion) (*CreationTemplate, error) {
	t, err := q.CreationTemplates().For(registry, name, on)
	if errors.Is(err, metadata.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up the creation template for %s: %w", name, err)
	}
	return &t, nil
}

// CreateFor creates a repository for somebody, as the template that TemplateFor has returned says: without one, with
// ECR's defaults. It returns nil if the repository is there already, and ErrChangedSince if another template holds now.
func (s *Service) CreateFor(tx *metadata.Tx, ref resource.Repository, registry int64, on Occasion,
	t *CreationTemplate) (*metadata.Repository, error) {
	var as CreationTemplate
	if t != nil {
		as = *t
	}
	r := s.newRepository(ref, registry, withDefaults(RepositorySettings{
		TagMutability: as.TagMutability, Exclusions: as.Exclusions, Encryption: as.Encryption,
	}))
	r.Policy = as.Policy
	if created, err := tx.Repositories().Create(r); err != nil || !created {
		return nil, err
	}
	// From here on the registry is locked, and its templates with it.
	now, err := TemplateFor(tx.Queries, registry, ref.Name, on)
	if err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(now, t) {
		return nil, ErrChangedSince
	}
	if as.LifecyclePolicy != "" {
		p, err := ParseLifecyclePolicy("lifecyclePolicy", as.LifecyclePolicy)
		if err != nil {
			return nil, fmt.Errorf("read the lifecycle policy of the creation template %s: %w", as.Prefix, err)
		}
		if err := tx.Lifecycle().PutPolicy(r, p.Text(), s.now().Add(s.lifecycleDelay)); err != nil {
			return nil, err
		}
	}
	return r, s.created(tx, r, as.Tags)
}

// repositoryToPush is Repository for a push: if there is none, and a template of the registry says that a push creates
// it, it is created. KMS if nothing may be stored in it.
func (s *Service) repositoryToPush(ctx context.Context, c access.Caller, ref resource.Repository, about access.About,
	actions ...string) (*metadata.Repository, error) {
	r, err := s.repositoryAbout(ctx, c, ref, about, nil, actions...)
	if CodeOf(err) == RepositoryNotFound {
		there, createErr := s.createOnPush(ctx, c, ref, about, actions)
		if createErr != nil {
			return nil, createErr
		}
		if there {
			r, err = s.repositoryAbout(ctx, c, ref, about, nil, actions...)
		}
	}
	if err == nil {
		err = ValidEncryption(r.Encryption)
	}
	return r, err
}

// createOnPush creates the repository that somebody pushes to, if a template says so and the push is allowed by the
// policies that the repository will have. In ECR a push that is refused creates the repository all the same, so that
// anyone who may push anywhere can fill a registry with names. It returns false if no template says so: AccessDenied,
// LimitExceeded, Throttled.
func (s *Service) createOnPush(ctx context.Context, c access.Caller, ref resource.Repository, about access.About,
	actions []string) (there bool, err error) {
	row, ok := s.registries[ref.Registry]
	if !ok {
		return false, nil
	}
	room := s.room(ref.Registry, row, 0, quota.Repositories)
	for n := 1; ; n++ {
		t, reg, err := s.pushTemplate(ctx, ref, row)
		if err != nil || t == nil {
			return false, err
		}
		policies := []policy.Policy{
			s.registryPolicy(ref.Registry, &reg.RegistrySettings), s.access.RepositoryPolicy(ref, t.Policy),
		}
		about.Tags = t.Tags
		if err := s.decideAll(ctx, c, ref, about, policies, actions); err != nil {
			return false, err
		}
		err = room.Within(ctx, func() error { return s.createToPush(ctx, ref, reg, t, room) })
		if !errors.Is(err, ErrChangedSince) {
			return err == nil, err
		}
		if n == usage.MaxRuns {
			return false, Errorf(Throttled, "The repository with name '%s' was not created, since its creation template in "+
				"the registry with id '%s' is being changed: try again", ref.Name, ref.Registry.Account)
		}
	}
}

// pushTemplate returns what a push to a repository that is not there is decided on.
func (s *Service) pushTemplate(ctx context.Context, ref resource.Repository, row int64) (t *CreationTemplate,
	reg metadata.Registry, err error) {
	q := s.meta.Read(ctx)
	template := metadata.Ask(q, func(q *metadata.Queries) (*CreationTemplate, error) {
		return TemplateFor(q, row, ref.Name, ForPush)
	})
	if reg, err = q.Registries().Get(ref.Registry.Account, ref.Registry.Region); err != nil {
		return nil, reg, fmt.Errorf("look up registry %s: %w", ref.Registry, err)
	}
	t, err = template.Get()
	return t, reg, err
}

// createToPush is the transaction of createOnPush. If others have created the repository meanwhile, it is there.
func (s *Service) createToPush(ctx context.Context, ref resource.Repository, decided metadata.Registry,
	t *CreationTemplate, room *usage.Room) error {
	return s.Update(ctx, func(tx *metadata.Tx) error {
		if err := room.Begin(tx.Queries); err != nil {
			return err
		}
		r, err := s.CreateFor(tx, ref, decided.ID, ForPush, t)
		if err != nil || r == nil {
			return err
		}
		reg, err := tx.Registries().Get(ref.Registry.Account, ref.Registry.Region)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(reg.RegistrySettings, decided.RegistrySettings) {
			return ErrChangedSince
		}
		return room.Take(quota.Repositories, 1)
	})
}
