package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/usage"
)

// Delays between the tries of a replication that failed through a fault.
const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// maxGraph bounds how many manifests one replicated index may reach.
const maxGraph = 10000

// Replicate tries one replication: metadata.ErrNotFound if it is not in
// progress any more, or another process is trying it. Copy and record are one
// transaction, so it is never done twice, nor done and not recorded; nor can a
// destination change its mind between a refusal and its record, which nobody
// would then retry. The result says how it ended; an error means that not even
// that could be stored.
func (s *Service) Replicate(ctx context.Context, id int64) (metadata.Replication, error) {
	var room *usage.Room // at the destination
	row, err := s.try(ctx, id, &room)
	for n := 1; n < usage.MaxRuns && (errors.Is(err, errChangedSince) || errors.Is(err, usage.ErrCount)); n++ {
		if errors.Is(err, usage.ErrCount) {
			if err = room.Count(ctx); err != nil {
				break
			}
		}
		row, err = s.try(ctx, id, &room)
	}
	if room != nil {
		room.End(err == nil && row.State == metadata.ReplicationComplete)
	}
	if err == nil || row.ID == 0 || errors.Is(err, metadata.ErrClosed) || ctx.Err() != nil {
		return row, err // without an id: it was not found, or not even looked up
	}
	s.log.Error("a replication met a fault and will be tried again", "replication", id, "tries", row.Tries, "error", err)
	row.State, row.FinishedAt, row.ChangedAt = metadata.ReplicationInProgress, time.Time{}, s.now()
	row.NextTryAt = row.ChangedAt.Add(retryDelay(row.Tries))
	row.FailureCode = failureInternal
	row.FailureReason = "The server met a fault, which its log describes. The replication is tried again by itself."
	switch {
	case errors.Is(err, metadata.ErrFull):
		row.FailureReason = "The server's disk is full. The replication is tried again by itself."
	case errors.Is(err, metadata.ErrUnavailable):
		row.FailureReason = "The server's database did not answer. The replication is tried again by itself."
	}
	return row, s.meta.Update(ctx, func(tx *metadata.Tx) error {
		tx.OnCommit(func() { s.changes.Notify(changes.Change{Registry: row.SourceRegistryID, Replications: []int64{id}}) })
		return tx.SaveReplication(row)
	})
}

// try is the transaction of Replicate: errChangedSince or usage.ErrCount if it is to be
// begun anew; after usage.MaxRuns times they count as a fault. room is set once the
// destination is known.
func (s *Service) try(ctx context.Context, id int64, room **usage.Room) (row metadata.Replication, err error) {
	err = s.meta.UpdateFirst(ctx, func(tx *metadata.Tx) error {
		row = metadata.Replication{}
		job, err := claim(tx, id)
		if err != nil {
			return err
		}
		row = job.Replication
		row.Tries++
		row.FinishedAt, row.FailureCode, row.FailureReason = s.now(), "", ""
		row.ChangedAt = row.FinishedAt
		row.State = metadata.ReplicationComplete
		if job.Deletes {
			err = s.deleteReplicated(ctx, tx, job)
		} else {
			*room = s.roomAt(job).Instead(*room)
			err = s.copyImage(ctx, tx, job, *room)
		}
		var refused *refusal
		if errors.As(err, &refused) {
			row.State, row.FailureCode, row.FailureReason = metadata.ReplicationFailed, refused.code, refused.reason
			if row.Refusal, err = refusalNumber(tx, job, refused); err != nil {
				return err
			}
			row.RefusedInto = job.RepositoryName
		} else if err != nil {
			return err
		}
		tx.OnCommit(func() {
			s.changes.Notify(changes.Change{Registry: row.SourceRegistryID, Replications: []int64{id}})
			if row.State == metadata.ReplicationComplete {
				s.changes.Notify(changes.Change{Registry: job.RegistryID, Repository: job.RepositoryName, Replications: []int64{id}})
			}
		})
		return tx.SaveReplication(row)
	})
	return row, err
}

// claim returns what is to be replicated: metadata.ErrNotFound.
func claim(tx *metadata.Tx, id int64) (metadata.ReplicationJob, error) {
	job, err := tx.ClaimReplication(id)
	if errors.Is(err, metadata.ErrNotFound) {
		return tx.ClaimDeletion(id)
	}
	return job, err
}

