// Package policy implements the IAM policy language as Amazon ECR uses it:
// parsing, validation, evaluation and explanation.
//
// It knows no HTTP, no registry and no store: callers hand it documents and a
// Request and get a Decision that says not only yes or no but why.
package policy

import (
	"strings"
	"time"
)

// Principal is who makes a request.
type Principal struct {
	// Account is the caller's twelve-digit account; empty for an anonymous caller.
	Account string
	// ARN names the caller, for example arn:aws:iam::111122223333:root,
	// arn:aws:iam::111122223333:user/ci or
	// arn:aws:sts::111122223333:assumed-role/deploy/session. Empty for an
	// anonymous caller and for a service.
	ARN string
	// ID is the caller's unique id, for example AIDA… of a user, AROA…:session of
	// an assumed role; empty if it is derived (see UserID).
	ID string
	// Role is the ARN of the role behind an assumed-role session, else empty.
	Role string
	// User is the ARN of the user behind a federated user's session, else empty.
	User string
	// Service is the host-like name of a service principal, else empty.
	Service string
	// Organization is the id of the one that Account belongs to, else empty.
	Organization string
}

// Context holds the request's condition keys and their values. A key with
// several values is multivalued, one without any is absent. The keys that
// follow from the Request need not be given, and are ignored if they are:
// aws:PrincipalAccount, aws:PrincipalArn, aws:PrincipalIsAWSService,
// aws:PrincipalOrgID, aws:PrincipalServiceName, aws:PrincipalType, aws:userid,
// aws:username, aws:ResourceAccount, aws:ResourceOrgID, aws:ViaAWSService,
// aws:CurrentTime and aws:EpochTime.
type Context struct{ values map[string][]string }

// Add gives a key more values. Keys have no case: those of two that differ only
// in it are one key's.
func (c *Context) Add(name string, values ...string) {
	if c.values == nil {
		c.values = map[string][]string{}
	}
	name = strings.ToLower(name)
	c.values[name] = append(c.values[name], values...)
}

// Request is one question: may Principal do Action on Resource?
type Request struct {
	Principal Principal
	// Action is the full name, for example ecr:BatchGetImage.
	Action string
	// Resource is an ARN, or "*" for actions that have no resource type.
	Resource string
	// ResourceAccount owns Resource.
	ResourceAccount string
	// ResourceOrganization is the id of the one that ResourceAccount belongs to,
	// else empty.
	ResourceOrganization string
	// Time is when the request was made; zero means now.
	Time    time.Time
	Context Context
}
