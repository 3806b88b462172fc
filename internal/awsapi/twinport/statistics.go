package twinport

import (
	"context"
	"time"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/replication"
)

// period is how far statistics go back, and into what they are cut.
type period struct{ length, interval time.Duration }

var periods = map[string]period{"HOUR": {time.Hour, time.Minute}, "DAY": {24 * time.Hour, 15 * time.Minute}}

var limitsPeriod = oneOf("HOUR", "DAY")

// GetReplicationStatisticsRequest is the request of GetReplicationStatistics.
type GetReplicationStatisticsRequest struct {
	Period string

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *GetReplicationStatisticsRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "period":
			if d.First(&v.present, 0) {
				v.Period = d.String()
			}
		default:
			d.Unknown()
		}
	}
}

// Validate implements awsjson.Decodable.
func (v *GetReplicationStatisticsRequest) Validate(at string) *awsjson.Exception {
	if !v.present.Has(0) {
		return awsjson.Missing(at, "period")
	}
	return limitsPeriod.Check(at, "period", v.Period)
}

// ReplicationInterval is what ended in an interval.
type ReplicationInterval struct {
	Time           seconds `json:"time"`
	Completed      int64   `json:"completed"`
	Failed         int64   `json:"failed"`
	Bytes          int64   `json:"bytes"`
	LagP50InMillis float64 `json:"lagP50InMillis"`
	LagP99InMillis float64 `json:"lagP99InMillis"`
	LagMaxInMillis float64 `json:"lagMaxInMillis"`
}

// DestinationStatistics is how replications to a destination fare.
type DestinationStatistics struct {
	Destination
	PeerName           string                `json:"peerName,omitzero"` // of the one that serves it
	InRules            bool                  `json:"inRules"`
	InProgress         int                   `json:"inProgress"`
	Failed             int                   `json:"failed"`
	OldestInProgressAt seconds               `json:"oldestInProgressAt,omitzero"`
	LastCompletedAt    seconds               `json:"lastCompletedAt,omitzero"`
	LastFailedAt       seconds               `json:"lastFailedAt,omitzero"`
	Intervals          []ReplicationInterval `json:"intervals"`
}

// GetReplicationStatisticsResponse is the answer of GetReplicationStatistics.
type GetReplicationStatisticsResponse struct {
	StartTime         seconds                 `json:"startTime"`
	EndTime           seconds                 `json:"endTime"`
	IntervalInSeconds int                     `json:"intervalInSeconds"`
	Destinations      []DestinationStatistics `json:"destinations"`
}

// GetReplicationStatistics returns how the registry's replications fare, by
// destination.
func (s *Service) GetReplicationStatistics(ctx context.Context, call Call,
	in *GetReplicationStatisticsRequest) (*GetReplicationStatisticsResponse, error) {
	p := periods[in.Period]
	statistics, err := s.Replication.Statistics(ctx, call.Caller, call.Registry, p.length, p.interval)
	if err != nil {
		return nil, err
	}
	return statisticsOf(statistics), nil
}

func statisticsOf(statistics replication.Statistics) *GetReplicationStatisticsResponse {
	out := &GetReplicationStatisticsResponse{
		StartTime: seconds{statistics.Start}, EndTime: seconds{statistics.End},
		IntervalInSeconds: int(statistics.Interval.Seconds()),
		Destinations:      make([]DestinationStatistics, 0, len(statistics.Destinations)),
	}
	for _, d := range statistics.Destinations {
		destination := DestinationStatistics{
			Destination: Destination{d.Destination.Account, d.Destination.Region}, PeerName: d.Peer, InRules: d.InRules,
			InProgress: d.InProgress, Failed: d.Failed,
			OldestInProgressAt: seconds{d.OldestInProgressAt}, LastCompletedAt: seconds{d.LastCompletedAt},
			LastFailedAt: seconds{d.LastFailedAt},
			Intervals:    make([]ReplicationInterval, 0, len(d.Intervals)),
		}
		for _, i := range d.Intervals {
			destination.Intervals = append(destination.Intervals, ReplicationInterval{
				Time: seconds{i.Time}, Completed: i.Completed, Failed: i.Failed, Bytes: i.Bytes,
				LagP50InMillis: millis(i.LagP50), LagP99InMillis: millis(i.LagP99), LagMaxInMillis: millis(i.LagMax),
			})
		}
		out.Destinations = append(out.Destinations, destination)
	}
	return out
}
