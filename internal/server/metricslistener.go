package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// metricsListener serves /metrics, and nothing else, at an address of its own:
// metrics have no login, and a balancer need not know of a path to keep inside.
type metricsListener struct {
	listener net.Listener
	http     *http.Server
}

func listenForMetrics(ctx context.Context, address string, metrics http.Handler,
	log *slog.Logger) (*metricsListener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w; set metrics, or TWINPORT_METRICS, to an address of this machine that is free", err)
	}
	answer := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			writeText(w, r, http.StatusNotFound, "Only /metrics is served here.")
			return
		}
		serveMetrics(metrics, w, r)
	}
	return &metricsListener{listener, &http.Server{
		Handler:           http.HandlerFunc(answer),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}, nil
}

// serve answers until close.
func (m *metricsListener) serve(log *slog.Logger) {
	log.Info("serving metrics", "address", m.listener.Addr().String())
	if err := m.http.Serve(m.listener); err != nil && err != http.ErrServerClosed {
		log.Error("metrics are not served any more; restart the server to have them again", "error", err)
	}
}

// close lets a scrape that is under way end.
func (m *metricsListener) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if m.http.Shutdown(ctx) != nil {
		_ = m.http.Close() // closing a connection that is broken off has nothing to report
	}
	_ = m.listener.Close() // Shutdown has closed it if it was served
}
