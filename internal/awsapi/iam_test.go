package awsapi_test

import (
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi"
	users "github.com/twinport/twinport/internal/iam"
	"github.com/twinport/twinport/internal/resource"
)

const (
	allowECR = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]}`
	denyECR  = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ecr:*","Resource":"*"}]}`
	trust    = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
		"Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "sts:AssumeRole"}]}`
)

// plain is a sealer that hides nothing.
type plain struct{}

func (plain) Seal(_ string, secret []byte) ([]byte, error) { return secret, nil }
func (plain) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

// newIAM is an API with IAM, which has the access keys and rights of users.
func newIAM(t *testing.T) *api {
	var config awsapi.Config
	a := newAPI(t, func(c *awsapi.Config) { config = *c })
	log := slog.New(slog.DiscardHandler)
	config.IAM = users.New(users.Config{
		Store: a.domain.meta, Accounts: config.Accounts, Sealer: plain{}, Logger: log, Now: time.Now,
		Access: access.New(access.Config{
			Served: func(resource.Registry) bool { return true }, Logger: log, Now: time.Now,
		}),
	})
	config.Verifier, config.Grants = auth.NewVerifier(config.IAM, "deployment", time.Now), config.IAM
	a.handler = awsapi.New(config)
	a.Server.Config.Handler = a.handler
	return a
}

// iam is a client of the account's root, in IAM's own Region.
func (a *api) iam() *iam.Client { return iam.NewFromConfig(a.config("us-east-1")) }

// document is a policy document as it was put.
func document(t *testing.T, encoded *string) string {
	t.Helper()
	if encoded == nil || strings.ContainsAny(*encoded, `{}" +`) {
		t.Fatalf("the document %v is not percent-encoded", encoded)
	}
	return must[string](t)(url.PathUnescape(*encoded))
}

func tagsOf(tags []types.Tag) string {
	var all []string
	for _, tag := range tags {
		all = append(all, *tag.Key+"="+*tag.Value)
	}
	return strings.Join(all, ",")
}

