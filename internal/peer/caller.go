package peer

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	dialTimeout      = 10 * time.Second
	idleConnections  = 64
	idleTimeout      = 90 * time.Second
	connectionBuffer = 64 << 10
	maxAnswerHeader  = 64 << 10

	// callTries is how often a call is made, if all that is wrong with it is its date, nonce, key or connection.
	callTries = 3
	// maxOffset is how far a clock may be from ours.
	maxOffset = 10 * 365 * 24 * time.Hour
	// maxPause bounds how long a peer may make us wait.
	maxPause = 5 * time.Minute
	// maxExcerpt is how many bytes of an answer that is not the peer's are shown.
	maxExcerpt = 200

	jsonType = "application/json"
)

// newTransport returns connections to a peer. HTTP/1.1 has parts that are sent side by side on connections of their
// own.
func (d *Directory) newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext,
		Protocols:   protocols, TLSHandshakeTimeout: dialTimeout,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: d.roots},
		MaxIdleConnsPerHost: idleConnections, IdleConnTimeout: idleTimeout, DisableCompression: true,
		WriteBufferSize: connectionBuffer, ReadBufferSize: connectionBuffer, MaxResponseHeaderBytes: maxAnswerHeader,
	}
}

// caller calls a deployment.
type caller struct {
	d      *Directory
	target func() (target, error) // as it is now
	// resume changes which key calls are signed with, if it can: to one that is known at the other side. It is nil if
	// there is no other.
	resume func(ctx context.Context, known []int64) error
	ahead  atomic.Int64 // nanoseconds by which the other side's clock is ahead
}

// target is who is called.
type target struct {
	id, name, url string
	tunnel        bool // it is called through tunnels, and the host of the URL means nothing
	transport     *http.Transport
	keys          []Key      // that it signs its answers with
	sign          signingKey // that it knows us by
}

// String names the target in messages.
func (t target) String() string { return t.name + " (" + t.place() + ")" }

// place says where the target is called.
func (t target) place() string {
	if t.tunnel {
		return "by tunnel"
	}
	return t.url
}

// call is what is asked.
type call struct {
	method, operation string
	query             url.Values
	body              []byte
	contentType       string
	answer            any // for JSON, or nil
	// upgrade gets the connection if the answer is that it is a tunnel now. If it is nil no upgrade is asked for.
	upgrade func(*carrier)
}

func (c *caller) offset() time.Duration     { return time.Duration(c.ahead.Load()) }
func (c *caller) setOffset(o time.Duration) { c.ahead.Store(int64(o)) }

// call makes a call. If its date, nonce or key was refused, or a connection that was kept had ended, it is made again.
// It returns the round trip. The error is an *Error, or that of ctx.
func (c *caller) call(ctx context.Context, what call) (roundTrip time.Duration, err error) {
	for try := 1; ; try++ {
		t, err := c.target()
		if err != nil {
			return 0, err
		}
		x := &exchange{caller: c, target: t, call: what}
		if err := x.do(ctx); err == nil {
			return x.roundTrip, nil
		} else if try == callTries || !c.again(ctx, x, err) {
			return 0, err
		}
	}
}

// again reports whether the same call may succeed now.
func (c *caller) again(ctx context.Context, x *exchange, err error) bool {
	var e *Error
	if !errors.As(err, &e) || ctx.Err() != nil {
		return false
	}
	switch {
	case x.lost:
		x.target.transport.CloseIdleConnections() // the others have ended, too
		return true
	case e.Status == 0: // nothing of what follows was said by the peer
		return false
	case e.Code == Replayed:
		return true
	case e.Code == Clock && !e.Time.IsZero():
		offset := e.Time.Sub(c.d.now())
		if offset > maxOffset || offset < -maxOffset {
			return false
		}
		c.setOffset(offset)
		return true
	case e.Code == Signature && c.resume != nil:
		if c.d.Refresh(ctx) != nil {
			return false
		}
		t, err := c.target()
		if err == nil && t.sign.number == x.target.sign.number && !slices.Contains(e.KnownKeys, t.sign.number) {
			if err = c.resume(ctx, e.KnownKeys); err == nil {
				t, err = c.target()
			}
		}
		return err == nil && t.sign.number != x.target.sign.number
	}
	return false
}

// exchange is one request with its answer.
type exchange struct {
	*caller
	target    target
	call      call
	roundTrip time.Duration
	lost      bool // a connection that was kept had ended, or a tunnel
}

// trace is what the transport says of a request, in goroutines of its own.
type trace struct {
	moving *progress

	mu        sync.Mutex
	reused    bool          // the connection was kept
	written   time.Time     // when the connection was there, and then when all was written
	roundTrip time.Duration // until the first byte of the answer; 0 if none came
}

func (t *trace) with(ctx context.Context) context.Context {
	locked := func(f func()) {
		t.mu.Lock()
		defer t.mu.Unlock()
		f()
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) {
			t.moving.on(i.Conn)
			locked(func() { t.reused, t.written = i.Reused, time.Now() })
		},
		WroteRequest: func(httptrace.WroteRequestInfo) {
			locked(func() {
				if t.roundTrip == 0 { // it may have answered before
					t.written = time.Now()
				}
			})
		},
		GotFirstResponseByte: func() { locked(func() { t.roundTrip = max(1, time.Since(t.written)) }) },
	})
}

