package servers

import (
	"io"
	"net/http"
)

// A transport looks for the end of a request's body once more when it has sent all of
// it. The answer may be there by then, and have closed the body: a server's does that
// to the request that it answers, and the AWS SDK to its own. The transport would take
// that for a fault, and cut the answer.

// WholeAnswers is a handler that passes requests on with a transport.
func WholeAnswers(proxy http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		endBody(r)
		proxy.ServeHTTP(w, r)
	})
}

// WholeTransport is a transport for clients of the AWS SDK.
type WholeTransport struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (t WholeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.WithContext(r.Context())
	endBody(r)
	return t.Transport.RoundTrip(r)
}

// endBody has a request's body end where its header says.
func endBody(r *http.Request) {
	if r.ContentLength > 0 {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(r.Body, r.ContentLength), r.Body}
	}
}
