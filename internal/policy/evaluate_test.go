package policy

import (
	"context"
	"maps"
	"slices"
	"testing"
)

// authorize decides a request that goes on.
func authorize(req Request, identity, resource []Policy) Decision {
	return Authorize(context.Background(), req, Policies{Identity: identity, Resource: resource})
}

// newContext returns a context with these keys, those that differ only by case
// in the order of their names.
func newContext(values map[string][]string) (c Context) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		c.Add(name, values[name]...)
	}
	return c
}

// newTestEvaluation is one of a request that goes on.
func newTestEvaluation(req *Request) evaluation {
	return newEvaluation(context.Background(), req, &Policies{})
}

const (
	app1 = "arn:aws:ecr:us-east-1:111122223333:repository/app"

	allowRoot1   = `{"Sid": "Account", "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "ecr:*"}`
	allowUser1   = `{"Sid": "User", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/ci"}, "Action": "ecr:BatchGetImage"}`
	allowRole1   = `{"Sid": "Role", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/deploy"}, "Action": "ecr:BatchGetImage"}`
	allowRoot2   = `{"Sid": "Other", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}, "Action": "ecr:BatchGetImage"}`
	allowUser2   = `{"Sid": "OtherUser", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:user/ci"}, "Action": "ecr:BatchGetImage"}`
	allowAll     = `{"Sid": "All", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}`
	allowOthers  = `{"Sid": "Others", "Effect": "Allow", "NotPrincipal": {"AWS": "999999999999"}, "Action": "ecr:*"}`
	allowService = `{"Sid": "Service", "Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "ecr:*"}`
	allowPush    = `{"Sid": "Push", "Effect": "Allow", "Principal": "*", "Action": "ecr:PutImage"}`
	denyAll      = `{"Sid": "DenyAll", "Effect": "Deny", "Principal": "*", "Action": "ecr:Batch*"}`
	denyRoot1    = `{"Sid": "DenyAccount", "Effect": "Deny", "Principal": {"AWS": "111122223333"}, "Action": "*"}`
	denyOthers   = `{"Sid": "DenyOthers", "Effect": "Deny", "NotPrincipal": {"AWS": ["111122223333", "arn:aws:iam::111122223333:user/ci"]}, "Action": "*"}`

	identityAllow = `{"Sid": "IdAllow", "Effect": "Allow", "Action": "ecr:*", "Resource": "arn:aws:ecr:*:111122223333:repository/*"}`
	identityElse  = `{"Sid": "IdElse", "Effect": "Allow", "Action": "ecr:*", "Resource": "arn:aws:ecr:*:444455556666:repository/*"}`
	identityDeny  = `{"Sid": "IdDeny", "Effect": "Deny", "Action": "ecr:*", "Resource": "*"}`
)

func policies(t testing.TB, kind Kind, name, statements string) []Policy {
	t.Helper()
	if statements == "" {
		return nil
	}
	return []Policy{{Name: name, Document: mustParse(t, `{"Version": "2012-10-17", "Statement": [`+statements+`]}`, kind)}}
}

