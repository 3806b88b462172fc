package twinport

import (
	"context"
	"strings"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// LifecyclePageRequest is the request of ListLifecycleRuns, and of
// DescribeLifecyclePreview.
type LifecyclePageRequest struct {
	RepositoryName string
	paging

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *LifecyclePageRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "repositoryName":
			if d.First(&v.present, 0) {
				v.RepositoryName = d.String()
			}
		case "maxResults":
			if d.First(&v.present, 1) {
				v.MaxResults = d.Int32()
			}
		case "nextToken":
			if d.First(&v.present, 2) {
				v.NextToken = d.String()
			}
		default:
			d.Unknown()
		}
	}
}

// Validate implements awsjson.Decodable.
func (v *LifecyclePageRequest) Validate(at string) *awsjson.Exception {
	if !v.present.Has(0) {
		return awsjson.Missing(at, "repositoryName")
	}
	if e := limitsRepositoryName.Check(at, "repositoryName", v.RepositoryName); e != nil {
		return e
	}
	if v.present.Has(1) {
		return awsjson.CheckRange(at, "maxResults", int64(v.MaxResults), 1, 100)
	}
	return nil
}

// LifecycleRun is a run of a repository's lifecycle policy.
type LifecycleRun struct {
	RunID               string  `json:"runId"`
	Status              string  `json:"status"`
	StatusReason        string  `json:"statusReason,omitzero"`
	LifecyclePolicyText string  `json:"lifecyclePolicyText"`
	StartedAt           seconds `json:"startedAt"`
	EndedAt             seconds `json:"endedAt,omitzero"`
	MarkedImageCount    int64   `json:"markedImageCount"`
	MarkedSizeInBytes   int64   `json:"markedSizeInBytes"`
	ExpiredImageCount   int64   `json:"expiredImageCount"`
}

// ListLifecycleRunsResponse is the answer of ListLifecycleRuns.
type ListLifecycleRunsResponse struct {
	Runs []LifecycleRun `json:"runs"`
	// NextRunAt is when a run is to begin next, if the repository has a policy.
	NextRunAt seconds `json:"nextRunAt,omitzero"`
	NextToken string  `json:"nextToken,omitzero"`
}

// ListLifecycleRuns lists the runs of a repository's lifecycle policies, the latest
// first.
func (s *Service) ListLifecycleRuns(ctx context.Context, call Call,
	in *LifecyclePageRequest) (*ListLifecycleRunsResponse, error) {
	ref := resource.Repository{Registry: call.Registry, Name: in.RepositoryName}
	scope := []string{"ListLifecycleRuns", ref.String()}
	p, err := in.page(scope...)
	if err != nil {
		return nil, err
	}
	runs, next, dueAt, err := s.Expiry.Runs(ctx, call.Caller, ref, p)
	if err != nil {
		return nil, err
	}
	out := &ListLifecycleRunsResponse{
		Runs: make([]LifecycleRun, 0, len(runs)), NextRunAt: seconds{dueAt}, NextToken: awsjson.NextToken(next, scope...),
	}
	for _, r := range runs {
		out.Runs = append(out.Runs, lifecycleRun(r))
	}
	return out, nil
}

func lifecycleRun(r expiry.Run) LifecycleRun {
	return LifecycleRun{
		RunID: r.ID, Status: string(r.Status), StatusReason: r.Note, LifecyclePolicyText: r.Policy,
		StartedAt: seconds{r.BeganAt}, EndedAt: seconds{r.EndedAt}, MarkedImageCount: r.Found, MarkedSizeInBytes: r.Bytes,
		ExpiredImageCount: r.Expired,
	}
}

// LifecyclePreviewImage is an image that a policy would act on.
type LifecyclePreviewImage struct {
	ImageDigest         string   `json:"imageDigest"`
	ImageTags           []string `json:"imageTags"`
	ImagePushedAt       seconds  `json:"imagePushedAt"`
	ImageSizeInBytes    int64    `json:"imageSizeInBytes"`
	AppliedRulePriority int      `json:"appliedRulePriority"`
	// Action is EXPIRE or TRANSITION.
	Action string `json:"action"`
}

// DescribeLifecyclePreviewResponse is the answer of DescribeLifecyclePreview.
type DescribeLifecyclePreviewResponse struct {
	Status                  string                  `json:"status"`
	StatusReason            string                  `json:"statusReason,omitzero"`
	LifecyclePolicyText     string                  `json:"lifecyclePolicyText"`
	StartedAt               seconds                 `json:"startedAt"`
	EndedAt                 seconds                 `json:"endedAt,omitzero"`
	ExpiringImageCount      int64                   `json:"expiringImageCount"`
	ExpiringSizeInBytes     int64                   `json:"expiringSizeInBytes"`
	TransitioningImageCount int64                   `json:"transitioningImageCount"`
	Images                  []LifecyclePreviewImage `json:"images"`
	NextToken               string                  `json:"nextToken,omitzero"`
}

