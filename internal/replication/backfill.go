package replication

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// maxBackfills is how many backfills of a registry may be under way (ECR: 10).
const maxBackfills = 10

// Backfill replicates the images that a registry has already to one of its
// destinations.
type Backfill struct {
	ID          string // ECR: replicationBackfillId
	Destination resource.Registry
	Status      BackfillStatus
	FailureCode string // of one that FAILED
	StartedAt   time.Time
	EndedAt     time.Time // zero if it has not
	// Progress is nil until all of its images are known.
	Progress *BackfillProgress
}

// BackfillStatus is how far a backfill has come (ECR: ReplicationBackfillStatus).
type BackfillStatus = metadata.BackfillStatus

// BackfillProgress counts the images of a backfill, each once for each tag.
type BackfillProgress struct {
	Total, Completed, Failed int64
	FailureCodes             []string // each once
}

func backfillOf(b metadata.Backfill) Backfill {
	out := Backfill{
		ID: b.Name, Destination: b.Destination(), Status: b.Status, StartedAt: b.StartedAt, EndedAt: b.EndedAt,
	}
	if b.Status == metadata.BackfillFailed {
		out.FailureCode = b.FailureCode
	}
	if b.Prepared {
		out.Progress = &BackfillProgress{b.Total, b.Completed, b.Failed, b.FailureCodes}
	}
	return out
}

// OnBackfill sets what is called when there is something to do for BackfillJob. It
// must not block.
func (s *Service) OnBackfill(call func()) { s.backfilling.Store(&call) }

func (s *Service) hurryBackfills() {
	if call := s.backfilling.Load(); call != nil {
		(*call)()
	}
}

// StartBackfill begins to replicate the images of the registry that its rules send
// to the destination: InvalidParameter, ReplicationBackfillInProgress, LimitExceeded.
func (s *Service) StartBackfill(ctx context.Context, c access.Caller,
	id, destination resource.Registry) (Backfill, error) {
	reg, err := s.registry.Settings(ctx, c, id, access.StartReplicationBackfill)
	if err != nil {
		return Backfill{}, err
	}
	var b metadata.Backfill
	err = s.registry.Update(ctx, func(tx *metadata.Tx) error {
		reg, err := registry.LockSettings(tx, reg.ID, id)
		if err != nil {
			return err
		}
		if err := s.mayBackfill(tx, reg, id, destination); err != nil {
			return err
		}
		b = metadata.Backfill{
			Name: uuid.NewString(), RegistryRow: reg.ID, DestinationAccount: destination.Account,
			DestinationRegion: destination.Region, Status: metadata.BackfillPreparing, StartedAt: s.now(),
		}
		tx.OnCommit(s.hurryBackfills)
		return tx.Backfills().Begin(&b)
	})
	return backfillOf(b), err
}

// mayBackfill refuses a backfill that may not begin now, of a registry that is locked.
func (s *Service) mayBackfill(tx *metadata.Tx, reg metadata.Registry, id, destination resource.Registry) error {
	rules, err := s.outbox.rules(id, reg.Replication)
	if err != nil {
		return err
	}
	if len(scopesTo(rules, destination)) == 0 {
		return registry.Errorf(registry.InvalidParameter, "Invalid parameter at 'destination' failed to satisfy "+
			"constraint: 'Destination must be configured in the replication configuration': no rule of the registry with "+
			"id '%s' names the registry with id '%s' in Region '%s'. Add it to a rule, and start the backfill again",
			id.Account, registry.Shorten(destination.Account), registry.Shorten(destination.Region))
	}
	open, err := tx.Backfills().Open(reg.ID, maxBackfills)
	if err != nil {
		return err
	}
	for _, o := range open {
		if o.DestinationRegion == destination.Region {
			return registry.Errorf(registry.ReplicationBackfillInProgress, "The replication backfill with id '%s' of the "+
				"registry with id '%s' is in progress for the destination Region '%s': wait until it ends, or stop it",
				o.Name, id.Account, o.DestinationRegion)
		}
	}
	if len(open) >= maxBackfills {
		return registry.Errorf(registry.LimitExceeded, "The registry with id '%s' has %d replication backfills in "+
			"progress, which is as many as it may have: wait until one ends, or stop one", id.Account, len(open))
	}
	return nil
}