// TestLifeOfUser takes a user from its creation to its end.
func TestLifeOfUser(t *testing.T) {
	t.Parallel()
	a, ctx := newIAM(t), t.Context()
	c, name := a.iam(), aws.String("Ci")
	created := must[*iam.CreateUserOutput](t)(c.CreateUser(ctx, &iam.CreateUserInput{
		UserName: name, Path: aws.String("/team/"),
		Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("")}, {Key: aws.String("b"), Value: aws.String("x y+z")}},
	})).User
	if *created.Arn != "arn:aws:iam::111122223333:user/team/Ci" || !strings.HasPrefix(*created.UserId, "AIDA") ||
		*created.Path != "/team/" || created.CreateDate.IsZero() || tagsOf(created.Tags) != "a=,b=x y+z" {
		t.Errorf("created %+v", created)
	}
	_, err := c.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("ci")})
	want(t, err, "EntityAlreadyExists", "")
	must[*iam.TagUserOutput](t)(c.TagUser(ctx, &iam.TagUserInput{
		UserName: name, Tags: []types.Tag{{Key: aws.String("c"), Value: aws.String("é")}},
	}))
	must[*iam.UntagUserOutput](t)(c.UntagUser(ctx, &iam.UntagUserInput{UserName: name, TagKeys: []string{"a", "b"}}))
	tags := must[*iam.ListUserTagsOutput](t)(c.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: name}))
	if tagsOf(tags.Tags) != "c=é" || tags.IsTruncated {
		t.Errorf("tags: %+v", tags)
	}

	// What it may do.
	must[*iam.PutUserPolicyOutput](t)(c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{
		UserName: name, PolicyName: aws.String("ecr"), PolicyDocument: aws.String(allowECR),
	}))
	inline := must[*iam.GetUserPolicyOutput](t)(c.GetUserPolicy(ctx, &iam.GetUserPolicyInput{
		UserName: name, PolicyName: aws.String("ecr"),
	}))
	if document(t, inline.PolicyDocument) != allowECR || *inline.UserName != "Ci" || *inline.PolicyName != "ecr" {
		t.Errorf("inline policy: %+v", inline)
	}
	boundary := must[*iam.CreatePolicyOutput](t)(c.CreatePolicy(ctx, &iam.CreatePolicyInput{
		PolicyName: aws.String("boundary"), PolicyDocument: aws.String(allowECR),
	})).Policy.Arn
	must[*iam.PutUserPermissionsBoundaryOutput](t)(c.PutUserPermissionsBoundary(ctx,
		&iam.PutUserPermissionsBoundaryInput{UserName: name, PermissionsBoundary: boundary}))
	must[*iam.AttachUserPolicyOutput](t)(c.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{
		UserName: name, PolicyArn: boundary,
	}))
	attached := must[*iam.ListAttachedUserPoliciesOutput](t)(c.ListAttachedUserPolicies(ctx,
		&iam.ListAttachedUserPoliciesInput{UserName: name}))
	if len(attached.AttachedPolicies) != 1 || *attached.AttachedPolicies[0].PolicyArn != *boundary ||
		*attached.AttachedPolicies[0].PolicyName != "boundary" {
		t.Errorf("attached: %+v", attached)
	}
	got := must[*iam.GetUserOutput](t)(c.GetUser(ctx, &iam.GetUserInput{UserName: name})).User
	if got.PermissionsBoundary == nil || got.PermissionsBoundary.PermissionsBoundaryType != "Policy" ||
		*got.PermissionsBoundary.PermissionsBoundaryArn != *boundary || tagsOf(got.Tags) != "c=é" {
		t.Errorf("got %+v", got)
	}

	// Its access keys.
	key := must[*iam.CreateAccessKeyOutput](t)(c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})).AccessKey
	if *key.UserName != "Ci" || !strings.HasPrefix(*key.AccessKeyId, "AKIA") || len(*key.SecretAccessKey) != 40 ||
		key.Status != types.StatusTypeActive || key.CreateDate.IsZero() {
		t.Errorf("access key of %s: %s, %s", *key.UserName, *key.AccessKeyId, key.Status)
	}
	must[*iam.UpdateAccessKeyOutput](t)(c.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{
		UserName: name, AccessKeyId: key.AccessKeyId, Status: types.StatusTypeInactive,
	}))
	keys := must[*iam.ListAccessKeysOutput](t)(c.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: name}))
	if len(keys.AccessKeyMetadata) != 1 || keys.AccessKeyMetadata[0].Status != types.StatusTypeInactive ||
		*keys.AccessKeyMetadata[0].AccessKeyId != *key.AccessKeyId {
		t.Errorf("access keys: %+v", keys)
	}
	used := must[*iam.GetAccessKeyLastUsedOutput](t)(c.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{
		AccessKeyId: key.AccessKeyId,
	}))
	if *used.UserName != "Ci" || used.AccessKeyLastUsed.LastUsedDate != nil || *used.AccessKeyLastUsed.Region != "N/A" ||
		*used.AccessKeyLastUsed.ServiceName != "N/A" {
		t.Errorf("last used: %+v", used.AccessKeyLastUsed)
	}

	// Its end.
	must[*iam.UpdateUserOutput](t)(c.UpdateUser(ctx, &iam.UpdateUserInput{
		UserName: name, NewUserName: aws.String("robot"), NewPath: aws.String("/"),
	}))
	name = aws.String("robot")
	users := must[*iam.ListUsersOutput](t)(c.ListUsers(ctx, &iam.ListUsersInput{}))
	if len(users.Users) != 1 || *users.Users[0].Arn != "arn:aws:iam::111122223333:user/robot" || users.Users[0].Tags != nil {
		t.Errorf("users: %+v", users)
	}
	_, err = c.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	want(t, err, "DeleteConflict", "")
	must[*iam.DeleteAccessKeyOutput](t)(c.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{
		UserName: name, AccessKeyId: key.AccessKeyId,
	}))
	must[*iam.DetachUserPolicyOutput](t)(c.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{
		UserName: name, PolicyArn: boundary,
	}))
	must[*iam.DeleteUserPolicyOutput](t)(c.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{
		UserName: name, PolicyName: aws.String("ecr"),
	}))
	must[*iam.DeleteUserPermissionsBoundaryOutput](t)(c.DeleteUserPermissionsBoundary(ctx,
		&iam.DeleteUserPermissionsBoundaryInput{UserName: name}))
	policies := must[*iam.ListUserPoliciesOutput](t)(c.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: name}))
	if policies.PolicyNames == nil || len(policies.PolicyNames) > 0 {
		t.Errorf("inline policies: %+v", policies)
	}

	// What Terraform asks for before it deletes a user.
	ssh := must[*iam.ListSSHPublicKeysOutput](t)(c.ListSSHPublicKeys(ctx, &iam.ListSSHPublicKeysInput{UserName: name}))
	mfa := must[*iam.ListMFADevicesOutput](t)(c.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: name}))
	virtual := must[*iam.ListVirtualMFADevicesOutput](t)(c.ListVirtualMFADevices(ctx, &iam.ListVirtualMFADevicesInput{
		AssignmentStatus: types.AssignmentStatusTypeAny,
	}))
	certificates := must[*iam.ListSigningCertificatesOutput](t)(c.ListSigningCertificates(ctx,
		&iam.ListSigningCertificatesInput{UserName: name}))
	specific := must[*iam.ListServiceSpecificCredentialsOutput](t)(c.ListServiceSpecificCredentials(ctx,
		&iam.ListServiceSpecificCredentialsInput{UserName: name}))
	if n := len(ssh.SSHPublicKeys) + len(mfa.MFADevices) + len(virtual.VirtualMFADevices) + len(certificates.Certificates) +
		len(specific.ServiceSpecificCredentials); n > 0 {
		t.Errorf("%d of what there is none of", n)
	}
	_, err = c.DeleteLoginProfile(ctx, &iam.DeleteLoginProfileInput{UserName: name})
	want(t, err, "NoSuchEntity", "Login Profile for User robot cannot be found.")
	_, err = c.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: name})
	want(t, err, "NoSuchEntity", "Login Profile for User robot cannot be found.")

	must[*iam.DeleteUserOutput](t)(c.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name}))
	_, err = c.GetUser(ctx, &iam.GetUserInput{UserName: name})
	want(t, err, "NoSuchEntity", "The user with name robot cannot be found.")
	_, err = c.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: name})
	want(t, err, "NoSuchEntity", "The user with name robot cannot be found.")
}

