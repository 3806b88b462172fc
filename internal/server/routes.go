package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/twinport/twinport/internal/awsapi"
	"github.com/twinport/twinport/internal/console"
	"github.com/twinport/twinport/internal/peer"
)

// protocol tells requests apart, in metrics and for errors.
type protocol int

const (
	protocolOCI protocol = iota
	protocolAWS
	protocolStream // of the AWS APIs: an answer that goes on for as long as the client listens
	protocolConsole
	protocolPeer  // what other deployments ask
	protocolOther // health, metrics and what is not served
	protocols
)

func (p protocol) String() string {
	return [protocols]string{"oci", "aws", "stream", "console", "peer", "other"}[p]
}

// routes hands each request to who answers it. It is no ServeMux: that would
// clean paths and redirect, and hide path tricks from the protocols.
type routes struct {
	oci, aws, console, peers http.Handler
	// metrics is nil if they have a listener of their own.
	metrics http.Handler
	// ready says why the server should get no requests, or nil.
	ready func(context.Context) error
}

// writtenPath is the path as the client wrote it. A prefix that is escaped, such
// as /%76%32/ or /%6detrics, is no prefix of ours: balancers in front compare the
// text, and what they keep inside must not be had by another spelling.
func writtenPath(r *http.Request) string {
	if r.URL.RawPath != "" {
		return r.URL.RawPath
	}
	return r.URL.Path
}

func protocolOf(r *http.Request) protocol {
	path := writtenPath(r)
	switch {
	case strings.HasPrefix(path, "/v2/") || path == "/v2":
		return protocolOCI
	case console.Serves(path):
		return protocolConsole
	case strings.HasPrefix(path, peer.PathPrefix):
		return protocolPeer
	case path != "/":
		return protocolOther
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		// STS takes its Query protocol as a GET too.
		if !strings.Contains(r.URL.RawQuery, "Action=") {
			return protocolOther
		}
	}
	if awsapi.Streams(r) {
		return protocolStream
	}
	return protocolAWS
}

func (h *routes) serve(p protocol, w http.ResponseWriter, r *http.Request) {
	if r.TLS != nil && !local(r.Host) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	}
	switch p {
	case protocolOCI:
		h.oci.ServeHTTP(w, r)
	case protocolAWS, protocolStream:
		h.aws.ServeHTTP(w, r)
	case protocolConsole:
		h.console.ServeHTTP(w, r)
	case protocolPeer:
		h.peers.ServeHTTP(w, r)
	default:
		h.serveOther(w, r)
	}
}

// onlyPeers serves what comes through a tunnel, which carries nothing but what peers ask.
func onlyPeers(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if protocolOf(r) != protocolPeer {
			writeText(w, r, http.StatusNotFound, "A tunnel between deployments leads to "+peer.PathPrefix+" only.")
			return
		}
		h.ServeHTTP(w, r)
	})
}

// local says whether a host is localhost, or below it. Browsers use that name for all its ports,
// some of which may be a developer's without TLS.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func (h *routes) serveOther(w http.ResponseWriter, r *http.Request) {
	path := writtenPath(r)
	switch {
	case path == "/healthz":
		answerRead(w, r, func() { writeText(w, r, http.StatusOK, "ok") })
	case path == "/readyz":
		answerRead(w, r, func() { h.serveReady(w, r) })
	case path == "/metrics" && h.metrics != nil:
		serveMetrics(h.metrics, w, r)
	default:
		writeText(w, r, http.StatusNotFound, "Twinport has nothing at this path. It serves registries under /v2/ (docker "+
			"login, push and pull), the Amazon ECR API as POST / (aws ecr --endpoint-url), the web console under /console/, "+
			"and /healthz and /readyz.")
	}
}

func (h *routes) serveReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := h.ready(ctx); err != nil {
		writeText(w, r, http.StatusServiceUnavailable, "not ready: "+err.Error())
		return
	}
	writeText(w, r, http.StatusOK, "ready")
}

func serveMetrics(metrics http.Handler, w http.ResponseWriter, r *http.Request) {
	answerRead(w, r, func() { metrics.ServeHTTP(w, r) })
}

// answerRead answers GET and HEAD, and refuses what would change something.
func answerRead(w http.ResponseWriter, r *http.Request, answer func()) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeText(w, r, http.StatusMethodNotAllowed, writtenPath(r)+" takes GET and HEAD")
		return
	}
	answer()
}

func writeText(w http.ResponseWriter, r *http.Request, status int, text string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(text)+1))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, text+"\n") // a client that went away needs no answer
	}
}
