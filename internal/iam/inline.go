package iam

import (
	"context"
	"maps"
	"slices"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
)

// checkIdentityPolicy parses what is to be set.
func checkIdentityPolicy(text string) error {
	if _, err := policy.Parse(text, policy.IdentityPolicy); err != nil {
		return refuse(MalformedPolicyDocument, "%s", policy.IAMProblem(err))
	}
	return nil
}

func noInline(k Kind, name string) error {
	return refuse(NoSuchEntity, "The %s policy with name %s cannot be found.", kinds[k].word, name)
}

// PutInlinePolicy is PutUserPolicy, PutGroupPolicy and PutRolePolicy.
func (s *Service) PutInlinePolicy(ctx context.Context, c access.Caller, in InlinePolicy) error {
	if err := checkName("policyName", in.Policy, 128); err != nil {
		return err
	}
	if err := checkIdentityPolicy(in.Document); err != nil {
		return err
	}
	return s.edit(ctx, c, "Put"+string(in.Kind)+"Policy", in.Kind, in.Name, access.About{},
		func(tx *metadata.Tx, i metadata.Identity) error {
			if i.Inline == nil {
				i.Inline = map[string]string{}
			}
			i.Inline[in.Policy] = in.Document
			size := 0
			for _, text := range i.Inline {
				size += policy.Size(text)
			}
			if of := kinds[in.Kind]; size > of.maxInline {
				return refuse(LimitExceeded, "Maximum policy size of %d bytes exceeded for %s %s", of.maxInline, of.word, i.Name)
			}
			return tx.Identities().Save(i)
		})
}

// GetInlinePolicy is GetUserPolicy, GetGroupPolicy and GetRolePolicy. It returns the names as they were given, too.
func (s *Service) GetInlinePolicy(ctx context.Context, c access.Caller, in InlinePolicy) (InlinePolicy, error) {
	if err := checkName("policyName", in.Policy, 128); err != nil {
		return in, err
	}
	i, err := s.on(ctx, c, "Get"+string(in.Kind)+"Policy", in.Kind, in.Name, access.About{})
	if err != nil {
		return in, err
	}
	text, ok := i.Inline[in.Policy]
	if !ok {
		return in, noInline(in.Kind, in.Policy)
	}
	in.Document = text
	return in, nil
}

// DeleteInlinePolicy is DeleteUserPolicy, DeleteGroupPolicy and DeleteRolePolicy.
func (s *Service) DeleteInlinePolicy(ctx context.Context, c access.Caller, in InlinePolicy) error {
	if err := checkName("policyName", in.Policy, 128); err != nil {
		return err
	}
	return s.edit(ctx, c, "Delete"+string(in.Kind)+"Policy", in.Kind, in.Name, access.About{},
		func(tx *metadata.Tx, i metadata.Identity) error {
			if _, ok := i.Inline[in.Policy]; !ok {
				return noInline(in.Kind, in.Policy)
			}
			delete(i.Inline, in.Policy)
			return tx.Identities().Save(i)
		})
}

// ListInlinePolicies is ListUserPolicies, ListGroupPolicies and ListRolePolicies: the names of the policies.
func (s *Service) ListInlinePolicies(ctx context.Context, c access.Caller, k Kind, name string, p Page) (List[string], error) {
	i, err := s.on(ctx, c, "List"+string(k)+"Policies", k, name, access.About{})
	if err != nil {
		return List[string]{}, err
	}
	return pageOf(slices.Sorted(maps.Keys(i.Inline)), p, func(name string) string { return name })
}
