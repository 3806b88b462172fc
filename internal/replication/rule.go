package replication

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// Limits of a replication configuration (ECR: "Private image replication", considerations).
const (
	maxRules                   = 25
	maxReplicationDestinations = 25 // unique, across all rules
	maxReplicationFilters      = 100
)

// Rule sends what is pushed to the matching repositories to the
// destinations (ECR: Rule).
type Rule struct {
	Destinations []resource.Registry `json:"destinations"`
	Prefixes     []string            `json:"prefixes,omitempty"` // PREFIX_MATCH filters; none match every repository
	// Deletes is whether deletions are replicated, too; nil if the rule does not say, which means no.
	Deletes *bool `json:"deletes,omitempty"`
}

func (r Rule) matches(repository string) bool {
	for _, p := range r.Prefixes {
		if strings.HasPrefix(repository, p) {
			return true
		}
	}
	return len(r.Prefixes) == 0
}

// destinations of a repository's images: each once, however many rules name it.
func destinations(rules []Rule, repository string) (ids []resource.Registry) {
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

// deleting are the rules that replicate deletions, too.
func deleting(rules []Rule) (some []Rule) {
	for _, r := range rules {
		if r.Deletes != nil && *r.Deletes {
			some = append(some, r)
		}
	}
	return some
}

// SetRules replaces the registry's rules: InvalidParameter, Validation, PreconditionFailed.
func (s *Service) SetRules(ctx context.Context, c access.Caller, id resource.Registry,
	rules []Rule, base ...registry.Revision) error {
	reg, err := s.registry.Settings(ctx, c, id, access.PutReplicationConfiguration)
	if err != nil {
		return err
	}
	if err := s.validRules(id, rules); err != nil {
		return err
	}
	if rules == nil {
		rules = []Rule{}
	}
	text, err := json.Marshal(rules)
	if err != nil {
		return err
	}
	return s.registry.Update(ctx, func(tx *metadata.Tx) error {
		reg, err := registry.LockSettings(tx, reg.ID, id)
		if err != nil {
			return err
		}
		if err := s.rulesUnchanged(reg, id, base); err != nil {
			return err
		}
		reg.Replication = string(text)
		return s.registry.SaveSettings(tx, reg)
	})
}

// rulesUnchanged is registry.Unchanged for the rules of a registry.
func (s *Service) rulesUnchanged(reg metadata.Registry, id resource.Registry, base []registry.Revision) error {
	if len(base) == 0 {
		return nil
	}
	rules, err := s.outbox.rules(id, reg.Replication)
	if err != nil {
		return err
	}
	return registry.Unchanged("the replication configuration", base, rules)
}

func (s *Service) validRules(source resource.Registry, rules []Rule) error {
	if len(rules) > maxRules {
		return registry.Errorf(registry.Validation, "The replication configuration has %d rules; at most %d are allowed",
			len(rules), maxRules)
	}
	unique := map[resource.Registry]bool{}
	served := map[string]bool{}
	regions := s.registry.Regions()
	if s.outbox.peers != nil {
		regions = slices.Concat(regions, s.outbox.peers.Regions())
	}
	for _, region := range regions {
		served[region] = true
	}
	for i, r := range rules {
		if len(r.Destinations) == 0 {
			return registry.Errorf(registry.Validation, "Replication rule %d has no destination", i+1)
		}
		if len(r.Prefixes) > maxReplicationFilters {
			return registry.Errorf(registry.Validation, "Replication rule %d has %d repository filters; at most %d are allowed",
				i+1, len(r.Prefixes), maxReplicationFilters)
		}
		here := map[resource.Registry]bool{}
		for _, d := range r.Destinations {
			switch {
			case d == source:
				return sameRegistry("replicationConfiguration")
			case here[d]:
				return registry.Errorf(registry.Validation, "Replication rule %d names the destination %s in %s twice", i+1,
					d.Account, d.Region)
			case !served[d.Region]:
				return registry.Errorf(registry.InvalidParameter, "Replication rule %d names Region '%s', which is served "+
					"neither here nor by a peer; Regions served: %s", i+1, registry.Shorten(d.Region), strings.Join(regions, ", "))
			}
			here[d], unique[d] = true, true
		}
	}
	if len(unique) > maxReplicationDestinations {
		return registry.Errorf(registry.Validation, "The replication configuration has %d destinations; at most %d "+
			"different ones are allowed", len(unique), maxReplicationDestinations)
	}
	return nil
}

// sameRegistry refuses a destination that is the source, in ECR's words.
func sameRegistry(parameter string) *registry.Error {
	return registry.Errorf(registry.InvalidParameter, "Invalid parameter at '%s' failed to satisfy constraint: "+
		"'Replication destination cannot be the same as the source registry'", parameter)
}

// Rules returns the registry's rules (ECR: DescribeRegistry).
func (s *Service) Rules(ctx context.Context, c access.Caller, id resource.Registry) ([]Rule, error) {
	reg, err := s.registry.Settings(ctx, c, id, access.DescribeRegistry)
	if err != nil {
		return nil, err
	}
	return s.outbox.rules(id, reg.Replication)
}

// Destinations are those of what is pushed to the registry's repositories of the names.
func (s *Service) Destinations(ctx context.Context, c access.Caller, id resource.Registry,
	names []string) (map[string][]resource.Registry, error) {
	all := resource.Repository{Registry: id, Name: "*"}
	reg, err := s.registry.AuthorizeRegistry(ctx, access.Request{Caller: c, Action: access.DescribeRepositories, On: all})
	if err != nil {
		return nil, err
	}
	rules, err := s.outbox.rules(id, reg.Replication)
	if err != nil {
		return nil, err
	}
	to := make(map[string][]resource.Registry, len(names))
	for _, name := range names {
		to[name] = destinations(rules, name)
	}
	return to, nil
}
