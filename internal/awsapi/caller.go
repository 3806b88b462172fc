package awsapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/ecr"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/session"
)

// caller is who made a request, and the registry that it speaks to.
type caller struct {
	access.Caller
	registry resource.Registry
	session  session.Session // zero where a signature proves who it is
}

// registryHeader names the registry, <account>/<region>, in requests of the
// console. Pages of other sites cannot send it.
const registryHeader = "X-Twinport-Registry"

// bySession says whether a request rests on a session rather than a signature.
func bySession(r *http.Request) bool {
	return r.Header.Get(registryHeader) != "" && r.Header.Get("Authorization") == ""
}

// callerOfSession authenticates a request by its cookie.
func (h *Handler) callerOfSession(r *http.Request) (caller, error) {
	if problem := session.CrossSite(r); problem != "" {
		return caller{}, &failure{awsjson.AccessDeniedException, problem, http.StatusForbidden}
	}
	account, region, ok := strings.Cut(r.Header.Get(registryHeader), "/")
	if !ok {
		return caller{}, &failure{
			awsjson.InvalidParameterException, registryHeader + " must be <account>/<region>", http.StatusBadRequest,
		}
	}
	found, identity, err := h.sessions.OfRequest(r, account)
	if errors.Is(err, session.ErrEnded) {
		return caller{}, &failure{
			"ExpiredTokenException", "The session with account " + strconv.Quote(account[:min(len(account), 12)]) +
				" has ended: sign in again", http.StatusUnauthorized,
		}
	}
	if err != nil {
		return caller{}, err
	}
	identity.Region = region
	id := resource.Registry{Account: account, Region: region}
	if !h.registry.Exists(id) {
		return caller{}, &failure{awsjson.InvalidParameterException, registryHeader +
			" must name a Region that this deployment serves (" +
			strings.Join(h.registry.Regions(), ", ") + "), not " + strconv.Quote(region[:min(len(region), 64)]),
			http.StatusBadRequest}
	}
	who, err := h.callerOf(r, identity)
	return caller{Caller: who, registry: id, session: found}, err
}

// signed reads the signature of a request whose body is still to come.
func (h *Handler) signed(r *http.Request) (*auth.Signed, error) {
	signed, err := h.verifier.Read(r, ecr.SigningName)
	if err != nil {
		return nil, err
	}
	if !h.registry.Exists(resource.Registry{Account: signed.Account(), Region: signed.Region()}) {
		return nil, &failure{
			"InvalidSignatureException",
			"Credential should be scoped to a Region that this deployment serves (" + strings.Join(h.registry.Regions(), ", ") +
				"), not " + strconv.Quote(signed.Region()),
			http.StatusBadRequest,
		}
	}
	return signed, nil
}

// verify checks the signature with the body.
func verify(r *http.Request, signed *auth.Signed, body []byte, held *budget.Request) (auth.Identity, error) {
	done, err := held.Busy(r.Context(), len(body))
	if err != nil {
		return auth.Identity{}, err
	}
	defer done()
	return signed.Verify(body)
}

// callerOf is who made a request, which is genuine, and what it was granted.
func (h *Handler) callerOf(r *http.Request, identity auth.Identity) (who access.Caller, err error) {
	who = access.Caller{
		Identity: identity, RemoteAddr: r.RemoteAddr, Secure: r.TLS != nil, Host: r.Host, UserAgent: r.UserAgent(),
	}
	if service := auth.Service(r); h.uses != nil && service != "" {
		h.uses.NoteUse(identity.AccessKeyID, service, identity.Region)
	}
	if h.grants == nil {
		return who, nil
	}
	if who.Grants, err = h.grants.Grants(r.Context(), identity); err != nil {
		return who, fmt.Errorf("look up what %s may do: %w", identity.Principal.ARN, err)
	}
	return who, nil
}
