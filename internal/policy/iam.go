package policy

import "errors"

// What IAM says of the most usual faults, in the message of a
// MalformedPolicyDocument.
const (
	iamJSON        = "This policy contains invalid Json"
	iamSyntax      = "Syntax errors in policy."
	iamVersion     = "Policy document must be version 2012-10-17 or greater."
	iamNoActions   = "Policy statement must contain actions."
	iamNoResources = "Policy statement must contain resources."
	iamNoPrincipal = "Missing required field Principal"
	iamVendor      = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	iamSid         = "Statement IDs (SID) in a single policy must be unique."
	iamTrustAction = "AssumeRole policy may only specify STS AssumeRole actions."
)

// fault is an error that IAM has a text for.
type fault struct {
	iam string
	error
}

func (f fault) Unwrap() error { return f.error }

// IAMProblem is what IAM's API says of a text that Parse refused: the fault as IAM
// words it, for programs that know its texts, and then where it is and what to write
// instead, for people.
func IAMProblem(err error) string {
	known := iamSyntax
	if e, ok := errors.AsType[*ParseError](err); ok && e.iam != "" {
		known = e.iam
	}
	return known + " (" + err.Error() + ")"
}
