// Package awsjson is what the services of the AWS JSON 1.1 protocol have in
// common: they read requests strictly, check them against the limits of a model,
// refuse with exceptions, and page lists.
package awsjson

import (
	"fmt"
	"net/http"
)

// Codes that a service need not declare: every one answers with them.
const (
	AccessDeniedException         = "AccessDeniedException"
	InvalidParameterException     = "InvalidParameterException"
	PreconditionFailedException   = "PreconditionFailedException" // of AWS's where there are revisions, such as Lambda
	SerializationException        = "SerializationException"
	ServiceUnavailable            = "ServiceUnavailable"
	ThrottlingException           = "ThrottlingException"
	UnknownOperationException     = "UnknownOperationException"
	UnsupportedOperationException = "UnsupportedOperationException"
)

// Exception is an error answer.
type Exception struct {
	Code    string
	Message string
	// Status is the HTTP status.
	Status int
	// Members are further ones of the answer, by name.
	Members map[string]any
}

// RetryAfter says whether to ask the client to try again in a while.
func (e *Exception) RetryAfter() bool {
	return e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable
}

func (e *Exception) Error() string { return e.Code + ": " + e.Message }

// Exceptionf returns an exception with status 400.
func Exceptionf(code, format string, args ...any) *Exception {
	return &Exception{Code: code, Message: fmt.Sprintf(format, args...), Status: http.StatusBadRequest}
}

// Violation is the answer to a parameter that breaks a limit.
func Violation(parameter, constraint string) *Exception {
	return Exceptionf(InvalidParameterException, "Invalid parameter at '%s' failed to satisfy constraint: '%s'", parameter,
		constraint)
}
