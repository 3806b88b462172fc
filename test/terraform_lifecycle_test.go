package test

// terraformLifecycle has lifecycle policies of several rules, also as the provider writes them.
func terraformLifecycle() terraformPart {
	const text = `
resource "aws_ecr_repository" "kept" {
  provider = aws.prod
  name     = "kept"
}

resource "aws_ecr_lifecycle_policy" "kept" {
  provider   = aws.prod
  repository = aws_ecr_repository.kept.name
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
          tagStatus    = "any"
          storageClass = "archive"
          countType    = "sinceImageTransitioned"
          countUnit    = "days"
          countNumber  = 365
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
`
	return terraformPart{
		steps:  [3]string{text, text, text},
		counts: [3][3]int{{4, 0, 0}, {}, {}},
		imports: map[string]string{
			"aws_ecr_repository.kept":         "kept",
			"aws_ecr_lifecycle_policy.kept":   "kept",
			"aws_ecr_repository.shared":       "shared",
			"aws_ecr_lifecycle_policy.shared": "shared",
		},
	}
}
