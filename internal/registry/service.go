package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/usage"
)

// Config is what Open needs; every field must be set, but for Limits and Organizations.
type Config struct {
	Metadata metadata.Store
	Blobs    blob.Store
	// Accounts and Regions span the registries that the deployment serves:
	// each account has one in each Region.
	Accounts []string
	Regions  []string
	// Limits are the accounts' quotas; who is not in it has none.
	Limits map[string]quota.Limits
	// Organizations has the id of the one that an account belongs to.
	Organizations map[string]string
	// Grace is how old a layer's link must be for a sweep to remove it if no
	// manifest needs it.
	Grace time.Duration
	// LifecycleDelay is how long after a creation template has given a repository its
	// lifecycle policy that runs first: expiry.FirstRun.
	LifecycleDelay time.Duration
	Logger         *slog.Logger
	Now            func() time.Time
	// Changes are reported there.
	Changes *changes.Feed
	Outbox  Outbox
}

// Service is the domain. All methods authorise the caller, are safe for
// concurrent use, and return *Error for what the caller did wrong.
type Service struct {
	meta    metadata.Store
	blobs   blob.Store
	log     *slog.Logger
	now     func() time.Time
	regions []string
	// registries maps each registry to the id of its row, which never changes.
	registries map[resource.Registry]int64
	limits     map[string]quota.Limits
	usage      *usage.Counter // of what limits bound

	access *access.Decider
	outbox Outbox

	retired atomic.Pointer[func()] // see OnRetired
	full    atomic.Pointer[func()] // see OnFull

	pulls, renewals recent
	grace           time.Duration
	lifecycleDelay  time.Duration

	lost lostObjects

	changes *changes.Feed
}

// Open returns the domain over its stores and makes sure that every registry has its row.
func Open(ctx context.Context, c Config) (*Service, error) {
	s := newService(c)
	var keys []resource.Registry
	for _, account := range c.Accounts {
		for _, region := range c.Regions {
			keys = append(keys, resource.Registry{Account: account, Region: region})
		}
	}
	err := s.meta.Update(ctx, func(tx *metadata.Tx) error {
		ids, err := tx.Registries().IDs(keys)
		if err != nil {
			return err
		}
		if len(ids) < len(keys) {
			for _, k := range keys {
				if _, ok := ids[k]; ok {
					continue
				}
				if err := tx.Registries().Ensure(k.Account, k.Region); err != nil {
					return err
				}
			}
			if ids, err = tx.Registries().IDs(keys); err != nil {
				return err
			}
		}
		for k, id := range ids {
			s.registries[resource.Registry{Account: k.Account, Region: k.Region}] = id
		}
		return s.outbox.Serving(tx, keys)
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the registries: %w", err)
	}
	return s, nil
}

func newService(c Config) *Service {
	s := &Service{
		meta: c.Metadata, blobs: c.Blobs, log: c.Logger, now: c.Now, grace: c.Grace, limits: c.Limits, regions: c.Regions,
		registries: map[resource.Registry]int64{}, usage: usage.New(c.Limits, c.Metadata.Read, c.Now), changes: c.Changes,
		outbox: c.Outbox, lifecycleDelay: c.LifecycleDelay,
	}
	s.access = access.New(access.Config{Served: s.Exists, Organizations: c.Organizations, Logger: c.Logger, Now: c.Now})
	return s
}

// ForRepairs returns a domain that repairs, and serves no registry.
func ForRepairs(meta metadata.Store, blobs blob.Store, log *slog.Logger) *Service {
	return newService(Config{Metadata: meta, Blobs: blobs, Logger: log, Now: time.Now, Changes: changes.New(nil, log)})
}

// Exists reports whether the deployment serves the registry.
func (s *Service) Exists(id resource.Registry) bool {
	_, ok := s.registries[id]
	return ok
}

// Rows are those of the registries that the deployment serves, in order.
func (s *Service) Rows() []int64 { return slices.Sorted(maps.Values(s.registries)) }

// Regions that the deployment serves.
func (s *Service) Regions() []string { return s.regions }

// Decider decides who may do what.
func (s *Service) Decider() *access.Decider { return s.access }

// Usage counts what the accounts' quotas bound.
func (s *Service) Usage() *usage.Counter { return s.usage }

// Update runs fn in a write transaction, and gives a full disk its own error.
func (s *Service) Update(ctx context.Context, fn func(tx *metadata.Tx) error) error {
	err := s.meta.Update(ctx, fn)
	if errors.Is(err, metadata.ErrFull) {
		return storageFull(err)
	}
	return err
}

// change is what is done with a repository in a transaction that has its row.
type change func(tx *metadata.Tx, r *metadata.Repository) error

// addTo runs fn in a write transaction with the repository's row as the
// transaction sees it: RepositoryNotFound if it was deleted meanwhile, also if
// another of the same name took its place. Others may add to the repository at
// the same time, but what fn finds in it is not deleted before it has ended.
func (s *Service) addTo(ctx context.Context, r *metadata.Repository, fn change) error {
	return s.updateWith(ctx, r, metadata.Repositories.Share, func(*metadata.Queries) change { return fn })
}

// alter is addTo for what takes away or overwrites what others may rely on:
// nobody else adds to or alters the repository meanwhile, and those who watch
// it are notified.
func (s *Service) alter(ctx context.Context, r *metadata.Repository, fn change) error {
	return s.updateWith(ctx, r, metadata.Repositories.Lock, func(*metadata.Queries) change {
		return func(tx *metadata.Tx, r *metadata.Repository) error {
			s.repositoryChanged(tx, r)
			return fn(tx, r)
		}
	})
}

// updateWith opens the repository in a write transaction, and runs the change that
// ask returns. What ask asks is sent along.
func (s *Service) updateWith(ctx context.Context, r *metadata.Repository,
	open func(metadata.Repositories, int64) (*metadata.Repository, error), ask func(*metadata.Queries) change) error {
	return s.Update(ctx, func(tx *metadata.Tx) error {
		opened := metadata.Ask(tx.Queries, func(q *metadata.Queries) (*metadata.Repository, error) {
			return open(q.Repositories(), r.ID)
		})
		run := ask(tx.Queries)
		row, err := opened.Get()
		if errors.Is(err, metadata.ErrNotFound) {
			return repositoryNotFound(refOf(r))
		}
		if err != nil {
			return err
		}
		return run(tx, row)
	})
}

// repositoryChanged notifies those who watch, once the transaction is committed.
func (s *Service) repositoryChanged(tx *metadata.Tx, r *metadata.Repository) {
	tx.OnCommit(func() { s.changes.Notify(changes.Change{Registry: r.RegistryRow, Repository: r.Name}) })
}

func storageFull(err error) *Error {
	return &Error{
		Code: StorageFull, Message: "The registry's disk is full, so nothing was stored. What was stored before stays " +
			"readable. Ask the operator to make room, and try again.", Err: err,
	}
}
