package ecr

import (
	_ "crypto/sha256"
	_ "crypto/sha512"

	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"regexp"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// maxBatchManifests bounds the manifests of one BatchGetImage answer, in
// bytes, because the answer is built in memory.
const maxBatchManifests = 32 << 20

// largeBatch is from how many bytes of manifests on an answer counts as memory,
// and is not encoded as a whole.
const largeBatch = 256 << 10

// Large says that the answer is to be written in pieces.
func (r *BatchGetImageResponse) Large() bool {
	size := 0
	for _, image := range r.Images {
		size += len(image.ImageManifest)
	}
	return size > largeBatch
}

// WritePieces writes the answer as JSON, an image at a time. It forgets each
// image when it is written.
func (r *BatchGetImageResponse) WritePieces(ctx context.Context, w io.Writer) error {
	var piece bytes.Buffer
	encoder := json.NewEncoder(&piece)
	encoder.SetEscapeHTML(false)
	piece.WriteString(`{"images":[`)
	for i := range r.Images {
		if i > 0 {
			piece.WriteByte(',')
		}
		done, err := budget.Busy(ctx, len(r.Images[i].ImageManifest))
		if err != nil {
			return err
		}
		err = encoder.Encode(r.Images[i])
		done()
		if err != nil {
			return err
		}
		r.Images[i] = Image{}
		if _, err := piece.WriteTo(w); err != nil {
			return err
		}
	}
	piece.WriteString(`],"failures":`)
	if err := encoder.Encode(r.Failures); err != nil {
		return err
	}
	piece.WriteString("}\n")
	_, err := piece.WriteTo(w)
	return err
}

// PutImage stores a manifest and sets its tag.
func (s *Service) PutImage(ctx context.Context, call Call, in *PutImageRequest) (*PutImageResponse, error) {
	n := registry.NewManifest{
		Bytes:           []byte(in.ImageManifest),
		MediaType:       in.ImageManifestMediaType,
		RefuseUnchanged: true,
	}
	if in.ImageTag != "" {
		n.Tags = []string{in.ImageTag}
	}
	switch {
	case in.present.Has(imageDigestOfPut):
		d, ok := parseDigest(in.ImageDigest)
		if !ok {
			return nil, badDigest(in.ImageDigest)
		}
		n.Digest = d
	case in.ImageTag == "":
		n.Digest = digest.FromBytes(n.Bytes)
	}
	ref := call.ref(in.RegistryID, in.RepositoryName)
	put, err := s.registry.PutManifest(ctx, call.Caller, ref, n)
	if err != nil {
		var refusal *registry.Error
		if errors.As(err, &refusal) && refusal.Code == registry.InvalidManifest {
			return nil, awsjson.Violation("ImageManifest", refusal.Message) // by the name that ECR gives it
		}
		return nil, err
	}
	return &PutImageResponse{Image: &Image{
		RegistryID:             ref.Registry.Account,
		RepositoryName:         ref.Name,
		ImageID:                &ImageIdentifier{ImageDigest: put.Digest.String(), ImageTag: in.ImageTag},
		ImageManifest:          in.ImageManifest,
		ImageManifestMediaType: put.MediaType,
	}}, nil
}

// BatchGetImage returns manifests as they are stored: acceptedMediaTypes
// never converts one, which would change its digest.
func (s *Service) BatchGetImage(ctx context.Context, call Call,
	in *BatchGetImageRequest) (*BatchGetImageResponse, error) {
	ref := call.ref(in.RegistryID, in.RepositoryName)
	out := &BatchGetImageResponse{Images: []Image{}, Failures: []ImageFailure{}}
	size, asked := 0, false
	for _, id := range in.ImageIDs {
		image, failure := reference(id)
		if failure != nil {
			out.Failures = append(out.Failures, *failure)
			continue
		}
		m, err := s.registry.Manifest(ctx, call.Caller, ref, image)
		asked = true
		if registry.CodeOf(err) == registry.ImageNotFound {
			out.Failures = append(out.Failures, *s.notFound(ctx, call, ref, image))
			continue
		}
		if err != nil {
			return nil, err
		}
		if size += len(m.Bytes); size > maxBatchManifests {
			return nil, awsjson.Exceptionf(LimitExceededException, "The manifests are larger than %d bytes together: ask for "+
				"fewer images at once", maxBatchManifests)
		}
		if size > largeBatch && len(m.Bytes) < registry.LargeManifest {
			// Of large ones the domain has counted the bytes. All is held until the client has taken the answer.
			if err := budget.TakeMemory(ctx, len(m.Bytes)); err != nil {
				return nil, err
			}
		}
		out.Images = append(out.Images, Image{
			RegistryID:             ref.Registry.Account,
			RepositoryName:         ref.Name,
			ImageID:                &ImageIdentifier{ImageDigest: m.Digest.String(), ImageTag: id.ImageTag},
			ImageManifest:          string(m.Bytes),
			ImageManifestMediaType: m.MediaType,
		})
	}
	if !asked {
		// Without a valid identifier the repository and the permission are
		// still to be checked; only their errors matter here.
		_, err := s.registry.Manifest(ctx, call.Caller, ref, registry.Reference{})
		if code := registry.CodeOf(err); err != nil && code != registry.InvalidParameter && code != registry.ImageNotFound {
			return nil, err
		}
	}
	return out, nil
}

// notFound tells a tag that names another image from an image that is not
// there, as far as the caller may know.
func (s *Service) notFound(ctx context.Context, call Call, ref resource.Repository,
	image registry.Reference) *ImageFailure {
	if image.Tag != "" && image.Digest != "" {
		if _, err := s.registry.DescribeImages(ctx, call.Caller, ref, []registry.Reference{{Tag: image.Tag}}); err == nil {
			return imageFailure(image, ImageFailureCodeImageTagDoesNotMatchDigest, "Requested image tag does not belong to "+
				"the requested image digest")
		}
	}
	return imageFailure(image, ImageFailureCodeImageNotFound, "Requested image not found")
}

// BatchDeleteImage deletes tags, and images by digest or with their last tag.
func (s *Service) BatchDeleteImage(ctx context.Context, call Call,
	in *BatchDeleteImageRequest) (*BatchDeleteImageResponse, error) {
	out := &BatchDeleteImageResponse{ImageIDs: []ImageIdentifier{}, Failures: []ImageFailure{}}
	var images []registry.Reference
	for _, id := range in.ImageIDs {
		image, failure := reference(id)
		if failure != nil {
			out.Failures = append(out.Failures, *failure)
			continue
		}
		images = append(images, image)
	}
	ref := call.ref(in.RegistryID, in.RepositoryName)
	// Without a valid image this still checks the repository and the permission.
	deleted, err := s.registry.DeleteImages(ctx, call.Caller, ref, images)
	if err != nil {
		return nil, err
	}
	for _, d := range deleted {
		if d.Err == nil {
			out.ImageIDs = append(out.ImageIDs, identifier(d.Reference))
			continue
		}
		switch d.Err.Code {
		case registry.ImageNotFound:
			out.Failures = append(out.Failures, *s.notFound(ctx, call, ref, d.Reference))
		case registry.ImageReferencedByManifestList:
			out.Failures = append(out.Failures, *imageFailure(d.Reference, ImageFailureCodeImageReferencedByManifestList,
				d.Err.Message))
		default:
			return nil, d.Err
		}
	}
	return out, nil
}

// DescribeImages describes images, all of a repository page by page or some by
// identifier.
func (s *Service) DescribeImages(ctx context.Context, call Call,
	in *DescribeImagesRequest) (*DescribeImagesResponse, error) {
	ref := call.ref(in.RegistryID, in.RepositoryName)
	var filter DescribeImagesFilter
	if in.Filter != nil {
		filter = *in.Filter
	}
	status := tagStatus(filter.TagStatus)
	var (
		images []registry.Image
		next   string
		err    error
	)
	if len(in.ImageIDs) > 0 {
		if err := notPaged(in, "imageIds"); err != nil {
			return nil, err
		}
		refs := make([]registry.Reference, 0, len(in.ImageIDs))
		for i, id := range in.ImageIDs {
			image, failure := reference(id)
			if failure != nil {
				return nil, violation("imageIds."+awsjson.Item(i), id, failure)
			}
			refs = append(refs, image)
		}
		images, err = s.registry.DescribeImages(ctx, call.Caller, ref, refs)
	} else {
		p, token, bad := call.page(in, awsjson.DefaultPage)
		if bad != nil {
			return nil, bad
		}
		images, next, err = s.registry.ListImages(ctx, call.Caller, ref, status, p)
		next = token(next)
	}
	if err != nil {
		return nil, err
	}
	out := &DescribeImagesResponse{ImageDetails: make([]ImageDetail, 0, len(images))}
	if !listsActive(filter.ImageStatus) {
		return out, nil
	}
	out.NextToken = next
	for _, image := range images {
		if has(image, status) {
			out.ImageDetails = append(out.ImageDetails, imageDetail(ref, image))
		}
	}
	return out, nil
}

func has(image registry.Image, status registry.TagStatus) bool {
	switch status {
	case registry.Tagged:
		return len(image.Tags) > 0
	case registry.Untagged:
		return len(image.Tags) == 0
	}
	return true
}

func imageDetail(ref resource.Repository, image registry.Image) ImageDetail {
	return ImageDetail{
		RegistryID:             ref.Registry.Account,
		RepositoryName:         ref.Name,
		ImageDigest:            image.Digest.String(),
		ImageTags:              image.Tags,
		ImageSizeInBytes:       new(image.Size),
		ImagePushedAt:          Timestamp{image.PushedAt},
		ImageManifestMediaType: image.MediaType,
		ArtifactMediaType:      image.ArtifactType,
		LastRecordedPullTime:   Timestamp{image.LastPulledAt},
		SubjectManifestDigest:  image.Subject.String(),
		ImageStatus:            ImageStatusActive,
	}
}

// ListImages lists the identifiers of a repository's images.
func (s *Service) ListImages(ctx context.Context, call Call, in *ListImagesRequest) (*ListImagesResponse, error) {
	ref := call.ref(in.RegistryID, in.RepositoryName)
	var filter ListImagesFilter
	if in.Filter != nil {
		filter = *in.Filter
	}
	status := tagStatus(filter.TagStatus)
	p, token, err := call.page(in, awsjson.DefaultPage)
	if err != nil {
		return nil, err
	}
	ids, next, err := s.registry.ListImageIDs(ctx, call.Caller, ref, status, p)
	if err != nil {
		return nil, err
	}
	out := &ListImagesResponse{ImageIDs: make([]ImageIdentifier, 0, len(ids))}
	if !listsActive(filter.ImageStatus) {
		return out, nil
	}
	out.NextToken = token(next)
	for _, id := range ids {
		out.ImageIDs = append(out.ImageIDs, identifier(id))
	}
	return out, nil
}

func tagStatus(s TagStatus) registry.TagStatus {
	if s == "" {
		return registry.AnyTagStatus
	}
	return registry.TagStatus(s)
}

// listsActive says whether a filter selects active images, which all images
// of a deployment are.
func listsActive(s ImageStatusFilter) bool {
	return s == "" || s == ImageStatusFilterActive || s == ImageStatusFilterAny
}

const invalidDigest = "must be a sha256 or sha512 digest, such as sha256: and 64 hexadecimal digits"

// digestGrammar is ECR's of imageDigest, which its model does not have. It lets
// through what is no digest, too.
const digestGrammar = `[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+`

var wholeDigest = regexp.MustCompile(`\A` + digestGrammar + `\z`)

// Members that count as given when they are empty, by their place in the model.
const (
	imageDigestOfPut        = 5 // PutImageRequest.imageDigest
	imageDigestOfIdentifier = 0 // ImageIdentifier.imageDigest
)

// badDigest is the exception for an imageDigest that is none.
func badDigest(text string) *awsjson.Exception {
	if !wholeDigest.MatchString(text) {
		return awsjson.Violation("imageDigest", "must satisfy regular expression '"+digestGrammar+"'")
	}
	return awsjson.Violation("imageDigest", invalidDigest)
}

// violation is the exception for an identifier at a place of a request, where
// nothing but an exception can report a failure.
func violation(at string, id ImageIdentifier, failure *ImageFailure) *awsjson.Exception {
	if failure.FailureCode == ImageFailureCodeInvalidImageDigest {
		return badDigest(id.ImageDigest)
	}
	return awsjson.Violation(at, failure.FailureReason)
}

// reference turns an identifier into the domain's, or says why it is none.
func reference(id ImageIdentifier) (registry.Reference, *ImageFailure) {
	failure := func(code ImageFailureCode, reason string) *ImageFailure {
		return &ImageFailure{
			ImageID: &ImageIdentifier{ImageDigest: id.ImageDigest, ImageTag: id.ImageTag}, FailureCode: code,
			FailureReason: reason,
		}
	}
	out := registry.Reference{Tag: id.ImageTag}
	given := id.present.Has(imageDigestOfIdentifier)
	if id.ImageTag == "" && !given {
		return out, failure(ImageFailureCodeMissingDigestAndTag, "Invalid request parameters: both tag and digest "+
			"cannot be null")
	}
	if given {
		d, ok := parseDigest(id.ImageDigest)
		if !ok {
			reason := invalidDigest
			if !wholeDigest.MatchString(id.ImageDigest) {
				reason = "should satisfy the regex '" + digestGrammar + "'"
			}
			return out, failure(ImageFailureCodeInvalidImageDigest, "Invalid request parameters: image digest "+reason)
		}
		out.Digest = d
	}
	if id.ImageTag != "" && !registry.ValidTag(id.ImageTag) {
		return out, failure(ImageFailureCodeInvalidImageTag, "Invalid request parameters: image tag should "+
			"satisfy the regex '"+registry.TagGrammar+"'")
	}
	return out, nil
}

// parseDigest accepts the digests of the algorithms that content is stored under.
func parseDigest(text string) (digest.Digest, bool) {
	d := digest.Digest(text)
	if !registry.ValidDigest(d) {
		return "", false
	}
	return d, true
}

func identifier(r registry.Reference) ImageIdentifier {
	return ImageIdentifier{ImageDigest: r.Digest.String(), ImageTag: r.Tag}
}

func imageFailure(r registry.Reference, code ImageFailureCode, reason string) *ImageFailure {
	id := identifier(r)
	return &ImageFailure{ImageID: &id, FailureCode: code, FailureReason: reason}
}
