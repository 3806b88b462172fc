package registry

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/quota"
)

// Quota is one of a registry's: what it may hold, or ask for in a second.
type Quota struct {
	Name  string
	Unit  QuotaUnit
	Limit int64 // 0 for none
	// Used is what the registry holds now; it is known of those quotas that hold
	// for the registry as a whole.
	Used  int64
	Known bool
}

// QuotaUnit is what a quota counts.
type QuotaUnit string

const (
	QuotaCount     QuotaUnit = "Count"
	QuotaBytes     QuotaUnit = "Bytes"
	QuotaPerSecond QuotaUnit = "Count/Second"
)

// Quotas of the registry, with what it uses of them.
func (s *Service) Quotas(ctx context.Context, c Caller, id ID) ([]Quota, error) {
	if err := s.Authorize(ctx, c, id, actionDescribeRegistry); err != nil {
		return nil, err
	}
	reg, err := s.registry(id)
	if err != nil {
		return nil, err
	}
	used, err := s.meta.Read().RegistryUsage(reg.ID)
	if err != nil {
		return nil, fmt.Errorf("read what registry %s holds: %w", id, err)
	}
	uploads, err := s.meta.Read().OpenUploads(reg.ID, math.MaxInt64)
	if err != nil {
		return nil, fmt.Errorf("count the open uploads of registry %s: %w", id, err)
	}
	l := s.limits[id.Account]
	all := []Quota{
		{quota.Repositories, QuotaCount, l.Repositories, used.Repositories, true},
		{quota.ImagesPerRepository, QuotaCount, l.ImagesPerRepository, 0, false},
		{quota.TagsPerImage, QuotaCount, l.TagsPerImage, 0, false},
		{quota.OpenUploads, QuotaCount, l.OpenUploads, uploads, true},
		{quota.StoredBytes, QuotaBytes, l.StoredBytes, used.Bytes, true},
		{quota.ReplicatedBytes, QuotaBytes, l.ReplicatedBytes, used.ReplicatedBytes, true},
	}
	for k, rate := range l.Rates {
		all = append(all, Quota{Name: quota.Kind(k).Rate(), Unit: QuotaPerSecond, Limit: rate})
	}
	return all, nil
}

// overQuota refuses what would go past a quota.
func overQuota(id ID, name string, limit int64) *Error {
	e := errorf(LimitExceeded, "The operation did not succeed because it would have exceeded a service limit for your account: "+
		"the quota '%s' of the registry with id '%s' in %s is %d. Delete what is not needed any more, or ask the operator for more.",
		name, id.Account, id.Region, limit)
	e.Quota = name
	return e
}

// checkRepositories refuses more repositories than the registry may have.
func (s *Service) checkRepositories(q *metadata.Queries, id ID, registry, more int64) error {
	limit := s.limits[id.Account].Repositories
	if limit == 0 {
		return nil
	}
	used, err := q.RegistryUsage(registry)
	if err == nil && used.Repositories+more > limit {
		return overQuota(id, quota.Repositories, limit)
	}
	return err
}

// imageFits reports whether another image surely fits into an account's
// repository. If not, checkImage is for whoever adds it.
func (s *Service) imageFits(account string, repository int64) bool {
	limit := s.limits[account].ImagesPerRepository
	return limit == 0 || s.images.fits(repository, 1, limit, s.now())
}

// checkImage refuses another image than the repository may have. ImageCount may
// be asked ahead.
func (s *Service) checkImage(q *metadata.Queries, r *metadata.Repository) error {
	limit := s.limits[r.Account].ImagesPerRepository
	images, err := q.ImageCount(r.ID)
	if err != nil {
		return err
	}
	if images >= limit {
		return overQuota(refOf(r).Registry, quota.ImagesPerRepository, limit)
	}
	s.images.know(r.ID, images+1, s.now())
	return nil
}

// checkTags refuses more tags than an image may have. CountTagsOf may be asked
// ahead; an image that was not known has none.
func (s *Service) checkTags(q *metadata.Queries, r *metadata.Repository, digest string, known bool, more int64) error {
	limit := s.limits[r.Account].TagsPerImage
	if limit == 0 || more == 0 {
		return nil
	}
	tags := 0
	if known {
		var err error
		if tags, err = q.CountTagsOf(r.ID, digest, int(limit)); err != nil {
			return err
		}
	}
	if int64(tags)+more > limit {
		return overQuota(refOf(r).Registry, quota.TagsPerImage, limit)
	}
	return nil
}

// boundUploads makes of an update that opens an upload session, and of what it
// asks ahead, one that is refused if the registry has as many as it may.
func (s *Service) boundUploads(r *metadata.Repository, fn func(*metadata.Tx, *metadata.Repository) error) (
	metadata.Ahead, func(*metadata.Tx, *metadata.Repository) error) {
	limit := s.limits[r.Account].OpenUploads
	if limit == 0 || s.uploads.fits(r.RegistryID, 1, limit, s.now()) {
		return nil, fn
	}
	ahead := func(q *metadata.Queries, _ int64) { _, _ = q.OpenUploads(r.RegistryID, limit) }
	return ahead, func(tx *metadata.Tx, r *metadata.Repository) error {
		open, err := tx.OpenUploads(r.RegistryID, limit)
		if err != nil {
			return err
		}
		if open >= limit {
			return overQuota(refOf(r).Registry, quota.OpenUploads, limit)
		}
		s.uploads.know(r.RegistryID, open+1, s.now())
		return fn(tx, r)
	}
}

