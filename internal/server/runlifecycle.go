package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/control"
	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/registry"
)

// lifecyclePath is that of runs of lifecycle policies on the control socket.
const lifecyclePath = "/lifecycle/run"

// maxLifecycleMessage bounds what a command and the server say to each other of
// runs, in bytes: a run has the text of its policy.
const maxLifecycleMessage = 1 << 20

// LifecycleRunner runs lifecycle policies of the deployment that is configured,
// for its operator: its server does where the facts are in the data folder and one
// runs, else this process. Errors about what was asked are *registry.Error.
type LifecycleRunner struct {
	cfg config.Config
	// What this process has opened, if it had to.
	domain *domain
	expiry *expiry.Service
}

// NewLifecycleRunner returns a runner, which must be closed.
func NewLifecycleRunner(cfg config.Config) *LifecycleRunner { return &LifecycleRunner{cfg: cfg} }

// Close closes what the runner has opened.
func (l *LifecycleRunner) Close() error {
	if l.domain == nil {
		return nil
	}
	return l.domain.close()
}

// Run does a piece of the work.
func (l *LifecycleRunner) Run(ctx context.Context, r expiry.RunRequest) (_ expiry.RunPiece, err error) {
	if l.domain == nil && l.cfg.Database == "" {
		piece, err := askLifecycle(ctx, l.cfg.Data, r)
		if !errors.Is(err, control.ErrNoServer) {
			return piece, err
		}
	}
	if l.domain == nil {
		// Deletions replicate, to peers, too: the servers try what is queued for them.
		if l.domain, err = openDomain(ctx, l.cfg); err != nil {
			return expiry.RunPiece{}, err
		}
		l.expiry = newExpiry(l.cfg, l.domain.registry, l.domain.metadata, l.domain.log)
	}
	return l.expiry.RunForOperator(ctx, r)
}

// serveLifecycle answers a command, on the control socket.
func (g *generation) serveLifecycle(w http.ResponseWriter, r *http.Request) {
	var request expiry.RunRequest
	if !readCommand(w, r, maxLifecycleMessage, &request) {
		return
	}
	piece, err := g.expiry.RunForOperator(r.Context(), request)
	if e, ok := errors.AsType[*registry.Error](err); ok {
		answerCommand(w, http.StatusConflict, registry.Error{Code: e.Code, Message: e.Message})
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answerCommand(w, http.StatusOK, piece)
}

// askLifecycle has the server of the data folder do a piece of the work.
func askLifecycle(ctx context.Context, data string, r expiry.RunRequest) (piece expiry.RunPiece, err error) {
	var refusal registry.Error
	refused, err := askServer(ctx, data, lifecyclePath, maxLifecycleMessage, r, &piece, &refusal,
		"runs no lifecycle policies")
	if err == nil && refused {
		err = &refusal
	}
	return piece, err
}
