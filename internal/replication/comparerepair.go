package replication

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// repairBatch is how many replications one transaction queues: the repository's
// pushes wait for it.
const repairBatch = 200

// repairPage queues what is lacking or different, and returns the page as far as it
// got: Throttled (ErrWaitingRoomFull) if that is nowhere.
func (s *Service) repairPage(ctx context.Context, c *comparison, page Comparison) (Comparison, error) {
	done := 0
	for done < len(page.Differences) {
		queued, n, err := s.repair(ctx, c.source, c.destination, page.Differences[done:])
		if errors.Is(err, ErrWaitingRoomFull) && done > 0 {
			// The next page begins with what was not queued.
			page.Differences = page.Differences[:done]
			d := page.Differences[done-1]
			at, _ := slices.BinarySearchFunc(c.images, ImageKey{d.Repository, string(d.Digest), d.Tag},
				func(image metadata.RegistryImage, k ImageKey) int { return compareKeys(ImageKey(image), k) })
			page.Compared = min(at+1, len(c.images))
			page.Next = c.next(page.Compared)
			return page, nil
		}
		if err != nil {
			return Comparison{}, err
		}
		page.Queued += queued
		done += n
	}
	return page, nil
}

// repair queues the first n of the differences, which are of one repository.
func (s *Service) repair(ctx context.Context, source, destination resource.Registry,
	all []Difference) (queued, n int, err error) {
	name := all[0].Repository
	var images []metadata.RegistryImage
	for n < min(len(all), repairBatch) && all[n].Repository == name {
		if d := all[n]; d.Kind != RepositoryRefused {
			images = append(images, metadata.RegistryImage{Repository: name, Digest: string(d.Digest), Tag: d.Tag})
		}
		n++
	}
	if len(images) > 0 {
		queued, err = s.queueAgain(ctx, resource.Repository{Registry: source, Name: name}, destination, images)
	}
	return queued, n, err
}

// queueAgain queues those images of a repository for a destination that it still has.
func (s *Service) queueAgain(ctx context.Context, ref resource.Repository, destination resource.Registry,
	images []metadata.RegistryImage) (queued int, err error) {
	row, err := s.meta.Repository(ctx, ref.Registry.Account, ref.Registry.Region, ref.Name, nil)
	if errors.Is(err, metadata.ErrNotFound) {
		return 0, nil // it was deleted since
	}
	if err != nil {
		return 0, fmt.Errorf("look up repository %s: %w", ref, err)
	}
	if err := s.outbox.takeRoom(ctx, ref.Registry.Account, len(images),
		"compare again when some have ended"); err != nil {
		return 0, err
	}
	err = s.registry.Update(ctx, func(tx *metadata.Tx) error {
		queued = 0
		r, err := tx.Repositories().Lock(row.ID)
		if errors.Is(err, metadata.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		to, err := s.outbox.destinations(r)
		if err != nil || !slices.Contains(to, destination) {
			return err
		}
		there, err := standing(tx, r, images)
		if err != nil {
			return err
		}
		queued, err = s.queueExisting(tx, r, destination, there, false)
		return err
	})
	return queued, err
}

// standing are those of the images that the repository still has.
func standing(tx *metadata.Tx, r *metadata.Repository, images []metadata.RegistryImage) (there []metadata.RegistryImage,
	err error) {
	found, err := tx.Images().Find(r.RegistryRow, images)
	for i, f := range found {
		if isThere(images[i], f) {
			there = append(there, images[i])
		}
	}
	return there, err
}

// queueExisting queues images that a repository has, which is locked, but for those
// that are on their way there. They get a new number, so they are newer to the
// destination than what it got before. No push may come in between: what is queued
// must be what the repository has when the number is drawn.
func (s *Service) queueExisting(tx *metadata.Tx, r *metadata.Repository, destination resource.Registry,
	images []metadata.RegistryImage, backfill bool) (queued int, err error) {
	if len(images) == 0 {
		return 0, nil
	}
	moving, err := tx.Replications().InProgress(r.ID, destination, images)
	if err != nil {
		return 0, err
	}
	number, err := tx.Registries().NextSequence(r.RegistryRow)
	if err != nil {
		return 0, err
	}
	now := s.now()
	var rows []*metadata.Replication
	for i, image := range images {
		if moving[i] {
			continue
		}
		row := &metadata.Replication{
			RepositoryID: r.ID, Digest: image.Digest, Tag: image.Tag, Sequence: number,
			DestinationAccount: destination.Account, DestinationRegion: destination.Region, PushedAt: now,
			NextTryAt: now.Add(takeover), Backfill: backfill,
		}
		if err := tx.Replications().Queue(row); err != nil {
			return 0, err
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		tx.OnCommit(func() { s.outbox.reportQueued(r, rows) })
	}
	return len(rows), nil
}
