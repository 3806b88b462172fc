package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// Reference names an image in a repository: by tag, by digest, or, where an
// operation says so, by both, which must then agree.
type Reference struct {
	Tag    string
	Digest digest.Digest
}

// String is the reference as ECR's messages show it.
func (r Reference) String() string {
	return fmt.Sprintf("{imageDigest:'%s', imageTag:'%s'}", orNull(string(r.Digest)), orNull(r.Tag))
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return Shorten(s)
}

// Manifest is a stored manifest with its exact bytes.
type Manifest struct {
	Digest    digest.Digest
	MediaType string
	Size      int64
	Bytes     []byte
}

// LargeManifest is from how many bytes on a manifest that is read counts for the
// caller until the request ends.
const LargeManifest = metadata.LargeManifest

// Image is what DescribeImages returns of an image.
type Image struct {
	Digest       digest.Digest
	Tags         []string
	Size         int64 // config and layers; of an index, that of its largest child (ECR: imageSizeInBytes)
	PushedAt     time.Time
	LastPulledAt time.Time // zero if never
	MediaType    string
	ArtifactType string
	Subject      digest.Digest
}

// TagStatus filters images by whether they have tags.
type TagStatus string

const (
	AnyTagStatus TagStatus = "ANY"
	Tagged       TagStatus = "TAGGED"
	Untagged     TagStatus = "UNTAGGED"
)

// Referrer is a manifest that names another as its subject.
type Referrer struct {
	Digest       digest.Digest
	MediaType    string
	ArtifactType string
	Size         int64           // of the manifest
	Annotations  json.RawMessage // an object of strings; nil if there are none
}

// MaxTagsPerImage is how many tags of one image are shown (ECR: 1,000 tags per image).
const MaxTagsPerImage = 1000

// Manifest by tag, digest, or both: ImageNotFound. A read of a manifest counts as a pull.
func (s *Service) Manifest(ctx context.Context, c access.Caller, ref resource.Repository,
	r Reference) (Manifest, error) {
	repo, err := s.repositoryAbout(ctx, c, ref, aboutImages(r), contentAhead(r), access.BatchGetImage)
	if err != nil {
		return Manifest{}, err
	}
	m, err := s.Content(ctx, repo, r)
	if err != nil {
		return Manifest{}, err
	}
	if m.Bytes == nil {
		if m, err = s.largeContent(ctx, repo, r, m); err != nil {
			return Manifest{}, err
		}
	}
	s.recordPull(&c, repo, m.Manifest)
	return Manifest{Digest: digest.Digest(m.Digest), MediaType: m.MediaType, Size: m.Size, Bytes: m.Bytes}, nil
}

// largeContent reads the bytes of a large manifest, which count for the caller until its request ends.
func (s *Service) largeContent(ctx context.Context, repo *metadata.Repository, r Reference,
	m *metadata.ManifestContent) (*metadata.ManifestContent, error) {
	if err := budget.TakeMemory(ctx, int(m.Size)); err != nil {
		return nil, err
	}
	done, err := budget.Busy(ctx, int(m.Size))
	if err != nil {
		return nil, err
	}
	defer done()
	found, err := s.meta.Read(ctx).Images().Bytes(repo.ID, []string{m.Digest})
	if err != nil {
		return nil, fmt.Errorf("read image %s of %s: %w", r, refOf(repo), err)
	}
	bytes, there := found[m.Digest]
	if !there {
		return nil, imageNotFound(repo, r)
	}
	return &metadata.ManifestContent{Manifest: m.Manifest, Bytes: bytes}, nil
}

// ManifestHead is Manifest for who does not ask for the bytes. Clients that push
// ask so whether they need to push at all: so of an image of which the repository
// lacks something, one who may push it learns that it is not there. What is
// there of it can be pulled all the same.
func (s *Service) ManifestHead(ctx context.Context, c access.Caller, ref resource.Repository,
	r Reference) (Manifest, error) {
	repo, err := s.repositoryAbout(ctx, c, ref, aboutImages(r), headAhead(r), access.BatchGetImage)
	if err != nil {
		return Manifest{}, err
	}
	m, err := s.head(ctx, repo, r)
	if err != nil {
		return Manifest{}, err
	}
	whole := m.Whole
	if whole {
		if whole, err = s.holdsImage(ctx, repo, m.Digest); err != nil {
			return Manifest{}, fmt.Errorf("look whether image %s of %s is whole: %w", r, refOf(repo), err)
		}
	}
	if !whole {
		switch err := s.authorizeAbout(ctx, c, repo, access.PutImage, aboutImages(r)); {
		case err == nil:
			return Manifest{}, imageNotFound(repo, r)
		case CodeOf(err) != AccessDenied:
			return Manifest{}, err
		}
	}
	s.recordPull(&c, repo, m.Manifest)
	return Manifest{Digest: digest.Digest(m.Digest), MediaType: m.MediaType, Size: m.Size}, nil
}