// StopBackfill has a backfill replicate no more images. What it has begun to
// replicate it waits for: ReplicationBackfillNotFound, ReplicationBackfillInvalidStatus.
func (s *Service) StopBackfill(ctx context.Context, c access.Caller, id resource.Registry,
	name string) (Backfill, error) {
	reg, err := s.registry.Settings(ctx, c, id, access.StopReplicationBackfill)
	if err != nil {
		return Backfill{}, err
	}
	b, err := s.backfill(ctx, reg.ID, id, name)
	if err != nil {
		return Backfill{}, err
	}
	err = s.registry.Update(ctx, func(tx *metadata.Tx) error {
		now, err := tx.Backfills().Lock(b.ID)
		if errors.Is(err, metadata.ErrNotFound) {
			return backfillNotFound(id, name)
		}
		if err != nil {
			return err
		}
		b = now
		if b.Status != metadata.BackfillPreparing && b.Status != metadata.BackfillInProgress {
			return registry.Errorf(registry.ReplicationBackfillInvalidStatus, "The replication backfill with id '%s' has the "+
				"status %s: only one that is PREPARING or IN_PROGRESS can be stopped", b.Name, b.Status)
		}
		b.Status = metadata.BackfillStopping
		if underWay(b) == 0 {
			s.endBackfill(&b, metadata.BackfillStopped)
		}
		tx.OnCommit(s.hurryBackfills)
		return tx.Backfills().Save(b)
	})
	return backfillOf(b), err
}

// backfill looks one up: ReplicationBackfillNotFound.
func (s *Service) backfill(ctx context.Context, row int64, id resource.Registry,
	name string) (metadata.Backfill, error) {
	b, err := s.meta.Read(ctx).Backfills().Get(row, strings.ToLower(name))
	if errors.Is(err, metadata.ErrNotFound) {
		return b, backfillNotFound(id, name)
	}
	if err != nil {
		return b, fmt.Errorf("look up a backfill of %s: %w", id, err)
	}
	return b, nil
}

func backfillNotFound(id resource.Registry, name string) *registry.Error {
	return registry.Errorf(registry.ReplicationBackfillNotFound, "The replication backfill with id '%s' does not exist in "+
		"the registry with id '%s'", registry.Shorten(name), id.Account)
}

// Backfills lists the backfills of a registry, the latest first, as long as they
// are kept. next is the Page.After of the next page, "" at the end.
func (s *Service) Backfills(ctx context.Context, c access.Caller, id resource.Registry, p registry.Page) (
	all []Backfill, next string, err error) {
	reg, err := s.registry.Settings(ctx, c, id, access.ListReplicationBackfills)
	if err != nil {
		return nil, "", err
	}
	below, err := numberKey(p.After)
	if err != nil {
		return nil, "", err
	}
	rows, err := s.meta.Read(ctx).Backfills().List(reg.ID, below, p.Limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list the backfills of %s: %w", id, err)
	}
	rows, next = registry.PageOf(rows, p.Limit, func(b metadata.Backfill) string { return strconv.FormatInt(b.ID, 10) })
	for _, b := range rows {
		all = append(all, backfillOf(b))
	}
	return all, next, nil
}

// numberKey reads the key of a page that is a number, 0 for the first page: InvalidParameter.
func numberKey(after string) (int64, error) {
	if after == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(after, 10, 64)
	if err != nil || n <= 0 {
		return 0, registry.Errorf(registry.InvalidParameter, "'%s' is not where a page ended", registry.Shorten(after))
	}
	return n, nil
}

// BackfillResult is what came of an image of a backfill, by one tag or none.
type BackfillResult struct {
	Repository  string
	Digest      digest.Digest
	Tag         string // "" for one by digest
	State       State  // Complete or Failed
	FailureCode string
	// SubImageFailureCodes are, of an index, why images that it names failed. It is
	// replicated with them, or not at all, so they fail as it does.
	SubImageFailureCodes []string
}

// BackfillResults returns a backfill and, once it has ended, a page of what came of
// its images: "" is every state. next is the Page.After of the next page, "" at the
// end: ReplicationBackfillNotFound.
func (s *Service) BackfillResults(ctx context.Context, c access.Caller, id resource.Registry, name string,
	state State, p registry.Page) (b Backfill, results []BackfillResult, next string, err error) {
	reg, err := s.registry.Settings(ctx, c, id, access.DescribeReplicationBackfillResults)
	if err != nil {
		return b, nil, "", err
	}
	row, err := s.backfill(ctx, reg.ID, id, name)
	if err != nil {
		return b, nil, "", err
	}
	b = backfillOf(row)
	after, err := numberKey(p.After)
	if err != nil || b.EndedAt.IsZero() {
		return b, nil, "", err
	}
	images, err := s.meta.Read(ctx).Backfills().Images(row.ID, string(state), after, row.Queued, p.Limit+1)
	if err != nil {
		return b, nil, "", fmt.Errorf("list the images of a backfill of %s: %w", id, err)
	}
	images, next = registry.PageOf(images, p.Limit, func(m metadata.BackfillImage) string {
		return strconv.FormatInt(m.Number, 10)
	})
	for _, m := range images {
		r := BackfillResult{
			Repository: m.Repository, Digest: digest.Digest(m.Digest), Tag: m.Tag, State: State(m.Status),
			FailureCode: m.FailureCode,
		}
		if m.Indexed {
			r.SubImageFailureCodes = []string{m.FailureCode}
		}
		results = append(results, r)
	}
	return b, results, next, nil
}
