// Package server is the running Twinport: one http.Server on one port, with
// the stores, the domain, the protocols and the replication behind it, from
// start to graceful stop.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi"
	"github.com/twinport/twinport/internal/awsapi/uri"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/console"
	"github.com/twinport/twinport/internal/iam"
	"github.com/twinport/twinport/internal/jobs"
	"github.com/twinport/twinport/internal/oci"
	"github.com/twinport/twinport/internal/peerapi"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/session"
	"github.com/twinport/twinport/internal/stores"
)

// Limits of what a connection may cost before a handler sees its request. The
// protocols bound the size of bodies, and paces how slowly they come.
const (
	headerTimeout = 15 * time.Second
	idleTimeout   = 2 * time.Minute // longer than that of most load balancers, so that they close first
	// maxHeader in bytes. Policies match patterns against headers, so these must be short.
	maxHeader = 32 << 10
	// maxStreams is how many requests a connection of HTTP/2 has at a time, and
	// streamBuffer how many bytes wait on it, in all, for requests that do not read.
	maxStreams   = 100
	streamBuffer = 512 << 10
)

const (
	// stopTimeout is how long requests under way may take to finish at the stop,
	// and ephemeralStop if nothing of what they do will last.
	stopTimeout   = time.Minute
	ephemeralStop = time.Second
	// abandonTimeout is how long those that did not may take to notice.
	abandonTimeout = 5 * time.Second
)

// Server serves one deployment. New makes it, Run serves with it, once.
type Server struct {
	listener net.Listener
	http     *http.Server
	log      *slog.Logger
	scheme   string

	generations generations
	background  *background
	door        door
	tunnelled   http.Handler      // what peers ask through tunnels
	control     *controlSocket    // nil unless the facts are in the data folder
	migrations  *migrations       // nil unless the stores are embedded
	acme        *acmeCertificates // nil without
	metrics     *metricsListener  // nil unless metrics have an address of their own

	ephemeral bool
	stopping  atomic.Bool
	readiness readiness
	requests  *requestMetrics
	limits    *budget.Limits
	trusted   []netip.Prefix
	// stopTimeout is one of the constants, but in tests.
	stopTimeout time.Duration
	close       sync.Once
	closeErr    error
}

// New listens on the configured address and opens the stores. Clients that
// connect wait until Run. The caller must call Run or Close. The error says
// which part did not start, and why.
func New(ctx context.Context, cfg config.Config, log *slog.Logger) (_ *Server, err error) {
	s := &Server{
		log: log, scheme: "http", limits: budget.ForProcess(log), trusted: cfg.TrustedProxies, stopTimeout: stopTimeout,
	}
	if cfg.Ephemeral {
		s.ephemeral, s.stopTimeout = true, ephemeralStop
	}
	defer func() {
		if err != nil {
			_ = s.Close() // what failed first is the error to report
		}
	}()
	tlsConfig, certificateMetrics, err := s.certificates(cfg.TLS)
	if err != nil {
		return nil, err
	}
	if s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen); err != nil {
		return nil, fmt.Errorf("%w; set listen, or TWINPORT_LISTEN, to an address of this machine that is free", err)
	}
	handlers, err := s.protocols(cfg)
	if err != nil {
		return nil, err
	}
	first, err := openGeneration(ctx, cfg, handlers, log)
	if err != nil {
		return nil, err
	}
	s.generations.present.Store(first)
	if !cfg.Ephemeral && (cfg.Database == "" || cfg.Blobs == "") {
		if text := stores.PermissionAdvice(cfg.Data); text != "" {
			log.Warn(text)
		}
	}
	s.background = newBackground(cfg.Sweep, log)
	s.listenForCommands(cfg, handlers)
	if err := s.route(ctx, cfg, tlsConfig, certificateMetrics); err != nil {
		return nil, err
	}
	return s, nil
}

