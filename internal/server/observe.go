package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"
)

// observer surrounds every request: it counts it, logs it at debug level, and
// keeps a panic in one request from ending the others.
type observer struct {
	routes  *routes
	metrics *requestMetrics
	log     *slog.Logger
}

func (o *observer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	p := protocolOf(r)
	answer := &response{ResponseWriter: w}
	o.metrics.inFlight.Add(1)
	// Deferred, for an aborted request must count as well.
	defer o.finish(p, answer, r, start)
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
			slog.Int("status", status), slog.Int64("bytes", w.bytes), slog.Duration("duration", duration), slog.String("client", r.RemoteAddr))
	}
	if abort {
		panic(http.ErrAbortHandler) // net/http closes the connection without a word
	}
}

// afterPanic logs a panic and answers in the protocol's own form. It reports
// whether the connection must be broken off: a client must not take a part of
// an answer for the whole.
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
	const message = "An internal error occurred: see the server's log"
	header := w.Header()
	clear(header) // it was meant for another answer
	var body string
	switch p {
	case protocolOCI:
		header.Set("Content-Type", "application/json")
		body = `{"errors":[{"code":"UNKNOWN","message":"` + message + `"}]}`
	case protocolAWS, protocolStream:
		header.Set("Content-Type", "application/x-amz-json-1.1")
		body = `{"__type":"ServerException","message":"` + message + `"}`
	default:
		writeText(w, r, http.StatusInternalServerError, message)
		return false
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusInternalServerError)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // a client that went away needs no answer
	}
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
