package iam

import (
	"context"
	"strings"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
)

func userOf(i metadata.Identity) User {
	return User{
		Path: i.Path, Name: i.Name, ID: i.ID, ARN: identityARN(&i), CreatedAt: i.CreatedAt, Boundary: i.Boundary, Tags: i.Tags,
	}
}

func listedUser(i metadata.Identity) User {
	i.Boundary, i.Tags = "", nil
	return userOf(i)
}

// CreateUser makes a user.
func (s *Service) CreateUser(ctx context.Context, c access.Caller, in CreateUser) (User, error) {
	i := metadata.Identity{Kind: string(OfUser), Name: in.Name, Path: in.Path}
	i.Boundary, i.Tags = in.Boundary, in.Tags
	i, err := s.create(ctx, c, i)
	if err != nil {
		return User{}, err
	}
	return userOf(i), nil
}

// callersUser is the name, or the caller's if it is empty.
func callersUser(c *access.Caller, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	_, user, ok := strings.Cut(c.Identity.Principal.ARN, ":user/")
	if !ok {
		return "", refuse(ValidationError, "Must specify userName when calling with non-User credentials")
	}
	return user[strings.LastIndexByte(user, '/')+1:], nil
}

// GetUser returns a user; an empty name is the caller's.
func (s *Service) GetUser(ctx context.Context, c access.Caller, name string) (User, error) {
	name, err := callersUser(&c, name)
	if err != nil {
		return User{}, err
	}
	i, err := s.on(ctx, c, "GetUser", OfUser, name, access.About{})
	if err != nil {
		return User{}, err
	}
	return userOf(i), nil
}

// UpdateUser gives a user another name or path.
func (s *Service) UpdateUser(ctx context.Context, c access.Caller, in Rename) error {
	return s.rename(ctx, c, OfUser, in)
}

// DeleteUser deletes a user that has no policies, groups and access keys.
func (s *Service) DeleteUser(ctx context.Context, c access.Caller, name string) error {
	return s.remove(ctx, c, OfUser, name)
}

// ListUsers lists users by name.
func (s *Service) ListUsers(ctx context.Context, c access.Caller, pathPrefix string, p Page) (List[User], error) {
	return list(ctx, s, c, OfUser, pathPrefix, p, listedUser)
}
