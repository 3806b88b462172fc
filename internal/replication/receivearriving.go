package replication

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
)

// A layer that still arrives at the peer has no digest. It is received under the id of the upload
// there; the first part that has a digest, too, says by which it is known from then on. Parts
// without one, which that has overtaken, are of the same layer. Only what is complete, and fits
// its digest, becomes a layer, as of any other: so a name that is wrong has no effect.
//
// No process keeps the session of such a layer for others (handover.go): where there may be others
// its parts come one after the other, and side by side once it has its digest.

const (
	// namedFor is how long it is known which layer an upload has become: parts that were
	// overtaken come within that.
	namedFor = time.Minute
	// maxNamed is of how many uploads that is known.
	maxNamed = 4096
)

// named is the layer that an upload of a peer's has become.
type named struct {
	digest string
	size   int64
	done   chan struct{} // closed when its session is known by the digest
	err    error
}

// errEnded is the error for parts of an upload that has become no layer.
var errEnded = registry.Errorf(registry.InvalidParameter, "The upload has ended at its source")

// nameLayer has the layer of an upload known by its digest from the first part on that has one.
// It returns the part with what is known.
func (s *Service) nameLayer(ctx context.Context, from peer.Record, repo *metadata.Repository, p Part) (Part, error) {
	all, k := &s.assemblies, layerKey{from.ID, metadata.ArrivingLayer(p.Upload)}
	var n *named
	first := false
	if p.Digest == "" {
		n = all.findName(k)
	} else {
		n, first = all.addName(k, &named{digest: p.Digest, size: p.Size, done: make(chan struct{})})
	}
	if n == nil {
		return p, nil
	}
	if first {
		n.err = s.rename(context.WithoutCancel(ctx), k, layerKey{from.ID, p.Digest}, repo, p.Size)
		close(n.done)
		if n.err != nil {
			all.forgetName(k, n)
		}
	}
	select {
	case <-n.done:
	case <-ctx.Done():
		return p, ctx.Err()
	}
	if n.err != nil {
		return p, n.err
	}
	if p.Digest == "" {
		p.Digest, p.Size = n.digest, n.size
	}
	if p.Digest != n.digest || p.Size != n.size {
		return p, registry.Errorf(registry.InvalidParameter, "The upload '%s' has become the layer %s of %d bytes already",
			p.Upload, n.digest, n.size)
	}
	return p, nil
}

func (all *assemblies) findName(k layerKey) *named {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.named[k]
}

// addName notes for a while what an upload has become, unless that is known.
func (all *assemblies) addName(k layerKey, n *named) (known *named, added bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if known := all.named[k]; known != nil {
		return known, false
	}
	if all.named == nil || len(all.named) >= maxNamed {
		all.named = map[layerKey]*named{}
	}
	all.named[k] = n
	time.AfterFunc(namedFor, func() { all.forgetName(k, n) })
	return n, true
}

func (all *assemblies) forgetName(k layerKey, n *named) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.named[k] == n {
		delete(all.named, k)
	}
}

// alone returns the assembly of a layer with nobody writing to it until release is called.
func (s *Service) alone(ctx context.Context, k layerKey) (a *assembly, release func(), err error) {
	a = s.assemblies.get(k)
	a.mu.Lock()
	for (a.writing || a.naming) && err == nil {
		err = a.wait(ctx)
	}
	a.naming = a.naming || err == nil
	a.mu.Unlock()
	if err != nil {
		s.putAssembly(a)
		return nil, nil, err
	}
	return a, func() {
		a.mu.Lock()
		a.naming = false
		a.signal()
		a.mu.Unlock()
		s.putAssembly(a)
	}, nil
}

