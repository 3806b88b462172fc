package iam

import (
	"context"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/iam"
)

// CreateUser is the operation of that name.
func (s *Service) CreateUser(ctx context.Context, c access.Caller,
	in *CreateUserRequest) (*CreateUserResponse, error) {
	v, err := s.domain.CreateUser(ctx, c, iam.CreateUser{
		Name: in.UserName, Path: in.Path, Boundary: in.PermissionsBoundary, Tags: tags(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &CreateUserResponse{User: new(user(v))}, nil
}

// GetUser is the operation of that name.
func (s *Service) GetUser(ctx context.Context, c access.Caller, in *GetUserRequest) (*GetUserResponse, error) {
	v, err := s.domain.GetUser(ctx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	return &GetUserResponse{User: new(user(v))}, nil
}

// UpdateUser is the operation of that name.
func (s *Service) UpdateUser(ctx context.Context, c access.Caller, in *UpdateUserRequest) error {
	return s.domain.UpdateUser(ctx, c, iam.Rename{Name: in.UserName, NewName: in.NewUserName, NewPath: in.NewPath})
}

// DeleteUser is the operation of that name.
func (s *Service) DeleteUser(ctx context.Context, c access.Caller, in *DeleteUserRequest) error {
	return s.domain.DeleteUser(ctx, c, in.UserName)
}

// ListUsers is the operation of that name.
func (s *Service) ListUsers(ctx context.Context, c access.Caller, in *ListUsersRequest) (*ListUsersResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListUsers(ctx, c, in.PathPrefix, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListUsersResponse{Users: each(l.Items, user)}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// TagUser is the operation of that name.
func (s *Service) TagUser(ctx context.Context, c access.Caller, in *TagUserRequest) error {
	return s.domain.Tag(ctx, c, iam.OfUser, in.UserName, tags(in.Tags))
}

// UntagUser is the operation of that name.
func (s *Service) UntagUser(ctx context.Context, c access.Caller, in *UntagUserRequest) error {
	return s.domain.Untag(ctx, c, iam.OfUser, in.UserName, in.TagKeys)
}

// ListUserTags is the operation of that name.
func (s *Service) ListUserTags(ctx context.Context, c access.Caller,
	in *ListUserTagsRequest) (*ListUserTagsResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListTags(ctx, c, iam.OfUser, in.UserName, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListUserTagsResponse{Tags: tagsOf(l.Items)}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// PutUserPermissionsBoundary is the operation of that name.
func (s *Service) PutUserPermissionsBoundary(ctx context.Context, c access.Caller,
	in *PutUserPermissionsBoundaryRequest) error {
	return s.domain.PutPermissionsBoundary(ctx, c, iam.Attachment{
		Kind: iam.OfUser, Name: in.UserName, PolicyARN: in.PermissionsBoundary,
	})
}

// DeleteUserPermissionsBoundary is the operation of that name.
func (s *Service) DeleteUserPermissionsBoundary(ctx context.Context, c access.Caller,
	in *DeleteUserPermissionsBoundaryRequest) error {
	return s.domain.DeletePermissionsBoundary(ctx, c, iam.OfUser, in.UserName)
}

func user(u iam.User) User {
	return User{
		Path: u.Path, UserName: u.Name, UserID: u.ID, ARN: u.ARN, CreateDate: u.CreatedAt,
		PermissionsBoundary: boundary(u.Boundary), Tags: tagsOf(u.Tags),
	}
}

// boundary is the permissions boundary that a policy is, nil for none.
func boundary(arn string) *AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	return &AttachedPermissionsBoundary{
		PermissionsBoundaryType: PermissionsBoundaryAttachmentTypePolicy, PermissionsBoundaryARN: arn,
	}
}
