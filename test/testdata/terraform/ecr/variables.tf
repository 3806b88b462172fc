# What modules for ECR commonly take: everything optional, null where it is not given.

variable "create" {
  type    = bool
  default = true
}

variable "tags" {
  type    = map(string)
  default = {}
}

variable "create_repository" {
  type    = bool
  default = true
}

variable "name" {
  type    = string
  default = ""
}

variable "image_tag_mutability" {
  type    = string
  default = "IMMUTABLE"
}

variable "encryption_type" {
  type    = string
  default = null
}

variable "kms_key" {
  type    = string
  default = null
}

variable "force_delete" {
  type    = bool
  default = null
}

variable "scan_on_push" {
  type    = bool
  default = true
}

variable "policy" {
  type    = string
  default = null
}

variable "readers" {
  type    = list(string)
  default = []
}

variable "writers" {
  type    = list(string)
  default = []
}

variable "lambda_readers" {
  type    = list(string)
  default = []
}

variable "statements" {
  type    = any
  default = {}
}

variable "lifecycle_policy" {
  type    = string
  default = ""
}

variable "registry_policy" {
  type    = string
  default = null
}

variable "scanning" {
  type    = any
  default = null
}

variable "replication_rules" {
  type    = any
  default = []
}

variable "templates" {
  type    = any
  default = {}
}
