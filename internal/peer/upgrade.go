package peer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"

	"github.com/coder/websocket"
)

// upgrade makes a request whose answer makes its connection a tunnel, once.
func (x *exchange) upgrade(ctx context.Context, u *url.URL) error {
	asking := &upgrading{x: x}
	client := &http.Client{Transport: asking}
	socket, _, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{HTTPClient: client})
	switch {
	case asking.answered:
		return asking.err
	case asking.err != nil && context.Cause(ctx) != nil:
		return x.ended(ctx, context.Cause(ctx))
	case asking.err != nil:
		return x.unreachable(u, asking.err)
	case err != nil:
		return x.fail(Garbage, err, "The tunnel to %s did not come about: %s. Have what stands between hand "+
			"WebSockets on.", x.target, reason(err))
	}
	x.call.upgrade(newCarrier(socket, asking.conn))
	return nil
}

// upgrading signs a request for a tunnel, and checks its answer.
type upgrading struct {
	x        *exchange
	conn     net.Conn
	answered bool  // the connection is no tunnel: err is why, or nil
	err      error // else that of the transport
}

// errAnswered says that an answer leaves the connection what it was.
var errAnswered = errors.New("peer: the connection is no tunnel")

// RoundTrip implements http.RoundTripper.
func (a *upgrading) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { a.conn = i.Conn },
	}))
	a.x.sign(r)
	answer, err := a.x.target.transport.RoundTrip(r)
	if a.err = err; err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusSwitchingProtocols {
		text := answer.Header.Get(HeaderTunnel)
		if verifyAnswer(a.x.target.id, a.x.target.keys, r, answer.Header, answer.StatusCode, []byte(text)) {
			if err := json.Unmarshal([]byte(text), a.x.call.answer); err == nil {
				return answer, nil
			}
		}
		_ = answer.Body.Close() // whatever it is
		a.answered, a.err = true, a.x.foreign(answer, nil)
		return nil, errAnswered
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, MaxAnswer))
	if err != nil {
		a.err = err
		return nil, err
	}
	a.answered, a.err = true, a.x.read(r, answer, body)
	return nil, errAnswered
}
