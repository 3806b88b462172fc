# Two accounts of Twinport: prod pushes, and dev gets what it pushes. The profiles, with
# the endpoint, are those that `twinport serve` has written.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  alias                   = "prod"
  profile                 = "prod"
  region                  = "ap-northeast-1"
  skip_metadata_api_check = true
  skip_region_validation  = true # a Region may have a name of your own
}

provider "aws" {
  alias                   = "dev"
  profile                 = "dev"
  region                  = "us-east-1"
  skip_metadata_api_check = true
  skip_region_validation  = true
}

data "aws_caller_identity" "prod" {
  provider = aws.prod
}

data "aws_caller_identity" "dev" {
  provider = aws.dev
}

data "aws_region" "prod" {
  provider = aws.prod
}

data "aws_region" "dev" {
  provider = aws.dev
}

# prod: a repository whose tags never move, and which keeps its last 100 releases.

resource "aws_ecr_repository" "app" {
  provider             = aws.prod
  name                 = "team/app"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true

  tags = {
    team = "app"
  }
}

data "aws_ecr_lifecycle_policy_document" "app" {
  provider = aws.prod

  rule {
    priority    = 1
    description = "the last 100 releases"
    selection {
      tag_status       = "tagged"
      tag_pattern_list = ["v*"]
      count_type       = "imageCountMoreThan"
      count_number     = 100
    }
  }

  rule {
    priority    = 2
    description = "what has lost its tag goes after a week"
    selection {
      tag_status   = "untagged"
      count_type   = "sinceImagePushed"
      count_unit   = "days"
      count_number = 7
    }
  }
}

resource "aws_ecr_lifecycle_policy" "app" {
  provider   = aws.prod
  repository = aws_ecr_repository.app.name
  policy     = data.aws_ecr_lifecycle_policy_document.app.json
}

# prod: what is pushed to team/… goes to dev.

resource "aws_ecr_replication_configuration" "to_dev" {
  provider   = aws.prod
  depends_on = [aws_ecr_registry_policy.from_prod]

  replication_configuration {
    rule {
      destination {
        region      = data.aws_region.dev.name
        registry_id = data.aws_caller_identity.dev.account_id
      }
      repository_filter {
        filter      = "team/"
        filter_type = "PREFIX_MATCH"
      }
    }
  }
}

# dev: let prod in, and say what the repositories are like that come into being so.

data "aws_iam_policy_document" "from_prod" {
  provider = aws.dev

  statement {
    sid       = "FromProd"
    actions   = ["ecr:CreateRepository", "ecr:ReplicateImage"]
    resources = ["arn:aws:ecr:${data.aws_region.dev.name}:${data.aws_caller_identity.dev.account_id}:repository/team/*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.prod.account_id}:root"]
    }
  }
}

resource "aws_ecr_registry_policy" "from_prod" {
  provider = aws.dev
  policy   = data.aws_iam_policy_document.from_prod.json
}

resource "aws_ecr_repository_creation_template" "team" {
  provider             = aws.dev
  prefix               = "team"
  description          = "what prod replicates"
  applied_for          = ["REPLICATION"]
  image_tag_mutability = "MUTABLE"
  lifecycle_policy     = data.aws_ecr_lifecycle_policy_document.app.json

  resource_tags = {
    from = "prod"
  }
}

output "push_to" {
  value = aws_ecr_repository.app.repository_url
}
