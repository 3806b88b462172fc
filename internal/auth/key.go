// Package auth establishes who a caller is: access keys, Signature Version 4
// for the AWS API, and registry tokens for the OCI endpoints.
package auth

import (
	"context"
	"errors"

	"github.com/twinport/twinport/internal/policy"
)

// AccessKey is one long-lived credential and the principal that it speaks for.
type AccessKey struct {
	ID        string
	Secret    string
	Principal policy.Principal
}

// Keys finds access keys by their id. Implementations are safe for concurrent
// use. Every request asks them, so they answer from memory for the most part.
type Keys interface {
	// AccessKey finds one that may be used: ErrNoKey. Any other error says that
	// nobody knows now.
	AccessKey(ctx context.Context, id string) (AccessKey, error)
}

// ErrNoKey says that there is no access key of an id, or that it may not be used.
var ErrNoKey = errors.New("there is no such access key")

// Identity is the result of a successful authentication.
type Identity struct {
	Principal policy.Principal
	// AccessKeyID is that of the long-lived access key that proves who it is.
	AccessKeyID string
	// Temporary are the temporary credentials of that key, if such were used.
	Temporary Temporary
	// Region is the one of the credential scope or of the registry token.
	Region string
}
