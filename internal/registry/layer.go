package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/resource"
)

// Layer is a blob as a repository has it.
type Layer struct {
	Digest    digest.Digest
	Size      int64
	MediaType string // as an image of the repository names it; may be empty

	object   string // the name of its bytes in the blob store
	linkedAt time.Time
}

// LayerContent is where a layer's bytes are to be had: at a URL, or else here.
type LayerContent struct {
	// URL, if not empty, is where the client fetches the bytes itself, for a while.
	URL string
	// ReadSeekCloser is nil if there is a URL. Its concrete type is *os.File where
	// blobs are files, so that copying it to a connection uses sendfile.
	io.ReadSeekCloser

	explain func(error) error // of errors of Begin; may be nil
}

// Begin has the content ready to be read from the offset on: LayersNotFound if
// it is lost. Whoever promises a client the bytes should call it before.
func (c LayerContent) Begin(offset int64) error {
	err := blob.Begin(c.ReadSeekCloser, offset)
	if err != nil && c.explain != nil {
		return c.explain(err)
	}
	return err
}

// maxMountSources bounds how many repositories a mount without a source looks at.
const maxMountSources = 100

// Layer by digest if the repository has it, bytes and all: LayersNotFound. Needs
// ecr:BatchCheckLayerAvailability.
func (s *Service) Layer(ctx context.Context, c access.Caller, ref resource.Repository, d digest.Digest) (Layer, error) {
	repo, err := s.repositoryAhead(ctx, c, ref, layerAhead(d), access.BatchCheckLayerAvailability)
	if err != nil {
		return Layer{}, err
	}
	l, err := s.layer(ctx, repo, d)
	if err != nil {
		return Layer{}, err
	}
	if err := s.checkBytes(ctx, repo, l); err != nil {
		return Layer{}, err
	}
	s.renew(repo, l)
	return l, nil
}

// layerAhead asks what layer is going to ask.
func layerAhead(d digest.Digest) metadata.Ahead {
	return func(q *metadata.Queries, repository int64) { _, _ = q.Layers().Get(repository, string(d)) }
}

func (s *Service) layer(ctx context.Context, repo *metadata.Repository, d digest.Digest) (Layer, error) {
	if err := validDigest(d); err != nil {
		return Layer{}, err
	}
	l, err := s.meta.Layer(ctx, repo, string(d))
	if errors.Is(err, metadata.ErrNotFound) {
		return Layer{}, layerNotFound(repo, d)
	}
	if err != nil {
		return Layer{}, fmt.Errorf("look up layer %s of %s: %w", d, refOf(repo), err)
	}
	return Layer{Digest: d, Size: l.Size, object: l.Object, linkedAt: l.LinkedAt}, nil
}

// renew is for a layer that a client may rely on in a push: it need not send
// what is here. So the link becomes as good as new in the background, or a sweep
// might remove it before the manifest comes that needs it.
func (s *Service) renew(repo *metadata.Repository, l Layer) {
	now := s.now()
	if now.Sub(l.linkedAt) < s.grace/2 || !s.renewals.claim(content{repo.ID, string(l.Digest)}, now, s.grace/2) {
		return
	}
	id := repo.ID
	go func() {
		err := s.meta.Update(context.Background(), func(tx *metadata.Tx) error {
			return tx.Layers().Renew(id, string(l.Digest), now)
		})
		if err != nil && !errors.Is(err, metadata.ErrClosed) {
			s.log.Warn("could not renew the link to a layer that a client asked for", "layer", l.Digest, "error", err)
		}
	}()
}

func layerNotFound(repo *metadata.Repository, d digest.Digest) *Error {
	return Errorf(LayersNotFound, "The layer with digest '%s' does not exist in the repository with name '%s' in the "+
		"registry with id '%s'", d, repo.Name, repo.Account)
}

