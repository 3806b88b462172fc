package oci

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strconv"

	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/registry"
)

// Error codes of the specification (Error Codes), and two that are ECR's and
// Docker's: TAG_INVALID and UNKNOWN.
const (
	codeBlobUnknown         = "BLOB_UNKNOWN"
	codeBlobUploadInvalid   = "BLOB_UPLOAD_INVALID"
	codeBlobUploadUnknown   = "BLOB_UPLOAD_UNKNOWN"
	codeDigestInvalid       = "DIGEST_INVALID"
	codeManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN"
	codeManifestInvalid     = "MANIFEST_INVALID"
	codeManifestUnknown     = "MANIFEST_UNKNOWN"
	codeNameInvalid         = "NAME_INVALID"
	codeNameUnknown         = "NAME_UNKNOWN"
	codeSizeInvalid         = "SIZE_INVALID"
	codeDenied              = "DENIED"
	codeUnsupported         = "UNSUPPORTED"
	codeTagInvalid          = "TAG_INVALID"
	codeTooManyRequests     = "TOOMANYREQUESTS"
	codeUnknown             = "UNKNOWN"
)

// protocolError is an error in the protocol's own form. Its message is sent to
// the client.
type protocolError struct {
	status  int
	code    string
	message string
}

func (e *protocolError) Error() string { return e.code + ": " + e.message }

var (
	// errUnauthorized is answered with a challenge, and not as JSON; see writeError.
	errUnauthorized = errors.New("no valid registry login")

	errTokenExpired = &protocolError{
		http.StatusForbidden, codeDenied, "Your Authorization Token has expired. Reauthenticate and try again.",
	}
	errOtherDownload = &protocolError{
		http.StatusForbidden, codeDenied, "This download URL does not open this blob. Ask GetDownloadUrlForLayer for a " +
			"URL of its own.",
	}

	errNoEndpoint = &protocolError{
		http.StatusNotFound, codeUnsupported, "No endpoint of the OCI distribution API has this path",
	}
	errNameInvalid = &protocolError{
		http.StatusBadRequest, codeNameInvalid, "The repository name is not valid: it is made of lower-case letters and " +
			"digits, separated by '.', '_', '__', '-' or '/', and has 2 to 256 characters",
	}
	errTagInvalid = &protocolError{
		http.StatusBadRequest, codeTagInvalid, "The tag is not valid: it is made of letters, digits, '_', '.' and '-', " +
			"does not begin with '.' or '-', and has at most 128 characters",
	}
	errDigestFormat = &protocolError{
		http.StatusBadRequest, codeDigestInvalid, "The digest is not valid: it is 'sha256:' with 64, or 'sha512:' with " +
			"128 lower-case hexadecimal digits",
	}
	errDigestAlgorithm = &protocolError{
		http.StatusBadRequest, codeDigestInvalid, "The digest's algorithm is not supported: use sha256 or sha512",
	}
	errDigestMissing = &protocolError{
		http.StatusBadRequest, codeDigestInvalid, "The parameter 'digest' is missing: an upload is closed with the digest " +
			"of the whole blob",
	}
	errUploadUnknown = &protocolError{
		http.StatusNotFound, codeBlobUploadUnknown, "The upload does not exist: it was never started here, or it is " +
			"completed, cancelled or expired",
	}
	errLimitInvalid = &protocolError{
		http.StatusBadRequest, codeUnsupported, "The parameter 'n' is not valid: it is a whole number, 0 or more",
	}
	errQueryInvalid = &protocolError{http.StatusBadRequest, codeUnsupported, "The query of the URL is not valid"}
	errQueryTooLong = &protocolError{
		http.StatusRequestURITooLong, codeUnsupported, "The query of the URL is longer than " + strconv.Itoa(maxQuery) +
			" bytes",
	}

	errManifestTooLarge = &protocolError{
		http.StatusRequestEntityTooLarge, codeSizeInvalid, "The manifest is larger than " +
			strconv.Itoa(registry.MaxManifestSize) + " bytes",
	}
	errContentRange = &protocolError{
		http.StatusBadRequest, codeBlobUploadInvalid, "The Content-Range header is not valid: it is <first>-<last>, the " +
			"positions of the chunk's first and last byte in the blob",
	}
	errChunkLength = &protocolError{
		http.StatusBadRequest, codeSizeInvalid, "The Content-Range and the Content-Length of the chunk are not of " +
			"the same length",
	}
	errBodyTooShort = &protocolError{
		http.StatusBadRequest, codeSizeInvalid, "The request's body ended before its declared length; what arrived of an " +
			"upload is kept, and GET on its location says how much",
	}
	errBodyTooLong = &protocolError{
		http.StatusBadRequest, codeSizeInvalid, "The request's body is longer than its Content-Range",
	}
	errBodyStalled = &protocolError{
		http.StatusRequestTimeout, codeBlobUploadInvalid, "The request's body stopped arriving; what arrived of an upload " +
			"is kept, and GET on its location says how much",
	}
	errRange = &protocolError{
		http.StatusRequestedRangeNotSatisfiable, codeUnsupported, "The requested range lies outside the blob",
	}
)