// boundBytes makes of an update, and of what it asks ahead, one that is refused
// if the registry would store more bytes than it may. What adds nothing, as the
// push of an image that is there, is let through. Without a limit nothing is asked.
func (s *Service) boundBytes(r *metadata.Repository, ahead metadata.Ahead, fn func(*metadata.Tx, *metadata.Repository) error) (
	metadata.Ahead, func(*metadata.Tx, *metadata.Repository) error) {
	limit := s.limits[r.Account].StoredBytes
	if limit == 0 {
		return ahead, fn
	}
	withUsage := func(q *metadata.Queries, repository int64) {
		_, _ = q.RegistryUsage(r.RegistryID)
		if ahead != nil {
			ahead(q, repository)
		}
	}
	return withUsage, func(tx *metadata.Tx, r *metadata.Repository) error {
		before, err := tx.RegistryUsage(r.RegistryID)
		if err != nil {
			return err
		}
		if err := fn(tx, r); err != nil {
			return err
		}
		after, err := tx.RegistryUsage(r.RegistryID)
		if err == nil && after.Bytes > limit && after.Bytes > before.Bytes {
			return overQuota(refOf(r).Registry, quota.StoredBytes, limit)
		}
		return err
	}
}

// roomFor is how many bytes of a layer may be taken in, and what to answer to
// more: what the registry could not keep is refused before it is stored.
func (s *Service) roomFor(r *metadata.Repository) (room int64, refusal, err error) {
	limit := s.limits[r.Account].StoredBytes
	if limit > 0 {
		used, err := s.meta.Read().RegistryUsage(r.RegistryID)
		if err != nil {
			return 0, nil, fmt.Errorf("read what the registry of %s holds: %w", refOf(r), err)
		}
		if room := limit - used.Bytes; room < maxLayerSize {
			return room, overQuota(refOf(r).Registry, quota.StoredBytes, limit), nil
		}
	}
	return maxLayerSize, errorf(LimitExceeded, "A layer may have at most %d bytes", int64(maxLayerSize)), nil
}

// fitsAhead asks what fits is going to ask. countImages says that an image does
// not surely fit.
func (s *Service) fitsAhead(q *metadata.Queries, job metadata.ReplicationJob, countImages bool) {
	l := s.limits[job.DestinationAccount]
	if job.DestinationID == 0 && l.Repositories > 0 || l.StoredBytes > 0 || l.ReplicatedBytes > 0 {
		_, _ = q.RegistryUsage(job.RegistryID)
	}
	if countImages {
		_, _ = q.ImageCount(job.DestinationID)
	}
	if job.DestinationID != 0 && l.TagsPerImage > 0 && job.Tag != "" {
		_, _ = q.CountTagsOf(job.DestinationID, job.Digest, int(l.TagsPerImage))
	}
}

// fits refuses a replication that would go past a quota of the destination.
// manifests are the image's; of the first it is known whether to count images for it.
func (s *Service) fits(q *metadata.Queries, job metadata.ReplicationJob, manifests []string, countImages bool) error {
	l := s.limits[job.DestinationAccount]
	if more := int64(len(manifests)) - 1; more > 0 && job.DestinationID != 0 && l.ImagesPerRepository > 0 {
		countImages = countImages || !s.images.fits(job.DestinationID, more, l.ImagesPerRepository, s.now())
	}
	var used metadata.RegistryUsage
	var images, tags int64
	var err error
	if job.DestinationID == 0 && l.Repositories > 0 || l.StoredBytes > 0 || l.ReplicatedBytes > 0 {
		used, err = q.RegistryUsage(job.RegistryID)
	}
	if err == nil && countImages {
		images, err = q.ImageCount(job.DestinationID)
	}
	if err == nil && job.DestinationID != 0 && l.TagsPerImage > 0 && job.Tag != "" {
		var n int
		n, err = q.CountTagsOf(job.DestinationID, job.Digest, int(l.TagsPerImage))
		tags = int64(n)
	}
	if err != nil {
		return err
	}
	if job.DestinationID == 0 && l.Repositories > 0 && used.Repositories >= l.Repositories {
		return full(job, quota.Repositories)
	}
	if job.Tag != "" && l.TagsPerImage > 0 && tags >= l.TagsPerImage {
		// One more, unless it is there.
		now, err := q.Tag(job.DestinationID, job.Tag)
		if err != nil && !errors.Is(err, metadata.ErrNotFound) {
			return err
		}
		if now.Digest != job.Digest {
			return full(job, quota.TagsPerImage)
		}
	}
	if countImages {
		s.images.know(job.DestinationID, images+int64(len(manifests)), s.now())
	}
	crowded := l.ImagesPerRepository > 0 && images+int64(len(manifests)) > l.ImagesPerRepository
	if !crowded && l.StoredBytes == 0 && l.ReplicatedBytes == 0 {
		return nil
	}
	// Only what the destination lacks counts.
	more, bytes, err := q.CopyCost(job.RepositoryID, manifests, job.DestinationID)
	switch {
	case err != nil:
		return err
	case crowded && more > 0 && images+more > l.ImagesPerRepository:
		return full(job, quota.ImagesPerRepository)
	case l.StoredBytes > 0 && bytes > 0 && used.Bytes+bytes > l.StoredBytes:
		return full(job, quota.StoredBytes)
	case l.ReplicatedBytes > 0 && bytes > 0 && used.ReplicatedBytes+bytes > l.ReplicatedBytes:
		return full(job, quota.ReplicatedBytes)
	}
	return nil
}

// full refuses a replication for a quota. How much there is of it is not for the
// source to know.
func full(job metadata.ReplicationJob, name string) *refusal {
	return &refusal{code: failureLimitExceeded, reason: fmt.Sprintf("The registry of account %s in %s has no room for the image: "+
		"it would exceed its quota '%s'. Delete there what is not needed, or have its operator raise the quota, and retry the replication.",
		job.DestinationAccount, job.DestinationRegion, name)}
}
