package oci

import "net/http"

// base answers end-1: the registry speaks the protocol, and the login is good.
func (h *handler) base(w http.ResponseWriter) error {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}