// TestLifeOfGroup takes a group from its creation to its end.
func TestLifeOfGroup(t *testing.T) {
	t.Parallel()
	a, ctx := newIAM(t), t.Context()
	c, name, user := a.iam(), aws.String("devs"), aws.String("ann")
	group := must[*iam.CreateGroupOutput](t)(c.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: name})).Group
	if *group.Arn != "arn:aws:iam::111122223333:group/devs" || !strings.HasPrefix(*group.GroupId, "AGPA") || *group.Path != "/" {
		t.Errorf("created %+v", group)
	}
	must[*iam.CreateUserOutput](t)(c.CreateUser(ctx, &iam.CreateUserInput{UserName: user}))
	must[*iam.AddUserToGroupOutput](t)(c.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: name, UserName: user}))
	of := must[*iam.ListGroupsForUserOutput](t)(c.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: user}))
	if len(of.Groups) != 1 || *of.Groups[0].GroupId != *group.GroupId {
		t.Errorf("groups of the user: %+v", of)
	}
	got := must[*iam.GetGroupOutput](t)(c.GetGroup(ctx, &iam.GetGroupInput{GroupName: name}))
	if *got.Group.Arn != *group.Arn || len(got.Users) != 1 || *got.Users[0].UserName != "ann" {
		t.Errorf("got %+v", got)
	}
	must[*iam.PutGroupPolicyOutput](t)(c.PutGroupPolicy(ctx, &iam.PutGroupPolicyInput{
		GroupName: name, PolicyName: aws.String("ecr"), PolicyDocument: aws.String(denyECR),
	}))
	inline := must[*iam.GetGroupPolicyOutput](t)(c.GetGroupPolicy(ctx, &iam.GetGroupPolicyInput{
		GroupName: name, PolicyName: aws.String("ecr"),
	}))
	names := must[*iam.ListGroupPoliciesOutput](t)(c.ListGroupPolicies(ctx, &iam.ListGroupPoliciesInput{GroupName: name}))
	if document(t, inline.PolicyDocument) != denyECR || !slices.Equal(names.PolicyNames, []string{"ecr"}) {
		t.Errorf("inline policies: %+v, %+v", inline, names)
	}
	arn := must[*iam.CreatePolicyOutput](t)(c.CreatePolicy(ctx, &iam.CreatePolicyInput{
		PolicyName: aws.String("ecr"), PolicyDocument: aws.String(allowECR),
	})).Policy.Arn
	must[*iam.AttachGroupPolicyOutput](t)(c.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{
		GroupName: name, PolicyArn: arn,
	}))
	must[*iam.UpdateGroupOutput](t)(c.UpdateGroup(ctx, &iam.UpdateGroupInput{
		GroupName: name, NewGroupName: aws.String("ops"), NewPath: aws.String("/x/"),
	}))
	name = aws.String("ops")
	attached := must[*iam.ListAttachedGroupPoliciesOutput](t)(c.ListAttachedGroupPolicies(ctx,
		&iam.ListAttachedGroupPoliciesInput{GroupName: name}))
	groups := must[*iam.ListGroupsOutput](t)(c.ListGroups(ctx, &iam.ListGroupsInput{PathPrefix: aws.String("/x")}))
	if len(attached.AttachedPolicies) != 1 || *attached.AttachedPolicies[0].PolicyArn != *arn || len(groups.Groups) != 1 ||
		*groups.Groups[0].Arn != "arn:aws:iam::111122223333:group/x/ops" {
		t.Errorf("attached %+v, groups %+v", attached, groups)
	}
	_, err := c.DeleteGroup(ctx, &iam.DeleteGroupInput{GroupName: name})
	want(t, err, "DeleteConflict", "")
	must[*iam.DetachGroupPolicyOutput](t)(c.DetachGroupPolicy(ctx, &iam.DetachGroupPolicyInput{
		GroupName: name, PolicyArn: arn,
	}))
	must[*iam.DeleteGroupPolicyOutput](t)(c.DeleteGroupPolicy(ctx, &iam.DeleteGroupPolicyInput{
		GroupName: name, PolicyName: aws.String("ecr"),
	}))
	must[*iam.RemoveUserFromGroupOutput](t)(c.RemoveUserFromGroup(ctx, &iam.RemoveUserFromGroupInput{
		GroupName: name, UserName: user,
	}))
	must[*iam.DeleteGroupOutput](t)(c.DeleteGroup(ctx, &iam.DeleteGroupInput{GroupName: name}))
	_, err = c.GetGroup(ctx, &iam.GetGroupInput{GroupName: name})
	want(t, err, "NoSuchEntity", "The group with name ops cannot be found.")
}

