package iam

import (
	"context"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/iam"
)

// CreateRole is the operation of that name.
func (s *Service) CreateRole(ctx context.Context, c access.Caller,
	in *CreateRoleRequest) (*CreateRoleResponse, error) {
	v, err := s.domain.CreateRole(ctx, c, iam.CreateRole{
		Name: in.RoleName, Path: in.Path, Boundary: in.PermissionsBoundary, TrustPolicy: in.AssumeRolePolicyDocument,
		Description: orEmpty(in.Description), MaxSession: int(in.MaxSessionDuration), Tags: tags(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &CreateRoleResponse{Role: new(role(v))}, nil
}

// GetRole is the operation of that name.
func (s *Service) GetRole(ctx context.Context, c access.Caller, in *GetRoleRequest) (*GetRoleResponse, error) {
	v, err := s.domain.GetRole(ctx, c, in.RoleName)
	if err != nil {
		return nil, err
	}
	out := role(v)
	out.RoleLastUsed = &RoleLastUsed{} // nobody keeps it: IAM does not promise it either
	return &GetRoleResponse{Role: &out}, nil
}

// UpdateRole is the operation of that name.
func (s *Service) UpdateRole(ctx context.Context, c access.Caller, in *UpdateRoleRequest) (*UpdateRoleResponse, error) {
	update := iam.UpdateRole{Name: in.RoleName, Description: in.Description}
	if in.MaxSessionDuration != 0 {
		update.MaxSession = new(int(in.MaxSessionDuration))
	}
	return &UpdateRoleResponse{}, s.domain.UpdateRole(ctx, c, update)
}

// UpdateRoleDescription is the operation of that name.
func (s *Service) UpdateRoleDescription(ctx context.Context, c access.Caller,
	in *UpdateRoleDescriptionRequest) (*UpdateRoleDescriptionResponse, error) {
	v, err := s.domain.UpdateRoleDescription(ctx, c, in.RoleName, in.Description)
	if err != nil {
		return nil, err
	}
	return &UpdateRoleDescriptionResponse{Role: new(role(v))}, nil
}

// UpdateAssumeRolePolicy is the operation of that name.
func (s *Service) UpdateAssumeRolePolicy(ctx context.Context, c access.Caller,
	in *UpdateAssumeRolePolicyRequest) error {
	return s.domain.UpdateAssumeRolePolicy(ctx, c, in.RoleName, in.PolicyDocument)
}

// DeleteRole is the operation of that name.
func (s *Service) DeleteRole(ctx context.Context, c access.Caller, in *DeleteRoleRequest) error {
	return s.domain.DeleteRole(ctx, c, in.RoleName)
}

// ListRoles is the operation of that name.
func (s *Service) ListRoles(ctx context.Context, c access.Caller, in *ListRolesRequest) (*ListRolesResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListRoles(ctx, c, in.PathPrefix, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListRolesResponse{Roles: each(l.Items, role)}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// TagRole is the operation of that name.
func (s *Service) TagRole(ctx context.Context, c access.Caller, in *TagRoleRequest) error {
	return s.domain.Tag(ctx, c, iam.OfRole, in.RoleName, tags(in.Tags))
}

// UntagRole is the operation of that name.
func (s *Service) UntagRole(ctx context.Context, c access.Caller, in *UntagRoleRequest) error {
	return s.domain.Untag(ctx, c, iam.OfRole, in.RoleName, in.TagKeys)
}

// ListRoleTags is the operation of that name.
func (s *Service) ListRoleTags(ctx context.Context, c access.Caller,
	in *ListRoleTagsRequest) (*ListRoleTagsResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListTags(ctx, c, iam.OfRole, in.RoleName, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListRoleTagsResponse{Tags: tagsOf(l.Items)}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// PutRolePermissionsBoundary is the operation of that name.
func (s *Service) PutRolePermissionsBoundary(ctx context.Context, c access.Caller,
	in *PutRolePermissionsBoundaryRequest) error {
	return s.domain.PutPermissionsBoundary(ctx, c, iam.Attachment{
		Kind: iam.OfRole, Name: in.RoleName, PolicyARN: in.PermissionsBoundary,
	})
}

// DeleteRolePermissionsBoundary is the operation of that name.
func (s *Service) DeleteRolePermissionsBoundary(ctx context.Context, c access.Caller,
	in *DeleteRolePermissionsBoundaryRequest) error {
	return s.domain.DeletePermissionsBoundary(ctx, c, iam.OfRole, in.RoleName)
}

func role(r iam.Role) Role {
	return Role{
		Path: r.Path, RoleName: r.Name, RoleID: r.ID, ARN: r.ARN, CreateDate: r.CreatedAt,
		AssumeRolePolicyDocument: r.TrustPolicy, Description: r.Description, MaxSessionDuration: int32(r.MaxSession),
		PermissionsBoundary: boundary(r.Boundary), Tags: tagsOf(r.Tags),
	}
}
