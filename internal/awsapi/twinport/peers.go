package twinport

import (
	"context"

	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/replication"
)

// Peer is another deployment that this one replicates with, as far as the caller's
// account is concerned.
type Peer struct {
	PeerID  string   `json:"peerId"`
	Name    string   `json:"name"`
	URL     string   `json:"url,omitzero"`
	Regions []string `json:"regions"`
	// ServesAccount says that it has registries of the caller's account, and
	// SpeaksForAccount that these may replicate into this deployment. TakesAccount
	// says whether the account may replicate from here to it, if that is known.
	ServesAccount    bool  `json:"servesAccount"`
	SpeaksForAccount bool  `json:"speaksForAccount"`
	TakesAccount     *bool `json:"takesAccount,omitempty"`
	PeerState
	// Replications from the caller's registry to it.
	InProgress         int     `json:"inProgress"`
	Failed             int     `json:"failed"`
	OldestInProgressAt seconds `json:"oldestInProgressAt,omitzero"`
	Moving             *Moving `json:"moving,omitempty"`
}

// PeerState is what the process that answers knows of a peer.
type PeerState struct {
	// Status is REACHABLE, UNREACHABLE or, before the first exchange, UNKNOWN.
	Status            string  `json:"status"`
	StatusSince       seconds `json:"statusSince,omitzero"`
	LastAnsweredAt    seconds `json:"lastAnsweredAt,omitzero"`
	RoundTripInMillis float64 `json:"roundTripInMillis,omitzero"`
	Version           string  `json:"version,omitzero"`
	Protocol          int     `json:"protocol,omitzero"`
	// FailureCode and FailureReason say what went wrong last.
	FailureCode   string  `json:"failureCode,omitzero"`
	FailureReason string  `json:"failureReason,omitzero"`
	NextTryAt     seconds `json:"nextTryAt,omitzero"`
	// ClockOffsetInMillis is how far the peer's clock is ahead.
	ClockOffsetInMillis float64 `json:"clockOffsetInMillis,omitzero"`
	// What the peer says of itself otherwise than was agreed when it joined.
	UnagreedRegions []string `json:"unagreedRegions,omitempty"`
	UnagreedURL     string   `json:"unagreedUrl,omitzero"`
	// Tunnels is how many there are to it, dialled by either side, and
	// TunnelFailureReason why this one cannot dial any.
	Tunnels             int    `json:"tunnels,omitzero"`
	TunnelFailureReason string `json:"tunnelFailureReason,omitzero"`
}

// Moving is what is being sent to a peer.
type Moving struct {
	Replications     int     `json:"replications"`
	BytesTotal       int64   `json:"bytesTotal"`
	BytesSent        int64   `json:"bytesSent"`
	BytesPerSecond   int64   `json:"bytesPerSecond"`
	TimeLeftInMillis float64 `json:"timeLeftInMillis,omitzero"`
}

// ListPeersResponse is the answer of ListPeers.
type ListPeersResponse struct {
	Peers []Peer `json:"peers"`
}

// ListPeers lists the deployments that this one replicates with, and how
// replications from the caller's registry to them go.
func (s *Service) ListPeers(ctx context.Context, call Call, _ *empty) (*ListPeersResponse, error) {
	peers, err := s.Replication.Peers(ctx, call.Caller, call.Registry)
	if err != nil {
		return nil, err
	}
	out := &ListPeersResponse{Peers: make([]Peer, 0, len(peers))}
	for _, p := range peers {
		out.Peers = append(out.Peers, peerOf(p))
	}
	return out, nil
}

func peerOf(p replication.PeerView) Peer {
	out := Peer{
		PeerID: p.ID, Name: p.Name, URL: p.URL, Regions: p.Regions, ServesAccount: p.ServesAccount,
		SpeaksForAccount: p.SpeaksForAccount, TakesAccount: p.TakesAccount, PeerState: stateOf(p.State),
		InProgress: p.Waiting, Failed: p.Failed, OldestInProgressAt: seconds{p.OldestPush},
	}
	if p.Moving.Replications > 0 {
		out.Moving = &Moving{
			Replications: p.Moving.Replications, BytesTotal: p.Moving.BytesTotal, BytesSent: p.Moving.BytesSent,
			BytesPerSecond: int64(p.Moving.Rate), TimeLeftInMillis: millis(p.Moving.TimeLeft()),
		}
	}
	return out
}

func stateOf(s peer.State) PeerState {
	out := PeerState{
		Status: "UNREACHABLE", StatusSince: seconds{s.Since}, LastAnsweredAt: seconds{s.LastSuccess},
		RoundTripInMillis: millis(s.RoundTrip), Version: s.Version, Protocol: s.Protocol,
		FailureCode: s.Code, FailureReason: s.Problem, NextTryAt: seconds{s.NextTry},
		ClockOffsetInMillis: millis(s.ClockOffset), UnagreedRegions: s.Unagreed.Regions, UnagreedURL: s.Unagreed.URL,
		Tunnels: s.Tunnels, TunnelFailureReason: s.TunnelProblem,
	}
	switch {
	case s.Reachable:
		out.Status = "REACHABLE"
	case s.LastSuccess.IsZero() && s.Code == "":
		out.Status = "UNKNOWN"
	}
	if s.PausedUntil.After(s.NextTry) {
		out.NextTryAt = seconds{s.PausedUntil}
	}
	return out
}
