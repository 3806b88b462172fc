package replication

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/resource"
)

// PeerView is a peer as a registry may know it: nothing of other accounts.
type PeerView struct {
	ID, Name, URL string
	Regions       []string // that it serves, as was agreed
	// ServesAccount says that it serves the registry's account there, and
	// SpeaksForAccount that it may replicate from there into this deployment.
	ServesAccount    bool
	SpeaksForAccount bool
	// TakesAccount says whether this deployment may replicate to it for the account;
	// nil if that is not known.
	TakesAccount *bool
	// State is what this process knows, without what it says of accounts.
	State peer.State
	// Waiting and Failed are how many replications from the registry to the peer are
	// in progress, and failed. To all destinations together they are counted up to
	// maxCounted.
	Waiting, Failed int
	OldestPush      time.Time // of what waits; zero if nothing does
	// Moving are those of the replications that are being sent.
	Moving Moving
}

// Moving are replications that are being sent.
type Moving struct {
	Replications int // up to maxMoving
	// BytesTotal is how many bytes of layers they send, BytesSent how many of them were sent.
	BytesTotal, BytesSent int64
	Rate                  float64 // bytes a second
}

// TimeLeft is how long it takes, at the same rate, to send the rest; 0 while that is not known.
func (m Moving) TimeLeft() time.Duration { return timeLeft(m.BytesTotal-m.BytesSent, m.Rate) }

const (
	// maxMoving is how many replications that are being sent are looked at.
	maxMoving = 1000
	// movingSince is for how long one that is being sent may not have been noted as such.
	movingSince = leaseTime + leaseInterval
)

// peerName is that of the peer that serves a registry; "" for this deployment, and
// for nobody.
func (o *Outbox) peerName(id resource.Registry) string {
	if o.peers == nil {
		return ""
	}
	p, _ := o.peers.Of(id)
	return p.Name
}

// Deployment is this deployment as peers know it: without an id if it can have none.
func (s *Service) Deployment() peer.Self {
	if s.outbox.peers == nil {
		return peer.Self{}
	}
	return s.outbox.peers.Self()
}

// Peers are those of the deployment, in order of their names, each with how
// replications from a registry to it go.
func (s *Service) Peers(ctx context.Context, c access.Caller, id resource.Registry) ([]PeerView, error) {
	reg, err := s.registry.Settings(ctx, c, id, access.DescribeRegistry)
	if err != nil || s.outbox.peers == nil {
		return nil, err
	}
	peers := s.outbox.peers.Peers()
	views := make([]PeerView, len(peers))
	byID := make(map[string]*PeerView, len(peers))
	for i, p := range peers {
		views[i] = s.peerView(p, id.Account)
		byID[p.ID] = &views[i]
	}
	if err := s.addReplications(ctx, reg.ID, byID); err != nil {
		return nil, fmt.Errorf("look how the replications of %s to peers go: %w", id, err)
	}
	return views, nil
}

func (s *Service) peerView(p peer.Record, account string) PeerView {
	v := PeerView{ID: p.ID, Name: p.Name, URL: p.URL, Regions: p.Regions}
	for _, region := range p.Regions {
		r := resource.Registry{Account: account, Region: region}
		v.ServesAccount = v.ServesAccount || p.Serves(r)
		v.SpeaksForAccount = v.SpeaksForAccount || p.MaySend(r)
	}
	if c := s.outbox.peers.Client(p.ID); c != nil {
		v.State = c.State()
		if g := v.State.Granted; g != nil {
			v.TakesAccount = new(g.All || slices.Contains(g.Accounts, account))
		}
		v.State.Granted, v.State.Unagreed.Accounts = nil, nil
	}
	return v
}

// addReplications adds to peers how those from a registry go.
func (s *Service) addReplications(ctx context.Context, registry int64, peers map[string]*PeerView) error {
	q := s.meta.Read(ctx)
	in := func(state string) metadata.Answer[[]metadata.WaitingReplications] {
		return metadata.Ask(q, func(q *metadata.Queries) ([]metadata.WaitingReplications, error) {
			return q.Replications().Waiting(registry, state, maxCounted)
		})
	}
	inProgress, failed := in(metadata.ReplicationInProgress), in(metadata.ReplicationFailed)
	moving := metadata.Ask(q, func(q *metadata.Queries) ([]metadata.MovingReplication, error) {
		return q.Replications().Moving(registry, s.now().Add(-movingSince), maxMoving)
	})
	to := func(account, region string) *PeerView {
		return peers[s.outbox.laneOf(resource.Registry{Account: account, Region: region})]
	}
	waiting, err := inProgress.Get()
	if err != nil {
		return err
	}
	for _, w := range waiting {
		if v := to(w.DestinationAccount, w.DestinationRegion); v != nil {
			v.Waiting += int(w.Number)
			if v.OldestPush.IsZero() || w.OldestPush.Before(v.OldestPush) {
				v.OldestPush = w.OldestPush
			}
		}
	}
	if waiting, err = failed.Get(); err != nil {
		return err
	}
	for _, w := range waiting {
		if v := to(w.DestinationAccount, w.DestinationRegion); v != nil {
			v.Failed += int(w.Number)
		}
	}
	sending, err := moving.Get()
	if err != nil {
		return err
	}
	for _, m := range sending {
		if v := to(m.DestinationAccount, m.DestinationRegion); v != nil {
			v.Moving.Replications++
			v.Moving.BytesTotal += m.BytesTotal
			v.Moving.BytesSent += m.BytesSent
			v.Moving.Rate += rate(m.BytesSent, m.BegunAt, m.ChangedAt)
		}
	}
	return nil
}
