package access

import "slices"

// Key is a condition key that requests for every action have. The tables below are those of docs/security.md, which
// a test compares.
type Key struct {
	Name  string
	Value string // in words, for the document
	// Client says that only a request of a client has it, not a replication.
	Client bool
	// Optional says that a request has the key only if there is a value for it.
	Optional bool
}

var commonKeys = []Key{
	{Name: "aws:CurrentTime", Value: "the time of the request, such as `2026-11-28T12:00:00Z`"},
	{Name: "aws:EpochTime", Value: "the same in seconds since 1970"},
	{Name: "aws:MultiFactorAuthPresent", Value: "`false` for temporary credentials", Client: true, Optional: true},
	{Name: "aws:PrincipalAccount", Value: "the caller's account; of a replication, the source's"},
	{Name: "aws:PrincipalArn", Value: "the caller's ARN; of a session, its role's"},
	{Name: "aws:PrincipalIsAWSService", Value: "`false`"},
	{Name: "aws:PrincipalOrgID", Value: "the caller's `organization` in the configuration", Optional: true},
	{Name: "aws:PrincipalType", Value: "`Account` for the root of an account, `User`, `AssumedRole` or `FederatedUser`"},
	{Name: "aws:RequestedRegion", Value: "the registry's Region"},
	{Name: "aws:ResourceAccount", Value: "the registry's account"},
	{Name: "aws:ResourceOrgID", Value: "the `organization` of the registry's account", Optional: true},
	{Name: "aws:SecureTransport", Value: "whether the client came by TLS; of a replication, `true`"},
	{Name: "aws:SourceIdentity", Value: "who began the caller's session of a role, or the first of its chain, by its own word",
		Client: true, Optional: true},
	{Name: "aws:SourceIp", Value: "the client's address", Client: true},
	{Name: "aws:TokenIssueTime", Value: "when the caller's temporary credentials were issued", Client: true,
		Optional: true},
	{Name: "aws:UserAgent", Value: "what the client calls itself, its first 1,024 bytes", Client: true, Optional: true},
	{Name: "aws:userid",
		Value: "the caller's unique id: the account for its root, `AIDA…` for a user, `AROA…:name` for a session"},
	{Name: "aws:ViaAWSService", Value: "`false`"},
}

// CommonKeys returns the keys that requests for every action have.
func CommonKeys() []Key { return slices.Clone(commonKeys) }

// KeySet is what else requests for an action have.
type KeySet uint8

const (
	// OfRepository: the resource is a repository's ARN. Without it, it is "*".
	OfRepository KeySet = 1 << iota
	// ResourceTags: aws:ResourceTag/… and ecr:ResourceTag/…, the repository's tags.
	ResourceTags
	// RequestTags: aws:RequestTag/…, the tags that the request sets.
	RequestTags
	// TagKeys: aws:TagKeys, the keys of the tags that it sets or removes.
	TagKeys
	// AccountSettings: ecr:AccountSetting, the name of the setting that the request reads or sets.
	AccountSettings
	// ImageTags: twinport:ImageTag, the tags by which the request names images, or which it gives one.
	ImageTags
)
