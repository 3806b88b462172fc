package registry

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
)

// ReadManifest returns what a manifest's bytes say, as a push records it:
// InvalidManifest. ImageSize is that of its config and layers; an index has
// that of its largest child instead.
func ReadManifest(raw []byte, mediaType string) (metadata.Manifest, []metadata.Reference, error) {
	p, err := readManifest(raw, mediaType)
	if err != nil {
		return metadata.Manifest{}, nil, err
	}
	return p.facts(raw), p.References, nil
}

// The methods below repair what is damaged. They ask no policy: whoever may
// open the stores may use them.

// Quarantine takes a blob whose bytes are missing or wrong out of use, until
// it is pushed again or RestoreLayer brings it back: false if it is another
// object meanwhile.
func (s *Service) Quarantine(ctx context.Context, d, object, reason string) (done bool, err error) {
	err = s.Update(ctx, func(tx *metadata.Tx) (err error) {
		done, err = tx.Damage().QuarantineBlob(d, object, reason, s.now())
		return err
	})
	return done && err == nil, err
}

// RestoreLayer gives a repository a layer from r, in constant memory, and all
// repositories that lost it to Quarantine with it: InvalidLayer if the bytes
// are wrong.
func (s *Service) RestoreLayer(ctx context.Context, at metadata.RepositoryRef, d digest.Digest, r io.Reader) error {
	repo, err := s.meta.Repository(ctx, at.Account, at.Region, at.Name, nil)
	if err != nil {
		return fmt.Errorf("look up the repository %s: %w", at, err)
	}
	_, err = s.storeLayer(ctx, repo, d, r)
	return err
}

// RestoreManifest gives a repository a manifest, or what its rows should say of
// one that it has: InvalidManifest, ImageDigestDoesNotMatch. What the manifest
// names need not be there.
func (s *Service) RestoreManifest(ctx context.Context, at metadata.RepositoryRef, d digest.Digest, mediaType string,
	raw []byte) error {
	if _, err := manifestDigest(NewManifest{Bytes: raw, Digest: d}); err != nil {
		return err
	}
	m, references, err := ReadManifest(raw, mediaType)
	if err != nil {
		return err
	}
	m.Digest, m.PushedAt = string(d), s.now()
	return s.Update(ctx, func(tx *metadata.Tx) error {
		repo, err := tx.Repositories().Lock(at.ID)
		if errors.Is(err, metadata.ErrNotFound) {
			return fmt.Errorf("the repository %s is gone: %w", at, err)
		}
		if err != nil {
			return err
		}
		var children []string
		for _, r := range references {
			if r.Child {
				children = append(children, r.Digest)
			}
		}
		m := m
		if len(children) > 0 {
			sizes, err := tx.Images().Sizes(repo.ID, children)
			if err != nil {
				return err
			}
			for _, n := range sizes {
				m.ImageSize = max(m.ImageSize, n)
			}
		}
		return tx.Damage().ReplaceManifest(repo, m, raw, references)
	})
}

// CorrectLink gives a repository's link the size of its blob.
func (s *Service) CorrectLink(ctx context.Context, at metadata.RepositoryRef, d string) error {
	return s.Update(ctx, func(tx *metadata.Tx) error { return tx.Damage().CorrectLinkSize(at.ID, d) })
}

// DropBrokenTag removes a tag that names no manifest of its repository.
func (s *Service) DropBrokenTag(ctx context.Context, at metadata.RepositoryRef, tag string) error {
	return s.Update(ctx, func(tx *metadata.Tx) error { return tx.Damage().DeleteBrokenTag(at.ID, tag) })
}

// DiscardDamaged gives up what was kept of a damaged blob; the sweep frees it.
func (s *Service) DiscardDamaged(ctx context.Context, d metadata.DamagedBlob, size int64) error {
	return s.Update(ctx, func(tx *metadata.Tx) error { return tx.Damage().DiscardDamaged(d, size) })
}
