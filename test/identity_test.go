package test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// as is the OCI client of whom an AWS profile of the desk speaks for, at a registry.
func (d *desk) as(profile, region string, owner account) *ociClient {
	d.s.t.Helper()
	password := d.must("", "env", "AWS_PROFILE="+profile, "aws", "ecr", "get-login-password", "--region", region)
	return &ociClient{
		t: d.s.t, http: d.s.http, host: d.s.host(owner, region), user: "AWS", password: strings.TrimSpace(password),
	}
}

// identityCommands are the commands of docs/identity.md, without those of docker.
func identityCommands(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../docs/identity.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := shellBlocks(string(text))
	if len(blocks) < 4 {
		t.Fatalf("the document has %d blocks of commands, want 4", len(blocks))
	}
	for i, block := range blocks[:4] {
		lines := slices.Collect(strings.Lines(block))
		lines = slices.DeleteFunc(lines, func(line string) bool {
			return strings.HasPrefix(line, "docker ") || strings.Contains(line, "| docker ")
		})
		blocks[i] = strings.Join(lines, "")
	}
	return blocks[:4]
}

// TestIdentityDocument does what docs/identity.md says in ten minutes: then a build
// can push to one repository and nothing else, and a cluster can pull and nothing else.
func TestIdentityDocument(t *testing.T) {
	t.Parallel()
	client(t, "aws")
	s := newServer(t)
	d := s.desk()
	if _, endpoint := d.awsCommandLine(); endpoint != nil {
		t.Skip("left out: this aws command takes no endpoint from a profile")
	}
	s.createRepository(prod, tokyo, "app")
	s.createRepository(prod, tokyo, "other")
	s.grant(dev, virginia, prod, "ReplicateImage", "CreateRepository")
	s.replicate(prod, tokyo, rule{to: []destination{{dev, virginia}}})
	blocks := identityCommands(t)
	run := func(script string) string { return d.must("", "sh", "-euc", script) }
	refused := func(text, profile string, args ...string) {
		t.Helper()
		d.mustFail(text, "", "env", append([]string{"AWS_PROFILE=" + profile, "aws"}, args...)...)
	}

	run(blocks[0])
	if out := run(blocks[1]); !strings.Contains(out, "arn:aws:iam::"+prod.id+":user/ci") {
		t.Errorf("the build is %s", out)
	}
	image := makeImage("by a build", nil, "")
	build := d.as("ci", tokyo, prod)
	build.mustPush("app", "2", image)
	if answer, err := build.send("POST", "/v2/other/blobs/uploads/", nil); err != nil || answer.status != 403 ||
		!strings.Contains(answer.String(), "because no identity-based policy allows the ecr:InitiateLayerUpload action") {
		t.Errorf("a push to another repository: %v, %v", answer, err)
	}
	refused("no identity-based policy allows the ecr:BatchDeleteImage action", "ci", "ecr", "batch-delete-image",
		"--repository-name", "app", "--image-ids", "imageTag=2")
	refused("not authorized to perform: ecr:CreateRepository", "ci", "ecr", "create-repository", "--repository-name", "mine")
	refused("not authorized to perform: iam:CreateUser on resource: arn:aws:iam::"+prod.id+":user/friend", "ci", "iam",
		"create-user", "--user-name", "friend")
	refused("Roles may not be assumed by root accounts", "prod", "sts", "assume-role", "--role-arn",
		"arn:aws:iam::"+dev.id+":role/cluster", "--role-session-name", "build")

	run(blocks[2])
	session := regexp.MustCompile(`arn:aws:sts::` + dev.id + `:assumed-role/cluster/\S+"`)
	if out := run(blocks[3]); !session.MatchString(out) {
		t.Errorf("the cluster is %s", out)
	}
	cluster := d.as("cluster", virginia, dev)
	eventually(t, patience, func() error { return cluster.wantPull("app", "2", image.digest) })
	if answer, err := cluster.send("POST", "/v2/app/blobs/uploads/", nil); err != nil || answer.status != 403 {
		t.Errorf("a push by the cluster: %v, %v", answer, err)
	}
	refused("not authorized to perform: ecr:GetAuthorizationToken", "node", "ecr", "get-login-password")
	refused("not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::"+dev.id+":role/cluster", "ci", "sts",
		"assume-role", "--role-arn", "arn:aws:iam::"+dev.id+":role/cluster", "--role-session-name", "build")

	// All of it outlives the process, and ends with the key, the role or the user.
	s.restart(syscall.SIGKILL)
	if err := cluster.wantPull("app", "2", image.digest); err != nil {
		t.Error(err)
	}
	build.mustPush("app", "3", image)
	aws := func(profile string, args ...string) string {
		t.Helper()
		return d.must("", "env", append([]string{"AWS_PROFILE=" + profile, "aws"}, args...)...)
	}
	key := strings.TrimSpace(aws("prod", "iam", "list-access-keys", "--user-name", "ci", "--query",
		"AccessKeyMetadata[0].AccessKeyId", "--output", "text"))
	aws("prod", "iam", "update-access-key", "--user-name", "ci", "--access-key-id", key, "--status", "Inactive")
	refused("UnrecognizedClientException", "ci", "ecr", "describe-images", "--repository-name", "app")
	if answer, err := build.send("GET", "/v2/app/manifests/3", nil); err != nil || answer.status != 401 {
		t.Errorf("a pull with the login of a key that is inactive: %v, %v", answer, err)
	}
	refused("DeleteConflict", "prod", "iam", "delete-user", "--user-name", "ci")
	aws("dev", "iam", "detach-role-policy", "--role-name", "cluster", "--policy-arn",
		"arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly")
	if answer, err := cluster.send("GET", "/v2/app/manifests/2", nil); err != nil || answer.status != 403 {
		t.Errorf("a pull by a role without policies: %v, %v", answer, err)
	}
	aws("dev", "iam", "delete-role", "--role-name", "cluster")
	if answer, err := cluster.send("GET", "/v2/app/manifests/2", nil); err != nil || answer.status != 401 {
		t.Errorf("a pull with the login of a role that is gone: %v, %v", answer, err)
	}
}

