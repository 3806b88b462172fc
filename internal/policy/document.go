package policy

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind says where a document is used; it decides what is allowed in it.
type Kind int

const (
	// RepositoryPolicy is attached to a repository. Every statement has a
	// principal; one without a resource speaks of the repository itself.
	RepositoryPolicy Kind = iota
	// RegistryPolicy is attached to a registry. Every statement has a
	// principal and a resource.
	RegistryPolicy
	// IdentityPolicy is attached to a user, group or role, or is a permissions
	// boundary or a session policy: statements have a resource and no principal.
	IdentityPolicy
	// TrustPolicy says who may assume a role: every statement has a principal,
	// and none a resource, for it is the role.
	TrustPolicy
)

func (k Kind) String() string {
	switch k {
	case RepositoryPolicy:
		return "repository policy"
	case RegistryPolicy:
		return "registry policy"
	case TrustPolicy:
		return "trust policy"
	default:
		return "identity policy"
	}
}

// ofIAM reports whether IAM keeps such policies, not ECR.
func (k Kind) ofIAM() bool { return k == IdentityPolicy || k == TrustPolicy }

// limit is the most characters a text of this kind may have. For resource
// policies it is that of policyText in SetRepositoryPolicy and
// PutRegistryPolicy, for trust policies IAM's quota, and for identity policies the
// greatest of IAM's quotas, which depend on what a policy is attached to. It bounds
// every count in a document, too.
func (k Kind) limit() int {
	if k == TrustPolicy {
		return 2048
	}
	return 10240
}

// size counts what of a text the limit is for.
func (k Kind) size(text string) int {
	if k.ofIAM() {
		return Size(text)
	}
	return utf8.RuneCountInString(text)
}

// Size is how many characters of a policy's text IAM counts: all but white space
// ("IAM and AWS STS quotas" in the IAM user guide).
func Size(text string) (n int) {
	for _, c := range text {
		if !strings.ContainsRune(" \t\r\n", c) {
			n++
		}
	}
	return n
}

// The versions of the policy language. Only the current one knows policy
// variables; in the older one, which is the default, ${…} is plain text.
const (
	CurrentVersion = "2012-10-17"
	DefaultVersion = "2008-10-17"
)

// Effect is what a statement does to the requests that it applies to.
type Effect string

const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Document is a parsed and compiled policy. It is immutable and safe for
// concurrent use.
type Document struct {
	Kind       Kind
	Version    string
	ID         string
	Statements []Statement
}

// Unreadable stands for a policy that cannot be read: it denies everything.
var Unreadable = &Document{Statements: []Statement{{
	Effect: Deny, principals: &principals{everyone: true}, actions: actions{patterns: []action{{prefix: true}}},
}}}

// Statement is one statement of a document.
type Statement struct {
	// Sid is empty if the statement has none.
	Sid    string
	Effect Effect

	principals *principals // nil in an identity policy
	actions    actions
	resources  resources
	conditions []condition
}

// Policy is a document and what to call it.
type Policy struct {
	// Name is used in explanations, for example "the registry policy of
	// 444455556666 in us-west-2".
	Name string
	// Document is nil if no such policy is set; it then allows nothing, and
	// the explanation of a refusal says that it is not set.
	Document *Document
	// Actions, if not nil, are the only ones that the policy decides on.
	Actions []string
}

// decides reports whether the policy decides on the action.
func (p *Policy) decides(action string) bool {
	return p.Document != nil && (p.Actions == nil || slices.Contains(p.Actions, action))
}
