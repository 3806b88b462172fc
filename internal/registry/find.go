package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// FoundRepository is a repository as a list for a person shows it.
type FoundRepository struct {
	Repository
	HasPolicy bool
}

// FindRepositories whose names begin with prefix and contain a text, in order
// of name.
func (s *Service) FindRepositories(ctx context.Context, c access.Caller, id resource.Registry, prefix,
	contains string, p Page) (repos []FoundRepository, next string, err error) {
	all := resource.Repository{Registry: id, Name: "*"}
	reg, err := s.AuthorizeRegistry(ctx, access.Request{Caller: c, Action: access.DescribeRepositories, On: all})
	if err != nil {
		return nil, "", err
	}
	if len(prefix) > maxNameLength || len(contains) > maxNameLength {
		return nil, "", nil // no name is that long
	}
	// Names have no capitals, but people who look for them may.
	rows, err := s.meta.Read(ctx).Repositories().Find(reg.ID, strings.ToLower(prefix), strings.ToLower(contains), p.After,
		p.Limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("look for repositories of %s: %w", id, err)
	}
	rows, next = PageOf(rows, p.Limit, func(r *metadata.Repository) string { return r.Name })
	for _, r := range rows {
		repos = append(repos, FoundRepository{Repository: repositoryOf(r), HasPolicy: r.Policy != ""})
	}
	return repos, next, nil
}

// FoundImage is an image with what belongs to it. Of tags, children and
// referrers at most 100 are shown.
type FoundImage struct {
	Image
	TagCount int // of all its tags, counted up to 10,000
	Children []ChildImage
	// Referrers are what refers to the image, to its children, or to another
	// referrer.
	Referrers []FoundReferrer
}

// ChildImage is an image that an index names.
type ChildImage struct {
	Digest    digest.Digest
	MediaType string
	Size      int64  // in bytes, as Image.Size
	Platform  string // such as linux/arm64; "" if the index does not say
}

// FoundReferrer is a signature, a bill of materials or the like.
type FoundReferrer struct {
	Digest       digest.Digest
	ArtifactType string
	Size         int64 // in bytes, as Image.Size
	PushedAt     time.Time
}

const (
	// What is shown of one image.
	maxShown      = 100
	maxTagCount   = 10000
	referrerDepth = 3 // a signature of a bill of materials of a child is at 2
	// maxIndexBytes bounds how many bytes of indexes are read for one page; the
	// platforms of children past it are not shown.
	maxIndexBytes = 16 << 20
)

// FindImages of a repository for a person: RepositoryNotFound. Without a prefix
// the latest push comes first, and what is shown with another image is not
// listed on its own. With one, all images that have it are listed: in order of
// digest if it begins as digests do ("sha256:"), else in order of tag.
func (s *Service) FindImages(ctx context.Context, c access.Caller, ref resource.Repository, prefix string,
	p Page) ([]FoundImage, string, error) {
	repo, err := s.Repository(ctx, c, ref, access.DescribeImages)
	if err != nil {
		return nil, "", err
	}
	rows, next, err := s.imagesLike(ctx, repo.ID, prefix, p)
	if CodeOf(err) != "" {
		return nil, "", err
	}
	var images []FoundImage
	if err == nil {
		images, err = s.showImages(ctx, repo, rows)
	}
	if err != nil {
		return nil, "", fmt.Errorf("look for images of %s: %w", ref, err)
	}
	return images, next, nil
}

func (s *Service) imagesLike(ctx context.Context, repository int64, prefix string,
	p Page) (ms []metadata.Manifest, next string, err error) {
	q := s.meta.Read(ctx)
	switch {
	case strings.Contains(prefix, ":"): // which no tag does
		ms, err = q.Images().ByDigest(repository, prefix, p.After, p.Limit+1)
		ms, next = PageOf(ms, p.Limit, func(m metadata.Manifest) string { return m.Digest })
	case prefix != "":
		var tagged []metadata.TaggedManifest
		tagged, err = q.Images().ByTag(repository, prefix, p.After, p.Limit+1)
		tagged, next = PageOf(tagged, p.Limit, func(m metadata.TaggedManifest) string { return m.Tag })
		for _, m := range tagged {
			ms = append(ms, m.Manifest)
		}
	default:
		var after metadata.ImageKey
		if after, err = imageKey(p.After); err == nil {
			ms, err = q.Images().Whole(repository, after, p.Limit+1)
		}
		ms, next = PageOf(ms, p.Limit, func(m metadata.Manifest) string { return keyOfImage(m.PushedAt, m.Digest) })
	}
	return ms, next, err
}

// keySeparator parts what the key of a page consists of. No digest and no tag can
// contain it.
const keySeparator = " "

// keyOfImage is the key of a page of images, the latest pushed first, that ends
// with one.
func keyOfImage(pushed time.Time, d string) string {
	return strconv.FormatInt(pushed.UnixMicro(), 10) + keySeparator + d
}

// imageKey reads such a key: InvalidParameter.
func imageKey(after string) (k metadata.ImageKey, err error) {
	if after == "" {
		return k, nil
	}
	pushed, d, _ := strings.Cut(after, keySeparator)
	micros, err := strconv.ParseInt(pushed, 10, 64)
	if err != nil {
		return k, Errorf(InvalidParameter, "'%s' is not where a page of images ended", Shorten(after))
	}
	return metadata.ImageKey{PushedAt: time.UnixMicro(micros), Digest: d}, nil
}

