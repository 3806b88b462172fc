package ecr

import (
	"context"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// defaultBackfills is how many backfills a list has when maxResults is absent.
const defaultBackfills = 25

// StartReplicationBackfill begins to replicate a registry's images to one of its
// destinations.
func (s *Service) StartReplicationBackfill(ctx context.Context, call Call,
	in *StartReplicationBackfillRequest) (*StartReplicationBackfillResponse, error) {
	id := call.registryOf(in.RegistryID)
	b, err := s.replication.StartBackfill(ctx, call.Caller, id,
		resource.Registry{Account: in.Destination.RegistryID, Region: in.Destination.Region})
	if err != nil {
		return nil, err
	}
	return &StartReplicationBackfillResponse{
		RegistryID: id.Account, ReplicationBackfillID: b.ID, Destination: replicationDestination(b.Destination),
		Status: ReplicationBackfillStatus(b.Status), StartedAt: Timestamp{b.StartedAt},
	}, nil
}

// StopReplicationBackfill has a backfill replicate no more images.
func (s *Service) StopReplicationBackfill(ctx context.Context, call Call,
	in *StopReplicationBackfillRequest) (*StopReplicationBackfillResponse, error) {
	id := call.registryOf(in.RegistryID)
	b, err := s.replication.StopBackfill(ctx, call.Caller, id, in.ReplicationBackfillID)
	if err != nil {
		return nil, err
	}
	return &StopReplicationBackfillResponse{
		RegistryID: id.Account, ReplicationBackfillID: b.ID, Destination: replicationDestination(b.Destination),
		Status: ReplicationBackfillStatus(b.Status), StartedAt: Timestamp{b.StartedAt},
	}, nil
}

// ListReplicationBackfills lists the backfills of a registry, the latest first.
func (s *Service) ListReplicationBackfills(ctx context.Context, call Call,
	in *ListReplicationBackfillsRequest) (*ListReplicationBackfillsResponse, error) {
	id := call.registryOf(in.RegistryID)
	page, token, err := call.page(in, defaultBackfills)
	if err != nil {
		return nil, err
	}
	all, next, err := s.replication.Backfills(ctx, call.Caller, id, page)
	if err != nil {
		return nil, err
	}
	out := &ListReplicationBackfillsResponse{
		RegistryID: id.Account, NextToken: token(next),
		Backfills: make([]ReplicationBackfillSummary, 0, len(all)),
	}
	for _, b := range all {
		out.Backfills = append(out.Backfills, ReplicationBackfillSummary{
			ReplicationBackfillID: b.ID, Destination: replicationDestination(b.Destination),
			Status: ReplicationBackfillStatus(b.Status), FailureCode: b.FailureCode, Progress: backfillProgress(b.Progress),
			StartedAt: Timestamp{b.StartedAt}, EndedAt: Timestamp{b.EndedAt},
		})
	}
	return out, nil
}

// DescribeReplicationBackfillResults returns how far a backfill is and, once it has
// ended, what came of each of its images.
func (s *Service) DescribeReplicationBackfillResults(ctx context.Context, call Call,
	in *DescribeReplicationBackfillResultsRequest) (*DescribeReplicationBackfillResultsResponse, error) {
	id := call.registryOf(in.RegistryID)
	page, token, err := call.page(in, awsjson.DefaultPage)
	if err != nil {
		return nil, err
	}
	b, results, next, err := s.replication.BackfillResults(ctx, call.Caller, id, in.ReplicationBackfillID,
		replication.State(in.ResultStatusFilter), page)
	if err != nil {
		return nil, err
	}
	out := &DescribeReplicationBackfillResultsResponse{
		RegistryID: id.Account, ReplicationBackfillID: b.ID, Destination: replicationDestination(b.Destination),
		Status: ReplicationBackfillStatus(b.Status), FailureCode: b.FailureCode, Progress: backfillProgress(b.Progress),
		StartedAt: Timestamp{b.StartedAt}, EndedAt: Timestamp{b.EndedAt}, NextToken: token(next),
		Results: make([]ReplicationBackfillResult, 0, len(results)),
	}
	for _, r := range results {
		out.Results = append(out.Results, ReplicationBackfillResult{
			RepositoryName: r.Repository, ImageID: &ImageIdentifier{ImageDigest: r.Digest.String(), ImageTag: r.Tag},
			Status: ReplicationBackfillResultStatus(r.State), FailureCode: r.FailureCode,
			SubImageFailureCodes: r.SubImageFailureCodes,
		})
	}
	return out, nil
}

func replicationDestination(id resource.Registry) *ReplicationDestination {
	return &ReplicationDestination{Region: id.Region, RegistryID: id.Account}
}

func backfillProgress(p *replication.BackfillProgress) *ReplicationBackfillProgress {
	if p == nil {
		return nil
	}
	return &ReplicationBackfillProgress{
		TotalReplicationCount: new(p.Total), CompletedReplicationCount: new(p.Completed),
		FailedReplicationCount: new(p.Failed), FailureCodes: append([]string{}, p.FailureCodes...),
	}
}
