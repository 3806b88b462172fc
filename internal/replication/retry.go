package replication

import (
	"context"
	"slices"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// The codes of RetryFailure.
const (
	RetryNotFound  = "ReplicationNotFound"
	RetryNotFailed = "ReplicationNotFailed"
)

// RetryFailure says why a replication is not tried again.
type RetryFailure struct {
	ID     int64
	Code   string
	Reason string
}

// maxRetries is how many replications can be made due at once.
const maxRetries = 100

// Retry makes those of the replications due now that are the registry's and
// failed. What is another registry's is not found.
func (s *Service) Retry(ctx context.Context, c access.Caller, id resource.Registry,
	ids []int64) (retried []int64, failed []RetryFailure, err error) {
	reg, err := s.registry.Settings(ctx, c, id, access.PutReplicationConfiguration)
	if err != nil {
		return nil, nil, err
	}
	if len(ids) == 0 || len(ids) > maxRetries {
		return nil, nil, registry.Errorf(registry.InvalidParameter, "%d replications were given; 1 to %d can be "+
			"tried again at once", len(ids), maxRetries)
	}
	asked := slices.Compact(slices.Sorted(slices.Values(ids)))
	var own []int64
	err = s.registry.Update(ctx, func(tx *metadata.Tx) (err error) {
		due, err := tx.Replications().RetryFailed(reg.ID, asked, s.now())
		if err != nil {
			return err
		}
		retried = nil
		for i := range due {
			due[i].SourceAccount = id.Account
			retried = append(retried, due[i].ID)
		}
		if own, err = tx.Replications().Own(reg.ID, asked); err != nil {
			return err
		}
		if len(due) > 0 {
			tx.OnCommit(func() { s.outbox.report(reg.ID, due) })
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	slices.Sort(retried)
	for _, id := range asked {
		switch {
		case slices.Contains(retried, id):
		case slices.Contains(own, id):
			failed = append(failed, RetryFailure{
				id, RetryNotFailed, "The replication has not failed: it is in progress or complete.",
			})
		default:
			failed = append(failed, RetryFailure{
				id, RetryNotFound, "The registry has no such replication. It goes with its image when that is deleted.",
			})
		}
	}
	return retried, failed, nil
}
