package replication

import (
	"context"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// State is the state of one replication (ECR: ReplicationStatus).
type State string

const (
	InProgress State = metadata.ReplicationInProgress
	Complete   State = metadata.ReplicationComplete
	Failed     State = metadata.ReplicationFailed
)

// Status is one image's replication to one destination.
type Status struct {
	Destination resource.Registry
	Digest      digest.Digest
	State       State
	// Failure may be set while IN_PROGRESS: then it is the last try's, and
	// NextTryAt is when the next one starts.
	Failure    Failure
	Tries      int
	PushedAt   time.Time // when the push was committed
	FinishedAt time.Time // zero while IN_PROGRESS
	NextTryAt  time.Time
}

// maxStatusRows bounds what one status reads: tags of the image times destinations.
const maxStatusRows = registry.MaxTagsPerImage * maxReplicationDestinations

// Status returns how an image is replicated, one for each destination:
// ImageNotFound. Asked by tag it is that tag's; asked by digest it is the least
// finished of the image's tags'.
func (s *Service) Status(ctx context.Context, c access.Caller, ref resource.Repository,
	r registry.Reference) ([]Status, error) {
	repo, err := s.registry.Repository(ctx, c, ref, access.DescribeImageReplicationStatus)
	if err != nil {
		return nil, err
	}
	m, err := s.registry.Content(ctx, repo, r)
	if err != nil {
		return nil, err
	}
	rows, err := s.meta.Read(ctx).Replications().Of(repo.ID, m.Digest, maxStatusRows)
	if err != nil {
		return nil, fmt.Errorf("read the replications of %s in %s: %w", m.Digest, ref, err)
	}
	var all []Status
	for _, row := range rows {
		if r.Tag != "" && row.Tag != r.Tag {
			continue
		}
		st := Status{
			Destination: row.Destination(), Digest: digest.Digest(row.Digest), State: State(row.State),
			Failure: s.failureNow(row, ref), Tries: row.Tries,
			PushedAt: row.PushedAt, FinishedAt: row.FinishedAt, NextTryAt: row.NextTryAt,
		}
		// Rows come ordered by destination.
		if n := len(all); n > 0 && all[n-1].Destination == st.Destination {
			all[n-1] = lessFinished(all[n-1], st)
			continue
		}
		all = append(all, st)
	}
	return all, nil
}

func lessFinished(a, b Status) Status {
	rank := map[State]int{InProgress: 2, Failed: 1}
	if rank[b.State] > rank[a.State] || b.State == a.State && b.PushedAt.After(a.PushedAt) {
		return b
	}
	return a
}
