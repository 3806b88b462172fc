package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/iam"
	"github.com/twinport/twinport/internal/keyring"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/stores"
	"github.com/twinport/twinport/internal/sweep"
)

// generation is a pair of stores with the domain and the protocols over them.
// A server has one, until its data is moved to other stores: then requests go
// to the next, while those that began before end on the one they began with.
type generation struct {
	metadata metadata.Store
	blobs    blob.Store
	registry *registry.Service
	// replication is over registry, and goes to peers, too.
	replication *replication.Service
	directory   *peer.Directory
	iam         *iam.Service
	expiry      *expiry.Service
	swept       *sweep.Stores
	handlers
	closing    chan struct{}
	endStreams func() // closes it

	users atomic.Int64 // requests that use it
}

// handlers are those of the protocols over a domain.
type handlers struct{ oci, aws, console, peers http.Handler }

// newHandlers makes the handlers of a generation. Answers that go on for as long
// as the client listens end when its closing is closed.
type newHandlers func(g *generation) (handlers, error)

// newGeneration takes the stores over: they are closed if it fails.
func newGeneration(ctx context.Context, cfg config.Config, m metadata.Store, b blob.Store, h newHandlers,
	log *slog.Logger) (*generation, error) {
	g := &generation{metadata: m, blobs: b, closing: make(chan struct{})}
	g.endStreams = sync.OnceFunc(func() { close(g.closing) })
	var err error
	g.registry, g.replication, err = replication.Open(ctx, domainConfig(cfg, m, b, log))
	if err != nil {
		_ = g.close() // what failed first is the error to report
		return nil, fmt.Errorf("open the registries: %w", err)
	}
	if g.directory, err = openPeers(ctx, cfg, m, log); err != nil {
		_ = g.close()
		return nil, err
	}
	g.replication.UsePeers(g.directory)
	if g.iam, err = newIAM(cfg, g.registry, m, log); err != nil {
		_ = g.close()
		return nil, err
	}
	g.expiry = newExpiry(cfg, g.registry, m, log)
	g.swept = sweep.NewStores(m, b, log, time.Now)
	g.registry.OnFull(g.swept.MakeRoom)
	warnOfRedirects(ctx, cfg, b, log)
	if g.handlers, err = h(g); err != nil {
		_ = g.close()
		return nil, err
	}
	return g, nil
}

// newIAM makes the users, groups, roles and policies of the accounts. Without a
// master key there are no new secrets.
func newIAM(cfg config.Config, r *registry.Service, m metadata.Store, log *slog.Logger) (*iam.Service, error) {
	accounts, err := auth.NewDirectory(cfg.AuthAccounts())
	if err != nil {
		return nil, fmt.Errorf("read the accounts: %w", err)
	}
	keys, err := stores.OpenKeyring(cfg)
	if err != nil {
		return nil, fmt.Errorf("open the master keys: %w", err)
	}
	c := iam.Config{Store: m, Accounts: accounts, Access: r.Decider(), Sealer: keys, Logger: log, Now: time.Now}
	if _, none := keys.(keyring.None); none {
		c.Sealer = nil
	}
	return iam.New(c), nil
}

// newExpiry makes the lifecycle policies over a domain.
func newExpiry(cfg config.Config, r *registry.Service, m metadata.Store, log *slog.Logger) *expiry.Service {
	return expiry.New(expiry.Config{
		Registry: r, Metadata: m, Interval: cfg.Lifecycle.Interval, Logger: log, Now: time.Now,
	})
}

// domainConfig configures the domain over the stores.
func domainConfig(cfg config.Config, m metadata.Store, b blob.Store, log *slog.Logger) registry.Config {
	return registry.Config{
		Metadata: m, Blobs: b, Accounts: cfg.AccountIDs(), Organizations: cfg.Organizations(), Regions: cfg.Regions,
		Limits: cfg.Limits(), Grace: cfg.Sweep.Grace, LifecycleDelay: expiry.FirstRun(cfg.Lifecycle.Interval), Logger: log,
		Now: time.Now,
	}
}

// warnOfRedirects warns of a bucket that is reached at the registry's own name,
// or below it: who came by that name is not redirected to it
// (registry.KeepsLogin).
func warnOfRedirects(ctx context.Context, cfg config.Config, b blob.Store, log *slog.Logger) {
	bucket, ok := b.(interface {
		RedirectHost(context.Context) (string, error)
	})
	if !ok {
		return
	}
	if host, err := bucket.RedirectHost(ctx); err == nil && registry.KeepsLogin(cfg.Domain, host) {
		log.Warn("layers are streamed to clients that come by the domain's own name: they would send their registry "+
			"login along to the bucket, which has that name too, or one below it, and refuses such requests; give "+
			"the bucket another name (redirect_endpoint in blobs)",
			"domain", cfg.Domain, "bucket", host)
	}
}

func (g *generation) close() error {
	g.endStreams()
	var errs []error
	if err := g.metadata.Close(); err != nil {
		errs = append(errs, fmt.Errorf("close the metadata store: %w", err))
	}
	if err := g.blobs.Close(); err != nil {
		errs = append(errs, fmt.Errorf("close the blob store: %w", err))
	}
	return errors.Join(errs...)
}

// generations holds the present one.
type generations struct{ present atomic.Pointer[generation] }

// acquire returns the present generation, which stays open until release.
func (gs *generations) acquire() *generation {
	for {
		g := gs.present.Load()
		g.users.Add(1)
		if gs.present.Load() == g {
			return g
		}
		g.release() // it may be closed already
	}
}

// store is the present store of facts.
func (gs *generations) store() metadata.Store { return gs.present.Load().metadata }

func (g *generation) release() { g.users.Add(-1) }

// handler hands each request to a handler of the present generation.
func (gs *generations) handler(of func(*generation) http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g := gs.acquire()
		defer g.release()
		of(g).ServeHTTP(w, r)
	})
}
