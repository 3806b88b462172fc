package twinport

import (
	"context"
	"slices"
	"strconv"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/replication"
)

// Replication is one image, by one tag or none, on its way to a destination.
type Replication struct {
	ReplicationID    string `json:"replicationId"`
	SourceRegistryID string `json:"sourceRegistryId"`
	SourceRegion     string `json:"sourceRegion"`
	Destination
	PeerName               string            `json:"peerName,omitzero"` // of the one that serves the destination
	RepositoryName         string            `json:"repositoryName"`
	ImageDigest            string            `json:"imageDigest"`
	ImageTag               string            `json:"imageTag,omitzero"`
	ImageSizeInBytes       int64             `json:"imageSizeInBytes"`
	ImageManifestMediaType string            `json:"imageManifestMediaType"`
	Action                 string            `json:"action"`
	Status                 replication.State `json:"status"`
	Tries                  int               `json:"tries"`
	PushedAt               seconds           `json:"pushedAt"`
	ChangedAt              seconds           `json:"changedAt"`
	FinishedAt             seconds           `json:"finishedAt,omitzero"`
	LagInMillis            *float64          `json:"lagInMillis,omitempty"`
	NextTryAt              seconds           `json:"nextTryAt,omitzero"`
	// Of what goes to a peer: bytes of layers.
	BytesTotal       int64   `json:"bytesTotal,omitzero"`
	BytesSent        int64   `json:"bytesSent,omitzero"`
	BegunAt          seconds `json:"begunAt,omitzero"`
	BytesPerSecond   int64   `json:"bytesPerSecond,omitzero"`
	TimeLeftInMillis float64 `json:"timeLeftInMillis,omitzero"`
	failure
}

func replicationOf(r replication.Replication) Replication {
	out := Replication{
		ReplicationID: strconv.FormatInt(r.ID, 10), SourceRegistryID: r.Source.Account, SourceRegion: r.Source.Region,
		Destination: Destination{r.Destination.Account, r.Destination.Region}, PeerName: r.Peer, RepositoryName: r.Repository,
		ImageDigest: r.Digest.String(), ImageTag: r.Tag, ImageSizeInBytes: r.ImageSize, ImageManifestMediaType: r.MediaType,
		Action: "REPLICATE",
		Status: r.State, Tries: r.Tries, PushedAt: seconds{r.PushedAt}, ChangedAt: seconds{r.ChangedAt},
		FinishedAt: seconds{r.FinishedAt}, NextTryAt: seconds{r.NextTryAt},
		BytesTotal: r.BytesTotal, BytesSent: r.BytesSent, BegunAt: seconds{r.BegunAt}, BytesPerSecond: int64(r.Rate()),
		TimeLeftInMillis: millis(r.TimeLeft()),
		failure:          failure(r.Failure),
	}
	if r.Deletes {
		out.Action = "DELETE"
	}
	if r.State == replication.Complete {
		out.LagInMillis = new(millis(r.FinishedAt.Sub(r.PushedAt)))
	}
	return out
}

func replications(rs []replication.Replication) []Replication {
	out := make([]Replication, 0, len(rs))
	for _, r := range rs {
		out = append(out, replicationOf(r))
	}
	return out
}

var (
	limitsDirection = oneOf(string(replication.Outgoing), string(replication.Incoming))
	limitsStatus    = oneOf(string(replication.InProgress), string(replication.Complete), string(replication.Failed))
)

// ListReplicationsRequest is the request of ListReplications.
type ListReplicationsRequest struct {
	Direction replication.Direction
	Status    replication.State
	paging

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *ListReplicationsRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "direction":
			if d.First(&v.present, 0) {
				v.Direction = awsjson.Enum[replication.Direction](d)
			}
		case "status":
			if d.First(&v.present, 1) {
				v.Status = awsjson.Enum[replication.State](d)
			}
		case "maxResults":
			if d.First(&v.present, 2) {
				v.MaxResults = d.Int32()
			}
		case "nextToken":
			if d.First(&v.present, 3) {
				v.NextToken = d.String()
			}
		default:
			d.Unknown()
		}
	}
}

