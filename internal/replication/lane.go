package replication

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/resource"
)

// lane is the replications that go to one deployment: this one, or a peer. Each
// has an engine of its own, so one that is slow or away delays no other.
type lane struct {
	service     *Service
	peer        string // "" for this deployment
	destination Destination
	remote      *remote // the destination, if it is a peer
	last        lastRoute

	// Of the goroutine that calls Resume:
	changesAsked time.Time
	asked        int                         // registries of the peer's, in this round
	changes      map[resource.Registry]int64 // the numbers of those that it knows
	resend       resend
}

// laneOf is the lane of what goes to a registry, by its peer. What nobody serves
// is this deployment's: it refuses that.
func (o *Outbox) laneOf(destination resource.Registry) string {
	if o.peers == nil {
		return ""
	}
	if p, ok := o.peers.Of(destination); ok {
		return p.ID
	}
	return ""
}

// Due implements work.
func (l *lane) Due(ctx context.Context, limit int) ([]metadata.DueReplication, time.Time, error) {
	return l.service.due(ctx, l.peer, &l.last, limit)
}

// Replicate implements work.
func (l *lane) Replicate(ctx context.Context, id int64) (metadata.Replication, error) {
	return l.service.replicate(ctx, l.destination, id)
}

// OnQueued implements work.
func (l *lane) OnQueued(call func(queued []metadata.DueReplication)) {
	l.service.outbox.onQueued(l.peer, call)
	if l.remote != nil {
		l.remote.client.OnUsable(func() { call(nil) })
	}
}

// SaveCounts implements work.
func (l *lane) SaveCounts(ctx context.Context, counts []metadata.ReplicationCount) error {
	return l.service.SaveCounts(ctx, counts)
}

// Usable implements work.
func (l *lane) Usable() bool { return l.remote == nil || l.remote.client.Usable() }

// Resume implements work.
func (l *lane) Resume(ctx context.Context) (made int, more bool, err error) {
	if l.remote == nil {
		return l.service.resumeRefused(ctx)
	}
	if !l.Usable() {
		return 0, false, nil
	}
	if made, more, err = l.resendLost(ctx); made > 0 || more || err != nil {
		return made, more, err
	}
	if now := l.service.now(); now.Sub(l.changesAsked) >= changesInterval {
		l.changesAsked = now
		err = l.askChanges(ctx)
	}
	var e *peer.Error
	if errors.As(err, &e) { // its state says so
		err = nil
	}
	return 0, false, err
}

const (
	// changesInterval is how often a peer that has refused something is asked
	// whether it may let it in now.
	changesInterval = 2 * time.Second
	// resendPage is how many replications one transaction looks at that a peer has lost.
	resendPage = 500
)

// resend is how far this process is with what a peer has lost.
type resend struct {
	position metadata.PeerPosition
	after    metadata.ReplicationKey
}

// resendLost makes due again a page of what a peer has lost.
func (l *lane) resendLost(ctx context.Context) (made int, more bool, err error) {
	s := l.service
	positions, err := s.meta.Read(ctx).PeerPositions().Resends(l.peer)
	if err != nil {
		return 0, false, fmt.Errorf("look for what a peer has lost: %w", err)
	}
	if len(positions) == 0 {
		return 0, false, nil
	}
	if l.resend.position != positions[0] {
		l.resend = resend{position: positions[0]}
	}
	p, known := s.outbox.peers.Peer(l.peer)
	if !known {
		return 0, false, nil
	}
	err = s.meta.Update(ctx, func(tx *metadata.Tx) error {
		n, last, err := tx.PeerPositions().Resend(l.resend.position, registriesOf(p), l.resend.after, s.now(), resendPage)
		made = int(n)
		if err != nil {
			return err
		}
		if last == (metadata.ReplicationKey{}) {
			tx.OnCommit(func() { l.resend = resend{} })
			err = tx.PeerPositions().EndResend(l.resend.position)
		} else {
			tx.OnCommit(func() { l.resend.after = last })
		}
		return err
	})
	if err == nil && made > 0 {
		s.outbox.signalLane(l.peer, nil)
	}
	return made, err == nil, err
}

