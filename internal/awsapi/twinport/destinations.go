package twinport

import (
	"context"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/ecr"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// What a replication configuration may have (ECR: ReplicationDestinationList,
// RepositoryFilterList).
const (
	maxDestinations = 25
	maxFilters      = 100
)

// CheckReplicationDestinationsRequest is the request of CheckReplicationDestinations.
type CheckReplicationDestinationsRequest struct {
	Destinations      []ecr.ReplicationDestination
	RepositoryFilters []ecr.RepositoryFilter

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *CheckReplicationDestinationsRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "destinations":
			if d.First(&v.present, 0) {
				v.Destinations = awsjson.List(d, awsjson.Structure[ecr.ReplicationDestination])
			}
		case "repositoryFilters":
			if d.First(&v.present, 1) {
				v.RepositoryFilters = awsjson.List(d, awsjson.Structure[ecr.RepositoryFilter])
			}
		default:
			d.Unknown()
		}
	}
}

// Validate implements awsjson.Decodable.
func (v *CheckReplicationDestinationsRequest) Validate(at string) *awsjson.Exception {
	if !v.present.Has(0) {
		return awsjson.Missing(at, "destinations")
	}
	if e := awsjson.CheckCount(at, "destinations", len(v.Destinations), 1, maxDestinations); e != nil {
		return e
	}
	for i := range v.Destinations {
		if e := v.Destinations[i].Validate(at + "destinations." + awsjson.Item(i) + "."); e != nil {
			return e
		}
	}
	if e := awsjson.CheckCount(at, "repositoryFilters", len(v.RepositoryFilters), 0, maxFilters); e != nil {
		return e
	}
	for i := range v.RepositoryFilters {
		if e := v.RepositoryFilters[i].Validate(at + "repositoryFilters." + awsjson.Item(i) + "."); e != nil {
			return e
		}
	}
	return nil
}

// DestinationCheck is what a replication to a destination would find now.
type DestinationCheck struct {
	Destination
	PeerName       string            `json:"peerName,omitzero"` // of the one that serves it
	Status         replication.Grant `json:"status"`
	RepositoryName string            `json:"repositoryName"`
	failure
}

// CheckReplicationDestinationsResponse is the answer of CheckReplicationDestinations.
type CheckReplicationDestinationsResponse struct {
	Destinations []DestinationCheck `json:"destinations"`
}

// CheckReplicationDestinations says whether destinations would take images from
// the registry, and if not, what to add there.
func (s *Service) CheckReplicationDestinations(ctx context.Context, call Call,
	in *CheckReplicationDestinationsRequest) (*CheckReplicationDestinationsResponse, error) {
	var destinations []resource.Registry
	for _, d := range in.Destinations {
		destinations = append(destinations, resource.Registry{Account: d.RegistryID, Region: d.Region})
	}
	var prefixes []string
	for _, f := range in.RepositoryFilters {
		prefixes = append(prefixes, f.Filter)
	}
	checks, err := s.Replication.Check(ctx, call.Caller, call.Registry, destinations, prefixes)
	if err != nil {
		return nil, err
	}
	out := &CheckReplicationDestinationsResponse{Destinations: make([]DestinationCheck, 0, len(checks))}
	for _, c := range checks {
		out.Destinations = append(out.Destinations, checkOf(c))
	}
	return out, nil
}

func checkOf(c replication.DestinationCheck) DestinationCheck {
	return DestinationCheck{
		Destination: Destination{c.Destination.Account, c.Destination.Region}, PeerName: c.Peer, Status: c.Status,
		RepositoryName: c.Repository, failure: failure(c.Failure),
	}
}
