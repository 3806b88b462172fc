package oci

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
)

// setContent sets the headers of a manifest or blob, GET and HEAD alike, and
// returns its entity tag: the digest in quotes. It is called for every pull,
// so all values share two allocations.
func setContent(header http.Header, mediaType string, size int64, d digest.Digest) (etag string) {
	etag = `"` + string(d) + `"`
	values := &[...]string{mediaType, strconv.FormatInt(size, 10), etag[1 : len(etag)-1], etag}
	header["Content-Type"] = values[0:1:1]
	header["Content-Length"] = values[1:2:2]
	header["Docker-Content-Digest"] = values[2:3:3]
	header["Etag"] = values[3:4:4]
	return etag
}

// notModified answers 304 if the client has the content already, as its
// If-None-Match says (RFC 9110, 13.1.2), and reports whether it did.
func notModified(w http.ResponseWriter, r *http.Request, etag string) bool {
	known := r.Header.Get("If-None-Match")
	// Entity tags here are digests in quotes: none can be part of another, so
	// no list needs to be taken apart.
	if known == "" || known != "*" && !strings.Contains(known, etag) {
		return false
	}
	header := w.Header()
	delete(header, "Content-Type")
	delete(header, "Content-Length")
	w.WriteHeader(http.StatusNotModified)
	return true
}

// created answers 201 with the place and the digest of what was stored.
func created(w http.ResponseWriter, location string, d digest.Digest) error {
	header := w.Header()
	header.Set("Location", location)
	header.Set("Docker-Content-Digest", string(d))
	header.Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}

// accepted answers 202 to a delete.
func accepted(w http.ResponseWriter) error {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
	return nil
}
