package access

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

func ofIdentity(t *testing.T, statements string) []policy.Policy {
	t.Helper()
	return parsed(t, statements, policy.IdentityPolicy)
}

func parsed(t *testing.T, statements string, kind policy.Kind) []policy.Policy {
	t.Helper()
	document, err := policy.Parse(`{"Version": "2012-10-17", "Statement": [`+statements+`]}`, kind)
	if err != nil {
		t.Fatal(err)
	}
	return []policy.Policy{{Name: "the " + kind.String(), Document: document}}
}

const (
	ofOwner = "arn:aws:iam::" + owner + ":"
	allow   = `{"Effect": "Allow", "Action": "*", "Resource": "*"}`
)

func user(account string) Caller {
	return Caller{Identity: auth.Identity{
		Principal: policy.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":user/ci", ID: "AIDAABCDEFGHIJKLMNOPQ"},
	}}
}

func TestDecideIAM(t *testing.T) {
	d := decider()
	admin, bounded, confined, denied := user(owner), user(owner), user(owner), user(owner)
	admin.Policies = ofIdentity(t, allow)
	bounded.Policies, bounded.Boundary = admin.Policies, &ofIdentity(t, `{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}`)[0]
	confined.Policies, confined.Session = admin.Policies, []policy.Policy{}
	denied.Policies = ofIdentity(t, allow+`, {"Effect": "Deny", "Action": "iam:Create*", "Resource": "`+ofOwner+`user/*"}`)
	lockedOut := root(owner)
	lockedOut.Policies = denied.Policies
	abroad := user(other)
	abroad.Policies = admin.Policies
	trust := parsed(t, `{"Effect": "Allow", "Principal": {"AWS": "`+owner+`"}, "Action": "sts:AssumeRole"}`, policy.TrustPolicy)
	for _, tt := range []struct {
		name        string
		who         Caller
		action, arn string
		trust       []policy.Policy
		want        bool
		says        string
	}{
		{"root", root(owner), "iam:CreateUser", ofOwner + "user/x", nil, true, ""},
		{"root, all", root(owner), "iam:ListUsers", "*", nil, true, ""},
		{"root of another account", root(other), "iam:CreateUser", ofOwner + "user/x", nil, false, "no resource-based policy"},
		{"root that is denied", lockedOut, "iam:CreateUser", ofOwner + "user/x", nil, false, "explicit deny in an identity-based"},
		{"user", user(owner), "iam:CreateUser", ofOwner + "user/x", nil, false, "no identity-based policy"},
		{"administrator", admin, "iam:CreateUser", ofOwner + "user/x", nil, true, ""},
		{"administrator, policy of AWS", admin, "iam:GetPolicy", "arn:aws:iam::aws:policy/AdministratorAccess", nil, true, ""},
		{"administrator of another account", abroad, "iam:CreateUser", ofOwner + "user/x", nil, false, "no resource-based policy"},
		{"boundary", bounded, "iam:CreateUser", ofOwner + "user/x", nil, false, "no permissions boundary allows"},
		{"session policies", confined, "iam:CreateUser", ofOwner + "user/x", nil, false, "no session policy allows"},
		{"denied", denied, "iam:CreateUser", ofOwner + "user/x", nil, false, "explicit deny in an identity-based policy"},
		{"denied elsewhere", denied, "iam:CreateGroup", ofOwner + "group/x", nil, true, ""},
		{"trusted", admin, "sts:AssumeRole", ofOwner + "role/r", trust, true, ""},
		{"trusted with the account", user(owner), "sts:AssumeRole", ofOwner + "role/r", trust, false, "no identity-based policy"},
		{"not trusted", abroad, "sts:AssumeRole", ofOwner + "role/r", trust, false, "no resource-based policy"},
	} {
		got, err := d.DecideIAM(t.Context(), tt.who, tt.action, tt.arn, About{}, tt.trust...)
		if err != nil || got.Allowed() != tt.want || !strings.Contains(got.Message(), tt.says) {
			t.Errorf("%s: allowed %v, %v: %s", tt.name, got.Allowed(), err, got.Message())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := d.DecideIAM(ctx, user(owner), "iam:CreateUser", "*", About{}); err != context.Canceled || got.Allowed() {
		t.Errorf("of a request that has ended: %v, %v", got.Allowed(), err)
	}
}

// Each condition key, with its value, and absent where a request says nothing of it.
func TestKeysOfIAM(t *testing.T) {
	d := decider()
	issued := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	c := user(owner)
	c.Tags = []resource.Tag{{Key: "team", Value: "a"}}
	c.Identity.Temporary = auth.Temporary{AccessKeyID: "ASIATEMPORARY", IssuedAt: issued, Expires: issued.Add(time.Hour)}
	c.RemoteAddr, c.Secure = "192.0.2.7:1234", true
	about := About{
		Tags: []resource.Tag{{Key: "env", Value: "prod"}}, Set: []resource.Tag{{Key: "cost", Value: "1"}}, Removed: []string{"old"},
		PolicyARN: "arn:aws:iam::aws:policy/P", PermissionsBoundary: ofOwner + "policy/B", ServiceName: "x.amazonaws.com",
		ExternalID: "external", SessionName: "session", SourceIdentity: "person", TransitiveTagKeys: []string{"team"},
	}
	for key, value := range map[string]string{
		"aws:ResourceTag/env": "prod", "iam:ResourceTag/env": "prod", "aws:RequestTag/cost": "1",
		"iam:PolicyARN": about.PolicyARN, "iam:PermissionsBoundary": about.PermissionsBoundary,
		"iam:AWSServiceName": about.ServiceName, "sts:ExternalId": "external", "sts:RoleSessionName": "session",
		"sts:SourceIdentity": "person", "sts:TransitiveTagKeys": "team",
	} {
		for _, condition := range []string{
			fmt.Sprintf(`"StringEquals": {%q: %q}`, key, value), fmt.Sprintf(`"Null": {%q: "true"}`, key),
		} {
			c.Policies = ofIdentity(t, `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {`+condition+`}}`)
			for _, a := range []About{about, {}} {
				got, err := d.DecideIAM(t.Context(), c, "iam:TagUser", ofOwner+"user/x", a)
				want := (a.PolicyARN != "") == strings.HasPrefix(condition, `"StringEquals"`)
				if err != nil || got.Allowed() != want {
					t.Errorf("%s, asked with %q: allowed %v, %v", condition, a.PolicyARN, got.Allowed(), err)
				}
			}
		}
	}
	for _, condition := range []string{
		`"ForAllValues:StringEquals": {"aws:TagKeys": ["cost", "old"]}, "ForAnyValue:StringEquals": {"aws:TagKeys": "old"}`,
		`"StringEquals": {"aws:PrincipalTag/Team": "a", "aws:username": "ci", "aws:PrincipalType": "User"}`,
		`"StringEquals": {"aws:userid": "AIDAABCDEFGHIJKLMNOPQ", "aws:RequestedRegion": "us-east-1"}`,
		`"StringEquals": {"aws:ResourceAccount": "` + owner + `", "aws:PrincipalAccount": "${aws:ResourceAccount}"}`,
		`"DateEquals": {"aws:TokenIssueTime": "2026-11-28T12:00:00Z"}, "Bool": {"aws:MultiFactorAuthPresent": "false"}`,
		`"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}, "Bool": {"aws:SecureTransport": "true"}`,
	} {
		c.Policies = ofIdentity(t, `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {`+condition+`}}`)
		if got, err := d.DecideIAM(t.Context(), c, "iam:TagUser", ofOwner+"user/x", about); err != nil || !got.Allowed() {
			t.Errorf("%s: %v, %v", condition, err, got.Reason())
		}
	}
}

// A session is known by its role, its name and its tags.
func TestKeysOfASession(t *testing.T) {
	d := decider()
	c := Caller{
		Identity: auth.Identity{Principal: policy.Principal{
			Account: owner, ARN: "arn:aws:sts::" + owner + ":assumed-role/deploy/run-1", Role: ofOwner + "role/ci/deploy",
			ID: "AROAABCDEFGHIJKLMNOPQ:run-1",
		}},
		Grants: Grants{Tags: []resource.Tag{{Key: "team", Value: "a"}, {Key: "job", Value: "7"}}},
	}
	c.Policies = ofIdentity(t, `{"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*", "Condition": {
		"ArnEquals": {"aws:PrincipalArn": "`+ofOwner+`role/ci/deploy"},
		"StringEquals": {"aws:userid": "AROAABCDEFGHIJKLMNOPQ:run-1", "aws:PrincipalType": "AssumedRole",
			"aws:PrincipalTag/team": "a", "aws:PrincipalTag/job": "7"},
		"Null": {"aws:username": "true", "aws:TokenIssueTime": "true"}}}`)
	ask := func() Decision {
		got, err := d.Decide(t.Context(), Request{Caller: c, Action: PutImage, On: app})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := ask(); !got.Allowed() {
		t.Error(got.Reason())
	}
	c.Boundary = &policy.Policy{Name: "the boundary"}
	if got := ask(); got.Allowed() || !got.MissingBoundary {
		t.Errorf("beyond its boundary: %s", got.Reason())
	}
	c.Boundary, c.Session = nil, ofIdentity(t, `{"Effect": "Allow", "Action": "ecr:Get*", "Resource": "*"}`)
	if got := ask(); got.Allowed() || !got.MissingSession {
		t.Errorf("beyond its session policies: %s", got.Reason())
	}
}

// Only roots are beyond all policies, and only where there are none.
func TestUnrestricted(t *testing.T) {
	session, bounded, denied := root(owner), root(owner), root(owner)
	session.Session = []policy.Policy{}
	bounded.Boundary = &policy.Policy{}
	denied.Policies = []policy.Policy{{}}
	admin := user(owner)
	admin.Policies = ofIdentity(t, allow)
	set := ofIdentity(t, allow)
	for name, tt := range map[string]struct {
		who      Caller
		policies []policy.Policy
		want     bool
	}{
		"root": {root(owner), []policy.Policy{{Name: "unset"}}, true}, "policy": {root(owner), set, false},
		"other root": {root(other), nil, false}, "user": {user(owner), nil, false}, "administrator": {admin, nil, false},
		"root with session policies": {session, nil, false}, "root with a boundary": {bounded, nil, false},
		"root with policies": {denied, nil, false},
	} {
		if got := Unrestricted(&tt.who, owner, tt.policies); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
