package server

import (
	"context"
	"fmt"
	"time"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/stores"
	"github.com/twinport/twinport/internal/sweep"
)

// openStores opens the stores, and over them the domain and the replication.
func (s *Server) openStores(ctx context.Context, cfg config.Config) (err error) {
	if s.blobs, err = stores.OpenBlobs(ctx, cfg); err != nil {
		return err
	}
	if s.metadata, err = stores.OpenMetadata(ctx, cfg); err != nil {
		return err
	}
	accounts := make([]string, len(cfg.Accounts))
	for i, a := range cfg.Accounts {
		accounts[i] = a.ID
	}
	s.registry, err = registry.Open(ctx, registry.Config{
		Metadata: s.metadata, Blobs: s.blobs, Accounts: accounts, Regions: cfg.Regions, Grace: cfg.Sweep.Grace, Logger: s.log, Now: time.Now,
	})
	if err != nil {
		return fmt.Errorf("open the registries: %w", err)
	}
	s.engine = replication.New(s.registry, s.log)
	s.sweeper = sweep.New(sweep.Config{Metadata: s.metadata, Registry: s.registry, Interval: cfg.Sweep.Interval, Grace: cfg.Sweep.Grace, Logger: s.log})
	return nil
}
