package auth

import (
	"errors"
	"fmt"
	"net/http"
)

// Error is a refused AWS API request, in the words of the service that was
// asked. Code and Message are safe to send: they hold no secret, no computed
// signature and no canonical request.
type Error struct {
	// Code is the error's name on the wire. ECR (JSON protocol), and IAM and
	// STS (Query protocol) name the same refusal differently.
	Code    string
	Message string
	// Status is the HTTP status: 400 from ECR, 403 from IAM and STS, as they
	// answer in practice.
	Status int
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Reasons that a registry token is refused.
var (
	// ErrTokenInvalid: the text is no token of this deployment, or its access
	// key is gone or has changed.
	ErrTokenInvalid = errors.New("the registry token is not valid: log in again")
	// ErrTokenExpired: the token is genuine but its time is over.
	ErrTokenExpired = errors.New("the registry token has expired: log in again")
)

// refusal is a reason to refuse a signed request, with its two names.
type refusal struct{ json, query string }

var (
	missingToken     = refusal{"MissingAuthenticationTokenException", "MissingAuthenticationToken"}
	incomplete       = refusal{"IncompleteSignatureException", "IncompleteSignature"}
	invalidSignature = refusal{"InvalidSignatureException", "SignatureDoesNotMatch"}
	unknownClient    = refusal{"UnrecognizedClientException", "InvalidClientTokenId"}
	expiredSession   = refusal{"ExpiredTokenException", "ExpiredToken"}
)

// UnknownKey is what the service answers to a caller whose access key or session
// token is not valid, whatever it is that is not.
func UnknownKey(service string) *Error {
	return unknownClient.errorf(service, "The security token included in the request is invalid.")
}

// The signing names of the services that speak the Query protocol.
const serviceIAM, serviceSTS = "iam", "sts"

// errorf makes the error with which the service answers the refusal.
func (why refusal) errorf(service, format string, args ...any) *Error {
	message := fmt.Sprintf(format, args...)
	if service == serviceIAM || service == serviceSTS {
		return &Error{Code: why.query, Message: message, Status: http.StatusForbidden}
	}
	return &Error{Code: why.json, Message: message, Status: http.StatusBadRequest}
}
