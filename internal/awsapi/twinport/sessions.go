package twinport

import (
	"context"
	"net/http"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
)

// Session is a session of the console.
type Session struct {
	SessionID     string  `json:"sessionId"`
	AccessKeyID   string  `json:"accessKeyId"`
	CreatedAt     seconds `json:"createdAt"`
	ExpiresAt     seconds `json:"expiresAt"`
	UserAgent     string  `json:"userAgent"`
	RemoteAddress string  `json:"remoteAddress"`
	Current       bool    `json:"current"`
}

// ListSessionsResponse is the answer of ListSessions.
type ListSessionsResponse struct {
	Sessions []Session `json:"sessions"`
}

// ListSessions lists the sessions of the console with the account's keys.
func (s *Service) ListSessions(ctx context.Context, call Call, _ *empty) (*ListSessionsResponse, error) {
	if err := rootOnly(call, "ListSessions"); err != nil {
		return nil, err
	}
	sessions, err := s.Sessions.List(ctx, call.Registry.Account)
	if err != nil {
		return nil, err
	}
	out := &ListSessionsResponse{Sessions: []Session{}}
	for _, one := range sessions {
		out.Sessions = append(out.Sessions, Session{
			SessionID: one.ID, AccessKeyID: one.AccessKey, CreatedAt: seconds{one.CreatedAt}, ExpiresAt: seconds{one.ExpiresAt},
			UserAgent: one.UserAgent, RemoteAddress: one.RemoteAddress, Current: one.ID == call.Session.ID,
		})
	}
	return out, nil
}

// RevokeSessionsRequest is the request of RevokeSessions.
type RevokeSessionsRequest struct {
	SessionIDs []string

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *RevokeSessionsRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "sessionIds":
			if d.First(&v.present, 0) {
				v.SessionIDs = awsjson.List(d, (*awsjson.Decoder).String)
			}
		default:
			d.Unknown()
		}
	}
}

var limitsSessionID = &awsjson.StringLimits{Min: 1, Max: 64}

// Validate implements awsjson.Decodable.
func (v *RevokeSessionsRequest) Validate(at string) *awsjson.Exception {
	if !v.present.Has(0) {
		return awsjson.Missing(at, "sessionIds")
	}
	return checkEach(at, "sessionIds", v.SessionIDs, 100, limitsSessionID)
}

// RevokeSessionsResponse is the answer of RevokeSessions.
type RevokeSessionsResponse struct {
	SessionIDs []string `json:"sessionIds"`
}

// RevokeSessions ends sessions of the account. Those that are not there are left
// out of the answer.
func (s *Service) RevokeSessions(ctx context.Context, call Call,
	in *RevokeSessionsRequest) (*RevokeSessionsResponse, error) {
	if err := rootOnly(call, "RevokeSessions"); err != nil {
		return nil, err
	}
	ended, err := s.Sessions.Revoke(ctx, call.Registry.Account, in.SessionIDs)
	if err != nil {
		return nil, err
	}
	return &RevokeSessionsResponse{SessionIDs: append([]string{}, ended...)}, nil
}

// rootOnly refuses callers that are not the root of the registry's account.
func rootOnly(call Call, operation string) error {
	if call.Caller.IsRootOf(call.Registry.Account) {
		return nil
	}
	return &awsjson.Exception{
		Code: awsjson.AccessDeniedException,
		Message: "User: " + call.Caller.Identity.Principal.ARN + " is not authorized to perform: twinport:" + operation +
			": only the root of account " + call.Registry.Account + " is",
		Status: http.StatusBadRequest,
	}
}
