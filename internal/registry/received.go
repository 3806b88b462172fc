package registry

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

// What follows serves replications, which decide themselves who may bring what.

// ReceivedManifest is a manifest that was checked as one that is pushed.
type ReceivedManifest struct {
	metadata.Manifest // without its times, and the size of an index's children
	Bytes             []byte
	References        []metadata.Reference
}

// CheckManifest checks a manifest that came from elsewhere: InvalidManifest, ImageDigestDoesNotMatch.
func CheckManifest(raw []byte, mediaType string, d digest.Digest) (ReceivedManifest, error) {
	if len(raw) > MaxManifestSize {
		return ReceivedManifest{}, Errorf(InvalidManifest, "The manifest %s has %d bytes; at most %d are allowed",
			Shorten(string(d)), len(raw), MaxManifestSize)
	}
	if _, err := manifestDigest(NewManifest{Bytes: raw, Digest: d}); err != nil {
		return ReceivedManifest{}, err
	}
	parsed, err := parseManifest(raw, mediaType)
	if err != nil {
		return ReceivedManifest{}, err
	}
	m := ReceivedManifest{Manifest: parsed.facts(raw), Bytes: raw, References: parsed.References}
	m.Digest = string(d)
	return m, nil
}

// LayerSize is the size of a layer of the repository, bytes and all, whose link
// counts as new then: LayersNotFound.
func (s *Service) LayerSize(ctx context.Context, repo *metadata.Repository, d digest.Digest) (int64, error) {
	l, err := s.layer(ctx, repo, d)
	if err == nil {
		err = s.checkBytes(ctx, repo, l)
	}
	if err == nil {
		s.renew(repo, l)
	}
	return l.Size, err
}

// LinkReceived links a blob that the deployment has, and whose bytes the caller
// has brought before: false if the deployment has it no more. LimitExceeded.
func (s *Service) LinkReceived(ctx context.Context, repo *metadata.Repository, d digest.Digest) (bool, error) {
	known, err := s.meta.Read(ctx).Layers().Blob(string(d))
	if errors.Is(err, metadata.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look up blob %s: %w", d, err)
	}
	if held, err := s.holds(ctx, known); err != nil || !held {
		return false, err
	}
	return s.link(ctx, repo, d, true, func(*metadata.Tx) error { return nil })
}

// ReceivedLayer is a layer that is being received: an upload session that stays
// reserved from part to part. It is for one goroutine.
type ReceivedLayer struct {
	upload *uploadSession
	cancel context.CancelFunc
}

// BeginReceiving opens a session for a layer, and returns its id: LimitExceeded.
func (s *Service) BeginReceiving(ctx context.Context, repo *metadata.Repository) (string, error) {
	return s.startUpload(ctx, repo)
}

// Receiving reserves the session until Close: UploadNotFound, InvalidParameter
// while others have it.
func (s *Service) Receiving(ctx context.Context, repo *metadata.Repository, id string) (*ReceivedLayer, error) {
	reserved, cancel := context.WithCancel(context.WithoutCancel(ctx))
	u, err := s.openUpload(reserved, repo, id)
	if err != nil {
		cancel()
		return nil, err
	}
	u.received = true
	return &ReceivedLayer{u, cancel}, nil
}

// Repository is the row of the repository that the session is of.
func (l *ReceivedLayer) Repository() int64 { return l.upload.repository.ID }

// Size is how many bytes were received.
func (l *ReceivedLayer) Size() int64 { return l.upload.Size() }

// Append adds bytes to the end. Without room for them the session ends: StorageFull, LimitExceeded.
func (l *ReceivedLayer) Append(ctx context.Context, r io.Reader) error {
	u := l.upload
	err := uploadError(u.repository, u.row.ID, u.append(ctx, -1, r))
	u.endIfFull(ctx, err)
	if CodeOf(err) == UploadNotFound { // the store has it no more: nobody can go on with it
		u.service.forgetUpload(ctx, u.row.ID)
	}
	return err
}

// Save stores what another process needs to go on.
func (l *ReceivedLayer) Save(ctx context.Context) error { return l.upload.save(ctx) }

// Complete makes a layer of all that was received: InvalidLayer, whereupon the
// session is gone; StorageFull, LimitExceeded.
func (l *ReceivedLayer) Complete(ctx context.Context, d digest.Digest) error {
	u := l.upload
	_, err := u.complete(ctx, d)
	err = uploadError(u.repository, u.row.ID, err)
	u.endIfFull(ctx, err)
	if CodeOf(err) == InvalidLayer {
		u.service.forgetUpload(ctx, u.row.ID)
	}
	return err
}

// Drop ends the session with all that was received. What cannot be dropped now is left to the sweep.
func (l *ReceivedLayer) Drop(ctx context.Context) { l.upload.giveUp(ctx) }

// Close ends the reservation. What was received stays.
func (l *ReceivedLayer) Close() {
	l.upload.Close()
	l.cancel()
}

// StorePart keeps a part of a layer in an object of its own, for another process: StorageFull.
// The sweep removes objects that nobody removes.
func (s *Service) StorePart(ctx context.Context, content []byte) (object string, err error) {
	object, err = s.blobs.Put(ctx, uuid.NewString(), digest.FromBytes(content), content)
	if errors.Is(err, blob.ErrFull) {
		return "", storageFull(err)
	}
	if err != nil {
		return "", fmt.Errorf("keep a part of a layer: %w", err)
	}
	return object, nil
}

// ReadPart reads a part that StorePart has kept.
func (s *Service) ReadPart(ctx context.Context, object string, size int64) ([]byte, error) {
	r, err := s.blobs.Open(ctx, object, size)
	if err != nil {
		return nil, fmt.Errorf("read a part of a layer: %w", err)
	}
	defer r.Close()
	content := make([]byte, size)
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, fmt.Errorf("read a part of a layer: %w", err)
	}
	return content, nil
}

// RemovePart removes a part that StorePart has kept.
func (s *Service) RemovePart(ctx context.Context, object string) error {
	return s.blobs.Delete(ctx, []string{object})
}

// OpenBlob opens the bytes of a blob, to be sent elsewhere: LayersNotFound if they are lost.
func (s *Service) OpenBlob(ctx context.Context, b metadata.Blob) (io.ReadSeekCloser, error) {
	content, err := s.blobs.Open(ctx, b.Object, b.Size)
	if err = s.found(digest.Digest(b.Digest), b.Object, err); err != nil {
		return nil, fmt.Errorf("open the bytes of layer %s: %w", b.Digest, err)
	}
	return content, nil
}