// TestLifeOfRole takes a role from its creation to its end.
func TestLifeOfRole(t *testing.T) {
	t.Parallel()
	a, ctx := newIAM(t), t.Context()
	c, name := a.iam(), aws.String("deploy")
	arn := must[*iam.CreatePolicyOutput](t)(c.CreatePolicy(ctx, &iam.CreatePolicyInput{
		PolicyName: aws.String("ecr"), PolicyDocument: aws.String(allowECR),
	})).Policy.Arn
	role := must[*iam.CreateRoleOutput](t)(c.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: name, AssumeRolePolicyDocument: aws.String(trust), Description: aws.String("one"),
		PermissionsBoundary: arn, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	})).Role
	if *role.Arn != "arn:aws:iam::111122223333:role/deploy" || !strings.HasPrefix(*role.RoleId, "AROA") ||
		*role.MaxSessionDuration != 3600 || *role.Description != "one" ||
		document(t, role.AssumeRolePolicyDocument) != trust || tagsOf(role.Tags) != "k=v" ||
		*role.PermissionsBoundary.PermissionsBoundaryArn != *arn {
		t.Errorf("created %+v", role)
	}
	must[*iam.UpdateRoleOutput](t)(c.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: name, MaxSessionDuration: aws.Int32(7200)}))
	other := strings.ReplaceAll(trust, ":root", ":role/deploy")
	must[*iam.UpdateAssumeRolePolicyOutput](t)(c.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
		RoleName: name, PolicyDocument: aws.String(other),
	}))
	got := must[*iam.GetRoleOutput](t)(c.GetRole(ctx, &iam.GetRoleInput{RoleName: name})).Role
	if *got.MaxSessionDuration != 7200 || *got.Description != "one" || document(t, got.AssumeRolePolicyDocument) != other {
		t.Errorf("got %+v", got)
	}
	described := must[*iam.UpdateRoleDescriptionOutput](t)(c.UpdateRoleDescription(ctx, &iam.UpdateRoleDescriptionInput{
		RoleName: name, Description: aws.String("two"),
	})).Role
	if *described.Description != "two" || *described.MaxSessionDuration != 7200 {
		t.Errorf("described %+v", described)
	}
	must[*iam.UpdateRoleOutput](t)(c.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: name, Description: aws.String("")}))
	if got := must[*iam.GetRoleOutput](t)(c.GetRole(ctx, &iam.GetRoleInput{RoleName: name})).Role; aws.ToString(
		got.Description) != "" || *got.MaxSessionDuration != 7200 {
		t.Errorf("without a description: %+v", got)
	}

	must[*iam.PutRolePolicyOutput](t)(c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: name, PolicyName: aws.String("ecr"), PolicyDocument: aws.String(allowECR),
	}))
	inline := must[*iam.GetRolePolicyOutput](t)(c.GetRolePolicy(ctx, &iam.GetRolePolicyInput{
		RoleName: name, PolicyName: aws.String("ecr"),
	}))
	names := must[*iam.ListRolePoliciesOutput](t)(c.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: name}))
	if document(t, inline.PolicyDocument) != allowECR || !slices.Equal(names.PolicyNames, []string{"ecr"}) {
		t.Errorf("inline policies: %+v, %+v", inline, names)
	}
	must[*iam.AttachRolePolicyOutput](t)(c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: arn}))
	attached := must[*iam.ListAttachedRolePoliciesOutput](t)(c.ListAttachedRolePolicies(ctx,
		&iam.ListAttachedRolePoliciesInput{RoleName: name}))
	if len(attached.AttachedPolicies) != 1 {
		t.Errorf("attached: %+v", attached)
	}
	must[*iam.TagRoleOutput](t)(c.TagRole(ctx, &iam.TagRoleInput{
		RoleName: name, Tags: []types.Tag{{Key: aws.String("l"), Value: aws.String("w")}},
	}))
	must[*iam.UntagRoleOutput](t)(c.UntagRole(ctx, &iam.UntagRoleInput{RoleName: name, TagKeys: []string{"k"}}))
	tags := must[*iam.ListRoleTagsOutput](t)(c.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: name}))
	roles := must[*iam.ListRolesOutput](t)(c.ListRoles(ctx, &iam.ListRolesInput{MaxItems: aws.Int32(1)}))
	if tagsOf(tags.Tags) != "l=w" || len(roles.Roles) != 1 || *roles.Roles[0].RoleId != *role.RoleId || roles.Roles[0].Tags != nil {
		t.Errorf("tags %+v, roles %+v", tags, roles)
	}
	_, err := c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	want(t, err, "DeleteConflict", "")
	profiles := must[*iam.ListInstanceProfilesForRoleOutput](t)(c.ListInstanceProfilesForRole(ctx,
		&iam.ListInstanceProfilesForRoleInput{RoleName: name}))
	if len(profiles.InstanceProfiles) > 0 || profiles.IsTruncated {
		t.Errorf("instance profiles: %+v", profiles)
	}
	must[*iam.DetachRolePolicyOutput](t)(c.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: arn}))
	must[*iam.DeleteRolePolicyOutput](t)(c.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{
		RoleName: name, PolicyName: aws.String("ecr"),
	}))
	must[*iam.DeleteRolePermissionsBoundaryOutput](t)(c.DeleteRolePermissionsBoundary(ctx,
		&iam.DeleteRolePermissionsBoundaryInput{RoleName: name}))
	must[*iam.DeleteRoleOutput](t)(c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name}))
	for _, ask := range []func() error{
		func() error { _, err := c.GetRole(ctx, &iam.GetRoleInput{RoleName: name}); return err },
		func() error {
			_, err := c.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: name})
			return err
		},
	} {
		want(t, ask(), "NoSuchEntity", "The role with name deploy cannot be found.")
	}
}

