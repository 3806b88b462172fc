package oci

import (
	"net/http"
	"strings"
)

// listRepositories lists the repositories of the registry by the names under
// which this client addresses them. The endpoint is not in the specification;
// clients know it from Docker's registry API.
func (h *handler) listRepositories(w http.ResponseWriter, r *http.Request, req *request) error {
	prefix := ""
	if req.name != "" {
		prefix = req.name + "/"
	}
	page := req.page()
	page.After = strings.TrimPrefix(page.After, prefix)
	repositories, next, err := h.registry.ListRepositories(r.Context(), req.caller, req.ref.Registry, page)
	if err != nil {
		return err
	}
	names := []string{}
	if req.limit != 0 {
		for _, repository := range repositories {
			names = append(names, prefix+repository.Ref.Name)
		}
		if next != "" {
			setNext(w, "/v2/"+prefix+"_catalog", req, prefix+next)
		}
	}
	return h.writeJSON(w, r, "application/json", struct {
		Repositories []string `json:"repositories"`
	}{names})
}
