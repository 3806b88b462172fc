package replication

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/jobs"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// A backfill finds all of its images first, page by page, and numbers them. Then
// it queues them in the order of their numbers, like pushes and with numbers of the
// registry as these have, but never more than a few that have not ended: whenever
// some have, it notes what came of them and queues others. All of this is in the
// store, and each step is one transaction that has the backfill's row: so whoever
// goes on finds how far it is, and two that do so do nothing twice.

// BackfillsJob is the name of BackfillJob.
const BackfillsJob = "backfills"

const (
	// backfillInterval is how often is looked for backfills that nobody woke the job
	// for: it is woken by who starts or stops one.
	backfillInterval = time.Minute
	// backfillPause is how long the job waits when no backfill could get on.
	backfillPause = 200 * time.Millisecond
	// preparedAtOnce is how many images a page of preparing finds.
	preparedAtOnce = 1000
	// backfillWindow is how many images of a backfill may be queued and have not ended,
	// and backfilledAtOnce how many are queued in a transaction: the repository's
	// pushes wait for it.
	backfillWindow   = 512
	backfilledAtOnce = 128
	// backfillRoom is how many replications an account may have waiting for its
	// backfills to queue more: the rest of what may wait is left to pushes.
	backfillRoom = maxWaiting / 5

	// A backfill fails once a half of its images have, of at least so many (ECR: 50 %
	// of 100).
	judgedFrom = 100

	// backfillsKept is for how long backfills are kept that have ended (ECR: 90 days),
	// and forgottenAtOnce how many of their images one transaction forgets.
	backfillsKept   = 90 * 24 * time.Hour
	forgottenAtOnce = 1000
)

// BackfillJob returns a job that goes on with backfills: registries take turns.
func (s *Service) BackfillJob() jobs.Job {
	return jobs.Job{Name: BackfillsJob, Interval: backfillInterval, Woken: true, Steps: []jobs.Step{
		{Name: "backfills", Page: s.backfillPage},
	}}
}

// turn is the key of a page: the registry that had its turn last in this round,
// and whether any backfill got on in it.
type turn struct {
	registry int64
	moved    bool
}

func (t turn) String() string { return fmt.Sprintf("%d %t", t.registry, t.moved) }

// backfillPage does some of the backfills of the registry whose turn it is.
func (s *Service) backfillPage(ctx context.Context, after string) (next string, err error) {
	var last turn
	if _, err := fmt.Sscanf(after, "%d %t", &last.registry, &last.moved); err != nil {
		last = turn{} // at the beginning, or it is another version's
	}
	open, err := s.nextBackfills(ctx, last.registry)
	if err == nil && len(open) == 0 && last.registry != 0 {
		if !last.moved {
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(backfillPause):
			}
		}
		last = turn{}
		open, err = s.nextBackfills(ctx, 0)
	}
	if err != nil || len(open) == 0 {
		return "", err
	}
	last.registry = open[0].RegistryRow
	for _, b := range open {
		moved, err := s.goOn(ctx, b)
		if err != nil && (ctx.Err() != nil || registry.IsUnavailable(err) || errors.Is(err, metadata.ErrFull) ||
			errors.Is(err, metadata.ErrClosed)) {
			return "", err
		}
		if err != nil { // others must not wait for it
			s.log.ErrorContext(ctx, "a backfill met a fault and goes on later", "backfill", b.Name, "error", err)
		}
		last.moved = last.moved || moved
	}
	return last.String(), nil
}

// nextBackfills are those that are under way of the first registry after the given
// one that has any and is served.
func (s *Service) nextBackfills(ctx context.Context, after int64) ([]metadata.Backfill, error) {
	q := s.meta.Read(ctx).Backfills()
	for {
		row, err := q.NextOpen(after)
		if err != nil || row == 0 {
			return nil, err
		}
		open, err := q.Open(row, maxBackfills)
		if err != nil || len(open) > 0 && s.registry.Exists(open[0].Source()) {
			return open, err
		}
		after = row
	}
}