// TestLifeOfPolicy takes a managed policy from its creation to its end.
func TestLifeOfPolicy(t *testing.T) {
	t.Parallel()
	a, ctx := newIAM(t), t.Context()
	c := a.iam()
	created := must[*iam.CreatePolicyOutput](t)(c.CreatePolicy(ctx, &iam.CreatePolicyInput{
		PolicyName: aws.String("ecr"), Path: aws.String("/team/"), PolicyDocument: aws.String(allowECR),
		Description: aws.String(""), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	})).Policy
	arn := created.Arn
	if *arn != "arn:aws:iam::111122223333:policy/team/ecr" || !strings.HasPrefix(*created.PolicyId, "ANPA") ||
		*created.DefaultVersionId != "v1" || *created.AttachmentCount != 0 || !created.IsAttachable ||
		*created.PermissionsBoundaryUsageCount != 0 || created.UpdateDate.IsZero() || tagsOf(created.Tags) != "k=v" {
		t.Errorf("created %+v", created)
	}
	second := must[*iam.CreatePolicyVersionOutput](t)(c.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{
		PolicyArn: arn, PolicyDocument: aws.String(denyECR), SetAsDefault: true,
	})).PolicyVersion
	if *second.VersionId != "v2" || !second.IsDefaultVersion || second.Document != nil || second.CreateDate.IsZero() {
		t.Errorf("second version: %+v", second)
	}
	version := must[*iam.GetPolicyVersionOutput](t)(c.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{
		PolicyArn: arn, VersionId: aws.String("v1"),
	})).PolicyVersion
	if document(t, version.Document) != allowECR || version.IsDefaultVersion {
		t.Errorf("first version: %+v", version)
	}
	must[*iam.SetDefaultPolicyVersionOutput](t)(c.SetDefaultPolicyVersion(ctx, &iam.SetDefaultPolicyVersionInput{
		PolicyArn: arn, VersionId: aws.String("v1"),
	}))
	_, err := c.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")})
	want(t, err, "DeleteConflict", "")
	must[*iam.TagPolicyOutput](t)(c.TagPolicy(ctx, &iam.TagPolicyInput{
		PolicyArn: arn, Tags: []types.Tag{{Key: aws.String("l"), Value: aws.String("w")}},
	}))
	must[*iam.UntagPolicyOutput](t)(c.UntagPolicy(ctx, &iam.UntagPolicyInput{PolicyArn: arn, TagKeys: []string{"k"}}))
	tags := must[*iam.ListPolicyTagsOutput](t)(c.ListPolicyTags(ctx, &iam.ListPolicyTagsInput{PolicyArn: arn}))
	if tagsOf(tags.Tags) != "l=w" {
		t.Errorf("tags: %+v", tags)
	}
	must[*iam.CreateUserOutput](t)(c.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("ann")}))
	must[*iam.AttachUserPolicyOutput](t)(c.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{
		UserName: aws.String("ann"), PolicyArn: arn,
	}))
	got := must[*iam.GetPolicyOutput](t)(c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})).Policy
	versions := must[*iam.ListPolicyVersionsOutput](t)(c.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: arn}))
	if *got.AttachmentCount != 1 || *got.DefaultVersionId != "v1" || len(versions.Versions) != 2 {
		t.Errorf("got %+v, versions %+v", got, versions)
	}
	entities := must[*iam.ListEntitiesForPolicyOutput](t)(c.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{
		PolicyArn: arn,
	}))
	if len(entities.PolicyUsers) != 1 || *entities.PolicyUsers[0].UserName != "ann" || len(entities.PolicyRoles) > 0 ||
		len(entities.PolicyGroups) > 0 {
		t.Errorf("entities: %+v", entities)
	}
	local := must[*iam.ListPoliciesOutput](t)(c.ListPolicies(ctx, &iam.ListPoliciesInput{
		Scope: types.PolicyScopeTypeLocal, OnlyAttached: true, PathPrefix: aws.String("/team/"),
	}))
	if len(local.Policies) != 1 || *local.Policies[0].Arn != *arn || local.Policies[0].Tags != nil {
		t.Errorf("policies: %+v", local)
	}
	_, err = c.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn})
	want(t, err, "DeleteConflict", "")
	must[*iam.DetachUserPolicyOutput](t)(c.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{
		UserName: aws.String("ann"), PolicyArn: arn,
	}))
	must[*iam.DeletePolicyVersionOutput](t)(c.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{
		PolicyArn: arn, VersionId: aws.String("v2"),
	}))
	must[*iam.DeletePolicyOutput](t)(c.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn}))
	_, err = c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})
	want(t, err, "NoSuchEntity", "")
	_, err = c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("bad"), PolicyDocument: aws.String("{")})
	want(t, err, "MalformedPolicyDocument", "")
}