// TestDecisions is the table of section "Policy evaluation logic": who, in
// which account, with which policies on either side.
func TestDecisions(t *testing.T) {
	user2 := Principal{Account: "444455556666", ARN: "arn:aws:iam::444455556666:user/ci"}
	const (
		idMissing = 1 << iota
		resMissing
	)
	tests := []struct {
		name               string
		who                Principal
		identity, resource string
		want               Outcome
		by                 string
		missing            int
	}{
		{"own root, no policy", root1, "", "", Allowed, "", 0},
		{"own root, allowed by others only", root1, "", allowUser2, Allowed, "", 0},
		{"own root, denied", root1, "", allowAll + "," + denyAll, ExplicitDeny, "DenyAll", 0},
		{"own root, account denied", root1, "", denyRoot1, ExplicitDeny, "DenyAccount", 0},
		{"own root, denied by an identity policy", root1, identityDeny, "", ExplicitDeny, "IdDeny", 0},

		{"own user, no policy", user1, "", "", ImplicitDeny, "", idMissing | resMissing},
		{"own user, identity", user1, identityAllow, "", Allowed, "IdAllow", 0},
		{"own user, identity for other resources", user1, identityElse, "", ImplicitDeny, "", idMissing | resMissing},
		{"own user, named by the resource", user1, "", allowUser1, Allowed, "User", 0},
		{"own user, everyone by the resource", user1, "", allowAll, Allowed, "All", 0},
		{"own user, not among the excluded", user1, "", allowOthers, Allowed, "Others", 0},
		{"own user, account by the resource", user1, "", allowRoot1, ImplicitDeny, "", idMissing | resMissing},
		{"own user, account and identity", user1, identityAllow, allowRoot1, Allowed, "IdAllow", 0},
		{"own user, account, then named", user1, "", allowRoot1 + "," + allowUser1, Allowed, "User", 0},
		{"own user, other action", user1, "", allowPush, ImplicitDeny, "", idMissing | resMissing},
		{"own user, identity but denied", user1, identityAllow, denyAll, ExplicitDeny, "DenyAll", 0},
		{"own user, identity but account denied", user1, identityAllow, denyRoot1, ExplicitDeny, "DenyAccount", 0},
		{"own user, resource but identity denies", user1, identityDeny, allowUser1, ExplicitDeny, "IdDeny", 0},
		{"own user, spared by a deny of others", user1, identityAllow, denyOthers, Allowed, "IdAllow", 0},

		{"own session, its role", session1, "", allowRole1, Allowed, "Role", 0},
		{"own session, not spared", session1, identityAllow, denyOthers, ExplicitDeny, "DenyOthers", 0},

		{"other root, no policy", root2, "", "", ImplicitDeny, "", resMissing},
		{"other root, allowed", root2, "", allowRoot2, Allowed, "Other", 0},
		{"other root, everyone", root2, "", allowAll, Allowed, "All", 0},
		{"other root, another account allowed", root2, "", allowRoot1, ImplicitDeny, "", resMissing},
		{"other root, denied", root2, "", allowRoot2 + "," + denyAll, ExplicitDeny, "DenyAll", 0},

		{"other user, no policy", user2, "", "", ImplicitDeny, "", idMissing | resMissing},
		{"other user, identity alone", user2, identityAllow, "", ImplicitDeny, "", resMissing},
		{"other user, account alone", user2, "", allowRoot2, ImplicitDeny, "", idMissing},
		{"other user, named alone", user2, "", allowUser2, ImplicitDeny, "", idMissing},
		{"other user, everyone alone", user2, "", allowAll, ImplicitDeny, "", idMissing},
		{"other user, account and identity", user2, identityAllow, allowRoot2, Allowed, "Other", 0},
		{"other user, named and identity", user2, identityAllow, allowUser2, Allowed, "OtherUser", 0},
		{"other user, identity denies", user2, identityAllow + "," + identityDeny, allowUser2, ExplicitDeny, "IdDeny", 0},

		{"anonymous, no policy", nobody, "", "", ImplicitDeny, "", resMissing},
		{"anonymous, everyone", nobody, "", allowAll, Allowed, "All", 0},
		{"anonymous, not among the excluded", nobody, "", allowOthers, ImplicitDeny, "", resMissing},
		{"anonymous, accounts", nobody, "", allowRoot1 + "," + allowRoot2, ImplicitDeny, "", resMissing},
		{"service, named", build, "", allowService, Allowed, "Service", 0},
		{"service, not named", build, "", allowRoot1, ImplicitDeny, "", resMissing},
	}
	for _, tt := range tests {
		req := Request{Principal: tt.who, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: "111122223333"}
		d := authorize(req, policies(t, IdentityPolicy, "the identity policy", tt.identity),
			policies(t, RepositoryPolicy, "the repository policy", tt.resource))
		if d.Outcome != tt.want || d.Allowed() != (tt.want == Allowed) {
			t.Errorf("%s: %v, want %v", tt.name, d.Outcome, tt.want)
		}
		var by string
		if d.By != nil {
			by = d.By.Sid
		}
		if by != tt.by {
			t.Errorf("%s: by %q, want %q", tt.name, by, tt.by)
		}
		if got := [2]bool{
			d.MissingIdentity, d.MissingResource,
		}; got != [2]bool{tt.missing&idMissing != 0, tt.missing&resMissing != 0} {
			t.Errorf("%s: missing identity, resource = %v", tt.name, got)
		}
	}
}

// A resource without an owner is nobody's: not even that of a caller without
// an account.
func TestNoAccountIsNotTheSameAccount(t *testing.T) {
	identity := policies(t, IdentityPolicy, "", identityAllow)
	for _, who := range []Principal{nobody, build, {ARN: "arn:aws:iam:::root"}, {ARN: "arn:aws:iam:::user/x"}} {
		if authorize(Request{Principal: who, Action: "ecr:BatchGetImage", Resource: app1}, identity, nil).Allowed() {
			t.Errorf("%s is allowed", &who)
		}
	}
}

// Any Deny counts, wherever it stands among several policies.
func TestSeveralPolicies(t *testing.T) {
	req := Request{Principal: root2, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: "111122223333"}
	allow := policies(t, RepositoryPolicy, "repository", allowPush+","+allowRoot2)[0]
	deny := policies(t, RegistryPolicy, "registry",
		`{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}`)[0]
	unset := Policy{Name: "unset"}
	if d := authorize(req, nil, []Policy{unset, allow}); !d.Allowed() ||
		*d.By != (Match{Policy: "repository", Sid: "Other", Number: 2, Effect: Allow}) {
		t.Errorf("allow: %v by %v", d.Outcome, d.By)
	}
	for _, ps := range [][]Policy{{allow, deny}, {deny, allow}} {
		if d := authorize(req, nil, ps); d.Outcome != ExplicitDeny || d.By.Policy != "registry" || d.By.Number != 1 {
			t.Errorf("deny: %v by %v", d.Outcome, d.By)
		}
	}
}

