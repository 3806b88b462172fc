package replication

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/usage"
)

// maxGraph bounds how many manifests one replicated index may reach.
const maxGraph = 10000

// local has the registries of this deployment as destinations: a replication is
// links from repository to repository. Claim, decision, copy and record are one
// transaction, so it is never done twice, nor done and not recorded; nor can a
// destination change its mind between a refusal and its record, which nobody
// would then retry.
type local struct {
	registry *registry.Service
	meta     metadata.Store
	access   *access.Decider
	usage    *usage.Counter
	changes  *changes.Feed
	now      func() time.Time
}

// Replicate implements Destination.
func (l *local) Replicate(ctx context.Context, id int64) (row metadata.Replication, err error) {
	err = l.run(ctx, func(room **usage.Room) (done bool, err error) {
		row, err = l.try(ctx, id, room)
		return row.State == metadata.ReplicationComplete, err
	})
	return row, err
}

// run runs a transaction, and again while others change what it is about, or a
// quota must be counted. The transaction sets room, at the destination, once that
// is known, and says whether it has done what it was to do.
func (l *local) run(ctx context.Context, transaction func(room **usage.Room) (done bool, err error)) error {
	var room *usage.Room
	done, err := transaction(&room)
	for n := 1; n < usage.MaxRuns && (errors.Is(err, registry.ErrChangedSince) || errors.Is(err, usage.ErrCount)); n++ {
		if errors.Is(err, usage.ErrCount) {
			if err = room.Count(ctx); err != nil {
				break
			}
		}
		done, err = transaction(&room)
	}
	if room != nil {
		room.End(done && err == nil)
	}
	return err
}

// try is the transaction of Replicate: registry.ErrChangedSince or usage.ErrCount if it is to be
// begun anew; after usage.MaxRuns times they count as a fault. room is set once the
// destination is known.
func (l *local) try(ctx context.Context, id int64, room **usage.Room) (row metadata.Replication, err error) {
	err = l.meta.UpdateFirst(ctx, func(tx *metadata.Tx) error {
		row = metadata.Replication{}
		again := func() (metadata.ReplicationJob, error) {
			job, err := claim(tx, id)
			if err != nil {
				return job, err
			}
			return withTemplate(tx.Queries, job)
		}
		job, err := again()
		if err != nil {
			return err
		}
		row = job.Replication
		row.Tries++
		row.FinishedAt, row.FailureCode, row.FailureReason = l.now(), "", ""
		row.ChangedAt = row.FinishedAt
		row.State = metadata.ReplicationComplete
		if job.Deletes {
			err = l.deleteReplicated(ctx, tx, job, again)
		} else {
			*room = l.roomAt(job).Instead(*room)
			if err = l.admit(ctx, tx, job, again); err == nil {
				err = l.copyImage(tx, job, *room)
			}
		}
		var refused *Refusal
		if errors.As(err, &refused) {
			row.State, row.FailureCode, row.FailureReason = metadata.ReplicationFailed, refused.Code, refused.Reason
			if row.Refusal, err = refusalNumber(tx, job, refused); err != nil {
				return err
			}
			row.RefusedInto = job.RepositoryName
		} else if err != nil {
			return err
		}
		tx.OnCommit(func() {
			l.changes.Notify(changes.Change{Registry: row.SourceRegistryRow, Replications: []int64{id}})
			if row.State == metadata.ReplicationComplete {
				l.changes.Notify(changes.Change{
					Registry: job.RegistryRow, Repository: job.RepositoryName, Replications: []int64{id},
				})
			}
		})
		if err := tx.Replications().Save(row); err != nil {
			return err
		}
		return recordBrought(tx, row)
	})
	return row, err
}

// recordBrought records what an index has brought along, if the replication is
// complete and of one.
func recordBrought(tx *metadata.Tx, row metadata.Replication) error {
	if row.State != metadata.ReplicationComplete || row.Deletes || !registry.IsIndex(row.MediaType) {
		return nil
	}
	return tx.Replications().Brought(row)
}

