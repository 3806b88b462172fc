package oci

import (
	"net/http"
	"strings"
)

// listRepositories lists the repositories of the registry by names that are valid on this host: if
// the host names no registry, with account and Region, since another login would take the bare name
// for one of its own. The endpoint is not in the specification; clients know it from Docker's
// registry API.
func (h *handler) listRepositories(w http.ResponseWriter, r *http.Request, req *request) error {
	prefix, path := "", "/v2/_catalog"
	if !req.bareNames {
		prefix = req.ref.Registry.Account + "/" + req.ref.Registry.Region + "/"
	}
	if req.name != "" {
		path = "/v2/" + prefix + "_catalog"
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
			setNext(w, path, req, prefix+next)
		}
	}
	return h.writeJSON(w, r, req, "application/json", struct {
		Repositories []string `json:"repositories"`
	}{names})
}
