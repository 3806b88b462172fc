package policy

import (
	"errors"
	"strings"
	"testing"
)

// What programs look for in IAM's texts is there, and so is where the fault is.
func TestIAMProblem(t *testing.T) {
	t.Parallel()
	const (
		identity = `{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}`
		trust    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}`
	)
	mustParse(t, identity, IdentityPolicy)
	mustParse(t, trust, TrustPolicy)
	tests := []struct {
		kind          Kind
		old, new      string
		problem, path string
	}{
		{IdentityPolicy, identity, `{"Version":`, "This policy contains invalid Json", "Version"},
		{IdentityPolicy, identity, `[]`, "Syntax errors in policy.", "document"},
		{IdentityPolicy, identity, `null`, "Syntax errors in policy.", "document"},
		{IdentityPolicy, `"Allow"`, `"allow"`, "Syntax errors in policy.", "Statement[0].Effect"},
		{IdentityPolicy, `"Sid":"A"`, `"Sid":"A b"`, "Syntax errors in policy.", "Statement[0].Sid"},
		{IdentityPolicy, `2012-10-17`, `2012-10-18`, "Policy document must be version 2012-10-17 or greater.", "Version"},
		{IdentityPolicy, `"Action":"s3:Get*",`, ``, "Policy statement must contain actions.", "Statement[0]"},
		{IdentityPolicy, `,"Resource":"*"`, ``, "Policy statement must contain resources.", "Statement[0]"},
		{IdentityPolicy, `"s3:Get*"`, `"GetObject"`, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
			"Statement[0].Action"},
		{IdentityPolicy, `"*"}`, `"bucket"}`, `Resource "bucket" must be in ARN format or "*".`, "Statement[0].Resource"},
		{IdentityPolicy, `"*"}`, `"*"},{"Sid":"A","Effect":"Deny","Action":"*","Resource":"*"}`,
			"Statement IDs (SID) in a single policy must be unique.", "Statement[1]"},
		{IdentityPolicy, `"Sid":"A"`, `"Principal":"*"`, "Has prohibited field Principal.", "Statement[0].Principal"},
		{TrustPolicy, `"Effect"`, `"Resource":"*","Effect"`, "Has prohibited field Resource.", "Statement[0].Resource"},
		{TrustPolicy, `"Effect"`, `"NotResource":"*","Effect"`, "Has prohibited field NotResource.", "Statement[0].NotResource"},
		{TrustPolicy, `"Principal":{"AWS":"111122223333"},`, ``, "Missing required field Principal", "Statement[0]"},
		{TrustPolicy, `"sts:AssumeRole"`, `"*"`, "AssumeRole policy may only specify STS AssumeRole actions.", "Statement[0].Action"},
		{TrustPolicy, `"sts:AssumeRole"`, `["sts:AssumeRole","s3:x"]`, "AssumeRole policy may only specify STS AssumeRole actions.",
			"Statement[0].Action[1]"},
		{TrustPolicy, `"111122223333"`, `"arn:aws:iam::111122223333:user/*"`,
			`Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*"`, "Statement[0].Principal.AWS"},
		{TrustPolicy, `{"AWS":"111122223333"}`, `{"Federated":"accounts.example.org"}`,
			`Invalid principal in policy: "Federated":"accounts.example.org"`, "Statement[0].Principal.Federated"},
		{TrustPolicy, `"Principal"`, `"NotPrincipal"`, "Syntax errors in policy.", "Statement[0]"},
	}
	for _, tt := range tests {
		text := map[Kind]string{IdentityPolicy: identity, TrustPolicy: trust}[tt.kind]
		if !strings.Contains(text, tt.old) {
			t.Fatalf("%s is not in the policy", tt.old)
		}
		_, err := Parse(strings.Replace(text, tt.old, tt.new, 1), tt.kind)
		if err == nil {
			t.Errorf("%s is accepted", tt.new)
			continue
		}
		got := IAMProblem(err)
		if !strings.HasPrefix(got, tt.problem+" (line 1, column ") || !strings.Contains(got, ", "+tt.path+":") {
			t.Errorf("%s: %s\nwant %s at %s", tt.new, got, tt.problem, tt.path)
		}
	}
	if got := IAMProblem(errors.New("no")); got != "Syntax errors in policy. (no)" {
		t.Error(got)
	}
}

