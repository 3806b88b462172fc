terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  repository = var.create && var.create_repository
  root       = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"
}

resource "aws_ecr_repository" "this" {
  count = local.repository ? 1 : 0

  name                 = var.name
  image_tag_mutability = var.image_tag_mutability
  force_delete         = var.force_delete

  encryption_configuration {
    encryption_type = var.encryption_type
    kms_key         = var.kms_key
  }

  image_scanning_configuration {
    scan_on_push = var.scan_on_push
  }

  tags = var.tags
}

data "aws_iam_policy_document" "repository" {
  count = local.repository && var.policy == null ? 1 : 0

  statement {
    sid = "PrivateReadOnly"
    principals {
      type        = "AWS"
      identifiers = coalescelist(concat(var.readers, var.writers), [local.root])
    }
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:DescribeImageScanFindings",
      "ecr:DescribeImages",
      "ecr:DescribeRepositories",
      "ecr:GetAuthorizationToken",
      "ecr:GetDownloadUrlForLayer",
      "ecr:GetLifecyclePolicy",
      "ecr:GetLifecyclePolicyPreview",
      "ecr:GetRepositoryPolicy",
      "ecr:ListImages",
      "ecr:ListTagsForResource",
    ]
  }

  dynamic "statement" {
    for_each = length(var.lambda_readers) > 0 ? [1] : []
    content {
      sid = "PrivateLambdaReadOnly"
      principals {
        type        = "Service"
        identifiers = ["lambda.amazonaws.com"]
      }
      actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      condition {
        test     = "StringLike"
        variable = "aws:sourceArn"
        values   = var.lambda_readers
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.writers) > 0 ? [var.writers] : []
    content {
      sid = "ReadWrite"
      principals {
        type        = "AWS"
        identifiers = statement.value
      }
      actions = [
        "ecr:CompleteLayerUpload",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
      ]
    }
  }

  dynamic "statement" {
    for_each = var.statements
    content {
      sid         = try(statement.value.sid, null)
      actions     = try(statement.value.actions, null)
      not_actions = try(statement.value.not_actions, null)
      effect      = try(statement.value.effect, null)
      dynamic "principals" {
        for_each = try(statement.value.principals, [])
        content {
          type        = principals.value.type
          identifiers = principals.value.identifiers
        }
      }
      dynamic "condition" {
        for_each = try(statement.value.conditions, [])
        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_ecr_repository_policy" "this" {
  count = local.repository ? 1 : 0

  repository = aws_ecr_repository.this[0].name
  policy     = var.policy == null ? data.aws_iam_policy_document.repository[0].json : var.policy
}

resource "aws_ecr_lifecycle_policy" "this" {
  count = local.repository && var.lifecycle_policy != "" ? 1 : 0

  repository = aws_ecr_repository.this[0].name
  policy     = var.lifecycle_policy
}

resource "aws_ecr_registry_policy" "this" {
  count = var.create && var.registry_policy != null ? 1 : 0

  policy = var.registry_policy
}

resource "aws_ecr_registry_scanning_configuration" "this" {
  count = var.create && var.scanning != null ? 1 : 0

  scan_type = var.scanning.type

  dynamic "rule" {
    for_each = var.scanning.rules
    content {
      scan_frequency = rule.value.scan_frequency
      dynamic "repository_filter" {
        for_each = rule.value.filter
        content {
          filter      = repository_filter.value.filter
          filter_type = try(repository_filter.value.filter_type, "WILDCARD")
        }
      }
    }
  }
}

resource "aws_ecr_replication_configuration" "this" {
  count = var.create && length(var.replication_rules) > 0 ? 1 : 0

  replication_configuration {
    dynamic "rule" {
      for_each = var.replication_rules
      content {
        dynamic "destination" {
          for_each = rule.value.destinations
          content {
            region      = destination.value.region
            registry_id = destination.value.registry_id
          }
        }
        dynamic "repository_filter" {
          for_each = try(rule.value.repository_filters, [])
          content {
            filter      = repository_filter.value.filter
            filter_type = repository_filter.value.filter_type
          }
        }
      }
    }
  }
}

resource "aws_ecr_repository_creation_template" "this" {
  for_each = { for prefix, template in var.templates : prefix => template if var.create }

  prefix               = each.key
  description          = try(each.value.description, null)
  applied_for          = each.value.applied_for
  custom_role_arn      = try(each.value.custom_role_arn, null)
  image_tag_mutability = try(each.value.image_tag_mutability, "MUTABLE")
  lifecycle_policy     = try(each.value.lifecycle_policy, null)
  repository_policy    = try(each.value.repository_policy, null)
  resource_tags        = try(each.value.resource_tags, {})

  dynamic "encryption_configuration" {
    for_each = try([each.value.encryption_configuration], [])
    content {
      encryption_type = try(encryption_configuration.value.encryption_type, null)
      kms_key         = try(encryption_configuration.value.kms_key, null)
    }
  }
}