// terraformIdentity has every resource and data source of IAM that the AWS provider 5 has for what the server offers.
func terraformIdentity() terraformPart {
	configure := func(path string, duration int, description, action, status string) string {
		return fmt.Sprintf(`
data "aws_iam_policy_document" "push" {
  provider = aws.mallory
  statement {
    sid       = "Login"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
  statement {
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:PutImage", %[4]q]
    resources = ["arn:aws:ecr:*:%[6]s:repository/team/*"]
    condition {
      test     = "StringLike"
      variable = "aws:PrincipalTag/team"
      values   = ["a*", "b + c%%"]
    }
  }
}

data "aws_iam_policy_document" "trust" {
  provider = aws.mallory
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.ci.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [%[4]q]
    }
  }
}

resource "aws_iam_user" "ci" {
  provider             = aws.mallory
  name                 = "ci"
  path                 = %[1]q
  permissions_boundary = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess"
  force_destroy        = true
  tags                 = { team = "app", action = %[4]q }
}

resource "aws_iam_access_key" "ci" {
  provider = aws.mallory
  user     = aws_iam_user.ci.name
  status   = %[5]q
}

resource "aws_iam_user_policy" "push" {
  provider = aws.mallory
  name     = "push"
  user     = aws_iam_user.ci.name
  policy   = data.aws_iam_policy_document.push.json
}

resource "aws_iam_group" "builders" {
  provider = aws.mallory
  name     = "builders"
  path     = %[1]q
}

resource "aws_iam_group_membership" "builders" {
  provider = aws.mallory
  name     = "builders"
  group    = aws_iam_group.builders.name
  users    = [aws_iam_user.ci.name]
}

resource "aws_iam_group_policy" "push" {
  provider = aws.mallory
  name     = "push"
  group    = aws_iam_group.builders.name
  policy   = data.aws_iam_policy_document.push.json
}

resource "aws_iam_policy" "push" {
  provider    = aws.mallory
  name        = "push"
  path        = "/build/"
  description = "what builds may do"
  policy      = data.aws_iam_policy_document.push.json
  tags        = { action = %[4]q }
}

resource "aws_iam_user_policy_attachment" "push" {
  provider   = aws.mallory
  user       = aws_iam_user.ci.name
  policy_arn = aws_iam_policy.push.arn
}

resource "aws_iam_group_policy_attachment" "pull" {
  provider   = aws.mallory
  group      = aws_iam_group.builders.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
}

resource "aws_iam_role" "deploy" {
  provider             = aws.mallory
  name                 = "deploy"
  description          = %[3]q
  max_session_duration = %[2]d
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = aws_iam_policy.push.arn
  tags                 = { action = %[4]q }
}

resource "aws_iam_role_policy" "push" {
  provider = aws.mallory
  name     = "push"
  role     = aws_iam_role.deploy.id
  policy   = data.aws_iam_policy_document.push.json
}

resource "aws_iam_role_policy_attachment" "power" {
  provider   = aws.mallory
  role       = aws_iam_role.deploy.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"
}

resource "aws_iam_account_alias" "name" {
  provider      = aws.mallory
  account_alias = "twinport-mallory"
}

data "aws_iam_user" "ci" {
  provider  = aws.mallory
  user_name = aws_iam_user.ci.name
}

data "aws_iam_role" "deploy" {
  provider = aws.mallory
  name     = aws_iam_role.deploy.name
}

data "aws_iam_policy" "push" {
  provider = aws.mallory
  name     = aws_iam_policy.push.name
}

output "identities" {
  value = [data.aws_iam_user.ci.arn, data.aws_iam_role.deploy.arn, data.aws_iam_policy.push.arn]
}
`, path, duration, description, action, status, mallory.id)
	}
	before := configure("/", 3600, "deploys", "ecr:InitiateLayerUpload", "Active")
	after := configure("/build/", 7200, "deploys a lot", "ecr:UploadLayerPart", "Inactive")
	return terraformPart{
		steps:  [3]string{before, after, after},
		counts: [3][3]int{{13, 0, 0}, {0, 8, 0}, {0, 1, 0}},
		imports: map[string]string{
			"aws_iam_user.ci":                      "ci",
			"aws_iam_user_policy.push":             "ci:push",
			"aws_iam_group.builders":               "builders",
			"aws_iam_group_policy.push":            "builders:push",
			"aws_iam_policy.push":                  "arn:aws:iam::" + mallory.id + ":policy/build/push",
			"aws_iam_role.deploy":                  "deploy",
			"aws_iam_role_policy.push":             "deploy:push",
			"aws_iam_account_alias.name":           "twinport-mallory",
			"aws_iam_user_policy_attachment.push":  "ci/arn:aws:iam::" + mallory.id + ":policy/build/push",
			"aws_iam_group_policy_attachment.pull": "builders/arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
			"aws_iam_role_policy_attachment.power": "deploy/arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser",
		},
	}
}
