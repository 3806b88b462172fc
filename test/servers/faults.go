package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
)

// Fault is what goes wrong with a request to an HTTPProxy. The zero Fault is none.
type Fault struct {
	kind   kind
	status int
	header http.Header
	body   string
	bytes  int64
}

type kind int

const (
	none kind = iota
	answer
	loseAnswer
	cutRequest
	cutAnswer
	truncateAnswer
)

// Answer answers in place of the server, which does not get the request, with
// S3's XML: 500 and InternalError, 503 and SlowDown, or 200 and InternalError,
// as S3 may answer the end of a multipart upload.
func Answer(status int, code string) Fault {
	return AnswerWith(status, http.Header{"Content-Type": {"application/xml"}}, fmt.Sprintf(
		`<?xml version="1.0" encoding="UTF-8"?>`+"\n<Error><Code>%s</Code><Message>A test asked for "+
			"this.</Message></Error>", code))
}

// AnswerWith answers in place of the server, which does not get the request.
func AnswerWith(status int, header http.Header, body string) Fault {
	return Fault{kind: answer, status: status, header: header, body: body}
}

// LoseAnswer lets the server do the request and then cuts the connection before
// the first byte of the answer.
func LoseAnswer() Fault { return Fault{kind: loseAnswer} }

// CutRequest cuts the connections to both sides after n bytes of the request's
// body; a shorter one passes.
func CutRequest(n int64) Fault { return Fault{kind: cutRequest, bytes: n} }

// CutAnswer cuts the connection after n bytes of the answer's body; a shorter
// one passes.
func CutAnswer(n int64) Fault { return Fault{kind: cutAnswer, bytes: n} }

// TruncateAnswer ends the answer's body after n bytes and says that this is its
// length, as of an object that has lost its end.
func TruncateAnswer(n int64) Fault { return Fault{kind: truncateAnswer, bytes: n} }

// S3Proxy is an HTTPProxy in front of an S3 server.
type S3Proxy struct {
	Bucket // as clients of the proxy reach it
	*HTTPProxy
}

// S3Faults starts a proxy in front of the bucket's server, without faults.
func S3Faults(t T, b Bucket) *S3Proxy {
	t.Helper()
	p := &S3Proxy{b, HTTPFaults(t, b.Endpoint)}
	p.Endpoint = p.URL
	return p
}

// HTTPProxy is an HTTP proxy in front of a server. It keeps the Host, which the
// client may have signed.
type HTTPProxy struct {
	URL      string
	rule     atomic.Pointer[func(*http.Request) Fault]
	answered atomic.Pointer[func(*http.Request, []byte)]
}

// HTTPFaults starts a proxy in front of the server at a URL, without faults.
func HTTPFaults(t T, server string) *HTTPProxy {
	t.Helper()
	upstream, err := url.Parse(server)
	check(t, err)
	p := &HTTPProxy{}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = upstream.Scheme, upstream.Host
			r.Out.Host = r.In.Host
		},
		FlushInterval: -1, // all bytes before a cut arrive
		ErrorLog:      log.New(io.Discard, "", 0),
		ModifyResponse: func(response *http.Response) error {
			if err := p.show(response); err != nil {
				return err
			}
			return spoil(response)
		},
		// Whatever fails behind the proxy is a cut connection before it.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var fault Fault
		if rule := p.rule.Load(); rule != nil {
			fault = (*rule)(r)
		}
		switch fault.kind {
		case answer:
			io.Copy(io.Discard, r.Body) // so that the client reads the answer
			maps.Copy(w.Header(), fault.header)
			w.WriteHeader(fault.status)
			io.WriteString(w, fault.body)
			return
		case cutRequest:
			r.Body = &cutBody{ReadCloser: r.Body, left: fault.bytes}
		}
		WholeAnswers(proxy).ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), faultKey{}, fault)))
	}))
	t.Cleanup(func() {
		p.Rule(nil)
		listener.CloseClientConnections()
		listener.Close()
		transport.CloseIdleConnections()
	})
	p.URL = listener.URL
	return p
}

// Rule sets what decides on the fault of each request, from its method, path,
// query and header; nil for no faults. It is called from many goroutines, and
// may block, to hold a request up.
func (p *HTTPProxy) Rule(rule func(*http.Request) Fault) {
	if rule == nil {
		p.rule.Store(nil)
		return
	}
	p.rule.Store(&rule)
}

// Answered has the proxy show each request with the body of its answer, before that
// passes. It is called from many goroutines.
func (p *HTTPProxy) Answered(show func(r *http.Request, body []byte)) { p.answered.Store(&show) }

func (p *HTTPProxy) show(response *http.Response) error {
	show := p.answered.Load()
	if show == nil {
		return nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	(*show)(response.Request, body)
	return nil
}

// Operation names what the request asks of S3, as S3 does ("UploadPart"), for
// the operations on objects; "" for others.
func Operation(r *http.Request) string {
	query := r.URL.Query()
	_, object, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if object == "" {
		if r.Method == http.MethodPost && query.Has("delete") {
			return "DeleteObjects"
		}
		return ""
	}
	if query.Has("uploads") {
		return map[string]string{http.MethodPost: "CreateMultipartUpload"}[r.Method]
	}
	if query.Has("uploadId") {
		return map[string]string{
			http.MethodPut:    "UploadPart",
			http.MethodPost:   "CompleteMultipartUpload",
			http.MethodDelete: "AbortMultipartUpload",
			http.MethodGet:    "ListParts",
		}[r.Method]
	}
	return map[string]string{
		http.MethodPut:    "PutObject",
		http.MethodGet:    "GetObject",
		http.MethodHead:   "HeadObject",
		http.MethodDelete: "DeleteObject",
	}[r.Method]
}

type faultKey struct{} // of a request's Fault in its context

// spoil does to the server's answer what its request's fault says.
func spoil(response *http.Response) error {
	fault, _ := response.Request.Context().Value(faultKey{}).(Fault)
	switch fault.kind {
	case loseAnswer:
		io.Copy(io.Discard, response.Body) // the server has done it all
		return errCut
	case cutAnswer:
		response.Body = &cutBody{ReadCloser: response.Body, left: fault.bytes}
	case truncateAnswer:
		if response.ContentLength > fault.bytes {
			response.Body = struct {
				io.Reader
				io.Closer
			}{io.LimitReader(response.Body, fault.bytes), response.Body}
			response.ContentLength = fault.bytes
			response.Header.Set("Content-Length", strconv.FormatInt(fault.bytes, 10))
		}
	}
	return nil
}

var errCut = errors.New("cut, as the test asked")

// cutBody fails after so many bytes, unless that is all there is.
type cutBody struct {
	io.ReadCloser
	left int64
}

func (b *cutBody) Read(buffer []byte) (int, error) {
	if b.left == 0 {
		if n, err := b.ReadCloser.Read(buffer[:min(1, len(buffer))]); n == 0 {
			return 0, err
		}
		return 0, errCut
	}
	n, err := b.ReadCloser.Read(buffer[:min(int64(len(buffer)), b.left)])
	b.left -= int64(n)
	return n, err
}
