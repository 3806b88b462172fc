// Package resource names what requests and policies are about: registries, repositories and their tags.
package resource

// Registry names a registry: one account in one Region.
type Registry struct {
	Account string // twelve digits
	Region  string
}

// String returns the account and Region, for messages.
func (r Registry) String() string { return r.Account + "/" + r.Region }

// Repository names a repository in a registry.
type Repository struct {
	Registry Registry
	Name     string
}

// String returns the account, Region and name, for messages.
func (r Repository) String() string { return r.Registry.String() + "/" + r.Name }

// ARN returns the repository's Amazon Resource Name.
func (r Repository) ARN() string {
	return "arn:aws:ecr:" + r.Registry.Region + ":" + r.Registry.Account + ":repository/" + r.Name
}

// Tag is a key and value attached to a repository (ECR: Tag). It has nothing to do with an image's tags.
type Tag struct{ Key, Value string }
