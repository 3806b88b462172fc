package awsapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/ecr"
	"github.com/twinport/twinport/internal/awsapi/twinport"
	"github.com/twinport/twinport/internal/awsapi/uri"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// Names of the JSON 1.1 protocol and of the services in it.
const (
	jsonType       = "application/x-amz-json-1.1"
	ecrTarget      = "AmazonEC2ContainerRegistry_V20150921."
	twinportTarget = "Twinport_V20261101."
)

// operation is what X-Amz-Target names.
type operation struct {
	name  string
	own   bool  // of Twinport, not of ECR
	limit int64 // of the body, in bytes
}

func operationOf(target string) (op operation, known bool) {
	if name, own := strings.CutPrefix(target, twinportTarget); own {
		return operation{name, true, twinport.BodyLimit(name)}, twinport.Known(name)
	}
	name, ok := strings.CutPrefix(target, ecrTarget)
	limit, known := ecr.BodyLimit(name)
	return operation{name, false, limit}, ok && known
}

// kind is what the operation counts as.
func (op operation) kind() quota.Kind {
	if op.own {
		return quota.Other
	}
	return quota.KindOf(op.name)
}

// The revision of what an answer has, and the one that a request may replace.
// ETag and If-Match are not for this: they are about what a URL names, which is
// the same for every request here, and proxies that compress change them.
const (
	revisionHeader   = "X-Twinport-Revision"
	ifRevisionHeader = "X-Twinport-If-Revision"
)

// baseOf returns the revisions that the request may replace, from one header or
// several, which a proxy may make one. A condition that nobody would look at is
// refused.
func baseOf(r *http.Request, op operation) (base []registry.Revision, err error) {
	for _, value := range r.Header.Values(ifRevisionHeader) {
		for revision := range strings.SplitSeq(value, ",") {
			base = append(base, registry.Revision(strings.TrimSpace(revision)))
		}
	}
	if len(base) > 0 && (op.own || !ecr.TakesBase(op.name)) {
		message := op.name + " replaces nothing that has a revision: send it without " + ifRevisionHeader
		return nil, &failure{awsjson.InvalidParameterException, message, http.StatusBadRequest}
	}
	return base, nil
}

// serveJSON answers a request of the AWS JSON 1.1 protocol.
func (h *Handler) serveJSON(w http.ResponseWriter, r *http.Request, requestID string) {
	target := r.Header.Get("X-Amz-Target")
	op, known := operationOf(target)
	if !known {
		writeException(w, &awsjson.Exception{
			Code: awsjson.UnknownOperationException,
			Message: "There is no operation " + strconv.Quote(target[:min(len(target), 128)]) + ": X-Amz-Target names one as " +
				ecrTarget + "<operation> or, of Twinport's own, " +
				twinportTarget + "<operation>",
			Status: http.StatusNotFound,
		})
		return
	}
	base, err := baseOf(r, op)
	if err != nil {
		writeException(w, h.explain(r.Context(), err, op.name, requestID))
		return
	}
	if op.own && op.name == twinport.Watch {
		h.serveStream(w, r, requestID)
		return
	}
	in, err := h.read(r, op.limit)
	defer in.end()
	in.base = base
	if err == nil {
		err = h.take(in.who, op.kind())
	}
	var out any
	if err == nil {
		out, err = h.doJSON(in, op)
	}
	if in.revision != "" {
		w.Header().Set(revisionHeader, string(in.revision))
	}
	if err == nil {
		err = h.writeAnswer(w, in, out)
	}
	if err != nil {
		writeException(w, h.explain(r.Context(), err, op.name, requestID))
	}
}

func (h *Handler) doJSON(in *request, op operation) (any, error) {
	if op.own {
		return h.twinport.Do(in.ctx, op.name, in.call(), in.body)
	}
	return h.ecr.Do(in.ctx, op.name, in.call(), in.body)
}

// request is one that was read and authenticated.
type request struct {
	ctx   context.Context // of the request, which holds it
	who   caller
	asked uri.Asked
	body  []byte
	// base are the revisions that the request may replace; revision is that of the answer.
	base     []registry.Revision
	revision registry.Revision
	// unproven holds the body, which must be read before its signature can be
	// verified: it is counted for the client's network and the account that it
	// names. held is what else the request holds, counted for its account.
	unproven, held *budget.Request
}

// call is the request as the APIs see it.
func (in *request) call() ecr.Call {
	return ecr.Call{
		Caller: in.who.Caller, Registry: in.who.registry, Session: in.who.session, Asked: in.asked,
		Base: in.base, Revision: &in.revision,
	}
}

