package test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestTerraform sets replication up with the Terraform AWS provider, as most
// teams would, and finds nothing left to change afterwards.
func TestTerraform(t *testing.T) {
	t.Parallel()
	terraform := client(t, "terraform")
	s := newServer(t)
	d := s.desk()
	var text strings.Builder
	text.WriteString(s.terraformProviders(prod, dev))
	fmt.Fprintf(&text, `
resource "aws_ecr_repository" "app" {
  provider             = aws.prod
  name                 = "team/app"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true
  tags                 = { env = "test" }
}

resource "aws_ecr_repository_policy" "app" {
  provider   = aws.prod
  repository = aws_ecr_repository.app.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "pull"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::%[2]s:root" }
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
  })
}

resource "aws_ecr_lifecycle_policy" "app" {
  provider   = aws.prod
  repository = aws_ecr_repository.app.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 2
        description  = "archive what nobody pulls"
        selection    = { tagStatus = "any", countType = "sinceImagePulled", countUnit = "days", countNumber = 90 }
        action       = { type = "transition", targetStorageClass = "archive" }
      },
      {
        rulePriority = 1
        selection = {
          tagStatus      = "tagged"
          tagPatternList = ["prod*", "*-rc"]
          countType      = "imageCountMoreThan"
          countNumber    = 30
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 3
        selection = {
          tagStatus = "any", storageClass = "archive", countType = "sinceImageTransitioned", countUnit = "days", countNumber = 365
        }
        action = { type = "expire" }
      }
    ]
  })
}

data "aws_ecr_lifecycle_policy_document" "shared" {
  provider = aws.prod
  rule {
    priority = 1
    selection {
      tag_status      = "tagged"
      tag_prefix_list = ["b", "a"]
      count_type      = "sinceImagePushed"
      count_unit      = "days"
      count_number    = 14
    }
  }
}

resource "aws_ecr_repository" "shared" {
  provider = aws.prod
  name     = "shared"
}

resource "aws_ecr_lifecycle_policy" "shared" {
  provider   = aws.prod
  repository = aws_ecr_repository.shared.name
  policy     = data.aws_ecr_lifecycle_policy_document.shared.json
}

resource "aws_ecr_registry_policy" "grant" {
  provider = aws.dev
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "replication"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::%[1]s:root" }
      Action    = ["ecr:CreateRepository", "ecr:ReplicateImage"]
      Resource  = ["arn:aws:ecr:%[3]s:%[2]s:repository/*"]
    }]
  })
}

resource "aws_ecr_replication_configuration" "rule" {
  provider = aws.prod
  replication_configuration {
    rule {
      destination {
        region      = "%[3]s"
        registry_id = "%[2]s"
      }
      repository_filter {
        filter      = "team/"
        filter_type = "PREFIX_MATCH"
      }
    }
  }
}

output "url" {
  value = aws_ecr_repository.app.repository_url
}
`, prod.id, dev.id, tokyo)
	writeFile(t, filepath.Join(d.home, "main.tf"), text.String())
	d.terraformInit(terraform)
	d.must("", terraform, "apply", "-auto-approve", "-input=false", "-no-color")
	// 2 would mean that the server answers other than what was set.
	d.must("", terraform, "plan", "-detailed-exitcode", "-input=false", "-no-color")
	var url string
	if err := json.Unmarshal([]byte(d.must("", terraform, "output", "-json", "url")), &url); err != nil {
		t.Fatal(err)
	}
	if want := s.addr + "/" + prod.id + "/" + tokyo + "/team/app"; url != want {
		t.Errorf("the repository's URL is %s, want %s", url, want)
	}
	pushed := makeImage("terraform", nil, "")
	s.oci(prod, tokyo).mustPush("team/app", "1", pushed)
	eventually(t, patience, func() error { return s.oci(dev, tokyo).wantPull("team/app", "1", pushed.digest) })
	d.must("", terraform, "destroy", "-auto-approve", "-input=false", "-no-color")
}