// TestAccountInIAM is about what is the account's.
func TestAccountInIAM(t *testing.T) {
	t.Parallel()
	a, ctx := newIAM(t), t.Context()
	c := a.iam()
	must[*iam.CreateAccountAliasOutput](t)(c.CreateAccountAlias(ctx, &iam.CreateAccountAliasInput{
		AccountAlias: aws.String("twin-port"),
	}))
	aliases := must[*iam.ListAccountAliasesOutput](t)(c.ListAccountAliases(ctx, &iam.ListAccountAliasesInput{}))
	if !slices.Equal(aliases.AccountAliases, []string{"twin-port"}) {
		t.Errorf("aliases: %+v", aliases)
	}
	must[*iam.DeleteAccountAliasOutput](t)(c.DeleteAccountAlias(ctx, &iam.DeleteAccountAliasInput{
		AccountAlias: aws.String("twin-port"),
	}))
	_, err := c.CreateAccountAlias(ctx, &iam.CreateAccountAliasInput{AccountAlias: aws.String("twin--port")})
	want(t, err, "ValidationError", "pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$")
	must[*iam.CreateUserOutput](t)(c.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("ann")}))
	summary := must[*iam.GetAccountSummaryOutput](t)(c.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})).SummaryMap
	if summary["Users"] != 1 || summary["UsersQuota"] != 5000 || summary["Roles"] != 0 {
		t.Errorf("summary: %v", summary)
	}
}

