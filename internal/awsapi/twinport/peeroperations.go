package twinport

import (
	"context"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/peer"
)

// PeerGrant says for which accounts a deployment may replicate to another.
type PeerGrant struct {
	AllAccounts bool     `json:"allAccounts"` // that it serves
	Accounts    []string `json:"accounts"`

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *PeerGrant) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "allAccounts":
			if d.First(&v.present, 0) {
				v.AllAccounts = d.Bool()
			}
		case "accounts":
			if d.First(&v.present, 1) {
				v.Accounts = awsjson.List(d, (*awsjson.Decoder).String)
			}
		default:
			d.Unknown()
		}
	}
}

// Validate implements awsjson.Decodable. What a grant may be is for package peer
// to say.
func (v *PeerGrant) Validate(string) *awsjson.Exception { return nil }

func (v *PeerGrant) grant() peer.Grant { return peer.Grant{All: v.AllAccounts, Accounts: v.Accounts} }

func grantOf(g peer.Grant) PeerGrant {
	return PeerGrant{AllAccounts: g.All, Accounts: append([]string{}, g.Accounts...)}
}

// PeerDetail is another deployment as operators see it.
type PeerDetail struct {
	PeerID  string   `json:"peerId"`
	Name    string   `json:"name"`
	URL     string   `json:"url,omitzero"`
	Regions []string `json:"regions"`
	// Accounts are those that it serves in each of the Regions.
	Accounts []string `json:"accounts"`
	// Grant is what it may send here, and GrantThere what may be sent to it, if it has
	// said that.
	Grant      PeerGrant  `json:"grant"`
	GrantThere *PeerGrant `json:"grantThere,omitempty"`
	// Source is JOINED, or CONFIGURATION: that has it, and it is changed there.
	Source   string  `json:"source"`
	JoinedAt seconds `json:"joinedAt"`
	// Outbound says that it reaches this deployment only by tunnels that this one dials.
	Outbound bool `json:"outbound"`
	// KeyNumber is that of the key which signs what is sent to it.
	KeyNumber        int64    `json:"keyNumber,omitzero"`
	UnagreedAccounts []string `json:"unagreedAccounts,omitempty"`
	// Answered says whether it did, where it was asked; if not, FailureCode why.
	Answered *bool `json:"answered,omitempty"`
	PeerState
}

func detailOf(p peer.Status) PeerDetail {
	out := PeerDetail{
		PeerID: p.ID, Name: p.Name, URL: p.URL, Regions: p.Regions, Accounts: p.Accounts, Grant: grantOf(p.Grant),
		Source: "JOINED", JoinedAt: seconds{p.JoinedAt}, Outbound: p.Outbound, KeyNumber: p.State.Key,
		UnagreedAccounts: p.State.Unagreed.Accounts, PeerState: stateOf(p.State),
	}
	if p.State.Granted != nil {
		out.GrantThere = new(grantOf(*p.State.Granted))
	}
	if p.Source == peer.FromConfiguration {
		out.Source = "CONFIGURATION"
	}
	return out
}

func detailsOf(peers []peer.Status) []PeerDetail {
	out := make([]PeerDetail, 0, len(peers))
	for _, p := range peers {
		out = append(out, detailOf(p))
	}
	return out
}

// PeerResponse is the answer of operations on one peer.
type PeerResponse struct {
	Peer PeerDetail `json:"peer"`
}

// PeersResponse is the answer of operations on several.
type PeersResponse struct {
	Peers []PeerDetail `json:"peers"`
}

// InvitePeerRequest is the request of InvitePeer.
type InvitePeerRequest struct {
	Grant PeerGrant

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *InvitePeerRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "grant":
			if d.First(&v.present, 0) {
				v.Grant = awsjson.Structure[PeerGrant](d)
			}
		default:
			d.Unknown()
		}
	}
}

// Validate implements awsjson.Decodable.
func (v *InvitePeerRequest) Validate(string) *awsjson.Exception { return nil }

// InvitePeerResponse is the answer of InvitePeer.
type InvitePeerResponse struct {
	// InvitationCode lets whoever has it become a peer.
	InvitationCode string  `json:"invitationCode"`
	ExpiresAt      seconds `json:"expiresAt"`
}

// InvitePeer makes a code by which another deployment becomes a peer, once.
func (s *Service) InvitePeer(ctx context.Context, _ Call, in *InvitePeerRequest) (*InvitePeerResponse, error) {
	code, expires, err := s.Peers.Invite(ctx, in.Grant.grant())
	if err != nil {
		return nil, err
	}
	return &InvitePeerResponse{code, seconds{expires}}, nil
}

// JoinPeerRequest is the request of JoinPeer.
type JoinPeerRequest struct {
	InvitationCode string
	Grant          PeerGrant
	Outbound       bool

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *JoinPeerRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "invitationCode":
			if d.First(&v.present, 0) {
				v.InvitationCode = d.String()
			}
		case "grant":
			if d.First(&v.present, 1) {
				v.Grant = awsjson.Structure[PeerGrant](d)
			}
		case "outbound":
			if d.First(&v.present, 2) {
				v.Outbound = d.Bool()
			}
		default:
			d.Unknown()
		}
	}
}

