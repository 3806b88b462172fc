package registry

import (
	"context"
	"errors"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// DeletedImage is one result of DeleteImages: the identifier as it was
// resolved, or why it was not deleted.
type DeletedImage struct {
	Reference Reference
	// Err is nil if the image or tag is gone now. Its code is ImageNotFound,
	// ImageReferencedByManifestList or InvalidParameter.
	Err *Error
}

// DeleteTag removes a tag and, as OCI wants, leaves its manifest: ImageNotFound.
func (s *Service) DeleteTag(ctx context.Context, c access.Caller, ref resource.Repository, tag string) error {
	repo, err := s.repositoryAbout(ctx, c, ref, aboutImages(Reference{Tag: tag}), nil, access.BatchDeleteImage)
	if err != nil {
		return err
	}
	return s.alter(ctx, repo, func(tx *metadata.Tx, repo *metadata.Repository) error {
		deleted, err := s.deleteTag(tx, repo, tag)
		if err == nil && !deleted {
			return imageNotFound(repo, Reference{Tag: tag})
		}
		return err
	})
}

// DeleteManifest removes a manifest and all its tags, even if an index names
// it, as OCI wants: ImageNotFound.
func (s *Service) DeleteManifest(ctx context.Context, c access.Caller, ref resource.Repository, d digest.Digest) error {
	repo, err := s.Repository(ctx, c, ref, access.BatchDeleteImage)
	if err != nil {
		return err
	}
	return s.alter(ctx, repo, func(tx *metadata.Tx, repo *metadata.Repository) error {
		deleted, err := s.deleteManifest(tx, repo, string(d))
		if err == nil && !deleted {
			return imageNotFound(repo, Reference{Digest: d})
		}
		return err
	})
}

// DeleteImages deletes as ECR's BatchDeleteImage does: a tag that is the last
// of its image takes the image along; a manifest that an index names stays.
// An image deleted by digest yields one result per tag it had.
func (s *Service) DeleteImages(ctx context.Context, c access.Caller, ref resource.Repository,
	refs []Reference) ([]DeletedImage, error) {
	about := aboutImages(refs...)
	repo, err := s.repositoryAbout(ctx, c, ref, about, nil, access.BatchDeleteImage)
	if err != nil {
		return nil, err
	}
	if named := len(about.ImageTags); named > 0 && named < len(refs) {
		// What may be done to some tags must not be done to images without one, by the way.
		if repo, err = s.Repository(ctx, c, ref, access.BatchDeleteImage); err != nil {
			return nil, err
		}
	}
	var results []DeletedImage
	for _, r := range refs {
		var done []Reference
		err := s.alter(ctx, repo, func(tx *metadata.Tx, repo *metadata.Repository) (err error) {
			done, err = s.deleteImage(tx, repo, r)
			return err
		})
		var refusal *Error
		switch {
		case errors.As(err, &refusal) && refusal.Code != RepositoryNotFound && refusal.Code != StorageFull:
			results = append(results, DeletedImage{Reference: r, Err: refusal})
		case err != nil:
			return nil, err
		}
		for _, d := range done {
			results = append(results, DeletedImage{Reference: d})
		}
	}
	return results, nil
}

// deleteTag removes a tag of a repository that is locked: false if it was not there.
func (s *Service) deleteTag(tx *metadata.Tx, repo *metadata.Repository, name string) (bool, error) {
	if err := s.outbox.Deleting(tx, Deletion{Repository: repo, Tag: name}); err != nil {
		return false, err
	}
	return tx.Tags().Delete(repo, name)
}

// deleteManifest is deleteTag for a manifest with all its tags.
func (s *Service) deleteManifest(tx *metadata.Tx, repo *metadata.Repository, d string) (bool, error) {
	if err := s.outbox.Deleting(tx, Deletion{Repository: repo, Digest: d}); err != nil {
		return false, err
	}
	return tx.Images().Delete(repo, d)
}

func (s *Service) deleteImage(tx *metadata.Tx, repo *metadata.Repository, r Reference) ([]Reference, error) {
	d := string(r.Digest)
	switch {
	case r.Tag == "" && d == "":
		return nil, Errorf(InvalidParameter, "Invalid parameter at 'imageId': a tag or a digest is needed")
	case r.Tag != "":
		tag, err := tx.Tags().Get(repo.ID, r.Tag)
		if errors.Is(err, metadata.ErrNotFound) || err == nil && d != "" && d != tag.Digest {
			return nil, imageNotFound(repo, r)
		}
		if err != nil {
			return nil, err
		}
		d = tag.Digest
	default:
		if _, err := tx.Images().Manifest(repo.ID, d); errors.Is(err, metadata.ErrNotFound) {
			return nil, imageNotFound(repo, r) // it may be a layer that images name
		} else if err != nil {
			return nil, err
		}
	}
	tags, err := tx.Tags().Of(repo.ID, d, "", MaxTagsPerImage)
	if err != nil {
		return nil, err
	}
	if r.Tag != "" && len(tags) > 1 {
		_, err := s.deleteTag(tx, repo, r.Tag)
		return []Reference{{Tag: r.Tag, Digest: digest.Digest(d)}}, err
	}
	indexes, err := tx.Images().Indexes(repo.ID, d)
	if err != nil {
		return nil, err
	}
	if len(indexes) > 0 {
		return nil, Errorf(ImageReferencedByManifestList, "Requested image referenced by manifest list: [%s]",
			strings.Join(indexes, ", "))
	}
	if _, err := s.deleteManifest(tx, repo, d); err != nil {
		return nil, err
	}
	done := make([]Reference, 0, len(tags))
	for _, t := range tags {
		done = append(done, Reference{Tag: t.Name, Digest: digest.Digest(d)})
	}
	if len(done) == 0 {
		done = append(done, Reference{Digest: digest.Digest(d)})
	}
	return done, nil
}