// rename has what was received of an upload known by the digest of the layer that it has become.
// If that layer is of no use any more, or is being received by another session, it goes.
func (s *Service) rename(ctx context.Context, k, to layerKey, repo *metadata.Repository, size int64) error {
	a, release, err := s.alone(ctx, k)
	if err != nil {
		return err
	}
	defer release()
	useless := !s.assemblies.move(a, to, size)
	if !useless {
		if useless, err = s.has(ctx, repo, digest.Digest(to.digest)); err != nil {
			return s.lose(ctx, a, err)
		}
	}
	var mine metadata.PeerLayer
	without := useless
	err = s.meta.Update(ctx, func(tx *metadata.Tx) error {
		useless = without
		of, err := tx.PeerLayers().Of(k.peer, []string{k.digest, to.digest})
		if err != nil {
			return err
		}
		mine = of[k.digest]
		if mine.Digest == "" {
			return nil
		}
		if theirs, known := of[to.digest]; known && !useless {
			if useless, err = stillUsed(tx, theirs); err != nil {
				return err
			}
			if !useless {
				if err := tx.PeerLayers().Forget(k.peer, to.digest); err != nil {
					return err
				}
			}
		}
		if useless {
			return tx.PeerLayers().Forget(k.peer, k.digest)
		}
		return tx.PeerLayers().Name(k.peer, k.digest, to.digest)
	})
	if err != nil {
		return s.lose(ctx, a, fmt.Errorf("note which layer an upload of a peer has become: %w", err))
	}
	if useless {
		return s.dropSession(ctx, a, mine)
	}
	return nil
}

// stillUsed reports whether what is known of a layer that a peer sends is to stay: it was sent
// whole, or there is a session for it.
func stillUsed(tx *metadata.Tx, l metadata.PeerLayer) (bool, error) {
	if l.Upload == "" {
		return true, nil
	}
	_, err := tx.Uploads().Get(l.RepositoryID, l.Upload)
	if errors.Is(err, metadata.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// move has an assembly known by another name: false if there is one of that name.
func (all *assemblies) move(a *assembly, to layerKey, size int64) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.of[to] != nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(all.of, a.layerKey)
	all.of[to] = a
	a.layerKey, a.size = to, size
	return true
}

// has reports whether the repository has a layer, bytes and all.
func (s *Service) has(ctx context.Context, repo *metadata.Repository, d digest.Digest) (bool, error) {
	_, err := s.registry.LayerSize(ctx, repo, d)
	if registry.CodeOf(err) == registry.LayersNotFound {
		return false, nil
	}
	return err == nil, err
}

// lose gives the session of an assembly back that could not be renamed, and returns err. The sweep
// drops it.
func (s *Service) lose(ctx context.Context, a *assembly, err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop(&s.assemblies)
	a.next = 0
	if a.layer != nil {
		s.close(ctx, a)
	}
	return err
}

// dropSession drops what an assembly has received, by the session that was noted for it; if
// there is none, nothing.
func (s *Service) dropSession(ctx context.Context, a *assembly, of metadata.PeerLayer) error {
	a.mu.Lock()
	layer := a.layer
	a.drop(&s.assemblies)
	a.next = 0
	a.mu.Unlock()
	if layer != nil {
		layer.Drop(ctx)
		a.mu.Lock()
		defer a.mu.Unlock()
		s.close(ctx, a)
		return nil
	}
	if of.Upload == "" {
		return nil
	}
	repo, err := s.meta.Read(ctx).Repositories().ByID(of.RepositoryID)
	if err == nil {
		layer, err = s.registry.Receiving(ctx, repo, of.Upload)
	}
	if err == nil {
		layer.Drop(ctx)
		layer.Close()
	}
	if errors.Is(err, metadata.ErrNotFound) || registry.CodeOf(err) == registry.UploadNotFound {
		return nil
	}
	return err
}

// letGo drops what was received of an upload that has become no layer at the peer, and takes none of
// the parts that come late. What has been named is none of those.
func (s *Service) letGo(ctx context.Context, k layerKey) error {
	ctx = context.WithoutCancel(ctx)
	ended := &named{done: make(chan struct{}), err: errEnded}
	close(ended.done)
	if _, first := s.assemblies.addName(k, ended); !first {
		return nil
	}
	a, release, err := s.alone(ctx, k)
	if err != nil {
		return err
	}
	defer release()
	a.mu.Lock()
	a.ended = true
	a.mu.Unlock()
	var mine metadata.PeerLayer
	err = s.meta.Update(ctx, func(tx *metadata.Tx) error {
		of, err := tx.PeerLayers().Of(k.peer, []string{k.digest})
		if mine = of[k.digest]; err != nil || mine.Digest == "" {
			return err
		}
		return tx.PeerLayers().Forget(k.peer, k.digest)
	})
	if err != nil {
		return s.lose(ctx, a, fmt.Errorf("forget an upload of a peer: %w", err))
	}
	return s.dropSession(ctx, a, mine)
}
