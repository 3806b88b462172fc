package oci

import (
	"bytes"
	"encoding/json"
	"net/http"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/registry"
)

const (
	// maxReferrersBytes bounds an answer of listReferrers; a Link leads to the
	// rest. An answer has at least one referrer: those that were pushed before
	// annotations were bounded may have 4 MiB of them.
	maxReferrersBytes = 1 << 20
	// referrersPage is how many referrers are held in memory at a time.
	referrersPage = 16
)

// listReferrers answers end-12a and end-12b.
func (h *handler) listReferrers(w http.ResponseWriter, r *http.Request, req *request) error {
	var body bytes.Buffer
	body.WriteString(`{"schemaVersion":2,"mediaType":"` + v1.MediaTypeImageIndex + `","manifests":[`)
	page, last := req.page(), ""
	var artifactTypes []string
	if req.artifactType != "" {
		artifactTypes = []string{req.artifactType}
	}
collect:
	for left := page.Limit; left > 0; {
		page.Limit = min(left, referrersPage)
		found, next, err := h.registry.Referrers(r.Context(), req.caller, req.ref, req.digest, artifactTypes, page)
		if err != nil {
			return err
		}
		for _, referrer := range found {
			descriptor, err := describeReferrer(referrer)
			if err != nil {
				return err
			}
			if last != "" {
				if body.Len()+len(descriptor)+len(referrer.Annotations) > maxReferrersBytes {
					setNext(w, "/v2/"+req.name+"/referrers/"+string(req.digest), req, last)
					break collect
				}
				body.WriteByte(',')
			}
			appendReferrer(&body, descriptor, referrer.Annotations)
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
	body.WriteString("]}")
	return h.writeBody(w, r, req, v1.MediaTypeImageIndex, body.Bytes())
}

// describeReferrer encodes a descriptor without its annotations.
func describeReferrer(r registry.Referrer) ([]byte, error) {
	return json.Marshal(v1.Descriptor{
		MediaType: r.MediaType, Digest: r.Digest, Size: r.Size, ArtifactType: r.ArtifactType,
	})
}

// appendReferrer adds a descriptor with its annotations, which were encoded
// when the referrer was pushed.
func appendReferrer(body *bytes.Buffer, descriptor []byte, annotations json.RawMessage) {
	if len(annotations) == 0 {
		body.Write(descriptor)
		return
	}
	body.Write(descriptor[:len(descriptor)-1])
	body.WriteString(`,"annotations":`)
	body.Write(annotations)
	body.WriteByte('}')
}
