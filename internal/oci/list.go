package oci

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"

	"github.com/twinport/twinport/internal/registry"
)

// maxPage is the most items in one answer of a list, whatever n asks for; the
// Link header leads to the rest (ECR's own limit is 1,000 too).
const maxPage = 1000

// page returns the page that the request asks for. For n=0, which wants an
// empty list, it asks for one item, so that the domain checks the rights and
// the repository as ever.
func (req *request) page() registry.Page {
	limit := req.limit
	if limit == noLimit {
		limit = maxPage
	}
	return registry.Page{After: req.last, Limit: max(1, min(limit, maxPage))}
}

// setNext points a client to the page after last, with the parameters of the
// request it made (RFC 8288). path is absolute and needs no escaping.
func setNext(w http.ResponseWriter, path string, req *request, last string) {
	parameters := url.Values{"last": {last}}
	if req.limit != noLimit {
		parameters.Set("n", strconv.Itoa(min(req.limit, maxPage)))
	}
	if req.artifactType != "" {
		parameters.Set("artifactType", req.artifactType)
	}
	w.Header().Set("Link", "<"+path+"?"+parameters.Encode()+`>; rel="next"`)
}

func (h *handler) writeJSON(w http.ResponseWriter, r *http.Request, req *request, mediaType string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return h.writeBody(w, r, req, mediaType, body)
}

// largeAnswer is from which size on an answer counts as memory while it is sent:
// a client may take its time.
const largeAnswer = 64 << 10

func (h *handler) writeBody(w http.ResponseWriter, r *http.Request, req *request, mediaType string, body []byte) error {
	if len(body) > largeAnswer && r.Method != http.MethodHead {
		held, ctx := h.begin(r, req)
		defer held.End()
		if err := held.Memory.Take(ctx, int64(len(body))); err != nil {
			return err
		}
	}
	header := w.Header()
	header.Set("Content-Type", mediaType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		h.write(w, r, body)
	}
	return nil
}

// write sends a body after its headers. When it fails the client is gone or
// its connection is broken, so nobody hears of it but the log.
func (h *handler) write(w http.ResponseWriter, r *http.Request, body []byte) {
	if _, err := w.Write(body); err != nil {
		h.logUnsent(r, err)
	}
}

func (h *handler) logUnsent(r *http.Request, err error) {
	h.log.LogAttrs(r.Context(), slog.LevelDebug, "response not sent in full",
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
}
