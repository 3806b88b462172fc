package oci

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/registry"
)

// getManifest answers end-3, GET and HEAD.
func (h *handler) getManifest(w http.ResponseWriter, r *http.Request, req *request) error {
	ctx, read := r.Context(), h.registry.ManifestHead
	if r.Method != http.MethodHead {
		var held *budget.Request
		held, ctx = h.begin(r, req)
		defer held.End()
		read = h.registry.Manifest
	}
	m, err := read(ctx, req.caller, req.ref, req.reference)
	if err != nil {
		return err
	}
	etag := setContent(w.Header(), m.MediaType, m.Size, m.Digest)
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
	held, ctx := h.begin(r, req)
	defer held.End()
	body, err := readManifest(ctx, r, &held.Memory)
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
	result, err := h.registry.PutManifest(ctx, req.caller, req.ref, manifest)
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

// readManifest reads a body of at most registry.MaxManifestSize bytes, which the claim holds.
func readManifest(ctx context.Context, r *http.Request, c *budget.Claim) ([]byte, error) {
	body, err := budget.ReadAll(ctx, newBody(r), r.ContentLength, registry.MaxManifestSize, c)
	_, refused := errors.AsType[*budget.Error](err)
	switch {
	case err == nil || refused:
		return body, err
	case errors.Is(err, budget.ErrTooLong):
		return nil, errManifestTooLarge
	}
	return nil, bodyError(err)
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
