package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/twinport/twinport/internal/budget"
)

// writeFailure answers a request that reached no protocol, in the form of the protocol p: code is the error's name in
// OCI's protocol, and exception in AWS's. Nothing may have been written before.
func writeFailure(p protocol, w http.ResponseWriter, r *http.Request, status int, code, exception, message string) {
	header := w.Header()
	var body []byte
	switch p {
	case protocolOCI:
		header.Set("Content-Type", "application/json")
		// texts can be encoded
		body, _ = json.Marshal(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
	case protocolAWS, protocolStream:
		header.Set("Content-Type", "application/x-amz-json-1.1")
		header.Set("X-Amzn-Errortype", exception)
		body, _ = json.Marshal(map[string]string{"__type": exception, "message": message})
	default:
		writeText(w, r, status, message)
		return
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that went away needs no answer
	}
}

// writeTooMany answers a request that there is no room for.
func writeTooMany(p protocol, w http.ResponseWriter, r *http.Request, err error) {
	status, exception := http.StatusServiceUnavailable, "ServiceUnavailable"
	message := "The registry has as many requests under way as it can take: try again"
	if e, ok := errors.AsType[*budget.Error](err); ok && e.Own {
		status, exception = http.StatusTooManyRequests, "ThrottlingException"
		message = "Too many requests are under way from your address: try again when some have ended"
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(budget.RetryAfter.Seconds())))
	writeFailure(p, w, r, status, "TOOMANYREQUESTS", exception, message)
}
