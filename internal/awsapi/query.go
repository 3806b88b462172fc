package awsapi

import (
	"encoding/xml"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/awsquery"
	iamapi "github.com/twinport/twinport/internal/awsapi/iam"
	"github.com/twinport/twinport/internal/awsapi/sts"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/resource"
)

// queryService is one of the Query protocol.
type queryService struct {
	name      string // in the credential scope
	namespace string // of the XML of answers
	bodyLimit int64  // of forms, in bytes
	// refusal says why there is no such operation, "" if there is.
	refusal func(h *Handler, operation, version string) string
	// answer does an operation and writes the answer to it.
	answer func(h *Handler, in *request, operation string, form url.Values, requestID string) ([]byte, error)
}

var (
	ofSTS = &queryService{
		name: sts.SigningName, namespace: sts.Namespace, bodyLimit: 32 << 10,
		refusal: (*Handler).refusalOfSTS, answer: (*Handler).answerOfSTS,
	}
	ofIAM = &queryService{
		name: iamapi.SigningName, namespace: iamapi.Namespace, bodyLimit: iamapi.BodyLimit,
		refusal: (*Handler).refusalOfIAM, answer: (*Handler).answerOfIAM,
	}
)

// queryServiceOf is the service that the credential scope names: IAM, or else STS.
func queryServiceOf(r *http.Request) *queryService {
	if auth.Service(r) == iamapi.SigningName {
		return ofIAM
	}
	return ofSTS
}

type errorResponse struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Type      string   `xml:"Error>Type"` // Sender or Receiver
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// serveQuery answers a request of the AWS Query protocol.
func (h *Handler) serveQuery(w http.ResponseWriter, r *http.Request, requestID string) {
	s := queryServiceOf(r)
	in := new(request)
	defer func() { in.end() }()
	var answer []byte
	operation, form, err := h.readQuery(r, s, in)
	if err == nil {
		answer, err = s.answer(h, in, operation, form, requestID)
	}
	if err == nil && len(answer) > largeAnswer {
		in.unproven.End() // nothing of the form is needed any more
		err = in.held.Memory.Take(in.ctx, int64(len(answer)))
	}
	if err != nil {
		h.writeQueryError(w, h.explain(r.Context(), err, s.name+":"+operation, requestID), s, requestID)
		return
	}
	writeXML(w, http.StatusOK, answer)
}

func (h *Handler) writeQueryError(w http.ResponseWriter, e *awsjson.Exception, s *queryService, requestID string) {
	fault := "Sender"
	switch {
	case e.Status == http.StatusMethodNotAllowed:
		w.Header().Set("Allow", "GET, POST")
	case e.Status >= http.StatusInternalServerError:
		fault = "Receiver"
		e.Code = "InternalFailure"
	}
	if e.RetryAfter() {
		w.Header().Set("Retry-After", retryAfter)
	}
	body, err := xml.Marshal(errorResponse{
		Namespace: s.namespace, Type: fault, Code: e.Code, Message: e.Message, RequestID: requestID,
	})
	if err != nil {
		// The values are plain texts; only a bug gets here.
		e.Status = http.StatusInternalServerError
	}
	writeXML(w, e.Status, body)
}

