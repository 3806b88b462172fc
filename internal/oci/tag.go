package oci

import "net/http"

// listTags answers end-8a and end-8b.
func (h *handler) listTags(w http.ResponseWriter, r *http.Request, req *request) error {
	tags, next, err := h.registry.Tags(r.Context(), req.caller, req.ref, req.page())
	if err != nil {
		return err
	}
	if req.limit == 0 || tags == nil {
		tags = []string{}
	}
	if req.limit != 0 && next != "" {
		setNext(w, "/v2/"+req.name+"/tags/list", req, next)
	}
	return h.writeJSON(w, r, req, "application/json", struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{req.name, tags})
}
