package replication

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
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
	Peer        string // name of the one that serves the destination; "" for this deployment
	Repository  string
	Digest      digest.Digest
	Tag         string // "" for a push by digest
	ImageSize   int64  // in bytes, as Image.Size
	MediaType   string // of the manifest
	Deletes     bool   // the tag was deleted or, without one, the image
	State       State
	Tries       int
	PushedAt    time.Time // when the push was committed
	ChangedAt   time.Time // when it was queued, tried, or made due again
	FinishedAt  time.Time // zero while IN_PROGRESS
	NextTryAt   time.Time // zero unless IN_PROGRESS
	// Failure is that of the last try, also while IN_PROGRESS.
	Failure Failure
	// Of the last try, if it goes to a peer: bytes of layers that it sends, and has
	// sent, as of ChangedAt; and when it began to, zero while it does not. Once
	// COMPLETE both are what it sent.
	BytesTotal int64
	BytesSent  int64
	BegunAt    time.Time
}

// Rate is how many bytes a second were sent; 0 while that is not known.
func (r Replication) Rate() float64 { return rate(r.BytesSent, r.BegunAt, r.ChangedAt) }

func rate(bytes int64, from, to time.Time) float64 {
	if from.IsZero() || !to.After(from) {
		return 0
	}
	return float64(bytes) / to.Sub(from).Seconds()
}

// TimeLeft is how long it takes, as of ChangedAt and at the same rate, to send
// the rest; 0 while that is not known, and once all is sent.
func (r Replication) TimeLeft() time.Duration {
	if r.State != InProgress {
		return 0
	}
	return timeLeft(r.BytesTotal-r.BytesSent, r.Rate())
}

// maxTimeLeft is as far as anybody looks ahead.
const maxTimeLeft = 1000 * time.Hour

func timeLeft(bytes int64, rate float64) time.Duration {
	if rate <= 0 {
		return 0
	}
	return time.Duration(min(float64(bytes)/rate, maxTimeLeft.Seconds()) * float64(time.Second))
}

func (s *Service) replicationOf(r metadata.Replication, source resource.Repository) Replication {
	out := Replication{
		ID: r.ID, Source: source.Registry, Destination: r.Destination(), Repository: source.Name,
		Digest: digest.Digest(r.Digest), Tag: r.Tag, ImageSize: r.ImageSize, MediaType: r.MediaType, Deletes: r.Deletes,
		State: State(r.State), Tries: r.Tries, PushedAt: r.PushedAt, ChangedAt: r.ChangedAt, FinishedAt: r.FinishedAt,
		Failure: s.failureNow(r, source),
	}
	if out.State == InProgress {
		out.NextTryAt = r.NextTryAt
	}
	if r.Tries > 0 { // else these are of a push before
		out.BytesTotal, out.BytesSent, out.BegunAt = r.BytesTotal, r.BytesSent, r.BegunAt
	}
	return out
}

func (s *Service) listedReplication(r metadata.ListedReplication) Replication {
	return s.replicationOf(r.Replication, resource.Repository{
		Registry: resource.Registry{Account: r.SourceAccount, Region: r.SourceRegion}, Name: r.RepositoryName,
	})
}

// latestChangedFirst orders lists of replications.
func latestChangedFirst(a, b Replication) int {
	if c := b.ChangedAt.Compare(a.ChangedAt); c != 0 {
		return c
	}
	return int(b.ID - a.ID)
}

// List lists the replications of a registry, the latest changed first; "" is every
// state. What has not arrived is nothing that the destination may know of: of
// INCOMING ones only COMPLETE ones are shown.
func (s *Service) List(ctx context.Context, c access.Caller, id resource.Registry, d Direction,
	state State, p registry.Page) ([]Replication, string, error) {
	reg, err := s.registry.Settings(ctx, c, id, access.DescribeRegistry)
	if err != nil {
		return nil, "", err
	}
	after, err := replicationKey(p.After)
	if err != nil {
		return nil, "", err
	}
	var lists []list
	for _, one := range []State{InProgress, Complete, Failed} {
		if state != "" && state != one {
			continue
		}
		switch {
		case d == Outgoing:
			lists = append(lists, from(reg.ID, one, time.Time{}, after, p.Limit+1)...)
		case d == Incoming && one == Complete:
			lists = append(lists, into(id, time.Time{}, after, p.Limit+1)...)
		}
	}
	all, err := s.listed(ctx, lists)
	if err != nil {
		return nil, "", fmt.Errorf("list the replications of %s: %w", id, err)
	}
	all, next := registry.PageOf(all, p.Limit, func(r Replication) string {
		return strconv.FormatInt(r.ChangedAt.UnixMicro(), 10) + keySeparator + strconv.FormatInt(r.ID, 10)
	})
	return all, next, nil
}

