package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	l := s.limits[id.Account]
	used := func(name string) (n int64) {
		if err == nil {
			n, err = s.used(name, reg.ID)
		}
		return n
	}
	all := []Quota{
		{quota.Repositories, QuotaCount, l.Repositories, used(quota.Repositories), true},
		{quota.ImagesPerRepository, QuotaCount, l.ImagesPerRepository, 0, false},
		{quota.TagsPerImage, QuotaCount, l.TagsPerImage, 0, false},
		{quota.OpenUploads, QuotaCount, l.OpenUploads, used(quota.OpenUploads), true},
		{quota.StoredBytes, QuotaBytes, l.StoredBytes, used(quota.StoredBytes), true},
		{quota.ReplicatedBytes, QuotaBytes, l.ReplicatedBytes, used(quota.ReplicatedBytes), true},
	}
	if err != nil {
		return nil, fmt.Errorf("count what registry %s holds: %w", id, err)
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

// rows returns how much there is of what the quota bounds, from the database. It
// need not count past most.
func rows(of counted, most int64) func(q *metadata.Queries) (int64, error) {
	return func(q *metadata.Queries) (int64, error) {
		switch of.quota {
		case quota.Repositories:
			return q.RepositoryCount(of.id)
		case quota.ImagesPerRepository:
			return q.ImageCount(of.id, most)
		case quota.OpenUploads:
			return q.UploadCount(of.id, most)
		case quota.StoredBytes:
			return q.StoredBytes(of.id)
		case quota.ReplicatedBytes:
			return q.ReplicatedBytes(of.id)
		}
		panic("registry: nobody counts " + of.quota)
	}
}

// used is how much a registry has of what the quota bounds, counted now unless that
// takes long. Those who ask at a time share the answer.
func (s *Service) used(name string, registry int64) (int64, error) {
	of := counted{name, registry}
	c := s.counts.get(of)
	if n, ok := c.shown(s.now()); ok {
		return n, nil
	}
	if err := c.ask(s.now, func() (int64, error) { return rows(of, math.MaxInt64)(s.meta.Read()) }); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n, nil
}

// room returns what the named quotas leave of a registry, and of a repository in
// it: 0 if the operation creates that. Past them it is LimitExceeded.
func (s *Service) room(id ID, registry, repository int64, names ...string) *room {
	l := s.limits[id.Account]
	r := &room{now: s.now, read: s.meta.Read}
	r.full = func(name string, limit int64) error { return overQuota(id, name, limit) }
	for _, name := range names {
		of, limit, quick := counted{name, registry}, int64(0), true
		switch name {
		case quota.Repositories:
			limit = l.Repositories
		case quota.ImagesPerRepository:
			of.id, limit = repository, l.ImagesPerRepository
		case quota.OpenUploads:
			limit = l.OpenUploads
		case quota.StoredBytes:
			limit, quick = l.StoredBytes, false
		case quota.ReplicatedBytes:
			limit, quick = l.ReplicatedBytes, false
		}
		if limit > 0 && of.id != 0 {
			b := &bound{quota: name, limit: limit, count: s.counts.get(of), rows: rows(of, limit), quick: quick}
			r.of = append(r.of, b)
		}
	}
	return r
}

// roomIn is room for an operation on a repository.
func (s *Service) roomIn(r *metadata.Repository, names ...string) *room {
	return s.room(refOf(r).Registry, r.RegistryID, r.ID, names...)
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

// takeLayer takes the room for a link to a layer, unless the repository has it.
func takeLayer(tx *metadata.Tx, r *room, repository int64, digest string, size int64) error {
	if r.bound(quota.StoredBytes) == nil {
		return nil
	}
	_, err := tx.Layer(repository, digest)
	if errors.Is(err, metadata.ErrNotFound) {
		return r.take(quota.StoredBytes, size)
	}
	return err
}

// takeBlob is takeLayer for a blob that the deployment has; if it has not, nothing
// is taken.
func takeBlob(tx *metadata.Tx, r *room, repository int64, digest string) error {
	if r.bound(quota.StoredBytes) == nil {
		return nil
	}
	b, err := tx.Blob(digest)
	if errors.Is(err, metadata.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return takeLayer(tx, r, repository, digest, b.Size)
}

// boundLayer lets through as much of a layer as the registry has room for beside
// what the upload has already. More is refused before it is stored.
func (s *Service) boundLayer(ctx context.Context, r *metadata.Repository, content io.Reader, already int64) (
	io.Reader, error) {
	b := &boundedLayer{r: content, room: maxLayerSize - already,
		refusal: errorf(LimitExceeded, "A layer may have at most %d bytes", int64(maxLayerSize))}
	room := s.roomIn(r, quota.StoredBytes)
	c := room.bound(quota.StoredBytes)
	if c == nil {
		return b, nil
	}
	left := func(all bool) (int64, error) {
		if err := room.ask(ctx, all); err != nil {
			return 0, fmt.Errorf("count what the registry of %s holds: %w", refOf(r), err)
		}
		c.count.mu.Lock()
		defer c.count.mu.Unlock()
		return c.limit - c.count.n - c.count.claimed, nil
	}
	n, err := left(false)
	if err != nil {
		return nil, err
	}
	if n-already < b.room {
		b.room, b.refusal = n-already, overQuota(refOf(r).Registry, quota.StoredBytes, c.limit)
		b.recount = func() (more int64, err error) {
			now, err := left(true)
			return now - n, err
		}
	}
	return b, nil
}

// boundedLayer fails once a layer has become too large.
type boundedLayer struct {
	r       io.Reader
	room    int64
	refusal error
	// recount, if not nil, returns how much more room there is than was thought.
	recount func() (more int64, err error)
}

func (b *boundedLayer) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.room -= int64(n)
	if b.room < 0 && b.recount != nil {
		more, err := b.recount()
		if err != nil {
			return 0, err
		}
		b.room, b.recount = b.room+more, nil
	}
	if b.room < 0 {
		return 0, b.refusal
	}
	return n, err
}

// roomAt is what the destination of a replication has room for.
func (s *Service) roomAt(job metadata.ReplicationJob) *room {
	r := s.room(ID{job.DestinationAccount, job.DestinationRegion}, job.RegistryID, job.DestinationID,
		quota.Repositories, quota.ImagesPerRepository, quota.StoredBytes, quota.ReplicatedBytes)
	r.full = func(name string, _ int64) error { return full(job, name) }
	return r
}

// fitsAhead asks what fits is going to ask.
func (s *Service) fitsAhead(q *metadata.Queries, job metadata.ReplicationJob, r *room) {
	r.ahead(q)
	if l := s.limits[job.DestinationAccount]; job.DestinationID != 0 && l.TagsPerImage > 0 && job.Tag != "" {
		_, _ = q.CountTagsOf(job.DestinationID, job.Digest, int(l.TagsPerImage))
	}
}

// fits takes the room for a replication of an image, whose manifests are given, and
// refuses one that would go past a quota of the destination.
func (s *Service) fits(q *metadata.Queries, job metadata.ReplicationJob, r *room, manifests []string) error {
	if err := r.count(q); err != nil {
		return err
	}
	if job.DestinationID == 0 {
		if err := r.take(quota.Repositories, 1); err != nil {
			return err
		}
	}
	if l := s.limits[job.DestinationAccount]; job.DestinationID != 0 && l.TagsPerImage > 0 && job.Tag != "" {
		tags, err := q.CountTagsOf(job.DestinationID, job.Digest, int(l.TagsPerImage))
		if err != nil {
			return err
		}
		if int64(tags) >= l.TagsPerImage {
			// One more, unless it is there.
			now, err := q.Tag(job.DestinationID, job.Tag)
			if err != nil && !errors.Is(err, metadata.ErrNotFound) {
				return err
			}
			if now.Digest != job.Digest {
				return full(job, quota.TagsPerImage)
			}
		}
	}
	noBytes := r.bound(quota.StoredBytes) == nil && r.bound(quota.ReplicatedBytes) == nil
	if noBytes && r.take(quota.ImagesPerRepository, int64(len(manifests))) == nil {
		return nil // without a look at what the destination has of it
	}
	images, bytes, err := q.CopyCost(job.RepositoryID, manifests, job.DestinationID)
	if err != nil {
		return err
	}
	if err := r.take(quota.ImagesPerRepository, images); err != nil {
		return err
	}
	if err := r.take(quota.StoredBytes, bytes); err != nil {
		return err
	}
	return r.take(quota.ReplicatedBytes, bytes)
}

// full refuses a replication for a quota. How much there is of it is not for the
// source to know.
func full(job metadata.ReplicationJob, name string) *refusal {
	return &refusal{code: failureLimitExceeded, reason: fmt.Sprintf("The registry of account %s in %s has no room for the image: "+
		"it would exceed its quota '%s'. Delete there what is not needed, or have its operator raise the quota, and retry the replication.",
		job.DestinationAccount, job.DestinationRegion, name)}
}
