package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/migrate"
	"github.com/twinport/twinport/internal/stores"
)

// openGeneration opens the configured stores, and the domain and the protocols
// over them.
func openGeneration(ctx context.Context, cfg config.Config, h handlers, log *slog.Logger) (*generation, error) {
	if cfg.Database == "" || cfg.Blobs == "" {
		if moved, err := migrate.ReadMoved(cfg.Data); err != nil {
			return nil, err
		} else if moved != nil {
			return nil, moved.Refuse(cfg.Data)
		}
	}
	b, err := stores.OpenBlobs(ctx, cfg)
	if err != nil {
		return nil, err
	}
	m, err := stores.OpenMetadata(ctx, cfg)
	if err != nil {
		_ = b.Close() // what failed first is the error to report
		return nil, err
	}
	if err := noMigration(m); err != nil {
		_ = errors.Join(m.Close(), b.Close()) // likewise
		return nil, err
	}
	return newGeneration(ctx, cfg, m, b, h, log)
}

// noMigration refuses a database into which a migration is copying.
func noMigration(m metadata.Store) error {
	if !m.Shared() {
		return nil
	}
	lease, err := m.Read().Lease(metadata.MigrationLease)
	if err != nil {
		return fmt.Errorf("open the metadata store: %w", err)
	}
	if lease.Holder != "" {
		return errors.New("a migration into the database was begun and has not ended: run twinport migrate again, with the same configurations, until it says that all has moved; the old server serves until then")
	}
	return nil
}
