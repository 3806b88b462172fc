// Package registry is the domain: what a registry, repository, image, tag and
// layer may do, and every rule about them that is always true. Protocols
// (packages oci and awsapi) translate requests to calls of Service; it
// authorises each of them, so a protocol cannot forget to. It knows no HTTP.
package registry

import (
	"fmt"

	"github.com/twinport/twinport/internal/auth"
)

// ID names a registry: one account in one Region.
type ID struct {
	Account string
	Region  string
}

func (id ID) String() string { return id.Account + "/" + id.Region }

// Ref names a repository in a registry.
type Ref struct {
	Registry ID
	Name     string
}

func (r Ref) String() string { return r.Registry.String() + "/" + r.Name }

// ARN is the repository's Amazon Resource Name.
func (r Ref) ARN() string {
	return fmt.Sprintf("arn:aws:ecr:%s:%s:repository/%s", r.Registry.Region, r.Registry.Account, r.Name)
}

// Caller is who asks and from where: the facts that policies are evaluated on.
type Caller struct {
	Identity auth.Identity
	// RemoteAddr is the client's address and port (aws:SourceIp).
	RemoteAddr string
	// Secure says that the connection uses TLS (aws:SecureTransport).
	Secure bool
	// Host is the one that was asked, with the port if there was one, or empty.
	Host string
	// UserAgent is the client's own word, or empty (aws:UserAgent).
	UserAgent string
}

// Page asks for one page of a list. Lists are paged by key, never by offset.
type Page struct {
	// After is the last key of the page before; empty for the first.
	After string
	// Limit is the most items to return; it must be positive.
	Limit int
}
