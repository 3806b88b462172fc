package oci

import (
	"io"
	"net/http"
	"time"

	"github.com/twinport/twinport/internal/registry"
)

// stallTimeout is how long a client may take nothing while it is sent a body.
const stallTimeout = time.Minute

// requestBody reads a request's body, and remembers why reading failed, so that
// a fault of the client is not taken for one of the server. The server sees to
// the body's pace.
type requestBody struct {
	body io.Reader
	// left is how many bytes may still come, or -1 if the length is not known.
	left int64
	err  error
}

// newBody returns the body of r; net/http holds it to its Content-Length.
func newBody(r *http.Request) *requestBody { return &requestBody{body: r.Body, left: -1} }

func (b *requestBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.left >= 0 && int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more, to find out that there is more
	}
	n, err := b.body.Read(p)
	if b.left >= 0 {
		if int64(n) > b.left {
			n, err = int(b.left), errBodyTooLong
		}
		b.left -= int64(n)
		if err == io.EOF && b.left > 0 {
			err = io.ErrUnexpectedEOF
		}
	}
	b.err = err
	return n, err
}

// blame returns what is wrong with the body, if that caused err, and else err.
// A refusal of the domain is never the body's fault.
func blame(body *requestBody, err error) error {
	if body == nil || body.err == nil || body.err == io.EOF || registry.CodeOf(err) != "" {
		return err
	}
	return bodyError(body.err)
}
