package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// The actions that the domain asks for, by the names that policies use.
const (
	actionBatchCheckLayers    = "ecr:BatchCheckLayerAvailability"
	actionBatchDeleteImage    = "ecr:BatchDeleteImage"
	actionBatchGetImage       = "ecr:BatchGetImage"
	actionCompleteUpload      = "ecr:CompleteLayerUpload"
	actionCreateRepository    = "ecr:CreateRepository"
	actionDeleteRegistryPol   = "ecr:DeleteRegistryPolicy"
	actionDeleteRepository    = "ecr:DeleteRepository"
	actionDeleteRepoPolicy    = "ecr:DeleteRepositoryPolicy"
	actionDescribeReplStatus  = "ecr:DescribeImageReplicationStatus"
	actionDescribeImages      = "ecr:DescribeImages"
	actionDescribeRegistry    = "ecr:DescribeRegistry"
	actionDescribeRepos       = "ecr:DescribeRepositories"
	actionGetDownloadURL      = "ecr:GetDownloadUrlForLayer"
	actionGetRegistryPolicy   = "ecr:GetRegistryPolicy"
	actionGetRepositoryPolicy = "ecr:GetRepositoryPolicy"
	actionGetToken            = "ecr:GetAuthorizationToken"
	actionInitiateUpload      = "ecr:InitiateLayerUpload"
	actionListImages          = "ecr:ListImages"
	actionListTags            = "ecr:ListTagsForResource"
	actionPutImage            = "ecr:PutImage"
	actionPutMutability       = "ecr:PutImageTagMutability"
	actionPutRegistryPolicy   = "ecr:PutRegistryPolicy"
	actionPutReplication      = "ecr:PutReplicationConfiguration"
	actionReplicateImage      = "ecr:ReplicateImage"
	actionSetRepositoryPolicy = "ecr:SetRepositoryPolicy"
	actionTagResource         = "ecr:TagResource"
	actionUntagResource       = "ecr:UntagResource"
	actionUploadPart          = "ecr:UploadLayerPart"
)

// mendsPolicies are the actions that the root of the owning account may do
// whatever its policies say: else a Deny could lock an account out of the
// policy for good. (Amazon S3 treats bucket policies so.)
var mendsPolicies = map[string]bool{
	actionDeleteRegistryPol: true, actionGetRegistryPolicy: true, actionPutRegistryPolicy: true,
	actionDeleteRepoPolicy: true, actionGetRepositoryPolicy: true, actionSetRepositoryPolicy: true,
}

// policiesOf returns a repository's policies, parsed once per cached row.
func (s *Service) policiesOf(r *metadata.Repository) []policy.Policy {
	return r.Memo(func(r *metadata.Repository) any {
		ref := refOf(r)
		return []policy.Policy{
			s.registryPolicy(ref.Registry, r.RegistryPolicy),
			s.repositoryPolicy(ref, r.Policy),
		}
	}).([]policy.Policy)
}

func registryPolicyName(id resource.Registry) string {
	return fmt.Sprintf("the registry policy of %s in %s", id.Account, id.Region)
}

// registryPolicy parses a registry's stored policy, or remembers how it was parsed.
func (s *Service) registryPolicy(id resource.Registry, text string) policy.Policy {
	if !s.Exists(id) {
		return policy.Policy{Name: registryPolicyName(id)} // there are too many that could be
	}
	p, _ := s.grants.get(id, text, func() (policy.Policy, error) {
		return s.parsed(registryPolicyName(id), text, policy.RegistryPolicy), nil
	})
	return p
}

// parsed parses a stored policy. It was parsed before it was stored, so a
// failure means that another program stored what this one cannot read. Nobody
// knows what it denies, so it denies everything until it is set again.
func (s *Service) parsed(name, text string, kind policy.Kind) policy.Policy {
	if text == "" {
		return policy.Policy{Name: name}
	}
	doc, err := policy.Parse(text, kind)
	if err != nil {
		s.log.Error("a stored policy cannot be read: it denies everything until it is set again", "policy", name, "error", err)
		doc = policy.Unreadable
	}
	return policy.Policy{Name: name, Document: doc}
}

func refOf(r *metadata.Repository) resource.Repository {
	return resource.Repository{Registry: resource.Registry{Account: r.Account, Region: r.Region}, Name: r.Name}
}

// repository returns a repository if the caller may do all the actions on it.
//
// Whoever is not of the registry's account learns no more from a repository
// that does not exist than from one that grants nothing: AccessDenied. The
// registry's own callers get RepositoryNotFound.
func (s *Service) repository(ctx context.Context, c Caller, ref resource.Repository, actions ...string) (*metadata.Repository, error) {
	return s.repositoryAhead(ctx, c, ref, nil, actions...)
}

