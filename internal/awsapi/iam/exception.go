package iam

import (
	"errors"
	"net/http"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/iam"
)

// common are the HTTP statuses of errors that IAM does not declare, as every
// service of AWS answers with them (IAM API reference, common errors).
var common = map[string]int{
	"AccessDenied":        http.StatusForbidden,
	"ThrottlingException": http.StatusBadRequest,
	"ValidationError":     http.StatusBadRequest,
}

// AsException turns an operation's error into the answer to it. It returns nil for
// an internal error, whose text must stay in the log.
func AsException(err error) *awsjson.Exception {
	if exception, ok := errors.AsType[*awsjson.Exception](err); ok {
		return exception
	}
	refusal, ok := errors.AsType[*iam.Error](err)
	if !ok {
		return nil
	}
	status, ok := statuses[refusal.Code]
	if !ok {
		if status, ok = common[refusal.Code]; !ok {
			return nil
		}
	}
	return &awsjson.Exception{Code: refusal.Code, Message: refusal.Message, Status: status}
}