// allowError is a protocolError that carries the Allow header of a 405.
type allowError struct {
	protocolError
	allow string
}

func methodNotAllowed(where endpoint) error {
	return &allowError{
		protocolError{http.StatusMethodNotAllowed, codeUnsupported, "The endpoint does not support this method"},
		where.allowed(),
	}
}

// domainErrors maps what the domain refuses to the protocol. Where message is
// set it replaces the domain's, which is worded for the AWS API.
var domainErrors = map[registry.Code]protocolError{
	registry.AccessDenied:                  {http.StatusForbidden, codeDenied, ""},
	registry.RepositoryNotFound:            {http.StatusNotFound, codeNameUnknown, ""},
	registry.ImageNotFound:                 {http.StatusNotFound, codeManifestUnknown, "Requested image not found"},
	registry.ImageTagAlreadyExists:         {http.StatusBadRequest, codeTagInvalid, ""},
	registry.ImageDigestDoesNotMatch:       {http.StatusBadRequest, codeDigestInvalid, ""},
	registry.ImageReferencedByManifestList: {http.StatusBadRequest, codeUnsupported, ""},
	registry.ReferencedImagesNotFound:      {http.StatusNotFound, codeManifestBlobUnknown, ""},
	registry.InvalidManifest:               {http.StatusBadRequest, codeManifestInvalid, ""},
	registry.LayersNotFound:                {http.StatusNotFound, codeBlobUnknown, ""},
	registry.LayerInaccessible:             {http.StatusNotFound, codeBlobUnknown, ""},
	registry.LayerInUse:                    {http.StatusMethodNotAllowed, codeUnsupported, ""},
	registry.InvalidLayer:                  {http.StatusBadRequest, codeDigestInvalid, ""},
	registry.InvalidLayerPart:              {http.StatusRequestedRangeNotSatisfiable, codeBlobUploadInvalid, ""},
	registry.UploadNotFound:                {http.StatusNotFound, codeBlobUploadUnknown, errUploadUnknown.message},
	registry.InvalidParameter:              {http.StatusBadRequest, codeUnsupported, ""},
	registry.LimitExceeded:                 {http.StatusForbidden, codeDenied, ""},
	registry.Throttled:                     {http.StatusTooManyRequests, codeTooManyRequests, ""},
	registry.StorageFull:                   {http.StatusInsufficientStorage, codeUnknown, ""},
	registry.KMS:                           {http.StatusBadRequest, codeUnsupported, ""},
}

