package oci

import (
	"encoding/json"
	"net/http"

	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/registry"
)

const (
	// maxReferrersBytes bounds an answer of listReferrers: an index, so not
	// larger than a manifest may be. Annotations may fill that with one item.
	maxReferrersBytes = registry.MaxManifestSize
	// referrersPage is how many referrers are held in memory at a time, at
	// worst a manifest's size of annotations each.
	referrersPage = 16
)

// referrersIndex is an OCI image index whose descriptors are encoded already.
type referrersIndex struct {
	specs.Versioned
	MediaType string            `json:"mediaType"`
	Manifests []json.RawMessage `json:"manifests"`
}

// listReferrers answers end-12a and end-12b.
func (h *handler) listReferrers(w http.ResponseWriter, r *http.Request, req *request) error {
	index := referrersIndex{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageIndex,
		Manifests: []json.RawMessage{},
	}
	page, size, last := req.page(), 0, ""
collect:
	for left := page.Limit; left > 0; {
		page.Limit = min(left, referrersPage)
		found, next, err := h.registry.Referrers(r.Context(), req.caller, req.ref, req.digest, req.artifactType, page)
		if err != nil {
			return err
		}
		for _, referrer := range found {
			descriptor, err := encodeReferrer(referrer)
			if err != nil {
				return err
			}
			size += len(descriptor)
			if size > maxReferrersBytes && len(index.Manifests) > 0 {
				setNext(w, "/v2/"+req.name+"/referrers/"+string(req.digest), req, last)
				break collect
			}
			index.Manifests = append(index.Manifests, descriptor)
			last = string(referrer.Digest)
		}
		if next == "" {
			break
		}
		page.After = next
		if left -= len(found); left <= 0 {
			setNext(w, "/v2/"+req.name+"/referrers/"+string(req.digest), req, next)
		}
	}
	if req.artifactType != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	return h.writeJSON(w, r, v1.MediaTypeImageIndex, index)
}

func encodeReferrer(r registry.Referrer) (json.RawMessage, error) {
	return json.Marshal(v1.Descriptor{
		MediaType:    r.MediaType,
		Digest:       r.Digest,
		Size:         r.Size,
		ArtifactType: r.ArtifactType,
		Annotations:  r.Annotations,
	})
}
