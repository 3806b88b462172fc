package sweep

import (
	"context"
	"errors"
	"time"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

const (
	// uploadLifetime is how long an upload session may stay idle before it is dropped.
	uploadLifetime = 24 * time.Hour
	// shortLifetime is that while the store is short of room, and sharedLifetime
	// where other processes may be writing to sessions: these note that only
	// when a request ends.
	shortLifetime  = 10 * time.Minute
	sharedLifetime = time.Hour
	// roomInterval is how often at most a push that did not fit drops idle sessions.
	roomInterval = time.Minute
)

func (s *Stores) sweepUploads(ctx context.Context, after string, dry bool) (p Page, err error) {
	lifetime := uploadLifetime
	if s.blobs.Short() {
		lifetime = s.shortLifetime()
	}
	return s.expireUploads(ctx, after, lifetime, dry)
}

func (s *Stores) shortLifetime() time.Duration {
	if s.meta.Shared() {
		return sharedLifetime
	}
	return shortLifetime
}

// MakeRoom drops idle sessions in the background when a push did not fit, and
// does not wait for the next sweep.
func (s *Stores) MakeRoom() {
	now := s.now().UnixNano()
	last := s.roomMade.Load()
	if now-last < int64(roomInterval) && now >= last || !s.roomMade.CompareAndSwap(last, now) {
		return
	}
	go func() {
		for after := ""; ; {
			p, err := s.expireUploads(context.Background(), after, s.shortLifetime(), false)
			if err != nil && !errors.Is(err, metadata.ErrClosed) {
				s.log.Warn("could not drop idle uploads while there is no room; the sweep will", "error", err)
			}
			if p.Found > 0 {
				s.log.Info("there is no room: idle uploads were dropped", "uploads", p.Found)
			}
			if after = p.Next; err != nil || after == "" {
				return
			}
		}
	}()
}

// expireUploads drops sessions that were idle for a lifetime, a page of them.
func (s *Stores) expireUploads(ctx context.Context, after string, lifetime time.Duration,
	dry bool) (p Page, err error) {
	now := s.now()
	before, ahead := now.Add(-lifetime), now.Add(uploadLifetime)
	idle, err := s.meta.Read(ctx).Uploads().Idle(before, ahead, after, sweepObjects)
	if err != nil {
		return p, err
	}
	if len(idle) == sweepObjects {
		p.Next = idle[len(idle)-1].ID
	}
	for _, u := range idle {
		if u.StartedAt.After(ahead) || u.UpdatedAt.After(ahead) {
			// A clock that was ahead has dated it, or ours is behind. It may be under
			// way: its time begins now.
			if !dry {
				err := s.meta.Update(ctx, func(tx *metadata.Tx) error { return tx.Uploads().Redate(u, now) })
				if err != nil {
					return p, err
				}
			}
			continue
		}
		if s.blobs.WrittenSince(u.ID, before) {
			continue
		}
		if dry {
			p.Found++
			continue
		}
		dropped, err := s.expireUpload(ctx, u)
		if err != nil {
			return p, err
		}
		if dropped {
			p.Found++
		}
	}
	if p.Next == "" && !dry {
		err = s.meta.Update(ctx, func(tx *metadata.Tx) error { return tx.PeerLayers().ForgetArriving() })
	}
	return p, err
}

// expireUpload ends a session, unless it was written to just now. The record
// goes first: without it no request can go on with the session, and what is
// left of its bytes is a leftover.
func (s *Stores) expireUpload(ctx context.Context, u metadata.Upload) (dropped bool, err error) {
	// Of this process, a request that is writing has it reserved.
	reserved, err := s.blobs.Upload(ctx, u.ID, u.State)
	switch {
	case errors.Is(err, blob.ErrBusy):
		return false, nil
	case err == nil:
		reserved.Close()
	case !errors.Is(err, blob.ErrNotFound):
		return false, err
	}
	err = s.meta.Update(ctx, func(tx *metadata.Tx) (err error) {
		dropped, err = tx.Uploads().Expire(u)
		return err
	})
	if err != nil || !dropped {
		return false, err
	}
	if err := s.blobs.DropUpload(ctx, u.ID, u.State); err != nil && !errors.Is(err, blob.ErrBusy) {
		return true, err
	}
	return true, nil
}

func (s *Stores) sweepLeftovers(ctx context.Context, dry bool) (p Page, err error) {
	var ids []string
	drop := func() error {
		unknown, err := s.meta.Read(ctx).Uploads().Unknown(ids)
		if err != nil {
			return err
		}
		ids = ids[:0]
		for _, id := range unknown {
			if !dry {
				if err := s.blobs.DropUpload(ctx, id, nil); errors.Is(err, blob.ErrBusy) {
					continue // a request that is about to learn that its session has ended
				} else if err != nil {
					return err
				}
			}
			p.Found++
		}
		return nil
	}
	for id, err := range s.blobs.Uploads(ctx) {
		if err != nil {
			return p, err
		}
		if ids = append(ids, id); len(ids) == sweepObjects {
			if err := drop(); err != nil {
				return p, err
			}
		}
	}
	if len(ids) > 0 {
		err = drop()
	}
	return p, err
}
