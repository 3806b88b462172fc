package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// outsider is Repository for a caller of another account. To one who is refused
// a repository that is not there costs what one that is there does: the same
// look-ups, none of them answered from memory, and the same evaluations. So
// the time shows as little as the text. A repository that a push would create is
// decided on by the policies that it would have. The same holds for users of the
// account, once it has turned out that the repository is not there.
func (s *Service) outsider(ctx context.Context, c access.Caller, ref resource.Repository, about access.About,
	ahead metadata.Ahead, actions []string) (*metadata.Repository, error) {
	// Who was let in by what is remembered is let in without more ado, if the
	// store says so still.
	r := s.remembered(ref)
	known := []policy.Policy{s.access.LastRegistryPolicy(ref.Registry), {}}
	if r != nil {
		known = s.policiesOf(r)
	}
	if s.decideAll(ctx, c, ref, about, known, actions) == nil && r != nil {
		return s.insider(ctx, c, ref, about, ahead, actions)
	}

	q := s.meta.Read(ctx)
	repository := metadata.Ask(q, func(q *metadata.Queries) (*metadata.Repository, error) {
		return q.Repositories().Get(ref.Registry.Account, ref.Registry.Region, ref.Name)
	})
	registry := metadata.Ask(q, func(q *metadata.Queries) (metadata.Registry, error) {
		return q.Registries().Get(ref.Registry.Account, ref.Registry.Region)
	})
	template := metadata.Ask(q, func(q *metadata.Queries) (*CreationTemplate, error) {
		return TemplateFor(q, s.registries[ref.Registry], ref.Name, ForPush)
	})
	r, err := repository.Get()
	if errors.Is(err, metadata.ErrNotFound) {
		r = &metadata.Repository{}
	} else if err != nil {
		return nil, fmt.Errorf("look up repository %s: %w", ref, err)
	}
	reg, err := registry.Get()
	if err != nil && !errors.Is(err, metadata.ErrNotFound) {
		return nil, fmt.Errorf("look up registry %s: %w", ref.Registry, err)
	}
	t, err := template.Get()
	if err != nil {
		return nil, err
	}
	if about.Tags, err = q.Repositories().ResourceTags(r.ID); err != nil {
		return nil, fmt.Errorf("read the resource tags of %s: %w", ref, err)
	}
	if !s.Exists(ref.Registry) { // what was stored before it was taken out of the configuration
		r, reg, about.Tags = &metadata.Repository{}, metadata.Registry{}, nil
	}
	if r.ID == 0 && t != nil { // a push would create it
		r.Policy, about.Tags = t.Policy, t.Tags
	}
	policies := []policy.Policy{
		s.registryPolicy(ref.Registry, &reg.RegistrySettings), s.access.RepositoryPolicy(ref, r.Policy),
	}
	if err := s.decideAll(ctx, c, ref, about, policies, actions); err != nil {
		return nil, err
	}
	if r.ID == 0 {
		return nil, repositoryNotFound(ref)
	}
	return s.insider(ctx, c, ref, about, ahead, actions)
}

// remembered is the row that the store has in memory, nil if it has none.
func (s *Service) remembered(ref resource.Repository) *metadata.Repository {
	if !s.Exists(ref.Registry) {
		return nil
	}
	return s.meta.Remembered(ref.Registry.Account, ref.Registry.Region, ref.Name)
}

func (s *Service) decideAll(ctx context.Context, c access.Caller, ref resource.Repository, about access.About,
	policies []policy.Policy, actions []string) error {
	for _, action := range actions {
		if err := s.decide(ctx, access.Request{Caller: c, Action: action, On: ref, About: about}, policies...); err != nil {
			return err
		}
	}
	return nil
}