// OpenLayer opens the bytes, unless the client can be sent to where they are:
// LayersNotFound, also if they are known to be lost. Needs ecr:GetDownloadUrlForLayer.
func (s *Service) OpenLayer(ctx context.Context, c access.Caller, ref resource.Repository,
	d digest.Digest) (l Layer, content LayerContent, err error) {
	repo, err := s.repositoryAhead(ctx, c, ref, layerAhead(d), access.GetDownloadURLForLayer)
	if err != nil {
		return Layer{}, content, err
	}
	if l, err = s.layer(ctx, repo, d); err != nil {
		return Layer{}, content, err
	}
	if s.lost.has(l.object) {
		if err := s.checkBytes(ctx, repo, l); err != nil {
			return Layer{}, content, err
		}
	}
	content.explain = func(err error) error {
		if err = s.found(d, l.object, err); blob.IsLost(err) {
			return layerLost(repo, d, err)
		}
		return fmt.Errorf("layer %s of %s cannot be read: %w", d, ref, err)
	}
	if content.URL, err = s.blobs.URL(ctx, l.object); err == nil {
		content.URL, err = redirect(c, content.URL)
	}
	if err == nil && content.URL == "" {
		content.ReadSeekCloser, err = s.blobs.Open(ctx, l.object, l.Size)
	}
	if err != nil {
		return Layer{}, LayerContent{}, content.explain(err)
	}
	return l, content, nil
}

// LayersAvailable returns which of the digests the repository has.
func (s *Service) LayersAvailable(ctx context.Context, c access.Caller, ref resource.Repository,
	ds []digest.Digest) (map[digest.Digest]Layer, error) {
	repo, err := s.repositoryAhead(ctx, c, ref, func(q *metadata.Queries, repository int64) {
		for _, d := range ds {
			layerAhead(d)(q, repository)
			_, _, _ = q.Images().Referring(repository, string(d))
		}
	}, access.BatchCheckLayerAvailability)
	if err != nil {
		return nil, err
	}
	linked := make([]Layer, 0, len(ds))
	for _, d := range ds {
		l, err := s.layer(ctx, repo, d)
		switch CodeOf(err) {
		case LayersNotFound, InvalidParameter:
			continue
		}
		if err != nil {
			return nil, err
		}
		linked = append(linked, l)
	}
	there, err := s.checkEach(ctx, repo, linked)
	if err != nil {
		return nil, err
	}
	layers := make(map[digest.Digest]Layer, len(there))
	for _, l := range there {
		s.renew(repo, l)
		if l.MediaType, err = s.meta.LayerMediaType(ctx, repo, string(l.Digest)); err != nil {
			return nil, fmt.Errorf("look up the media type of layer %s: %w", l.Digest, err)
		}
		layers[l.Digest] = l
	}
	return layers, nil
}

// LayerForDownload checks what GetDownloadUrlForLayer must: LayersNotFound,
// LayerInaccessible if no image of the repository names it. url is where the
// bytes are to be had, for a while, without asking us; empty if nowhere.
func (s *Service) LayerForDownload(ctx context.Context, c access.Caller, ref resource.Repository,
	d digest.Digest) (l Layer, url string, err error) {
	repo, err := s.Repository(ctx, c, ref, access.GetDownloadURLForLayer)
	if err != nil {
		return Layer{}, "", err
	}
	if l, err = s.layer(ctx, repo, d); err != nil {
		return Layer{}, "", err
	}
	images, mediaType, err := s.meta.Read(ctx).Images().Referring(repo.ID, string(d))
	if err != nil {
		return Layer{}, "", fmt.Errorf("look up the images of layer %s: %w", d, err)
	}
	if len(images) == 0 {
		return Layer{}, "", Errorf(LayerInaccessible, "The layer with digest '%s' is not associated with an image in the "+
			"repository with name '%s' in the registry with id '%s'", d, repo.Name, repo.Account)
	}
	if err := s.checkBytes(ctx, repo, l); err != nil {
		return Layer{}, "", err
	}
	l.MediaType = mediaType
	if url, err = s.blobs.URL(ctx, l.object); err != nil {
		return Layer{}, "", fmt.Errorf("make a URL for layer %s of %s: %w", d, ref, err)
	}
	return l, url, nil
}

