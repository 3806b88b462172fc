package ecr

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/session"
)

// GetAuthorizationToken returns a password for the user AWS of the registry
// hosts. It is valid for auth.TokenLifetime in the Region of the request and
// stands for the calling principal, so it is the same for every registry. One
// that a session of the console asked for ends with the session, and one that
// temporary credentials asked for with these.
func (s *Service) GetAuthorizationToken(ctx context.Context, call Call,
	in *GetAuthorizationTokenRequest) (*GetAuthorizationTokenResponse, error) {
	if err := s.registry.Authorize(ctx, call.Caller, call.Registry, "ecr:GetAuthorizationToken"); err != nil {
		return nil, err
	}
	key, err := s.callerKey(ctx, call)
	if err != nil {
		return nil, err
	}
	temporary := call.Caller.Identity.Temporary
	login := auth.Token{
		Region: call.Registry.Region, Temporary: temporary, Role: call.Caller.Identity.Role,
		Expires: temporary.Until(s.now().Add(auth.TokenLifetime)),
	}
	if call.Session.ID != "" {
		login.Scope, login.Expires = session.LoginScope(call.Session.ID), call.Session.ExpiresAt
	}
	token := auth.SignToken(key, login)
	authorization := base64.StdEncoding.EncodeToString([]byte("AWS:" + token))

	accounts := in.RegistryIDs
	if len(accounts) == 0 {
		accounts = []string{call.Registry.Account}
	}
	out := &GetAuthorizationTokenResponse{}
	for _, account := range accounts {
		out.AuthorizationData = append(out.AuthorizationData, AuthorizationData{
			AuthorizationToken: authorization,
			ExpiresAt:          Timestamp{login.Expires},
			ProxyEndpoint:      s.uris.Login(call.Asked, call.registryOf(account)),
		})
	}
	return out, nil
}

// callerKey is the access key that the request was signed with, or what the
// temporary credentials were issued for: an access key or a role.
func (s *Service) callerKey(ctx context.Context, call Call) (auth.AccessKey, error) {
	key, err := auth.KeyOf(ctx, s.keys, call.Caller.Identity)
	if errors.Is(err, auth.ErrNoKey) {
		err = auth.UnknownKey(SigningName) // it was removed while the request was under way
	}
	return key, err
}
