// Package iam keeps the users, groups, roles, policies and access keys of accounts, as AWS's IAM does: each operation
// of its API that is offered is a method of Service, which asks the caller's policies, and checks limits and conflicts.
// It finds access keys, and what a principal may do, for every request, too. There is no HTTP in it.
package iam

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/metadata"
)

// Sealer keeps secrets unreadable at rest. What a secret is of is authenticated with it.
type Sealer interface {
	Seal(what string, secret []byte) ([]byte, error)
	Open(what string, sealed []byte) ([]byte, error)
}

// Config is what New needs.
type Config struct {
	Store metadata.Store
	// Accounts are those that exist, with the access keys of their roots.
	Accounts *auth.Directory
	Access   *access.Decider
	// Sealer is nil without a master key: no access key and no role can be created then.
	Sealer Sealer
	Logger *slog.Logger
	Now    func() time.Time // nil means time.Now
}

// Service has the operations. It is safe for concurrent use.
type Service struct {
	Config
	directory directory
	uses      struct {
		sync.Mutex
		byKey map[string]metadata.AccessKeyUse
	}
}

// New returns a Service. It reads nothing.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Service{Config: c}
	s.directory.service = s
	return s
}

// Error is a refusal in the words of AWS's API.
type Error struct {
	Code    string // on the wire: NoSuchEntity
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// The codes of errors.
const (
	AccessDenied            = "AccessDenied"
	ConcurrentModification  = "ConcurrentModification"
	DeleteConflict          = "DeleteConflict"
	EntityAlreadyExists     = "EntityAlreadyExists"
	InvalidInput            = "InvalidInput"
	LimitExceeded           = "LimitExceeded"
	MalformedPolicyDocument = "MalformedPolicyDocument"
	NoSuchEntity            = "NoSuchEntity"
	PolicyNotAttachable     = "PolicyNotAttachable"
	ServiceFailure          = "ServiceFailure"
	UnmodifiableEntity      = "UnmodifiableEntity"
	ValidationError         = "ValidationError"
)

func refuse(code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