// end gives back what the request holds.
func (in *request) end() {
	if in.unproven != nil {
		in.unproven.End()
	}
	if in.held != nil {
		in.held.End()
	}
}

// read reads a request and authenticates it. It reads nothing of a body whose
// caller cannot be genuine. The caller must call end, also after an error.
func (h *Handler) read(r *http.Request, limit int64) (in *request, err error) {
	in = &request{asked: uri.Asked{Host: r.Host, TLS: r.TLS != nil}}
	if !isJSON(r.Header.Get("Content-Type")) {
		return in, &failure{
			awsjson.SerializationException, "The Content-Type of a request must be " + jsonType, http.StatusBadRequest,
		}
	}
	var (
		signed *auth.Signed
		from   budget.Party
	)
	if bySession(r) {
		if in.who, err = h.callerOfSession(r); err != nil {
			return in, err
		}
		from = budget.Party{Account: in.who.registry.Account}
	} else {
		if signed, err = h.signed(r); err != nil {
			return in, err
		}
		from = budget.Party{Account: signed.Account(), Network: budget.NetworkOf(r.RemoteAddr)}
	}
	in.unproven = h.limits.Begin(from)
	if in.body, err = body(r, limit, &in.unproven.Memory); err != nil {
		return in, err
	}
	if signed != nil {
		identity, err := verify(r, signed, in.body, in.unproven)
		if err != nil {
			return in, err
		}
		if in.who.Caller, err = h.callerOf(r, identity); err != nil {
			return in, err
		}
		in.who.registry = resource.Registry{Account: identity.Principal.Account, Region: identity.Region}
	}
	in.held = h.limits.Begin(budget.Party{Account: in.who.registry.Account})
	in.ctx = in.held.NewContext(r.Context())
	return in, nil
}

// isJSON says whether a request's body is of the protocol. Clients write its type as it is.
func isJSON(contentType string) bool {
	if contentType == jsonType {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == jsonType
}

// largeAnswer is from which size on an answer counts as memory while it is sent:
// a client may take its time.
const largeAnswer = 64 << 10

// inPieces is an answer that can be too large to be encoded as a whole.
type inPieces interface {
	// Large says that the answer is to be written in pieces.
	Large() bool
	// WritePieces writes the answer as JSON. Where it fails the answer is cut off.
	WritePieces(ctx context.Context, w io.Writer) error
}

// writeAnswer sends an answer, or returns why it cannot.
func (h *Handler) writeAnswer(w http.ResponseWriter, in *request, v any) error {
	in.unproven.End() // nothing of the body is needed any more
	in.body = nil
	if pieces, ok := v.(inPieces); ok && pieces.Large() {
		w.Header().Set("Content-Type", jsonType)
		w.WriteHeader(http.StatusOK)
		if pieces.WritePieces(in.ctx, w) != nil {
			panic(http.ErrAbortHandler) // a client must not take a part for the whole
		}
		return nil
	}
	body, err := encode(v)
	if err != nil {
		return err
	}
	if len(body) > largeAnswer {
		if err := in.held.Memory.Take(in.ctx, int64(len(body))); err != nil {
			return err
		}
	}
	writeBody(w, http.StatusOK, body)
	return nil
}

func writeException(w http.ResponseWriter, e *awsjson.Exception) {
	if e.RetryAfter() {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.Header().Set("X-Amzn-Errortype", e.Code)
	members := map[string]any{"__type": e.Code, "message": e.Message}
	maps.Copy(members, e.Members)
	body, err := encode(members)
	if err != nil {
		// The values are plain; only a bug gets here.
		body = []byte(`{"__type":"ServerException"}`)
	}
	writeBody(w, e.Status, body)
}

// retryAfter is when a client may try again, in seconds.
var retryAfter = strconv.Itoa(int(budget.RetryAfter.Seconds()))

func writeBody(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Cache-Control", "no-store") // a password, or the code of an invitation
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away needs no answer
}

// scratches are memory to append answers in, whose size is not known before. Those that
// have grown past maxScratch are not kept: a page of 1,000 images needs half of it.
var scratches = sync.Pool{New: func() any { return new([]byte) }}

const maxScratch = 1 << 20

// encode returns one line of JSON.
func encode(v any) ([]byte, error) {
	if a, ok := v.(awsjson.Appender); ok {
		scratch := scratches.Get().(*[]byte)
		*scratch = append(a.AppendJSON((*scratch)[:0]), '\n')
		body := bytes.Clone(*scratch)
		if cap(*scratch) <= maxScratch {
			scratches.Put(scratch)
		}
		return body, nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // policies and manifests stay readable
	err := encoder.Encode(v)
	return b.Bytes(), err
}
