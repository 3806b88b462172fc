package verify

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/source"
)

// Repair repairs what is found.
type Repair struct {
	Registry *registry.Service
	Metadata metadata.Store
	// Source, if not nil, is asked for what is damaged.
	Source source.Source
	// Discard deletes the bytes that earlier repairs have kept of blobs that
	// are whole again.
	Discard bool
}

// fetchLayer fetches a damaged blob from the first of the repositories in which
// the source has it. All of them get their links back.
func (p *Repair) fetchLayer(ctx context.Context, d string, repositories []metadata.RepositoryRef) error {
	var errs []error
	for _, repository := range repositories {
		err := p.layerFromSource(ctx, repository, digest.Digest(d))
		if err == nil || ctx.Err() != nil {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// layerFromSource gives a repository a layer that the same repository of the
// source has. The registry checks its digest.
func (p *Repair) layerFromSource(ctx context.Context, repository metadata.RepositoryRef, d digest.Digest) error {
	return p.Source.Blob(ctx, named(repository), d, func(content io.Reader) error {
		return p.Registry.RestoreLayer(ctx, repository, d, content)
	})
}

// named is the repository as a source knows it.
func named(r metadata.RepositoryRef) resource.Repository {
	return resource.Repository{Registry: resource.Registry{Account: r.Account, Region: r.Region}, Name: r.Name}
}

// fetchManifest replaces a manifest's bytes by those that another repository of
// the deployment, or the source, has.
func (p *Repair) fetchManifest(ctx context.Context, m metadata.StoredManifest, f *Finding) error {
	d := digest.Digest(m.Digest)
	if err := d.Validate(); err != nil {
		return err
	}
	copies, err := p.Metadata.Read(ctx).Damage().ManifestCopies(m.Digest, m.ID, 10)
	if err != nil {
		return err
	}
	for _, raw := range copies {
		if d.Algorithm().FromBytes(raw) == d {
			f.Action = "copied from another repository of the deployment"
			return p.restoreManifest(ctx, m.Repository, d, m.MediaType, raw)
		}
	}
	if p.Source == nil {
		return fmt.Errorf("no other repository has it: delete the image and %w", errNoSource)
	}
	raw, err := p.Source.Manifest(ctx, named(m.Repository), d)
	if err != nil {
		return err
	}
	f.Action = "fetched again from " + p.Source.String()
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
// the same repository of the source has it. Nothing else shows that it was not
// deleted on purpose, so a blob that the deployment has is not linked again
// just because a manifest names it.
func (p *Repair) fetchMissing(ctx context.Context, m metadata.StoredManifest, l metadata.StoredReference,
	f *Finding) error {
	if p.Source == nil {
		return errNoSource
	}
	f.Action = "fetched again from " + p.Source.String()
	d := digest.Digest(l.Digest)
	if !l.Child {
		return p.layerFromSource(ctx, m.Repository, d)
	}
	raw, err := p.Source.Manifest(ctx, named(m.Repository), d)
	if err != nil {
		return err
	}
	return p.restoreManifest(ctx, m.Repository, d, l.MediaType, raw)
}
