package test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestTerraformSettings sets a registry and a repository up with all arguments that the AWS provider 5 has, changes
// them in place, forgets them and imports them again.
func TestTerraformSettings(t *testing.T) {
	t.Parallel()
	terraform := client(t, "terraform")
	s := newServer(t)
	d := s.desk()
	configure := func(mutability string, scanOnPush bool, basic, scope, scanning string) {
		writeFile(t, filepath.Join(d.home, "main.tf"), s.terraformProviders(prod)+fmt.Sprintf(`
resource "aws_ecr_repository" "app" {
  provider             = aws.prod
  name                 = "team/app"
  image_tag_mutability = %q
  image_scanning_configuration {
    scan_on_push = %t
  }
  encryption_configuration {
    encryption_type = "AES256"
  }
  tags = { mutability = %[1]q }
}

resource "aws_ecr_account_setting" "basic" {
  provider = aws.prod
  name     = "BASIC_SCAN_TYPE_VERSION"
  value    = %[3]q
}

resource "aws_ecr_account_setting" "scope" {
  provider = aws.prod
  name     = "REGISTRY_POLICY_SCOPE"
  value    = %[4]q
}

resource "aws_ecr_registry_scanning_configuration" "scanning" {
  provider = aws.prod
  %[5]s
}
`, mutability, scanOnPush, basic, scope, scanning))
	}
	apply := func(want string) {
		t.Helper()
		out := d.must("", terraform, "apply", "-auto-approve", "-input=false", "-no-color")
		if !strings.Contains(out, "Resources: "+want) {
			t.Errorf("want %s:\n%s", want, out)
		}
	}
	// 2 would mean that the server answers other than what was set.
	nothingToDo := func() { d.must("", terraform, "plan", "-detailed-exitcode", "-input=false", "-no-color") }
	configure("IMMUTABLE", true, "AWS_NATIVE", "V2", `
  scan_type = "ENHANCED"
  rule {
    scan_frequency = "SCAN_ON_PUSH"
    repository_filter {
      filter      = "*"
      filter_type = "WILDCARD"
    }
  }
  rule {
    scan_frequency = "CONTINUOUS_SCAN"
    repository_filter {
      filter      = "team/*"
      filter_type = "WILDCARD"
    }
    repository_filter {
      filter      = "prod"
      filter_type = "WILDCARD"
    }
  }`)
	d.terraformInit(terraform)
	apply("4 added, 0 changed, 0 destroyed")
	nothingToDo()
	configure("MUTABLE", false, "CLAIR", "V1", `
  scan_type = "BASIC"
  rule {
    scan_frequency = "SCAN_ON_PUSH"
    repository_filter {
      filter      = "team/*"
      filter_type = "WILDCARD"
    }
  }`)
	apply("0 added, 4 changed, 0 destroyed")
	nothingToDo()

	d.must("", terraform, "state", "rm", "aws_ecr_repository.app", "aws_ecr_account_setting.basic",
		"aws_ecr_account_setting.scope", "aws_ecr_registry_scanning_configuration.scanning")
	writeFile(t, filepath.Join(d.home, "import.tf"), `
import {
  to = aws_ecr_repository.app
  id = "team/app"
}
import {
  to = aws_ecr_account_setting.basic
  id = "BASIC_SCAN_TYPE_VERSION"
}
import {
  to = aws_ecr_account_setting.scope
  id = "REGISTRY_POLICY_SCOPE"
}
import {
  to = aws_ecr_registry_scanning_configuration.scanning
  id = "`+prod.id+`"
}
`)
	apply("4 imported, 0 added, 0 changed, 0 destroyed")
	d.must("", terraform, "destroy", "-auto-approve", "-input=false", "-no-color")
}
