package registry

import (
	"context"
	"fmt"
	"sync"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

// A store may lose bytes that the metadata names: to a disk, or to somebody who
// deletes from a bucket. Whoever brings them again repairs that: so a client that
// asks before it sends does not hear that they are there. What was found lost is
// remembered by this process only, and looked at again before it counts: it may
// come back, as with a disk that was not mounted. Only verify --repair takes
// a blob out of use for all.

// maxLost bounds what is remembered.
const maxLost = 256

// lostObjects are objects whose bytes were missing when they were last looked at.
type lostObjects struct {
	mu    sync.Mutex
	names map[string]bool
}

// note remembers an object: true if it is new.
func (l *lostObjects) note(object string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.names[object] {
		return false
	}
	if l.names == nil || len(l.names) >= maxLost {
		l.names = map[string]bool{}
	}
	l.names[object] = true
	return true
}

func (l *lostObjects) forget(object string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.names, object)
}

func (l *lostObjects) has(object string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.names[object]
}

func (l *lostObjects) all() (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.names {
		names = append(names, name)
	}
	return names
}

// found takes note of how it went to look at an object, or to open it.
func (s *Service) found(d digest.Digest, object string, err error) error {
	switch {
	case blob.IsLost(err):
		if s.lost.note(object) {
			s.log.Error("the bytes of a layer are lost: until they are pushed again it counts as missing; run twinport verify",
				"layer", d, "object", object, "error", err)
		}
	case err == nil:
		s.lost.forget(object)
	}
	return err
}

// checkBytes looks for a layer's bytes: LayersNotFound if they are lost.
func (s *Service) checkBytes(ctx context.Context, repo *metadata.Repository, l Layer) error {
	err := s.found(l.Digest, l.object, s.blobs.Check(ctx, l.object, l.Size))
	if blob.IsLost(err) {
		return layerLost(repo, l.Digest, err)
	}
	if err != nil {
		return fmt.Errorf("look for the bytes of layer %s of %s: %w", l.Digest, refOf(repo), err)
	}
	return nil
}

// layerLost is layerNotFound with the cause, for logs.
func layerLost(repo *metadata.Repository, d digest.Digest, cause error) *Error {
	e := layerNotFound(repo, d)
	e.Err = cause
	return e
}

// checkers is how many layers of a request are looked for at a time.
const checkers = 16

// checkEach is checkBytes for many: those whose bytes are there.
func (s *Service) checkEach(ctx context.Context, repo *metadata.Repository, layers []Layer) ([]Layer, error) {
	there := make([]bool, len(layers))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(checkers)
	for i, l := range layers {
		if s.blobs.Seen(l.object, l.Size) && !s.lost.has(l.object) { // a goroutine costs more
			there[i] = true
			continue
		}
		g.Go(func() error {
			err := s.checkBytes(ctx, repo, l)
			there[i] = err == nil
			if CodeOf(err) == LayersNotFound {
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var have []Layer
	for i, l := range layers {
		if there[i] {
			have = append(have, l)
		}
	}
	return have, nil
}

// holds looks now whether the store has a blob's bytes, for a client that has
// just sent them again: what it sent is dropped if it has.
func (s *Service) holds(ctx context.Context, b metadata.Blob) (bool, error) {
	size, err := s.blobs.Size(ctx, b.Object)
	if err == nil && size != b.Size {
		err = fmt.Errorf("%w: %d bytes instead of %d", blob.ErrDamaged, size, b.Size)
	}
	err = s.found(digest.Digest(b.Digest), b.Object, err)
	if err != nil && !blob.IsLost(err) {
		return false, fmt.Errorf("look for the bytes of blob %s: %w", b.Digest, err)
	}
	return err == nil, nil
}

// holdsImage reports whether the bytes of an image, of which the repository has all,
// are there, as far as is known without looking for them.
func (s *Service) holdsImage(ctx context.Context, repo *metadata.Repository, d string) (bool, error) {
	lost := s.lost.all()
	if len(lost) == 0 {
		return true, nil
	}
	blobs, err := s.meta.Read(ctx).Images().Blobs(repo.ID, d, lost)
	if err != nil {
		return false, err
	}
	layers := make([]Layer, len(blobs))
	for i, b := range blobs {
		layers[i] = Layer{Digest: digest.Digest(b.Digest), Size: b.Size, object: b.Object}
	}
	there, err := s.checkEach(ctx, repo, layers)
	return len(there) == len(layers), err
}
