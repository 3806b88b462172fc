package test

import "fmt"

// terraformSettings sets a registry and a repository up with all arguments that the AWS provider 5 has.
func terraformSettings() terraformPart {
	configure := func(mutability string, scanOnPush bool, basic, scope, scanning string) string {
		return fmt.Sprintf(`
resource "aws_ecr_repository" "set" {
  provider             = aws.mallory
  name                 = "team/set"
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
  provider = aws.mallory
  name     = "BASIC_SCAN_TYPE_VERSION"
  value    = %[3]q
}

resource "aws_ecr_account_setting" "scope" {
  provider = aws.mallory
  name     = "REGISTRY_POLICY_SCOPE"
  value    = %[4]q
}

resource "aws_ecr_registry_scanning_configuration" "scanning" {
  provider = aws.mallory
  %[5]s
}
`, mutability, scanOnPush, basic, scope, scanning)
	}
	before := configure("IMMUTABLE", true, "AWS_NATIVE", "V2", `
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
	after := configure("MUTABLE", false, "CLAIR", "V1", `
  scan_type = "BASIC"
  rule {
    scan_frequency = "SCAN_ON_PUSH"
    repository_filter {
      filter      = "team/*"
      filter_type = "WILDCARD"
    }
  }`)
	return terraformPart{
		steps:  [3]string{before, after, after},
		counts: [3][3]int{{4, 0, 0}, {0, 4, 0}, {}},
		imports: map[string]string{
			"aws_ecr_repository.set":                           "team/set",
			"aws_ecr_account_setting.basic":                    "BASIC_SCAN_TYPE_VERSION",
			"aws_ecr_account_setting.scope":                    "REGISTRY_POLICY_SCOPE",
			"aws_ecr_registry_scanning_configuration.scanning": mallory.id,
		},
	}
}
