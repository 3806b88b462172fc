package ecr

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/twinport/twinport/internal/registry"
)

// Codes that ECR does not declare but every AWS JSON service answers with.
const (
	AccessDeniedException         = "AccessDeniedException"
	SerializationException        = "SerializationException"
	UnknownOperationException     = "UnknownOperationException"
	UnsupportedOperationException = "UnsupportedOperationException"
)

// Exception is an error answer of the ECR API.
type Exception struct {
	Code    string
	Message string
	// Status is the HTTP status.
	Status int
	// Part holds the further members of an InvalidLayerPartException.
	Part *InvalidLayerPart
}

// InvalidLayerPart tells a client where to go on with an upload.
type InvalidLayerPart struct {
	RegistryID     string `json:"registryId"`
	RepositoryName string `json:"repositoryName"`
	UploadID       string `json:"uploadId"`
	// LastValidByteReceived is nil if the upload is empty.
	LastValidByteReceived *int64 `json:"lastValidByteReceived,omitempty"`
}

func (e *Exception) Error() string { return e.Code + ": " + e.Message }

func exceptionf(code, format string, args ...any) *Exception {
	return &Exception{Code: code, Message: fmt.Sprintf(format, args...), Status: http.StatusBadRequest}
}

// violation is ECR's answer to a parameter that breaks a limit.
func violation(parameter, constraint string) *Exception {
	return exceptionf(InvalidParameterException, "Invalid parameter at '%s' failed to satisfy constraint: '%s'", parameter, constraint)
}

// notImplemented has status 400, because SDKs would try a 5xx again.
func notImplemented(operation string) *Exception {
	return exceptionf(UnsupportedOperationException, "%s is not implemented in this version of Twinport yet", operation)
}

// exceptions maps the domain's codes to ECR's.
var exceptions = map[registry.Code]string{
	registry.AccessDenied:                  AccessDeniedException,
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
	registry.UploadNotFound:                UploadNotFoundException,
	registry.InvalidParameter:              InvalidParameterException,
	registry.InvalidManifest:               InvalidParameterException,
	registry.InvalidTagParameter:           InvalidTagParameterException,
	registry.TooManyTags:                   TooManyTagsException,
	registry.LimitExceeded:                 LimitExceededException,
	registry.Validation:                    ValidationException,
	registry.StorageFull:                   ServerException,
}

// AsException turns an operation's error into the answer to it. It returns
// nil for an internal error, whose text must stay in the log.
func AsException(err error) *Exception {
	var exception *Exception
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
	exception = &Exception{Code: code, Message: refusal.Message, Status: http.StatusBadRequest}
	if code == ServerException {
		exception.Status = http.StatusInternalServerError
	}
	return exception
}