// toProtocol translates what parsing or the domain refused. It returns nil for
// an internal error.
func toProtocol(op operation, err error) *protocolError {
	if e, ok := errors.AsType[*protocolError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*budget.Error](err); ok {
		return limited(e)
	}
	e, ok := errors.AsType[*registry.Error](err)
	if !ok {
		return nil
	}
	p, ok := domainErrors[e.Code]
	if !ok {
		p = protocolError{http.StatusBadRequest, codeUnknown, ""}
	}
	if p.message == "" {
		p.message = e.Message
	}
	switch op {
	case opPutManifest:
		switch e.Code {
		case registry.LayersNotFound:
			p.code = codeManifestBlobUnknown
		case registry.InvalidParameter:
			p.code = codeManifestInvalid
		}
	case opAppendUpload, opCompleteUpload, opUploadStatus, opCancelUpload:
		if e.Code == registry.InvalidParameter { // another request is writing to the session
			p.code = codeBlobUploadInvalid
		}
	}
	return &p
}

// limited is the answer to a request that a budget refused: 429 if the account
// holds its share, else 503.
func limited(e *budget.Error) *protocolError {
	if e.Own {
		return &protocolError{http.StatusTooManyRequests, codeTooManyRequests, e.Message()}
	}
	return &protocolError{http.StatusServiceUnavailable, codeTooManyRequests, e.Message()}
}

// rateExceeded is the answer to an account that has asked too often.
// Retry-After says when to try again.
func rateExceeded(k quota.Kind) error {
	return &protocolError{http.StatusTooManyRequests, codeTooManyRequests,
		"Rate exceeded: the account's quota '" + k.Rate() + "' is used up for the moment"}
}

// writeError is the one place that answers an error.
func (h *handler) writeError(w http.ResponseWriter, r *http.Request, req *request, err error) {
	if errors.Is(err, errUnauthorized) {
		h.writeChallenge(w, r)
		return
	}
	if e, ok := errors.AsType[*allowError](err); ok {
		w.Header().Set("Allow", e.allow)
		err = &e.protocolError
	}
	answer := toProtocol(req.op, err)
	if answer == nil && r.Context().Err() != nil {
		// Nobody is left to read an answer, and the error comes from the client's going away.
		h.log.LogAttrs(r.Context(), slog.LevelDebug, "client went away", slog.String("method", r.Method),
			slog.String("path", r.URL.Path), slog.Any("error", err))
		answer = &protocolError{http.StatusServiceUnavailable, codeUnknown, "The request was cancelled"}
	}
	if answer == nil && registry.IsUnavailable(err) {
		h.log.LogAttrs(r.Context(), slog.LevelWarn, "request failed: a store does not answer",
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
		w.Header().Set("Retry-After", "1")
		answer = &protocolError{
			http.StatusServiceUnavailable, codeUnknown, "The registry's database or blob store does not answer at the " +
				"moment: try again",
		}
	}
	if answer == nil {
		id := rand.Text()
		h.log.LogAttrs(r.Context(), slog.LevelError, "request failed", slog.String("request_id", id),
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
		w.Header().Set("X-Request-Id", id)
		answer = &protocolError{
			http.StatusInternalServerError, codeUnknown,
			"Internal error; the server's log has the cause under the request id " + id,
		}
	}

	type entry struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	body, err := json.Marshal(struct {
		Errors []entry `json:"errors"`
	}{[]entry{{answer.code, answer.message}}})
	if err != nil {
		h.log.LogAttrs(r.Context(), slog.LevelError, "error answer failed", slog.Any("error", err))
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if answer.code == codeTooManyRequests {
		header.Set("Retry-After", strconv.Itoa(int(budget.RetryAfter.Seconds())))
	}
	w.WriteHeader(answer.status)
	if r.Method != http.MethodHead {
		h.write(w, r, body)
	}
}

// writeChallenge asks for a login as ECR does.
func (h *handler) writeChallenge(w http.ResponseWriter, r *http.Request) {
	const body = "Not Authorized\n"
	scheme := h.scheme
	if r.TLS != nil {
		scheme = "https"
	}
	header := w.Header()
	header.Set("Www-Authenticate", `Basic realm="`+scheme+`://`+r.Host+`/",service="ecr.amazonaws.com"`)
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusUnauthorized)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // a client that is gone needs no challenge
	}
}

// bodyError names the reason that reading a request's body failed.
func bodyError(err error) error {
	if _, ok := errors.AsType[*protocolError](err); ok {
		return err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errBodyStalled
	}
	return errBodyTooShort
}
