package replication

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// Grant says whether a destination takes a registry's images.
type Grant string

const (
	Granted    Grant = "GRANTED"
	NotGranted Grant = "NOT_GRANTED" // another account does not let it in
	Denied     Grant = "DENIED"      // a statement of the own account denies it
	NoRegistry Grant = "NO_REGISTRY" // no such account or Region in this deployment, or a peer's
	// Of a destination that a peer serves:
	Unreachable Grant = "UNREACHABLE"      // the peer cannot be asked now
	PeerRefuses Grant = "PEER_NOT_GRANTED" // the peer does not let this deployment replicate from the account
)

// DestinationCheck is what a replication to a destination would find now.
type DestinationCheck struct {
	Destination resource.Registry
	Peer        string // name of the one that serves it; "" for this deployment
	Status      Grant
	// Repository that it was decided for: the first that is refused.
	Repository string
	// Failure of a replication, unless GRANTED.
	Failure Failure
}

// maxChecked is how many repositories of the source a check looks at.
const maxChecked = 100

// maxFilterLength is that of a repository filter (ECR: RepositoryFilterValue).
const maxFilterLength = 256

// Check says what a replication of the registry's repositories that match the
// prefixes, or of all without any, would find: InvalidParameter, Validation. It
// decides exactly as a replication does, so it says nothing that a push would not.
func (s *Service) Check(ctx context.Context, c access.Caller, id resource.Registry,
	destinations []resource.Registry, prefixes []string) ([]DestinationCheck, error) {
	reg, err := s.registry.Settings(ctx, c, id, access.DescribeRegistry)
	if err != nil {
		return nil, err
	}
	if len(destinations) == 0 || len(destinations) > maxReplicationDestinations {
		return nil, registry.Errorf(registry.InvalidParameter, "%d destinations were given; 1 to %d can be checked at once",
			len(destinations), maxReplicationDestinations)
	}
	if slices.Contains(destinations, id) {
		return nil, sameRegistry("destinations")
	}
	names, err := s.namesToCheck(ctx, reg.ID, prefixes)
	if err != nil {
		return nil, err
	}
	checks := make([]DestinationCheck, len(destinations))
	g, ctx := errgroup.WithContext(ctx) // side by side, as peers are far away
	for i, d := range destinations {
		g.Go(func() (err error) {
			if checks[i], err = s.checkDestination(ctx, id, d, names); err != nil {
				err = fmt.Errorf("check the destination %s of %s: %w", d, id, err)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return checks, nil
}

// namesToCheck are names of a registry's repositories that match the prefixes,
// or else one that would.
func (s *Service) namesToCheck(ctx context.Context, source int64, prefixes []string) (names []string, err error) {
	if len(prefixes) > maxReplicationFilters {
		return nil, registry.Errorf(registry.Validation, "%d repository filters were given; at most %d are allowed",
			len(prefixes), maxReplicationFilters)
	}
	example := ""
	if len(prefixes) == 0 {
		prefixes = []string{""}
	}
	for _, p := range disjoint(prefixes) {
		if len(p) > maxFilterLength {
			return nil, registry.Errorf(registry.Validation, "A repository filter has %d characters; at most %d are allowed",
				len(p), maxFilterLength)
		}
		for _, name := range []string{p + "example", p} {
			if example == "" && registry.ValidName(name) {
				example = name
			}
		}
		if len(names) == maxChecked {
			continue
		}
		found, err := s.meta.Read(ctx).Repositories().Find(source, p, "", "", maxChecked-len(names))
		if err != nil {
			return nil, fmt.Errorf("look for repositories with names like '%s': %w", registry.Shorten(p), err)
		}
		for _, r := range found {
			names = append(names, r.Name)
		}
	}
	if len(names) == 0 && example == "" {
		return nil, registry.Errorf(registry.Validation, "The repository filters match no name that a repository can have")
	}
	if len(names) == 0 {
		names = []string{example}
	}
	return names, nil
}

func (s *Service) checkDestination(ctx context.Context, source, destination resource.Registry,
	names []string) (DestinationCheck, error) {
	check := DestinationCheck{
		Destination: destination, Peer: s.outbox.peerName(destination), Status: Granted, Repository: names[0],
	}
	name, err := s.destinationTo(destination).Check(ctx, source, destination, names)
	var refused *Refusal
	if !errors.As(err, &refused) {
		return check, err
	}
	check.Repository, check.Failure = name, failureOf(refused.Code, refused.Reason,
		resource.Repository{Registry: source, Name: name}, destination)
	switch {
	case refused.Code == failureNoDestination:
		check.Status = NoRegistry
	case refused.Code == failurePeerNotGranted:
		check.Status = PeerRefuses
	case strings.HasPrefix(refused.Code, peerPrefix):
		check.Status = Unreachable
	case source.Account == destination.Account:
		check.Status = Denied // in one account nothing else refuses
	default:
		check.Status = NotGranted
	}
	return check, nil
}
