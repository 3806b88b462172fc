package twinport

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/ecr"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// limitsSearch is what one may look for: at most the longest name.
var limitsSearch = &awsjson.StringLimits{Min: 0, Max: 256}

// FindRepositoriesRequest is the request of FindRepositories.
type FindRepositoriesRequest struct {
	Contains   string
	StartsWith string
	paging

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *FindRepositoriesRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "contains":
			if d.First(&v.present, 0) {
				v.Contains = d.String()
			}
		case "startsWith":
			if d.First(&v.present, 1) {
				v.StartsWith = d.String()
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

// Validate implements awsjson.Decodable.
func (v *FindRepositoriesRequest) Validate(at string) *awsjson.Exception {
	if e := limitsSearch.Check(at, "contains", v.Contains); e != nil {
		return e
	}
	if e := limitsSearch.Check(at, "startsWith", v.StartsWith); e != nil {
		return e
	}
	if v.present.Has(2) {
		return awsjson.CheckRange(at, "maxResults", int64(v.MaxResults), 1, 1000)
	}
	return nil
}

// FoundRepository is a repository with what a list for a person shows.
type FoundRepository struct {
	*ecr.Repository
	HasPolicy    bool          `json:"hasPolicy"`
	ReplicatesTo []Destination `json:"replicatesTo"`
}

// FindRepositoriesResponse is the answer of FindRepositories.
type FindRepositoriesResponse struct {
	Repositories []FoundRepository `json:"repositories"`
	NextToken    string            `json:"nextToken,omitzero"`
}

// FindRepositories lists the repositories whose names begin with one text and
// contain another.
func (s *Service) FindRepositories(ctx context.Context, call Call,
	in *FindRepositoriesRequest) (*FindRepositoriesResponse, error) {
	scope := []string{"FindRepositories", call.Registry.String(), in.StartsWith, in.Contains}
	p, err := in.page(scope...)
	if err != nil {
		return nil, err
	}
	found, next, err := s.Registry.FindRepositories(ctx, call.Caller, call.Registry, in.StartsWith, in.Contains, p)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(found))
	for i, r := range found {
		names[i] = r.Ref.Name
	}
	to, err := s.Replication.Destinations(ctx, call.Caller, call.Registry, names)
	if err != nil {
		return nil, err
	}
	out := &FindRepositoriesResponse{
		Repositories: make([]FoundRepository, 0, len(found)), NextToken: awsjson.NextToken(next, scope...),
	}
	for _, r := range found {
		out.Repositories = append(out.Repositories, FoundRepository{
			s.DescribeRepository(call, r.Repository), r.HasPolicy, destinationsOf(to[r.Ref.Name]),
		})
	}
	return out, nil
}

// FindImagesRequest is the request of FindImages.
type FindImagesRequest struct {
	RepositoryName string
	StartsWith     string
	paging

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *FindImagesRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "repositoryName":
			if d.First(&v.present, 0) {
				v.RepositoryName = d.String()
			}
		case "startsWith":
			if d.First(&v.present, 1) {
				v.StartsWith = d.String()
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

// limitsRepositoryName is that of a name; the domain says which are good.
var limitsRepositoryName = &awsjson.StringLimits{Min: 2, Max: 256}

// Validate implements awsjson.Decodable.
func (v *FindImagesRequest) Validate(at string) *awsjson.Exception {
	if !v.present.Has(0) {
		return awsjson.Missing(at, "repositoryName")
	}
	if e := limitsRepositoryName.Check(at, "repositoryName", v.RepositoryName); e != nil {
		return e
	}
	if e := limitsSearch.Check(at, "startsWith", v.StartsWith); e != nil {
		return e
	}
	if v.present.Has(2) {
		return awsjson.CheckRange(at, "maxResults", int64(v.MaxResults), 1, 100)
	}
	return nil
}

// ChildImage is an image that an index names.
type ChildImage struct {
	ImageDigest            string `json:"imageDigest"`
	ImageManifestMediaType string `json:"imageManifestMediaType"`
	ImageSizeInBytes       int64  `json:"imageSizeInBytes"`
	Platform               string `json:"platform,omitzero"`
}

// Referrer is a signature, a bill of materials or the like.
type Referrer struct {
	ImageDigest       string  `json:"imageDigest"`
	ArtifactMediaType string  `json:"artifactMediaType,omitzero"`
	ImageSizeInBytes  int64   `json:"imageSizeInBytes"`
	ImagePushedAt     seconds `json:"imagePushedAt"`
}

// FoundImage is an image with what belongs to it.
type FoundImage struct {
	ImageDigest            string        `json:"imageDigest"`
	ImageTags              []string      `json:"imageTags"`
	ImageTagCount          int           `json:"imageTagCount"`
	ImageSizeInBytes       int64         `json:"imageSizeInBytes"`
	ImagePushedAt          seconds       `json:"imagePushedAt"`
	LastRecordedPullTime   seconds       `json:"lastRecordedPullTime,omitzero"`
	ImageManifestMediaType string        `json:"imageManifestMediaType"`
	ArtifactMediaType      string        `json:"artifactMediaType,omitzero"`
	SubjectManifestDigest  string        `json:"subjectManifestDigest,omitzero"`
	Children               []ChildImage  `json:"children"`
	Referrers              []Referrer    `json:"referrers"`
	Replications           []Replication `json:"replications"`
}

// FindImagesResponse is the answer of FindImages.
type FindImagesResponse struct {
	Images    []FoundImage `json:"images"`
	NextToken string       `json:"nextToken,omitzero"`
}

// FindImages lists the images of a repository for a person.
func (s *Service) FindImages(ctx context.Context, call Call, in *FindImagesRequest) (*FindImagesResponse, error) {
	ref := resource.Repository{Registry: call.Registry, Name: in.RepositoryName}
	scope := []string{"FindImages", ref.String(), in.StartsWith}
	p, err := in.page(scope...)
	if err != nil {
		return nil, err
	}
	found, next, err := s.Registry.FindImages(ctx, call.Caller, ref, in.StartsWith, p)
	if err != nil {
		return nil, err
	}
	digests := make([]digest.Digest, len(found))
	for i, image := range found {
		digests[i] = image.Digest
	}
	of, err := s.Replication.OfImages(ctx, call.Caller, ref, digests)
	if err != nil {
		return nil, err
	}
	out := &FindImagesResponse{Images: make([]FoundImage, 0, len(found)), NextToken: awsjson.NextToken(next, scope...)}
	for _, i := range found {
		out.Images = append(out.Images, foundImage(i, of[i.Digest]))
	}
	return out, nil
}

func foundImage(i registry.FoundImage, of []replication.Replication) FoundImage {
	out := FoundImage{
		ImageDigest: i.Digest.String(), ImageTags: append([]string{}, i.Tags...), ImageTagCount: i.TagCount,
		ImageSizeInBytes: i.Size, ImagePushedAt: seconds{i.PushedAt}, LastRecordedPullTime: seconds{i.LastPulledAt},
		ImageManifestMediaType: i.MediaType, ArtifactMediaType: i.ArtifactType, SubjectManifestDigest: i.Subject.String(),
		Children: make([]ChildImage, 0, len(i.Children)), Referrers: make([]Referrer, 0, len(i.Referrers)),
		Replications: replications(of),
	}
	for _, c := range i.Children {
		out.Children = append(out.Children, ChildImage{c.Digest.String(), c.MediaType, c.Size, c.Platform})
	}
	for _, r := range i.Referrers {
		out.Referrers = append(out.Referrers, Referrer{r.Digest.String(), r.ArtifactType, r.Size, seconds{r.PushedAt}})
	}
	return out
}
