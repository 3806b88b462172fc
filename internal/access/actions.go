package access

import (
	"maps"
	"slices"
)

// The actions that callers are asked for, by the names that policies use.
const (
	BatchCheckLayerAvailability    = "ecr:BatchCheckLayerAvailability"
	BatchDeleteImage               = "ecr:BatchDeleteImage"
	BatchGetImage                  = "ecr:BatchGetImage"
	CompleteLayerUpload            = "ecr:CompleteLayerUpload"
	CreateRepository               = "ecr:CreateRepository"
	DeleteRegistryPolicy           = "ecr:DeleteRegistryPolicy"
	DeleteRepository               = "ecr:DeleteRepository"
	DeleteRepositoryPolicy         = "ecr:DeleteRepositoryPolicy"
	DescribeImageReplicationStatus = "ecr:DescribeImageReplicationStatus"
	DescribeImages                 = "ecr:DescribeImages"
	DescribeRegistry               = "ecr:DescribeRegistry"
	DescribeRepositories           = "ecr:DescribeRepositories"
	GetDownloadURLForLayer         = "ecr:GetDownloadUrlForLayer"
	GetRegistryPolicy              = "ecr:GetRegistryPolicy"
	GetRepositoryPolicy            = "ecr:GetRepositoryPolicy"
	GetAuthorizationToken          = "ecr:GetAuthorizationToken"
	InitiateLayerUpload            = "ecr:InitiateLayerUpload"
	ListImages                     = "ecr:ListImages"
	ListTagsForResource            = "ecr:ListTagsForResource"
	PutImage                       = "ecr:PutImage"
	PutImageTagMutability          = "ecr:PutImageTagMutability"
	PutRegistryPolicy              = "ecr:PutRegistryPolicy"
	PutReplicationConfiguration    = "ecr:PutReplicationConfiguration"
	ReplicateImage                 = "ecr:ReplicateImage"
	SetRepositoryPolicy            = "ecr:SetRepositoryPolicy"
	TagResource                    = "ecr:TagResource"
	UntagResource                  = "ecr:UntagResource"
	UploadLayerPart                = "ecr:UploadLayerPart"
)

// keysOf are the keys that requests for one action have, as the Service
// Authorization Reference has them for Amazon ECR.
var keysOf = map[string]KeySet{
	BatchCheckLayerAvailability:    OfRepository | ResourceTags,
	BatchDeleteImage:               OfRepository | ResourceTags,
	BatchGetImage:                  OfRepository | ResourceTags,
	CompleteLayerUpload:            OfRepository | ResourceTags,
	CreateRepository:               OfRepository | RequestTags | TagKeys, // what is to be made has no tags yet
	DeleteRegistryPolicy:           0,
	DeleteRepository:               OfRepository | ResourceTags,
	DeleteRepositoryPolicy:         OfRepository | ResourceTags,
	DescribeImageReplicationStatus: OfRepository | ResourceTags,
	DescribeImages:                 OfRepository | ResourceTags,
	DescribeRegistry:               0,
	DescribeRepositories:           OfRepository | ResourceTags,
	GetDownloadURLForLayer:         OfRepository | ResourceTags,
	GetRegistryPolicy:              0,
	GetRepositoryPolicy:            OfRepository | ResourceTags,
	GetAuthorizationToken:          0,
	InitiateLayerUpload:            OfRepository | ResourceTags,
	ListImages:                     OfRepository | ResourceTags,
	ListTagsForResource:            OfRepository | ResourceTags,
	PutImage:                       OfRepository | ResourceTags,
	PutImageTagMutability:          OfRepository | ResourceTags,
	PutRegistryPolicy:              0,
	PutReplicationConfiguration:    0,
	ReplicateImage:                 OfRepository | ResourceTags,
	SetRepositoryPolicy:            OfRepository | ResourceTags,
	TagResource:                    OfRepository | ResourceTags | RequestTags | TagKeys,
	UntagResource:                  OfRepository | ResourceTags | TagKeys,
	UploadLayerPart:                OfRepository | ResourceTags,
}

// Actions returns the actions that callers are asked for, in order.
func Actions() []string { return slices.Sorted(maps.Keys(keysOf)) }

// KeysOf returns the keys that requests for an action have beside CommonKeys.
func KeysOf(action string) KeySet { return keysOf[action] }

// alwaysRoots are the actions that the root of the owning account may do whatever
// its policies say: else a Deny could lock an account out of the policy for good.
// (Amazon S3 treats bucket policies so.)
var alwaysRoots = map[string]bool{
	DeleteRegistryPolicy: true, GetRegistryPolicy: true, PutRegistryPolicy: true,
	DeleteRepositoryPolicy: true, GetRepositoryPolicy: true, SetRepositoryPolicy: true,
}
