package oci

import (
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/twinport/twinport/internal/registry"
)

// blobType is sent whatever a manifest calls the blob: bytes that anyone may
// have pushed must not be taken for a page or a script.
const blobType = "application/octet-stream"

// headBlob answers end-2, HEAD.
func (h *handler) headBlob(w http.ResponseWriter, r *http.Request, req *request) error {
	layer, err := h.registry.Layer(r.Context(), req.caller, req.ref, req.digest)
	if err != nil {
		return err
	}
	etag := setBlob(w.Header(), layer)
	if !notModified(w, r, etag) {
		w.WriteHeader(http.StatusOK)
	}
	return nil
}

// getBlob answers end-2, GET.
func (h *handler) getBlob(w http.ResponseWriter, r *http.Request, req *request) error {
	layer, content, err := h.registry.OpenLayer(r.Context(), req.caller, req.ref, req.digest)
	if err != nil {
		return err
	}
	if content.URL != "" {
		w.Header().Set("Docker-Content-Digest", string(layer.Digest)) // the bucket does not know it
		return redirect(w, content.URL)
	}
	defer func() {
		if err := content.Close(); err != nil {
			h.log.LogAttrs(r.Context(), slog.LevelWarn, "closing a blob failed", slog.String("digest", string(req.digest)),
				slog.Any("error", err))
		}
	}()
	header := w.Header()
	etag := setBlob(header, layer)
	if notModified(w, r, etag) {
		return nil
	}
	start, length, status := int64(0), layer.Size, http.StatusOK
	if spec := r.Header.Get("Range"); spec != "" && sameContent(r, etag) {
		part, err := parseRange(spec, layer.Size)
		if err != nil {
			// These headers describe the blob and not the error's body.
			for _, name := range [...]string{"Etag", "Docker-Content-Digest"} {
				delete(header, name)
			}
			header.Set("Content-Range", "bytes */"+strconv.FormatInt(layer.Size, 10))
			return err
		}
		if part != nil {
			start, length, status = part.start, part.length, http.StatusPartialContent
			header.Set("Content-Length", strconv.FormatInt(length, 10))
			header.Set("Content-Range", part.contentRange(layer.Size))
		}
	}
	if err := content.Begin(start); err != nil {
		// These headers describe the blob and not the error's body.
		for _, name := range [...]string{"Etag", "Docker-Content-Digest", "Accept-Ranges", "Content-Range"} {
			delete(header, name)
		}
		return err
	}
	w.WriteHeader(status)
	if err := h.send(w, content.ReadSeekCloser, length); err != nil {
		h.logUnsent(r, err)
	}
	return nil
}

// redirect sends the client to where the bytes are. Clients follow without the
// credentials that they sent here. The URL holds for a while only, and opens
// the blob for whoever has it.
func redirect(w http.ResponseWriter, url string) error {
	header := w.Header()
	header.Set("Location", url)
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusTemporaryRedirect)
	return nil
}

func setBlob(header http.Header, layer registry.Layer) (etag string) {
	header["Accept-Ranges"] = acceptRanges
	return setContent(header, blobType, layer.Size, layer.Digest)
}

// acceptRanges is shared by all responses and never written to.
var acceptRanges = []string{"bytes"}

// sameContent reports whether a range may be answered: If-Range is absent or
// names this very content (RFC 9110, 13.1.5).
func sameContent(r *http.Request, etag string) bool {
	known := r.Header.Get("If-Range")
	return known == "" || known == etag
}

// deleteBlob answers end-10.
func (h *handler) deleteBlob(w http.ResponseWriter, r *http.Request, req *request) error {
	err := h.registry.DeleteLayer(r.Context(), req.caller, req.ref, req.digest)
	if registry.CodeOf(err) == registry.LayerInUse {
		return &allowError{*toProtocol(req.op, err), "GET, HEAD"}
	}
	if err != nil {
		return err
	}
	return accepted(w)
}

// A client must take a piece of a blob per stallTimeout. The first is small, so
// that slow lines manage; for one that is quick they grow, since each costs a
// few system calls.
const (
	firstPiece   = 1 << 20
	largestPiece = 16 << 20
)

// send copies n bytes to the client. Nothing stands between content and the
// connection, so that a file is sent by the kernel (sendfile).
func (h *handler) send(w http.ResponseWriter, content io.Reader, n int64) error {
	deadline := http.NewResponseController(w)
	piece := int64(firstPiece)
	for begun := time.Now(); n > 0; {
		// Not every ResponseWriter has deadlines; then the server's own limits hold.
		_ = deadline.SetWriteDeadline(begun.Add(h.stall))
		size := min(n, piece)
		if _, err := io.CopyN(w, content, size); err != nil {
			return err
		}
		n -= size
		now := time.Now()
		if now.Sub(begun) < h.stall/60 {
			piece = min(2*piece, largestPiece)
		} else {
			piece = firstPiece
		}
		begun = now
	}
	return nil
}
