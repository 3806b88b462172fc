package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

// WholeLayer is a layer that came at once, with a message that has many.
type WholeLayer struct {
	Digest  digest.Digest
	Content []byte
}

const (
	// maxTogether is how many layers that came at once share a transaction.
	maxTogether = 64
	// maxPuts is how many of a repository are stored at the same time.
	maxPuts = 16
)

// PutReceived stores layers that came at once, each of another digest. It returns what
// came of each, in their order: InvalidLayer, StorageFull, LimitExceeded.
func (s *Service) PutReceived(ctx context.Context, repo *metadata.Repository, layers []WholeLayer) []error {
	errs := make([]error, len(layers))
	digests := make([]string, len(layers))
	for i, l := range layers {
		digests[i] = string(l.Digest)
	}
	known, err := s.meta.Read(ctx).Layers().Known(digests)
	if err != nil {
		err = fmt.Errorf("look up blobs: %w", err)
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	var storing errgroup.Group
	storing.SetLimit(maxPuts)
	var unknown []int
	for i, l := range layers {
		switch {
		case l.Digest.Algorithm().FromBytes(l.Content) != l.Digest:
			errs[i] = Errorf(InvalidLayer, "The bytes of the layer %s do not have that digest", l.Digest)
		case slices.Contains(known, string(l.Digest)):
			storing.Go(func() error {
				errs[i] = s.putKnown(ctx, repo, l)
				return nil
			})
		default:
			unknown = append(unknown, i)
		}
	}
	_ = storing.Wait() // each has its own error
	for some := range slices.Chunk(unknown, maxTogether) {
		s.putTogether(ctx, repo, layers, some, errs)
	}
	return errs
}

// putKnown links a blob that the deployment has, or stores it again if it has lost the bytes.
func (s *Service) putKnown(ctx context.Context, repo *metadata.Repository, l WholeLayer) error {
	linked, err := s.LinkReceived(ctx, repo, l.Digest)
	if err != nil || linked {
		return err
	}
	return s.putAlone(ctx, repo, l)
}

// putAlone stores a layer by a session of its own.
func (s *Service) putAlone(ctx context.Context, repo *metadata.Repository, l WholeLayer) error {
	id, err := s.BeginReceiving(ctx, repo)
	if err != nil {
		return err
	}
	u, err := s.Receiving(ctx, repo, id)
	if err != nil {
		return err
	}
	defer u.Close()
	if err := u.Append(ctx, bytes.NewReader(l.Content)); err != nil {
		return err
	}
	return u.Complete(ctx, l.Digest)
}

// putTogether stores some of the layers, at their places, in two transactions for all. If a
// quota has no room for all, each is stored alone, as far as there is.
func (s *Service) putTogether(ctx context.Context, repo *metadata.Repository, layers []WholeLayer, places []int,
	errs []error) {
	sessions, err := s.startUploads(ctx, repo, len(places))
	if err == nil {
		ctx = context.WithoutCancel(ctx)
		err = s.putIn(ctx, repo, sessions, layers, places, errs)
	}
	alone := CodeOf(err) == LimitExceeded
	for _, i := range places {
		switch {
		case errs[i] != nil: // of its own
		case alone:
			errs[i] = s.putAlone(ctx, repo, layers[i])
		default:
			errs[i] = err
		}
	}
}

// putIn stores layers in sessions that were begun. Those that cannot be stored get their
// errors, and others share what putIn returns.
func (s *Service) putIn(ctx context.Context, repo *metadata.Repository, sessions []string, layers []WholeLayer,
	places []int, errs []error) error {
	objects := make([]string, len(places))
	var storing errgroup.Group
	storing.SetLimit(maxPuts)
	for n, i := range places {
		storing.Go(func() error {
			object, err := s.blobs.Put(ctx, sessions[n], layers[i].Digest, layers[i].Content)
			if errors.Is(err, blob.ErrFull) {
				err = storageFull(err)
			}
			objects[n], errs[i] = object, err
			return nil
		})
	}
	_ = storing.Wait() // each has its own error
	var done []string
	var blobs []metadata.Blob
	for n, i := range places {
		if errs[i] != nil {
			s.forgetUpload(ctx, sessions[n])
			continue
		}
		l := layers[i]
		done = append(done, sessions[n])
		blobs = append(blobs, metadata.Blob{Digest: string(l.Digest), Size: int64(len(l.Content)), Object: objects[n]})
	}
	if len(done) == 0 {
		return nil
	}
	err := s.addLayers(ctx, repo, done, blobs, true, func(*metadata.Tx) error { return nil })
	if err != nil {
		for _, id := range done { // so that the sweep takes their objects
			s.forgetUpload(ctx, id)
		}
	}
	return err
}
