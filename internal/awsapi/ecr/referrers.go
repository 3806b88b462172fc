package ecr

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/registry"
)

// referrersPage is how many referrers a list has when maxResults is absent, as in ECR.
const referrersPage = 20

// ListImageReferrers lists what refers to an image, such as signatures, as the
// OCI endpoint of referrers does. An image that is not there has none.
func (s *Service) ListImageReferrers(ctx context.Context, call Call,
	in *ListImageReferrersRequest) (*ListImageReferrersResponse, error) {
	subject, ok := parseDigest(in.SubjectID.ImageDigest)
	if !ok {
		return nil, badDigest(in.SubjectID.ImageDigest)
	}
	var filter ListImageReferrersFilter
	if in.Filter != nil {
		filter = *in.Filter
	}
	p, next, err := call.page(in, referrersPage)
	if err != nil {
		return nil, err
	}
	found, last, err := s.registry.Referrers(ctx, call.Caller, call.ref(in.RegistryID, in.RepositoryName), subject,
		filter.ArtifactTypes, p)
	if err != nil {
		return nil, err
	}
	out := &ListImageReferrersResponse{Referrers: []ImageReferrer{}}
	if !listsActive(ImageStatusFilter(filter.ArtifactStatus)) {
		return out, nil
	}
	out.NextToken = next(last)
	done, err := admitAnnotations(ctx, found)
	if err != nil {
		return nil, err
	}
	defer done()
	for _, r := range found {
		referrer, err := imageReferrer(r)
		if err != nil {
			return nil, err
		}
		out.Referrers = append(out.Referrers, referrer)
	}
	return out, nil
}

// largeAnnotations is from how many bytes on the annotations of a page count as
// memory: as maps they take several times as much.
const largeAnnotations = 64 << 10

// admitAnnotations waits until the annotations of the referrers may be decoded.
func admitAnnotations(ctx context.Context, referrers []registry.Referrer) (done func(), err error) {
	size := 0
	for _, r := range referrers {
		size += len(r.Annotations)
	}
	if size > largeAnnotations {
		if err := budget.TakeMemory(ctx, 8*size); err != nil {
			return nil, err
		}
	}
	return budget.Busy(ctx, size)
}

func imageReferrer(r registry.Referrer) (ImageReferrer, error) {
	out := ImageReferrer{
		Digest: r.Digest.String(), MediaType: r.MediaType, ArtifactType: r.ArtifactType, Size: new(r.Size),
		ArtifactStatus: ArtifactStatusActive,
	}
	if len(r.Annotations) == 0 {
		return out, nil
	}
	if err := json.Unmarshal(r.Annotations, &out.Annotations); err != nil {
		return out, fmt.Errorf("read the annotations of the referrer %s: %w", r.Digest, err)
	}
	return out, nil
}
