package iam

import (
	"context"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/iam"
)

// PutUserPolicy is the operation of that name.
func (s *Service) PutUserPolicy(ctx context.Context, c access.Caller, in *PutUserPolicyRequest) error {
	return s.domain.PutInlinePolicy(ctx, c, iam.InlinePolicy{
		Kind: iam.OfUser, Name: in.UserName, Policy: in.PolicyName, Document: in.PolicyDocument,
	})
}

// GetUserPolicy is the operation of that name.
func (s *Service) GetUserPolicy(ctx context.Context, c access.Caller,
	in *GetUserPolicyRequest) (*GetUserPolicyResponse, error) {
	v, err := s.domain.GetInlinePolicy(ctx, c, iam.InlinePolicy{
		Kind: iam.OfUser, Name: in.UserName, Policy: in.PolicyName,
	})
	if err != nil {
		return nil, err
	}
	return &GetUserPolicyResponse{UserName: v.Name, PolicyName: v.Policy, PolicyDocument: v.Document}, nil
}

// DeleteUserPolicy is the operation of that name.
func (s *Service) DeleteUserPolicy(ctx context.Context, c access.Caller, in *DeleteUserPolicyRequest) error {
	return s.domain.DeleteInlinePolicy(ctx, c, iam.InlinePolicy{
		Kind: iam.OfUser, Name: in.UserName, Policy: in.PolicyName,
	})
}

// ListUserPolicies is the operation of that name.
func (s *Service) ListUserPolicies(ctx context.Context, c access.Caller,
	in *ListUserPoliciesRequest) (*ListUserPoliciesResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListInlinePolicies(ctx, c, iam.OfUser, in.UserName, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListUserPoliciesResponse{PolicyNames: l.Items}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// PutGroupPolicy is the operation of that name.
func (s *Service) PutGroupPolicy(ctx context.Context, c access.Caller, in *PutGroupPolicyRequest) error {
	return s.domain.PutInlinePolicy(ctx, c, iam.InlinePolicy{
		Kind: iam.OfGroup, Name: in.GroupName, Policy: in.PolicyName, Document: in.PolicyDocument,
	})
}

// GetGroupPolicy is the operation of that name.
func (s *Service) GetGroupPolicy(ctx context.Context, c access.Caller,
	in *GetGroupPolicyRequest) (*GetGroupPolicyResponse, error) {
	v, err := s.domain.GetInlinePolicy(ctx, c, iam.InlinePolicy{
		Kind: iam.OfGroup, Name: in.GroupName, Policy: in.PolicyName,
	})
	if err != nil {
		return nil, err
	}
	return &GetGroupPolicyResponse{GroupName: v.Name, PolicyName: v.Policy, PolicyDocument: v.Document}, nil
}

// DeleteGroupPolicy is the operation of that name.
func (s *Service) DeleteGroupPolicy(ctx context.Context, c access.Caller, in *DeleteGroupPolicyRequest) error {
	return s.domain.DeleteInlinePolicy(ctx, c, iam.InlinePolicy{
		Kind: iam.OfGroup, Name: in.GroupName, Policy: in.PolicyName,
	})
}

// ListGroupPolicies is the operation of that name.
func (s *Service) ListGroupPolicies(ctx context.Context, c access.Caller,
	in *ListGroupPoliciesRequest) (*ListGroupPoliciesResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListInlinePolicies(ctx, c, iam.OfGroup, in.GroupName, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListGroupPoliciesResponse{PolicyNames: l.Items}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// PutRolePolicy is the operation of that name.
func (s *Service) PutRolePolicy(ctx context.Context, c access.Caller, in *PutRolePolicyRequest) error {
	return s.domain.PutInlinePolicy(ctx, c, iam.InlinePolicy{
		Kind: iam.OfRole, Name: in.RoleName, Policy: in.PolicyName, Document: in.PolicyDocument,
	})
}

// GetRolePolicy is the operation of that name.
func (s *Service) GetRolePolicy(ctx context.Context, c access.Caller,
	in *GetRolePolicyRequest) (*GetRolePolicyResponse, error) {
	v, err := s.domain.GetInlinePolicy(ctx, c, iam.InlinePolicy{
		Kind: iam.OfRole, Name: in.RoleName, Policy: in.PolicyName,
	})
	if err != nil {
		return nil, err
	}
	return &GetRolePolicyResponse{RoleName: v.Name, PolicyName: v.Policy, PolicyDocument: v.Document}, nil
}

// DeleteRolePolicy is the operation of that name.
func (s *Service) DeleteRolePolicy(ctx context.Context, c access.Caller, in *DeleteRolePolicyRequest) error {
	return s.domain.DeleteInlinePolicy(ctx, c, iam.InlinePolicy{
		Kind: iam.OfRole, Name: in.RoleName, Policy: in.PolicyName,
	})
}

// ListRolePolicies is the operation of that name.
func (s *Service) ListRolePolicies(ctx context.Context, c access.Caller,
	in *ListRolePoliciesRequest) (*ListRolePoliciesResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListInlinePolicies(ctx, c, iam.OfRole, in.RoleName, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListRolePoliciesResponse{PolicyNames: l.Items}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}
