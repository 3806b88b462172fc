package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/resource"
)

// StartUpload opens an upload session and returns its id, a UUID: KMS, LimitExceeded.
func (s *Service) StartUpload(ctx context.Context, c access.Caller, ref resource.Repository) (id string, err error) {
	repo, err := s.repositoryToPush(ctx, c, ref, access.About{}, access.InitiateLayerUpload)
	if err != nil {
		return "", err
	}
	return s.startUpload(ctx, repo)
}

func (s *Service) startUpload(ctx context.Context, repo *metadata.Repository) (string, error) {
	ids, err := s.startUploads(ctx, repo, 1)
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

func (s *Service) startUploads(ctx context.Context, repo *metadata.Repository, n int) (ids []string, err error) {
	sessions, room := make([]metadata.Upload, n), s.roomIn(repo, quota.OpenUploads)
	for i := range sessions {
		sessions[i].ID = uuid.NewString()
		ids = append(ids, sessions[i].ID)
	}
	create := func(tx *metadata.Tx, repo *metadata.Repository) error {
		if err := room.Begin(tx.Queries); err != nil {
			return err
		}
		if err := room.Take(quota.OpenUploads, int64(n)); err != nil {
			return err
		}
		for i := range sessions {
			sessions[i].RegistryRow, sessions[i].RepositoryID, sessions[i].StartedAt = repo.RegistryRow, repo.ID, s.now()
		}
		return tx.Uploads().Create(sessions...)
	}
	ask := func(q *metadata.Queries) change {
		room.Ask(q)
		return create
	}
	return ids, room.Within(ctx, func() error { return s.updateWith(ctx, repo, metadata.Repositories.Share, ask) })
}

// uploadAhead asks what withUpload is going to ask.
func uploadAhead(id string) metadata.Ahead {
	return func(q *metadata.Queries, repository int64) { _, _ = q.Uploads().Get(repository, id) }
}

// uploadSession is a session that is reserved for a request.
type uploadSession struct {
	blob.Upload
	service    *Service
	repository *metadata.Repository
	row        metadata.Upload
	shortPart  int64         // what row.ShortPart is to become
	object     string        // that it became, unless a row names it yet
	received   bool          // it is a replication's
	promised   digest.Digest // what the client says that it has, before all has come
}

// withUpload runs fn with the session reserved for it: UploadNotFound.
func (s *Service) withUpload(ctx context.Context, repo *metadata.Repository, id string,
	fn func(*uploadSession) error) error {
	// What was received is kept even if the client goes away meanwhile.
	ses, err := s.openUpload(context.WithoutCancel(ctx), repo, id)
	if err != nil {
		return err
	}
	defer ses.Close()
	err = uploadError(repo, id, fn(ses))
	ses.endIfFull(ctx, err)
	return err
}

// openUpload reserves the session until it is closed, or ctx ends: UploadNotFound.
func (s *Service) openUpload(ctx context.Context, repo *metadata.Repository, id string) (*uploadSession, error) {
	if _, err := uuid.Parse(id); err != nil {
		return nil, uploadNotFound(repo, id)
	}
	row, err := s.meta.ReadOf(ctx, repo).Uploads().Get(repo.ID, id)
	if errors.Is(err, metadata.ErrNotFound) {
		return nil, uploadNotFound(repo, id)
	}
	if err != nil {
		return nil, fmt.Errorf("look up upload %s: %w", id, err)
	}
	u, err := s.blobs.Upload(ctx, id, row.State)
	if err != nil {
		return nil, uploadError(repo, id, err)
	}
	return &uploadSession{Upload: u, service: s, repository: repo, row: row, shortPart: row.ShortPart}, nil
}

// endIfFull ends the session if err says that there was no room for it.
func (u *uploadSession) endIfFull(ctx context.Context, err error) {
	switch CodeOf(err) {
	case StorageFull:
		u.giveUp(ctx)
		if call := u.service.full.Load(); call != nil {
			(*call)()
		}
	case LimitExceeded: // what came of it is of no use
		u.giveUp(ctx)
	}
}

// giveUp drops the session with all that it holds, so that a layer that did not
// fit takes no room from others. What cannot be dropped now is left to the sweep.
func (u *uploadSession) giveUp(ctx context.Context) {
	s := u.service
	s.failed(u.row.ID)
	ctx = context.WithoutCancel(ctx)
	err := u.Cancel(ctx) // first: forgetting it may need some room
	ended := false
	err = errors.Join(err, s.meta.Update(ctx, func(tx *metadata.Tx) (err error) {
		ended, err = tx.Uploads().End(u.row.ID)
		return err
	}))
	// Whoever ends a session decides on its object: while it was there, no other
	// request can have made a blob of it, and none can now.
	if ended && err == nil && u.object != "" {
		err = s.blobs.Delete(ctx, []string{u.object})
	}
	if err != nil {
		s.log.Warn("could not drop an upload that failed; the sweep will", "upload", u.row.ID, "error", err)
	}
}

// uploadError makes domain errors of those of the blob store.
func uploadError(repo *metadata.Repository, id string, err error) error {
	switch {
	case errors.Is(err, blob.ErrBusy):
		return Errorf(InvalidParameter, "Another request is writing to the upload '%s': one request at a time may", id)
	case errors.Is(err, blob.ErrNotFound):
		return uploadNotFound(repo, id)
	case errors.Is(err, blob.ErrFull):
		return storageFull(err)
	case errors.Is(err, blob.ErrDigest):
		return &Error{Code: InvalidLayer, Message: "The bytes of the layer do not have the digest that was given", Err: err}
	}
	return err
}

func uploadNotFound(repo *metadata.Repository, id string) *Error {
	return Errorf(UploadNotFound, "The upload '%s' does not exist in the repository with name '%s' in the "+
		"registry with id '%s'", Shorten(id), repo.Name, repo.Account)
}

// UploadSize returns how many bytes the session holds: UploadNotFound.
func (s *Service) UploadSize(ctx context.Context, c access.Caller, ref resource.Repository,
	id string) (n int64, err error) {
	repo, err := s.repositoryAhead(ctx, c, ref, uploadAhead(id), access.UploadLayerPart)
	if err != nil {
		return 0, err
	}
	err = s.withUpload(ctx, repo, id, func(u *uploadSession) error {
		n = u.Size()
		return nil
	})
	return n, err
}

// AppendUpload adds r's bytes to the session. offset is where the bytes are
// meant to go, or -1 for "at the end"; any other place is InvalidLayerPart,
// whose Received is the session's size. It returns the new size. If r
// fails midway, the bytes before stay and the upload can be resumed. Without
// room for them the session ends: StorageFull, LimitExceeded.
func (s *Service) AppendUpload(ctx context.Context, c access.Caller, ref resource.Repository, id string, offset int64,
	r io.Reader) (n int64, err error) {
	return s.addToUpload(ctx, c, ref, id, func(u *uploadSession) error { return u.append(ctx, offset, r) })
}

// addToUpload adds to the session what add appends, and returns its new size.
func (s *Service) addToUpload(ctx context.Context, c access.Caller, ref resource.Repository, id string,
	add func(*uploadSession) error) (n int64, err error) {
	repo, err := s.repositoryAhead(ctx, c, ref, uploadAhead(id), access.UploadLayerPart)
	if err != nil {
		return 0, err
	}
	err = s.withUpload(ctx, repo, id, func(u *uploadSession) error {
		err := add(u)
		n = u.Size()
		if errors.Is(err, blob.ErrFull) {
			return err // the session ends with it
		}
		return errors.Join(err, u.save(ctx))
	})
	return n, err
}

// append copies r to the end of the upload in constant memory.
func (u *uploadSession) append(ctx context.Context, offset int64, r io.Reader) error {
	if offset >= 0 && offset != u.Size() {
		e := Errorf(InvalidLayerPart, "The part begins at byte %d, but the upload has received %d bytes: parts must "+
			"follow each other", offset, u.Size())
		e.Received = u.Size()
		return e
	}
	bounded, err := u.service.boundLayer(ctx, u.repository, r, u.Size())
	if err != nil {
		return err
	}
	reported := u.reported(bounded)
	_, err = u.ReadFrom(reported)
	if reported != bounded {
		u.report(u.Size())
	}
	return err
}

// save stores what another request, or process, needs to go on with the upload.
func (u *uploadSession) save(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	state, err := u.State(ctx)
	if err != nil || (state == nil || bytes.Equal(state, u.row.State)) && u.shortPart == u.row.ShortPart {
		return err
	}
	saved := false
	err = u.service.Update(ctx, func(tx *metadata.Tx) (err error) {
		saved, err = tx.Uploads().Save(u.row, state, u.shortPart, u.service.now())
		return err
	})
	if err == nil && !saved {
		return Errorf(InvalidParameter, "Another request has written to the upload '%s' meanwhile, or ended it: one "+
			"request at a time may", u.row.ID)
	}
	if err == nil {
		u.row.State, u.row.ShortPart = state, u.shortPart
	}
	return err
}

// CompleteUpload verifies the digest, makes the blob durable and links it:
// InvalidLayer (the session is then gone), UploadNotFound. tail, if not nil,
// is appended first, at offset as in AppendUpload, which needs ecr:UploadLayerPart too.
func (s *Service) CompleteUpload(ctx context.Context, c access.Caller, ref resource.Repository, id string,
	d digest.Digest, offset int64, tail io.Reader) (Layer, error) {
	actions := []string{access.CompleteLayerUpload}
	if tail != nil {
		actions = append(actions, access.UploadLayerPart)
	}
	repo, err := s.repositoryAhead(ctx, c, ref, completeAhead(id, d), actions...)
	if err != nil {
		return Layer{}, err
	}
	if err := validDigest(d); err != nil {
		return Layer{}, err
	}
	return s.completeUpload(ctx, repo, id, d, offset, tail)
}

// completeAhead asks what completeUpload is going to ask.
func completeAhead(id string, d digest.Digest) metadata.Ahead {
	return func(q *metadata.Queries, repository int64) {
		_, _ = q.Uploads().Get(repository, id)
		_, _ = q.Layers().Blob(string(d))
	}
}

func (s *Service) completeUpload(ctx context.Context, repo *metadata.Repository, id string, d digest.Digest,
	offset int64, tail io.Reader) (Layer, error) {
	return s.endUpload(ctx, repo, id, func(u *uploadSession) (Layer, error) {
		if tail != nil {
			u.promised = d
			if err := u.append(ctx, offset, tail); err != nil {
				if CodeOf(err) == InvalidLayerPart || errors.Is(err, blob.ErrFull) {
					return Layer{}, err
				}
				return Layer{}, errors.Join(err, u.save(ctx))
			}
		}
		return u.complete(ctx, d)
	})
}

// endUpload has complete make a layer of the session. A session whose bytes
// turned out to be no use ends, too.
func (s *Service) endUpload(ctx context.Context, repo *metadata.Repository, id string,
	complete func(*uploadSession) (Layer, error)) (l Layer, err error) {
	err = s.withUpload(ctx, repo, id, func(u *uploadSession) (err error) {
		l, err = complete(u)
		return err
	})
	if CodeOf(err) == InvalidLayer {
		s.forgetUpload(ctx, id)
	}
	if err != nil {
		return Layer{}, err
	}
	return l, nil
}

// complete makes a layer of all that was received: InvalidLayer.
func (u *uploadSession) complete(ctx context.Context, d digest.Digest) (Layer, error) {
	// All bytes are here. Should the client be gone now, it finds the layer
	// when it returns, instead of a session that lost its bytes.
	ctx = context.WithoutCancel(ctx)
	if err := u.Verify(ctx, d); err != nil {
		return Layer{}, err
	}
	s, repo := u.service, u.repository
	l := Layer{Digest: d, Size: u.Size()}
	known, err := s.meta.ReadOf(ctx, repo).Layers().Blob(string(d))
	if err != nil && !errors.Is(err, metadata.ErrNotFound) {
		return l, fmt.Errorf("look up blob %s: %w", d, err)
	}
	lost := false
	if err == nil {
		held, err := s.holds(ctx, known)
		if err != nil {
			return l, err
		}
		if held {
			linked, err := s.linkInstead(ctx, repo, u, d)
			if err == nil && linked && !u.received {
				s.stored(repo, known, u.row.ID)
			}
			if err != nil || linked {
				return l, err
			}
		}
		lost = !held
	}
	object, err := u.Commit(ctx, d)
	if err != nil {
		return l, err
	}
	u.object = object
	replace := func(tx *metadata.Tx) error {
		if !lost {
			return nil
		}
		tx.OnCommit(func() {
			s.lost.forget(known.Object)
			s.log.Info("a layer whose bytes were lost was pushed again", "layer", d, "object", object, "lost", known.Object)
		})
		return tx.Layers().ReplaceBlob(known, l.Size, object)
	}
	b := metadata.Blob{Digest: string(d), Size: l.Size, Object: object}
	err = s.addLayers(ctx, repo, []string{u.row.ID}, []metadata.Blob{b}, u.received, replace)
	if err == nil && !u.received {
		s.stored(repo, b, u.row.ID)
	}
	return l, err
}

// addLayers ends sessions that have become the blobs' objects, runs first, and links the
// blobs, each of another digest: UploadNotFound, LimitExceeded.
func (s *Service) addLayers(ctx context.Context, repo *metadata.Repository, sessions []string, blobs []metadata.Blob,
	received bool, first func(*metadata.Tx) error) error {
	room := s.roomForLayer(repo, received)
	add := func(tx *metadata.Tx, repo *metadata.Repository) error {
		if err := room.Begin(tx.Queries); err != nil {
			return err
		}
		// The sessions must be there still: else they have expired, and the
		// sweep may be deleting their objects.
		ended, err := tx.Uploads().End(sessions...)
		if err == nil && !ended {
			return uploadNotFound(repo, sessions[0])
		}
		if err != nil {
			return err
		}
		if err := first(tx); err != nil {
			return err
		}
		for _, b := range blobs {
			if err := takeLayer(tx, room, repo.ID, b.Digest, b.Size); err != nil {
				return err
			}
		}
		return tx.Layers().Add(repo, blobs, received, s.now())
	}
	return room.Within(ctx, func() error { return s.addTo(ctx, repo, add) })
}

// stored reports that a repository has got a blob by an upload. A domain that repairs has
// nobody to report it to.
func (s *Service) stored(r *metadata.Repository, b metadata.Blob, upload string) {
	if s.outbox != nil {
		s.outbox.Stored(r, b, upload)
	}
}

// linkInstead links the blob that the deployment has already, and ends the
// upload that brought it again: false if it is gone meanwhile.
func (s *Service) linkInstead(ctx context.Context, repo *metadata.Repository, u *uploadSession,
	d digest.Digest) (bool, error) {
	linked, err := s.link(ctx, repo, d, u.received, func(tx *metadata.Tx) error {
		return tx.Uploads().Delete(u.row.ID)
	})
	if err != nil || !linked {
		return false, err
	}
	if err := u.Cancel(ctx); err != nil {
		s.log.Warn("could not drop an upload of a blob that was here; the sweep will", "upload", u.row.ID, "error", err)
	}
	return true, nil
}

// link links a blob that the deployment has, and then runs also in the same
// transaction: false if it has it no more.
func (s *Service) link(ctx context.Context, repo *metadata.Repository, d digest.Digest, received bool,
	also func(*metadata.Tx) error) (linked bool, err error) {
	room := s.roomForLayer(repo, received)
	link := func(tx *metadata.Tx, repo *metadata.Repository) error {
		if err := room.Begin(tx.Queries); err != nil {
			return err
		}
		if err := takeBlob(tx, room, repo.ID, string(d)); err != nil {
			return err
		}
		if linked, err = tx.Layers().Link(repo, string(d), received, s.now()); err != nil || !linked {
			return err
		}
		return also(tx)
	}
	err = room.Within(ctx, func() error { return s.addTo(ctx, repo, link) })
	return linked && err == nil, err
}

// forgetUpload deletes the record of a session whose bytes are gone. If that
// fails the session expires by itself.
func (s *Service) forgetUpload(ctx context.Context, id string) {
	s.failed(id)
	err := s.meta.Update(context.WithoutCancel(ctx), func(tx *metadata.Tx) error { return tx.Uploads().Delete(id) })
	if err != nil {
		s.log.Warn("could not forget an upload; it will expire", "upload", id, "error", err)
	}
}

// CancelUpload drops the session: UploadNotFound.
func (s *Service) CancelUpload(ctx context.Context, c access.Caller, ref resource.Repository, id string) error {
	repo, err := s.repositoryAhead(ctx, c, ref, uploadAhead(id), access.UploadLayerPart)
	if err != nil {
		return err
	}
	if err := s.withUpload(ctx, repo, id, func(u *uploadSession) error { return u.Cancel(ctx) }); err != nil {
		return err
	}
	s.failed(id)
	return s.Update(ctx, func(tx *metadata.Tx) error { return tx.Uploads().Delete(id) })
}

// PutLayer uploads a blob at once (OCI's single POST): InvalidLayer.
func (s *Service) PutLayer(ctx context.Context, c access.Caller, ref resource.Repository, d digest.Digest,
	r io.Reader) (Layer, error) {
	repo, err := s.repositoryToPush(ctx, c, ref, access.About{}, access.InitiateLayerUpload, access.UploadLayerPart,
		access.CompleteLayerUpload)
	if err != nil {
		return Layer{}, err
	}
	if err := validDigest(d); err != nil {
		return Layer{}, err
	}
	return s.storeLayer(ctx, repo, d, r)
}

func (s *Service) storeLayer(ctx context.Context, repo *metadata.Repository, d digest.Digest,
	r io.Reader) (Layer, error) {
	id, err := s.startUpload(ctx, repo)
	if err != nil {
		return Layer{}, err
	}
	l, err := s.completeUpload(ctx, repo, id, d, 0, r)
	if err != nil {
		// Nobody learned the session's id, so nobody can resume it. A store that
		// does not answer now is not asked once more: the sweep drops what it has.
		if IsUnavailable(err) {
			s.forgetUpload(ctx, id)
			return l, err
		}
		if dropErr := s.blobs.DropUpload(context.WithoutCancel(ctx), id, nil); dropErr != nil {
			s.log.Warn("could not drop a failed upload; it will expire", "upload", id, "error", dropErr)
		}
		s.forgetUpload(ctx, id)
	}
	return l, err
}
