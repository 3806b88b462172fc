package test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestTerraformCreationTemplates applies templates, changes each of their arguments in place, imports and destroys
// them, and finds nothing left to change after each step.
func TestTerraformCreationTemplates(t *testing.T) {
	t.Parallel()
	terraform := client(t, "terraform")
	s := newServer(t)
	d := s.desk()
	config := func(full string) string {
		return s.terraformProviders(prod) + fmt.Sprintf(`
resource "aws_ecr_repository_creation_template" "bare" {
  provider    = aws.prod
  prefix      = "bare/"
  applied_for = ["PULL_THROUGH_CACHE"]
}

resource "aws_ecr_repository_creation_template" "root" {
  provider = aws.prod
  prefix   = "ROOT"
%s
}

data "aws_ecr_repository_creation_template" "root" {
  provider = aws.prod
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
	writeFile(t, filepath.Join(d.home, "main.tf"), config(all))
	d.terraformInit(terraform)
	for i, full := range []string{all, changed, "  applied_for = [\"PULL_THROUGH_CACHE\"]\n  description = \"\"\n"} {
		writeFile(t, filepath.Join(d.home, "main.tf"), config(full))
		out := d.must("", terraform, "apply", "-auto-approve", "-input=false", "-no-color")
		if i > 0 && !strings.Contains(out, "Apply complete! Resources: 0 added, 1 changed, 0 destroyed.") {
			t.Errorf("step %d is no change in place: %s", i, out)
		}
		d.must("", terraform, "plan", "-detailed-exitcode", "-input=false", "-no-color")
	}
	var root struct {
		Registry    string            `json:"registry_id"`
		Description string            `json:"description"`
		Applied     []string          `json:"applied_for"`
		Tags        map[string]string `json:"resource_tags"`
	}
	if err := json.Unmarshal([]byte(d.must("", terraform, "output", "-json", "root")), &root); err != nil {
		t.Fatal(err)
	}
	if root.Registry != prod.id || root.Description != "" || fmt.Sprint(root.Applied) != "[PULL_THROUGH_CACHE]" ||
		len(root.Tags) != 0 {
		t.Errorf("the data source has %+v", root)
	}
	d.must("", terraform, "state", "rm", "aws_ecr_repository_creation_template.root",
		"aws_ecr_repository_creation_template.bare")
	for name, id := range map[string]string{"root": "ROOT", "bare": "bare/"} {
		writeFile(t, filepath.Join(d.home, name+".tf"), fmt.Sprintf("import {\n  provider = aws.prod\n  "+
			"to = aws_ecr_repository_creation_template.%s\n  id = %q\n}\n", name, id))
	}
	out := d.must("", terraform, "apply", "-auto-approve", "-input=false", "-no-color")
	if !strings.Contains(out, "Apply complete! Resources: 2 imported, 0 added, 0 changed, 0 destroyed.") {
		t.Errorf("imported: %s", out)
	}
	d.must("", terraform, "destroy", "-auto-approve", "-input=false", "-no-color")
}
