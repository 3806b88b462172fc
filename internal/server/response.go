package server

import (
	"io"
	"net/http"
	"time"

	"github.com/twinport/twinport/internal/budget"
)

const (
	// writeTimeout is how long a client may take for an answer that is small: the
	// OCI protocol sets its own limit, later and later, while it sends a blob.
	writeTimeout = 30 * time.Second
	// unreadTimeout is how long what was not read of a body may take to come, so
	// that the client is not cut off from the answer that refuses it.
	unreadTimeout = 2 * time.Second
	// writePiece is how much of a large answer is written at a time.
	writePiece = 64 << 10
)

// writePace is how slowly a client may take an answer that is in memory.
var writePace = budget.Pace{Silence: writeTimeout, Rate: 32 << 10}

// response carries what a log and the metrics want to know of an answer, and sees to
// it that the client takes it.
type response struct {
	http.ResponseWriter
	status int // 0 until the header is written
	bytes  int64

	body     *budget.Body // of the request; nil if it has none
	patience *budget.Patience
}

// Unwrap leads http.ResponseController to the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // 1xx come before the answer
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) begin(status int) {
	w.status = status
	if w.body != nil {
		w.body.Hurry(unreadTimeout)
	}
	// A client that does not read must not hold the connection for ever. Not
	// every ResponseWriter has deadlines; those of tests need none.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout))
}

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	if len(p) > writePiece {
		return w.writePieces(p)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// writePieces writes much, as long as the client takes it at a pace.
func (w *response) writePieces(p []byte) (written int, err error) {
	if w.patience == nil {
		patience := writePace.Begin()
		w.patience = &patience
	}
	deadline := http.NewResponseController(w.ResponseWriter)
	for len(p) > 0 && err == nil {
		var n int
		begun := time.Now()
		_ = deadline.SetWriteDeadline(begun.Add(w.patience.Left()))
		n, err = w.ResponseWriter.Write(p[:min(len(p), writePiece)])
		w.patience.Spend(time.Since(begun), n)
		w.bytes += int64(n)
		written += n
		p = p[n:]
	}
	return written, err
}

// ReadFrom keeps the way to the kernel open: net/http sends a file without
// copying it (sendfile).
func (w *response) ReadFrom(r io.Reader) (int64, error) {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	var n int64
	var err error
	if to, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		n, err = to.ReadFrom(r)
	} else {
		n, err = io.Copy(struct{ io.Writer }{w.ResponseWriter}, r)
	}
	w.bytes += n
	return n, err
}
