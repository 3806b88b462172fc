package ecr

import (
	"errors"
	"net/http"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/registry"
)

// lacking says what there is none of yet, for operations about it.
var lacking = map[string]string{
	"CreatePullThroughCacheRule": pullThroughCaches, "DeletePullThroughCacheRule": pullThroughCaches,
	"DescribePullThroughCacheRules": pullThroughCaches, "UpdatePullThroughCacheRule": pullThroughCaches,
	"ValidatePullThroughCacheRule": pullThroughCaches,
	"DeleteSigningConfiguration":   managedSigning, "DescribeImageSigningStatus": managedSigning,
	"GetSigningConfiguration": managedSigning, "PutSigningConfiguration": managedSigning,
}

const (
	pullThroughCaches = "there are no pull through cache rules, so nothing is fetched from other registries: push images " +
		"to this registry, or replicate them to it"
	managedSigning = "the registry signs no images: sign them with a client, such as notation or cosign, which may store " +
		"signatures in this registry"
)

// notImplemented has status 400, because SDKs would try a 5xx again.
func notImplemented(operation string) *awsjson.Exception {
	if operation == "UpdateImageStorageClass" { // ECR declares an exception for it
		return awsjson.Exceptionf(ImageStorageClassUpdateNotSupportedException, "The requested image storage class update "+
			"is not supported: this version of Twinport has no archive, and all images are in the class STANDARD")
	}
	message := operation + " is not implemented in this version of Twinport yet, so nothing was read or stored"
	if what := lacking[operation]; what != "" {
		message += ": " + what
	}
	return awsjson.Exceptionf(awsjson.UnsupportedOperationException, "%s", message)
}

// exceptions maps the domain's codes to ECR's.
var exceptions = map[registry.Code]string{
	registry.AccessDenied:                     awsjson.AccessDeniedException,
	registry.RepositoryNotFound:               RepositoryNotFoundException,
	registry.RepositoryAlreadyExists:          RepositoryAlreadyExistsException,
	registry.RepositoryNotEmpty:               RepositoryNotEmptyException,
	registry.RepositoryPolicyNotFound:         RepositoryPolicyNotFoundException,
	registry.RegistryPolicyNotFound:           RegistryPolicyNotFoundException,
	registry.ImageNotFound:                    ImageNotFoundException,
	registry.ImageAlreadyExists:               ImageAlreadyExistsException,
	registry.ImageTagAlreadyExists:            ImageTagAlreadyExistsException,
	registry.ImageDigestDoesNotMatch:          ImageDigestDoesNotMatchException,
	registry.ImageReferencedByManifestList:    InvalidParameterException,
	registry.ReferencedImagesNotFound:         ReferencedImagesNotFoundException,
	registry.LifecyclePolicyNotFound:          LifecyclePolicyNotFoundException,
	registry.LifecyclePolicyPreviewInProgress: LifecyclePolicyPreviewInProgressException,
	registry.LifecyclePolicyPreviewNotFound:   LifecyclePolicyPreviewNotFoundException,
	registry.TemplateAlreadyExists:            TemplateAlreadyExistsException,
	registry.TemplateNotFound:                 TemplateNotFoundException,
	registry.ReplicationBackfillNotFound:      ReplicationBackfillNotFoundException,
	registry.ReplicationBackfillInProgress:    ReplicationBackfillInProgressException,
	registry.ReplicationBackfillInvalidStatus: ReplicationBackfillInvalidStatusException,
	registry.LayersNotFound:                   LayersNotFoundException,
	registry.LayerInaccessible:                LayerInaccessibleException,
	registry.InvalidLayer:                     InvalidLayerException,
	registry.InvalidLayerPart:                 InvalidLayerPartException,
	registry.EmptyUpload:                      EmptyUploadException,
	registry.LayerPartTooSmall:                LayerPartTooSmallException,
	registry.LayerAlreadyExists:               LayerAlreadyExistsException,
	registry.UploadNotFound:                   UploadNotFoundException,
	registry.InvalidParameter:                 InvalidParameterException,
	registry.LayerInUse:                       InvalidParameterException, // only OCI's clients can delete layers
	registry.InvalidManifest:                  InvalidParameterException,
	registry.InvalidTagParameter:              InvalidTagParameterException,
	registry.TooManyTags:                      TooManyTagsException,
	registry.LimitExceeded:                    LimitExceededException,
	registry.Throttled:                        awsjson.ThrottlingException,
	registry.Validation:                       ValidationException,
	registry.ExclusionAlreadyExists:           ExclusionAlreadyExistsException,
	registry.ExclusionNotFound:                ExclusionNotFoundException,
	registry.ScanNotFound:                     ScanNotFoundException,
	registry.PreconditionFailed:               awsjson.PreconditionFailedException,
	registry.StorageFull:                      ServerException,
	registry.KMS:                              KmsException,
}

// AsException turns an operation's error into the answer to it. It returns
// nil for an internal error, whose text must stay in the log.
func AsException(err error) *awsjson.Exception {
	var exception *awsjson.Exception
	if errors.As(err, &exception) {
		return exception
	}
	var refusal *registry.Error
	if !errors.As(err, &refusal) {
		return nil
	}
	code, ok := exceptions[refusal.Code]
	if !ok {
		return nil
	}
	exception = &awsjson.Exception{Code: code, Message: refusal.Message, Status: http.StatusBadRequest}
	switch code {
	case KmsException:
		exception.Members = map[string]any{"kmsError": refusal.KMSError}
	case ServerException:
		exception.Status = http.StatusInternalServerError
	case awsjson.ThrottlingException:
		exception.Status = http.StatusTooManyRequests
	case awsjson.PreconditionFailedException:
		exception.Status = http.StatusPreconditionFailed
	}
	return exception
}
