package registry

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/usage"
)

// What is set of a repository, as it is stored.
type (
	RepositorySettings = metadata.RepositorySettings
	TagMutability      = metadata.TagMutability
)

const (
	Mutable                TagMutability = "MUTABLE"
	Immutable              TagMutability = "IMMUTABLE"
	ImmutableWithExclusion TagMutability = "IMMUTABLE_WITH_EXCLUSION"
	MutableWithExclusion   TagMutability = "MUTABLE_WITH_EXCLUSION"
)

// maxExclusions is how many filters a mutability setting may have (ECR:
// ImageTagMutabilityExclusionFilters).
const maxExclusions = 5

// maxExclusionLength is how many characters a filter may have (ECR: ImageTagMutabilityExclusionFilterValue).
const maxExclusionLength = 128

// maxWildcards is how many * one filter may have (ECR: tag immutability).
const maxWildcards = 2

// Repository is what is known of a repository.
type Repository struct {
	Ref       resource.Repository
	CreatedAt time.Time
	RepositorySettings
}

// NewRepository is a repository to create. Zero values of its settings mean
// ECR's defaults: MUTABLE and AES256.
type NewRepository struct {
	RepositorySettings
	Tags []resource.Tag
}

func repositoryOf(r *metadata.Repository) Repository {
	return Repository{Ref: refOf(r), CreatedAt: r.CreatedAt, RepositorySettings: r.RepositorySettings}
}

// CreateRepository: RepositoryAlreadyExists, InvalidParameter, InvalidTagParameter, TooManyTags, KMS, LimitExceeded.
func (s *Service) CreateRepository(ctx context.Context, c access.Caller, ref resource.Repository,
	n NewRepository) (Repository, error) {
	if err := validName(ref.Name); err != nil {
		return Repository{}, err
	}
	if err := validResourceTags(n.Tags); err != nil {
		return Repository{}, err
	}
	asked := access.Request{Caller: c, Action: access.CreateRepository, On: ref, About: access.About{Set: n.Tags}}
	reg, err := s.AuthorizeRegistry(ctx, asked)
	if err != nil {
		return Repository{}, err
	}
	if len(n.Tags) > 0 {
		asked.Action = access.TagResource
		if err := s.decide(ctx, asked, s.registryPolicy(ref.Registry, &reg.RegistrySettings)); err != nil {
			return Repository{}, err
		}
	}
	settings := withDefaults(n.RepositorySettings)
	if err := validMutability(settings.TagMutability, settings.Exclusions); err != nil {
		return Repository{}, err
	}
	if err := ValidEncryption(settings.Encryption); err != nil {
		return Repository{}, err
	}
	r := s.newRepository(ref, reg.ID, settings)
	room := s.room(ref.Registry, reg.ID, 0, quota.Repositories)
	err = room.Within(ctx, func() error { return s.createRepository(ctx, r, n.Tags, room) })
	if err != nil {
		return Repository{}, err
	}
	return repositoryOf(r), nil
}

func (s *Service) createRepository(ctx context.Context, r *metadata.Repository, tags []resource.Tag,
	room *usage.Room) error {
	return s.Update(ctx, func(tx *metadata.Tx) error {
		if err := room.Begin(tx.Queries); err != nil {
			return err
		}
		created, err := tx.Repositories().Create(r)
		if err != nil {
			return err
		}
		if !created {
			return Errorf(RepositoryAlreadyExists, "The repository with name '%s' already exists in the registry with id '%s'",
				r.Name, r.Account)
		}
		if err := room.Take(quota.Repositories, 1); err != nil {
			return err
		}
		return s.created(tx, r, tags)
	})
}

// created gives a repository that was just created its tags, and reports it.
func (s *Service) created(tx *metadata.Tx, r *metadata.Repository, tags []resource.Tag) error {
	for _, t := range tags {
		if err := tx.Repositories().SetResourceTag(r, t); err != nil {
			return err
		}
	}
	s.repositoryChanged(tx, r)
	return s.outbox.Possible(tx, r.RegistryRow, refOf(r)) // replications may lack only the right to create it
}

// withDefaults sets what is not set as ECR does.
func withDefaults(r RepositorySettings) RepositorySettings {
	if r.TagMutability == "" {
		r.TagMutability = Mutable
	}
	if r.Encryption.Type == "" {
		r.Encryption.Type = AES256
	}
	return r
}

func (s *Service) newRepository(ref resource.Repository, registry int64,
	settings RepositorySettings) *metadata.Repository {
	return &metadata.Repository{
		RegistryRow: registry, Account: ref.Registry.Account, Region: ref.Registry.Region, Name: ref.Name,
		CreatedAt: s.now().UTC().Truncate(time.Microsecond), RepositorySettings: settings,
	}
}

