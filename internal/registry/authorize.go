package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// policiesOf returns a repository's policies, parsed once per cached row.
func (s *Service) policiesOf(r *metadata.Repository) []policy.Policy {
	return r.Memo(func(r *metadata.Repository) any {
		ref := refOf(r)
		return []policy.Policy{
			s.registryPolicy(ref.Registry, &r.Registry),
			s.access.RepositoryPolicy(ref, r.Policy),
		}
	}).([]policy.Policy)
}

func refOf(r *metadata.Repository) resource.Repository {
	return resource.Repository{Registry: resource.Registry{Account: r.Account, Region: r.Region}, Name: r.Name}
}

// Repository returns a repository if the caller may do all the actions on it.
//
// Whoever is not of the registry's account learns no more from a repository
// that does not exist than from one that grants nothing: AccessDenied. The
// registry's own callers get RepositoryNotFound, if they might do the actions on it.
func (s *Service) Repository(ctx context.Context, c access.Caller, ref resource.Repository,
	actions ...string) (*metadata.Repository, error) {
	return s.repositoryAhead(ctx, c, ref, nil, actions...)
}

// repositoryAhead is Repository for a caller who asks more next.
func (s *Service) repositoryAhead(ctx context.Context, c access.Caller, ref resource.Repository, ahead metadata.Ahead,
	actions ...string) (*metadata.Repository, error) {
	return s.repositoryAbout(ctx, c, ref, access.About{}, ahead, actions...)
}

// repositoryAbout is Repository for a request whose conditions are about more
// than the repository.
func (s *Service) repositoryAbout(ctx context.Context, c access.Caller, ref resource.Repository, about access.About,
	ahead metadata.Ahead, actions ...string) (*metadata.Repository, error) {
	if err := validName(ref.Name); err != nil {
		return nil, err
	}
	if c.Identity.Principal.Account != ref.Registry.Account {
		return s.outsider(ctx, c, ref, about, ahead, actions)
	}
	r, err := s.insider(ctx, c, ref, about, ahead, actions)
	if CodeOf(err) == RepositoryNotFound && !c.IsRootOf(ref.Registry.Account) {
		return s.outsider(ctx, c, ref, about, ahead, actions)
	}
	return r, err
}

// insider is Repository for a caller who may know whether it is there.
func (s *Service) insider(ctx context.Context, c access.Caller, ref resource.Repository, about access.About,
	ahead metadata.Ahead, actions []string) (*metadata.Repository, error) {
	// What an account or Region stored that is not served any more is not there.
	r, err := (*metadata.Repository)(nil), metadata.ErrNotFound
	if s.Exists(ref.Registry) {
		r, err = s.meta.Repository(ctx, ref.Registry.Account, ref.Registry.Region, ref.Name, ahead)
	}
	if errors.Is(err, metadata.ErrNotFound) {
		return nil, repositoryNotFound(ref)
	}
	if err != nil {
		return nil, fmt.Errorf("look up repository %s: %w", ref, err)
	}
	for _, action := range actions {
		if err := s.authorizeAbout(ctx, c, r, action, about); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func repositoryNotFound(ref resource.Repository) *Error {
	return Errorf(RepositoryNotFound, "The repository with name '%s' does not exist in the registry with id '%s'",
		ref.Name, ref.Registry.Account)
}

// authorize checks one action on a repository: AccessDenied.
func (s *Service) authorize(ctx context.Context, c access.Caller, r *metadata.Repository, action string) error {
	return s.authorizeAbout(ctx, c, r, action, access.About{})
}

func (s *Service) authorizeAbout(ctx context.Context, c access.Caller, r *metadata.Repository, action string,
	about access.About) error {
	policies := s.policiesOf(r)
	if access.Unrestricted(&c, r.Account, policies) {
		return nil
	}
	ref := refOf(r)
	var err error
	if about.Tags, err = s.meta.ResourceTags(ctx, r); err != nil {
		return fmt.Errorf("read the resource tags of %s: %w", ref, err)
	}
	return s.decide(ctx, access.Request{Caller: c, Action: action, On: ref, About: about}, policies...)
}

// decide has the policies decide: AccessDenied.
func (s *Service) decide(ctx context.Context, r access.Request, policies ...policy.Policy) error {
	d, err := s.access.Decide(ctx, r, policies...)
	if err != nil || d.Allowed() {
		return err
	}
	return Errorf(AccessDenied, "%s", d.Message())
}

// AuthorizeRegistry checks an action on a registry, or on repositories of it that need not exist, by the registry's
// policy alone, and returns the registry's row: AccessDenied, InvalidParameter if the registry is not served.
func (s *Service) AuthorizeRegistry(ctx context.Context, r access.Request) (metadata.Registry, error) {
	reg, err := s.decideByRegistry(ctx, r)
	if err == nil && !s.Exists(r.On.Registry) {
		err = s.notServed(r.On.Registry)
	}
	return reg, err
}

// Settings is AuthorizeRegistry for an action on the registry itself.
func (s *Service) Settings(ctx context.Context, c access.Caller, id resource.Registry,
	action string) (metadata.Registry, error) {
	return s.AuthorizeRegistry(ctx, access.Request{Caller: c, Action: action, On: resource.Repository{Registry: id}})
}

// Authorize checks an action that has no repository, such as
// ecr:GetAuthorizationToken: AccessDenied.
func (s *Service) Authorize(ctx context.Context, c access.Caller, id resource.Registry, action string) error {
	_, err := s.decideByRegistry(ctx, access.Request{Caller: c, Action: action, On: resource.Repository{Registry: id}})
	return err
}

// decideByRegistry decides on the registry's policy, and returns the registry's row. To callers of other accounts a
// registry that is not served is one that grants nothing, and is looked for all the same: they are not answered from
// memory.
func (s *Service) decideByRegistry(ctx context.Context, r access.Request) (metadata.Registry, error) {
	id := r.On.Registry
	var (
		reg metadata.Registry
		err error
	)
	if r.Caller.Identity.Principal.Account == id.Account {
		reg, err = s.meta.Registry(ctx, id.Account, id.Region)
	} else {
		reg, err = s.meta.Read(ctx).Registries().Get(id.Account, id.Region)
	}
	if err != nil && !errors.Is(err, metadata.ErrNotFound) {
		return reg, fmt.Errorf("look up registry %s: %w", id, err)
	}
	if !s.Exists(id) {
		reg.RegistrySettings = metadata.RegistrySettings{}
	} else if err != nil {
		return reg, fmt.Errorf("look up registry %s: %w", id, err)
	}
	policies := []policy.Policy{s.registryPolicy(id, &reg.RegistrySettings)}
	if access.Unrestricted(&r.Caller, id.Account, policies) {
		return reg, nil
	}
	return reg, s.decide(ctx, r, policies...)
}

func (s *Service) notServed(id resource.Registry) error {
	return Errorf(InvalidParameter, "The registry with id '%s' has no Region %s here; Regions served: %s",
		id.Account, id.Region, strings.Join(s.regions, ", "))
}
