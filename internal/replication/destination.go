package replication

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// Destination is where replications go: the registries of one deployment.
type Destination interface {
	// Replicate tries one replication: metadata.ErrNotFound if it is not in
	// progress any more, or another process is trying it. The result says how it
	// ended: COMPLETE, with the image there, whole, its tag set last; or FAILED,
	// which only a change of the destination or a retry ends. An error is a fault,
	// after which nothing is recorded: the result is what was tried, or zero if
	// it was not even found.
	//
	// Who tries a replication has claimed it: until its transaction ends, or by a
	// lease (see remote).
	Replicate(ctx context.Context, id int64) (metadata.Replication, error)
	// Check decides, as Replicate does, whether the destination takes images of
	// the source's repositories of the names. It returns the first that it
	// refuses, with a *Refusal, or nil.
	Check(ctx context.Context, source, destination resource.Registry, names []string) (refused string, err error)
}

// Delays between the tries of a replication that failed through a fault.
const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// Replicate tries one replication within this deployment: metadata.ErrNotFound if it
// is not in progress any more, or another process is trying it. The result says
// how it ended, or when it is tried again; an error means that not even that
// could be stored.
func (s *Service) Replicate(ctx context.Context, id int64) (metadata.Replication, error) {
	return s.here.Replicate(ctx, id)
}

// replicate is Replicate for a destination.
func (s *Service) replicate(ctx context.Context, to Destination, id int64) (metadata.Replication, error) {
	row, err := to.Replicate(ctx, id)
	if err == nil || row.ID == 0 || errors.Is(err, metadata.ErrClosed) || ctx.Err() != nil {
		return row, err // without an id: it was not found, or not even looked up
	}
	s.log.Error("a replication met a fault and will be tried again", "replication", id, "tries", row.Tries, "error", err)
	row.State, row.FinishedAt, row.ChangedAt = metadata.ReplicationInProgress, time.Time{}, s.now()
	row.NextTryAt = row.ChangedAt.Add(retryDelay(row.Tries))
	row.FailureCode = failureInternal
	row.FailureReason = faultReason(err)
	return row, s.meta.Update(ctx, func(tx *metadata.Tx) error {
		tx.OnCommit(func() { s.changes.Notify(changes.Change{Registry: row.SourceRegistryRow, Replications: []int64{id}}) })
		return record(tx, row)
	})
}

// faultReason is what people read of a fault of this deployment.
func faultReason(err error) string {
	switch {
	case errors.Is(err, metadata.ErrFull):
		return "The server's disk is full. The replication is tried again by itself."
	case errors.Is(err, metadata.ErrUnavailable):
		return "The server's database did not answer. The replication is tried again by itself."
	}
	return "The server met a fault, which its log describes. The replication is tried again by itself."
}

// record stores how a try ended that did not claim the replication in this
// transaction: metadata.ErrNotFound if it is not that try's any more, since it was
// tried by others or queued anew meanwhile.
func record(tx *metadata.Tx, row metadata.Replication) error {
	now, err := claim(tx, row.ID)
	if err != nil {
		return err
	}
	if now.Sequence != row.Sequence || now.Tries >= row.Tries {
		return metadata.ErrNotFound
	}
	return tx.Replications().Save(row)
}

// claim returns what is to be replicated: metadata.ErrNotFound.
func claim(tx *metadata.Tx, id int64) (metadata.ReplicationJob, error) {
	job, err := tx.Replications().Claim(id)
	if errors.Is(err, metadata.ErrNotFound) {
		return tx.Deletions().Claim(id)
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
