package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/control"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

const (
	// maxComparisonRequest and maxComparison bound what a command and the server say to
	// each other, in bytes.
	maxComparisonRequest = 64 << 10
	maxComparison        = 16 << 20
)

// comparisonPath is that of comparisons on the control socket.
const comparisonPath = "/replication/compare"

// ComparisonRequest asks for a page of a comparison of a registry with a destination.
type ComparisonRequest struct {
	Source resource.Registry
	replication.CompareRequest
	After string // the page before, its Next
}

// comparisonFailure is a *registry.Error on the control socket.
type comparisonFailure struct {
	Code    registry.Code
	Message string
	Full    bool // it is replication.ErrWaitingRoomFull
}

// Comparer compares registries of the deployment that is configured, for its
// operator: its server does where the facts are in the data folder and one runs, else
// this process. Errors about what was asked are *registry.Error.
type Comparer struct {
	cfg    config.Config
	domain *domain // if this process had to open it
}

// NewComparer returns a comparer, which must be closed.
func NewComparer(cfg config.Config) *Comparer { return &Comparer{cfg: cfg} }

// Close closes what the comparer has opened.
func (c *Comparer) Close() error {
	if c.domain == nil {
		return nil
	}
	return c.domain.close()
}

// Compare returns a page.
func (c *Comparer) Compare(ctx context.Context, r ComparisonRequest) (_ replication.Comparison, err error) {
	if c.domain == nil && c.cfg.Database == "" {
		page, err := askComparison(ctx, c.cfg.Data, r)
		if !errors.Is(err, control.ErrNoServer) {
			return page, err
		}
	}
	if c.domain == nil {
		if c.domain, err = openDomain(ctx, c.cfg); err != nil {
			return replication.Comparison{}, err
		}
	}
	return compare(ctx, c.domain.replication, r)
}

func compare(ctx context.Context, s *replication.Service, r ComparisonRequest) (replication.Comparison, error) {
	return s.CompareForOperator(ctx, r.Source, r.CompareRequest,
		registry.Page{After: r.After, Limit: replication.MaxDifferences})
}

// serveComparison answers a command, on the control socket.
func (g *generation) serveComparison(w http.ResponseWriter, r *http.Request) {
	var request ComparisonRequest
	if !readCommand(w, r, maxComparisonRequest, &request) {
		return
	}
	page, err := compare(r.Context(), g.replication, request)
	if e, ok := errors.AsType[*registry.Error](err); ok {
		full := errors.Is(err, replication.ErrWaitingRoomFull)
		answerCommand(w, http.StatusConflict, comparisonFailure{Code: e.Code, Message: e.Message, Full: full})
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answerCommand(w, http.StatusOK, page)
}

// askComparison has the server of the data folder compare.
func askComparison(ctx context.Context, data string, r ComparisonRequest) (page replication.Comparison, err error) {
	var failure comparisonFailure
	refused, err := askServer(ctx, data, comparisonPath, maxComparison, r, &page, &failure, "does not compare")
	if err != nil || !refused {
		return page, err
	}
	e := registry.Errorf(failure.Code, "%s", failure.Message)
	if failure.Full {
		e.Err = replication.ErrWaitingRoomFull
	}
	return page, e
}