// DeleteLayer unlinks a blob: LayersNotFound, LayerInUse while an image of the
// repository names it, with a tag or without.
func (s *Service) DeleteLayer(ctx context.Context, c access.Caller, ref resource.Repository, d digest.Digest) error {
	repo, err := s.Repository(ctx, c, ref, access.BatchDeleteImage)
	if err != nil {
		return err
	}
	if err := validDigest(d); err != nil {
		return err
	}
	return s.alter(ctx, repo, func(tx *metadata.Tx, repo *metadata.Repository) error {
		images, _, err := tx.Images().Referring(repo.ID, string(d))
		if err != nil {
			return err
		}
		if len(images) > 0 {
			return Errorf(LayerInUse, "The layer with digest '%s' is a part of images of the repository with name '%s' in "+
				"the registry with id '%s': delete these first: %s",
				d, repo.Name, repo.Account, strings.Join(images, ", "))
		}
		unlinked, err := tx.Layers().Unlink(repo, string(d))
		if err == nil && !unlinked {
			return layerNotFound(repo, d)
		}
		return err
	})
}

// MountLayer links a blob that from (or, if from is nil, any repository of
// the same registry that the caller may read) has. It returns false, and no
// error, if there is no such blob that the caller may read, or one of the
// registries has blob mounting disabled.
func (s *Service) MountLayer(ctx context.Context, c access.Caller, to resource.Repository, d digest.Digest,
	from *resource.Repository) (bool, error) {
	repo, err := s.repositoryToPush(ctx, c, to, access.About{}, access.InitiateLayerUpload)
	if err != nil {
		return false, err
	}
	if err := validDigest(d); err != nil {
		return false, err
	}
	if !mountsBlobs(repo) {
		return false, nil
	}
	var sources []resource.Repository
	if from != nil {
		sources = append(sources, *from)
	} else {
		names, err := s.meta.Read(ctx).Layers().RepositoriesWith(repo.RegistryRow, string(d), maxMountSources)
		if err != nil {
			return false, fmt.Errorf("find a repository with layer %s: %w", d, err)
		}
		for _, name := range names {
			sources = append(sources, resource.Repository{Registry: to.Registry, Name: name})
		}
	}
	for _, ref := range sources {
		// A source that does not exist, one that the caller may not read and
		// one without the blob all look the same: a digest that was guessed
		// says nothing.
		source, err := s.repositoryAhead(ctx, c, ref, layerAhead(d), access.GetDownloadURLForLayer)
		if err == nil && !mountsBlobs(source) {
			continue
		}
		var l Layer
		if err == nil {
			l, err = s.layer(ctx, source, d)
		}
		if err == nil { // so that the client sends what is lost
			err = s.checkBytes(ctx, source, l)
		}
		if CodeOf(err) != "" {
			continue
		}
		if err != nil {
			return false, err
		}
		mounted, err := s.mount(ctx, source, repo, d)
		if mounted || err != nil {
			return mounted, err
		}
	}
	return false, nil
}

func (s *Service) mount(ctx context.Context, source, to *metadata.Repository,
	d digest.Digest) (mounted bool, err error) {
	room := s.roomIn(to, quota.StoredBytes)
	var mountedLayer metadata.Layer
	link := func(q *metadata.Queries) change {
		layer := metadata.Ask(q, func(q *metadata.Queries) (metadata.Layer, error) {
			return q.Layers().Get(source.ID, string(d))
		})
		return func(tx *metadata.Tx, to *metadata.Repository) error {
			mounted = false
			if err := room.Begin(tx.Queries); err != nil {
				return err
			}
			l, err := layer.Get()
			if errors.Is(err, metadata.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := takeLayer(tx, room, to.ID, string(d), l.Size); err != nil {
				return err
			}
			mountedLayer = l
			mounted, err = tx.Layers().Link(to, string(d), false, s.now())
			return err
		}
	}
	err = room.Within(ctx, func() error { return s.updateWith(ctx, to, metadata.Repositories.Share, link) })
	if !mounted || err != nil {
		return false, err
	}
	s.stored(to, metadata.Blob{Digest: string(d), Size: mountedLayer.Size, Object: mountedLayer.Object}, "")
	return true, nil
}
