package registry

import (
	"context"

	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
)

// Alter runs fn with a repository that nobody else adds to or alters meanwhile:
// RepositoryNotFound. It authorises nobody: it is for those over the domain that
// have done so, or that do what a repository's owner has asked for earlier.
func (s *Service) Alter(ctx context.Context, r *metadata.Repository,
	fn func(tx *metadata.Tx, r *metadata.Repository) error) error {
	return s.alter(ctx, r, fn)
}

// Notify notes a change of what is kept beside the domain, for those who watch its
// registry.
func (s *Service) Notify(c changes.Change) { s.changes.Notify(c) }

// Expire deletes an image with all its tags, in a repository that Alter has, and
// queues what follows from that: false if it was not there.
func (s *Service) Expire(tx *metadata.Tx, r *metadata.Repository, digest string) (bool, error) {
	return s.deleteManifest(tx, r, digest)
}