// TestPagesOfIAM: pages have all there is, each item once, and their markers are of
// no use for another list.
func TestPagesOfIAM(t *testing.T) {
	t.Parallel()
	a, ctx := newIAM(t), t.Context()
	c := a.iam()
	var names []string
	for i := range 7 {
		names = append(names, fmt.Sprintf("user-%d", i))
		must[*iam.CreateUserOutput](t)(c.CreateUser(ctx, &iam.CreateUserInput{UserName: &names[i]}))
	}
	var got []string
	var marker *string
	pages := iam.NewListUsersPaginator(c, &iam.ListUsersInput{MaxItems: aws.Int32(3)})
	for pages.HasMorePages() {
		page := must[*iam.ListUsersOutput](t)(pages.NextPage(ctx))
		for _, user := range page.Users {
			got = append(got, *user.UserName)
		}
		if len(page.Users) > 3 || page.IsTruncated != (page.Marker != nil) {
			t.Errorf("page: %+v", page)
		}
		if marker == nil {
			marker = page.Marker
		}
	}
	if !slices.Equal(got, names) {
		t.Errorf("got %v", got)
	}
	_, err := c.ListUsers(ctx, &iam.ListUsersInput{Marker: marker, PathPrefix: aws.String("/x")})
	want(t, err, "ValidationError", "Marker")
	_, err = c.ListRoles(ctx, &iam.ListRolesInput{Marker: marker})
	want(t, err, "ValidationError", "Marker")
	_, err = c.ListUsers(ctx, &iam.ListUsersInput{Marker: aws.String("x")})
	want(t, err, "ValidationError", "Marker")
}

