package iam

import (
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// Kind is a sort of identity, by its name in the operations: CreateUser.
type Kind string

const (
	OfUser  Kind = "User"
	OfGroup Kind = "Group"
	OfRole  Kind = "Role"
)

// Page asks for a part of a list: so many items after those that ended with the marker.
type Page struct {
	Marker   string // of the List before; empty for the beginning
	MaxItems int    // 1 to 1000; 0 for 100
}

// List is a part of a list. Its marker is empty if there is no more (API: IsTruncated is false).
type List[T any] struct {
	Items  []T
	Marker string
}

// User of an account. Lists have no boundary and no tags.
type User struct {
	Path, Name, ID, ARN string
	CreatedAt           time.Time
	Boundary            string // the ARN of a policy, or empty
	Tags                []resource.Tag
}

// Group of users.
type Group struct {
	Path, Name, ID, ARN string
	CreatedAt           time.Time
}

// Role that callers may assume. Lists have no boundary and no tags.
type Role struct {
	Path, Name, ID, ARN string
	CreatedAt           time.Time
	TrustPolicy         string // the text, with the unique ids of principals that are gone
	Description         string
	MaxSession          int    // in seconds
	Boundary            string // the ARN of a policy, or empty
	Tags                []resource.Tag
}

// Policy is a managed one. Lists have no description and no tags.
type Policy struct {
	Path, Name, ID, ARN  string
	DefaultVersion       string // v1
	Attachments          int
	Boundaries           int // of how many identities it is the boundary
	Attachable           bool
	Description          string
	CreatedAt, UpdatedAt time.Time
	Tags                 []resource.Tag
}

// PolicyVersion is a version of a managed policy. Only GetPolicyVersion gives the document.
type PolicyVersion struct {
	ID        string // v1
	Document  string
	Default   bool
	CreatedAt time.Time
}

// AttachedPolicy names a managed policy that is attached.
type AttachedPolicy struct{ Name, ARN string }

// The states of an access key.
const (
	Active   = "Active"
	Inactive = "Inactive"
)

// AccessKey of a user. Only CreateAccessKey gives the secret.
type AccessKey struct {
	UserName, ID, Status string
	Secret               string
	CreatedAt            time.Time
}

// AccessKeyLastUsed says when and for what an access key was used last.
type AccessKeyLastUsed struct {
	UserName        string
	At              time.Time // zero if it was not
	Service, Region string    // N/A if it was not
}

// CreateUser is the input of that operation.
type CreateUser struct {
	Name, Path, Boundary string
	Tags                 []resource.Tag
}

// CreateRole is the input of that operation.
type CreateRole struct {
	Name, Path, Boundary string
	TrustPolicy          string
	Description          string
	MaxSession           int // in seconds; 0 for the default
	Tags                 []resource.Tag
}

// UpdateRole is the input of that operation: what is nil stays.
type UpdateRole struct {
	Name        string
	Description *string
	MaxSession  *int
}

// Rename is the input of UpdateUser and UpdateGroup: what is empty stays.
type Rename struct{ Name, NewName, NewPath string }

// CreatePolicy is the input of that operation.
type CreatePolicy struct {
	Name, Path, Description string
	Document                string
	Tags                    []resource.Tag
}

// ListPolicies is the input of that operation.
type ListPolicies struct {
	Scope        string // All, AWS, Local; empty for All
	OnlyAttached bool
	PathPrefix   string
	Usage        string // PermissionsPolicy, PermissionsBoundary; empty for both
	Page
}

// ListEntitiesForPolicy is the input of that operation.
type ListEntitiesForPolicy struct {
	PolicyARN  string
	Filter     string // User, Role, Group, LocalManagedPolicy, AWSManagedPolicy; empty for all
	PathPrefix string
	Usage      string // PermissionsPolicy, PermissionsBoundary; empty for both
	Page
}

// Entity is an identity that a policy is attached to.
type Entity struct {
	Kind     Kind
	Name, ID string
}

// Attachment names an identity and a managed policy.
type Attachment struct {
	Kind      Kind
	Name      string
	PolicyARN string
}

// InlinePolicy names a policy that an identity has of its own.
type InlinePolicy struct {
	Kind     Kind
	Name     string // of the identity
	Policy   string // its name
	Document string // only for Put
}
