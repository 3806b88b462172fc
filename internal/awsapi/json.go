package awsapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/ecr"
)

// Names of the JSON 1.1 protocol and of ECR's place in it.
const (
	jsonType       = "application/x-amz-json-1.1"
	targetPrefix   = "AmazonEC2ContainerRegistry_V20150921."
	ecrSigningName = "ecr"
)

// serveJSON answers a request of the AWS JSON 1.1 protocol.
func (h *Handler) serveJSON(w http.ResponseWriter, r *http.Request, requestID string) {
	target := r.Header.Get("X-Amz-Target")
	operation, ok := strings.CutPrefix(target, targetPrefix)
	limit, known := ecr.BodyLimit(operation)
	if !ok || !known {
		writeException(w, &awsjson.Exception{
			Code:    awsjson.UnknownOperationException,
			Message: "There is no operation " + strconv.Quote(target[:min(len(target), 128)]) + ": X-Amz-Target names one as " + targetPrefix + "<operation>",
			Status:  http.StatusNotFound,
		})
		return
	}
	out, err := h.doJSON(w, r, operation, limit)
	if err != nil {
		writeException(w, h.explain(r.Context(), err, operation, requestID))
		return
	}
	writeJSON(w, http.StatusOK, out)
}

func (h *Handler) doJSON(w http.ResponseWriter, r *http.Request, operation string, limit int64) (any, error) {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != jsonType {
		return nil, &failure{awsjson.SerializationException, "The Content-Type of a request must be " + jsonType, http.StatusBadRequest}
	}
	var (
		who  caller
		body []byte
		err  error
	)
	session := bySession(r)
	if session {
		if who, err = h.callerOfSession(r); err != nil {
			return nil, err
		}
	}
	if session || limit <= largeBody || h.knownKey(r) {
		read, release, err := h.body(w, r, limit)
		if err != nil {
			return nil, err
		}
		defer release()
		body = read
	}
	if !session {
		if who, err = h.callerOfSignature(r, body); err != nil {
			return nil, err
		}
	}
	return h.ecr.Do(r.Context(), operation, ecr.Call{Caller: who.Caller, Registry: who.registry}, body)
}

func writeException(w http.ResponseWriter, e *awsjson.Exception) {
	w.Header().Set("X-Amzn-Errortype", e.Code)
	body := map[string]any{"__type": e.Code, "message": e.Message}
	maps.Copy(body, e.Members)
	writeJSON(w, e.Status, body)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // policies and manifests stay readable
	if err := encoder.Encode(v); err != nil {
		// The values are plain structs; only a bug gets here.
		status = http.StatusInternalServerError
		b.Reset()
		b.WriteString(`{"__type":"ServerException"}`)
	}
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that went away needs no answer
}
