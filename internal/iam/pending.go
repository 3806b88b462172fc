package iam

import (
	"context"
	"errors"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/resource"
)

var errNotBuilt = errors.New("not built yet")

type directory struct{ service *Service }

func (s *Service) CreateUser(ctx context.Context, c access.Caller, in CreateUser) (User, error) {
	return User{}, errNotBuilt
}

// GetUser: an empty name is the caller's.
func (s *Service) GetUser(ctx context.Context, c access.Caller, name string) (User, error) {
	return User{}, errNotBuilt
}
func (s *Service) UpdateUser(ctx context.Context, c access.Caller, in Rename) error {
	return errNotBuilt
}
func (s *Service) DeleteUser(ctx context.Context, c access.Caller, name string) error {
	return errNotBuilt
}
func (s *Service) ListUsers(ctx context.Context, c access.Caller, pathPrefix string, p Page) (l List[User], err error) {
	return l, errNotBuilt
}

func (s *Service) CreateGroup(ctx context.Context, c access.Caller, name, path string) (Group, error) {
	return Group{}, errNotBuilt
}
func (s *Service) GetGroup(ctx context.Context, c access.Caller, name string, p Page) (Group, List[User], error) {
	return Group{}, List[User]{}, errNotBuilt
}
func (s *Service) UpdateGroup(ctx context.Context, c access.Caller, in Rename) error {
	return errNotBuilt
}
func (s *Service) DeleteGroup(ctx context.Context, c access.Caller, name string) error {
	return errNotBuilt
}
func (s *Service) ListGroups(ctx context.Context, c access.Caller, pathPrefix string, p Page) (l List[Group], err error) {
	return l, errNotBuilt
}
func (s *Service) ListGroupsForUser(ctx context.Context, c access.Caller, user string, p Page) (l List[Group], err error) {
	return l, errNotBuilt
}
func (s *Service) AddUserToGroup(ctx context.Context, c access.Caller, group, user string) error {
	return errNotBuilt
}
func (s *Service) RemoveUserFromGroup(ctx context.Context, c access.Caller, group, user string) error {
	return errNotBuilt
}

func (s *Service) CreateRole(ctx context.Context, c access.Caller, in CreateRole) (Role, error) {
	return Role{}, errNotBuilt
}
func (s *Service) GetRole(ctx context.Context, c access.Caller, name string) (Role, error) {
	return Role{}, errNotBuilt
}
func (s *Service) UpdateRole(ctx context.Context, c access.Caller, in UpdateRole) error {
	return errNotBuilt
}
func (s *Service) UpdateRoleDescription(ctx context.Context, c access.Caller, name, description string) (Role, error) {
	return Role{}, errNotBuilt
}
func (s *Service) UpdateAssumeRolePolicy(ctx context.Context, c access.Caller, name, document string) error {
	return errNotBuilt
}
func (s *Service) DeleteRole(ctx context.Context, c access.Caller, name string) error {
	return errNotBuilt
}
func (s *Service) ListRoles(ctx context.Context, c access.Caller, pathPrefix string, p Page) (l List[Role], err error) {
	return l, errNotBuilt
}

// Tag is TagUser and TagRole.
func (s *Service) Tag(ctx context.Context, c access.Caller, k Kind, name string, tags []resource.Tag) error {
	return errNotBuilt
}

// Untag is UntagUser and UntagRole.
func (s *Service) Untag(ctx context.Context, c access.Caller, k Kind, name string, keys []string) error {
	return errNotBuilt
}

// ListTags is ListUserTags and ListRoleTags.
func (s *Service) ListTags(ctx context.Context, c access.Caller, k Kind, name string, p Page) (l List[resource.Tag], err error) {
	return l, errNotBuilt
}

// PutPermissionsBoundary is PutUserPermissionsBoundary and PutRolePermissionsBoundary.
func (s *Service) PutPermissionsBoundary(ctx context.Context, c access.Caller, in Attachment) error {
	return errNotBuilt
}

// DeletePermissionsBoundary is DeleteUserPermissionsBoundary and DeleteRolePermissionsBoundary.
func (s *Service) DeletePermissionsBoundary(ctx context.Context, c access.Caller, k Kind, name string) error {
	return errNotBuilt
}

// PutInlinePolicy is PutUserPolicy, PutGroupPolicy and PutRolePolicy.
func (s *Service) PutInlinePolicy(ctx context.Context, c access.Caller, in InlinePolicy) error {
	return errNotBuilt
}

// GetInlinePolicy is GetUserPolicy, GetGroupPolicy and GetRolePolicy. It returns the names as they were given, too.
func (s *Service) GetInlinePolicy(ctx context.Context, c access.Caller, in InlinePolicy) (InlinePolicy, error) {
	return InlinePolicy{}, errNotBuilt
}

// DeleteInlinePolicy is DeleteUserPolicy, DeleteGroupPolicy and DeleteRolePolicy.
func (s *Service) DeleteInlinePolicy(ctx context.Context, c access.Caller, in InlinePolicy) error {
	return errNotBuilt
}

