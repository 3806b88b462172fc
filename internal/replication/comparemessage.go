package replication

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// OperationCompare is the operation of the protocol by which a source compares.
const OperationCompare = "compare"

// Limits of a message that compares.
const (
	// MaxComparedRanges is how many ranges it asks about.
	MaxComparedRanges = 512
	// MaxComparedCount is how many images the source has in all of them.
	MaxComparedCount = 1 << 15
	// MaxComparedImages is how many images it asks about one by one.
	MaxComparedImages = 2048
)

// AskedComparison asks what a destination has of the images of a source: of ranges
// of them by their digests, and of some one by one. An image is one of the tags of
// a repository with the manifest that it names, or a manifest that has no tag and
// that no index names. They are in order of repository, digest and tag.
//
// The digest of a range at the destination is that of what the source has brought
// there: of tags that it has set, whatever they name now, and of manifests. So it
// says nothing of what others have pushed, whatever ranges are asked about.
type AskedComparison struct {
	Source       resource.Registry    `json:"source"`
	Destination  resource.Registry    `json:"destination"`
	Ranges       []ComparedRange      `json:"ranges,omitempty"` // in order, none within another
	Repositories []ComparedRepository `json:"repositories,omitempty"`
}

// ComparedRange are the images after a key, up to another one.
type ComparedRange struct {
	After  ImageKey `json:"after"`
	Last   ImageKey `json:"last"`
	Count  int      `json:"count"`
	Digest string   `json:"digest"` // of the images: see rangeDigest
}

// ImageKey is an image, or a place before one of a repository.
type ImageKey struct {
	Repository string `json:"repository"`
	Digest     string `json:"digest,omitempty"`
	Tag        string `json:"tag,omitempty"`
}

// ComparedRepository has images of a repository of which each is asked about.
type ComparedRepository struct {
	Name   string          `json:"name"`
	Images []ComparedImage `json:"images"`
}

// ComparedImage is an image of a repository.
type ComparedImage struct {
	Digest string `json:"digest"`
	Tag    string `json:"tag,omitempty"`
}

// AskedComparisonAnswer says what differs, by the places in the message.
type AskedComparisonAnswer struct {
	// Different are the ranges that differ, in order.
	Different []int `json:"different,omitempty"`
	// Refused are the ranges within one repository which refuses the source.
	Refused []RefusedRange `json:"refused,omitempty"`
	// Repositories has an answer for each of the message's.
	Repositories []ComparedRepositoryAnswer `json:"repositories,omitempty"`
}

// RefusedRange is a range that is not compared.
type RefusedRange struct {
	Range   int         `json:"range"`
	Refused ImageResult `json:"refused"`
}

// ComparedRepositoryAnswer says which images the destination has otherwise.
type ComparedRepositoryAnswer struct {
	// Refused, if not nil, is all that is said.
	Refused *ImageResult `json:"refused,omitempty"`
	// Lacking are the images that are not there.
	Lacking []int `json:"lacking,omitempty"`
	// Different are those whose tag names another image there.
	Different []int `json:"different,omitempty"`
}

// rangeDigest is the digest of images in their order: the SHA-256 of their
// repositories, digests and tags, each of which its length precedes.
func rangeDigest(images []metadata.RegistryImage) string {
	h := sha256.New()
	var b []byte
	for _, i := range images {
		b = b[:0]
		for _, s := range []string{i.Repository, i.Digest, i.Tag} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
		h.Write(b)
	}
	return base64.RawStdEncoding.EncodeToString(h.Sum(nil))
}

// check refuses a message that is not what it should be: InvalidParameter.
func (m AskedComparison) check() error {
	count, images := 0, 0
	for i, r := range m.Ranges {
		if !r.After.validPlace() || !r.Last.valid() || compareKeys(r.After, r.Last) >= 0 ||
			i > 0 && compareKeys(m.Ranges[i-1].Last, r.After) > 0 {
			return registry.Errorf(registry.InvalidParameter,
				"The ranges to compare are not ranges of images in their order")
		}
		if r.Count <= 0 || r.Count > MaxComparedCount {
			return registry.Errorf(registry.InvalidParameter, "A range to compare cannot have %d images", r.Count)
		}
		count += r.Count
	}
	for _, r := range m.Repositories {
		if !registry.ValidName(r.Name) || len(r.Images) == 0 {
			return registry.Errorf(registry.InvalidParameter,
				"The repositories to compare are no repositories with images")
		}
		for _, image := range r.Images {
			if err := registry.ValidImage(r.Name, image.Digest, image.Tag); err != nil {
				return err
			}
		}
		images += len(r.Images)
	}
	if len(m.Ranges) > MaxComparedRanges || count > MaxComparedCount || images > MaxComparedImages {
		return registry.Errorf(registry.InvalidParameter, "%d ranges with %d images, and %d images by themselves, are "+
			"to be compared; at most %d with %d, and %d, can be at once", len(m.Ranges), count, images, MaxComparedRanges,
			MaxComparedCount, MaxComparedImages)
	}
	return nil
}

func (k ImageKey) valid() bool { return registry.ValidImage(k.Repository, k.Digest, k.Tag) == nil }

// validPlace reports whether k is a place where a range may begin.
func (k ImageKey) validPlace() bool {
	return k.valid() || registry.ValidName(k.Repository) && k.Digest == "" && k.Tag == ""
}

func compareKeys(a, b ImageKey) int {
	return cmp.Or(
		strings.Compare(a.Repository, b.Repository), strings.Compare(a.Digest, b.Digest), strings.Compare(a.Tag, b.Tag))
}

// size is about how much work the message makes, in bytes.
func (m AskedComparison) size() int {
	n := 0
	for _, r := range m.Ranges {
		n += r.Count
	}
	for _, r := range m.Repositories {
		n += len(r.Images)
	}
	return n * comparedSize
}

// comparedSize is about how many bytes the names of an image have.
const comparedSize = 128

func sortImages(images []metadata.RegistryImage) {
	slices.SortFunc(images, func(a, b metadata.RegistryImage) int { return compareKeys(ImageKey(a), ImageKey(b)) })
}
