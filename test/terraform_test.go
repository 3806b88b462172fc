package test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestTerraform sets replication up with the Terraform AWS provider, as most
// teams would, and finds nothing left to change afterwards. The provider comes
// from a mirror in a folder of /opt, if there is one, else from wherever the
// machine's Terraform configuration says.
func TestTerraform(t *testing.T) {
	t.Parallel()
	terraform := client(t, "terraform")
	s := newServer(t)
	d := s.desk()
	var text strings.Builder
	text.WriteString("terraform {\n  required_providers {\n    aws = { source = \"hashicorp/aws\" }\n  }\n}\n")
	for _, a := range []account{prod, dev} {
		fmt.Fprintf(&text, `
provider "aws" {
  alias                       = %q
  region                      = %q
  access_key                  = %q
  secret_key                  = %q
  skip_metadata_api_check     = true
  skip_region_validation      = true
  endpoints {
    ecr = "http://%[5]s"
    sts = "http://%[5]s"
  }
}
`, a.name, tokyo, a.key, a.secret, s.addr)
	}
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
	d.env = append(d.env, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "GOGC=400")
	// <mirror>/<host>/hashicorp/aws, as `terraform providers mirror` lays it out.
	if providers, _ := filepath.Glob("/opt/*/*/hashicorp/aws"); len(providers) > 0 {
		mirror := filepath.Join(providers[0], "../../..")
		settings := filepath.Join(d.home, "terraform.rc")
		writeFile(t, settings, fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror))
		d.env = append(d.env, "TF_CLI_CONFIG_FILE="+settings)
	}
	if _, err := d.run("", terraform, "init", "-input=false", "-no-color"); err != nil {
		_, why, _ := strings.Cut(err.Error(), "Error: ")
		why, _, _ = strings.Cut(why, "\n")
		t.Skipf("left out: Terraform cannot get its AWS provider: %s", why)
	}
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
