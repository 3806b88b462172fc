// Package source reads images from elsewhere, by the names and digests that they
// have here. Repairs read from another registry what is damaged; peers and
// pull-through caches are meant to come to what they lack the same way. So a
// source knows nothing of who reads, nor of what becomes of the bytes.
//
// A source is not trusted: whoever reads gets the bytes that the digest names,
// or an error. It may be slow, or never answer; the context bounds it.
package source

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/resource"
)

// Source is where images can be read. It is safe for concurrent use.
type Source interface {
	// String says which one it is, for messages. It has no secrets.
	String() string
	// Manifest returns a manifest's bytes, whose digest was checked.
	Manifest(ctx context.Context, of resource.Repository, d digest.Digest) ([]byte, error)
	// Blob hands a blob's bytes to read, as they come: there may be too many to
	// hold, so read checks their digest, and returns an error if they are
	// wrong or end early. Then, or if it has no such blob there, the source
	// tries the next place where it may have it, calling read again, until read
	// returns nil.
	Blob(ctx context.Context, of resource.Repository, d digest.Digest, read func(content io.Reader) error) error
}
