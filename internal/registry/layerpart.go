package registry

import (
	"bytes"
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// minLayerPart is how many bytes each layer part must have, but for the last
// (ECR: 5 MiB). A part is the last if none follows, so the rule is checked when
// the upload is completed; whichever process does that finds in the session's
// row whether a part was too short.
const minLayerPart = 5 << 20

// UploadLayerPart adds a part of a layer to the session, and returns its new
// size. first and last are where the part's first and last byte belong. If it
// is as long as they say, and follows what was received before, it is added as
// by AppendUpload: else InvalidLayerPart, whose Received is the session's size.
func (s *Service) UploadLayerPart(ctx context.Context, c access.Caller, ref resource.Repository, id string,
	first, last int64, part []byte) (n int64, err error) {
	return s.addToUpload(ctx, c, ref, id, func(u *uploadSession) error {
		length := int64(len(part))
		if length == 0 || last-first != length-1 {
			e := Errorf(InvalidLayerPart, "The layer part has %d bytes, but partFirstByte %d and partLastByte %d say otherwise",
				length, first, last)
			e.Received = u.Size()
			return e
		}
		if err := u.append(ctx, first, bytes.NewReader(part)); err != nil {
			return err
		}
		if length < minLayerPart && u.shortPart == 0 {
			u.shortPart = u.Size()
		}
		return nil
	})
}

// CompleteLayerUpload is CompleteUpload for layers that came in parts:
// EmptyUpload, LayerPartTooSmall if another part came after one that was too
// short, and LayerAlreadyExists if the repository has the layer. The session is
// then gone.
func (s *Service) CompleteLayerUpload(ctx context.Context, c access.Caller, ref resource.Repository, id string,
	d digest.Digest) (Layer, error) {
	ahead := func(q *metadata.Queries, repository int64) {
		completeAhead(id, d)(q, repository)
		layerAhead(d)(q, repository)
	}
	repo, err := s.repositoryAhead(ctx, c, ref, ahead, access.CompleteLayerUpload)
	if err != nil {
		return Layer{}, err
	}
	if err := validDigest(d); err != nil {
		return Layer{}, err
	}
	return s.endUpload(ctx, repo, id, func(u *uploadSession) (Layer, error) {
		switch short := u.row.ShortPart; {
		case u.Size() == 0:
			return Layer{}, Errorf(EmptyUpload, "The upload '%s' does not contain any layer parts", id)
		case short > 0 && short < u.Size():
			return Layer{}, Errorf(LayerPartTooSmall, "The upload '%s' has a layer part, other than the last one, that is "+
				"smaller than %d bytes", id, minLayerPart)
		}
		has, err := s.showsLayer(ctx, c, repo, d)
		if err != nil {
			return Layer{}, err
		}
		if !has {
			return u.complete(ctx, d)
		}
		if err := u.Cancel(ctx); err != nil {
			return Layer{}, err
		}
		s.failed(id)
		if err := s.Update(ctx, func(tx *metadata.Tx) error { return tx.Uploads().Delete(id) }); err != nil {
			return Layer{}, err
		}
		return Layer{}, Errorf(LayerAlreadyExists, "The layer '%s' already exists in the repository '%s' in the "+
			"registry with id '%s'", d, repo.Name, repo.Account)
	})
}

// showsLayer reports whether the repository has a layer, bytes and all, and the
// caller may learn that. Who may only upload completes it again.
func (s *Service) showsLayer(ctx context.Context, c access.Caller, repo *metadata.Repository,
	d digest.Digest) (bool, error) {
	err := s.authorize(ctx, c, repo, access.BatchCheckLayerAvailability)
	if CodeOf(err) == AccessDenied {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	l, err := s.layer(ctx, repo, d)
	if CodeOf(err) == LayersNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return s.holds(ctx, metadata.Blob{Digest: string(d), Size: l.Size, Object: l.object})
}
