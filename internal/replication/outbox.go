package replication

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/parsecache"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// Outbox queues what is to be replicated, in the transactions of what causes it.
// It is safe for concurrent use.
type Outbox struct {
	meta    metadata.Store
	changes *changes.Feed
	regions []string
	now     func() time.Time

	parsed  parsecache.Cache[[]Rule]
	waiting waitingRoom

	// peers is nil where there can be none.
	peers        *peer.Directory
	sendEarly    func(peer.Record, early)
	sendArriving func(peer.Record, Into, registry.Arrival) *arriving // nil if it is not sent
	arrivals     arrivals

	mu     sync.Mutex
	queued map[string]func([]metadata.DueReplication) // by lane: see Service.OnQueued
}

var _ registry.Outbox = (*Outbox)(nil)

// newOutbox returns the outbox of a deployment that serves the Regions.
func newOutbox(meta metadata.Store, feed *changes.Feed, regions []string, now func() time.Time) *Outbox {
	return &Outbox{
		meta: meta, changes: feed, regions: regions, now: now, queued: map[string]func([]metadata.DueReplication){},
	}
}

func (o *Outbox) onQueued(lane string, call func([]metadata.DueReplication)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queued[lane] = call
}

// signal hands each lane what was queued on it, or nothing to all.
func (o *Outbox) signal(queued []metadata.DueReplication) {
	if o.peers == nil {
		o.signalLane("", queued)
		return
	}
	of := map[string][]metadata.DueReplication{}
	for _, d := range queued {
		lane := o.laneOf(d.Destination())
		of[lane] = append(of[lane], d)
	}
	for lane, some := range of {
		o.signalLane(lane, some)
	}
	if len(queued) > 0 {
		return
	}
	o.mu.Lock()
	all := slices.Collect(maps.Keys(o.queued))
	o.mu.Unlock()
	for _, lane := range all {
		o.signalLane(lane, nil)
	}
}

func (o *Outbox) signalLane(lane string, queued []metadata.DueReplication) {
	o.mu.Lock()
	call := o.queued[lane]
	o.mu.Unlock()
	if call != nil {
		call(queued)
	}
}

// Admit implements registry.Outbox.
func (o *Outbox) Admit(ctx context.Context, r *metadata.Repository, tags int) error {
	to, err := o.destinations(r)
	if err != nil || len(to) == 0 {
		return err
	}
	if err := boundReplications(tags, len(to)); err != nil {
		return err
	}
	return o.takeRoom(ctx, r.Account, max(1, tags)*len(to), "nothing was stored; push again when some have ended")
}

// ErrWaitingRoomFull is in the chain of errors that mean that an account has as many
// replications waiting as it may.
var ErrWaitingRoomFull = errors.New("the account has too many replications waiting")

// takeRoom makes sure that n replications of an account may be queued: Throttled
// (ErrWaitingRoomFull), with what that means for who wants to.
func (o *Outbox) takeRoom(ctx context.Context, account string, n int, then string) error {
	ok, err := o.waiting.of(account).take(n, time.Now(), func() (int, error) {
		return o.countWaiting(context.WithoutCancel(ctx), account, maxWaiting) // for others of the account, too
	})
	if err != nil {
		return fmt.Errorf("count what waits to be replicated from account %s: %w", account, err)
	}
	if !ok {
		return &registry.Error{
			Code: registry.Throttled, Err: ErrWaitingRoomFull,
			Message: fmt.Sprintf("The account has %d replications waiting, or nearly, which is all that it may have: %s",
				maxWaiting, then),
		}
	}
	return nil
}

// countWaiting counts what the account has in progress, up to most.
func (o *Outbox) countWaiting(ctx context.Context, account string, most int) (int, error) {
	all := make([]resource.Registry, len(o.regions))
	for i, region := range o.regions {
		all[i] = resource.Registry{Account: account, Region: region}
	}
	ids, err := o.meta.Read(ctx).Registries().IDs(all)
	if err != nil {
		return 0, err
	}
	return o.meta.Read(ctx).Replications().CountWaiting(slices.Collect(maps.Values(ids)), most)
}

func boundReplications(tags, destinations int) error {
	if n := max(1, tags) * destinations; n > maxReplicationsPerPut {
		return registry.Errorf(registry.LimitExceeded, "The push would make %d replications, of %d tags to %d "+
			"destinations each; one push may make %d: push with fewer tags at once",
			n, tags, destinations, maxReplicationsPerPut)
	}
	return nil
}

// manyReplications is from how many replications of an image on those by tags that
// have moved away are forgotten: to delete an image deletes them all at once.
const manyReplications = 5000

// Pushed implements registry.Outbox: it queues the push's replications.
func (o *Outbox) Pushed(tx *metadata.Tx, p registry.Push) error {
	r := p.Repository
	if p.Again { // the image gets replications beside those that it has
		if err := tx.Replications().Bound(r.ID, p.Digest, manyReplications, 2*maxReplicationsPerPut); err != nil {
			return err
		}
	}
	to, err := o.destinations(r)
	if err != nil || len(to) == 0 {
		return err
	}
	if err := boundReplications(len(p.Tags), len(to)); err != nil {
		return err // the rules have changed since Admit
	}
	tags := p.Tags
	if len(tags) == 0 {
		tags = []string{""} // by digest
	}
	var queued []*metadata.Replication
	for _, tag := range tags {
		for _, id := range to {
			row := &metadata.Replication{
				RepositoryID: r.ID, Digest: p.Digest, Tag: tag, Sequence: p.Sequence,
				DestinationAccount: id.Account, DestinationRegion: id.Region, PushedAt: p.At, NextTryAt: p.At.Add(takeover),
			}
			if err := tx.Replications().Queue(row); err != nil {
				return err
			}
			queued = append(queued, row)
		}
	}
	tx.OnCommit(func() { o.reportQueued(r, queued) })
	return nil
}