// certificates returns the configured way to certificates, nil without, and the
// metrics of when these end.
func (s *Server) certificates(c config.TLS) (_ *tls.Config, metrics []prometheus.Collector, err error) {
	switch {
	case c.Cert != "":
		certificate, err := loadCertificate(c.Cert, c.Key, s.log)
		if err != nil {
			return nil, nil, err
		}
		s.scheme = "https"
		return &tls.Config{GetCertificate: certificate.get},
			[]prometheus.Collector{certificateExpiry(certificate.notAfter)}, nil
	case len(c.ACME.Domains) > 0:
		if s.acme, err = newACME(c.ACME, s.log); err != nil {
			return nil, nil, err
		}
		s.scheme = "https"
		return s.acme.tlsConfig(), []prometheus.Collector{certificateExpiry(s.acme.notAfter)}, nil
	}
	return nil, nil, nil
}

// protocols returns what makes the handlers of a generation.
func (s *Server) protocols(cfg config.Config) (newHandlers, error) {
	accounts, err := auth.NewDirectory(cfg.AuthAccounts())
	if err != nil {
		return nil, fmt.Errorf("read the accounts: %w", err)
	}
	rates := quota.NewMeter(cfg.Limits(), cfg.Regions)
	return func(g *generation) (h handlers, err error) {
		verifier := auth.NewVerifier(g.iam, g.directory.Self().ID, time.Now)
		sessions := session.New(session.Config{Store: g.metadata, Keys: g.iam, Verifier: verifier, Now: time.Now})
		h.oci = oci.New(oci.Config{
			Registry: g.registry, Verifier: verifier, Logins: sessions, Grants: g.iam, Domain: cfg.Domain, Scheme: cfg.PublicScheme(),
			Limits: s.limits, Rates: rates, Logger: s.log,
		})
		h.aws = awsapi.New(awsapi.Config{
			Registry: g.registry, Replication: g.replication, Expiry: g.expiry, Verifier: verifier, Accounts: accounts,
			Keys: g.iam, IAM: g.iam, Grants: g.iam, Roles: iam.NewSessions(g.iam, g.registry.Decider(), verifier),
			Sessions: sessions, Peers: g.directory, Operators: cfg.Operators,
			URIs: uri.Writer{
				Form: uri.Form(cfg.URI), Domain: cfg.Domain, Endpoint: s.endpoint(cfg), Scheme: cfg.PublicScheme(),
			},
			Jobs: func(ctx context.Context) ([]jobs.Run, error) {
				return jobs.Runs(g.metadata.Read(ctx), s.background.jobs(g)...)
			},
			Version: Version(), Shared: g.metadata.Shared(), Limits: s.limits, Rates: rates, Closing: g.closing,
			Logger: s.log, Now: time.Now,
		})
		h.peers = peerapi.New(peerapi.Config{
			Peers: g.directory, Replication: g.replication, Limits: s.limits, Logger: s.log,
		})
		g.directory.ServeTunnels(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.tunnelled.ServeHTTP(w, r)
		}))
		h.console, err = console.New(console.Config{
			Sessions: sessions, Accounts: accounts, Regions: cfg.Regions, Version: Version(), Logger: s.log,
		})
		return h, err
	}, nil
}

// route makes the HTTP server, which hands each request to the present generation.
func (s *Server) route(ctx context.Context, cfg config.Config, tlsConfig *tls.Config,
	certificateMetrics []prometheus.Collector) (err error) {
	routes := &routes{
		oci:     s.door.guard(s.generations.handler(func(g *generation) http.Handler { return g.oci })),
		aws:     s.door.guard(s.generations.handler(func(g *generation) http.Handler { return g.aws })),
		console: s.door.guard(s.generations.handler(func(g *generation) http.Handler { return g.console })),
		peers:   s.door.guard(s.generations.handler(func(g *generation) http.Handler { return g.peers })),
		ready:   s.ready,
	}
	s.requests, routes.metrics = newMetrics(s.background.Replications, slices.Concat(
		sweepMetrics(s.background.sweeper.Stats, s.background.sweeping), budgetMetrics(s.limits),
		lifecycleMetrics(s.background.expired.Stats),
		databaseMetrics(s.generations.store),
		[]prometheus.Collector{
			newBacklogMetrics(s.generations.store), newJobMetrics(s.background.runner.Stats),
			newPeerMetrics(s.generations.present.Load),
		},
		certificateMetrics)...)
	if cfg.Metrics != "" {
		if s.metrics, err = listenForMetrics(ctx, cfg.Metrics, routes.metrics, s.log); err != nil {
			return err
		}
		routes.metrics = nil
	}
	observed := &observer{routes: routes, metrics: s.requests, limits: s.limits, paces: paces, log: s.log}
	s.tunnelled = onlyPeers(observed)
	s.http = &http.Server{
		Handler:           &forwarded{trusted: cfg.TrustedProxies, next: observed},
		TLSConfig:         tlsConfig,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerConnection: streamBuffer,
			MaxReceiveBufferPerStream: streamBuffer,
		},
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	return nil
}

