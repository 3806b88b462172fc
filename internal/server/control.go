package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/control"
	"github.com/twinport/twinport/internal/stores"
)

// controlSocket takes the requests of commands to the server of a data folder.
type controlSocket struct {
	listener net.Listener // nil if the socket could not be made
	http     *http.Server
	// stop ends what is under way, unless a migration has come to the switch.
	stop context.CancelFunc
}

// listenForCommands lets commands in if the facts are in the data folder. Those
// of a database they reach themselves; an ephemeral server they cannot find.
func (s *Server) listenForCommands(cfg config.Config, h newHandlers) {
	if cfg.Database != "" || cfg.Ephemeral {
		return
	}
	mux := http.NewServeMux()
	if stores.Embedded(cfg) {
		s.migrations = &migrations{server: s, config: cfg, handlers: h, running: make(chan struct{}, 1)}
		s.migrations.register(mux)
	}
	mux.Handle("POST /peers/{operation}", s.door.guard(s.generations.handler(func(g *generation) http.Handler {
		return http.HandlerFunc(g.servePeers)
	})))
	mux.Handle("POST "+comparisonPath, s.door.guard(s.generations.handler(func(g *generation) http.Handler {
		return http.HandlerFunc(g.serveComparison)
	})))
	mux.Handle("POST "+lifecyclePath, s.door.guard(s.generations.handler(func(g *generation) http.Handler {
		return http.HandlerFunc(g.serveLifecycle)
	})))
	s.control = newControlSocket(cfg.Data, mux, s.log)
}

func newControlSocket(data string, handler http.Handler, log *slog.Logger) *controlSocket {
	ctx, stop := context.WithCancel(context.Background())
	c := &controlSocket{stop: stop, http: &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}}
	var err error
	if c.listener, err = control.Listen(data); err != nil {
		log.Warn("commands do not reach this server: twinport migrate can move the deployment only while it is "+
			"stopped, and twinport peer can do nothing", "error", err)
	}
	return c
}

func (c *controlSocket) start() {
	if c.listener != nil {
		go func() { _ = c.http.Serve(c.listener) }() // it ends with close
	}
}

func (c *controlSocket) close() {
	c.stop()
	_ = c.http.Close()
	if c.listener != nil {
		_ = c.listener.Close() // if start was not called
	}
}