// aboutImages is what conditions may ask about a request for images: the tags that it names. What tags an image has
// that is named by its digest is not looked up, for a refusal would take another time if there is such an image.
func aboutImages(images ...Reference) (about access.About) {
	for _, r := range images {
		if r.Tag != "" {
			about.ImageTags = append(about.ImageTags, r.Tag)
		}
	}
	return about
}

// headAhead asks what ManifestHead is going to ask.
func headAhead(r Reference) metadata.Ahead {
	return func(q *metadata.Queries, repository int64) {
		if r.Tag != "" {
			_, _ = q.Images().HeadByTag(repository, r.Tag)
		} else if r.Digest != "" {
			_, _ = q.Images().Head(repository, string(r.Digest))
		}
	}
}

// contentAhead asks what content is going to ask.
func contentAhead(r Reference) metadata.Ahead {
	return func(q *metadata.Queries, repository int64) {
		if r.Tag != "" {
			_, _ = q.Images().ContentByTag(repository, r.Tag)
		} else if r.Digest != "" {
			_, _ = q.Images().Content(repository, string(r.Digest))
		}
	}
}

// Content resolves a reference, which is no pull: ImageNotFound, InvalidParameter.
func (s *Service) Content(ctx context.Context, repo *metadata.Repository,
	r Reference) (*metadata.ManifestContent, error) {
	digest := func(m *metadata.ManifestContent) string { return m.Digest }
	return resolve(ctx, repo, r, s.meta.ManifestContent, s.meta.ManifestContentByTag, digest)
}

// head is Content for who does not ask for the bytes.
func (s *Service) head(ctx context.Context, repo *metadata.Repository, r Reference) (metadata.ManifestHead, error) {
	digest := func(m metadata.ManifestHead) string { return m.Digest }
	return resolve(ctx, repo, r, s.meta.ManifestHead, s.meta.ManifestHeadByTag, digest)
}

// resolve finds what a reference names, whose digest is as given if both are.
func resolve[M any](ctx context.Context, repo *metadata.Repository, r Reference, byDigest,
	byTag func(context.Context, *metadata.Repository, string) (M, error),
	digest func(M) string) (m M, err error) {
	var none M
	switch {
	case r.Tag != "":
		if m, err = byTag(ctx, repo, r.Tag); err == nil && r.Digest != "" && digest(m) != string(r.Digest) {
			err = metadata.ErrNotFound
		}
	case r.Digest != "":
		m, err = byDigest(ctx, repo, string(r.Digest))
	default:
		return none, Errorf(InvalidParameter, "Invalid parameter at 'imageId': a tag or a digest is needed")
	}
	if errors.Is(err, metadata.ErrNotFound) {
		return none, imageNotFound(repo, r)
	}
	if err != nil {
		return none, fmt.Errorf("read image %s of %s: %w", r, refOf(repo), err)
	}
	return m, nil
}

func imageNotFound(repo *metadata.Repository, r Reference) *Error {
	return Errorf(ImageNotFound, "The image with imageId %s does not exist within the repository with name '%s' in the "+
		"registry with id '%s'", r, repo.Name, repo.Account)
}

// Tags in lexical order.
func (s *Service) Tags(ctx context.Context, c access.Caller, ref resource.Repository,
	p Page) (names []string, next string, err error) {
	repo, err := s.Repository(ctx, c, ref, access.ListImages)
	if err != nil {
		return nil, "", err
	}
	tags, err := s.meta.Read(ctx).Tags().List(repo.ID, p.After, p.Limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list the tags of %s: %w", ref, err)
	}
	tags, next = PageOf(tags, p.Limit, func(t metadata.Tag) string { return t.Name })
	for _, t := range tags {
		names = append(names, t.Name)
	}
	return names, next, nil
}

// Referrers of subject, in order of digest, and of one of the artifact types, if
// any are given. An unknown subject has none. A page ends before the limit where
// the annotations would take too much memory.
func (s *Service) Referrers(ctx context.Context, c access.Caller, ref resource.Repository, subject digest.Digest,
	artifactTypes []string, p Page) (refs []Referrer, next string, err error) {
	repo, err := s.Repository(ctx, c, ref, access.BatchGetImage)
	if err != nil {
		return nil, "", err
	}
	if err := validDigest(subject); err != nil {
		return nil, "", err
	}
	ms, more, err := s.meta.Read(ctx).Images().Referrers(repo.ID, string(subject), artifactTypes, p.After, p.Limit)
	if err != nil {
		return nil, "", fmt.Errorf("list the referrers of %s in %s: %w", subject, ref, err)
	}
	if more {
		next = ms[len(ms)-1].Digest
	}
	for _, m := range ms {
		r := Referrer{Digest: digest.Digest(m.Digest), MediaType: m.MediaType, ArtifactType: m.ArtifactType, Size: m.Size}
		if m.Annotations != "" {
			r.Annotations = json.RawMessage(m.Annotations)
		}
		refs = append(refs, r)
	}
	return refs, next, nil
}

