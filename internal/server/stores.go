package server

import (
	"context"
	"log/slog"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/stores"
)

// openGeneration opens the configured stores, and the domain and the protocols
// over them.
func openGeneration(ctx context.Context, cfg config.Config, h newHandlers, log *slog.Logger) (*generation, error) {
	b, err := stores.OpenBlobs(ctx, cfg)
	if err != nil {
		return nil, err
	}
	m, err := stores.OpenMetadata(ctx, cfg)
	if err != nil {
		_ = b.Close() // what failed first is the error to report
		return nil, err
	}
	return newGeneration(ctx, cfg, m, b, h, log)
}
