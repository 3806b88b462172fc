package oci

import (
	"io"
	"net/http"
	"time"

	"github.com/twinport/twinport/internal/registry"
)

// stallTimeout is how long a client may be silent while it sends a body, or
// take nothing while it is sent one.
const stallTimeout = time.Minute

// requestBody reads a request's body. It drops a client that stalls, without
// limiting how long a body may take, and remembers why reading failed: what
// the client broke must not be taken for an error of the server's.
type requestBody struct {
	body     io.Reader
	deadline *http.ResponseController
	stall    time.Duration
	extended time.Time
	// left is how many bytes may still come, or -1 if the length is not known.
	left int64
	err  error
}

// requestBody returns the body of r; net/http holds it to its Content-Length.
func (h *handler) requestBody(w http.ResponseWriter, r *http.Request) *requestBody {
	return &requestBody{body: r.Body, deadline: http.NewResponseController(w), stall: h.stall, left: -1}
}

func (b *requestBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	// Setting a deadline at every read would cost more than many reads do. Not every
	// ResponseWriter has deadlines; then the server's own limits hold.
	if now := time.Now(); now.Sub(b.extended) > b.stall/60 {
		_ = b.deadline.SetReadDeadline(now.Add(b.stall))
		b.extended = now
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
	if err == io.EOF {
		// The connection stays watched for the client's going away while the
		// request is worked on; that may take longer than a stall.
		_ = b.deadline.SetReadDeadline(time.Time{})
	}
	b.err = err
	return n, err
}

// blame returns what is wrong with the body if that is why err came about. A
// refusal of the domain's is never the body's fault.
func blame(body *requestBody, err error) error {
	if body == nil || body.err == nil || body.err == io.EOF || registry.CodeOf(err) != "" {
		return err
	}
	return bodyError(body.err)
}