// validMutability refuses what ECR does: InvalidParameter.
func validMutability(m TagMutability, exclusions []string) error {
	switch m {
	case Mutable, Immutable:
		if len(exclusions) > 0 {
			return invalidExclusions("ImageTagMutabilityExclusionFilters are not allowed when imageTagMutability is set as %s",
				m)
		}
	case ImmutableWithExclusion, MutableWithExclusion:
		if len(exclusions) == 0 {
			return invalidExclusions("ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as %s", m)
		}
		if len(exclusions) > maxExclusions {
			return invalidExclusions("Member must have length less than or equal to %d", maxExclusions)
		}
		for _, f := range exclusions {
			if !validExclusion(f) {
				return invalidExclusions("Member must satisfy regular expression pattern: ^[0-9a-zA-Z._*-]{1,%d}$",
					maxExclusionLength)
			}
			if strings.Count(f, "*") > maxWildcards {
				return invalidExclusions("a filter has at most %d wildcards (*): '%s' has more", maxWildcards, f)
			}
		}
	default:
		return Errorf(InvalidParameter, "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member "+
			"must satisfy enum value set: [%s, %s, %s, %s]'", Immutable, Mutable, ImmutableWithExclusion, MutableWithExclusion)
	}
	return nil
}

func invalidExclusions(format string, args ...any) *Error {
	return Errorf(InvalidParameter, "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy "+
		"constraint: '"+format+"'", args...)
}

// validExclusion reports whether a filter has only characters that tags may have, and wildcards.
func validExclusion(filter string) bool {
	return filter != "" && len(filter) <= maxExclusionLength &&
		strings.IndexFunc(filter, func(c rune) bool { return c != '*' && !ValidTag("_"+string(c)) }) < 0
}

// ImmutableTag reports whether a tag of the repository may not be moved.
func ImmutableTag(r *metadata.Repository, tag string) bool {
	switch r.TagMutability {
	case Immutable:
		return true
	case ImmutableWithExclusion:
		return !matchesAny(r.Exclusions, tag)
	case MutableWithExclusion:
		return matchesAny(r.Exclusions, tag)
	}
	return false
}

func matchesAny(filters []string, tag string) bool {
	for _, f := range filters {
		if matchWildcard(f, tag) {
			return true
		}
	}
	return false
}

