package replication

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
)

// Small layers come with their image: to ask for one and to send it would take a
// round trip each. So they wait for their image, and do not leave before it.

// maxSmall is how many bytes the small layers of an image have, in all.
const maxSmall = 2 * MaxSmallLayer

// splitSmall returns which of the layers come with their image, and which go before it.
func splitSmall(blobs []metadata.Blob) (small, large []metadata.Blob) {
	var bytes int64
	for _, b := range blobs {
		if b.Size > MaxSmallLayer || bytes+b.Size > maxSmall || len(small) == MaxSmallLayers {
			large = append(large, b)
			continue
		}
		small, bytes = append(small, b), bytes+b.Size
	}
	return small, large
}

// readSmall reads layers whole.
func (r *remote) readSmall(ctx context.Context, blobs []metadata.Blob) ([]SentLayer, error) {
	layers := make([]SentLayer, len(blobs))
	for i, b := range blobs {
		content, err := r.registry.OpenBlob(ctx, b)
		if err != nil {
			return nil, err
		}
		layers[i] = SentLayer{Digest: b.Digest, Bytes: make([]byte, b.Size)}
		_, err = io.ReadFull(content, layers[i].Bytes)
		content.Close()
		if err != nil {
			return nil, fmt.Errorf("read layer %s: %w", b.Digest, err)
		}
	}
	return layers, nil
}

// maxKnown is how many layers a half of knownLayers has.
const maxKnown = 1 << 15

// knownLayers are layers that a peer's repositories have, as far as is known: what
// is wrong, the peer says when it gets an image. The oldest are forgotten. The zero
// value is ready to use.
type knownLayers struct {
	mu         sync.Mutex
	young, old map[uint64]struct{}
}

var knownSeed = maphash.MakeSeed()

func knownKey(into Into, digest string) uint64 {
	type key struct {
		into   Into
		digest string
	}
	return maphash.Comparable(knownSeed, key{into, digest})
}

func (k *knownLayers) add(into Into, digest string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.young) >= maxKnown || k.young == nil {
		k.young, k.old = map[uint64]struct{}{}, k.young
	}
	k.young[knownKey(into, digest)] = struct{}{}
}

// addSent is add for a layer that need not be sent to the peer for other repositories either.
func (k *knownLayers) addSent(into Into, digest string) {
	k.add(into, digest)
	k.add(Into{}, digest)
}

// sent reports whether a layer is known to need no sending for any repository of the peer's.
func (k *knownLayers) sent(digest string) bool {
	return len(k.unknown(Into{}, []metadata.Blob{{Digest: digest}})) == 0
}

func (k *knownLayers) forget(into Into, digest string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := knownKey(into, digest)
	delete(k.young, key)
	delete(k.old, key)
}

// unknown are those of the layers that the repository is not known to have.
func (k *knownLayers) unknown(into Into, blobs []metadata.Blob) []metadata.Blob {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(blobs), func(b metadata.Blob) bool {
		key := knownKey(into, b.Digest)
		_, young := k.young[key]
		_, old := k.old[key]
		return young || old
	})
}

// maxStoring is how many repositories get small layers of a message at the same time;
// each of them gets several at once.
const maxStoring = 4

// smallLayer is one that came with images, by their places in the message.
type smallLayer struct {
	SentLayer
	images []int
}

// takeSmall stores the layers that came with images, each once. It returns why it
// could not, by the images' places.
func (s *Service) takeSmall(ctx context.Context, from peer.Record, images []SentImage) []error {
	failed := make([]error, len(images))
	brought := map[Into]map[string]*smallLayer{}
	for i, image := range images {
		if failed[i] = validSmall(image); failed[i] != nil || len(image.Layers) == 0 {
			continue
		}
		of := brought[image.into()]
		if of == nil {
			of = map[string]*smallLayer{}
			brought[image.into()] = of
		}
		for _, l := range image.Layers {
			if of[l.Digest] == nil {
				of[l.Digest] = &smallLayer{SentLayer: l}
			}
			of[l.Digest].images = append(of[l.Digest].images, i)
		}
	}
	var mu sync.Mutex
	fail := func(l *smallLayer, err error) {
		mu.Lock()
		defer mu.Unlock()
		for _, i := range l.images {
			failed[i] = err
		}
	}
	var storing errgroup.Group
	storing.SetLimit(maxStoring)
	for into, of := range brought {
		lacking, repo, err := s.lackingSmall(ctx, from, into, of)
		if err != nil {
			for _, l := range of {
				fail(l, err)
			}
			continue
		}
		storing.Go(func() error {
			layers := make([]registry.WholeLayer, len(lacking))
			for i, l := range lacking {
				layers[i] = registry.WholeLayer{Digest: digest.Digest(l.Digest), Content: l.Bytes}
			}
			for i, err := range s.registry.PutReceived(ctx, repo, layers) {
				if err != nil {
					fail(lacking[i], err)
				}
			}
			return nil
		})
	}
	_ = storing.Wait() // each has its own error
	return failed
}

// validSmall checks the layers that came with an image: InvalidParameter.
func validSmall(image SentImage) error {
	if len(image.Layers) > MaxSmallLayers {
		return registry.Errorf(registry.InvalidParameter, "%d layers come with the image; at most %d may", len(image.Layers),
			MaxSmallLayers)
	}
	for _, l := range image.Layers {
		if err := registry.ValidImage(image.Repository, l.Digest, ""); err != nil {
			return err
		}
		if len(l.Bytes) > MaxSmallLayer {
			return registry.Errorf(registry.InvalidParameter, "A layer of %d bytes comes with the image; it may have %d at most",
				len(l.Bytes), MaxSmallLayer)
		}
	}
	return nil
}

// lackingSmall are those of the layers that the repository lacks; none if it does
// not let them in, which the image's own result says.
func (s *Service) lackingSmall(ctx context.Context, from peer.Record, into Into, layers map[string]*smallLayer) (
	lacking []*smallLayer, repo *metadata.Repository, err error) {
	digests := slices.Sorted(maps.Keys(layers))
	repo, refused, err := s.repositoryFor(ctx, from, into, digests)
	if err != nil || refused != nil {
		return nil, nil, err
	}
	linked, err := s.meta.Read(ctx).Layers().Sizes(repo.ID, digests)
	if err != nil {
		return nil, nil, fmt.Errorf("look up layers of %s: %w", into.Repository, err)
	}
	for d, l := range layers {
		if _, there := linked[d]; !there {
			lacking = append(lacking, l)
		}
	}
	return lacking, repo, nil
}