// OfImages of a repository are, by digest, one replication for each destination:
// of several one that FAILED, else one IN_PROGRESS. Those of up to a page of
// images can be asked for at once.
func (s *Service) OfImages(ctx context.Context, c access.Caller, ref resource.Repository,
	digests []digest.Digest) (map[digest.Digest][]Replication, error) {
	repo, err := s.registry.Repository(ctx, c, ref, access.DescribeImages)
	if err != nil {
		return nil, err
	}
	q := s.meta.Read(ctx)
	answers := make([]metadata.Answer[[]metadata.Replication], len(digests))
	for i, d := range digests {
		answers[i] = metadata.Ask(q, func(q *metadata.Queries) ([]metadata.Replication, error) {
			return q.Replications().Worst(repo.ID, string(d))
		})
	}
	all := make(map[digest.Digest][]Replication, len(digests))
	for i, d := range digests {
		rows, err := answers[i].Get()
		if err != nil {
			return nil, fmt.Errorf("read the replications of %s in %s: %w", d, ref, err)
		}
		for _, r := range rows {
			one := s.replicationOf(r, ref)
			one.Peer = s.outbox.peerName(one.Destination)
			all[d] = append(all[d], one)
		}
	}
	return all, nil
}

// list reads a list of replications.
type list = func(*metadata.Queries) ([]metadata.ListedReplication, error)

// from lists those from a registry in a state, and replicated deletions, that
// changed at since or later and come after the key.
func from(registry int64, state State, since time.Time, after metadata.ReplicationKey, limit int) []list {
	return []list{
		func(q *metadata.Queries) ([]metadata.ListedReplication, error) {
			return q.Replications().From(registry, string(state), since, after, limit)
		},
		func(q *metadata.Queries) ([]metadata.ListedReplication, error) {
			return q.Deletions().From(registry, string(state), since, after, limit)
		},
	}
}

// into is from for those that have arrived in a registry.
func into(id resource.Registry, since time.Time, after metadata.ReplicationKey, limit int) []list {
	return []list{
		func(q *metadata.Queries) ([]metadata.ListedReplication, error) {
			return q.Replications().Into(id.Account, id.Region, since, after, limit)
		},
		func(q *metadata.Queries) ([]metadata.ListedReplication, error) {
			return q.Deletions().Into(id.Account, id.Region, since, after, limit)
		},
	}
}

// listed joins lists of replications, asked together, to one.
func (s *Service) listed(ctx context.Context, lists []list) ([]Replication, error) {
	q := s.meta.Read(ctx)
	answers := make([]metadata.Answer[[]metadata.ListedReplication], len(lists))
	for i, list := range lists {
		answers[i] = metadata.Ask(q, list)
	}
	var all []Replication
	for _, answer := range answers {
		rows, err := answer.Get()
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			one := s.listedReplication(r)
			one.Peer = s.outbox.peerName(one.Destination)
			all = append(all, one)
		}
	}
	slices.SortFunc(all, latestChangedFirst)
	return all, nil
}

// keySeparator parts time and id in the key of a page of List.
const keySeparator = " "

// replicationKey reads the key of a page of List: InvalidParameter.
func replicationKey(after string) (k metadata.ReplicationKey, err error) {
	if after == "" {
		return k, nil
	}
	changed, id, _ := strings.Cut(after, keySeparator)
	micros, err := strconv.ParseInt(changed, 10, 64)
	if err == nil {
		k.ID, err = strconv.ParseInt(id, 10, 64)
	}
	if err != nil {
		return k, registry.Errorf(registry.InvalidParameter, "'%s' is not where a page of replications ended",
			registry.Shorten(after))
	}
	k.ChangedAt = time.UnixMicro(micros)
	return k, nil
}