// repositoryAhead is repository for a caller who asks more next.
func (s *Service) repositoryAhead(ctx context.Context, c Caller, ref resource.Repository, ahead metadata.Ahead, actions ...string) (*metadata.Repository, error) {
	return s.repositoryAbout(ctx, c, ref, subject{}, ahead, actions...)
}

// repositoryAbout is repository for a request whose conditions are about more
// than the repository.
func (s *Service) repositoryAbout(ctx context.Context, c Caller, ref resource.Repository, about subject, ahead metadata.Ahead, actions ...string) (*metadata.Repository, error) {
	if err := validName(ref.Name); err != nil {
		return nil, err
	}
	if c.Identity.Principal.Account != ref.Registry.Account {
		return s.outsider(ctx, c, ref, about, ahead, actions)
	}
	return s.insider(ctx, c, ref, about, ahead, actions)
}

// insider is repository for a caller who may know that it is not there.
func (s *Service) insider(ctx context.Context, c Caller, ref resource.Repository, about subject, ahead metadata.Ahead, actions []string) (*metadata.Repository, error) {
	// What an account or Region stored that is not served any more is not there.
	r, err := (*metadata.Repository)(nil), metadata.ErrNotFound
	if s.Exists(ref.Registry) {
		r, err = s.meta.Repository(ref.Registry.Account, ref.Registry.Region, ref.Name, ahead)
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
	return errorf(RepositoryNotFound, "The repository with name '%s' does not exist in the registry with id '%s'", ref.Name, ref.Registry.Account)
}

// authorize checks one action on a repository: AccessDenied.
func (s *Service) authorize(ctx context.Context, c Caller, r *metadata.Repository, action string) error {
	return s.authorizeAbout(ctx, c, r, action, subject{})
}

func (s *Service) authorizeAbout(ctx context.Context, c Caller, r *metadata.Repository, action string, about subject) error {
	policies := s.policiesOf(r)
	own := c.Identity.Principal.Account == r.Account
	if own && policies[0].Document == nil && policies[1].Document == nil && isRoot(c) {
		return nil // nothing that could deny: the usual case, worth its own path
	}
	ref := refOf(r)
	var err error
	if about.tags, err = s.meta.ResourceTags(r); err != nil {
		return fmt.Errorf("read the resource tags of %s: %w", ref, err)
	}
	return s.decide(ctx, c, s.request(c, ref.Registry, action, ref.ARN(), about), policies)
}

func (s *Service) decide(ctx context.Context, c Caller, req policy.Request, policies []policy.Policy) error {
	s.evaluations.Add(1)
	d := policy.Authorize(ctx, req, nil, policies)
	if d.Allowed() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err // nobody waits for the answer
	}
	if mendsPolicies[req.Action] && isRoot(c) && c.Identity.Principal.Account == req.ResourceAccount {
		return nil
	}
	return errorf(AccessDenied, "%s", d.Message())
}

func isRoot(c Caller) bool {
	p := c.Identity.Principal
	return p.ARN == "arn:aws:iam::"+p.Account+":root"
}

// authorizeIn checks an action on a repository that need not exist, by the
// registry's policy alone: AccessDenied.
func (s *Service) authorizeIn(ctx context.Context, c Caller, ref resource.Repository, action string, about subject) error {
	return s.decideByRegistry(ctx, c, ref.Registry, s.request(c, ref.Registry, action, ref.ARN(), about))
}

// Authorize checks an action that has no repository, such as
// ecr:GetAuthorizationToken: AccessDenied.
func (s *Service) Authorize(ctx context.Context, c Caller, id resource.Registry, action string) error {
	return s.decideByRegistry(ctx, c, id, s.request(c, id, action, "*", subject{}))
}

// decideByRegistry decides on the registry's policy. To callers of other
// accounts a registry that is not served is one that grants nothing, and is
// looked for all the same.
func (s *Service) decideByRegistry(ctx context.Context, c Caller, id resource.Registry, req policy.Request) error {
	reg, err := s.meta.Read().Registry(id.Account, id.Region)
	if err != nil && !errors.Is(err, metadata.ErrNotFound) {
		return fmt.Errorf("look up registry %s: %w", id, err)
	}
	if !s.Exists(id) {
		reg.Policy = ""
	}
	return s.decide(ctx, c, req, []policy.Policy{s.registryPolicy(id, reg.Policy)})
}

// registry returns the row of a registry that the deployment serves.
func (s *Service) registry(id resource.Registry) (metadata.Registry, error) {
	if !s.Exists(id) {
		return metadata.Registry{}, errorf(InvalidParameter, "The registry with id '%s' has no Region %s here; Regions served: %s", id.Account, id.Region, strings.Join(s.regions, ", "))
	}
	r, err := s.meta.Read().Registry(id.Account, id.Region)
	if err != nil {
		return r, fmt.Errorf("look up registry %s: %w", id, err)
	}
	return r, nil
}