// showImages adds to each image what is shown with it.
func (s *Service) showImages(ctx context.Context, repo *metadata.Repository,
	ms []metadata.Manifest) ([]FoundImage, error) {
	q := s.meta.Read(ctx)
	type answers struct {
		tags     metadata.Answer[[]metadata.Tag]
		count    metadata.Answer[int]
		children metadata.Answer[[]metadata.Manifest] // of an index
	}
	of := make([]answers, len(ms))
	for i, m := range ms {
		of[i].tags = metadata.Ask(q, func(q *metadata.Queries) ([]metadata.Tag, error) {
			return q.Tags().Of(repo.ID, m.Digest, "", maxShown)
		})
		of[i].count = metadata.Ask(q, func(q *metadata.Queries) (int, error) {
			return q.Tags().CountOf(repo.ID, m.Digest, maxTagCount)
		})
		if forms[m.MediaType] == indexForm {
			of[i].children = metadata.Ask(q, func(q *metadata.Queries) ([]metadata.Manifest, error) {
				return q.Images().Children(repo.ID, m.Digest, maxShown)
			})
		}
	}
	images := make([]FoundImage, 0, len(ms))
	for i, m := range ms {
		image := FoundImage{Image: imageOf(m)}
		tags, err := of[i].tags.Get()
		if err != nil {
			return nil, err
		}
		for _, t := range tags {
			image.Tags = append(image.Tags, t.Name)
		}
		if image.TagCount, err = of[i].count.Get(); err != nil {
			return nil, err
		}
		if forms[m.MediaType] == indexForm {
			children, err := of[i].children.Get()
			if err != nil {
				return nil, err
			}
			for _, child := range children {
				image.Children = append(image.Children, ChildImage{
					Digest: digest.Digest(child.Digest), MediaType: child.MediaType, Size: child.ImageSize,
				})
			}
		}
		images = append(images, image)
	}
	if err := addPlatforms(q, repo.ID, ms, images); err != nil {
		return nil, err
	}
	return images, addReferrers(q, repo.ID, images)
}

// addPlatforms puts children into the order of their index, with the platforms
// that it gives them.
func addPlatforms(q *metadata.Queries, repository int64, ms []metadata.Manifest, images []FoundImage) error {
	var indexes []string
	room := int64(maxIndexBytes)
	for i, m := range ms {
		if len(images[i].Children) > 0 && m.Size <= room {
			room -= m.Size
			indexes = append(indexes, m.Digest)
		}
	}
	if len(indexes) == 0 {
		return nil
	}
	bytes, err := q.Images().Bytes(repository, indexes)
	if err != nil {
		return err
	}
	for _, image := range images {
		raw, ok := bytes[string(image.Digest)]
		if !ok {
			continue
		}
		platforms, order := platformsOf(raw)
		for i, child := range image.Children {
			image.Children[i].Platform = platforms[child.Digest]
		}
		slices.SortStableFunc(image.Children, func(a, b ChildImage) int { return order[a.Digest] - order[b.Digest] })
	}
	return nil
}

// platformsOf the children of an index, and their places in it. What cannot be
// read says nothing: it was another program that took it for an index.
func platformsOf(raw []byte) (platforms map[digest.Digest]string, order map[digest.Digest]int) {
	var index struct {
		Manifests []struct {
			Digest   digest.Digest `json:"digest"`
			Platform struct {
				OS           string `json:"os"`
				Architecture string `json:"architecture"`
				Variant      string `json:"variant"`
			} `json:"platform"`
		} `json:"manifests"`
	}
	platforms, order = map[digest.Digest]string{}, map[digest.Digest]int{}
	_ = json.Unmarshal(raw, &index)
	for i, m := range index.Manifests {
		if _, known := order[m.Digest]; known {
			continue
		}
		order[m.Digest] = i
		if m.Platform.OS == "" && m.Platform.Architecture == "" {
			continue
		}
		platform := m.Platform.OS + "/" + m.Platform.Architecture
		if m.Platform.Variant != "" {
			platform += "/" + m.Platform.Variant
		}
		platforms[m.Digest] = Shorten(platform)
	}
	return platforms, order
}

// addReferrers adds, level by level, what refers to the images and their children.
func addReferrers(q *metadata.Queries, repository int64, images []FoundImage) error {
	showing := map[string][]*FoundImage{} // by the digest of what may be referred to
	for i := range images {
		image := &images[i]
		showing[string(image.Digest)] = append(showing[string(image.Digest)], image)
		for _, child := range image.Children {
			showing[string(child.Digest)] = append(showing[string(child.Digest)], image)
		}
	}
	for level := 0; level < referrerDepth && len(showing) > 0; level++ {
		rows, err := q.Images().ReferrersTo(repository, slices.Sorted(maps.Keys(showing)), maxShown)
		if err != nil {
			return err
		}
		next := map[string][]*FoundImage{}
		for _, m := range rows {
			for _, image := range showing[m.Subject] {
				// What is a child, too, is come by twice.
				known := slices.ContainsFunc(image.Referrers, func(r FoundReferrer) bool { return string(r.Digest) == m.Digest })
				if !known && len(image.Referrers) < maxShown {
					image.Referrers = append(image.Referrers, FoundReferrer{
						Digest: digest.Digest(m.Digest), ArtifactType: m.ArtifactType, Size: m.ImageSize, PushedAt: m.PushedAt,
					})
					next[m.Digest] = append(next[m.Digest], image)
				}
			}
		}
		showing = next
	}
	return nil
}
