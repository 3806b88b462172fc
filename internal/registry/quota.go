package registry

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/usage"
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
func (s *Service) Quotas(ctx context.Context, c access.Caller, id resource.Registry) ([]Quota, error) {
	reg, err := s.Settings(ctx, c, id, access.DescribeRegistry)
	if err != nil {
		return nil, err
	}
	l := s.limits[id.Account]
	used := func(name string) (n int64) {
		if err == nil {
			n, err = s.usage.Used(ctx, id.Account, name, reg.ID)
		}
		return n
	}
	all := []Quota{
		{quota.Repositories, QuotaCount, l.Repositories, used(quota.Repositories), true},
		{quota.ImagesPerRepository, QuotaCount, l.ImagesPerRepository, 0, false},
		{quota.TagsPerImage, QuotaCount, l.TagsPerImage, 0, false},
		{quota.LayerBytes, QuotaBytes, maxLayer(l), 0, false},
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

// maxLayer is how many bytes one layer may have.
func maxLayer(l quota.Limits) int64 {
	if l.LayerBytes > 0 && l.LayerBytes < quota.MaxLayerBytes {
		return l.LayerBytes
	}
	return quota.MaxLayerBytes
}

// overQuota refuses what would go past a quota.
func overQuota(id resource.Registry, name string, limit int64) *Error {
	e := Errorf(LimitExceeded, "The operation did not succeed because it would have exceeded a service limit for "+
		"your account: the quota '%s' of the registry with id '%s' in %s is %d. Delete what is not needed any more, "+
		"or ask the operator for more.",
		name, id.Account, id.Region, limit)
	e.Quota = name
	return e
}

func layerTooLarge(id resource.Registry, limit int64) *Error {
	e := Errorf(LimitExceeded, "The operation did not succeed because it would have exceeded a service limit for "+
		"your account: the quota '%s' of the registry with id '%s' in %s is %d bytes. Divide the layer, or ask the "+
		"operator for more.", quota.LayerBytes, id.Account, id.Region, limit)
	e.Quota = quota.LayerBytes
	return e
}

// room is what the named quotas leave of a registry, and of a repository in it: 0 if the operation creates that. Past
// them it is LimitExceeded.
func (s *Service) room(id resource.Registry, registry, repository int64, names ...string) *usage.Room {
	full := func(name string, limit int64) error { return overQuota(id, name, limit) }
	return s.usage.Room(id.Account, registry, repository, full, names...)
}

// roomIn is room for an operation on a repository.
func (s *Service) roomIn(r *metadata.Repository, names ...string) *usage.Room {
	return s.room(refOf(r).Registry, r.RegistryRow, r.ID, names...)
}

// roomForLayer is room for a layer that is pushed, or that a replication brings.
func (s *Service) roomForLayer(r *metadata.Repository, received bool) *usage.Room {
	if received {
		return s.roomIn(r, quota.StoredBytes, quota.ReplicatedBytes)
	}
	return s.roomIn(r, quota.StoredBytes)
}

// takeLayer takes the room for a link to a layer, unless the repository has it.
func takeLayer(tx *metadata.Tx, r *usage.Room, repository int64, digest string, size int64) error {
	if !r.Bounded(quota.StoredBytes) && !r.Bounded(quota.ReplicatedBytes) {
		return nil
	}
	_, err := tx.Layers().Get(repository, digest)
	if !errors.Is(err, metadata.ErrNotFound) {
		return err
	}
	if err := r.Take(quota.StoredBytes, size); err != nil {
		return err
	}
	return r.Take(quota.ReplicatedBytes, size)
}

// takeBlob is takeLayer for a blob that the deployment has; if it has not, nothing
// is taken.
func takeBlob(tx *metadata.Tx, r *usage.Room, repository int64, digest string) error {
	if !r.Bounded(quota.StoredBytes) && !r.Bounded(quota.ReplicatedBytes) {
		return nil
	}
	b, err := tx.Layers().Blob(digest)
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
	id, most := refOf(r).Registry, maxLayer(s.limits[r.Account])
	b := &boundedLayer{r: content, room: most - already, refusal: layerTooLarge(id, most)}
	room := s.roomIn(r, quota.StoredBytes)
	if !room.Bounded(quota.StoredBytes) {
		return b, nil
	}
	n, _, err := room.Left(ctx, quota.StoredBytes)
	if err != nil {
		return nil, err
	}
	if n-already < b.room {
		b.room, b.refusal = n-already, overQuota(id, quota.StoredBytes, room.Limit(quota.StoredBytes))
		b.recount = func() (more int64, err error) {
			_, now, err := room.Recount(ctx, quota.StoredBytes)
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
