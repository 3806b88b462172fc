package iam

import (
	"context"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/iam"
)

// CreateGroup is the operation of that name.
func (s *Service) CreateGroup(ctx context.Context, c access.Caller,
	in *CreateGroupRequest) (*CreateGroupResponse, error) {
	v, err := s.domain.CreateGroup(ctx, c, in.GroupName, in.Path)
	if err != nil {
		return nil, err
	}
	return &CreateGroupResponse{Group: new(group(v))}, nil
}

// GetGroup is the operation of that name.
func (s *Service) GetGroup(ctx context.Context, c access.Caller, in *GetGroupRequest) (*GetGroupResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	g, members, err := s.domain.GetGroup(ctx, c, in.GroupName, p.Page)
	if err != nil {
		return nil, err
	}
	out := &GetGroupResponse{Group: new(group(g)), Users: each(members.Items, user)}
	out.IsTruncated, out.Marker = p.after(members.Marker)
	return out, nil
}

// UpdateGroup is the operation of that name.
func (s *Service) UpdateGroup(ctx context.Context, c access.Caller, in *UpdateGroupRequest) error {
	return s.domain.UpdateGroup(ctx, c, iam.Rename{Name: in.GroupName, NewName: in.NewGroupName, NewPath: in.NewPath})
}

// DeleteGroup is the operation of that name.
func (s *Service) DeleteGroup(ctx context.Context, c access.Caller, in *DeleteGroupRequest) error {
	return s.domain.DeleteGroup(ctx, c, in.GroupName)
}

// ListGroups is the operation of that name.
func (s *Service) ListGroups(ctx context.Context, c access.Caller,
	in *ListGroupsRequest) (*ListGroupsResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListGroups(ctx, c, in.PathPrefix, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListGroupsResponse{Groups: each(l.Items, group)}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// ListGroupsForUser is the operation of that name.
func (s *Service) ListGroupsForUser(ctx context.Context, c access.Caller,
	in *ListGroupsForUserRequest) (*ListGroupsForUserResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListGroupsForUser(ctx, c, in.UserName, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListGroupsForUserResponse{Groups: each(l.Items, group)}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// AddUserToGroup is the operation of that name.
func (s *Service) AddUserToGroup(ctx context.Context, c access.Caller, in *AddUserToGroupRequest) error {
	return s.domain.AddUserToGroup(ctx, c, in.GroupName, in.UserName)
}

// RemoveUserFromGroup is the operation of that name.
func (s *Service) RemoveUserFromGroup(ctx context.Context, c access.Caller, in *RemoveUserFromGroupRequest) error {
	return s.domain.RemoveUserFromGroup(ctx, c, in.GroupName, in.UserName)
}

func group(g iam.Group) Group {
	return Group{Path: g.Path, GroupName: g.Name, GroupID: g.ID, ARN: g.ARN, CreateDate: g.CreatedAt}
}
