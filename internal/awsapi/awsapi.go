// Package awsapi answers the AWS API on one address: Amazon ECR, and Twinport's
// own operations, in the JSON 1.1 protocol (the header X-Amz-Target names it),
// and AWS IAM and STS in the Query protocol (a form, or the query of a GET). It
// authenticates each request with Signature Version 4; account and Region come
// from the signature alone. The console's requests have a session and a header
// instead.
package awsapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/ecr"
	iamapi "github.com/twinport/twinport/internal/awsapi/iam"
	"github.com/twinport/twinport/internal/awsapi/sts"
	"github.com/twinport/twinport/internal/awsapi/twinport"
	"github.com/twinport/twinport/internal/awsapi/uri"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/iam"
	"github.com/twinport/twinport/internal/jobs"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/session"
)

// Config is what a Handler needs.
type Config struct {
	Registry    *registry.Service
	Replication *replication.Service
	Expiry      *expiry.Service
	Verifier    *auth.Verifier
	// Accounts are those that exist, with the access keys of their roots.
	Accounts *auth.Directory
	// Keys are what Verifier knows; nil means those of Accounts.
	Keys auth.Keys
	// Peers are those of the deployment, and Operators the accounts whose root may
	// change them.
	Peers     *peer.Directory
	Operators []string
	// Sessions are those of the console.
	Sessions *session.Service
	// Roles begins sessions of roles; nil means that there are no roles.
	Roles *iam.Sessions
	// Grants finds what callers have beside their names; nil means nothing.
	Grants access.Granter
	// IAM has the users, groups, roles and policies of accounts; nil means that its API is not offered.
	IAM *iam.Service
	// URIs writes where registries are.
	URIs uri.Writer
	// Version of the program.
	Version string
	// Jobs says how the jobs of the deployment go.
	Jobs func(context.Context) ([]jobs.Run, error)
	// Shared says that the stores are a database server and a bucket.
	Shared bool
	// Limits bound what requests take; nil means no bounds.
	Limits *budget.Limits
	// Rates bound how often accounts ask; nil means no bounds.
	Rates *quota.Meter
	// Closing is closed when streams must end; nil means never.
	Closing <-chan struct{}
	// Logger gets internal errors, each with its request id.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Handler answers the AWS API. It is safe for concurrent use.
type Handler struct {
	registry *registry.Service
	ecr      *ecr.Service
	twinport *twinport.Service
	sts      *sts.Service
	iam      *iamapi.Service // nil if it is not offered
	uses     *iam.Service    // notes when access keys are used; nil if IAM is not offered
	verifier *auth.Verifier
	grants   access.Granter
	sessions *session.Service
	limits   *budget.Limits
	rates    *quota.Meter
	log      *slog.Logger
	closing  <-chan struct{}
	streams  streams
	// The constants, but in tests.
	streamBeat, streamWrite time.Duration
}

// New returns the handler of a deployment.
func New(c Config) *Handler {
	if c.Keys == nil {
		c.Keys = c.Accounts
	}
	if c.Roles == nil {
		c.Roles = iam.NoSessions()
	}
	ecr := ecr.New(ecr.Config{
		Registry: c.Registry, Replication: c.Replication, Expiry: c.Expiry, Keys: c.Keys, URIs: c.URIs, Now: c.Now,
	})
	h := &Handler{
		registry: c.Registry,
		ecr:      ecr,
		twinport: twinport.New(twinport.Config{
			Registry: c.Registry, Replication: c.Replication, Expiry: c.Expiry, Sessions: c.Sessions, Accounts: c.Accounts,
			Peers: c.Peers, Operators: c.Operators, DescribeRepository: ecr.DescribeRepository,
			URIs: c.URIs, Version: c.Version, Jobs: c.Jobs, Shared: c.Shared,
		}),
		sts:      sts.New(c.Keys, c.Verifier, c.Roles),
		verifier: c.Verifier,
		grants:   c.Grants,
		sessions: c.Sessions,
		limits:   c.Limits,
		rates:    c.Rates,
		log:      c.Logger,
		closing:  c.Closing,
		streams:  streams{open: map[string]int{}}, streamBeat: streamBeat, streamWrite: streamWrite,
	}
	if c.IAM != nil {
		h.iam, h.uses = iamapi.New(c.IAM), c.IAM
	}
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := uuid.NewString()
	w.Header().Set("X-Amzn-Requestid", requestID)
	if r.Method == http.MethodPost && r.Header.Get("X-Amz-Target") != "" {
		h.serveJSON(w, r, requestID)
		return
	}
	h.serveQuery(w, r, requestID)
}

// errRate is ECR's answer to who has asked too often.
var errRate = &failure{awsjson.ThrottlingException, "Rate exceeded", http.StatusBadRequest}

// take counts a request of the caller against the rate of its kind.
func (h *Handler) take(who caller, k quota.Kind) error {
	if !h.rates.Take(who.registry.Account, who.registry.Region, k) {
		return errRate
	}
	return nil
}

// failure is an error answer that both protocols can write.
type failure struct {
	code    string
	message string
	status  int
}

func (f *failure) Error() string { return f.code + ": " + f.message }

// body reads a request's body of at most limit bytes, which the claim holds.
func body(r *http.Request, limit int64, c *budget.Claim) ([]byte, error) {
	body, err := budget.ReadAll(r.Context(), r.Body, r.ContentLength, limit, c)
	_, refused := errors.AsType[*budget.Error](err)
	switch {
	case err == nil || refused:
		return body, err
	case errors.Is(err, budget.ErrTooLong):
		return nil, &failure{
			"RequestEntityTooLargeException", "The request is larger than " + strconv.FormatInt(limit, 10) + " bytes",
			http.StatusRequestEntityTooLarge,
		}
	}
	return nil, &failure{
		"RequestTimeoutException", "The request ended, or came too slowly, before its body was complete",
		http.StatusRequestTimeout,
	}
}

// explain turns an error into the answer to it. What it does not know is an
// internal error, whose text goes to the log only.
func (h *Handler) explain(ctx context.Context, err error, operation, requestID string) *awsjson.Exception {
	var (
		failed  *failure
		refused *auth.Error
		limited *budget.Error
	)
	switch {
	case errors.As(err, &limited):
		if limited.Own {
			return &awsjson.Exception{
				Code: awsjson.ThrottlingException, Message: limited.Message(), Status: http.StatusTooManyRequests,
			}
		}
		return &awsjson.Exception{
			Code: awsjson.ServiceUnavailable, Message: limited.Message(), Status: http.StatusServiceUnavailable,
		}
	case errors.As(err, &failed):
		return &awsjson.Exception{Code: failed.code, Message: failed.message, Status: failed.status}
	case errors.As(err, &refused):
		return &awsjson.Exception{Code: refused.Code, Message: refused.Message, Status: refused.Status}
	}
	exception := ecr.AsException(err)
	if exception == nil {
		exception = iamapi.AsException(err)
	}
	if exception != nil {
		if exception.Status >= http.StatusInternalServerError {
			h.log.ErrorContext(ctx, "AWS API request failed", "operation", operation, "request_id", requestID, "error", err)
		}
		return exception
	}
	if ctx.Err() != nil {
		// Nobody is left to read an answer, and the error comes from the client's going away.
		h.log.DebugContext(ctx, "client went away", "operation", operation, "request_id", requestID, "error", err)
		return &awsjson.Exception{
			Code: ecr.ServerException, Message: "The request was cancelled", Status: http.StatusServiceUnavailable,
		}
	}
	if registry.IsUnavailable(err) {
		h.log.WarnContext(ctx, "AWS API request failed: a store does not answer", "operation", operation,
			"request_id", requestID, "error", err)
		return &awsjson.Exception{
			Code: ecr.ServerException, Message: "The registry's database or blob store does not answer at the moment: try again",
			Status: http.StatusServiceUnavailable,
		}
	}
	h.log.ErrorContext(ctx, "AWS API request failed", "operation", operation, "request_id", requestID, "error", err)
	return &awsjson.Exception{
		Code:    ecr.ServerException,
		Message: "An internal error occurred: see the server's log for request " + requestID,
		Status:  http.StatusInternalServerError,
	}
}
