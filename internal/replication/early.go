package replication

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
)

// A layer leaves for peers as soon as it is complete, before there is a manifest:
// so when an image is pushed, its destinations have its layers already. Nothing
// depends on it. What does not get there, the image's replication sends; what
// never gets a manifest, the destination sweeps. Small layers come with their image.

const (
	// maxEarly is how many layers wait to be sent early; more are left to the
	// replications of their images.
	maxEarly = 4096
	// earlySenders is how many of them are sent at a time.
	earlySenders = 32
)

// early is a layer that is sent before there is an image that it belongs to.
type early struct {
	into Into
	by   sender
	blob metadata.Blob
}

// Stored implements registry.Outbox. What was sent while it arrived needs only the rest.
func (o *Outbox) Stored(r *metadata.Repository, b metadata.Blob, upload string) {
	if o.peers == nil || b.Size <= MaxSmallLayer {
		return
	}
	arrived := o.arrivals.remove(upload)
	to, err := o.destinations(r)
	if err != nil {
		to = nil // the push will say so
	}
	for _, d := range to {
		into := intoOf(r, d)
		if i := slices.IndexFunc(arrived, func(one *arriving) bool { return one.into == into }); i >= 0 {
			one := arrived[i]
			arrived = slices.Delete(arrived, i, i+1)
			if one.becomes(b) {
				continue
			}
		}
		if p, ok := o.peers.Of(d); ok {
			o.sendEarly(p, early{into, sender{id: -r.ID}, b})
		}
	}
	for _, one := range arrived { // the rules have changed meanwhile
		one.fail()
	}
}

// sendEarly leaves out what there is no room for.
func (r *remote) sendEarly(e early) {
	select {
	case r.early <- e:
	default:
	}
}

// sendEarlyLayers sends layers early until ctx ends.
func (r *remote) sendEarlyLayers(ctx context.Context) {
	var senders sync.WaitGroup
	for range earlySenders {
		senders.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case e := <-r.early:
					if !r.client.Usable() {
						continue
					}
					if err := r.sendLayers(ctx, e.into, e.by, []metadata.Blob{e.blob}, &held{}); err != nil {
						r.warnOfLayer(ctx, e.blob.Digest, err)
					}
				}
			}
		})
	}
	senders.Wait()
}

// warnOfLayer says that a layer could not be sent before its image, unless it is the peer's fault,
// which its state says.
func (r *remote) warnOfLayer(ctx context.Context, layer string, err error) {
	var away *peer.Error
	var refused *Refusal
	if ctx.Err() == nil && !errors.As(err, &away) && !errors.As(err, &refused) {
		r.log.Warn("could not send a layer before its image", "layer", layer, "error", err)
	}
}
