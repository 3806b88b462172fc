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
	DeleteLifecyclePolicy          = "ecr:DeleteLifecyclePolicy"
	DeleteRegistryPolicy           = "ecr:DeleteRegistryPolicy"
	DeleteRepository               = "ecr:DeleteRepository"
	DeleteRepositoryPolicy         = "ecr:DeleteRepositoryPolicy"
	DescribeImageReplicationStatus = "ecr:DescribeImageReplicationStatus"
	DescribeImages                 = "ecr:DescribeImages"
	DescribeRegistry               = "ecr:DescribeRegistry"
	DescribeRepositories           = "ecr:DescribeRepositories"
	GetDownloadURLForLayer         = "ecr:GetDownloadUrlForLayer"
	GetLifecyclePolicy             = "ecr:GetLifecyclePolicy"
	GetLifecyclePolicyPreview      = "ecr:GetLifecyclePolicyPreview"
	GetRegistryPolicy              = "ecr:GetRegistryPolicy"
	GetRepositoryPolicy            = "ecr:GetRepositoryPolicy"
	GetAuthorizationToken          = "ecr:GetAuthorizationToken"
	InitiateLayerUpload            = "ecr:InitiateLayerUpload"
	ListImages                     = "ecr:ListImages"
	ListTagsForResource            = "ecr:ListTagsForResource"
	PutImage                       = "ecr:PutImage"
	PutImageTagMutability          = "ecr:PutImageTagMutability"
	PutLifecyclePolicy             = "ecr:PutLifecyclePolicy"
	PutRegistryPolicy              = "ecr:PutRegistryPolicy"
	PutReplicationConfiguration    = "ecr:PutReplicationConfiguration"
	ReplicateImage                 = "ecr:ReplicateImage"
	SetRepositoryPolicy            = "ecr:SetRepositoryPolicy"
	StartLifecyclePolicyPreview    = "ecr:StartLifecyclePolicyPreview"
	TagResource                    = "ecr:TagResource"
	UntagResource                  = "ecr:UntagResource"
	UploadLayerPart                = "ecr:UploadLayerPart"

	// Repository creation templates.
	CreateRepositoryCreationTemplate    = "ecr:CreateRepositoryCreationTemplate"
	DeleteRepositoryCreationTemplate    = "ecr:DeleteRepositoryCreationTemplate"
	DescribeRepositoryCreationTemplates = "ecr:DescribeRepositoryCreationTemplates"
	UpdateRepositoryCreationTemplate    = "ecr:UpdateRepositoryCreationTemplate"

	// Account settings, scanning, and whose pulls do not count.
	BatchGetRepositoryScanningConfiguration = "ecr:BatchGetRepositoryScanningConfiguration"
	DeregisterPullTimeUpdateExclusion       = "ecr:DeregisterPullTimeUpdateExclusion"
	DescribeImageScanFindings               = "ecr:DescribeImageScanFindings"
	GetAccountSetting                       = "ecr:GetAccountSetting"
	GetRegistryScanningConfiguration        = "ecr:GetRegistryScanningConfiguration"
	ListPullTimeUpdateExclusions            = "ecr:ListPullTimeUpdateExclusions"
	PutAccountSetting                       = "ecr:PutAccountSetting"
	PutImageScanningConfiguration           = "ecr:PutImageScanningConfiguration"
	PutRegistryScanningConfiguration        = "ecr:PutRegistryScanningConfiguration"
	RegisterPullTimeUpdateExclusion         = "ecr:RegisterPullTimeUpdateExclusion"
	StartImageScan                          = "ecr:StartImageScan"
	DescribeReplicationBackfillResults      = "ecr:DescribeReplicationBackfillResults"
	ListReplicationBackfills                = "ecr:ListReplicationBackfills"
	StartReplicationBackfill                = "ecr:StartReplicationBackfill"
	StopReplicationBackfill                 = "ecr:StopReplicationBackfill"
)

// keysOf are the keys that requests for one action have, as the Service
// Authorization Reference has them for Amazon ECR.
var keysOf = map[string]KeySet{
	BatchCheckLayerAvailability:    OfRepository | ResourceTags,
	BatchDeleteImage:               OfRepository | ResourceTags | ImageTags,
	BatchGetImage:                  OfRepository | ResourceTags | ImageTags,
	CompleteLayerUpload:            OfRepository | ResourceTags,
	CreateRepository:               OfRepository | RequestTags | TagKeys, // what is to be made has no tags yet
	DeleteLifecyclePolicy:          OfRepository | ResourceTags,
	DeleteRegistryPolicy:           0,
	DeleteRepository:               OfRepository | ResourceTags,
	DeleteRepositoryPolicy:         OfRepository | ResourceTags,
	DescribeImageReplicationStatus: OfRepository | ResourceTags,
	DescribeImages:                 OfRepository | ResourceTags,
	DescribeRegistry:               0,
	DescribeRepositories:           OfRepository | ResourceTags,
	GetDownloadURLForLayer:         OfRepository | ResourceTags,
	GetLifecyclePolicy:             OfRepository | ResourceTags,
	GetLifecyclePolicyPreview:      OfRepository | ResourceTags,
	GetRegistryPolicy:              0,
	GetRepositoryPolicy:            OfRepository | ResourceTags,
	GetAuthorizationToken:          0,
	InitiateLayerUpload:            OfRepository | ResourceTags,
	ListImages:                     OfRepository | ResourceTags,
	ListTagsForResource:            OfRepository | ResourceTags,
	PutImage:                       OfRepository | ResourceTags | ImageTags,
	PutImageTagMutability:          OfRepository | ResourceTags,
	PutLifecyclePolicy:             OfRepository | ResourceTags,
	PutRegistryPolicy:              0,
	PutReplicationConfiguration:    0,
	ReplicateImage:                 OfRepository | ResourceTags | ImageTags,
	SetRepositoryPolicy:            OfRepository | ResourceTags,
	StartLifecyclePolicyPreview:    OfRepository | ResourceTags,
	TagResource:                    OfRepository | ResourceTags | RequestTags | TagKeys,
	UntagResource:                  OfRepository | ResourceTags | TagKeys,
	UploadLayerPart:                OfRepository | ResourceTags,

	CreateRepositoryCreationTemplate:    0,
	DeleteRepositoryCreationTemplate:    0,
	DescribeRepositoryCreationTemplates: 0,
	UpdateRepositoryCreationTemplate:    0,

	BatchGetRepositoryScanningConfiguration: OfRepository | ResourceTags,
	DeregisterPullTimeUpdateExclusion:       0,
	DescribeImageScanFindings:               OfRepository | ResourceTags,
	GetAccountSetting:                       AccountSettings,
	GetRegistryScanningConfiguration:        0,
	ListPullTimeUpdateExclusions:            0,
	PutAccountSetting:                       AccountSettings,
	PutImageScanningConfiguration:           OfRepository | ResourceTags,
	PutRegistryScanningConfiguration:        0,
	RegisterPullTimeUpdateExclusion:         0,
	StartImageScan:                          OfRepository | ResourceTags,
	DescribeReplicationBackfillResults:      0,
	ListReplicationBackfills:                0,
	StartReplicationBackfill:                0,
	StopReplicationBackfill:                 0,
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
