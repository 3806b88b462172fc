// Package awsapi answers the AWS API on one address: Amazon ECR, and Twinport's
// own operations, in the JSON 1.1 protocol (told by the header X-Amz-Target),
// and AWS STS in the Query protocol (a form, or the query of a GET). It
// authenticates each request with Signature Version 4; account and Region come
// from the signature alone. The console's requests have a session and a header
// instead.
package awsapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/ecr"
	"github.com/twinport/twinport/internal/awsapi/twinport"
	"github.com/twinport/twinport/internal/registry"
)

// Registry is the domain as this package uses it; *registry.Service is one.
type Registry interface {
	ecr.Registry
	twinport.Registry
	Exists(id registry.ID) bool
}

var _ Registry = (*registry.Service)(nil)

// Config is what a Handler needs.
type Config struct {
	Registry Registry
	Verifier *auth.Verifier
	// Accounts have the access keys that Verifier knows.
	Accounts *auth.Directory
	// Sessions are those of the console.
	Sessions Sessions
	// Endpoint is the host of a registry, with the port where one is needed.
	Endpoint func(registry.ID) string
	// Scheme is http or https, as clients reach this server.
	Scheme string
	// Version of the program.
	Version string
	// Shared says that the stores are a database server and a bucket.
	Shared bool
	// Closing is closed when streams must end; nil means never.
	Closing <-chan struct{}
	// Logger gets internal errors, each with its request id.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Handler answers the AWS API. It is safe for concurrent use.
type Handler struct {
	registry Registry
	ecr      *ecr.Service
	twinport *twinport.Service
	verifier *auth.Verifier
	keys     auth.Keys
	sessions Sessions
	log      *slog.Logger
	closing  <-chan struct{}
	streams  streams
	// The constants, but in tests.
	streamBeat, streamWrite time.Duration
	// large limits how many bytes of large bodies are in memory at a time.
	large *semaphore.Weighted
}

const (
	// largeBody is the size, in bytes, from which a body counts as large.
	largeBody = 1 << 20
	// largeBodies bounds the bytes of all large bodies that are in memory.
	largeBodies = 256 << 20
)

// New returns the handler of a deployment.
func New(c Config) *Handler {
	ecr := ecr.New(ecr.Config{Registry: c.Registry, Keys: c.Accounts, Endpoint: c.Endpoint, Scheme: c.Scheme, Now: c.Now})
	return &Handler{
		registry: c.Registry,
		ecr:      ecr,
		twinport: twinport.New(twinport.Config{
			Registry: c.Registry, Sessions: c.Sessions, Accounts: c.Accounts, DescribeRepository: ecr.DescribeRepository,
			Endpoint: c.Endpoint, Version: c.Version, Shared: c.Shared,
		}),
		verifier: c.Verifier,
		keys:     c.Accounts,
		sessions: c.Sessions,
		log:      c.Logger,
		closing:  c.Closing,
		streams:  streams{open: map[string]int{}}, streamBeat: streamBeat, streamWrite: streamWrite,
		large: semaphore.NewWeighted(largeBodies),
	}
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

// failure is an error answer that both protocols can write.
type failure struct {
	code    string
	message string
	status  int
}

func (f *failure) Error() string { return f.code + ": " + f.message }

// body reads a request's body of at most limit bytes. The caller must call
// release when it has no more use for it.
func (h *Handler) body(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, release func(), err error) {
	release = func() {}
	tooLarge := &failure{"RequestEntityTooLargeException", "The request is larger than " + strconv.FormatInt(limit, 10) + " bytes", http.StatusRequestEntityTooLarge}
	if r.ContentLength > limit {
		return nil, release, tooLarge
	}
	size := r.ContentLength
	if size < 0 {
		size = limit
	}
	if size > largeBody {
		if err := h.large.Acquire(r.Context(), size); err != nil {
			return nil, release, err
		}
		release = func() { h.large.Release(size) }
	}
	reader := http.MaxBytesReader(w, r.Body, limit)
	if r.ContentLength >= 0 {
		body = make([]byte, size)
		_, err = io.ReadFull(reader, body)
	} else {
		body, err = io.ReadAll(reader)
	}
	if err == nil {
		return body, release, nil
	}
	release()
	release = func() {}
	var exceeded *http.MaxBytesError
	if errors.As(err, &exceeded) {
		return nil, release, tooLarge
	}
	return nil, release, &failure{"RequestTimeoutException", "The request ended before its body was complete", http.StatusRequestTimeout}
}

// knownKey says whether the access key that a request claims to be signed
// with exists. It guards the reading of large bodies, for only with the body
// can the signature be verified.
func (h *Handler) knownKey(r *http.Request) bool {
	_, credential, signed := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !signed {
		credential = r.URL.Query().Get("X-Amz-Credential") // of a presigned URL
	}
	id, _, _ := strings.Cut(credential, "/")
	_, ok := h.keys.AccessKey(id)
	return ok
}

// explain turns an error into the answer to it. What it does not know is an
// internal error, whose text goes to the log only.
func (h *Handler) explain(ctx context.Context, err error, operation, requestID string) *awsjson.Exception {
	var (
		failed  *failure
		refused *auth.Error
	)
	switch {
	case errors.As(err, &failed):
		return &awsjson.Exception{Code: failed.code, Message: failed.message, Status: failed.status}
	case errors.As(err, &refused):
		return &awsjson.Exception{Code: refused.Code, Message: refused.Message, Status: refused.Status}
	}
	if exception := ecr.AsException(err); exception != nil {
		if exception.Status >= http.StatusInternalServerError {
			h.log.ErrorContext(ctx, "AWS API request failed", "operation", operation, "request_id", requestID, "error", err)
		}
		return exception
	}
	if registry.IsUnavailable(err) {
		h.log.WarnContext(ctx, "AWS API request failed: a store does not answer", "operation", operation, "request_id", requestID, "error", err)
		return &awsjson.Exception{Code: ecr.ServerException, Message: "The registry's database or blob store does not answer at the moment: try again", Status: http.StatusServiceUnavailable}
	}
	if ctx.Err() == nil { // else nobody waits for the answer
		h.log.ErrorContext(ctx, "AWS API request failed", "operation", operation, "request_id", requestID, "error", err)
	}
	return &awsjson.Exception{
		Code:    ecr.ServerException,
		Message: "An internal error occurred: see the server's log for request " + requestID,
		Status:  http.StatusInternalServerError,
	}
}