// ofIAM are policies as AWS publishes them, and as Terraform's
// aws_iam_policy_document and people write them, and what they allow.
var ofIAM = []struct {
	name   string
	kind   Kind
	text   string
	allows []string // action and resource
	not    []string
}{
	{"read only", IdentityPolicy, `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [
		"ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer",
		"ecr:GetRepositoryPolicy", "ecr:DescribeRepositories", "ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage",
		"ecr:GetLifecyclePolicy", "ecr:GetLifecyclePolicyPreview", "ecr:ListTagsForResource",
		"ecr:DescribeImageScanFindings"], "Resource": "*"}]}`,
		[]string{"ecr:BatchGetImage " + app1, "ecr:GetAuthorizationToken *"}, []string{"ecr:PutImage " + app1}},
	{"full access", IdentityPolicy, `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": ["ecr:*", "cloudtrail:LookupEvents"], "Resource": "*"},
		{"Effect": "Allow", "Action": ["iam:CreateServiceLinkedRole"], "Resource": "*",
		 "Condition": {"StringEquals": {"iam:AWSServiceName": ["replication.ecr.amazonaws.com"]}}}]}`,
		[]string{"ecr:DeleteRepository " + app1}, []string{"iam:CreateServiceLinkedRole *", "iam:CreateUser *"}},
	{"pull through cache", IdentityPolicy, `{"Version": "2012-10-17", "Statement": [
		{"Sid": "ECR", "Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "ecr:BatchImportUpstreamImage"],
		 "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}},
		{"Sid": "SecretsManager", "Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"],
		 "Resource": "arn:aws:secretsmanager:*:*:secret:ecr-pullthroughcache/*",
		 "Condition": {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}}]}`,
		[]string{
			"ecr:GetAuthorizationToken *",
			"secretsmanager:GetSecretValue arn:aws:secretsmanager:us-east-1:111122223333:secret:ecr-pullthroughcache/x",
		}, []string{"secretsmanager:GetSecretValue arn:aws:secretsmanager:us-east-1:111122223333:secret:else"}},
	{"administrator", IdentityPolicy, `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`,
		[]string{"iam:CreateUser arn:aws:iam::111122223333:user/x", "ecr:PutImage " + app1}, nil},
	{"power user", IdentityPolicy, `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
		{"Effect": "Allow", "Action": ["iam:CreateServiceLinkedRole", "iam:ListRoles", "account:GetAccountInformation"],
		 "Resource": "*"}]}`,
		[]string{"ecr:PutImage " + app1, "iam:ListRoles *"}, []string{"iam:CreateUser *"}},
	{"read IAM", IdentityPolicy, `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [
		"iam:GenerateCredentialReport", "iam:Get*", "iam:List*", "iam:SimulateCustomPolicy"], "Resource": "*"}]}`,
		[]string{"iam:GetUser arn:aws:iam::111122223333:user/x"}, []string{"iam:CreateUser *"}},
	{"from Terraform", IdentityPolicy, `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "1",
      "Effect": "Allow",
      "Action": [
        "s3:ListAllMyBuckets",
        "s3:GetBucketLocation"
      ],
      "Resource": "arn:aws:s3:::*"
    },
    {
      "Effect": "Allow",
      "Action": "ecr:PutImage",
      "Resource": [
        "arn:aws:ecr:us-east-1:111122223333:repository/app",
        "arn:aws:ecr:us-east-1:111122223333:repository/app-*"
      ],
      "Condition": {
        "ForAnyValue:StringLike": {
          "aws:TagKeys": ["team", "env*"]
        },
        "StringLikeIfExists": {
          "aws:PrincipalTag/team": [
            "",
            "home/",
            "home/${aws:username}/"
          ]
        }
      }
    },
    {
      "Effect": "Deny",
      "Action": "*",
      "NotResource": ["arn:aws:ecr:*:*:repository/*", "arn:aws:s3:::*"],
      "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}, "DateLessThan": {"aws:TokenIssueTime": "2026-01-01T00:00:00Z"}}
    }
  ]
}`, []string{"s3:ListAllMyBuckets arn:aws:s3:::b"}, []string{"ecr:PutImage " + app1}},
	{"sessions revoked", IdentityPolicy, `{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["*"], "Resource": ["*"],
		"Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-11-28T10:00:00.123Z"}}}]}`, nil, []string{"ecr:PutImage " + app1}},
	{"older version", IdentityPolicy, `{"Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "arn:aws:ecr:*:*:*"}}`,
		[]string{"ecr:PutImage " + app1}, nil},
	{"trust in a service", TrustPolicy, `{"Version": "2012-10-17", "Statement": [{"Sid": "", "Effect": "Allow", "Action": "sts:AssumeRole",
		"Principal": {"Service": ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]}}]}`, nil, []string{"sts:AssumeRole *"}},
	{"trust with an external id", TrustPolicy, `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
		"Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], "Principal": {"AWS": "arn:aws:iam::111122223333:user/ci"}},
		{"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"},
		 "Condition": {"StringNotEquals": {"sts:ExternalId": "x"}}}]}`, []string{"sts:TagSession *"}, []string{"sts:AssumeRole *"}},
	{"trust in GitHub", TrustPolicy, `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
		"Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
		"Action": "sts:AssumeRoleWithWebIdentity", "Condition": {
			"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
			"StringLike": {"token.actions.githubusercontent.com:sub": "repo:o/r:*"}}}]}`,
		nil, []string{"sts:AssumeRoleWithWebIdentity *"}},
}

func TestPoliciesOfIAM(t *testing.T) {
	t.Parallel()
	for _, tt := range ofIAM {
		p := []Policy{{Document: mustParse(t, tt.text, tt.kind)}}
		by := Policies{Identity: p}
		if tt.kind == TrustPolicy {
			by = Policies{Resource: p}
		}
		for i, asked := range [][]string{tt.allows, tt.not} {
			for _, what := range asked {
				action, resource, _ := strings.Cut(what, " ")
				d := Authorize(t.Context(), Request{
					Principal: user1, Action: action, Resource: resource, ResourceAccount: "111122223333",
				}, by)
				if d.Allowed() != (i == 0) {
					t.Errorf("%s: %s", tt.name, d.Reason())
				}
			}
		}
	}
}
