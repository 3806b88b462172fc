// Package registry is the domain: what a registry, repository, image, tag and
// layer may do, and every rule about them that is always true. Protocols
// (packages oci and awsapi) translate requests to calls of Service; it
// authorises each of them, so a protocol cannot forget to. It knows no HTTP.
package registry

import "github.com/twinport/twinport/internal/auth"

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
