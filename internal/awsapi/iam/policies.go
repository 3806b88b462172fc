package iam

import (
	"context"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/iam"
)

// CreatePolicy is the operation of that name.
func (s *Service) CreatePolicy(ctx context.Context, c access.Caller,
	in *CreatePolicyRequest) (*CreatePolicyResponse, error) {
	v, err := s.domain.CreatePolicy(ctx, c, iam.CreatePolicy{
		Name: in.PolicyName, Path: in.Path, Description: orEmpty(in.Description), Document: in.PolicyDocument,
		Tags: tags(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &CreatePolicyResponse{Policy: new(managedPolicy(v))}, nil
}

// GetPolicy is the operation of that name.
func (s *Service) GetPolicy(ctx context.Context, c access.Caller, in *GetPolicyRequest) (*GetPolicyResponse, error) {
	v, err := s.domain.GetPolicy(ctx, c, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	return &GetPolicyResponse{Policy: new(managedPolicy(v))}, nil
}

// ListPolicies is the operation of that name.
func (s *Service) ListPolicies(ctx context.Context, c access.Caller,
	in *ListPoliciesRequest) (*ListPoliciesResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListPolicies(ctx, c, iam.ListPolicies{
		Scope: string(in.Scope), OnlyAttached: in.OnlyAttached, PathPrefix: in.PathPrefix,
		Usage: string(in.PolicyUsageFilter), Page: p.Page,
	})
	if err != nil {
		return nil, err
	}
	out := &ListPoliciesResponse{Policies: each(l.Items, managedPolicy)}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// DeletePolicy is the operation of that name.
func (s *Service) DeletePolicy(ctx context.Context, c access.Caller, in *DeletePolicyRequest) error {
	return s.domain.DeletePolicy(ctx, c, in.PolicyARN)
}

// CreatePolicyVersion is the operation of that name.
func (s *Service) CreatePolicyVersion(ctx context.Context, c access.Caller,
	in *CreatePolicyVersionRequest) (*CreatePolicyVersionResponse, error) {
	v, err := s.domain.CreatePolicyVersion(ctx, c, in.PolicyARN, in.PolicyDocument, in.SetAsDefault)
	if err != nil {
		return nil, err
	}
	return &CreatePolicyVersionResponse{PolicyVersion: new(policyVersion(v))}, nil
}

// GetPolicyVersion is the operation of that name.
func (s *Service) GetPolicyVersion(ctx context.Context, c access.Caller,
	in *GetPolicyVersionRequest) (*GetPolicyVersionResponse, error) {
	v, err := s.domain.GetPolicyVersion(ctx, c, in.PolicyARN, in.VersionID)
	if err != nil {
		return nil, err
	}
	return &GetPolicyVersionResponse{PolicyVersion: new(policyVersion(v))}, nil
}

// ListPolicyVersions is the operation of that name.
func (s *Service) ListPolicyVersions(ctx context.Context, c access.Caller,
	in *ListPolicyVersionsRequest) (*ListPolicyVersionsResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListPolicyVersions(ctx, c, in.PolicyARN, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListPolicyVersionsResponse{Versions: each(l.Items, policyVersion)}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// DeletePolicyVersion is the operation of that name.
func (s *Service) DeletePolicyVersion(ctx context.Context, c access.Caller, in *DeletePolicyVersionRequest) error {
	return s.domain.DeletePolicyVersion(ctx, c, in.PolicyARN, in.VersionID)
}

// SetDefaultPolicyVersion is the operation of that name.
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, c access.Caller,
	in *SetDefaultPolicyVersionRequest) error {
	return s.domain.SetDefaultPolicyVersion(ctx, c, in.PolicyARN, in.VersionID)
}

// TagPolicy is the operation of that name.
func (s *Service) TagPolicy(ctx context.Context, c access.Caller, in *TagPolicyRequest) error {
	return s.domain.TagPolicy(ctx, c, in.PolicyARN, tags(in.Tags))
}

// UntagPolicy is the operation of that name.
func (s *Service) UntagPolicy(ctx context.Context, c access.Caller, in *UntagPolicyRequest) error {
	return s.domain.UntagPolicy(ctx, c, in.PolicyARN, in.TagKeys)
}

// ListPolicyTags is the operation of that name.
func (s *Service) ListPolicyTags(ctx context.Context, c access.Caller,
	in *ListPolicyTagsRequest) (*ListPolicyTagsResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListPolicyTags(ctx, c, in.PolicyARN, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListPolicyTagsResponse{Tags: tagsOf(l.Items)}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

func managedPolicy(p iam.Policy) Policy {
	return Policy{
		PolicyName: p.Name, PolicyID: p.ID, ARN: p.ARN, Path: p.Path, DefaultVersionID: p.DefaultVersion,
		AttachmentCount: int32(p.Attachments), PermissionsBoundaryUsageCount: int32(p.Boundaries),
		IsAttachable: p.Attachable, Description: p.Description, CreateDate: p.CreatedAt, UpdateDate: p.UpdatedAt,
		Tags: tagsOf(p.Tags),
	}
}

func policyVersion(v iam.PolicyVersion) PolicyVersion {
	return PolicyVersion{Document: v.Document, VersionID: v.ID, IsDefaultVersion: v.Default, CreateDate: v.CreatedAt}
}
