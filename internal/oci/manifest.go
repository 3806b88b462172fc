package oci

import (
	"bytes"
	"io"
	"net/http"
	"strings"

	"github.com/twinport/twinport/internal/registry"
)

// getManifest answers end-3, GET and HEAD.
func (h *handler) getManifest(w http.ResponseWriter, r *http.Request, req *request) error {
	read := h.registry.Manifest
	if r.Method == http.MethodHead {
		read = h.registry.ManifestHead
	}
	m, err := read(r.Context(), req.caller, req.ref, req.reference)
	if err != nil {
		return err
	}
	etag := setContent(w.Header(), m.MediaType, int64(len(m.Bytes)), m.Digest)
	if notModified(w, r, etag) {
		return nil
	}
	if r.Method != http.MethodHead {
		h.write(w, r, m.Bytes)
	}
	return nil
}

// putManifest answers end-7a and end-7b.
func (h *handler) putManifest(w http.ResponseWriter, r *http.Request, req *request) error {
	body, err := h.readManifest(w, r)
	if err != nil {
		return err
	}
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	manifest := registry.NewManifest{
		Bytes:     body,
		MediaType: strings.TrimSpace(mediaType),
		Digest:    req.reference.Digest,
		Tags:      req.tags,
	}
	if req.reference.Tag != "" {
		manifest.Tags = []string{req.reference.Tag}
	}
	result, err := h.registry.PutManifest(r.Context(), req.caller, req.ref, manifest)
	if err != nil {
		return err
	}
	header := w.Header()
	if result.Subject != "" {
		header.Set("OCI-Subject", string(result.Subject))
	}
	for _, tag := range req.tags {
		header.Add("OCI-Tag", tag)
	}
	return created(w, req.manifestLocation(result.Digest), result.Digest)
}

// readManifest reads a body of at most registry.MaxManifestSize bytes. Memory grows with
// what arrives, not with what is announced.
func (h *handler) readManifest(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > registry.MaxManifestSize {
		return nil, errManifestTooLarge
	}
	const usual = 16 << 10
	buffer := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), usual)+bytes.MinRead))
	if _, err := buffer.ReadFrom(io.LimitReader(h.requestBody(w, r), registry.MaxManifestSize+1)); err != nil {
		return nil, bodyError(err)
	}
	if buffer.Len() > registry.MaxManifestSize {
		return nil, errManifestTooLarge
	}
	return buffer.Bytes(), nil
}

// deleteManifest answers end-9: of a tag it removes the tag, of a digest the
// manifest with all its tags.
func (h *handler) deleteManifest(w http.ResponseWriter, r *http.Request, req *request) error {
	var err error
	if d := req.reference.Digest; d != "" {
		err = h.registry.DeleteManifest(r.Context(), req.caller, req.ref, d)
	} else {
		err = h.registry.DeleteTag(r.Context(), req.caller, req.ref, req.reference.Tag)
	}
	if err != nil {
		return err
	}
	return accepted(w)
}