// goOn does some of a backfill: false if there is nothing to do now.
func (s *Service) goOn(ctx context.Context, b metadata.Backfill) (moved bool, err error) {
	if b.Status == metadata.BackfillPreparing {
		err = s.prepare(ctx, b)
		return err == nil, err
	}
	lost, moved, err := s.settle(ctx, b)
	if err != nil {
		return moved, fmt.Errorf("note what came of images of a backfill: %w", err)
	}
	// One after the other, so that a page ends soon and what has ended is noted.
	queued, err := s.feed(ctx, b, lost)
	if err != nil {
		return moved, fmt.Errorf("queue images of a backfill: %w", err)
	}
	return moved || queued, nil
}

// withBackfill runs fn in a transaction that has a backfill for itself, unless it
// has ended or been forgotten.
func (s *Service) withBackfill(ctx context.Context, id int64, fn func(*metadata.Tx, metadata.Backfill) error) error {
	return s.registry.Update(ctx, func(tx *metadata.Tx) error {
		b, err := tx.Backfills().Lock(id)
		if errors.Is(err, metadata.ErrNotFound) || err == nil && !b.EndedAt.IsZero() {
			return nil
		}
		if err != nil {
			return err
		}
		return fn(tx, b)
	})
}

// prepare finds the next images of a backfill.
func (s *Service) prepare(ctx context.Context, b metadata.Backfill) error {
	source := b.Source()
	reg, err := s.meta.Read(ctx).Registries().Get(source.Account, source.Region)
	if err != nil {
		return fmt.Errorf("look up registry %s: %w", source, err)
	}
	rules, err := s.outbox.rules(source, reg.Replication)
	if err != nil {
		return err
	}
	scopes := scopesTo(rules, b.Destination())
	place, err := comparedKey(b.Place)
	if err != nil {
		return err
	}
	images, more, err := s.imagesAfter(ctx, reg.ID, scopes, place, preparedAtOnce)
	if err != nil {
		return fmt.Errorf("list the images of %s: %w", source, err)
	}
	return s.withBackfill(ctx, b.ID, func(tx *metadata.Tx, now metadata.Backfill) error {
		if now.Status != metadata.BackfillPreparing || now.Place != b.Place {
			return nil // another process was first
		}
		if len(scopes) == 0 {
			now.FailureCode = failureNotConfigured
			s.endBackfill(&now, metadata.BackfillFailed)
			return tx.Backfills().Save(now)
		}
		rows := make([]metadata.BackfillImage, len(images))
		for i, image := range images {
			now.Total++
			rows[i] = metadata.BackfillImage{Number: now.Total, RegistryImage: image}
			now.Place = strings.Join([]string{image.Repository, image.Digest, image.Tag}, keySeparator)
		}
		if len(rows) > 0 {
			if err := tx.Backfills().Add(now.ID, rows); err != nil {
				return err
			}
		}
		if !more {
			now.Prepared, now.Status = true, metadata.BackfillInProgress
			s.judge(&now)
		}
		return tx.Backfills().Save(now)
	})
}

// settle notes what came of the images of a backfill that were queued, and ends it
// if that was all. lost are the numbers of images whose replication is not there.
func (s *Service) settle(ctx context.Context, b metadata.Backfill) (lost []int64, settled bool, err error) {
	ended, lost, err := s.ended(s.meta.Read(ctx).Backfills(), b)
	// Mostly nothing has: then nothing need be locked.
	if before := b; err != nil || len(ended) == 0 && !s.judge(&before) {
		return lost, false, err
	}
	err = s.withBackfill(ctx, b.ID, func(tx *metadata.Tx, b metadata.Backfill) error {
		if ended, lost, err = s.ended(tx.Backfills().Backfills, b); err != nil {
			return err
		}
		settled = true
		return s.end(tx, b, ended)
	})
	return lost, settled, err
}

// outcomes are numbers of images of a backfill that have ended, by what came of them.
type outcomes map[metadata.BackfillImage][]int64

// ended are the images of a backfill that were queued and have ended. lost are the
// numbers of those whose replication is not there.
func (s *Service) ended(q metadata.Backfills, b metadata.Backfill) (ended outcomes, lost []int64, err error) {
	images, err := q.QueuedImages(b, backfillWindow)
	ended = outcomes{}
	for _, m := range images {
		as, ok := s.outcome(b, m)
		switch {
		case ok:
			ended[as] = append(ended[as], m.Number)
		case m.State == "":
			lost = append(lost, m.Number)
		}
	}
	return ended, lost, err
}