// reportQueued reports what was queued of a repository.
func (o *Outbox) reportQueued(r *metadata.Repository, rows []*metadata.Replication) {
	due := make([]metadata.DueReplication, 0, len(rows))
	for _, row := range rows {
		due = append(due, metadata.DueReplication{ID: row.ID, Route: metadata.Route{
			SourceRegistryRow: r.RegistryRow, SourceAccount: r.Account, DestinationAccount: row.DestinationAccount,
			DestinationRegion: row.DestinationRegion, Backfill: row.Backfill,
		}})
	}
	o.report(r.RegistryRow, due)
}

// Deleting implements registry.Outbox: it queues the deletion for the
// destinations of those rules that replicate deletions.
func (o *Outbox) Deleting(tx *metadata.Tx, d registry.Deletion) error {
	r := d.Repository
	rules, err := o.rulesOf(r)
	if err != nil {
		return err
	}
	to := destinations(deleting(rules), r.Name)
	if len(to) == 0 {
		return nil
	}
	if d.Tag != "" {
		tag, err := tx.Tags().Get(r.ID, d.Tag)
		if errors.Is(err, metadata.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return o.queueDeletions(tx, r, metadata.Replication{Digest: tag.Digest, Tag: d.Tag}, []string{d.Tag}, to)
	}
	tags, err := tx.Tags().Of(r.ID, d.Digest, "", registry.MaxTagsPerImage)
	if err != nil {
		return err
	}
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Name
	}
	return o.queueDeletions(tx, r, metadata.Replication{Digest: d.Digest}, names, to)
}

// queueDeletions numbers a deletion as pushes are, so that what a newer one brings stays.
func (o *Outbox) queueDeletions(tx *metadata.Tx, r *metadata.Repository, d metadata.Replication, tags []string,
	to []resource.Registry) error {
	sequence, err := tx.Registries().NextSequence(r.RegistryRow)
	if err != nil {
		return err
	}
	now := o.now()
	d.RepositoryID, d.Sequence, d.PushedAt, d.NextTryAt = r.ID, sequence, now, now.Add(takeover)
	due, err := tx.Deletions().Queue(d, tags, to, r.Account)
	if err != nil || len(due) == 0 {
		return err
	}
	tx.OnCommit(func() { o.report(r.RegistryRow, due) })
	return nil
}

// Possible implements registry.Outbox: it notes that what was refused is to be tried again.
func (o *Outbox) Possible(tx *metadata.Tx, registry int64, at resource.Repository) error {
	number, err := tx.Registries().NextSequence(registry)
	if err != nil {
		return err
	}
	if o.peers != nil && len(o.peers.Peers()) > 0 {
		if err := tx.PeerPositions().Changed(registry, number); err != nil {
			return err
		}
	}
	any, err := tx.Replications().NoteRetry(metadata.Retry{
		RegistryRow: registry, Account: at.Registry.Account, Region: at.Registry.Region, Repository: at.Name, Before: number,
	})
	if any {
		tx.OnCommit(func() { o.signal(nil) })
	}
	return err
}

// Serving implements registry.Outbox: what found no registry, or no room, is to
// be tried again, as there may be one now.
//
// The numbers of changes go on from the time, at least. So if this deployment was
// restored from a backup, what is pushed now is newer to its peers than what they
// got before.
func (o *Outbox) Serving(tx *metadata.Tx, all []resource.Registry) error {
	ids, err := tx.Registries().IDs(all)
	if err != nil {
		return err
	}
	now := o.now().UnixMicro()
	for _, id := range slices.Sorted(maps.Values(ids)) {
		if err := tx.Registries().RaiseSequence(id, now); err != nil {
			return err
		}
		if err := tx.PeerPositions().Changed(id, now); err != nil {
			return err
		}
	}
	_, err = tx.Replications().NoteServed(all)
	return err
}

// report reports replications from a registry that were queued, or made due again.
func (o *Outbox) report(source int64, due []metadata.DueReplication) {
	ids := make([]int64, len(due))
	for i, d := range due {
		ids[i] = d.ID
	}
	o.signal(due)
	o.changes.Notify(changes.Change{Registry: source, Replications: ids})
}

// destinations of what is pushed to the repository.
func (o *Outbox) destinations(r *metadata.Repository) ([]resource.Registry, error) {
	rules, err := o.rulesOf(r)
	return destinations(rules, r.Name), err
}

// rulesOf are those of the repository's registry.
func (o *Outbox) rulesOf(r *metadata.Repository) ([]Rule, error) {
	return o.rules(resource.Registry{Account: r.Account, Region: r.Region}, r.Registry.Replication)
}

// rules reads stored rules; every push needs them.
func (o *Outbox) rules(id resource.Registry, text string) ([]Rule, error) {
	if text == "[]" {
		return nil, nil
	}
	return o.parsed.Get(id, text, func() (rules []Rule, err error) {
		if err = json.Unmarshal([]byte(text), &rules); err != nil {
			err = fmt.Errorf("read stored replication rules: %w", err)
		}
		return rules, err
	})
}
