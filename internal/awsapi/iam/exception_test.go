package iam

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/iam"
)

func TestAsException(t *testing.T) {
	for code, status := range map[string]int{
		iam.AccessDenied: 403, iam.ConcurrentModification: 409, iam.DeleteConflict: 409, iam.EntityAlreadyExists: 409,
		iam.InvalidInput: 400, iam.LimitExceeded: 409, iam.MalformedPolicyDocument: 400, iam.NoSuchEntity: 404,
		iam.PolicyNotAttachable: 400, iam.ServiceFailure: 500, iam.UnmodifiableEntity: 400, iam.ValidationError: 400,
	} {
		got := AsException(fmt.Errorf("wrapped: %w", &iam.Error{Code: code, Message: "why"}))
		if got == nil || got.Code != code || got.Message != "why" || got.Status != status {
			t.Errorf("%s: %+v, want status %d", code, got, status)
		}
	}
	own := &awsjson.Exception{Code: "ValidationError", Status: http.StatusBadRequest}
	if got := AsException(own); got != own {
		t.Errorf("an exception became %v", got)
	}
	for _, internal := range []error{errors.New("the store is gone"), &iam.Error{Code: "Invented", Message: "secret"}} {
		if got := AsException(internal); got != nil {
			t.Errorf("%v became %v", internal, got)
		}
	}
}