// end stores what came of images of a backfill, which is locked, and how far that
// is with it.
func (s *Service) end(tx *metadata.Tx, b metadata.Backfill, ended outcomes) error {
	for as, numbers := range ended {
		countEnded(&b, as, len(numbers))
		if err := tx.Backfills().End(b.ID, numbers, as); err != nil {
			return err
		}
	}
	s.judge(&b)
	return tx.Backfills().Save(b)
}

// countEnded counts images of a backfill that have ended.
func countEnded(b *metadata.Backfill, as metadata.BackfillImage, n int) {
	if as.Status == metadata.ReplicationComplete {
		b.Completed += int64(n)
		return
	}
	b.Failed += int64(n)
	if !slices.Contains(b.FailureCodes, as.FailureCode) {
		b.FailureCodes = append(b.FailureCodes, as.FailureCode)
	}
}

// outcome is what came of an image that was queued: false if it has not ended.
func (s *Service) outcome(b metadata.Backfill, m metadata.QueuedImage) (as metadata.BackfillImage, ended bool) {
	switch {
	case m.RepositoryID == 0:
		return failedAs(failureRepositoryDeleted), true
	case !m.There:
		return failedAs(failureImageDeleted), true
	case m.State == metadata.ReplicationComplete:
		return metadata.BackfillImage{Status: metadata.ReplicationComplete}, true
	case m.State == metadata.ReplicationFailed:
		as = failedAs(failureOf(m.Code, m.Reason, resource.Repository{Registry: b.Source(), Name: m.Repository},
			b.Destination()).Code)
		as.Indexed = registry.IsIndex(m.MediaType)
		return as, true
	}
	return as, false
}

func failedAs(code string) metadata.BackfillImage {
	return metadata.BackfillImage{Status: metadata.ReplicationFailed, FailureCode: code}
}

// underWay is how many images of a backfill were queued and have not ended.
func underWay(b metadata.Backfill) int64 { return b.Queued - b.Completed - b.Failed }

// judge ends a backfill that has nothing left to wait for, and has one fail that
// too many images of did: false if it did neither.
func (s *Service) judge(b *metadata.Backfill) bool {
	judged := false
	if n := b.Completed + b.Failed; b.FailureCode == "" && n >= judgedFrom && 2*b.Failed >= n {
		b.FailureCode, judged = failureTooMany, true
	}
	switch {
	case underWay(*b) > 0:
		return judged
	case b.Status == metadata.BackfillStopping:
		s.endBackfill(b, metadata.BackfillStopped)
	case b.FailureCode != "":
		s.endBackfill(b, metadata.BackfillFailed)
	case b.Queued == b.Total:
		s.endBackfill(b, metadata.BackfillComplete)
	default:
		return judged
	}
	return true
}

func (s *Service) endBackfill(b *metadata.Backfill, status metadata.BackfillStatus) {
	b.Status, b.EndedAt = status, s.now()
}

// feed queues images of a backfill, of one repository: those that were lost, or
// else the next ones, as far as there is room.
func (s *Service) feed(ctx context.Context, b metadata.Backfill, lost []int64) (queued bool, err error) {
	q := s.meta.Read(ctx).Backfills()
	if b, err = q.Get(b.RegistryRow, b.Name); err != nil || !b.EndedAt.IsZero() { // as of settle
		return false, err
	}
	var images []metadata.BackfillImage
	switch {
	case len(lost) > 0:
		images, err = q.Images(b.ID, "", lost[0]-1, lost[0], 1)
	case b.Status == metadata.BackfillInProgress && b.FailureCode == "":
		n := min(backfillWindow-underWay(b), backfilledAtOnce, b.Total-b.Queued)
		if n <= 0 {
			return false, nil
		}
		images, err = q.Images(b.ID, "", b.Queued, b.Total, int(n))
	}
	if err != nil || len(images) == 0 {
		return false, err
	}
	name := images[0].Repository
	if i := slices.IndexFunc(images, func(m metadata.BackfillImage) bool { return m.Repository != name }); i > 0 {
		images = images[:i]
	}
	room, err := s.outbox.roomForBackfill(ctx, b.SourceAccount, len(images))
	if err != nil || room == 0 {
		return false, err
	}
	return s.queueImages(ctx, b, images[:room])
}