// Validate implements awsjson.Decodable.
func (v *ListReplicationsRequest) Validate(at string) *awsjson.Exception {
	if v.present.Has(0) {
		if e := limitsDirection.Check(at, "direction", string(v.Direction)); e != nil {
			return e
		}
	}
	if v.present.Has(1) {
		if e := limitsStatus.Check(at, "status", string(v.Status)); e != nil {
			return e
		}
	}
	if v.present.Has(2) {
		return awsjson.CheckRange(at, "maxResults", int64(v.MaxResults), 1, 100)
	}
	return nil
}

// ListReplicationsResponse is the answer of ListReplications.
type ListReplicationsResponse struct {
	Replications []Replication `json:"replications"`
	NextToken    string        `json:"nextToken,omitzero"`
}

// ListReplications lists the registry's replications, the latest changed first.
func (s *Service) ListReplications(ctx context.Context, call Call,
	in *ListReplicationsRequest) (*ListReplicationsResponse, error) {
	direction := in.Direction
	if direction == "" {
		direction = replication.Outgoing
	}
	scope := []string{"ListReplications", call.Registry.String(), string(direction), string(in.Status)}
	p, err := in.page(scope...)
	if err != nil {
		return nil, err
	}
	rs, next, err := s.Replication.List(ctx, call.Caller, call.Registry, direction, in.Status, p)
	if err != nil {
		return nil, err
	}
	return &ListReplicationsResponse{Replications: replications(rs), NextToken: awsjson.NextToken(next, scope...)}, nil
}

// RetryReplicationsRequest is the request of RetryReplications.
type RetryReplicationsRequest struct {
	ReplicationIDs []string

	ids     []int64 // the same
	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *RetryReplicationsRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "replicationIds":
			if d.First(&v.present, 0) {
				v.ReplicationIDs = awsjson.List(d, (*awsjson.Decoder).String)
			}
		default:
			d.Unknown()
		}
	}
}

// limitsReplicationID allows numbers that fit into 64 bits.
var limitsReplicationID = &awsjson.StringLimits{Min: 1, Max: 18, Pattern: awsjson.Whole(`[1-9][0-9]*`)}

// Validate implements awsjson.Decodable.
func (v *RetryReplicationsRequest) Validate(at string) *awsjson.Exception {
	if !v.present.Has(0) {
		return awsjson.Missing(at, "replicationIds")
	}
	if e := checkEach(at, "replicationIds", v.ReplicationIDs, 100, limitsReplicationID); e != nil {
		return e
	}
	for i, text := range v.ReplicationIDs {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return awsjson.Violation(at+"replicationIds."+awsjson.Item(i), "must be the id of a replication")
		}
		if !slices.Contains(v.ids, id) {
			v.ids = append(v.ids, id)
		}
	}
	return nil
}

// RetryFailure says why a replication is not tried again.
type RetryFailure struct {
	ReplicationID string `json:"replicationId"`
	FailureCode   string `json:"failureCode"`
	FailureReason string `json:"failureReason"`
}

// RetryReplicationsResponse is the answer of RetryReplications.
type RetryReplicationsResponse struct {
	ReplicationIDs []string       `json:"replicationIds"`
	Failures       []RetryFailure `json:"failures"`
}

// RetryReplications makes failed replications of the registry due now.
func (s *Service) RetryReplications(ctx context.Context, call Call,
	in *RetryReplicationsRequest) (*RetryReplicationsResponse, error) {
	retried, failed, err := s.Replication.Retry(ctx, call.Caller, call.Registry, in.ids)
	if err != nil {
		return nil, err
	}
	out := &RetryReplicationsResponse{ReplicationIDs: []string{}, Failures: []RetryFailure{}}
	for _, id := range retried {
		out.ReplicationIDs = append(out.ReplicationIDs, strconv.FormatInt(id, 10))
	}
	for _, f := range failed {
		out.Failures = append(out.Failures, RetryFailure{strconv.FormatInt(f.ID, 10), f.Code, f.Reason})
	}
	return out, nil
}
