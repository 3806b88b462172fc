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
	// Role finds a role by its unique id, AROA…: ErrNoKey, and other errors as
	// above. Its ID is that, its Secret the role's own, which seals its sessions
	// and nothing else, and its Principal has the role's ARN as ARN and as Role.
	// AccessKey never finds a role, nor Role an access key.
	Role(ctx context.Context, id string) (AccessKey, error)
}

// ErrNoKey says that there is no access key of an id, or that it may not be used.
var ErrNoKey = errors.New("there is no such access key")

// Identity is the result of a successful authentication.
type Identity struct {
	Principal policy.Principal
	// AccessKeyID is that of the long-lived access key that proves who it is;
	// empty for a session of a role.
	AccessKeyID string
	// Temporary are the temporary credentials of that key or role, if such were used.
	Temporary Temporary
	// Role is the session of a role; nil for all others.
	Role *RoleSession
	// Region is the one of the credential scope or of the registry token.
	Region string
}

// identityOf is that of an access key, of its temporary credentials, or of a session of a role.
func identityOf(key AccessKey, role *RoleSession, t Temporary) Identity {
	if role != nil {
		return Identity{Principal: key.Session(role.Name), Temporary: t, Role: role}
	}
	return Identity{Principal: key.Principal, AccessKeyID: key.ID, Temporary: t}
}

// KeyOf finds what an identity rests on, which signs its tokens: its access key,
// or the role of its session: ErrNoKey.
func KeyOf(ctx context.Context, keys Keys, identity Identity) (AccessKey, error) {
	if identity.Role != nil {
		return findRole(ctx, keys, identity.Role.RoleID)
	}
	return findKey(ctx, keys, identity.AccessKeyID)
}

// findKey finds an access key. A role is none, even if keys should give one.
func findKey(ctx context.Context, keys Keys, id string) (AccessKey, error) {
	key, err := keys.AccessKey(ctx, id)
	if err == nil && key.isRole() {
		err = ErrNoKey
	}
	return key, err
}

// findRole finds a role. An access key is none, even if keys should give one.
func findRole(ctx context.Context, keys Keys, id string) (AccessKey, error) {
	key, err := keys.Role(ctx, id)
	if err == nil && (!key.isRole() || key.ID != id) {
		err = ErrNoKey
	}
	return key, err
}

// unchanged reports whether an access key or role is what it was: ErrNoKey.
func unchanged(ctx context.Context, keys Keys, was AccessKey) error {
	find := findKey
	if was.isRole() {
		find = findRole
	}
	key, err := find(ctx, keys, was.ID)
	if err == nil && key != was {
		err = ErrNoKey
	}
	return err
}
