package ecr

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/registry"
)

// PutLifecyclePolicy sets a repository's lifecycle policy. The answer has it as it
// is returned from now on, not as it was sent.
func (s *Service) PutLifecyclePolicy(ctx context.Context, call Call,
	in *PutLifecyclePolicyRequest) (*PutLifecyclePolicyResponse, error) {
	ref := call.ref(in.RegistryID, in.RepositoryName)
	text, err := s.expiry.PutPolicy(ctx, call.Caller, ref, in.LifecyclePolicyText, call.Base...)
	if err != nil {
		return nil, err
	}
	return &PutLifecyclePolicyResponse{
		RegistryID: ref.Registry.Account, RepositoryName: ref.Name, LifecyclePolicyText: text,
	}, nil
}

// GetLifecyclePolicy returns a repository's lifecycle policy.
func (s *Service) GetLifecyclePolicy(ctx context.Context, call Call,
	in *GetLifecyclePolicyRequest) (*GetLifecyclePolicyResponse, error) {
	ref := call.ref(in.RegistryID, in.RepositoryName)
	p, err := s.expiry.Policy(ctx, call.Caller, ref)
	call.readsPolicy(p.Text, err)
	if err != nil {
		return nil, err
	}
	return &GetLifecyclePolicyResponse{
		RegistryID: ref.Registry.Account, RepositoryName: ref.Name, LifecyclePolicyText: p.Text,
		LastEvaluatedAt: evaluatedAt(p),
	}, nil
}

// DeleteLifecyclePolicy deletes a repository's lifecycle policy and returns it.
func (s *Service) DeleteLifecyclePolicy(ctx context.Context, call Call,
	in *DeleteLifecyclePolicyRequest) (*DeleteLifecyclePolicyResponse, error) {
	ref := call.ref(in.RegistryID, in.RepositoryName)
	p, err := s.expiry.DeletePolicy(ctx, call.Caller, ref, call.Base...)
	if err != nil {
		return nil, err
	}
	return &DeleteLifecyclePolicyResponse{
		RegistryID: ref.Registry.Account, RepositoryName: ref.Name, LifecyclePolicyText: p.Text,
		LastEvaluatedAt: evaluatedAt(p),
	}, nil
}

// evaluatedAt is 0, of 1970, for a policy that has not run, as in ECR.
func evaluatedAt(p expiry.Policy) Timestamp {
	if p.EvaluatedAt.IsZero() {
		return Timestamp{time.Unix(0, 0)}
	}
	return Timestamp{p.EvaluatedAt}
}

// StartLifecyclePolicyPreview begins to find what a policy would do.
func (s *Service) StartLifecyclePolicyPreview(ctx context.Context, call Call,
	in *StartLifecyclePolicyPreviewRequest) (*StartLifecyclePolicyPreviewResponse, error) {
	ref := call.ref(in.RegistryID, in.RepositoryName)
	text, err := s.expiry.StartPreview(ctx, call.Caller, ref, in.LifecyclePolicyText)
	if err != nil {
		return nil, err
	}
	return &StartLifecyclePolicyPreviewResponse{
		RegistryID: ref.Registry.Account, RepositoryName: ref.Name, LifecyclePolicyText: text,
		Status: LifecyclePolicyPreviewStatusInProgress,
	}, nil
}

// GetLifecyclePolicyPreview returns what the policy of the last preview would do:
// a page of it, or about some images.
func (s *Service) GetLifecyclePolicyPreview(ctx context.Context, call Call,
	in *GetLifecyclePolicyPreviewRequest) (*GetLifecyclePolicyPreviewResponse, error) {
	ref := call.ref(in.RegistryID, in.RepositoryName)
	status := registry.AnyTagStatus
	if in.Filter != nil {
		status = tagStatus(in.Filter.TagStatus)
	}
	var (
		p      expiry.Preview
		images []expiry.Marked
		next   string
		err    error
	)
	if len(in.ImageIDs) > 0 {
		if err := notPaged(in, "imageIds"); err != nil {
			return nil, err
		}
		asked := make([]registry.Reference, 0, len(in.ImageIDs))
		for i, id := range in.ImageIDs {
			image, failure := reference(id)
			if failure != nil {
				return nil, violation("imageIds."+awsjson.Item(i), id, failure)
			}
			asked = append(asked, image)
		}
		p, images, err = s.expiry.PreviewOf(ctx, call.Caller, ref, asked)
	} else {
		page, token, bad := call.page(in, awsjson.DefaultPage)
		if bad != nil {
			return nil, bad
		}
		p, images, next, err = s.expiry.ListPreview(ctx, call.Caller, ref, status, page)
		next = token(next)
	}
	if err != nil {
		return nil, err
	}
	out := &GetLifecyclePolicyPreviewResponse{
		RegistryID: ref.Registry.Account, RepositoryName: ref.Name, LifecyclePolicyText: p.Text,
		Status: LifecyclePolicyPreviewStatus(p.Status), NextToken: next,
		PreviewResults: []LifecyclePolicyPreviewResult{}, Summary: previewSummary(p),
	}
	for _, image := range images {
		if has(registry.Image{Tags: image.Tags}, status) {
			out.PreviewResults = append(out.PreviewResults, previewResult(image))
		}
	}
	return out, nil
}

func previewSummary(p expiry.Preview) *LifecyclePolicyPreviewSummary {
	summary := &LifecyclePolicyPreviewSummary{ExpiringImageTotalCount: new(count32(p.Expiring))}
	if p.Transitioning > 0 {
		summary.TransitioningImageTotalCounts = []TransitioningImageTotalCount{{
			TargetStorageClass: LifecyclePolicyTargetStorageClassArchive, ImageTotalCount: new(count32(p.Transitioning)),
		}}
	}
	return summary
}

// count32 is a count as the model has it.
func count32(n int64) int32 { return int32(min(n, math.MaxInt32)) }

func previewResult(image expiry.Marked) LifecyclePolicyPreviewResult {
	result := LifecyclePolicyPreviewResult{
		ImageTags: append([]string{}, image.Tags...), ImageDigest: image.Digest.String(),
		ImagePushedAt:       Timestamp{image.PushedAt},
		Action:              &LifecyclePolicyRuleAction{Type: ImageActionType(strings.ToUpper(image.Action))},
		AppliedRulePriority: new(int32(image.Priority)), // it has 32 bits in the language, too
		StorageClass:        LifecyclePolicyStorageClass(strings.ToUpper(image.StorageClass)),
	}
	if result.Action.Type == ImageActionTypeTransition {
		result.Action.TargetStorageClass = LifecyclePolicyTargetStorageClassArchive
	}
	return result
}
