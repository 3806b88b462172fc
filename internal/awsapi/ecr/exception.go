package ecr

import (
	"errors"
	"net/http"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/registry"
)

// notImplemented has status 400, because SDKs would try a 5xx again.
func notImplemented(operation string) *awsjson.Exception {
	return awsjson.Exceptionf(awsjson.UnsupportedOperationException, "%s is not implemented in this version "+
		"of Twinport yet", operation)
}

// exceptions maps the domain's codes to ECR's.
var exceptions = map[registry.Code]string{
	registry.AccessDenied:                  awsjson.AccessDeniedException,
	registry.RepositoryNotFound:            RepositoryNotFoundException,
	registry.RepositoryAlreadyExists:       RepositoryAlreadyExistsException,
	registry.RepositoryNotEmpty:            RepositoryNotEmptyException,
	registry.RepositoryPolicyNotFound:      RepositoryPolicyNotFoundException,
	registry.RegistryPolicyNotFound:        RegistryPolicyNotFoundException,
	registry.ImageNotFound:                 ImageNotFoundException,
	registry.ImageAlreadyExists:            ImageAlreadyExistsException,
	registry.ImageTagAlreadyExists:         ImageTagAlreadyExistsException,
	registry.ImageDigestDoesNotMatch:       ImageDigestDoesNotMatchException,
	registry.ImageReferencedByManifestList: InvalidParameterException,
	registry.ReferencedImagesNotFound:      ReferencedImagesNotFoundException,
	registry.LayersNotFound:                LayersNotFoundException,
	registry.LayerInaccessible:             LayerInaccessibleException,
	registry.InvalidLayer:                  InvalidLayerException,
	registry.InvalidLayerPart:              InvalidLayerPartException,
	registry.EmptyUpload:                   EmptyUploadException,
	registry.LayerPartTooSmall:             LayerPartTooSmallException,
	registry.LayerAlreadyExists:            LayerAlreadyExistsException,
	registry.UploadNotFound:                UploadNotFoundException,
	registry.InvalidParameter:              InvalidParameterException,
	registry.LayerInUse:                    InvalidParameterException, // only OCI's clients can delete layers
	registry.InvalidManifest:               InvalidParameterException,
	registry.InvalidTagParameter:           InvalidTagParameterException,
	registry.TooManyTags:                   TooManyTagsException,
	registry.LimitExceeded:                 LimitExceededException,
	registry.Throttled:                     awsjson.ThrottlingException,
	registry.Validation:                    ValidationException,
	registry.PreconditionFailed:            awsjson.PreconditionFailedException,
	registry.StorageFull:                   ServerException,
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
	case ServerException:
		exception.Status = http.StatusInternalServerError
	case awsjson.ThrottlingException:
		exception.Status = http.StatusTooManyRequests
	case awsjson.PreconditionFailedException:
		exception.Status = http.StatusPreconditionFailed
	}
	return exception
}