// matchWildcard matches a filter whose * stand for any characters, in linear
// time: each part between stars is taken where it first fits.
func matchWildcard(filter, s string) bool {
	parts := strings.Split(filter, "*")
	if len(parts) == 1 {
		return filter == s
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(s, first) {
		return false
	}
	s = s[len(first):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, last)
}

// DescribeRepositories by name, in the order asked: RepositoryNotFound.
func (s *Service) DescribeRepositories(ctx context.Context, c access.Caller, id resource.Registry,
	names []string) ([]Repository, error) {
	repos := make([]Repository, 0, len(names))
	for _, name := range names {
		r, err := s.Repository(ctx, c, resource.Repository{Registry: id, Name: name}, access.DescribeRepositories)
		if err != nil {
			return nil, err
		}
		repos = append(repos, repositoryOf(r))
	}
	return repos, nil
}

// ListRepositories in order of name; next is the Page.After of the next page, "" at the end.
func (s *Service) ListRepositories(ctx context.Context, c access.Caller, id resource.Registry,
	p Page) (repos []Repository, next string, err error) {
	all := resource.Repository{Registry: id, Name: "*"}
	reg, err := s.AuthorizeRegistry(ctx, access.Request{Caller: c, Action: access.DescribeRepositories, On: all})
	if err != nil {
		return nil, "", err
	}
	rows, err := s.meta.Read(ctx).Repositories().List(reg.ID, p.After, p.Limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list the repositories of %s: %w", id, err)
	}
	rows, next = PageOf(rows, p.Limit, func(r *metadata.Repository) string { return r.Name })
	for _, r := range rows {
		repos = append(repos, repositoryOf(r))
	}
	return repos, next, nil
}

// DeleteRepository: RepositoryNotFound, RepositoryNotEmpty (unless force).
func (s *Service) DeleteRepository(ctx context.Context, c access.Caller, ref resource.Repository,
	force bool) (Repository, error) {
	r, err := s.Repository(ctx, c, ref, access.DeleteRepository)
	if err != nil {
		return Repository{}, err
	}
	more := false
	err = s.alter(ctx, r, func(tx *metadata.Tx, r *metadata.Repository) error {
		if !force {
			has, err := tx.Repositories().HasImages(r.ID)
			if err != nil {
				return err
			}
			if has {
				return Errorf(RepositoryNotEmpty, "The repository with name '%s' in registry with id '%s' cannot be deleted "+
					"because it still contains images", ref.Name, ref.Registry.Account)
			}
		}
		// What one transaction can remove goes now. Of a larger one nothing is to be
		// seen from now on, and its name is free; its rows go afterwards.
		if more, err = tx.Repositories().DeleteContent(r, metadata.DeleteBatch); err == nil && more {
			err = tx.Repositories().Retire(r)
		} else if err == nil {
			err = tx.Repositories().Delete(r)
		}
		if err != nil {
			return err
		}
		return s.outbox.Possible(tx, r.RegistryRow, ref) // it may have denied what a new one would take
	})
	if wake := s.retired.Load(); err == nil && more && wake != nil {
		(*wake)()
	}
	return repositoryOf(r), err
}

// OnRetired sets what is called when a repository was retired, for its rows to
// be deleted soon. Else a sweep does. It must not block.
func (s *Service) OnRetired(wake func()) { s.retired.Store(&wake) }

// OnFull sets what is called when a layer found no room, for room to be made. It
// must not block.
func (s *Service) OnFull(call func()) { s.full.Store(&call) }

// SetTagMutability replaces the mutability and its exclusion filters: PreconditionFailed.
func (s *Service) SetTagMutability(ctx context.Context, c access.Caller, ref resource.Repository, m TagMutability,
	exclusions []string, base ...Revision) (Repository, error) {
	r, err := s.Repository(ctx, c, ref, access.PutImageTagMutability)
	if err != nil {
		return Repository{}, err
	}
	if err := validMutability(m, exclusions); err != nil {
		return Repository{}, err
	}
	var changed Repository
	err = s.alter(ctx, r, func(tx *metadata.Tx, r *metadata.Repository) error {
		if err := Unchanged(documentOf("the tag mutability", ref), base, r.TagMutability, r.Exclusions); err != nil {
			return err
		}
		r.TagMutability, r.Exclusions = m, exclusions
		changed = repositoryOf(r)
		return tx.Repositories().SaveSettings(r)
	})
	return changed, err
}

// SetRepositoryPolicy: InvalidParameter with where the text is wrong, PreconditionFailed. Without
// force a policy that would lock the caller out of SetRepositoryPolicy is refused.
func (s *Service) SetRepositoryPolicy(ctx context.Context, c access.Caller, ref resource.Repository, text string,
	force bool, base ...Revision) error {
	r, err := s.Repository(ctx, c, ref, access.SetRepositoryPolicy)
	if err != nil {
		return err
	}
	doc, err := policy.ParseNew(text, policy.RepositoryPolicy, policy.Registry(ref.Registry))
	if err != nil {
		return invalidPolicy("PolicyText", err)
	}
	if !force {
		own := policy.Policy{Name: "the new policy", Document: doc}
		tags, err := s.meta.ResourceTags(ctx, r)
		if err != nil {
			return fmt.Errorf("read the resource tags of %s: %w", ref, err)
		}
		asked := access.Request{Caller: c, Action: access.SetRepositoryPolicy, On: ref, About: access.About{Tags: tags}}
		d, err := s.access.DecideBy(ctx, asked, s.policiesOf(r)[0], own)
		if err != nil {
			return err
		}
		if !d.Allowed() {
			return Errorf(InvalidParameter, "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'The new policy "+
				"would keep you from changing it again (%s); use force to set it all the same'", d.Reason())
		}
	}
	return s.alter(ctx, r, func(tx *metadata.Tx, r *metadata.Repository) error {
		if err := Unchanged(documentOf("the policy", ref), base, r.Policy); err != nil {
			return err
		}
		if err := tx.Repositories().SetPolicy(r, text); err != nil {
			return err
		}
		return s.outbox.Possible(tx, r.RegistryRow, ref) // it may have denied them
	})
}

func invalidPolicy(parameter string, err error) error {
	return Errorf(InvalidParameter, "Invalid parameter at '%s' failed to satisfy constraint: 'Invalid "+
		"repository policy provided: %v'", parameter, err)
}

// RepositoryPolicy: RepositoryPolicyNotFound.
func (s *Service) RepositoryPolicy(ctx context.Context, c access.Caller, ref resource.Repository) (string, error) {
	r, err := s.Repository(ctx, c, ref, access.GetRepositoryPolicy)
	if err != nil {
		return "", err
	}
	if r.Policy == "" {
		return "", repositoryPolicyNotFound(ref)
	}
	return r.Policy, nil
}

func repositoryPolicyNotFound(ref resource.Repository) *Error {
	return Errorf(RepositoryPolicyNotFound, "Repository policy does not exist for the repository with name '%s' in the "+
		"registry with id '%s'", ref.Name, ref.Registry.Account)
}

// DeleteRepositoryPolicy returns the text that was deleted: RepositoryPolicyNotFound, PreconditionFailed.
func (s *Service) DeleteRepositoryPolicy(ctx context.Context, c access.Caller, ref resource.Repository,
	base ...Revision) (text string, err error) {
	r, err := s.Repository(ctx, c, ref, access.DeleteRepositoryPolicy)
	if err != nil {
		return "", err
	}
	err = s.alter(ctx, r, func(tx *metadata.Tx, r *metadata.Repository) error {
		if err := Unchanged(documentOf("the policy", ref), base, r.Policy); err != nil {
			return err
		}
		if text = r.Policy; text == "" {
			return repositoryPolicyNotFound(ref)
		}
		if err := tx.Repositories().SetPolicy(r, ""); err != nil {
			return err
		}
		return s.outbox.Possible(tx, r.RegistryRow, ref) // it may have denied them
	})
	return text, err
}