// copyImage makes an image that was admitted appear in the destination, or
// returns a refusal; then it has written nothing. First it reads and decides, then it writes: so
// what it reads is asked, and what it writes is sent, all together.
func (l *local) copyImage(tx *metadata.Tx, job metadata.ReplicationJob, room *usage.Room) error {
	var destination *metadata.Repository
	open := metadata.Repositories.Share
	if job.TagMutability != registry.Mutable {
		open = metadata.Repositories.Hold // two that find a tag free must not run side by side
	}
	var opened metadata.Answer[*metadata.Repository]
	if job.DestinationID != 0 {
		opened = metadata.Ask(tx.Queries, func(q *metadata.Queries) (*metadata.Repository, error) {
			return open(q.Repositories(), job.DestinationID)
		})
	}
	image := metadata.Ask(tx.Queries, func(q *metadata.Queries) (metadata.ImageParts, error) {
		return q.Images().Parts(job.RepositoryID, job.Digest, job.DestinationID, maxGraph+1)
	})
	room.Ask(tx.Queries)
	tags := l.usage.AskTags(tx.Queries, job.DestinationAccount, job.DestinationID, job.Digest, tagsOf(job))
	number := metadata.Ask(tx.Queries, func(q *metadata.Queries) (int64, error) {
		return q.Registries().NextSequence(job.RegistryRow)
	})
	parts, err := image.Get()
	if err != nil {
		return err
	}
	if len(parts.Manifests) > maxGraph {
		return tooLarge()
	}
	if parts.Missing != "" {
		return incomplete(parts)
	}
	added := int64(len(parts.Manifests) - parts.There)
	bytes := func() (int64, error) {
		return tx.Usage().CopyCost(job.RepositoryID, parts.Manifests, job.DestinationID)
	}
	if err := l.fits(tx.Queries, job, room, tags, added, bytes); err != nil {
		return err
	}
	sequence, err := number.Get()
	if err != nil {
		return err
	}
	if job.DestinationID != 0 {
		destination, err = opened.Get()
	} else {
		destination, err = l.create(tx, job)
	}
	if err != nil {
		return err // also if it was deleted just now: the next try creates it again
	}
	if job.DestinationID != 0 && destination.TagMutability != job.TagMutability {
		return registry.ErrChangedSince
	}
	now := l.now()
	err = tx.Images().Copy(job.RepositoryID, parts.Manifests, destination, job.SourceRegistryRow, job.Sequence, now)
	if err != nil {
		return err
	}
	return l.copyTag(tx, job, destination, metadata.Tag{Name: job.Tag, Digest: job.Digest, Sequence: sequence}, now)
}

// destinationOf is the repository that the job replicates into.
func destinationOf(job metadata.ReplicationJob) resource.Repository {
	return resource.Repository{Registry: job.Destination(), Name: job.RepositoryName}
}

func tooLarge() *Refusal {
	return &Refusal{Code: failureTooLarge, Reason: fmt.Sprintf("The index reaches more than %d manifests.", maxGraph)}
}

func incomplete(parts metadata.ImageParts) *Refusal {
	what := "image"
	if parts.MissingLayer {
		what = "layer"
	}
	return &Refusal{Code: failureSourceIncomplete, Reason: fmt.Sprintf("The %s %s, which the image needs, "+
		"was deleted from the source repository. Push the whole image again.", what, parts.Missing)}
}

// copyTag points the destination's tag at the image, unless the tag is
// immutable and taken (then the image stays without it, as in ECR), or a newer
// push was applied before.
func (l *local) copyTag(tx *metadata.Tx, job metadata.ReplicationJob, destination *metadata.Repository,
	t metadata.Tag, now time.Time) error {
	if t.Name == "" {
		return nil
	}
	if registry.ImmutableTag(destination, t.Name) {
		if _, err := tx.Tags().Get(destination.ID, t.Name); !errors.Is(err, metadata.ErrNotFound) {
			return err
		}
	}
	return tx.Tags().Advance(destination, t, job.SourceRegistryRow, job.Sequence, now)
}