// DescribeLifecyclePreview returns a repository's last preview, which
// StartLifecyclePolicyPreview began, as GetLifecyclePolicyPreview does, with the
// sizes of what the policy would delete.
func (s *Service) DescribeLifecyclePreview(ctx context.Context, call Call,
	in *LifecyclePageRequest) (*DescribeLifecyclePreviewResponse, error) {
	ref := resource.Repository{Registry: call.Registry, Name: in.RepositoryName}
	scope := []string{"DescribeLifecyclePreview", ref.String()}
	page, err := in.page(scope...)
	if err != nil {
		return nil, err
	}
	p, images, next, err := s.Expiry.ListPreview(ctx, call.Caller, ref, registry.AnyTagStatus, page)
	if err != nil {
		return nil, err
	}
	out := &DescribeLifecyclePreviewResponse{
		Status: string(p.Status), StatusReason: p.Note, LifecyclePolicyText: p.Text, StartedAt: seconds{p.BeganAt},
		EndedAt: seconds{p.EndedAt}, ExpiringImageCount: p.Expiring, ExpiringSizeInBytes: p.Bytes,
		TransitioningImageCount: p.Transitioning, Images: make([]LifecyclePreviewImage, 0, len(images)),
		NextToken: awsjson.NextToken(next, scope...),
	}
	for _, i := range images {
		out.Images = append(out.Images, LifecyclePreviewImage{
			ImageDigest: i.Digest.String(), ImageTags: append([]string{}, i.Tags...), ImagePushedAt: seconds{i.PushedAt},
			ImageSizeInBytes: i.Size, AppliedRulePriority: i.Priority, Action: strings.ToUpper(i.Action),
		})
	}
	return out, nil
}

// ListLifecycleRunImagesRequest is the request of ListLifecycleRunImages.
type ListLifecycleRunImagesRequest struct {
	RepositoryName string
	RunID          string
	paging

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *ListLifecycleRunImagesRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "repositoryName":
			if d.First(&v.present, 0) {
				v.RepositoryName = d.String()
			}
		case "runId":
			if d.First(&v.present, 1) {
				v.RunID = d.String()
			}
		case "maxResults":
			if d.First(&v.present, 2) {
				v.MaxResults = d.Int32()
			}
		case "nextToken":
			if d.First(&v.present, 3) {
				v.NextToken = d.String()
			}
		default:
			d.Unknown()
		}
	}
}

var limitsRunID = &awsjson.StringLimits{Min: 1, Max: 20}

// Validate implements awsjson.Decodable.
func (v *ListLifecycleRunImagesRequest) Validate(at string) *awsjson.Exception {
	for i, name := range []string{"repositoryName", "runId"} {
		if !v.present.Has(i) {
			return awsjson.Missing(at, name)
		}
	}
	if e := limitsRepositoryName.Check(at, "repositoryName", v.RepositoryName); e != nil {
		return e
	}
	if e := limitsRunID.Check(at, "runId", v.RunID); e != nil {
		return e
	}
	if v.present.Has(2) {
		return awsjson.CheckRange(at, "maxResults", int64(v.MaxResults), 1, 1000)
	}
	return nil
}

// LifecycleRunImage is an image that a run has found, and what came of it.
type LifecycleRunImage struct {
	ImageDigest         string   `json:"imageDigest"`
	ImageTags           []string `json:"imageTags"`
	ImagePushedAt       seconds  `json:"imagePushedAt"`
	ImageSizeInBytes    int64    `json:"imageSizeInBytes"`
	AppliedRulePriority int      `json:"appliedRulePriority"`
	// Outcome is WAITING, EXPIRED or KEPT.
	Outcome       string `json:"outcome"`
	OutcomeReason string `json:"outcomeReason,omitzero"`
}

// ListLifecycleRunImagesResponse is the answer of ListLifecycleRunImages.
type ListLifecycleRunImagesResponse struct {
	Images    []LifecycleRunImage `json:"images"`
	NextToken string              `json:"nextToken,omitzero"`
}

// ListLifecycleRunImages lists the images that a run has found, those pushed first
// before others.
func (s *Service) ListLifecycleRunImages(ctx context.Context, call Call,
	in *ListLifecycleRunImagesRequest) (*ListLifecycleRunImagesResponse, error) {
	ref := resource.Repository{Registry: call.Registry, Name: in.RepositoryName}
	scope := []string{"ListLifecycleRunImages", ref.String(), in.RunID}
	p, err := in.page(scope...)
	if err != nil {
		return nil, err
	}
	images, next, err := s.Expiry.RunImages(ctx, call.Caller, ref, in.RunID, p)
	if err != nil {
		return nil, err
	}
	out := &ListLifecycleRunImagesResponse{
		Images: make([]LifecycleRunImage, 0, len(images)), NextToken: awsjson.NextToken(next, scope...),
	}
	for _, i := range images {
		out.Images = append(out.Images, LifecycleRunImage{
			ImageDigest: i.Digest.String(), ImageTags: append([]string{}, i.Tags...), ImagePushedAt: seconds{i.PushedAt},
			ImageSizeInBytes: i.Size, AppliedRulePriority: i.Priority, Outcome: string(i.Outcome), OutcomeReason: i.Reason,
		})
	}
	return out, nil
}
