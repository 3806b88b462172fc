package oci

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/session"
)

// loginUser is the user name of every registry login; the password is the
// token (ECR user guide, private registry authentication).
const loginUser = "AWS"

// authenticate establishes the caller and, where neither host nor path named
// the registry, takes the one of the token's account and Region.
//
// A token of another account is let in: the policies decide what it may do. A
// token of another Region is not, as on ECR.
func (h *handler) authenticate(r *http.Request, req *request) error {
	text, download := req.downloadToken, req.downloadToken != ""
	if !download {
		user, password, ok := auth.BasicCredentials(r.Header.Get("Authorization"))
		if !ok || user != loginUser {
			return errUnauthorized
		}
		text = password
	}
	token, identity, err := h.verifier.VerifyToken(r.Context(), text)
	switch {
	case errors.Is(err, auth.ErrTokenExpired):
		return errTokenExpired
	case errors.Is(err, auth.ErrTokenInvalid):
		return errUnauthorized
	case err != nil:
		return fmt.Errorf("look up the access key of a registry token: %w", err)
	}
	if !download && token.Scope != "" {
		if err := h.checkLogin(r.Context(), token.Scope, identity); err != nil {
			return err
		}
	}

	if req.ref.Registry == (resource.Registry{}) {
		req.ref.Registry = resource.Registry{Account: identity.Principal.Account, Region: token.Region}
	}
	if req.from != nil && req.from.Registry == (resource.Registry{}) {
		req.from.Registry = resource.Registry{Account: identity.Principal.Account, Region: token.Region}
	}
	if download && !token.Opens(req.ref.String(), req.digest.String()) {
		return errOtherDownload
	}
	if err := h.checkServed(req.ref.Registry); err != nil {
		return err
	}
	if token.Region != req.ref.Registry.Region {
		return &protocolError{http.StatusForbidden, codeDenied, fmt.Sprintf(
			"Your Authorization Token is for the Region '%s' and this registry is in '%s'. Get one for that Region "+
				"and try again.",
			token.Region, req.ref.Registry.Region)}
	}
	req.caller = access.Caller{
		Identity: identity, RemoteAddr: r.RemoteAddr, Secure: r.TLS != nil, Host: r.Host, UserAgent: r.UserAgent(),
	}
	if h.grants == nil {
		return nil
	}
	if req.caller.Grants, err = h.grants.Grants(r.Context(), identity); err != nil {
		return fmt.Errorf("look up what %s may do: %w", identity.Principal.ARN, err)
	}
	return nil
}

// checkLogin lets tokens in that a session has made, while it goes on.
func (h *handler) checkLogin(ctx context.Context, scope string, identity auth.Identity) error {
	if !session.IsLogin(scope) {
		return errUnauthorized
	}
	err := h.logins.CheckLogin(ctx, scope, identity)
	if errors.Is(err, session.ErrEnded) {
		return errTokenExpired
	}
	return err
}
