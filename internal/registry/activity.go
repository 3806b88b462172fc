package registry

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// Direction of replications, as a registry sees them.
type Direction string

const (
	Outgoing Direction = "OUTGOING"
	Incoming Direction = "INCOMING"
)

// Replication is one image, by one tag or none, on its way from one registry to
// another.
type Replication struct {
	ID          int64
	Source      resource.Registry
	Destination resource.Registry
	Repository  string
	Digest      digest.Digest
	Tag         string // "" for a push by digest
	ImageSize   int64  // in bytes, as Image.Size
	MediaType   string // of the manifest
	Deletes     bool   // the tag was deleted or, without one, the image
	State       ReplicationState
	Tries       int
	PushedAt    time.Time // when the push was committed
	ChangedAt   time.Time // when it was queued, tried, or made due again
	FinishedAt  time.Time // zero while IN_PROGRESS
	NextTryAt   time.Time // zero unless IN_PROGRESS
	// Failure is that of the last try, also while IN_PROGRESS.
	Failure Failure
}

func replicationOf(r metadata.Replication, source resource.Repository) Replication {
	out := Replication{
		ID: r.ID, Source: source.Registry, Destination: resource.Registry{Account: r.DestinationAccount, Region: r.DestinationRegion}, Repository: source.Name,
		Digest: digest.Digest(r.Digest), Tag: r.Tag, ImageSize: r.ImageSize, MediaType: r.MediaType, Deletes: r.Deletes,
		State: ReplicationState(r.State), Tries: r.Tries, PushedAt: r.PushedAt, ChangedAt: r.ChangedAt, FinishedAt: r.FinishedAt,
		Failure: storedFailure(r, source),
	}
	if out.State == ReplicationInProgress {
		out.NextTryAt = r.NextTryAt
	}
	return out
}

func listedReplication(r metadata.ListedReplication) Replication {
	return replicationOf(r.Replication, resource.Repository{Registry: resource.Registry{Account: r.SourceAccount, Region: r.SourceRegion}, Name: r.RepositoryName})
}

// latestChangedFirst orders lists of replications.
func latestChangedFirst(a, b Replication) int {
	if c := b.ChangedAt.Compare(a.ChangedAt); c != 0 {
		return c
	}
	return int(b.ID - a.ID)
}

// ListReplications of a registry, the latest changed first; "" is every state.
// What has not arrived is nothing that the destination may know of: of INCOMING
// ones only COMPLETE ones are shown.
func (s *Service) ListReplications(ctx context.Context, c access.Caller, id resource.Registry, d Direction,
	state ReplicationState, p Page) ([]Replication, string, error) {
	reg, err := s.settings(ctx, c, id, access.DescribeRegistry)
	if err != nil {
		return nil, "", err
	}
	after, err := replicationKey(p.After)
	if err != nil {
		return nil, "", err
	}
	var lists []func(*metadata.Queries) ([]metadata.ListedReplication, error)
	for _, one := range []ReplicationState{ReplicationInProgress, ReplicationComplete, ReplicationFailed} {
		if state != "" && state != one {
			continue
		}
		switch {
		case d == Outgoing:
			lists = append(lists, func(q *metadata.Queries) ([]metadata.ListedReplication, error) {
				return q.ReplicationsFrom(reg.ID, string(one), time.Time{}, after, p.Limit+1)
			}, func(q *metadata.Queries) ([]metadata.ListedReplication, error) {
				return q.DeletionsFrom(reg.ID, string(one), time.Time{}, after, p.Limit+1)
			})
		case d == Incoming && one == ReplicationComplete:
			lists = append(lists, func(q *metadata.Queries) ([]metadata.ListedReplication, error) {
				return q.ReplicationsInto(id.Account, id.Region, time.Time{}, after, p.Limit+1)
			}, func(q *metadata.Queries) ([]metadata.ListedReplication, error) {
				return q.DeletionsInto(id.Account, id.Region, time.Time{}, after, p.Limit+1)
			})
		}
	}
	all, err := s.listed(lists)
	if err != nil {
		return nil, "", fmt.Errorf("list the replications of %s: %w", id, err)
	}
	all, next := page(all, p.Limit, func(r Replication) string {
		return strconv.FormatInt(r.ChangedAt.UnixMicro(), 10) + idSeparator + strconv.FormatInt(r.ID, 10)
	})
	return all, next, nil
}

// listed joins lists of replications, asked together, to one.
func (s *Service) listed(lists []func(*metadata.Queries) ([]metadata.ListedReplication, error)) ([]Replication, error) {
	q := s.meta.Read()
	q.Ahead(func(q *metadata.Queries) {
		for _, list := range lists {
			_, _ = list(q)
		}
	})
	var all []Replication
	for _, list := range lists {
		rows, err := list(q)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			all = append(all, listedReplication(r))
		}
	}
	slices.SortFunc(all, latestChangedFirst)
	return all, nil
}

// replicationKey reads the key of a page of ListReplications: InvalidParameter.
func replicationKey(after string) (k metadata.ReplicationKey, err error) {
	if after == "" {
		return k, nil
	}
	changed, id, _ := strings.Cut(after, idSeparator)
	micros, err := strconv.ParseInt(changed, 10, 64)
	if err == nil {
		k.ID, err = strconv.ParseInt(id, 10, 64)
	}
	if err != nil {
		return k, errorf(InvalidParameter, "'%s' is not where a page of replications ended", shorten(after))
	}
	k.ChangedAt = time.UnixMicro(micros)
	return k, nil
}

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

// RetryReplications makes those of the replications due now that are the
// registry's and failed. What is another registry's is not found.
func (s *Service) RetryReplications(ctx context.Context, c access.Caller, id resource.Registry,
	ids []int64) (retried []int64, failed []RetryFailure, err error) {
	reg, err := s.settings(ctx, c, id, access.PutReplicationConfiguration)
	if err != nil {
		return nil, nil, err
	}
	if len(ids) == 0 || len(ids) > maxRetries {
		return nil, nil, errorf(InvalidParameter, "%d replications were given; 1 to %d can be tried again at once", len(ids), maxRetries)
	}
	asked := slices.Compact(slices.Sorted(slices.Values(ids)))
	var own []int64
	err = s.update(ctx, func(tx *metadata.Tx) (err error) {
		due, err := tx.RetryFailed(reg.ID, asked, s.now())
		if err != nil {
			return err
		}
		retried = nil
		for i := range due {
			due[i].SourceAccount = id.Account
			retried = append(retried, due[i].ID)
		}
		if own, err = tx.OwnReplications(reg.ID, asked); err != nil {
			return err
		}
		if ids := retried; len(ids) > 0 {
			tx.OnCommit(func() {
				s.wakeReplications(due)
				s.changes.Notify(changes.Change{Registry: reg.ID, Replications: ids})
			})
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
			failed = append(failed, RetryFailure{id, RetryNotFailed, "The replication has not failed: it is in progress or complete."})
		default:
			failed = append(failed, RetryFailure{id, RetryNotFound, "The registry has no such replication. It goes with its image when that is deleted."})
		}
	}
	return retried, failed, nil
}
