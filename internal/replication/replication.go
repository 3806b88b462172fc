// Package replication makes what is pushed to one registry appear in others.
//
// The Outbox queues replications in the transaction of the push, so nothing is
// lost by a crash. The Engine finds those that are due and has a Destination
// carry them out; it holds no state that matters. What this process has queued
// it tries at once; what another process has left falls due for all a little
// later. Source accounts take turns, in this process and in what is found in the
// store. The Service is what callers may ask: a registry's rules, how its
// replications went, what a destination would say.
package replication

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// Service is replication as callers see it, and the work of an Engine. All
// methods that take a caller authorise it, are safe for concurrent use, and
// return *registry.Error for what the caller did wrong.
type Service struct {
	registry *registry.Service
	meta     metadata.Store
	outbox   *Outbox
	local    *local
	changes  *changes.Feed
	log      *slog.Logger
	now      func() time.Time

	here         *lane
	lanes        lanes
	resumed      resumed
	assemblies   assemblies
	collector    collector
	peerCounters allPeerCounters
	backfilling  atomic.Pointer[func()] // see OnBackfill
}

// Open opens the domain and replication over it. It sets Outbox and Changes of c.
func Open(ctx context.Context, c registry.Config) (*registry.Service, *Service, error) {
	c.Changes = changes.New(c.Metadata, c.Logger)
	outbox := newOutbox(c.Metadata, c.Changes, c.Regions, c.Now)
	c.Outbox = outbox
	r, err := registry.Open(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	s := &Service{registry: r, meta: c.Metadata, outbox: outbox, changes: c.Changes, log: c.Logger, now: c.Now}
	s.local = &local{
		registry: r, meta: c.Metadata, access: r.Decider(), usage: r.Usage(), changes: c.Changes, now: c.Now,
	}
	s.here = &lane{service: s, destination: s.local}
	return r, s, nil
}

// UsePeers has the registries of peers as destinations, too. It must be called
// before anything else.
func (s *Service) UsePeers(d *peer.Directory) {
	s.outbox.peers = d
	s.outbox.sendEarly = func(p peer.Record, e early) {
		if l := s.laneTo(p); l != nil {
			l.remote.sendEarly(e)
		}
	}
	s.outbox.sendArriving = func(p peer.Record, into Into, a registry.Arrival) *arriving {
		if l := s.laneTo(p); l != nil {
			return l.remote.sendArriving(into, a)
		}
		return nil
	}
}

// peersChanged has what the configuration refused tried again where a peer serves
// it by now, and the other way about. To peers a change of what they may do counts as
// one of each registry that is served here.
func (s *Service) peersChanged(ctx context.Context) {
	if s.outbox.peers == nil {
		return
	}
	var served []resource.Registry
	for _, p := range s.outbox.peers.Peers() {
		for some := range slices.Chunk(registriesOf(p), maxAskedChanges) {
			refusing, err := s.meta.Read(ctx).Replications().Refusing(some)
			if err != nil {
				s.warnOfPeers(ctx, err)
				return
			}
			served = append(served, refusing...)
		}
	}
	err := s.meta.Update(ctx, func(tx *metadata.Tx) error {
		for _, r := range served {
			if err := tx.Registries().Ensure(r.Account, r.Region); err != nil {
				return err
			}
		}
		if _, err := tx.Replications().NoteServed(served); err != nil {
			return err
		}
		for _, row := range s.registry.Rows() {
			number, err := tx.Registries().NextSequence(row)
			if err != nil {
				return err
			}
			if err := tx.PeerPositions().Changed(row, number); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.warnOfPeers(ctx, err)
	}
	s.outbox.signal(nil)
}

func (s *Service) warnOfPeers(ctx context.Context, err error) {
	if ctx.Err() == nil {
		s.log.Error("could not have tried again what a change of the peers may let in; it is tried at the next start",
			"error", err)
	}
}

// Usable reports that this deployment can be replicated to.
func (s *Service) Usable() bool { return s.here.Usable() }

// OnQueued sets what is called with the replications that this process has
// queued, for it to try at once; with none, when others may have fallen due. It
// must not block.
func (s *Service) OnQueued(call func(queued []metadata.DueReplication)) { s.here.OnQueued(call) }
