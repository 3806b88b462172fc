// Package quota says how much an account may have, and ask for, in each Region:
// Amazon ECR's service quotas with their names and defaults, and a few of our own.
package quota

import "slices"

// Limits are the quotas of an account in each Region. Zero means no limit.
type Limits struct {
	Repositories        int64
	ImagesPerRepository int64
	TagsPerImage        int64
	OpenUploads         int64
	LayerBytes          int64 // of one layer; past MaxLayerBytes there is no more
	// StoredBytes bounds layers, counted once in each repository that has them,
	// and manifests; ReplicatedBytes bounds those of them that replications brought.
	StoredBytes     int64
	ReplicatedBytes int64
	// Rates are how many requests of each kind are answered in a second.
	Rates [Kinds]int64
}

// MaxLayerBytes is how many bytes a layer may have at most (ECR: 52,000 MiB). Buckets take it in as many parts as they
// can.
const MaxLayerBytes = 52000 << 20

// Default are ECR's quotas. It documents none for uploads and bytes, nor for
// requests that have nothing to do with pushes and pulls.
func Default() Limits {
	return Limits{
		Repositories: 100_000, ImagesPerRepository: 100_000, TagsPerImage: 1000, OpenUploads: 10_000,
		LayerBytes: MaxLayerBytes,
		Rates: [Kinds]int64{
			GetAuthorizationToken: 500, BatchCheckLayerAvailability: 1000, BatchGetImage: 2000, GetDownloadURLForLayer: 3000,
			InitiateLayerUpload: 100, UploadLayerPart: 500, CompleteLayerUpload: 100, PutImage: 10, Other: 1000,
		},
	}
}

// Names of the quotas: ECR's, but for the last three.
const (
	Repositories        = "Registered repositories"
	ImagesPerRepository = "Images per repository"
	TagsPerImage        = "Tags per image"
	LayerBytes          = "Maximum layer size"
	OpenUploads         = "Open layer uploads"
	StoredBytes         = "Stored bytes"
	ReplicatedBytes     = "Replicated bytes"
)

// Kind is a kind of requests that have a rate of their own: an operation of
// ECR's, or what is the same in the OCI protocol.
type Kind uint8

// The kinds for which ECR documents a rate, and Other for the rest.
const (
	GetAuthorizationToken Kind = iota
	BatchCheckLayerAvailability
	BatchGetImage
	GetDownloadURLForLayer
	InitiateLayerUpload
	UploadLayerPart
	CompleteLayerUpload
	PutImage
	Other

	Kinds = iota // how many there are
)

var kindNames = [Kinds]string{"GetAuthorizationToken", "BatchCheckLayerAvailability", "BatchGetImage",
	"GetDownloadUrlForLayer",
	"InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage", "other"}

// String is the operation's name, or "other".
func (k Kind) String() string { return kindNames[k] }

// Rate is the name of the quota on the kind.
func (k Kind) Rate() string { return "Rate of " + k.String() + " requests" }

// KindOf returns the kind of an operation of the AWS API.
func KindOf(operation string) Kind {
	for k, name := range kindNames[:Other] {
		if name == operation {
			return Kind(k)
		}
	}
	return Other
}

// KindNames are those of all kinds, in order.
func KindNames() []string { return slices.Clone(kindNames[:]) }
