package oci

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// testStall is long enough for a machine under load to send a few bytes.
const testStall = 300 * time.Millisecond

// serveStalling serves f over a real connection with a short stall timeout.
// ended gets the error of each request's context at the end of its handler.
func serveStalling(t *testing.T, f fakeRegistry) (address string, ended chan error) {
	t.Helper()
	h := newHandler(f).(*handler)
	h.stall = testStall
	ended = make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = budget.NewBody(r.Body, budget.Pace{
			Silence: testStall, Rate: 1 << 20,
		}, http.NewResponseController(w).SetReadDeadline)
		h.ServeHTTP(w, r)
		ended <- r.Context().Err()
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), ended
}

// sendRequest sends a request whose body is declared bytes long, and body of it.
func sendRequest(t *testing.T, address, line string, declared int, body string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	r := httptest.NewRequest("GET", "http://x/", nil)
	r.SetBasicAuth("AWS", token(prodKey, auth.Token{}))
	if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s",
		line, r.Header.Get("Authorization"), declared, body); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

const patch = "PATCH /v2/app/blobs/uploads/" + uploadID

// keep reads what arrives of an upload and reports it.
func keep(received chan string) func(int64, io.Reader) (int64, error) {
	return func(_ int64, r io.Reader) (int64, error) {
		body, err := io.ReadAll(r)
		received <- fmt.Sprintf("%s, %v", body, err)
		return int64(len(body)), err
	}
}

func TestClientGoesAwayMidway(t *testing.T) {
	received := make(chan string, 1)
	address, _ := serveStalling(t, fakeRegistry{append: keep(received)})
	conn := sendRequest(t, address, patch, 100, "partial")
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got := <-received; got != "partial, unexpected EOF" {
		t.Errorf("received %q", got)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") ||
		!strings.Contains(string(answer), codeSizeInvalid) {
		t.Errorf("answer %q, %v", answer, err)
	}
}

func TestStalledUploadIsDropped(t *testing.T) {
	received := make(chan string, 1)
	address, _ := serveStalling(t, fakeRegistry{append: keep(received)})
	conn := sendRequest(t, address, patch, 100, "partial")
	if got := <-received; !strings.HasPrefix(got, "partial, ") || !strings.HasSuffix(got, "i/o timeout") {
		t.Errorf("received %q", got)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") {
		t.Errorf("answer %q, %v", answer, err)
	}
}

func TestSlowWorkAfterTheBodyIsNoStall(t *testing.T) {
	address, ended := serveStalling(t, fakeRegistry{append: func(_ int64, r io.Reader) (int64, error) {
		n, err := io.Copy(io.Discard, r)
		time.Sleep(2 * testStall)
		return n, err
	}})
	conn := sendRequest(t, address, patch, 7, "partial")
	if err := <-ended; err != nil {
		t.Errorf("the request was cancelled while the server worked on it: %v", err)
	}
	answer := make([]byte, 12)
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 202" {
		t.Errorf("answer %q, %v", answer, err)
	}
}

// TestBudgets: who is refused for want of memory is answered at once, in the form of the protocol.
func TestBudgets(t *testing.T) {
	limits := budget.NewLimits(850<<20, 2, slog.New(slog.DiscardHandler))
	limits.Memory.Wait = 0
	h := newHandler(fakeRegistry{put: func(access.Caller, resource.Repository, registry.NewManifest) (registry.PutResult,
		error) {
		return registry.PutResult{Digest: someSHA}, nil
	}, tags: func(registry.Page) ([]string, string, error) {
		return []string{strings.Repeat("t", 1<<20)}, "", nil
	}}).(*handler)
	h.limits = limits
	ask := func(method, target string, size int) *http.Response {
		r := httptest.NewRequest(method, "http://"+prodHost+target, strings.NewReader(strings.Repeat(" ", size)))
		r.SetBasicAuth("AWS", token(prodKey, auth.Token{}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	const put = "/v2/app/manifests/v1"
	hog, own := limits.Memory.Claim(budget.Party{}), limits.Memory.Claim(budget.Party{Account: prodAccount})
	if err := hog.Take(t.Context(), limits.Memory.Limit); err != nil {
		t.Fatal(err)
	}
	resp := ask("PUT", put, 1<<20)
	if code := errorCode(t, resp); resp.StatusCode != 503 || code != codeTooManyRequests ||
		resp.Header.Get("Retry-After") != "1" {
		t.Errorf("all is taken: %d %s %v", resp.StatusCode, code, resp.Header)
	}
	if resp := ask("PUT", put, 4000); resp.StatusCode != 201 {
		t.Errorf("a small manifest, when all is taken: %d", resp.StatusCode)
	}
	hog.Close()
	if err := own.Take(t.Context(), limits.Memory.Limit/2); err != nil {
		t.Fatal(err)
	}
	for _, resp := range []*http.Response{ask("PUT", put, 1<<20), ask("GET", "/v2/app/tags/list", 0)} {
		if code := errorCode(t, resp); resp.StatusCode != 429 || code != codeTooManyRequests ||
			resp.Header.Get("Retry-After") != "1" {
			t.Errorf("its share is taken: %d %s %v", resp.StatusCode, code, resp.Header)
		}
	}
	own.Close()
	if resp := ask("PUT", put, 1<<20); resp.StatusCode != 201 || limits.Memory.Used() != 0 {
		t.Errorf("when there is room: %d, and %d are not given back", resp.StatusCode, limits.Memory.Used())
	}
}

func TestStalledDownloadIsDropped(t *testing.T) {
	const size = 64 << 20 // more than the sockets' buffers take
	address, ended := serveStalling(t, fakeRegistry{open: func(resource.Repository) (registry.Layer, registry.LayerContent,
		error) {
		f, err := os.Create(filepath.Join(t.TempDir(), "blob"))
		if err != nil {
			return registry.Layer{}, registry.LayerContent{}, err
		}
		return registry.Layer{Digest: someSHA, Size: size}, registry.LayerContent{ReadSeekCloser: f}, f.Truncate(size)
	}})
	sendRequest(t, address, "GET /v2/app/blobs/"+someSHA.String(), 0, "")
	select {
	case <-ended:
	case <-time.After(20 * testStall):
		t.Error("a client that takes nothing holds its request for ever")
	}
}
