package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

// uploadLifetime is how long an upload session may stay idle before it is dropped.
const uploadLifetime = 24 * time.Hour

// maxLayerSize bounds one blob (ECR: 52,000 MiB).
const maxLayerSize = 52000 << 20

// StartUpload opens an upload session and returns its id, a UUID.
func (s *Service) StartUpload(ctx context.Context, c Caller, ref Ref) (id string, err error) {
	repo, err := s.repository(c, ref, actionInitiateUpload)
	if err != nil {
		return "", err
	}
	return s.startUpload(ctx, repo)
}

func (s *Service) startUpload(ctx context.Context, repo *metadata.Repository) (string, error) {
	id := uuid.NewString()
	err := s.updateRepository(ctx, repo, func(tx *metadata.Tx, repo *metadata.Repository) error {
		return tx.CreateUpload(metadata.Upload{ID: id, RepositoryID: repo.ID, StartedAt: s.now()})
	})
	return id, err
}

// withUpload runs fn with the session reserved for it: UploadNotFound.
func (s *Service) withUpload(ctx context.Context, repo *metadata.Repository, id string, fn func(*blob.Upload) error) error {
	if _, err := uuid.Parse(id); err != nil {
		return uploadNotFound(repo, id)
	}
	_, err := s.meta.Read().Upload(repo.ID, id)
	if errors.Is(err, metadata.ErrNotFound) {
		return uploadNotFound(repo, id)
	}
	if err != nil {
		return fmt.Errorf("look up upload %s: %w", id, err)
	}
	u, err := s.blobs.Upload(ctx, id)
	if err != nil {
		return err
	}
	switch err := u.Lock(); {
	case errors.Is(err, blob.ErrBusy):
		return errorf(InvalidParameter, "Another request is writing to the upload '%s': one request at a time may", id)
	case errors.Is(err, blob.ErrNotFound):
		return uploadNotFound(repo, id)
	case errors.Is(err, blob.ErrFull):
		return storageFull(err)
	case err != nil:
		return err
	}
	defer u.Unlock()
	return fn(u)
}

func uploadNotFound(repo *metadata.Repository, id string) *Error {
	return errorf(UploadNotFound, "The upload '%s' does not exist in the repository with name '%s' in the registry with id '%s'", shorten(id), repo.Name, repo.Account)
}

// UploadSize returns how many bytes the session holds: UploadNotFound.
func (s *Service) UploadSize(ctx context.Context, c Caller, ref Ref, id string) (n int64, err error) {
	repo, err := s.repository(c, ref, actionUploadPart)
	if err != nil {
		return 0, err
	}
	err = s.withUpload(ctx, repo, id, func(u *blob.Upload) error {
		n = u.Size()
		return nil
	})
	return n, err
}

// AppendUpload adds r's bytes to the session. offset is where the bytes are
// meant to go, or -1 for "at the end"; any other place is InvalidLayerPart,
// whose Received tells the session's size. It returns the new size. If r
// fails midway, the bytes before stay and the upload can be resumed.
func (s *Service) AppendUpload(ctx context.Context, c Caller, ref Ref, id string, offset int64, r io.Reader) (n int64, err error) {
	repo, err := s.repository(c, ref, actionUploadPart)
	if err != nil {
		return 0, err
	}
	err = s.withUpload(ctx, repo, id, func(u *blob.Upload) error {
		err := appendTo(u, offset, r)
		n = u.Size()
		return err
	})
	return n, err
}

// appendTo copies r to the end of the upload in constant memory.
func appendTo(u *blob.Upload, offset int64, r io.Reader) error {
	if offset >= 0 && offset != u.Size() {
		e := errorf(InvalidLayerPart, "The part begins at byte %d, but the upload has received %d bytes: parts must follow each other", offset, u.Size())
		e.Received = u.Size()
		return e
	}
	_, err := u.ReadFrom(&boundedLayer{r, maxLayerSize - u.Size()})
	if errors.Is(err, blob.ErrFull) {
		return storageFull(err)
	}
	return err
}

// boundedLayer fails once a layer has become too large.
type boundedLayer struct {
	r    io.Reader
	room int64
}

func (b *boundedLayer) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.room -= int64(n); b.room < 0 {
		return 0, errorf(LimitExceeded, "A layer may have at most %d bytes", int64(maxLayerSize))
	}
	return n, err
}

// CompleteUpload verifies the digest, makes the blob durable and links it:
// InvalidLayer (the session is then gone), UploadNotFound. tail, if not nil,
// is appended first, at offset as in AppendUpload.
func (s *Service) CompleteUpload(ctx context.Context, c Caller, ref Ref, id string, d digest.Digest, offset int64, tail io.Reader) (Layer, error) {
	repo, err := s.repository(c, ref, actionCompleteUpload)
	if err != nil {
		return Layer{}, err
	}
	if err := validDigest(d); err != nil {
		return Layer{}, err
	}
	return s.completeUpload(ctx, repo, id, d, offset, tail)
}

