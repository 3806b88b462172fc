package expiry

import (
	"context"

	"github.com/twinport/twinport/internal/lifecycle"
	"github.com/twinport/twinport/internal/metadata"
)

// images are those of a repository, as policies look at them.
type images struct {
	meta       metadata.Store
	repository int64
}

// List implements lifecycle.Images. There is no archive yet, so all images are of
// the standard storage class.
func (i images) List(ctx context.Context, q lifecycle.Query) (page []lifecycle.Image, more bool, err error) {
	if q.StorageClass != lifecycle.Standard {
		return nil, false, nil
	}
	rows, more, err := i.meta.Read(ctx).Images().Lifecycle(i.repository, metadata.LifecycleRange{
		Above: metadata.ImageKey{PushedAt: q.Above.At, Digest: q.Above.Digest},
		Below: metadata.ImageKey{PushedAt: q.Below.At, Digest: q.Below.Digest}, Newest: q.Newest,
		Untagged: q.Tags.Untagged, Prefixes: q.Tags.Prefixes, Limit: q.Limit,
		TaggedAt: q.TaggedAt, Signed: q.Signed,
	})
	page = make([]lifecycle.Image, len(rows))
	for i := range rows {
		page[i] = imageOf(&rows[i])
	}
	return page, more, err
}

func imageOf(row *metadata.LifecycleImage) lifecycle.Image {
	return lifecycle.Image{
		Digest: row.Digest, Tags: row.Tags, Size: row.Size, PushedAt: row.PushedAt, PulledAt: row.PulledAt,
		TaggedAt: row.TaggedAt, StorageClass: lifecycle.Standard, Attached: row.Attached, Child: row.Child,
		Held: row.Child, Signed: row.Signed,
	}
}
