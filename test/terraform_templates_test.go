package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// terraformTemplates has a template with no argument that is not needed, and one with all of them, from which they are
// taken in the end.
func terraformTemplates(t *testing.T) terraformPart {
	configure := func(full string) string {
		return fmt.Sprintf(`
resource "aws_ecr_repository_creation_template" "bare" {
  provider    = aws.mallory
  prefix      = "bare/"
  applied_for = ["PULL_THROUGH_CACHE"]
}

resource "aws_ecr_repository_creation_template" "root" {
  provider = aws.mallory
  prefix   = "ROOT"
%s
}

data "aws_ecr_repository_creation_template" "root" {
  provider = aws.mallory
  prefix   = aws_ecr_repository_creation_template.root.prefix
}

output "root" {
  value = data.aws_ecr_repository_creation_template.root
}
`, full)
	}
	const all = `
  description          = "all repositories"
  image_tag_mutability = "IMMUTABLE"
  custom_role_arn      = "arn:aws:iam::111122223333:role/templates"
  applied_for          = ["PULL_THROUGH_CACHE", "REPLICATION"]
  resource_tags        = { team = "x", env = "test" }
  encryption_configuration {
    encryption_type = "AES256"
  }
  repository_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "pull"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::444455556666:root" }
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
  })
  lifecycle_policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "few without a tag"
      selection    = { tagStatus = "untagged", countType = "imageCountMoreThan", countNumber = 3 }
      action       = { type = "expire" }
    }]
  })
`
	changed := strings.NewReplacer("all repositories", "all of them", `"IMMUTABLE"`, `"MUTABLE"`,
		"role/templates", "role/other", `["PULL_THROUGH_CACHE", "REPLICATION"]`, `["REPLICATION"]`,
		`team = "x", env = "test"`, `team = "y"`,
		"countNumber = 3", "countNumber = 4", "ecr:BatchGetImage", "ecr:DescribeImages").Replace(all)
	return terraformPart{
		steps: [3]string{
			configure(all), configure(changed), configure("  applied_for = [\"PULL_THROUGH_CACHE\"]\n  description = \"\"\n"),
		},
		counts: [3][3]int{{2, 0, 0}, {0, 1, 0}, {0, 1, 0}},
		imports: map[string]string{
			"aws_ecr_repository_creation_template.root": "ROOT",
			"aws_ecr_repository_creation_template.bare": "bare/",
		},
		read: func(output func(string, any)) {
			var root struct {
				Registry    string            `json:"registry_id"`
				Description string            `json:"description"`
				Applied     []string          `json:"applied_for"`
				Tags        map[string]string `json:"resource_tags"`
			}
			output("root", &root)
			if root.Registry != mallory.id || root.Description != "" || len(root.Tags) != 0 ||
				!slices.Equal(root.Applied, []string{"PULL_THROUGH_CACHE"}) {
				t.Errorf("the data source has %+v", root)
			}
		},
	}
}
