package registry

import (
	"errors"
	"fmt"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

// Code classifies a domain error. Where ECR declares an exception for it, the
// code is that exception's name without its suffix; protocols map codes to
// their own errors.
type Code string

const (
	AccessDenied                     Code = "AccessDenied"
	RepositoryNotFound               Code = "RepositoryNotFound"
	RepositoryAlreadyExists          Code = "RepositoryAlreadyExists"
	RepositoryNotEmpty               Code = "RepositoryNotEmpty"
	RepositoryPolicyNotFound         Code = "RepositoryPolicyNotFound"
	RegistryPolicyNotFound           Code = "RegistryPolicyNotFound"
	ImageNotFound                    Code = "ImageNotFound"
	ImageAlreadyExists               Code = "ImageAlreadyExists"
	ImageTagAlreadyExists            Code = "ImageTagAlreadyExists" // the tag is immutable
	ImageDigestDoesNotMatch          Code = "ImageDigestDoesNotMatch"
	ImageReferencedByManifestList    Code = "ImageReferencedByManifestList"
	ReferencedImagesNotFound         Code = "ReferencedImagesNotFound" // an index names a child that the repository lacks
	LifecyclePolicyNotFound          Code = "LifecyclePolicyNotFound"
	LifecyclePolicyPreviewInProgress Code = "LifecyclePolicyPreviewInProgress"
	LifecyclePolicyPreviewNotFound   Code = "LifecyclePolicyPreviewNotFound"
	TemplateAlreadyExists            Code = "TemplateAlreadyExists"
	TemplateNotFound                 Code = "TemplateNotFound"
	ReplicationBackfillNotFound      Code = "ReplicationBackfillNotFound"
	ReplicationBackfillInProgress    Code = "ReplicationBackfillInProgress"
	ReplicationBackfillInvalidStatus Code = "ReplicationBackfillInvalidStatus"
	LayersNotFound                   Code = "LayersNotFound"
	LayerInaccessible                Code = "LayerInaccessible"
	LayerInUse                       Code = "LayerInUse"       // images name it
	InvalidLayer                     Code = "InvalidLayer"     // the bytes do not have the digest that was claimed
	InvalidLayerPart                 Code = "InvalidLayerPart" // out of order; see Error.Received
	EmptyUpload                      Code = "EmptyUpload"
	LayerPartTooSmall                Code = "LayerPartTooSmall"
	LayerAlreadyExists               Code = "LayerAlreadyExists"
	UploadNotFound                   Code = "UploadNotFound"
	InvalidParameter                 Code = "InvalidParameter"
	InvalidManifest                  Code = "InvalidManifest" // ECR: InvalidParameterException; OCI: MANIFEST_INVALID
	InvalidTagParameter              Code = "InvalidTagParameter"
	TooManyTags                      Code = "TooManyTags"
	LimitExceeded                    Code = "LimitExceeded"
	Throttled                        Code = "Throttled" // trying again later helps
	Validation                       Code = "Validation"
	ExclusionAlreadyExists           Code = "ExclusionAlreadyExists"
	ExclusionNotFound                Code = "ExclusionNotFound"
	ScanNotFound                     Code = "ScanNotFound"
	PreconditionFailed               Code = "PreconditionFailed" // see Revision
	StorageFull                      Code = "StorageFull"        // no room for new content; what is stored stays readable
	KMS                              Code = "Kms"                // see Error.KMSError
)

// Error is a refusal that the caller can understand: what was tried, on what,
// and what to do. Any other error that Service returns is an internal one,
// whose text must not reach a client.
type Error struct {
	Code    Code
	Message string
	// Received is, for InvalidLayerPart, how many bytes of the upload were
	// accepted so far.
	Received int64
	// Quota is, for LimitExceeded, the name of the quota, if it is one.
	Quota string
	// KMSError is, for KMS, what AWS KMS calls the error.
	KMSError string
	// Err is the cause, if any; for logs only.
	Err error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the domain error in err's chain, or "".
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// IsUnavailable reports whether an internal error means that a database or
// store behind the server does not answer now: the caller may try again.
func IsUnavailable(err error) bool {
	return errors.Is(err, metadata.ErrUnavailable) || errors.Is(err, blob.ErrUnavailable)
}

// Errorf returns an Error with a message as fmt.Sprintf makes it.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
