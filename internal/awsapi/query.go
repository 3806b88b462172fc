package awsapi

import (
	"encoding/xml"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/sts"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/quota"
)

// queryBodyLimit bounds the form of a Query request, in bytes.
const queryBodyLimit = 4 << 10

// queryResponse is the answer to a request that was done. Its XMLName has the
// operation's name, and so has that of the result.
type queryResponse struct {
	XMLName   xml.Name
	Namespace string `xml:"xmlns,attr"`
	Result    any
	RequestID string `xml:"ResponseMetadata>RequestId"`
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
	action, result, err := h.doQuery(r)
	if err != nil {
		e := h.explain(r.Context(), err, "sts:"+action, requestID)
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
		writeXML(w, e.Status, errorResponse{
			Namespace: sts.Namespace, Type: fault, Code: e.Code, Message: e.Message, RequestID: requestID,
		})
		return
	}
	writeXML(w, http.StatusOK, queryResponse{
		XMLName: xml.Name{Local: action + "Response"}, Namespace: sts.Namespace, Result: result, RequestID: requestID,
	})
}

// doQuery does what the request asks for. The action is empty unless it is one of STS's.
func (h *Handler) doQuery(r *http.Request) (action string, result any, err error) {
	var (
		form   []byte
		signed *auth.Signed
		values = r.URL.Query()
	)
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || mediaType != "application/x-www-form-urlencoded" {
			return "", nil, &failure{
				awsjson.UnknownOperationException, "The request names no operation: ECR takes the header X-Amz-Target, STS a form",
				http.StatusNotFound,
			}
		}
		if signed, err = h.verifier.Read(r, sts.SigningName); err != nil {
			return "", nil, err
		}
		// The form is so small that nobody counts it.
		if form, err = body(r, queryBodyLimit, new(budget.Claim)); err != nil {
			return "", nil, err
		}
		if values, err = url.ParseQuery(string(form)); err != nil {
			return "", nil, &failure{"MalformedQueryString", "The form of the request is not valid", http.StatusBadRequest}
		}
	default:
		return "", nil, &failure{
			awsjson.UnknownOperationException, "The AWS API takes POST requests", http.StatusMethodNotAllowed,
		}
	}
	asked, version := values.Get("Action"), values.Get("Version")
	if asked == "" {
		return "", nil, &failure{"MissingAction", "The request has no parameter Action", http.StatusBadRequest}
	}
	if !sts.Known(asked) || version != sts.Version {
		return "", nil, &failure{"InvalidAction", "There is no operation " + strconv.Quote(asked[:min(len(asked), 128)]) +
			" in version " + strconv.Quote(version[:min(len(version), 32)]) + ": of STS, " + sts.Offered() + " in version " +
			sts.Version + " are served", http.StatusBadRequest}
	}
	action = asked
	if signed == nil {
		if signed, err = h.verifier.Read(r, sts.SigningName); err != nil {
			return action, nil, err
		}
	}
	identity, err := signed.Verify(form)
	if err == nil && !h.rates.Take(identity.Principal.Account, identity.Region, quota.Other) {
		err = errRate
	}
	if err != nil {
		return action, nil, err
	}
	result, err = h.sts.Do(r.Context(), action, identity, values)
	return action, result, err
}

func writeXML(w http.ResponseWriter, status int, v any) {
	b, err := xml.Marshal(v)
	if err != nil {
		// The values are plain structs; only a bug gets here.
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Header().Set("Cache-Control", "no-store") // a secret access key
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that went away needs no answer
}