func (s *Service) completeUpload(ctx context.Context, repo *metadata.Repository, id string, d digest.Digest, offset int64, tail io.Reader) (l Layer, err error) {
	err = s.withUpload(ctx, repo, id, func(u *blob.Upload) error {
		if tail != nil {
			if err := appendTo(u, offset, tail); err != nil {
				return err
			}
		}
		l = Layer{Digest: d, Size: u.Size()}
		return s.commitUpload(ctx, u, d)
	})
	if CodeOf(err) == InvalidLayer {
		s.forgetUpload(ctx, id)
	}
	if err != nil {
		return Layer{}, err
	}
	// The session's bytes are a blob now. Should the client be gone, it finds
	// the layer when it returns, instead of a session that lost its bytes.
	err = s.updateRepository(context.WithoutCancel(ctx), repo, func(tx *metadata.Tx, repo *metadata.Repository) error {
		if _, err := tx.DeleteUpload(id); err != nil {
			return err
		}
		return tx.LinkLayer(repo, string(d), l.Size, s.now())
	})
	return l, err
}

func (s *Service) commitUpload(ctx context.Context, u *blob.Upload, d digest.Digest) error {
	err := u.Commit(ctx, d)
	switch {
	case errors.Is(err, blob.ErrDigest):
		return &Error{Code: InvalidLayer, Message: fmt.Sprintf("The bytes of the layer do not have the digest '%s' that was given", d), Err: err}
	case errors.Is(err, blob.ErrFull):
		return storageFull(err)
	}
	return err
}

// forgetUpload deletes the record of a session whose bytes are gone. If that
// fails the session expires by itself.
func (s *Service) forgetUpload(ctx context.Context, id string) {
	err := s.meta.Update(context.WithoutCancel(ctx), func(tx *metadata.Tx) error {
		_, err := tx.DeleteUpload(id)
		return err
	})
	if err != nil {
		s.log.Warn("could not forget an upload; it will expire", "upload", id, "error", err)
	}
}

// CancelUpload drops the session: UploadNotFound.
func (s *Service) CancelUpload(ctx context.Context, c Caller, ref Ref, id string) error {
	repo, err := s.repository(c, ref, actionUploadPart)
	if err != nil {
		return err
	}
	if err := s.withUpload(ctx, repo, id, func(u *blob.Upload) error {
		u.Cancel()
		return nil
	}); err != nil {
		return err
	}
	return s.update(ctx, func(tx *metadata.Tx) error {
		_, err := tx.DeleteUpload(id)
		return err
	})
}

// PutLayer uploads a blob at once (OCI's single POST): InvalidLayer.
func (s *Service) PutLayer(ctx context.Context, c Caller, ref Ref, d digest.Digest, r io.Reader) (Layer, error) {
	repo, err := s.repository(c, ref, actionInitiateUpload, actionUploadPart, actionCompleteUpload)
	if err != nil {
		return Layer{}, err
	}
	if err := validDigest(d); err != nil {
		return Layer{}, err
	}
	id, err := s.startUpload(ctx, repo)
	if err != nil {
		return Layer{}, err
	}
	l, err := s.completeUpload(ctx, repo, id, d, 0, r)
	if err != nil {
		// The client never learned the session's id, so nobody can resume it.
		if dropErr := s.blobs.DropUpload(id); dropErr != nil {
			s.log.Warn("could not drop a failed upload; it will expire", "upload", id, "error", dropErr)
		}
		s.forgetUpload(ctx, id)
	}
	return l, err
}

// ExpireUploads drops the upload sessions that were idle for a day, and files
// of uploads that have no session. It returns how many sessions it dropped.
func (s *Service) ExpireUploads(ctx context.Context) (n int, err error) {
	before := s.now().Add(-uploadLifetime)
	// Files first: their times tell when a session was last written to.
	idle, err := s.blobs.StaleUploads(before)
	if err != nil {
		return 0, fmt.Errorf("look for idle uploads: %w", err)
	}
	for _, id := range idle {
		dropped, err := s.dropUpload(ctx, id)
		if err != nil {
			return n, err
		}
		if dropped {
			n++
		}
	}
	// Then the sessions that never got a byte.
	after := ""
	for {
		ids, err := s.meta.Read().UploadsStartedBefore(before, after, 100)
		if err != nil || len(ids) == 0 {
			return n, err
		}
		for _, id := range ids {
			after = id
			if s.blobs.HasUpload(id) {
				continue // written to within the day
			}
			dropped, err := s.dropUpload(ctx, id)
			if err != nil {
				return n, err
			}
			if dropped {
				n++
			}
		}
	}
}

// dropUpload ends a session, unless a request is writing to it just now.
func (s *Service) dropUpload(ctx context.Context, id string) (dropped bool, err error) {
	switch err := s.blobs.DropUpload(id); {
	case errors.Is(err, blob.ErrBusy):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("drop upload %s: %w", id, err)
	}
	err = s.update(ctx, func(tx *metadata.Tx) error {
		_, err := tx.DeleteUpload(id)
		return err
	})
	return err == nil, err
}
