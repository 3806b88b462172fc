package s3store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

const (
	// maxAttempts is how often one request is tried.
	maxAttempts = 4
	// dialTimeout is how long a connection may take.
	dialTimeout = 5 * time.Second
	// idleConns is how many connections are kept for the next request.
	idleConns = 256
	// minRate is how many bytes a second a body must move on average.
	minRate = 128 << 10
	// minWork is how many bytes a second the server must assemble when an
	// upload is completed.
	minWork = 16 << 20
)

// Variables for tests.
var (
	// answerTimeout is how long the server may take to begin its answer after
	// the request, and for each further part of it.
	answerTimeout = 30 * time.Second
	// maxBackoff is the longest pause before a request is tried again.
	maxBackoff = 3 * time.Second
	// resumeDelay is the pause after the first cut of a body. It doubles.
	resumeDelay = 100 * time.Millisecond
)

func buildClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout }).
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns = idleConns
			t.MaxIdleConnsPerHost = idleConns
		})
}

// errStalled is why a request is given up.
var errStalled error = stalled{}

type stalled struct{}

func (stalled) Error() string   { return "the server did not answer in time" }
func (stalled) Timeout() bool   { return true }
func (stalled) Temporary() bool { return true }

// workKey is the context key of how many bytes the server must handle for a
// request beyond those that it carries.
type workKey struct{}

// timed ends attempts that make no progress. A limit for whole requests would
// be too short for a large blob or a slow reader, or else too long.
type timed struct{ client aws.HTTPClient }

func (t timed) Do(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	patience := answerTimeout + time.Duration(req.ContentLength/minRate)*time.Second
	if work, ok := ctx.Value(workKey{}).(int64); ok {
		patience += time.Duration(work/minWork) * time.Second
	}
	req = req.WithContext(ctx)
	if req.Body != nil {
		body := &guardedBody{body: req.Body, left: cmp.Or(req.ContentLength, -1)}
		defer body.Close()
		req.Body = body
	}
	timer := time.AfterFunc(patience, func() { cancel(errStalled) })
	res, err := t.client.Do(req)
	timer.Stop()
	if err != nil {
		if context.Cause(ctx) == errStalled {
			err = errStalled
		}
		if errors.Is(err, io.EOF) { // must not be taken for the end of an object
			err = fmt.Errorf("the server closed the connection: %w", io.ErrUnexpectedEOF)
		}
		cancel(nil)
		return res, err
	}
	res.Body = &timedBody{ReadCloser: res.Body, ctx: ctx, cancel: cancel}
	return res, nil
}

// guardedBody is a request's body that cannot be read after it is closed.
// net/http may still read a body in the background when the answer is there,
// and its memory is part of another upload by then. A body that was read in whole
// still has its end: net/http looks for that too, and would cut the answer and the
// connection.
type guardedBody struct {
	mu     sync.Mutex
	body   io.ReadCloser
	left   int64 // bytes; negative if that is not known
	closed bool
}

func (b *guardedBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.left == 0:
		return 0, io.EOF
	case b.closed:
		return 0, net.ErrClosed
	}
	n, err := b.body.Read(p)
	if b.left > 0 {
		b.left = max(0, b.left-int64(n))
	}
	return n, err
}

func (b *guardedBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	return b.body.Close()
}

// timedBody fails a Read that takes too long. How long its user waits between
// Reads does not matter.
type timedBody struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	close  sync.Once
}

func (b *timedBody) Read(p []byte) (int, error) {
	timer := time.AfterFunc(answerTimeout, func() { b.cancel(errStalled) })
	n, err := b.ReadCloser.Read(p)
	timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) && context.Cause(b.ctx) == errStalled {
		err = errStalled
	}
	return n, err
}

func (b *timedBody) Close() error {
	err := b.ReadCloser.Close()
	b.close.Do(func() { b.cancel(nil) })
	return err
}