// registriesOf are the registries that a peer serves.
func registriesOf(p peer.Record) []resource.Registry {
	all := make([]resource.Registry, 0, len(p.Accounts)*len(p.Regions))
	for _, account := range p.Accounts {
		for _, region := range p.Regions {
			all = append(all, resource.Registry{Account: account, Region: region})
		}
	}
	return all
}

// askChanges asks the peer whether those of its registries that have refused
// something have changed since, and has that tried again.
func (l *lane) askChanges(ctx context.Context) error {
	s := l.service
	p, known := s.outbox.peers.Peer(l.peer)
	if !known {
		return nil
	}
	// A part of them each time, if there are many.
	all := registriesOf(p)
	if l.asked >= len(all) {
		l.asked = 0
	}
	some := all[l.asked:min(l.asked+maxAskedChanges, len(all))]
	l.asked += maxAskedChanges
	refusing, err := s.meta.Read(ctx).Replications().Refusing(some)
	if err != nil {
		return fmt.Errorf("look for what a peer has refused: %w", err)
	}
	if len(refusing) == 0 {
		return nil
	}
	asked := AskedChanges{Registries: refusing}
	var answer AskedChangesAnswer
	if err := l.remote.call(ctx, OperationChanges, asked, &answer); err != nil {
		return err
	}
	for _, change := range answer.Changes {
		if change.Number == l.changes[change.Registry] || !slices.Contains(asked.Registries, change.Registry) {
			continue
		}
		err := s.meta.Update(ctx, func(tx *metadata.Tx) error {
			at := change.Registry
			if err := tx.Registries().Ensure(at.Account, at.Region); err != nil {
				return err
			}
			ids, err := tx.Registries().IDs([]resource.Registry{at})
			if err != nil {
				return err
			}
			_, err = tx.Replications().NoteRetry(metadata.Retry{
				RegistryRow: ids[at], Account: at.Account, Region: at.Region, Before: change.Number,
			})
			return err
		})
		if err != nil {
			return fmt.Errorf("note that %s may let in what it refused: %w", change.Registry, err)
		}
		l.changes[change.Registry] = change.Number
		s.outbox.signalLane("", nil) // which resumes what was refused
	}
	return nil
}

// lanes are those to peers, by the peer.
type lanes struct {
	mu sync.Mutex
	of map[string]*lane
}

// laneTo returns the lane to a peer: nil if it is none any more. A peer that has
// joined anew has a new one.
func (s *Service) laneTo(p peer.Record) *lane {
	s.lanes.mu.Lock()
	defer s.lanes.mu.Unlock()
	client := s.outbox.peers.Client(p.ID)
	if client == nil {
		delete(s.lanes.of, p.ID)
		return nil
	}
	if l := s.lanes.of[p.ID]; l != nil && l.remote.client == client {
		return l
	}
	r := &remote{
		id: p.ID, peers: s.outbox.peers, client: client, registry: s.registry, meta: s.meta,
		changes: s.changes, log: s.log.With("peer", p.Name), now: s.now, held: map[int64]*held{},
		messages:  messages{acknowledged: map[int64]int64{}},
		transfers: newTransfers(),
		memory:    semaphore.NewWeighted(maxImageMemory),
		early:     make(chan early, maxEarly),
		arriving:  make(chan *arriving),
		counters:  s.peerCounters.of(p.ID),
	}
	l := &lane{service: s, peer: p.ID, destination: r, remote: r, changes: map[resource.Registry]int64{}}
	if s.lanes.of == nil {
		s.lanes.of = map[string]*lane{}
	}
	s.lanes.of[p.ID] = l
	return l
}

// destinationTo is where what goes to a registry is decided on.
func (s *Service) destinationTo(destination resource.Registry) Destination {
	if s.outbox.peers != nil {
		if p, ok := s.outbox.peers.Of(destination); ok {
			if l := s.laneTo(p); l != nil {
				return l.destination
			}
		}
	}
	return s.local
}