// ListInlinePolicies is ListUserPolicies, ListGroupPolicies and ListRolePolicies: the names of the policies.
func (s *Service) ListInlinePolicies(ctx context.Context, c access.Caller, k Kind, name string, p Page) (l List[string], err error) {
	return l, errNotBuilt
}

// AttachPolicy is AttachUserPolicy, AttachGroupPolicy and AttachRolePolicy.
func (s *Service) AttachPolicy(ctx context.Context, c access.Caller, in Attachment) error {
	return errNotBuilt
}

// DetachPolicy is DetachUserPolicy, DetachGroupPolicy and DetachRolePolicy.
func (s *Service) DetachPolicy(ctx context.Context, c access.Caller, in Attachment) error {
	return errNotBuilt
}

// ListAttachedPolicies is ListAttachedUserPolicies, ListAttachedGroupPolicies and ListAttachedRolePolicies.
func (s *Service) ListAttachedPolicies(ctx context.Context, c access.Caller, k Kind, name, pathPrefix string, p Page) (l List[AttachedPolicy], err error) {
	return l, errNotBuilt
}

func (s *Service) CreatePolicy(ctx context.Context, c access.Caller, in CreatePolicy) (Policy, error) {
	return Policy{}, errNotBuilt
}
func (s *Service) GetPolicy(ctx context.Context, c access.Caller, arn string) (Policy, error) {
	return Policy{}, errNotBuilt
}
func (s *Service) ListPolicies(ctx context.Context, c access.Caller, in ListPolicies) (l List[Policy], err error) {
	return l, errNotBuilt
}
func (s *Service) DeletePolicy(ctx context.Context, c access.Caller, arn string) error {
	return errNotBuilt
}
func (s *Service) CreatePolicyVersion(ctx context.Context, c access.Caller, arn, document string, setDefault bool) (PolicyVersion, error) {
	return PolicyVersion{}, errNotBuilt
}
func (s *Service) GetPolicyVersion(ctx context.Context, c access.Caller, arn, version string) (PolicyVersion, error) {
	return PolicyVersion{}, errNotBuilt
}
func (s *Service) ListPolicyVersions(ctx context.Context, c access.Caller, arn string, p Page) (l List[PolicyVersion], err error) {
	return l, errNotBuilt
}
func (s *Service) DeletePolicyVersion(ctx context.Context, c access.Caller, arn, version string) error {
	return errNotBuilt
}
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, c access.Caller, arn, version string) error {
	return errNotBuilt
}
func (s *Service) TagPolicy(ctx context.Context, c access.Caller, arn string, tags []resource.Tag) error {
	return errNotBuilt
}
func (s *Service) UntagPolicy(ctx context.Context, c access.Caller, arn string, keys []string) error {
	return errNotBuilt
}
func (s *Service) ListPolicyTags(ctx context.Context, c access.Caller, arn string, p Page) (l List[resource.Tag], err error) {
	return l, errNotBuilt
}
func (s *Service) ListEntitiesForPolicy(ctx context.Context, c access.Caller, in ListEntitiesForPolicy) (l List[Entity], err error) {
	return l, errNotBuilt
}

// CreateAccessKey makes a key of the user; an empty name is the caller's, here and below.
func (s *Service) CreateAccessKey(ctx context.Context, c access.Caller, user string) (AccessKey, error) {
	return AccessKey{}, errNotBuilt
}
func (s *Service) ListAccessKeys(ctx context.Context, c access.Caller, user string, p Page) (l List[AccessKey], err error) {
	return l, errNotBuilt
}
func (s *Service) UpdateAccessKey(ctx context.Context, c access.Caller, user, id, status string) error {
	return errNotBuilt
}
func (s *Service) DeleteAccessKey(ctx context.Context, c access.Caller, user, id string) error {
	return errNotBuilt
}
func (s *Service) GetAccessKeyLastUsed(ctx context.Context, c access.Caller, id string) (AccessKeyLastUsed, error) {
	return AccessKeyLastUsed{}, errNotBuilt
}

func (s *Service) CreateAccountAlias(ctx context.Context, c access.Caller, alias string) error {
	return errNotBuilt
}
func (s *Service) DeleteAccountAlias(ctx context.Context, c access.Caller, alias string) error {
	return errNotBuilt
}
func (s *Service) ListAccountAliases(ctx context.Context, c access.Caller, p Page) (l List[string], err error) {
	return l, errNotBuilt
}

// GetAccountSummary returns numbers by their keys in the API's SummaryMap.
func (s *Service) GetAccountSummary(ctx context.Context, c access.Caller) (map[string]int, error) {
	return nil, errNotBuilt
}

// AccessKey implements auth.Keys: those of the configuration first, then those of users.
func (s *Service) AccessKey(ctx context.Context, id string) (auth.AccessKey, error) {
	return auth.AccessKey{}, errNotBuilt
}

// Role finds a role by its unique id. The secret is the one that seals its sessions.
func (s *Service) Role(ctx context.Context, id string) (auth.AccessKey, error) {
	return auth.AccessKey{}, errNotBuilt
}

// Grants are what an identity may do; none for the root of an account.
func (s *Service) Grants(ctx context.Context, who auth.Identity) (access.Grants, error) {
	return access.Grants{}, errNotBuilt
}
