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
	"github.com/twinport/twinport/internal/awsapi/twinport"
)

// Names of the JSON 1.1 protocol and of the services in it. Twinport's own
// operations are signed as ECR's are.
const (
	jsonType       = "application/x-amz-json-1.1"
	ecrTarget      = "AmazonEC2ContainerRegistry_V20150921."
	twinportTarget = "Twinport_V20261101."
	ecrSigningName = "ecr"
)

// operation is what X-Amz-Target names.
type operation struct {
	name  string
	own   bool  // of Twinport, not of ECR
	limit int64 // of the body, in bytes
}

func operationOf(target string) (op operation, known bool) {
	if name, own := strings.CutPrefix(target, twinportTarget); own {
		return operation{name, true, twinport.BodyLimit}, twinport.Known(name)
	}
	name, ok := strings.CutPrefix(target, ecrTarget)
	limit, known := ecr.BodyLimit(name)
	return operation{name, false, limit}, ok && known
}

// serveJSON answers a request of the AWS JSON 1.1 protocol.
func (h *Handler) serveJSON(w http.ResponseWriter, r *http.Request, requestID string) {
	target := r.Header.Get("X-Amz-Target")
	op, known := operationOf(target)
	if !known {
		writeException(w, &awsjson.Exception{
			Code: awsjson.UnknownOperationException,
			Message: "There is no operation " + strconv.Quote(target[:min(len(target), 128)]) + ": X-Amz-Target names one as " + ecrTarget + "<operation> or, of Twinport's own, " +
				twinportTarget + "<operation>",
			Status: http.StatusNotFound,
		})
		return
	}
	if op.own && op.name == twinport.Watch {
		h.serveStream(w, r, requestID)
		return
	}
	out, err := h.doJSON(w, r, op)
	if err != nil {
		writeException(w, h.explain(r.Context(), err, op.name, requestID))
		return
	}
	writeJSON(w, http.StatusOK, out)
}

func (h *Handler) doJSON(w http.ResponseWriter, r *http.Request, op operation) (any, error) {
	who, body, release, err := h.read(w, r, op.limit)
	if err != nil {
		return nil, err
	}
	defer release()
	if op.own {
		return h.twinport.Do(r.Context(), op.name, twinport.Call{Caller: who.Caller, Registry: who.registry, Session: who.session.ID}, body)
	}
	return h.ecr.Do(r.Context(), op.name, ecr.Call{Caller: who.Caller, Registry: who.registry, Session: who.session}, body)
}

// read reads a request and authenticates it. The caller must call release when
// it has no more use for the body.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, limit int64) (who caller, body []byte, release func(), err error) {
	release = func() {}
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != jsonType {
		return who, nil, release, &failure{awsjson.SerializationException, "The Content-Type of a request must be " + jsonType, http.StatusBadRequest}
	}
	session := bySession(r)
	if session {
		if who, err = h.callerOfSession(r); err != nil {
			return who, nil, release, err
		}
	}
	if session || limit <= largeBody || h.knownKey(r) {
		if body, release, err = h.body(w, r, limit); err != nil {
			return who, nil, release, err
		}
	}
	if !session {
		if who, err = h.callerOfSignature(r, body); err != nil {
			release()
			return who, nil, func() {}, err
		}
	}
	return who, body, release, nil
}

func writeException(w http.ResponseWriter, e *awsjson.Exception) {
	w.Header().Set("X-Amzn-Errortype", e.Code)
	body := map[string]any{"__type": e.Code, "message": e.Message}
	maps.Copy(body, e.Members)
	writeJSON(w, e.Status, body)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := encode(v)
	if err != nil {
		// The values are plain structs; only a bug gets here.
		status, body = http.StatusInternalServerError, []byte(`{"__type":"ServerException"}`)
	}
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away needs no answer
}

// encode returns one line of JSON.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // policies and manifests stay readable
	err := encoder.Encode(v)
	return b.Bytes(), err
}
