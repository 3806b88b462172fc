package registry

import (
	"context"

	"github.com/twinport/twinport/internal/metadata"
)

// maxForgotten bounds how many deletions one transaction forgets.
const maxForgotten = 1000

// ForgetReplications deletes what is kept of replications for a while only:
// statistics, and deletions that have ended. It returns whether more is left.
func (s *Service) ForgetReplications(ctx context.Context) (more bool, err error) {
	err = s.meta.Update(ctx, func(tx *metadata.Tx) error {
		n, err := tx.ForgetDeletions(s.now().Add(-deletionsKept), maxForgotten)
		if err != nil {
			return err
		}
		more = n == maxForgotten
		return tx.ForgetReplicationCounts(s.now().Add(-statisticsKept))
	})
	return more, err
}