// Addr is the address that the server listens on, host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is where a client on this machine reaches the server.
func (s *Server) URL() string {
	addr := s.listener.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return s.scheme + "://" + net.JoinHostPort(host, strconv.Itoa(addr.Port))
}

// endpoint gives a registry's host as URIs show it: with the port unless it is
// the scheme's own.
func (s *Server) endpoint(cfg config.Config) func(resource.Registry) string {
	port := cfg.PublicPort
	if port == 0 {
		port = s.listener.Addr().(*net.TCPAddr).Port
	}
	end := "." + cfg.Domain
	if scheme := cfg.PublicScheme(); scheme == "http" && port != 80 || scheme == "https" && port != 443 {
		end += ":" + strconv.Itoa(port)
	}
	return func(id resource.Registry) string { return id.Account + ".dkr.ecr." + id.Region + end }
}

// Run serves until ctx is done. Then it takes no new connections, lets the
// requests under way finish for up to a minute, stops the replication and
// closes the stores. It returns nil after a stop, even one that had to
// break requests off, which it logs.
func (s *Server) Run(ctx context.Context) error {
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s.background.start(s.generations.present.Load())
	if s.control != nil {
		s.control.start()
	}

	served := make(chan error, 1)
	go func() {
		listener := &limitedListener{s.listener, s.limits, s.trusted}
		if s.http.TLSConfig != nil {
			served <- s.http.ServeTLS(listener, "", "")
		} else {
			served <- s.http.Serve(listener)
		}
	}()
	if s.metrics != nil {
		go s.metrics.serve(s.log)
	}
	if s.acme != nil {
		s.acme.keep(background)
	}
	var err error
	select {
	case err = <-served:
		err = fmt.Errorf("serve on %s: %w", s.Addr(), err)
	case <-ctx.Done():
		s.log.Info("stopping: requests under way may finish", "requests", s.requests.inFlight.Load(),
			"limit", s.stopTimeout.String())
	}
	s.stopping.Store(true)
	if s.control != nil {
		s.control.stop()
	}
	s.generations.present.Load().endStreams()
	s.finishRequests()
	return errors.Join(err, s.Close())
}

// finishRequests closes the listener and waits for the requests under way, no
// longer than stopTimeout; then it breaks them off.
func (s *Server) finishRequests() {
	ctx, cancel := context.WithTimeout(context.Background(), s.stopTimeout)
	defer cancel()
	if s.ephemeral {
		go s.cancelWhenIdle(cancel)
	}
	if err := s.http.Shutdown(ctx); err == nil {
		return
	}
	if requests := s.requests.inFlight.Load(); requests > 0 {
		s.log.Warn("requests did not finish in time and are broken off", "requests", requests)
	}
	_ = s.http.Close() // closing a connection that is broken off has nothing to report
	for end := time.Now().Add(abandonTimeout); s.requests.inFlight.Load() > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
}

// cancelWhenIdle calls cancel when no request is under way. Shutdown alone waits
// for seconds for connections on which nobody has asked anything yet, of which
// clients open some in advance.
func (s *Server) cancelWhenIdle(cancel func()) {
	for s.requests.inFlight.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
}

// Close stops the background work and closes listener and stores. Run does it;
// a second call returns what the first did.
func (s *Server) Close() error {
	s.close.Do(func() {
		if s.listener != nil {
			_ = s.listener.Close() // Run has closed it if it came that far
		}
		if s.metrics != nil {
			s.metrics.close()
		}
		if s.control != nil {
			s.control.close()
		}
		if s.migrations != nil {
			s.migrations.wait()
		}
		if s.background != nil {
			s.background.stop()
		}
		if g := s.generations.present.Load(); g != nil {
			s.closeErr = g.close()
		}
	})
	return s.closeErr
}
