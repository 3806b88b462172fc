package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/twinport/twinport/internal/budget"
)

// observer surrounds every request: it counts it, logs it at debug level, and
// keeps a panic in one request from ending the others.
type observer struct {
	routes  *routes
	metrics *requestMetrics
	limits  *budget.Limits
	// paces are the variable's, but in tests.
	paces [protocols]budget.Pace
	log   *slog.Logger
}

// paces are how slow a request's body may come. What the AWS APIs take is in memory
// until it is complete, so it must come faster: the largest, a layer part, within a
// quarter of an hour.
var paces = [protocols]budget.Pace{
	protocolOCI:     {Silence: 30 * time.Second, Rate: 8 << 10},
	protocolAWS:     {Silence: 30 * time.Second, Rate: 32 << 10},
	protocolStream:  {Silence: 10 * time.Second, Rate: 8 << 10},
	protocolConsole: {Silence: 10 * time.Second, Rate: 8 << 10},
	// Many share a line that may be slow, and each has proven who it is before its body is read.
	protocolPeer:  {Silence: time.Minute, Rate: 256},
	protocolOther: {Silence: 10 * time.Second, Rate: 8 << 10},
}

func (o *observer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	p := protocolOf(r)
	answer := &response{ResponseWriter: w}
	o.metrics.inFlight.Add(1)
	// Deferred, for an aborted request must count as well.
	defer o.finish(p, answer, r, start)
	if r.ContentLength != 0 {
		answer.body = budget.NewBody(r.Body, o.paces[p], http.NewResponseController(w).SetReadDeadline)
		r.Body = answer.body
		var claim budget.Claim
		o.limits.Requests.Begin(&claim, budget.Party{Network: budget.NetworkOf(r.RemoteAddr)})
		if err := claim.Take(r.Context(), 1); err != nil {
			writeTooMany(p, answer, r, err)
			return
		}
		defer claim.Close()
	}
	o.routes.serve(p, answer, r)
}

func (o *observer) finish(p protocol, w *response, r *http.Request, start time.Time) {
	panicked := recover()
	abort := false
	if panicked != nil {
		abort = o.afterPanic(p, w, r, panicked)
	}
	o.metrics.inFlight.Add(-1)
	duration := time.Since(start)
	status := w.status
	if status == 0 {
		status = http.StatusOK // net/http's answer for a handler that wrote nothing
	}
	o.metrics.observe(p, status, duration)
	if o.log.Enabled(r.Context(), slog.LevelDebug) {
		// Never the query: presigned URLs and download URLs carry secrets there.
		o.log.LogAttrs(r.Context(), slog.LevelDebug, "request",
			slog.String("method", r.Method), slog.String("host", r.Host), slog.String("path", shortened(r.URL.Path)),
			slog.Int("status", status), slog.Int64("bytes", w.bytes), slog.Duration("duration", duration),
			slog.String("client", r.RemoteAddr))
	}
	if abort {
		panic(http.ErrAbortHandler) // net/http closes the connection without a word
	}
}

// afterPanic logs a panic and answers in the protocol's own form. It reports
// whether the connection must be closed, so that a client does not take a part
// of an answer for the whole.
func (o *observer) afterPanic(p protocol, w *response, r *http.Request, panicked any) (abort bool) {
	if err, ok := panicked.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return true
	}
	o.log.LogAttrs(r.Context(), slog.LevelError, "panic: a request failed by a fault of the program; please report it",
		slog.String("method", r.Method), slog.String("path", shortened(r.URL.Path)),
		slog.String("cause", fmt.Sprint(panicked)), slog.String("stack", string(debug.Stack())))
	if w.status != 0 {
		return true
	}
	clear(w.Header()) // it was meant for another answer
	writeFailure(p, w, r, http.StatusInternalServerError, "UNKNOWN", "ServerException",
		"An internal error occurred: see the server's log")
	return false
}

// shortened bounds what a hostile path adds to the log.
func shortened(path string) string {
	const limit = 512
	if len(path) <= limit {
		return path
	}
	return path[:limit] + "…"
}
