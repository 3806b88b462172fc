// Package oci serves the OCI distribution protocol: the endpoints of
// distribution-spec 1.1 and those that its development version adds, under
// /v2/. It turns HTTP into calls of the domain and the domain's answers into
// HTTP, and holds no rule of its own about repositories, images or layers.
//
// A request is parsed once into a request value (request.go, address.go),
// authenticated (authenticate.go), and handed to one method per operation; the
// methods return errors, which errors.go alone turns into responses.
package oci

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// Registry is the part of the domain that the protocol needs;
// *registry.Service satisfies it, and documents the errors of each method.
type Registry interface {
	Regions() []string

	ListRepositories(ctx context.Context, c access.Caller, id resource.Registry,
		p registry.Page) (repos []registry.Repository, next string, err error)

	PutManifest(ctx context.Context, c access.Caller, ref resource.Repository,
		n registry.NewManifest) (registry.PutResult, error)
	Manifest(ctx context.Context, c access.Caller, ref resource.Repository,
		r registry.Reference) (registry.Manifest, error)
	ManifestHead(ctx context.Context, c access.Caller, ref resource.Repository,
		r registry.Reference) (registry.Manifest, error)
	Tags(ctx context.Context, c access.Caller, ref resource.Repository,
		p registry.Page) (tags []string, next string, err error)
	Referrers(ctx context.Context, c access.Caller, ref resource.Repository, subject digest.Digest,
		artifactTypes []string, p registry.Page) (refs []registry.Referrer, next string, err error)
	DeleteTag(ctx context.Context, c access.Caller, ref resource.Repository, tag string) error
	DeleteManifest(ctx context.Context, c access.Caller, ref resource.Repository, d digest.Digest) error

	Layer(ctx context.Context, c access.Caller, ref resource.Repository, d digest.Digest) (registry.Layer, error)
	OpenLayer(ctx context.Context, c access.Caller, ref resource.Repository,
		d digest.Digest) (registry.Layer, registry.LayerContent, error)
	DeleteLayer(ctx context.Context, c access.Caller, ref resource.Repository, d digest.Digest) error
	MountLayer(ctx context.Context, c access.Caller, to resource.Repository, d digest.Digest,
		from *resource.Repository) (bool, error)

	StartUpload(ctx context.Context, c access.Caller, ref resource.Repository) (id string, err error)
	UploadSize(ctx context.Context, c access.Caller, ref resource.Repository, id string) (int64, error)
	AppendUpload(ctx context.Context, c access.Caller, ref resource.Repository, id string, offset int64,
		r io.Reader) (int64, error)
	CompleteUpload(ctx context.Context, c access.Caller, ref resource.Repository, id string, d digest.Digest,
		offset int64, tail io.Reader) (registry.Layer, error)
	CancelUpload(ctx context.Context, c access.Caller, ref resource.Repository, id string) error
	PutLayer(ctx context.Context, c access.Caller, ref resource.Repository, d digest.Digest,
		r io.Reader) (registry.Layer, error)
}

// Logins are the registry logins that end with a session of the console;
// *session.Service satisfies it.
type Logins interface {
	// CheckLogin returns session.ErrEnded unless the scope is that of a session of
	// the identity that goes on.
	CheckLogin(ctx context.Context, scope string, identity auth.Identity) error
}

// Config is what New needs; every field must be set, unless it says otherwise.
type Config struct {
	Registry Registry
	Verifier *auth.Verifier
	Logins   Logins
	// Grants finds what callers have beside their names; nil means nothing.
	Grants access.Granter
	// Domain is the end of the registries' host names,
	// <account>.dkr.ecr.<region>.<domain>.
	Domain string
	// Scheme is http or https, as clients reach this server. A request that came
	// by TLS says so itself.
	Scheme string
	// Limits bound what requests take; nil means no bounds.
	Limits *budget.Limits
	// Rates bound how often accounts ask; nil means no bounds.
	Rates *quota.Meter
	// Logger gets the causes of internal errors, which clients never see.
	Logger *slog.Logger
}

type handler struct {
	registry Registry
	verifier *auth.Verifier
	logins   Logins
	grants   access.Granter
	domain   string
	scheme   string
	limits   *budget.Limits
	rates    *quota.Meter
	log      *slog.Logger
	stall    time.Duration // see stallTimeout
}

// New returns the handler of every path that begins with /v2. It must get the
// path as the client sent it: a mux that cleans paths would hide path tricks
// from the checks here.
func New(c Config) http.Handler {
	return &handler{
		registry: c.Registry, verifier: c.Verifier, logins: c.Logins, grants: c.Grants, domain: c.Domain,
		scheme: c.Scheme, limits: c.Limits, rates: c.Rates, log: c.Logger, stall: stallTimeout,
	}
}

// Headers of all responses, shared and never written to. What is stored here
// anyone may have pushed, so a browser must take it for nothing but what it is
// declared to be, and never run it.
var (
	apiVersion     = []string{"registry/2.0"}
	noSniffing     = []string{"nosniff"}
	securityPolicy = []string{"sandbox"}
)

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header["Docker-Distribution-Api-Version"] = apiVersion
	header["X-Content-Type-Options"] = noSniffing
	header["Content-Security-Policy"] = securityPolicy
	req, err := parse(r, h.domain)
	if err == nil {
		err = h.authenticate(r, &req)
	}
	if err == nil && !h.rates.Take(req.caller.Identity.Principal.Account, req.ref.Registry.Region, req.op.kind()) {
		err = rateExceeded(req.op.kind())
	}
	if err == nil {
		err = h.serve(w, r, &req)
	}
	if err != nil {
		h.writeError(w, r, &req, err)
	}
}

// begin begins to count what a request takes, for the account of its
// authenticated caller. The domain and the stores find it in the context.
func (h *handler) begin(r *http.Request, req *request) (*budget.Request, context.Context) {
	held := h.limits.Begin(budget.Party{Account: req.caller.Identity.Principal.Account})
	return held, held.NewContext(r.Context())
}

func (h *handler) serve(w http.ResponseWriter, r *http.Request, req *request) error {
	switch req.op {
	case opBase:
		return h.base(w)
	case opListRepositories:
		return h.listRepositories(w, r, req)
	case opGetManifest:
		return h.getManifest(w, r, req)
	case opPutManifest:
		return h.putManifest(w, r, req)
	case opDeleteManifest:
		return h.deleteManifest(w, r, req)
	case opListTags:
		return h.listTags(w, r, req)
	case opListReferrers:
		return h.listReferrers(w, r, req)
	case opGetBlob:
		return h.getBlob(w, r, req)
	case opHeadBlob:
		return h.headBlob(w, r, req)
	case opDeleteBlob:
		return h.deleteBlob(w, r, req)
	case opMountBlob:
		return h.mountBlob(w, r, req)
	case opPushBlob:
		return h.pushBlob(w, r, req)
	case opStartUpload:
		return h.startUpload(w, r, req)
	case opUploadStatus:
		return h.uploadStatus(w, r, req)
	case opAppendUpload:
		return h.appendUpload(w, r, req)
	case opCompleteUpload:
		return h.completeUpload(w, r, req)
	case opCancelUpload:
		return h.cancelUpload(w, r, req)
	}
	return errNoEndpoint
}
