package iam

import (
	"context"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/iam"
)

// AttachUserPolicy is the operation of that name.
func (s *Service) AttachUserPolicy(ctx context.Context, c access.Caller, in *AttachUserPolicyRequest) error {
	return s.domain.AttachPolicy(ctx, c, iam.Attachment{Kind: iam.OfUser, Name: in.UserName, PolicyARN: in.PolicyARN})
}

// DetachUserPolicy is the operation of that name.
func (s *Service) DetachUserPolicy(ctx context.Context, c access.Caller, in *DetachUserPolicyRequest) error {
	return s.domain.DetachPolicy(ctx, c, iam.Attachment{Kind: iam.OfUser, Name: in.UserName, PolicyARN: in.PolicyARN})
}

// ListAttachedUserPolicies is the operation of that name.
func (s *Service) ListAttachedUserPolicies(ctx context.Context, c access.Caller,
	in *ListAttachedUserPoliciesRequest) (*ListAttachedUserPoliciesResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListAttachedPolicies(ctx, c, iam.OfUser, in.UserName, in.PathPrefix, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListAttachedUserPoliciesResponse{AttachedPolicies: each(l.Items, attachedPolicy)}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// AttachGroupPolicy is the operation of that name.
func (s *Service) AttachGroupPolicy(ctx context.Context, c access.Caller, in *AttachGroupPolicyRequest) error {
	return s.domain.AttachPolicy(ctx, c, iam.Attachment{Kind: iam.OfGroup, Name: in.GroupName, PolicyARN: in.PolicyARN})
}

// DetachGroupPolicy is the operation of that name.
func (s *Service) DetachGroupPolicy(ctx context.Context, c access.Caller, in *DetachGroupPolicyRequest) error {
	return s.domain.DetachPolicy(ctx, c, iam.Attachment{Kind: iam.OfGroup, Name: in.GroupName, PolicyARN: in.PolicyARN})
}

// ListAttachedGroupPolicies is the operation of that name.
func (s *Service) ListAttachedGroupPolicies(ctx context.Context, c access.Caller,
	in *ListAttachedGroupPoliciesRequest) (*ListAttachedGroupPoliciesResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListAttachedPolicies(ctx, c, iam.OfGroup, in.GroupName, in.PathPrefix, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListAttachedGroupPoliciesResponse{AttachedPolicies: each(l.Items, attachedPolicy)}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// AttachRolePolicy is the operation of that name.
func (s *Service) AttachRolePolicy(ctx context.Context, c access.Caller, in *AttachRolePolicyRequest) error {
	return s.domain.AttachPolicy(ctx, c, iam.Attachment{Kind: iam.OfRole, Name: in.RoleName, PolicyARN: in.PolicyARN})
}

// DetachRolePolicy is the operation of that name.
func (s *Service) DetachRolePolicy(ctx context.Context, c access.Caller, in *DetachRolePolicyRequest) error {
	return s.domain.DetachPolicy(ctx, c, iam.Attachment{Kind: iam.OfRole, Name: in.RoleName, PolicyARN: in.PolicyARN})
}

// ListAttachedRolePolicies is the operation of that name.
func (s *Service) ListAttachedRolePolicies(ctx context.Context, c access.Caller,
	in *ListAttachedRolePoliciesRequest) (*ListAttachedRolePoliciesResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListAttachedPolicies(ctx, c, iam.OfRole, in.RoleName, in.PathPrefix, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListAttachedRolePoliciesResponse{AttachedPolicies: each(l.Items, attachedPolicy)}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// ListEntitiesForPolicy is the operation of that name.
func (s *Service) ListEntitiesForPolicy(ctx context.Context, c access.Caller,
	in *ListEntitiesForPolicyRequest) (*ListEntitiesForPolicyResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListEntitiesForPolicy(ctx, c, iam.ListEntitiesForPolicy{
		PolicyARN: in.PolicyARN, Filter: string(in.EntityFilter), PathPrefix: in.PathPrefix,
		Usage: string(in.PolicyUsageFilter), Page: p.Page,
	})
	if err != nil {
		return nil, err
	}
	out := new(ListEntitiesForPolicyResponse)
	for _, e := range l.Items {
		switch e.Kind {
		case iam.OfUser:
			out.PolicyUsers = append(out.PolicyUsers, PolicyUser{UserName: e.Name, UserID: e.ID})
		case iam.OfGroup:
			out.PolicyGroups = append(out.PolicyGroups, PolicyGroup{GroupName: e.Name, GroupID: e.ID})
		case iam.OfRole:
			out.PolicyRoles = append(out.PolicyRoles, PolicyRole{RoleName: e.Name, RoleID: e.ID})
		}
	}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

func attachedPolicy(p iam.AttachedPolicy) AttachedPolicy {
	return AttachedPolicy{PolicyName: p.Name, PolicyARN: p.ARN}
}
