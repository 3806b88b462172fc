package test

import (
	"fmt"
	"path/filepath"
	"slices"
)

// terraformModule sets accounts up by a module as teams share them, with dynamic blocks and nulls for what is not
// given. Its data sources read all of it, and the image, which has the tag v1 of team/app.
func terraformModule(s *server, image image) terraformPart {
	s.t.Helper()
	module, err := filepath.Abs("testdata/terraform/ecr")
	if err != nil {
		s.t.Fatal(err)
	}
	configure := func(app string) string {
		return fmt.Sprintf(`
module "bare" {
  source    = %[1]q
  providers = { aws = aws.prod }
  name      = "bare"
}

module "app" {
  source       = %[1]q
  providers    = { aws = aws.prod }
  name         = "team/app"
  force_delete = true
%[2]s
}

module "none" {
  source    = %[1]q
  providers = { aws = aws.prod }
  create    = false
}

module "grant" {
  source            = %[1]q
  providers         = { aws = aws.dev }
  create_repository = false
  registry_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "replication"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::%[3]s:root" }
      Action    = ["ecr:CreateRepository", "ecr:ReplicateImage"]
      Resource  = ["arn:aws:ecr:%[5]s:%[4]s:repository/*"]
    }]
  })
}
`, module, app, prod.id, dev.id, tokyo)
	}
	const expire = `lifecycle_policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep last images"
      selection    = { tagStatus = "tagged", tagPrefixList = ["v"], countType = "imageCountMoreThan", countNumber = %d }
      action       = { type = "expire" }
    }]
  })`
	before := fmt.Sprintf(`
  writers          = ["arn:aws:iam::%[1]s:root"]
  readers          = ["arn:aws:iam::%[2]s:root"]
  lambda_readers   = ["arn:aws:lambda:us-east-1:%[1]s:function:*"]
  statements = {
    describe = {
      sid        = "Describe"
      actions    = ["ecr:DescribeImages"]
      principals = [{ type = "AWS", identifiers = ["arn:aws:iam::%[2]s:root"] }]
      conditions = [{ test = "StringEquals", variable = "aws:PrincipalAccount", values = ["%[2]s"] }]
    }
  }
  %[3]s
  tags = { env = "test", team = "app" }
  scanning = {
    type  = "ENHANCED"
    rules = [
      { scan_frequency = "SCAN_ON_PUSH", filter = [{ filter = "example1", filter_type = "WILDCARD" }] },
      { scan_frequency = "CONTINUOUS_SCAN", filter = [{ filter = "example" }] },
    ]
  }
  replication_rules = [{
    destinations       = [{ region = "%[4]s", registry_id = "%[2]s" }, { region = "%[5]s", registry_id = "%[1]s" }]
    repository_filters = [{ filter = "team/", filter_type = "PREFIX_MATCH" }]
  }, {
    destinations = [{ region = "%[5]s", registry_id = "%[2]s" }]
  }]
  templates = {
    team = {
      description              = "of the team"
      applied_for              = ["PULL_THROUGH_CACHE"]
      image_tag_mutability     = "IMMUTABLE"
      encryption_configuration = { encryption_type = "AES256" }
      resource_tags            = { by = "template" }
    }
    ROOT = { applied_for = ["REPLICATION"] }
  }`, prod.id, dev.id, fmt.Sprintf(expire, 30), tokyo, oregon)
	after := fmt.Sprintf(`
  image_tag_mutability = "MUTABLE"
  scan_on_push         = false
  readers              = ["arn:aws:iam::%[2]s:root"]
  %[3]s
  tags = { env = "production" }
  scanning = {
    type  = "BASIC"
    rules = [{ scan_frequency = "SCAN_ON_PUSH", filter = [{ filter = "*" }] }]
  }
  replication_rules = [{ destinations = [{ region = "%[4]s", registry_id = "%[2]s" }] }]
  templates = {
    team = {
      description          = "of another team"
      applied_for          = ["PULL_THROUGH_CACHE", "REPLICATION"]
      image_tag_mutability = "MUTABLE"
      resource_tags        = { by = "another template" }
    }
    ROOT = { applied_for = ["REPLICATION"], description = "all others" }
  }`, prod.id, dev.id, fmt.Sprintf(expire, 40), tokyo)
	return terraformPart{
		steps: [3]string{configure(before), configure(after), configure(after) + terraformData},
		// The provider replaces lifecycle policies. force_delete is Terraform's own.
		counts: [3][3]int{{10, 0, 0}, {1, 6, 1}, {0, 1, 0}},
		imports: map[string]string{
			"module.bare.aws_ecr_repository.this[0]":                       "bare",
			"module.bare.aws_ecr_repository_policy.this[0]":                "bare",
			"module.app.aws_ecr_repository.this[0]":                        "team/app",
			"module.app.aws_ecr_repository_policy.this[0]":                 "team/app",
			"module.app.aws_ecr_lifecycle_policy.this[0]":                  "team/app",
			"module.app.aws_ecr_registry_scanning_configuration.this[0]":   prod.id,
			"module.app.aws_ecr_replication_configuration.this[0]":         prod.id,
			`module.app.aws_ecr_repository_creation_template.this["team"]`: "team",
			`module.app.aws_ecr_repository_creation_template.this["ROOT"]`: "ROOT",
			"module.grant.aws_ecr_registry_policy.this[0]":                 dev.id,
		},
		read: func(output func(string, any)) {
			var read struct {
				User, Newest, Tagged, Replica, Template string
				Tags, Repositories                      []string
				App                                     struct {
					MostRecent []string          `json:"most_recent_image_tags"`
					Mutability string            `json:"image_tag_mutability"`
					Tags       map[string]string `json:"tags"`
				}
			}
			output("read", &read)
			url := s.addr + "/" + prod.id + "/" + tokyo + "/team/app"
			if read.User != "AWS" || read.Newest != image.digest.String() || read.Tagged != url+"@"+image.digest.String() ||
				!slices.Equal(read.Tags, []string{"v1"}) || !slices.Equal(read.App.MostRecent, []string{"v1"}) ||
				read.App.Mutability != "MUTABLE" || read.App.Tags["env"] != "production" || read.Template != "of another team" ||
				!slices.Equal(read.Repositories, []string{"bare", "kept", "shared", "team/app"}) ||
				read.Replica != s.addr+"/"+dev.id+"/"+tokyo+"/team/app" {
				s.t.Errorf("the data sources have read %+v", read)
			}
		},
	}
}

