package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/blob/s3store"
	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/sweep"
)

// openStores opens the stores, and over them the domain and the replication.
func (s *Server) openStores(ctx context.Context, cfg config.Config) (err error) {
	if s.blobs, err = openBlobs(ctx, cfg); err != nil {
		return err
	}
	if s.metadata, err = openMetadata(ctx, cfg); err != nil {
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

func openBlobs(ctx context.Context, cfg config.Config) (blob.Store, error) {
	if cfg.Blobs != "" {
		store, err := s3store.Open(ctx, string(cfg.Blobs))
		if err != nil {
			return nil, fmt.Errorf("open the blob store: %w", err)
		}
		return store, nil
	}
	if err := makeData(cfg.Data); err != nil {
		return nil, err
	}
	store, err := filestore.Open(filepath.Join(cfg.Data, "blobs"))
	if err != nil {
		return nil, fmt.Errorf("open the blob store in %s: %w", cfg.Data, err)
	}
	return store, nil
}

func openMetadata(ctx context.Context, cfg config.Config) (metadata.Store, error) {
	if cfg.Database != "" {
		store, err := metadata.OpenPostgres(ctx, string(cfg.Database))
		if err != nil {
			return nil, fmt.Errorf("open the metadata store: %w", err)
		}
		return store, nil
	}
	if err := makeData(cfg.Data); err != nil {
		return nil, err
	}
	store, err := metadata.OpenSQLite(ctx, filepath.Join(cfg.Data, "metadata"))
	if err != nil {
		return nil, fmt.Errorf("open the metadata store in %s: %w", cfg.Data, err)
	}
	return store, nil
}

// makeData makes the data folder. Private: whoever reads it reads every
// account's images.
func makeData(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	return nil
}
