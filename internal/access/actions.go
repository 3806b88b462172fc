package access

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

// alwaysRoots are the actions that the root of the owning account may do whatever
// its policies say: else a Deny could lock an account out of the policy for good.
// (Amazon S3 treats bucket policies so.)
var alwaysRoots = map[string]bool{
	DeleteRegistryPolicy: true, GetRegistryPolicy: true, PutRegistryPolicy: true,
	DeleteRepositoryPolicy: true, GetRepositoryPolicy: true, SetRepositoryPolicy: true,
}
