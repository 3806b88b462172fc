package server

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// sink is a connection that knows how to send files.
type sink struct {
	http.ResponseWriter
	readFrom bool
}

func (s *sink) ReadFrom(r io.Reader) (int64, error) {
	s.readFrom = true
	return io.Copy(s.ResponseWriter, r)
}

func TestResponseKeepsReaderFrom(t *testing.T) {
	to := &sink{ResponseWriter: httptest.NewRecorder()}
	w := &response{ResponseWriter: to}
	n, err := io.CopyN(w, strings.NewReader("content and more"), 7)
	if n != 7 || err != nil || !to.readFrom || w.status != 200 || w.bytes != 7 {
		t.Errorf("copied %d (%v), by ReadFrom %v, status %d, bytes %d", n, err, to.readFrom, w.status, w.bytes)
	}
	if w.Unwrap() != to {
		t.Error("Unwrap does not lead to the connection")
	}
}

func TestResponseStatus(t *testing.T) {
	w := &response{ResponseWriter: httptest.NewRecorder()}
	w.WriteHeader(http.StatusEarlyHints)
	if w.status != 0 {
		t.Errorf("status %d after 103", w.status)
	}
	recorder := httptest.NewRecorder()
	w = &response{ResponseWriter: recorder}
	w.WriteHeader(http.StatusAccepted)
	w.Write([]byte("abc"))
	// A connection without ReadFrom, as HTTP/2's.
	io.Copy(w, strings.NewReader("de"))
	if w.status != 202 || w.bytes != 5 || recorder.Body.String() != "abcde" {
		t.Errorf("status %d, %d bytes, %q", w.status, w.bytes, recorder.Body)
	}
}

func BenchmarkObserver(b *testing.B) {
	metrics, _ := newMetrics(nil)
	body := []byte("content")
	routes := &routes{oci: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) })}
	o := &observer{routes: routes, metrics: metrics, log: slog.New(slog.DiscardHandler)}
	r := httptest.NewRequest("GET", "/v2/app/manifests/latest", nil)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		w.Body.Reset()
		o.ServeHTTP(w, r)
	}
}