// Validate implements awsjson.Decodable.
func (v *JoinPeerRequest) Validate(at string) *awsjson.Exception {
	if !v.present.Has(0) {
		return awsjson.Missing(at, "invitationCode")
	}
	return nil
}

// JoinPeer makes this deployment a peer of the one that has made the code.
func (s *Service) JoinPeer(ctx context.Context, _ Call, in *JoinPeerRequest) (*PeerResponse, error) {
	join := s.Peers.Join
	if in.Outbound {
		join = s.Peers.JoinOutbound
	}
	record, err := join(ctx, in.InvitationCode, in.Grant.grant())
	if err != nil {
		return nil, err
	}
	return &PeerResponse{detailOf(s.Peers.StatusOf(record))}, nil
}

// DescribePeers says who the peers are, what they may do, and how they are.
func (s *Service) DescribePeers(ctx context.Context, _ Call, _ *empty) (*PeersResponse, error) {
	peers, err := s.Peers.List(ctx)
	if err != nil {
		return nil, err
	}
	return &PeersResponse{detailsOf(peers)}, nil
}

// PeerRequest is the request of operations on one peer.
type PeerRequest struct {
	PeerName string

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *PeerRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "peerName":
			if d.First(&v.present, 0) {
				v.PeerName = d.String()
			}
		default:
			d.Unknown()
		}
	}
}

// Validate implements awsjson.Decodable.
func (v *PeerRequest) Validate(at string) *awsjson.Exception {
	if !v.present.Has(0) {
		return awsjson.Missing(at, "peerName")
	}
	return nil
}

// CheckPeersRequest is the request of CheckPeers: all peers, if it names none.
type CheckPeersRequest struct{ PeerRequest }

// Validate implements awsjson.Decodable.
func (v *CheckPeersRequest) Validate(string) *awsjson.Exception { return nil }

// CheckPeers calls the peers now.
func (s *Service) CheckPeers(ctx context.Context, _ Call, in *CheckPeersRequest) (*PeersResponse, error) {
	peers, err := s.Peers.Check(ctx, in.PeerName)
	if err != nil {
		return nil, err
	}
	out := detailsOf(peers)
	for i, p := range peers {
		out[i].Answered = new(p.Failure == nil)
		if p.Failure != nil {
			out[i].FailureCode, out[i].FailureReason = p.Failure.Code, p.Failure.Message
		}
	}
	return &PeersResponse{out}, nil
}

// GrantPeerRequest is the request of GrantPeer.
type GrantPeerRequest struct {
	PeerName string
	Grant    PeerGrant

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *GrantPeerRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "peerName":
			if d.First(&v.present, 0) {
				v.PeerName = d.String()
			}
		case "grant":
			if d.First(&v.present, 1) {
				v.Grant = awsjson.Structure[PeerGrant](d)
			}
		default:
			d.Unknown()
		}
	}
}

// Validate implements awsjson.Decodable.
func (v *GrantPeerRequest) Validate(at string) *awsjson.Exception {
	switch {
	case !v.present.Has(0):
		return awsjson.Missing(at, "peerName")
	case !v.present.Has(1):
		return awsjson.Missing(at, "grant")
	}
	return nil
}

// GrantPeer changes for which accounts a peer may replicate to this deployment.
func (s *Service) GrantPeer(ctx context.Context, _ Call, in *GrantPeerRequest) (*PeerResponse, error) {
	record, err := s.Peers.SetGrant(ctx, in.PeerName, in.Grant.grant())
	if err != nil {
		return nil, err
	}
	return &PeerResponse{detailOf(s.Peers.StatusOf(record))}, nil
}

// RemovePeerResponse is the answer of RemovePeer.
type RemovePeerResponse struct {
	PeerName string `json:"peerName"`
}

// RemovePeer ends what a peer may do, and forgets it.
func (s *Service) RemovePeer(ctx context.Context, _ Call, in *PeerRequest) (*RemovePeerResponse, error) {
	if err := s.Peers.Remove(ctx, in.PeerName); err != nil {
		return nil, err
	}
	return &RemovePeerResponse{in.PeerName}, nil
}

// RotatePeerKeyResponse is the answer of RotatePeerKey.
type RotatePeerKeyResponse struct {
	KeyNumber int64 `json:"keyNumber"`
	// DeploymentKey is what configurations of other deployments have of this one.
	DeploymentKey string       `json:"deploymentKey"`
	Peers         []PeerDetail `json:"peers"`
}

// RotatePeerKey makes a new key of this deployment and gives it to the peers.
func (s *Service) RotatePeerKey(ctx context.Context, _ Call, _ *empty) (*RotatePeerKeyResponse, error) {
	if err := s.Peers.RotateKey(ctx); err != nil {
		return nil, err
	}
	keys := s.Peers.Self().Keys
	return &RotatePeerKeyResponse{
		keys[len(keys)-1].Number, s.Peers.Identity(), detailsOf(s.Peers.Statuses()),
	}, nil
}