// readQuery reads a request, authenticates it and counts it, into in. The
// operation is empty unless it is one that is served.
func (h *Handler) readQuery(r *http.Request, s *queryService, in *request) (operation string, form url.Values,
	err error) {
	var signed *auth.Signed
	text := r.URL.RawQuery
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || mediaType != "application/x-www-form-urlencoded" {
			return "", nil, &failure{
				awsjson.UnknownOperationException, "The request names no operation: ECR takes the header X-Amz-Target, IAM " +
					"and STS a form", http.StatusNotFound,
			}
		}
		// Nothing is read of a form whose sender cannot be genuine.
		if signed, err = h.verifier.Read(r, s.name); err != nil {
			return "", nil, err
		}
		in.unproven = h.limits.Begin(budget.Party{Account: signed.Account(), Network: budget.NetworkOf(r.RemoteAddr)})
		if in.body, err = body(r, s.bodyLimit, &in.unproven.Memory); err != nil {
			return "", nil, err
		}
		text = string(in.body)
	default:
		return "", nil, &failure{
			awsjson.UnknownOperationException, "The AWS API takes POST requests", http.StatusMethodNotAllowed,
		}
	}
	if form, err = awsquery.ParseForm(text); err != nil {
		return "", nil, err
	}
	asked, version := form.Get("Action"), form.Get("Version")
	if asked == "" {
		return "", nil, &failure{"MissingAction", "The request has no parameter Action", http.StatusBadRequest}
	}
	if refusal := s.refusal(h, asked, version); refusal != "" {
		return "", nil, &failure{"InvalidAction", refusal, http.StatusBadRequest}
	}
	if signed == nil {
		if signed, err = h.verifier.Read(r, s.name); err != nil {
			return asked, nil, err
		}
		in.unproven = h.limits.Begin(budget.Party{Account: signed.Account(), Network: budget.NetworkOf(r.RemoteAddr)})
	}
	identity, err := verify(r, signed, in.body, in.unproven)
	if err != nil {
		return asked, nil, err
	}
	if in.who.Caller, err = h.callerOf(r, identity); err != nil {
		return asked, nil, err
	}
	in.who.registry = resource.Registry{Account: identity.Principal.Account, Region: identity.Region}
	if !h.registry.Exists(in.who.registry) {
		// Those services take any Region, and the rates have those that are served.
		in.who.registry.Region = h.registry.Regions()[0]
	}
	if err := h.take(in.who, quota.Other); err != nil {
		return asked, nil, err
	}
	in.held = h.limits.Begin(budget.Party{Account: identity.Principal.Account})
	in.ctx = in.held.NewContext(r.Context())
	return asked, form, nil
}

// named is what messages call an operation of a version.
func named(operation, version string) string {
	return strconv.Quote(operation[:min(len(operation), 128)]) + " in version " +
		strconv.Quote(version[:min(len(version), 32)])
}

func (h *Handler) refusalOfSTS(operation, version string) string {
	if sts.Known(operation) && version == sts.Version {
		return ""
	}
	return "There is no operation " + named(operation, version) + ": of STS, " + sts.Offered() + " in version " +
		sts.Version + " are served"
}

func (h *Handler) refusalOfIAM(operation, version string) string {
	switch {
	case h.iam == nil:
		return "IAM is not served here"
	case version != iamapi.Version || !iamapi.Known(operation) && !iamapi.IsRefused(operation):
		return "There is no operation " + named(operation, version) + " of IAM, whose version is " + iamapi.Version
	case !iamapi.Known(operation):
		return operation + " is an operation of IAM that is not served here, so nothing was read or changed"
	}
	return ""
}

// queryResponse is the answer to a request to STS. Its XMLName has the
// operation's name, and so has that of the result.
type queryResponse struct {
	XMLName   xml.Name
	Namespace string `xml:"xmlns,attr"`
	Result    any
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

func (h *Handler) answerOfSTS(in *request, operation string, form url.Values, requestID string) ([]byte, error) {
	result, err := h.sts.Do(in.ctx, operation, in.who.Caller, form)
	if err != nil {
		return nil, err
	}
	return xml.Marshal(queryResponse{
		XMLName: xml.Name{Local: operation + "Response"}, Namespace: sts.Namespace, Result: result, RequestID: requestID,
	})
}

func (h *Handler) answerOfIAM(in *request, operation string, form url.Values, requestID string) ([]byte, error) {
	result, err := h.iam.Do(in.ctx, operation, in.who.Caller, form)
	if err != nil {
		return nil, err
	}
	return awsquery.Response(operation, iamapi.Namespace, requestID, result), nil
}

func writeXML(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Cache-Control", "no-store") // a secret access key
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away needs no answer
}
