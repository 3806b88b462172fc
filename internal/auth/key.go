// Package auth establishes who a caller is: access keys, Signature Version 4
// for the AWS API, and registry tokens for the OCI endpoints.
package auth

import "github.com/twinport/twinport/internal/policy"

// AccessKey is one credential and the principal that it speaks for.
type AccessKey struct {
	ID     string
	Secret string
	// SessionToken must accompany every request signed with a temporary key;
	// empty for a long-lived one.
	SessionToken string
	Principal    policy.Principal
}

// Keys finds access keys by their id. Implementations are safe for
// concurrent use and answer from memory.
type Keys interface {
	AccessKey(id string) (AccessKey, bool)
}

// Identity is the result of a successful authentication.
type Identity struct {
	Principal   policy.Principal
	AccessKeyID string
	// Region is the one of the credential scope or of the registry token.
	Region string
}
