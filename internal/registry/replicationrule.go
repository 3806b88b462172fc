package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// Limits of a replication configuration (ECR: "Private image replication", considerations).
const (
	maxReplicationRules        = 25
	maxReplicationDestinations = 25 // unique, across all rules
	maxReplicationFilters      = 100
)

// ReplicationRule sends what is pushed to the matching repositories to the
// destinations (ECR: ReplicationRule).
type ReplicationRule struct {
	Destinations []resource.Registry `json:"destinations"`
	Prefixes     []string            `json:"prefixes,omitempty"` // PREFIX_MATCH filters; none match every repository
	// Deletes is whether deletions are replicated, too; nil if the rule does not say, which means no.
	Deletes *bool `json:"deletes,omitempty"`
}

func (r ReplicationRule) matches(repository string) bool {
	for _, p := range r.Prefixes {
		if strings.HasPrefix(repository, p) {
			return true
		}
	}
	return len(r.Prefixes) == 0
}

// destinations of a repository's images: each once, however many rules name it.
func destinations(rules []ReplicationRule, repository string) (ids []resource.Registry) {
	seen := map[resource.Registry]bool{}
	for _, r := range rules {
		if !r.matches(repository) {
			continue
		}
		for _, id := range r.Destinations {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// SetReplication replaces the registry's rules: InvalidParameter, Validation.
func (s *Service) SetReplication(ctx context.Context, c access.Caller, id resource.Registry,
	rules []ReplicationRule) error {
	reg, err := s.settings(ctx, c, id, access.PutReplicationConfiguration)
	if err != nil {
		return err
	}
	if err := s.validRules(id, rules); err != nil {
		return err
	}
	if rules == nil {
		rules = []ReplicationRule{}
	}
	text, err := json.Marshal(rules)
	if err != nil {
		return err
	}
	return s.update(ctx, func(tx *metadata.Tx) error {
		tx.OnCommit(func() { s.changes.Notify(changes.Change{Registry: reg.ID, Settings: true}) })
		return tx.SetReplication(reg.ID, string(text))
	})
}

func (s *Service) validRules(source resource.Registry, rules []ReplicationRule) error {
	if len(rules) > maxReplicationRules {
		return errorf(Validation, "The replication configuration has %d rules; at most %d are allowed", len(rules), maxReplicationRules)
	}
	unique := map[resource.Registry]bool{}
	served := map[string]bool{}
	for _, region := range s.regions {
		served[region] = true
	}
	for i, r := range rules {
		if len(r.Destinations) == 0 {
			return errorf(Validation, "Replication rule %d has no destination", i+1)
		}
		if len(r.Prefixes) > maxReplicationFilters {
			return errorf(Validation, "Replication rule %d has %d repository filters; at most %d are allowed", i+1, len(r.Prefixes), maxReplicationFilters)
		}
		here := map[resource.Registry]bool{}
		for _, d := range r.Destinations {
			switch {
			case d == source:
				return sameRegistry("replicationConfiguration")
			case here[d]:
				return errorf(Validation, "Replication rule %d names the destination %s in %s twice", i+1, d.Account, d.Region)
			case !served[d.Region]:
				return errorf(InvalidParameter, "Replication rule %d names Region '%s', which is not served here; Regions served: %s", i+1, shorten(d.Region), strings.Join(s.regions, ", "))
			}
			here[d], unique[d] = true, true
		}
	}
	if len(unique) > maxReplicationDestinations {
		return errorf(Validation, "The replication configuration has %d destinations; at most %d different ones are allowed", len(unique), maxReplicationDestinations)
	}
	return nil
}

// sameRegistry refuses a destination that is the source, in ECR's words.
func sameRegistry(parameter string) *Error {
	return errorf(InvalidParameter, "Invalid parameter at '%s' failed to satisfy constraint: "+
		"'Replication destination cannot be the same as the source registry'", parameter)
}

// Replication returns the registry's rules (ECR: DescribeRegistry).
func (s *Service) Replication(ctx context.Context, c access.Caller, id resource.Registry) ([]ReplicationRule, error) {
	reg, err := s.settings(ctx, c, id, access.DescribeRegistry)
	if err != nil {
		return nil, err
	}
	return s.parseRules(id, reg.Replication)
}

// parseRules reads stored rules; every push needs them.
func (s *Service) parseRules(id resource.Registry, text string) ([]ReplicationRule, error) {
	if text == "[]" {
		return nil, nil
	}
	return s.rules.Get(id, text, func() (rules []ReplicationRule, err error) {
		if err = json.Unmarshal([]byte(text), &rules); err != nil {
			err = fmt.Errorf("read stored replication rules: %w", err)
		}
		return rules, err
	})
}

// queueReplications records, in the push's transaction, what is to be
// replicated because of it.
func (s *Service) queueReplications(tx *metadata.Tx, r *metadata.Repository, d string, tags []string, sequence int64,
	now time.Time) error {
	rules, err := s.parseRules(resource.Registry{Account: r.Account, Region: r.Region}, r.Replication)
	if err != nil {
		return err
	}
	to := destinations(rules, r.Name)
	if len(to) == 0 {
		return nil
	}
	if err := boundReplications(len(tags), len(to)); err != nil {
		return err // the rules have changed since admitReplications
	}
	if len(tags) == 0 {
		tags = []string{""} // by digest
	}
	var queued []*metadata.Replication
	for _, tag := range tags {
		for _, id := range to {
			row := &metadata.Replication{
				RepositoryID: r.ID, Digest: d, Tag: tag, Sequence: sequence,
				DestinationAccount: id.Account, DestinationRegion: id.Region, PushedAt: now, NextTryAt: now.Add(takeover),
			}
			if err := tx.QueueReplication(row); err != nil {
				return err
			}
			queued = append(queued, row)
		}
	}
	tx.OnCommit(func() {
		ids := make([]int64, 0, len(queued))
		due := make([]metadata.DueReplication, 0, len(queued))
		for _, row := range queued {
			ids = append(ids, row.ID)
			due = append(due, metadata.DueReplication{ID: row.ID, Route: metadata.Route{
				SourceRegistryID: r.RegistryID, SourceAccount: r.Account, DestinationAccount: row.DestinationAccount, DestinationRegion: row.DestinationRegion,
			}})
		}
		s.wakeReplications(due)
		s.changes.Notify(changes.Change{Registry: r.RegistryID, Replications: ids})
	})
	return nil
}

// ReplicationState is the state of one replication (ECR: ReplicationStatus).
type ReplicationState string

const (
	ReplicationInProgress ReplicationState = metadata.ReplicationInProgress
	ReplicationComplete   ReplicationState = metadata.ReplicationComplete
	ReplicationFailed     ReplicationState = metadata.ReplicationFailed
)

// ReplicationStatus is one image's replication to one destination.
type ReplicationStatus struct {
	Destination resource.Registry
	Digest      digest.Digest
	State       ReplicationState
	// Failure may be set while IN_PROGRESS: then it is the last try's, and
	// NextTryAt is when the next one starts.
	Failure    Failure
	Tries      int
	PushedAt   time.Time // when the push was committed
	FinishedAt time.Time // zero while IN_PROGRESS
	NextTryAt  time.Time
}

// maxStatusRows bounds what one status reads: tags of the image times destinations.
const maxStatusRows = maxTagsPerImage * maxReplicationDestinations

// ReplicationStatus of an image, one per destination: ImageNotFound. Asked by
// tag it is that tag's; asked by digest it is the least finished of the
// image's tags'.
func (s *Service) ReplicationStatus(ctx context.Context, c access.Caller, ref resource.Repository,
	r Reference) ([]ReplicationStatus, error) {
	repo, err := s.repository(ctx, c, ref, access.DescribeImageReplicationStatus)
	if err != nil {
		return nil, err
	}
	m, err := s.content(repo, r)
	if err != nil {
		return nil, err
	}
	rows, err := s.meta.Read().ReplicationsOf(repo.ID, m.Digest, maxStatusRows)
	if err != nil {
		return nil, fmt.Errorf("read the replications of %s in %s: %w", m.Digest, ref, err)
	}
	var all []ReplicationStatus
	for _, row := range rows {
		if r.Tag != "" && row.Tag != r.Tag {
			continue
		}
		st := ReplicationStatus{
			Destination: resource.Registry{Account: row.DestinationAccount, Region: row.DestinationRegion}, Digest: digest.Digest(row.Digest), State: ReplicationState(row.State),
			Failure: storedFailure(row, ref), Tries: row.Tries,
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

func lessFinished(a, b ReplicationStatus) ReplicationStatus {
	rank := map[ReplicationState]int{ReplicationInProgress: 2, ReplicationFailed: 1}
	if rank[b.State] > rank[a.State] || b.State == a.State && b.PushedAt.After(a.PushedAt) {
		return b
	}
	return a
}