// terraformData reads what the module has made by every data source.
const terraformData = `
data "aws_ecr_authorization_token" "token" {
  provider = aws.prod
}

data "aws_ecr_image" "newest" {
  provider        = aws.prod
  repository_name = "team/app"
  most_recent     = true
}

data "aws_ecr_image" "tagged" {
  provider        = aws.prod
  repository_name = "team/app"
  image_tag       = "v1"
}

data "aws_ecr_repository" "app" {
  provider = aws.prod
  name     = "team/app"
}

data "aws_ecr_repository" "replica" {
  provider = aws.dev
  name     = "team/app"
}

data "aws_ecr_repositories" "all" {
  provider = aws.prod
}

data "aws_ecr_repository_creation_template" "team" {
  provider = aws.prod
  prefix   = "team"
}

output "read" {
  value = {
    user         = nonsensitive(data.aws_ecr_authorization_token.token.user_name)
    newest       = data.aws_ecr_image.newest.image_digest
    tagged       = data.aws_ecr_image.tagged.image_uri
    tags         = data.aws_ecr_image.newest.image_tags
    app          = data.aws_ecr_repository.app
    replica      = data.aws_ecr_repository.replica.repository_url
    repositories = data.aws_ecr_repositories.all.names
    template     = data.aws_ecr_repository_creation_template.team.description
  }
}
`
