package iam

import (
	"context"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
)

func groupOf(i metadata.Identity) Group {
	return Group{Path: i.Path, Name: i.Name, ID: i.ID, ARN: identityARN(&i), CreatedAt: i.CreatedAt}
}

// CreateGroup makes a group.
func (s *Service) CreateGroup(ctx context.Context, c access.Caller, name, path string) (Group, error) {
	i, err := s.create(ctx, c, metadata.Identity{Kind: string(OfGroup), Name: name, Path: path})
	if err != nil {
		return Group{}, err
	}
	return groupOf(i), nil
}

// GetGroup returns a group, and its users by name.
func (s *Service) GetGroup(ctx context.Context, c access.Caller, name string, p Page) (Group, List[User], error) {
	after, n, err := p.start()
	if err != nil {
		return Group{}, List[User]{}, err
	}
	i, err := s.on(ctx, c, "GetGroup", OfGroup, name, access.About{})
	if err != nil {
		return Group{}, List[User]{}, err
	}
	users, err := s.Store.Read(ctx).Identities().Members(i.ID, after, n+1)
	if err != nil {
		return Group{}, List[User]{}, err
	}
	return groupOf(i), page(users, n, byName, listedUser), nil
}

// UpdateGroup gives a group another name or path.
func (s *Service) UpdateGroup(ctx context.Context, c access.Caller, in Rename) error {
	return s.rename(ctx, c, OfGroup, in)
}

// DeleteGroup deletes a group that has no policies and users.
func (s *Service) DeleteGroup(ctx context.Context, c access.Caller, name string) error {
	return s.remove(ctx, c, OfGroup, name)
}

// ListGroups lists groups by name.
func (s *Service) ListGroups(ctx context.Context, c access.Caller, pathPrefix string, p Page) (List[Group], error) {
	return list(ctx, s, c, OfGroup, pathPrefix, p, groupOf)
}

// ListGroupsForUser lists the groups that a user is in, by name.
func (s *Service) ListGroupsForUser(ctx context.Context, c access.Caller, user string, p Page) (List[Group], error) {
	i, err := s.on(ctx, c, "ListGroupsForUser", OfUser, user, access.About{})
	if err != nil {
		return List[Group]{}, err
	}
	found, err := s.Store.Read(ctx).Identities().GroupsOf(i.ID, maxGroupsOfUser)
	if err != nil {
		return List[Group]{}, err
	}
	groups := make([]Group, len(found))
	for n, g := range found {
		groups[n] = groupOf(g)
	}
	return pageOf(groups, p, func(g Group) string { return folded(g.Name) })
}

// AddUserToGroup puts a user into a group. One that is in it stays.
func (s *Service) AddUserToGroup(ctx context.Context, c access.Caller, group, user string) error {
	return s.edit(ctx, c, "AddUserToGroup", OfGroup, group, access.About{}, func(tx *metadata.Tx, g metadata.Identity) error {
		u, err := find(tx.Identities().Identities, g.Account, OfUser, user)
		if err != nil {
			return err
		}
		added, err := tx.Identities().AddMember(g.ID, u.ID)
		if err != nil || !added {
			return err
		}
		groups, err := tx.Identities().GroupsOf(u.ID, maxGroupsOfUser+1)
		if err == nil && len(groups) > maxGroupsOfUser {
			err = refuse(LimitExceeded, "Cannot exceed quota for GroupsPerUser: %d", maxGroupsOfUser)
		}
		return err
	})
}

// RemoveUserFromGroup takes a user out of a group. One that is not in it stays out.
func (s *Service) RemoveUserFromGroup(ctx context.Context, c access.Caller, group, user string) error {
	return s.edit(ctx, c, "RemoveUserFromGroup", OfGroup, group, access.About{},
		func(tx *metadata.Tx, g metadata.Identity) error {
			u, err := find(tx.Identities().Identities, g.Account, OfUser, user)
			if err != nil {
				return err
			}
			_, err = tx.Identities().RemoveMember(g.ID, u.ID)
			return err
		})
}