func (t *trace) seen() (roundTrip time.Duration, reused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.roundTrip, t.reused
}

// do makes the request once.
func (x *exchange) do(ctx context.Context) error {
	if plain(x.target.url) && !x.d.allowPlain && !x.target.tunnel {
		return x.fail(PlainRefused, nil, "%s is not called: its URL is without TLS. Give it a certificate and an "+
			"https URL, or set deployment.allow_plain on both sides if the network between them is safe.", x.target)
	}
	u, err := url.Parse(x.target.url)
	if err != nil {
		return x.fail(Unreachable, err, "%s has a URL that is not valid.", x.target.name)
	}
	u = u.JoinPath(PathPrefix, x.call.operation)
	u.RawQuery = x.call.query.Encode()
	if x.call.upgrade != nil {
		return x.upgrade(ctx, u)
	}

	watched, end := context.WithCancelCause(ctx)
	defer end(nil)
	moving := watchProgress(x.d.silence, end)
	defer moving.stop()
	traced := &trace{moving: moving}
	r, err := http.NewRequestWithContext(traced.with(watched), x.call.method, u.String(), http.NoBody)
	if err != nil {
		return x.fail(InvalidRequest, err, "The request %s to %s is not valid.", x.call.operation, x.target)
	}
	if len(x.call.body) > 0 {
		r.Body = io.NopCloser(&movingReader{reported(ctx, bytes.NewReader(x.call.body)), moving})
		r.ContentLength = int64(len(x.call.body))
		r.Header.Set("Content-Type", x.call.contentType)
	}
	x.sign(r)

	answer, err := x.target.transport.RoundTrip(r)
	if err != nil {
		if cause := context.Cause(watched); cause != nil {
			return x.ended(ctx, cause)
		}
		roundTrip, reused := traced.seen()
		// Of several tunnels another one may be there still.
		x.lost = roundTrip == 0 && (reused || x.target.tunnel && !errors.Is(err, errNoTunnel))
		return x.unreachable(u, err)
	}
	defer answer.Body.Close()
	x.roundTrip, _ = traced.seen()
	body, err := io.ReadAll(io.LimitReader(&movingReader{answer.Body, moving}, MaxAnswer+1))
	switch {
	case err != nil && context.Cause(watched) != nil:
		return x.ended(ctx, context.Cause(watched))
	case err != nil:
		return x.fail(Unreachable, err, "The connection to %s was cut while it answered: %s.", x.target, reason(err))
	case len(body) > MaxAnswer:
		return x.fail(Garbage, nil, "%s answered with more than %d MiB: are both deployments up to date?", x.target,
			MaxAnswer>>20)
	}
	return x.read(r, answer, body)
}

// sign signs the request.
func (x *exchange) sign(r *http.Request) {
	r.Header.Set("User-Agent", "twinport/"+x.d.party.Version)
	answerKey := x.target.keys[len(x.target.keys)-1].Number
	x.d.sign(r, x.call.body, x.target.id, answerKey, x.target.sign, x.d.now().Add(x.offset()))
}

// movingReader notes what is read.
type movingReader struct {
	io.Reader
	moving *progress
}

func (r *movingReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.moving.move(n)
	return n, err
}

// read reads an answer.
func (x *exchange) read(r *http.Request, answer *http.Response, body []byte) error {
	if !verifyAnswer(x.target.id, x.target.keys, r, answer.Header, answer.StatusCode, body) {
		return x.foreign(answer, body)
	}
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		if x.call.answer == nil {
			return nil
		}
		if err := json.Unmarshal(body, x.call.answer); err != nil {
			return x.fail(Garbage, err, "The answer of %s to %s cannot be read: are both deployments up to date?",
				x.target, x.call.operation)
		}
		return nil
	}
	var refusal ErrorAnswer
	if err := json.Unmarshal(body, &refusal); err != nil || !codeGrammar.MatchString(refusal.Code) {
		return x.fail(Garbage, err, "%s answered %d to %s, without a reason that can be read: are both deployments "+
			"up to date?", x.target, answer.StatusCode, x.call.operation)
	}
	e := refuse(refusal.Code, "%s refused %s: %s.", x.target, x.call.operation, refusal.Code)
	e.Status, e.RetryAfter, e.KnownKeys = answer.StatusCode, seconds(refusal.RetryAfterSeconds), refusal.KnownKeys
	if message := cleaned(refusal.Message, maxMessage); message != "" {
		e.Message = message
	}
	if refusal.Time != nil {
		e.Time = *refusal.Time
	}
	if len(e.KnownKeys) > maxKeys {
		e.KnownKeys = e.KnownKeys[:maxKeys]
	}
	return e
}

func seconds(n int) time.Duration {
	return min(time.Duration(max(0, min(n, math.MaxInt32)))*time.Second, maxPause)
}

// plain reports whether a URL is one without TLS, of another machine.
func plain(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "http" && !isLoopback(u.Hostname())
}
