package twinport

import (
	"context"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/ecr"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// CompareReplicationRequest is the request of CompareReplication.
type CompareReplicationRequest struct {
	Destination    ecr.ReplicationDestination
	RepositoryName string
	Repair         bool
	paging

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *CompareReplicationRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "destination":
			if d.First(&v.present, 0) {
				v.Destination = awsjson.Structure[ecr.ReplicationDestination](d)
			}
		case "repositoryName":
			if d.First(&v.present, 1) {
				v.RepositoryName = d.String()
			}
		case "repair":
			if d.First(&v.present, 2) {
				v.Repair = d.Bool()
			}
		case "maxResults":
			if d.First(&v.present, 3) {
				v.MaxResults = d.Int32()
			}
		case "nextToken":
			if d.First(&v.present, 4) {
				v.NextToken = d.String()
			}
		default:
			d.Unknown()
		}
	}
}

// Validate implements awsjson.Decodable.
func (v *CompareReplicationRequest) Validate(at string) *awsjson.Exception {
	if !v.present.Has(0) {
		return awsjson.Missing(at, "destination")
	}
	if e := v.Destination.Validate(at + "destination."); e != nil {
		return e
	}
	if v.present.Has(1) {
		if e := limitsRepositoryName.Check(at, "repositoryName", v.RepositoryName); e != nil {
			return e
		}
	}
	if v.present.Has(3) {
		return awsjson.CheckRange(at, "maxResults", int64(v.MaxResults), 1, replication.MaxDifferences)
	}
	return nil
}

// Difference is one between the registry and a destination.
type Difference struct {
	Kind           replication.DifferenceKind `json:"kind"`
	RepositoryName string                     `json:"repositoryName"`
	ImageDigest    string                     `json:"imageDigest,omitzero"`
	ImageTag       string                     `json:"imageTag,omitzero"`
	failure
}

// CompareReplicationResponse is the answer of CompareReplication.
type CompareReplicationResponse struct {
	Differences []Difference `json:"differences"`
	Compared    int          `json:"compared"`
	Different   int          `json:"different"`
	Queued      int          `json:"queued"`
	NextToken   string       `json:"nextToken,omitzero"`
}

// CompareReplication says what a destination lacks, or has otherwise, of what the
// registry's rules send there, and has it replicated again if that is asked for.
func (s *Service) CompareReplication(ctx context.Context, call Call,
	in *CompareReplicationRequest) (*CompareReplicationResponse, error) {
	to := resource.Registry{Account: in.Destination.RegistryID, Region: in.Destination.Region}
	scope := []string{"CompareReplication", call.Registry.String(), to.String(), in.RepositoryName}
	p, err := in.page(scope...)
	if err != nil {
		return nil, err
	}
	page, err := s.Replication.Compare(ctx, call.Caller, call.Registry, replication.CompareRequest{
		Destination: to, Repository: in.RepositoryName, Repair: in.Repair,
	}, p)
	if err != nil {
		return nil, err
	}
	out := comparisonOf(page)
	out.NextToken = awsjson.NextToken(page.Next, scope...)
	return out, nil
}

func comparisonOf(c replication.Comparison) *CompareReplicationResponse {
	out := &CompareReplicationResponse{
		Differences: make([]Difference, 0, len(c.Differences)), Compared: c.Compared, Different: len(c.Differences),
		Queued: c.Queued,
	}
	for _, d := range c.Differences {
		out.Differences = append(out.Differences, Difference{
			d.Kind, d.Repository, d.Digest.String(), d.Tag, failure(d.Failure),
		})
	}
	return out
}