// queueImages queues images of a backfill, which are of one repository. What is not
// there any more, or is not to be replicated any more, has failed.
func (s *Service) queueImages(ctx context.Context, b metadata.Backfill, images []metadata.BackfillImage) (queued bool,
	err error) {
	source, name := b.Source(), images[0].Repository
	row, err := s.meta.Repository(ctx, source.Account, source.Region, name, nil)
	if err != nil && !errors.Is(err, metadata.ErrNotFound) {
		return false, fmt.Errorf("look up repository %s: %w", resource.Repository{Registry: source, Name: name}, err)
	}
	err = s.withBackfill(ctx, b.ID, func(tx *metadata.Tx, now metadata.Backfill) error {
		if now.Status != b.Status || now.Queued != b.Queued || underWay(now) != underWay(b) {
			return nil // another process was first
		}
		r, err := (*metadata.Repository)(nil), metadata.ErrNotFound
		if row != nil {
			r, err = tx.Repositories().Lock(row.ID)
		}
		if err != nil && !errors.Is(err, metadata.ErrNotFound) {
			return err
		}
		failed, err := s.queueStanding(tx, r, now, images)
		if err != nil {
			return err
		}
		queued = true
		now.Queued = max(now.Queued, images[len(images)-1].Number)
		return s.end(tx, now, failed)
	})
	return queued, err
}

// queueStanding queues those of the images that the repository has, which is locked,
// or nil if it is gone. It returns the numbers of the others, by what came of them.
func (s *Service) queueStanding(tx *metadata.Tx, r *metadata.Repository, b metadata.Backfill,
	images []metadata.BackfillImage) (failed outcomes, err error) {
	all := make([]int64, len(images))
	keys := make([]metadata.RegistryImage, len(images))
	for i, m := range images {
		all[i], keys[i] = m.Number, m.RegistryImage
	}
	if r == nil {
		return outcomes{failedAs(failureRepositoryDeleted): all}, nil
	}
	to, err := s.outbox.destinations(r)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(to, b.Destination()) {
		return outcomes{failedAs(failureNotConfigured): all}, nil
	}
	found, err := tx.Images().Find(r.RegistryRow, keys)
	if err != nil {
		return nil, err
	}
	var there []metadata.RegistryImage
	var gone, untagged []int64
	for i, key := range keys {
		switch {
		case !found[i].There:
			gone = append(gone, all[i])
			continue
		case !isThere(key, found[i]): // the tag has moved since, with a push that replicates it
			untagged = append(untagged, all[i])
			key.Tag = ""
		}
		there = append(there, key)
	}
	if len(untagged) > 0 {
		if err := tx.Backfills().Untag(b.ID, untagged); err != nil {
			return nil, err
		}
	}
	if _, err := s.queueExisting(tx, r, b.Destination(), there, true); err != nil || len(gone) == 0 {
		return nil, err
	}
	return outcomes{failedAs(failureImageDeleted): gone}, nil
}

// roomForBackfill takes room for up to n replications of a backfill, and returns for
// how many there is.
func (o *Outbox) roomForBackfill(ctx context.Context, account string, n int) (int, error) {
	waiting, err := o.countWaiting(ctx, account, backfillRoom)
	if err != nil {
		return 0, fmt.Errorf("count what waits to be replicated from account %s: %w", account, err)
	}
	if n = min(n, backfillRoom-waiting); n <= 0 {
		return 0, nil
	}
	err = o.takeRoom(ctx, account, n, "a backfill waits for room")
	if errors.Is(err, ErrWaitingRoomFull) {
		return 0, nil
	}
	return n, err
}

// forgetBackfills deletes some of what is kept of backfills that ended long ago:
// false if nothing is left.
func (s *Service) forgetBackfills(tx *metadata.Tx) (more bool, err error) {
	ended, err := tx.Backfills().Ended(s.now().Add(-backfillsKept), 1)
	if err != nil || len(ended) == 0 {
		return false, err
	}
	return true, tx.Backfills().Forget(ended[0], forgottenAtOnce)
}
