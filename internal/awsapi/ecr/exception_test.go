package ecr

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/registry"
)

// Every code of the domain must have an exception, or clients would see an
// internal error.
func TestEveryDomainCodeHasAnException(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "registry", "errors.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || fmt.Sprint(spec.Type) != "Code" {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		codes++
		if e := AsException(fmt.Errorf("wrapped: %w", &registry.Error{
			Code: registry.Code(code), Message: "why",
		})); e == nil || e.Message != "why" {
			t.Errorf("%s: %v", code, e)
		}
		return true
	})
	if codes < 20 {
		t.Errorf("only %d codes found", codes)
	}
	if e := AsException(errors.New("disk full")); e != nil {
		t.Errorf("an internal error became %v", e)
	}
}

func TestEveryOperationIsKnown(t *testing.T) {
	if len(operations) != 62 {
		t.Errorf("%d operations, want 62", len(operations))
	}
	for name := range operations {
		if _, ok := BodyLimit(name); !ok {
			t.Errorf("%s has no body limit", name)
		}
	}
	if _, ok := BodyLimit("FormatDisk"); ok {
		t.Error("an unknown operation has a body limit")
	}
}

// A refusal that trying again fixes says so; one for good does not.
func TestExceptionsOfBounds(t *testing.T) {
	for code, want := range map[registry.Code]awsjson.Exception{
		registry.Throttled:     {Code: awsjson.ThrottlingException, Status: http.StatusTooManyRequests},
		registry.LimitExceeded: {Code: LimitExceededException, Status: http.StatusBadRequest},
		registry.StorageFull:   {Code: ServerException, Status: http.StatusInternalServerError},
	} {
		e := AsException(&registry.Error{Code: code, Message: "why", Err: errors.New("cause for the log")})
		if e.Message != "why" || e.Code != want.Code || e.Status != want.Status ||
			e.RetryAfter() != (code == registry.Throttled) {
			t.Errorf("%s: %+v", code, e)
		}
	}
}

// KmsException has the member that SDKs read beside its message.
func TestKmsExceptionHasItsError(t *testing.T) {
	e := AsException(registry.ValidEncryption(registry.Encryption{Type: "KMS", KMSKey: "alias/images"}))
	if e == nil || e.Code != KmsException || e.Status != http.StatusBadRequest ||
		e.Members["kmsError"] != "UnsupportedOperationException" {
		t.Errorf("%+v", e)
	}
}