// TestUserCalls: a user's access key proves who it is, and its policies, as they
// are now, say what it may do.
func TestUserCalls(t *testing.T) {
	t.Parallel()
	a, ctx, ann := newIAM(t), t.Context(), aws.String("ann")
	c := a.iam()
	user := must[*iam.CreateUserOutput](t)(c.CreateUser(ctx, &iam.CreateUserInput{UserName: ann})).User
	key := must[*iam.CreateAccessKeyOutput](t)(c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: ann})).AccessKey
	hers := a.as(aws.Credentials{AccessKeyID: *key.AccessKeyId, SecretAccessKey: *key.SecretAccessKey})
	describe := func() error {
		_, err := ecr.NewFromConfig(hers).DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{})
		return err
	}
	self := func() (*iam.GetUserOutput, error) { return iam.NewFromConfig(hers).GetUser(ctx, &iam.GetUserInput{}) }
	id := must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(hers).GetCallerIdentity(ctx,
		&sts.GetCallerIdentityInput{}))
	if *id.Arn != *user.Arn || *id.UserId != *user.UserId || *id.Account != account {
		t.Errorf("identity %s, %s; the user is %+v", *id.Arn, *id.UserId, user)
	}
	want(t, describe(), "AccessDeniedException", *user.Arn)
	_, err := self()
	want(t, err, "AccessDenied", "iam:GetUser")
	for _, document := range []string{allowECR, strings.ReplaceAll(allowECR, "ecr:*", "iam:GetUser")} {
		must[*iam.PutUserPolicyOutput](t)(c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{
			UserName: ann, PolicyName: aws.String("own"), PolicyDocument: aws.String(document),
		}))
		if document == allowECR {
			want(t, describe(), "", "")
			continue
		}
		want(t, describe(), "AccessDeniedException", "")
		if got := must[*iam.GetUserOutput](t)(self()).User; *got.UserId != *user.UserId {
			t.Errorf("she is %+v", got)
		}
	}
	must[*iam.UpdateAccessKeyOutput](t)(c.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{
		UserName: ann, AccessKeyId: key.AccessKeyId, Status: types.StatusTypeInactive,
	}))
	want(t, describe(), "UnrecognizedClientException", "")
	_, err = self()
	want(t, err, "InvalidClientTokenId", "")
}
