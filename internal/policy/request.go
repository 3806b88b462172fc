// Package policy implements the IAM policy language as Amazon ECR uses it:
// parsing, validation, evaluation and explanation.
//
// It knows no HTTP, no registry and no store: callers hand it documents and a
// Request and get a Decision that says not only yes or no but why.
package policy

import "time"

// Principal is who makes a request.
type Principal struct {
	// Account is the caller's twelve-digit account; empty for an anonymous caller.
	Account string
	// ARN names the caller, for example arn:aws:iam::111122223333:root,
	// arn:aws:iam::111122223333:user/ci or
	// arn:aws:sts::111122223333:assumed-role/deploy/session. Empty for an
	// anonymous caller and for a service.
	ARN string
	// Role is the ARN of the role behind an assumed-role session, else empty.
	Role string
	// Service is the host-like name of a service principal, else empty.
	Service string
}

// Context holds the request's condition keys and their values. Keys are
// matched without regard to case, so no two may differ only in it; a key with
// several values is multivalued, one without any is absent. The keys that
// follow from the Request need not be given, and are ignored if they are:
// aws:PrincipalAccount, aws:PrincipalArn, aws:PrincipalIsAWSService,
// aws:PrincipalServiceName, aws:PrincipalType, aws:username,
// aws:ResourceAccount, aws:CurrentTime and aws:EpochTime.
type Context map[string][]string

// Request is one question: may Principal do Action on Resource?
type Request struct {
	Principal Principal
	// Action is the full name, for example ecr:BatchGetImage.
	Action string
	// Resource is an ARN, or "*" for actions that have no resource type.
	Resource string
	// ResourceAccount owns Resource.
	ResourceAccount string
	// Time is when the request was made; zero means now.
	Time    time.Time
	Context Context
}
