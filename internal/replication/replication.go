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
	"time"

	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
)

// Service is replication as callers see it, and the work of an Engine. All
// methods that take a caller authorise it, are safe for concurrent use, and
// return *registry.Error for what the caller did wrong.
type Service struct {
	registry    *registry.Service
	meta        metadata.Store
	outbox      *Outbox
	destination Destination
	changes     *changes.Feed
	log         *slog.Logger
	now         func() time.Time

	lastRoute lastRoute
	resumed   resumed
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
	s.destination = &local{
		registry: r, meta: c.Metadata, access: r.Decider(), usage: r.Usage(), changes: c.Changes, now: c.Now,
	}
	return r, s, nil
}

// OnQueued sets what is called with the replications that this process has
// queued, for it to try at once; with none, when others may have fallen due. It
// must not block.
func (s *Service) OnQueued(call func(queued []metadata.DueReplication)) { s.outbox.onQueued(call) }
