package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
)

// Repair repairs what is found.
type Repair struct {
	Registry *registry.Service
	Metadata metadata.Store
	// Replica, if not nil, is asked for what is damaged.
	Replica *Replica
	// Discard deletes the bytes that earlier repairs have kept of blobs that
	// are whole again.
	Discard bool
}

// fetchLayer fetches a damaged blob from the first of the repositories in which
// the replica has it. All of them get their links back.
func (p *Repair) fetchLayer(ctx context.Context, d string, repositories []metadata.RepositoryRef) error {
	var errs []error
	for _, repository := range repositories {
		err := p.Replica.layer(ctx, repository, digest.Digest(d), p.Registry.RestoreLayer)
		if err == nil || ctx.Err() != nil {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// fetchManifest replaces a manifest's bytes by those that another repository of
// the deployment, or the replica, has.
func (p *Repair) fetchManifest(ctx context.Context, m metadata.StoredManifest, f *Finding) error {
	d := digest.Digest(m.Digest)
	if err := d.Validate(); err != nil {
		return err
	}
	copies, err := p.Metadata.Read().Damage().ManifestCopies(m.Digest, m.ID, 10)
	if err != nil {
		return err
	}
	for _, raw := range copies {
		if d.Algorithm().FromBytes(raw) == d {
			f.Action = "copied from another repository of the deployment"
			return p.restoreManifest(ctx, m.Repository, d, m.MediaType, raw)
		}
	}
	if p.Replica == nil {
		return fmt.Errorf("no other repository has it: delete the image and %w", errNoReplica)
	}
	raw, err := p.Replica.manifest(ctx, m.Repository, d)
	if err != nil {
		return err
	}
	f.Action = "fetched again from " + p.Replica.String()
	return p.restoreManifest(ctx, m.Repository, d, m.MediaType, raw)
}

// restoreManifest tries the media type of the row first: a manifest may not have
// its own.
func (p *Repair) restoreManifest(ctx context.Context, repository metadata.RepositoryRef, d digest.Digest,
	mediaType string,
	raw []byte) error {
	err := p.Registry.RestoreManifest(ctx, repository, d, mediaType, raw)
	if registry.CodeOf(err) == registry.InvalidManifest && mediaType != "" {
		err = p.Registry.RestoreManifest(ctx, repository, d, "", raw)
	}
	return err
}

// fetchMissing brings back what a manifest names and its repository lacks, if
// the same repository of the replica has it. Nothing else shows that it was not
// deleted on purpose, so a blob that the deployment has is not linked again
// just because a manifest names it.
func (p *Repair) fetchMissing(ctx context.Context, m metadata.StoredManifest, l metadata.StoredReference,
	f *Finding) error {
	if p.Replica == nil {
		return errNoReplica
	}
	f.Action = "fetched again from " + p.Replica.String()
	d := digest.Digest(l.Digest)
	if !l.Child {
		return p.Replica.layer(ctx, m.Repository, d, p.Registry.RestoreLayer)
	}
	raw, err := p.Replica.manifest(ctx, m.Repository, d)
	if err != nil {
		return err
	}
	return p.restoreManifest(ctx, m.Repository, d, l.MediaType, raw)
}