// DescribeImages by reference, each once: ImageNotFound if any is missing.
func (s *Service) DescribeImages(ctx context.Context, c access.Caller, ref resource.Repository,
	refs []Reference) ([]Image, error) {
	repo, err := s.Repository(ctx, c, ref, access.DescribeImages)
	if err != nil {
		return nil, err
	}
	var rows []metadata.Manifest
	seen := map[string]bool{}
	for _, r := range refs {
		m, err := s.Content(ctx, repo, r)
		if err != nil {
			return nil, err
		}
		if seen[m.Digest] {
			continue
		}
		seen[m.Digest] = true
		// The cached manifest may hold older times than the store.
		row, err := s.meta.Read(ctx).Images().Manifest(repo.ID, m.Digest)
		if errors.Is(err, metadata.ErrNotFound) {
			return nil, imageNotFound(repo, r)
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return s.describe(ctx, repo, rows)
}

// imageOf is the image without its tags.
func imageOf(m metadata.Manifest) Image {
	return Image{
		Digest: digest.Digest(m.Digest), Size: m.ImageSize, PushedAt: m.PushedAt, LastPulledAt: m.PulledAt,
		MediaType: m.MediaType, ArtifactType: m.ArtifactType, Subject: digest.Digest(m.Subject),
	}
}

// describe adds to each manifest its tags.
func (s *Service) describe(ctx context.Context, repo *metadata.Repository, ms []metadata.Manifest) ([]Image, error) {
	digests := make([]string, len(ms))
	for i, m := range ms {
		digests[i] = m.Digest
	}
	tags, err := s.meta.Read(ctx).Tags().OfEach(repo.ID, digests, MaxTagsPerImage)
	if err != nil {
		return nil, fmt.Errorf("list the tags of %d images of %s: %w", len(ms), refOf(repo), err)
	}
	var images []Image
	for _, m := range ms {
		image := imageOf(m)
		for _, t := range tags[m.Digest] {
			image.Tags = append(image.Tags, t.Name)
		}
		images = append(images, image)
	}
	return images, nil
}

// ListImages describes the images page by page, the latest pushed first.
func (s *Service) ListImages(ctx context.Context, c access.Caller, ref resource.Repository, status TagStatus,
	p Page) (images []Image, next string, err error) {
	repo, err := s.Repository(ctx, c, ref, access.DescribeImages)
	if err != nil {
		return nil, "", err
	}
	tagged := -1
	switch status {
	case Tagged:
		tagged = 1
	case Untagged:
		tagged = 0
	}
	after, err := imageKey(p.After)
	if err != nil {
		return nil, "", err
	}
	ms, err := s.meta.Read(ctx).Images().List(repo.ID, tagged, after, p.Limit+1, MaxTagsPerImage)
	if err != nil {
		return nil, "", fmt.Errorf("list the images of %s: %w", ref, err)
	}
	ms, next = PageOf(ms, p.Limit, func(m metadata.ListedManifest) string { return keyOfImage(m.PushedAt, m.Digest) })
	images = make([]Image, len(ms))
	for i, m := range ms {
		images[i] = imageOf(m.Manifest)
		images[i].Tags = m.Tags
	}
	return images, next, nil
}

// ListImageIDs is ECR's ListImages: one reference per tag, and one without a
// tag for an untagged image, the latest pushed first. The key of a page is that
// of an image and one of its tags.
func (s *Service) ListImageIDs(ctx context.Context, c access.Caller, ref resource.Repository, status TagStatus,
	p Page) (ids []Reference, next string, err error) {
	repo, err := s.Repository(ctx, c, ref, access.ListImages)
	if err != nil {
		return nil, "", err
	}
	key, tag := p.After, ""
	if i := strings.LastIndex(key, keySeparator); i >= 0 {
		key, tag = key[:i], key[i+1:]
	}
	after, err := imageKey(key)
	if err != nil {
		return nil, "", err
	}
	rows, err := s.meta.Read(ctx).Images().IDs(repo.ID, status != Untagged, status != Tagged, after, tag, p.Limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list the images of %s: %w", ref, err)
	}
	rows, next = PageOf(rows, p.Limit, func(i metadata.ImageID) string {
		return keyOfImage(i.PushedAt, i.Digest) + keySeparator + i.Tag
	})
	ids = make([]Reference, len(rows))
	for i, row := range rows {
		ids[i] = Reference{Digest: digest.Digest(row.Digest), Tag: row.Tag}
	}
	return ids, next, nil
}
