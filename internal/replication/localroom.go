package replication

import (
	"errors"
	"fmt"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/usage"
)

// roomAt is what the destination of a replication has room for.
func (l *local) roomAt(job metadata.ReplicationJob) *usage.Room {
	full := func(name string, _ int64) error { return full(job, name) }
	return l.usage.Room(job.DestinationAccount, job.RegistryRow, job.DestinationID, full,
		quota.Repositories, quota.ImagesPerRepository, quota.StoredBytes, quota.ReplicatedBytes)
}

// tagsOf is how many tags a replication sets.
func tagsOf(job metadata.ReplicationJob) int {
	if job.Tag == "" {
		return 0
	}
	return 1
}

// fits takes the room for a replication of an image, which adds so many manifests
// and bytes, and refuses one that would go past a quota of the destination.
func (l *local) fits(q *metadata.Queries, job metadata.ReplicationJob, r *usage.Room,
	tags usage.ImageTags, manifests int64, bytes func() (int64, error)) error {
	if err := r.Begin(q); err != nil {
		return err
	}
	if job.DestinationID == 0 {
		if err := r.Take(quota.Repositories, 1); err != nil {
			return err
		}
	}
	tooMany, err := tags.Full(tagsOf(job))
	if err != nil {
		return err
	}
	if tooMany { // unless it is one of them
		now, err := q.Tags().Get(job.DestinationID, job.Tag)
		if err != nil && !errors.Is(err, metadata.ErrNotFound) {
			return err
		}
		if now.Digest != job.Digest {
			return full(job, quota.TagsPerImage)
		}
	}
	if err := r.Take(quota.ImagesPerRepository, manifests); err != nil {
		return err
	}
	if !r.Bounded(quota.StoredBytes) && !r.Bounded(quota.ReplicatedBytes) {
		return nil
	}
	n, err := bytes()
	if err != nil {
		return err
	}
	if err := r.Take(quota.StoredBytes, n); err != nil {
		return err
	}
	return r.Take(quota.ReplicatedBytes, n)
}

// full refuses a replication for a quota. How much there is of it is not for the
// source to know.
func full(job metadata.ReplicationJob, name string) *Refusal {
	return &Refusal{Code: failureLimitExceeded, Reason: fmt.Sprintf("The registry of account %s in %s has no room "+
		"for the image: it would exceed its quota '%s'. Delete there what is not needed, or have its operator raise "+
		"the quota, and retry the replication.",
		job.DestinationAccount, job.DestinationRegion, name)}
}