// A policy given for the wrong side never grants.
func TestPoliciesOnTheWrongSide(t *testing.T) {
	req := Request{Principal: user1, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: "111122223333"}
	if authorize(req, nil, policies(t, IdentityPolicy, "", identityAllow)).Allowed() {
		t.Error("an identity policy grants as a resource policy")
	}
	if authorize(req, policies(t, RepositoryPolicy, "", allowRoot2), nil).Allowed() {
		t.Error("a resource policy for another grants as an identity policy")
	}
}

const benchmarkStatements = allowPush + "," + allowRoot1 + "," + allowService + `,
	{"Effect": "Deny", "Principal": "*", "Action": "ecr:*", "Resource": "arn:aws:ecr:*:*:repository/secret/*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
	{"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
	 "Resource": "arn:aws:ecr:us-east-1:111122223333:repository/*", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}, "StringEquals": {"aws:PrincipalAccount": "444455556666"}}}`

func BenchmarkAuthorize(b *testing.B) {
	resource := policies(b, RepositoryPolicy, "the repository policy", benchmarkStatements)
	req := Request{
		Principal: root2, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: "111122223333",
		Context: newContext(map[string][]string{
			"aws:SourceIp": {"203.0.113.9"}, "aws:SecureTransport": {"true"}, "aws:UserAgent": {"docker"},
		}),
	}
	b.ReportAllocs()
	for b.Loop() {
		if !authorize(req, nil, resource).Allowed() {
			b.Fatal("refused")
		}
	}
}

func BenchmarkAuthorizeOwnRoot(b *testing.B) {
	req := Request{Principal: root1, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: "111122223333"}
	b.ReportAllocs()
	for b.Loop() {
		if !authorize(req, nil, nil).Allowed() {
			b.Fatal("refused")
		}
	}
}

// sessionPolicies are what a session of a role is usually decided by: three
// policies of the role, its boundary, the session's own and the repository's.
func sessionPolicies(t testing.TB) Policies {
	attached := policies(t, IdentityPolicy, "logs", `{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
		"Resource": "arn:aws:logs:*:111122223333:log-group:/ci/*"}`)
	attached = append(attached, policies(t, IdentityPolicy, "token",
		`{"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}`)...)
	attached = append(attached, policies(t, IdentityPolicy, "pull",
		`{"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
		"Resource": "arn:aws:ecr:*:111122223333:repository/*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "ci"}}}`)...)
	return Policies{
		Identity: attached,
		Boundary: &policies(t, IdentityPolicy, "boundary", `{"Effect": "Allow", "Action": ["ecr:*", "logs:*"], "Resource": "*"}`)[0],
		Session: policies(t, IdentityPolicy, "session",
			`{"Effect": "Allow", "Action": "ecr:*", "Resource": "arn:aws:ecr:us-east-1:111122223333:repository/app"}`),
		Resource: policies(t, RepositoryPolicy, "the repository policy", benchmarkStatements),
	}
}

func sessionRequest() Request {
	return Request{
		Principal: session1, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: "111122223333",
		Context: newContext(map[string][]string{
			"aws:SourceIp": {"203.0.113.9"}, "aws:SecureTransport": {"true"}, "aws:PrincipalTag/team": {"ci"},
		}),
	}
}

func BenchmarkAuthorizeSession(b *testing.B) {
	req, by := sessionRequest(), sessionPolicies(b)
	b.ReportAllocs()
	for b.Loop() {
		if !Authorize(b.Context(), req, by).Allowed() {
			b.Fatal("refused")
		}
	}
}

func TestAllocations(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("coverage counters change what is allocated")
	}
	resource := policies(t, RepositoryPolicy, "the repository policy", benchmarkStatements)
	req := Request{
		Principal: root2, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: "111122223333",
		Context: newContext(map[string][]string{"aws:SourceIp": {"203.0.113.9"}}),
	}
	if n := testing.AllocsPerRun(100, func() { authorize(req, nil, resource) }); n > 1 {
		t.Errorf("a decision by policy allocates %v times; only its Match should", n)
	}
	session, by := sessionRequest(), sessionPolicies(t)
	if n := testing.AllocsPerRun(100, func() { Authorize(t.Context(), session, by) }); n > 1 {
		t.Errorf("a decision by policies of every sort allocates %v times; only its Match should", n)
	}
	req.Principal = root1
	if n := testing.AllocsPerRun(100, func() { authorize(req, nil, nil) }); n > 0 {
		t.Errorf("a root in its own account costs %v allocations", n)
	}
}
