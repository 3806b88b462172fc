package lifecycle

import (
	"cmp"
	"context"
	"strings"
	"time"
)

// Image is an image of a repository, as far as policies ask.
type Image struct {
	Digest string
	Tags   []string
	Size   int64 // in bytes, handed on to who adds them up

	PushedAt    time.Time // of the digest: a further tag does not renew it
	PulledAt    time.Time // when it was last pulled; zero if never
	TaggedAt    time.Time // when it last got one of its tags; zero if it has none
	ActivatedAt time.Time // when it was last restored from the archive; zero if never
	ArchivedAt  time.Time // when it was last archived; zero if never

	StorageClass StorageClass
	Activating   bool // it is on its way back from the archive: no rule is about it

	Attached bool // it refers to a subject that the repository has: it goes with that
	Child    bool // an index of the repository names it
	Held     bool // one of these indexes is in the standard storage class
	Signed   bool // a signature refers to it
}

// Key is a place in the order of the images of a storage class. The zero Key is
// no place: what has no bound.
type Key struct {
	At     time.Time
	Digest string // of images of the same time the greater one counts as newer
}

// Compare is negative if k is older than other.
func (k Key) Compare(other Key) int {
	return cmp.Or(k.At.Compare(other.At), strings.Compare(k.Digest, other.Digest))
}

func (k Key) isZero() bool { return k == Key{} }

// Key is where the image stands in its storage class: among archived images by
// when it was archived, among the others by when it was pushed or last restored.
func (i *Image) Key() Key {
	if i.StorageClass == Archive {
		return Key{i.ArchivedAt, i.Digest}
	}
	return Key{i.begun(), i.Digest}
}

// begun is when the image was pushed, or last restored: ECR treats restored
// images like newly pushed ones.
func (i *Image) begun() time.Time { return latest(i.PushedAt, i.ActivatedAt) }

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Images lists the images of one repository.
type Images interface {
	// List returns images of a range, at most q.Limit, in the order that q wants,
	// and whether there may be more. It returns every image that q describes; it
	// may return others of the range, too. It may leave out images of which no
	// rule is: those that are Attached or Activating, and those that are Child and
	// Held.
	List(ctx context.Context, q Query) (page []Image, more bool, err error)
}

// Query is a range of the images of a storage class, by their Key.
type Query struct {
	StorageClass StorageClass
	Above, Below Key  // newer than the one and older than the other; zero: no bound
	Newest       bool // the newest first; else the oldest first
	Tags         Tags
	Limit        int

	// Whether the images' members of these names are asked for. Others may be left zero.
	TaggedAt, Signed bool
}

// Tags narrow a Query: what they do not describe need not be returned. The zero
// value describes nothing.
type Tags struct {
	Untagged bool     // describes images without a tag
	Prefixes []string // describe images with a tag that begins with one of them; "" is every tag's
}
