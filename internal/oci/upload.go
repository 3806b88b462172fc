package oci

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/twinport/twinport/internal/registry"
)

// atEnd is the offset of a chunk that does not say where it goes.
const atEnd = -1

// startUpload answers end-4a and end-4c.
func (h *handler) startUpload(w http.ResponseWriter, r *http.Request, req *request) error {
	id, err := h.registry.StartUpload(r.Context(), req.caller, req.ref)
	if err != nil {
		return err
	}
	setUpload(w.Header(), req, id, 0)
	return accepted(w)
}

// mountBlob answers end-11. Where there is nothing to mount that the caller
// may read, an upload session is opened instead.
func (h *handler) mountBlob(w http.ResponseWriter, r *http.Request, req *request) error {
	// The token opens no registry of another Region.
	if req.from == nil || req.from.Registry.Region == req.caller.Identity.Region {
		mounted, err := h.registry.MountLayer(r.Context(), req.caller, req.ref, req.digest, req.from)
		if err != nil {
			return err
		}
		if mounted {
			return created(w, req.blobLocation(req.digest), req.digest)
		}
	}
	return h.startUpload(w, r, req)
}

// pushBlob answers end-4b, a whole blob in one POST.
func (h *handler) pushBlob(w http.ResponseWriter, r *http.Request, req *request) error {
	body := newBody(r)
	held, ctx := h.begin(r, req)
	defer held.End()
	layer, err := h.registry.PutLayer(ctx, req.caller, req.ref, req.digest, body)
	if err != nil {
		return blame(body, err)
	}
	return created(w, req.blobLocation(layer.Digest), layer.Digest)
}

// uploadStatus answers end-13.
func (h *handler) uploadStatus(w http.ResponseWriter, r *http.Request, req *request) error {
	size, err := h.registry.UploadSize(r.Context(), req.caller, req.ref, req.upload)
	if err != nil {
		return err
	}
	setUpload(w.Header(), req, req.upload, size)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// appendUpload answers end-5. Without Content-Range the body is a stream that
// goes on where the upload is.
func (h *handler) appendUpload(w http.ResponseWriter, r *http.Request, req *request) error {
	body, offset, err := chunk(r)
	if err != nil {
		return err
	}
	held, ctx := h.begin(r, req)
	defer held.End()
	size, err := h.registry.AppendUpload(ctx, req.caller, req.ref, req.upload, offset, body)
	if err != nil {
		return uploadError(w, req, body, err)
	}
	setUpload(w.Header(), req, req.upload, size)
	return accepted(w)
}

// completeUpload answers end-6; the body may be the last chunk, or the whole blob.
func (h *handler) completeUpload(w http.ResponseWriter, r *http.Request, req *request) error {
	var (
		tail   io.Reader
		body   *requestBody
		offset = int64(atEnd)
	)
	if r.ContentLength != 0 {
		var err error
		if body, offset, err = chunk(r); err != nil {
			return err
		}
		tail = body
	}
	held, ctx := h.begin(r, req)
	defer held.End()
	layer, err := h.registry.CompleteUpload(ctx, req.caller, req.ref, req.upload, req.digest, offset, tail)
	if err != nil {
		return uploadError(w, req, body, err)
	}
	return created(w, req.blobLocation(layer.Digest), layer.Digest)
}

// cancelUpload answers end-14.
func (h *handler) cancelUpload(w http.ResponseWriter, r *http.Request, req *request) error {
	if err := h.registry.CancelUpload(r.Context(), req.caller, req.ref, req.upload); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// chunk returns the body and where in the blob it goes.
func chunk(r *http.Request) (body *requestBody, offset int64, err error) {
	body, offset = newBody(r), atEnd
	header := r.Header.Get("Content-Range")
	if header == "" {
		return body, offset, nil
	}
	offset, length, err := parseContentRange(header)
	if err != nil {
		return nil, 0, err
	}
	if r.ContentLength >= 0 && r.ContentLength != length {
		return nil, 0, errChunkLength
	}
	body.left = length
	return body, offset, nil
}

// uploadError adds to a refusal what the client needs to go on: where the
// upload is and how much of it was received.
func uploadError(w http.ResponseWriter, req *request, body *requestBody, err error) error {
	if e, ok := errors.AsType[*registry.Error](err); ok && e.Code == registry.InvalidLayerPart {
		setUpload(w.Header(), req, req.upload, e.Received)
	}
	return blame(body, err)
}

// setUpload sets the headers that describe an upload session. Range has no form
// for "nothing yet"; as in Docker's registry it is 0-0 then.
func setUpload(header http.Header, req *request, id string, size int64) {
	header.Set("Location", req.uploadLocation(id))
	header.Set("Range", "0-"+strconv.FormatInt(max(size-1, 0), 10))
	header.Set("Docker-Upload-Uuid", id)
}