// retryDelay doubles with each try up to a limit, with up to half of it taken
// off at random, so that many replications do not return at once.
func retryDelay(tries int) time.Duration {
	d := lastRetry
	if tries < 10 {
		d = min(firstRetry<<(tries-1), lastRetry)
	}
	return d - rand.N(d/2)
}

// copyImage makes the image appear in the destination, or returns a refusal;
// then it has written nothing. First it reads and decides, then it writes: so
// what it reads is asked, and what it writes is sent, all together.
func (s *Service) copyImage(ctx context.Context, tx *metadata.Tx, job metadata.ReplicationJob, room *usage.Room) error {
	if err := s.admit(ctx, tx, job); err != nil {
		return err
	}
	var destination *metadata.Repository
	to := resource.Repository{Registry: resource.Registry{Account: job.DestinationAccount, Region: job.DestinationRegion}, Name: job.RepositoryName}
	open := (*metadata.Queries).ShareRepository
	if TagMutability(job.TagMutability) != Mutable {
		open = (*metadata.Queries).HoldRepository // two that find a tag free must not run side by side
	}
	tx.Ahead(func(q *metadata.Queries) {
		if job.DestinationID != 0 {
			_, _ = open(q, job.DestinationID)
		}
		_, _ = q.ImageParts(job.RepositoryID, job.Digest, job.DestinationID, maxGraph+1)
		s.fitsAhead(q, job, room)
		_, _ = q.NextSequence(job.RegistryID)
	})
	parts, err := tx.ImageParts(job.RepositoryID, job.Digest, job.DestinationID, maxGraph+1)
	if err != nil {
		return err
	}
	if len(parts.Manifests) > maxGraph {
		return &refusal{code: failureTooLarge, reason: fmt.Sprintf("The index reaches more than %d manifests.", maxGraph)}
	}
	if parts.Missing != "" {
		return incomplete(parts)
	}
	if err := s.fits(tx.Queries, job, room, parts); err != nil {
		return err
	}
	sequence, err := tx.NextSequence(job.RegistryID)
	if err != nil {
		return err
	}
	if job.DestinationID != 0 {
		destination, err = open(tx.Queries, job.DestinationID)
	} else {
		destination, err = s.createDestination(tx, to, job.RegistryID)
	}
	if err != nil {
		return err // also if it was deleted just now: the next try creates it again
	}
	if job.DestinationID != 0 && destination.TagMutability != job.TagMutability {
		return errChangedSince
	}
	now := s.now()
	err = tx.CopyImage(job.RepositoryID, parts.Manifests, destination, job.SourceRegistryID, job.Sequence, now)
	if err != nil {
		return err
	}
	return s.copyTag(tx, job, destination, metadata.Tag{Name: job.Tag, Digest: job.Digest, Sequence: sequence}, now)
}

// createDestination creates the repository that an image is replicated into.
func (s *Service) createDestination(tx *metadata.Tx, ref resource.Repository,
	registry int64) (*metadata.Repository, error) {
	r := s.newRepository(ref, registry, NewRepository{Mutability: Mutable, Encryption: Encryption{Type: defaultEncryption}})
	if _, err := tx.CreateRepository(r); err != nil {
		return nil, err
	}
	return r, s.retryRefusedInto(tx, registry, ref) // others may lack only the right to create it
}

func incomplete(parts metadata.ImageParts) *refusal {
	what := "image"
	if parts.MissingLayer {
		what = "layer"
	}
	return &refusal{code: failureSourceIncomplete, reason: fmt.Sprintf("The %s %s, which the image needs, "+
		"was deleted from the source repository. Push the whole image again.", what, parts.Missing)}
}

// copyTag points the destination's tag at the image, unless the tag is
// immutable and taken (then the image stays without it, as in ECR), or a newer
// push was applied before.
func (s *Service) copyTag(tx *metadata.Tx, job metadata.ReplicationJob, destination *metadata.Repository,
	t metadata.Tag, now time.Time) error {
	if t.Name == "" {
		return nil
	}
	if immutableTag(destination, t.Name) {
		if _, err := tx.Tag(destination.ID, t.Name); !errors.Is(err, metadata.ErrNotFound) {
			return err
		}
	}
	return tx.AdvanceTag(destination, t, job.SourceRegistryID, job.Sequence, now)
}
