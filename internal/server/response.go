package server

import (
	"io"
	"net/http"
	"time"
)

// writeTimeout is how long a client may take for the answer, or the next part
// of it: the OCI protocol sets its own, later and later, while it sends a blob.
const writeTimeout = time.Minute

// response carries what a log and the metrics want to know of an answer.
type response struct {
	http.ResponseWriter
	status int // 0 until the header is written
	bytes  int64
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
	// A client that does not read must not hold the connection for ever. Not
	// every ResponseWriter has deadlines; those of tests need none.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout))
}

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
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
