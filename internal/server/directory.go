package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
)

// openDirectory opens the directory of the deployment's peers, and makes the
// deployment's identity at its first start. The peers stay as they are stored.
func openDirectory(ctx context.Context, cfg config.Config, m metadata.Store,
	log *slog.Logger) (*peer.Directory, error) {
	d, err := peer.Open(ctx, peer.Config{
		Store: m, Name: cfg.Deployment.Name, URL: cfg.Deployment.URL, AllowPlain: cfg.Deployment.AllowPlain,
		Regions: cfg.Regions, Accounts: cfg.AccountIDs(), Version: Version(), Log: log, Now: time.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("open the peers: %w", err)
	}
	return d, nil
}

// openPeers opens the directory for a server: the peers of the configuration
// become what that says.
func openPeers(ctx context.Context, cfg config.Config, m metadata.Store, log *slog.Logger) (*peer.Directory, error) {
	d, err := openDirectory(ctx, cfg, m, log)
	if err != nil {
		return nil, err
	}
	configured := make([]peer.Configured, 0, len(cfg.Peers))
	for _, p := range cfg.Peers {
		accounts := p.Accounts
		if p.AllAccounts {
			accounts = []string{peer.AllAccounts}
		}
		configured = append(configured, peer.Configured{
			Name: p.Name, URL: p.URL, Key: p.Key, Regions: p.Regions, ServedAccounts: p.Serves, Accounts: accounts,
			Outbound: p.Outbound,
		})
	}
	if err := d.Configure(ctx, configured); err != nil {
		return nil, fmt.Errorf("apply the peers of the configuration: %w", err)
	}
	return d, nil
}
