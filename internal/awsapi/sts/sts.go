// Package sts implements operations of AWS Security Token Service: those that
// say who a caller is, and those that give it temporary credentials.
package sts

import (
	"context"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/iam"
)

const (
	// SigningName is the service in the credential scope.
	SigningName = "sts"
	// Version is that of the API.
	Version = "2011-06-15"
	// Namespace is the XML name space of answers.
	Namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// Service implements the operations. It is safe for concurrent use.
type Service struct {
	keys     auth.Keys
	verifier *auth.Verifier
	sessions *iam.Sessions
}

// New returns the service for the access keys that the verifier knows, and for
// sessions of roles.
func New(keys auth.Keys, verifier *auth.Verifier, sessions *iam.Sessions) *Service {
	return &Service{keys, verifier, sessions}
}

// operations are those that are offered, by name. Policies decide on AssumeRole only.
var operations = map[string]func(*Service, context.Context, access.Caller, url.Values) (any, error){
	"AssumeRole":        (*Service).assumeRole,
	"GetAccessKeyInfo":  (*Service).getAccessKeyInfo,
	"GetCallerIdentity": (*Service).getCallerIdentity,
	"GetSessionToken":   (*Service).getSessionToken,
}

// Known reports whether an operation is offered.
func Known(name string) bool { return operations[name] != nil }

// Offered names the operations that are.
func Offered() string {
	names := slices.Sorted(maps.Keys(operations))
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// Do does a known operation with the parameters of a form. The result is for
// encoding/xml. Refusals are of type *auth.Error.
func (s *Service) Do(ctx context.Context, name string, caller access.Caller, form url.Values) (any, error) {
	return operations[name](s, ctx, caller, form)
}

// CallerIdentity is the result of GetCallerIdentity.
type CallerIdentity struct {
	XMLName xml.Name `xml:"GetCallerIdentityResult"`
	ARN     string   `xml:"Arn"`
	UserID  string   `xml:"UserId"`
	Account string   `xml:"Account"`
}

// getCallerIdentity returns who the caller is.
func (s *Service) getCallerIdentity(_ context.Context, caller access.Caller, _ url.Values) (any, error) {
	p := caller.Identity.Principal
	return CallerIdentity{ARN: p.ARN, UserID: p.UserID(), Account: p.Account}, nil
}

// AccessKeyInfo is the result of GetAccessKeyInfo.
type AccessKeyInfo struct {
	XMLName xml.Name `xml:"GetAccessKeyInfoResult"`
	Account string   `xml:"Account"`
}

// getAccessKeyInfo returns the account of an access key. It answers for the
// caller's own account only: whose the keys of others are is theirs to know.
func (s *Service) getAccessKeyInfo(ctx context.Context, caller access.Caller, form url.Values) (any, error) {
	if err := longLivedOnly(caller.Identity, "GetAccessKeyInfo"); err != nil {
		return nil, err
	}
	id := form.Get("AccessKeyId")
	switch {
	case !form.Has("AccessKeyId"):
		return nil, invalid("Value null at 'accessKeyId' failed to satisfy constraint: Member must not be null")
	case len(id) < minKeyID:
		return nil, invalid("Value '%s' at 'accessKeyId' failed to satisfy constraint: Member must have length greater than "+
			"or equal to %d", id, minKeyID)
	case len(id) > maxKeyID:
		return nil, invalid("Value at 'accessKeyId' failed to satisfy constraint: Member must have length less than or "+
			"equal to %d", maxKeyID)
	}
	account, known, err := s.verifier.AccountOf(ctx, id)
	if err != nil {
		return nil, err
	}
	if !known || account != caller.Identity.Principal.Account {
		return nil, &auth.Error{
			Code: "ValidationError", Message: "The access key ID is none of account " + caller.Identity.Principal.Account +
				": ask with an access key of the account that it is of", Status: http.StatusBadRequest,
		}
	}
	return AccessKeyInfo{Account: account}, nil
}

// minKeyID and maxKeyID bound an access key's id, in characters.
const minKeyID, maxKeyID = 16, 128

// longLivedOnly refuses an operation to temporary credentials. Those of
// GetSessionToken may ask STS for AssumeRole and GetCallerIdentity only (STS API
// reference, GetSessionToken).
func longLivedOnly(caller auth.Identity, operation string) error {
	if caller.Temporary.IsZero() {
		return nil
	}
	return &auth.Error{
		Code: "AccessDenied", Message: "Cannot call " + operation + " with session credentials", Status: http.StatusForbidden,
	}
}

// invalid is the answer to a parameter that breaks a limit.
func invalid(format string, args ...any) error {
	return &auth.Error{
		Code: "ValidationError", Message: "1 validation error detected: " + fmt.Sprintf(format, args...),
		Status: http.StatusBadRequest,
	}
}
