package s3store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/blobtest"
)

const large = 17<<20 + 12345

// operation names what a request asks for.
func operation(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodPut && q.Has("partNumber"):
		return "UploadPart"
	case r.Method == http.MethodPut:
		return "PutObject"
	case r.Method == http.MethodPost && q.Has("uploads"):
		return "CreateMultipartUpload"
	case r.Method == http.MethodPost && q.Has("uploadId"):
		return "CompleteMultipartUpload"
	case r.Method == http.MethodPost && q.Has("delete"):
		return "DeleteObjects"
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		return "AbortMultipartUpload"
	case r.Method == http.MethodGet && q.Has("uploads"):
		return "ListMultipartUploads"
	case r.Method == http.MethodGet && q.Has("list-type"):
		return "ListObjects"
	case r.Method == http.MethodGet:
		return "GetObject"
	case r.Method == http.MethodHead && strings.Count(strings.Trim(r.URL.Path, "/"), "/") > 0:
		return "HeadObject"
	}
	return "HeadBucket"
}

func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>as the test has it</Message></Error>", code)
}

// faults are what may go wrong with one request.
var faults = map[string]func(w http.ResponseWriter, r *http.Request, pass http.Handler){
	"500":      func(w http.ResponseWriter, r *http.Request, _ http.Handler) { refuse(w, r, 500, "InternalError") },
	"SlowDown": func(w http.ResponseWriter, r *http.Request, _ http.Handler) { refuse(w, r, 503, "SlowDown") },
	"cut":      func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) },
	// The server does it, but the answer is lost.
	"lost": func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		pass.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	},
}

// exercise pushes large and small blobs in several requests and reads them.
func exercise(t *testing.T, s *Store, prefix string) error {
	t.Helper()
	for i, n := range []int{1000, large} {
		id := fmt.Sprint(prefix, i)
		content := blobtest.Content(n, byte(i))
		var state []byte
		for _, half := range [][]byte{content[:n/2], content[n/2:]} {
			u, err := s.Upload(ctx, id, state)
			if err != nil {
				return err
			}
			defer u.Close()
			if _, err := u.ReadFrom(bytes.NewReader(half)); err != nil {
				return err
			}
			if state, err = u.State(ctx); err != nil {
				return err
			}
			u.Close()
		}
		u, err := s.Upload(ctx, id, state)
		if err != nil {
			return err
		}
		defer u.Close()
		d := digest.FromBytes(content)
		if err := u.Verify(ctx, d); err != nil {
			return err
		}
		object, err := u.Commit(ctx, d)
		if err != nil {
			return err
		}
		if size, err := s.Size(ctx, object); err != nil || size != int64(n) {
			return fmt.Errorf("size %d, %w", size, err)
		}
		r, err := s.Open(ctx, object, int64(n))
		if err != nil {
			return err
		}
		defer r.Close()
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
			return fmt.Errorf("read %d bytes: %w", len(got), err)
		}
		other, err := s.Upload(ctx, id+"-dropped", nil)
		if err != nil {
			return err
		}
		defer other.Close()
		if _, err := other.ReadFrom(bytes.NewReader(content)); err != nil {
			return err
		}
		if err := other.Cancel(ctx); err != nil {
			return err
		}
		for _, err := range s.Objects(ctx, "") {
			if err != nil {
				return err
			}
		}
	}
	return s.Ping(ctx)
}

// Whatever goes wrong once, with any request, is retried.
func TestEveryRequestIsRetried(t *testing.T) {
	b := newBucket(t)
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			begun := map[string]int{}
			faulty := b.through(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
				// The first of each three requests of an operation.
				mu.Lock()
				op := operation(r)
				begun[op]++
				first := begun[op]%3 == 1
				mu.Unlock()
				if first {
					fault(w, r, pass)
				}
				return first
			})
			if err := exercise(t, faulty.open(t, ""), name); err != nil {
				t.Error(err)
			}
			if len(begun) != 11 {
				t.Errorf("not all operations were tried: %v", begun)
			}
		})
	}
}

// Whatever goes wrong for long is ErrUnavailable, and the session goes on when
// it is over, from what was saved.
func TestUnavailable(t *testing.T) {
	for _, op := range []string{
		"CreateMultipartUpload", "UploadPart", "PutObject", "GetObject", "CompleteMultipartUpload",
	} {
		for _, name := range []string{"SlowDown", "lost"} {
			t.Run(op+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := newBucket(t)
				var broken atomic.Bool
				s := b.through(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
					if !broken.Load() || operation(r) != op {
						return false
					}
					faults[name](w, r, pass)
					return true
				}).open(t, "")
				content := blobtest.Content(large, 1)
				d := digest.FromBytes(content)
				u := blobtest.Reserve(t, s, "u", nil)
				first := 5000
				blobtest.Append(t, u, content[:first])
				state := blobtest.State(t, u)
				u.Close()

				broken.Store(true)
				u = blobtest.Reserve(t, s, "u", state)
				n, err := u.ReadFrom(bytes.NewReader(content[first:]))
				if u.Size() != int64(first)+n {
					t.Errorf("%d bytes were accepted, but it has %d", n, u.Size())
				}
				switch {
				case err != nil:
				case op == "PutObject":
					_, err = u.State(ctx)
				default:
					if err = u.Verify(ctx, d); err == nil {
						_, err = u.Commit(ctx, d)
					}
				}
				// What was done although its answers were lost is found to be done.
				if done := op == "CompleteMultipartUpload" && name == "lost"; done != (err == nil) || !done &&
					!errors.Is(err, blob.ErrUnavailable) {
					t.Errorf("%v", err)
				}
				// In the same request.
				broken.Store(false)
				if size := u.Size(); size < int64(len(content)) {
					blobtest.Append(t, u, content[size:])
				}
				blobtest.Check(t, s, blobtest.Commit(t, u, d), content)
				u.Close()
				// In another process, from the state that was saved.
				s = b.open(t, "")
				u = blobtest.Reserve(t, s, "u", state)
				blobtest.Check(t, s, blobtest.Commit(t, u, d), content)
				u.Close()
			})
		}
	}
}

// A part that fails in the midst of others is no gap.
func TestPartFailsAmongOthers(t *testing.T) {
	b := newBucket(t)
	for number := 1; number <= 4; number++ {
		var broken atomic.Bool
		broken.Store(true)
		s := b.through(t, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			bad := broken.Load() && r.URL.Query().Get("partNumber") == strconv.Itoa(number)
			if bad {
				refuse(w, r, http.StatusBadRequest, "InvalidRequest") // is not retried
			}
			return bad
		}).open(t, "")
		id := fmt.Sprint("u", number)
		content := blobtest.Content(5*partSize+5, byte(number))
		u := blobtest.Reserve(t, s, id, nil)
		n, err := u.ReadFrom(bytes.NewReader(content))
		if err == nil || errors.Is(err, blob.ErrUnavailable) || n != int64(number)*partSize || u.Size() != n {
			t.Errorf("part %d: %d bytes, %v; it has %d", number, n, err, u.Size())
		}
		// The failed part is not lost: it is the tail.
		state := blobtest.State(t, u)
		u.Close()
		broken.Store(false)
		u = blobtest.Reserve(t, b.open(t, ""), id, state)
		if u.Size() != n {
			t.Errorf("resumed at %d, want %d", u.Size(), n)
		}
		blobtest.Append(t, u, content[n:])
		blobtest.Check(t, s, blobtest.Commit(t, u, digest.FromBytes(content)), content)
		u.Close()
	}
}

func TestFull(t *testing.T) {
	b := newBucket(t)
	for _, answer := range []struct {
		status int
		code   string
	}{{507, "InsufficientStorage"}, {403, "QuotaExceeded"}, {503, "XMinioStorageFull"}} {
		var asked atomic.Int64
		s := b.through(t, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.Method != http.MethodPut {
				return false
			}
			asked.Add(1)
			refuse(w, r, answer.status, answer.code)
			return true
		}).open(t, "")
		u := blobtest.Reserve(t, s, "u", nil)
		blobtest.Append(t, u, []byte("content"))
		if _, err := u.Commit(ctx, digest.FromString("content")); !errors.Is(err, blob.ErrFull) ||
			errors.Is(err, blob.ErrUnavailable) {
			t.Errorf("%s: %v", answer.code, err)
		}
		if _, err := u.State(ctx); !errors.Is(err, blob.ErrFull) {
			t.Errorf("state, %s: %v", answer.code, err)
		}
		u.Close()
		if answer.status != 503 && asked.Load() != 2 {
			t.Errorf("%s was retried: %d requests", answer.code, asked.Load())
		}
	}
}

// truncated passes n bytes of a body, and then ends it as if that were all, or
// cuts the connection.
func truncated(w http.ResponseWriter, r *http.Request, pass http.Handler, n int, cleanly bool) {
	rec := httptest.NewRecorder()
	pass.ServeHTTP(rec, r)
	for name, values := range rec.Header() {
		if name != "Content-Length" || !cleanly {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(rec.Code)
	body := rec.Body.Bytes()
	_, _ = w.Write(body[:min(n, len(body))])
	_ = http.NewResponseController(w).Flush()
	if !cleanly {
		panic(http.ErrAbortHandler)
	}
}

func TestTruncatedBodiesAreResumed(t *testing.T) {
	b := newBucket(t)
	content := blobtest.Content(5<<20, 1)
	object := blobtest.Push(t, b.open(t, ""), "u", content)
	for _, cleanly := range []bool{true, false} {
		var gets atomic.Int64
		s := b.through(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			if operation(r) != "GetObject" {
				return false
			}
			if gets.Add(1) > 1 && r.Header.Get("If-Match") == "" {
				t.Error("resumed without If-Match")
			}
			truncated(w, r, pass, 700_000, cleanly)
			return true
		}).open(t, "")
		blobtest.Check(t, s, object, content)
		if n := gets.Load(); n < 8 {
			t.Errorf("%d requests", n)
		}
	}
}

func TestTruncatedForEver(t *testing.T) {
	b := newBucket(t)
	content := blobtest.Content(1<<20, 1)
	object := blobtest.Push(t, b.open(t, ""), "u", content)
	for _, cleanly := range []bool{true, false} {
		t.Run(fmt.Sprint(cleanly), func(t *testing.T) {
			t.Parallel()
			var gets atomic.Int64
			s := b.through(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
				if operation(r) != "GetObject" {
					return false
				}
				n := 0
				if gets.Add(1) == 1 {
					n = 1000
				}
				truncated(w, r, pass, n, cleanly)
				return true
			}).open(t, "")
			r, err := s.Open(ctx, object, int64(len(content)))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got, err := io.ReadAll(r)
			if !errors.Is(err, blob.ErrUnavailable) || !bytes.Equal(got, content[:1000]) || gets.Load() > 3*maxResumes {
				t.Errorf("%d bytes in %d requests: %v", len(got), gets.Load(), err)
			}
		})
	}
}

func TestObjectOfAnotherSize(t *testing.T) {
	s := newBucket(t).open(t, "")
	object := blobtest.Push(t, s, "u", []byte("content"))
	for _, size := range []int64{6, 8, 100} {
		r, err := s.Open(ctx, object, size)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int64{0, 5} {
			if _, err := r.Seek(at, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err == nil || errors.Is(err, blob.ErrUnavailable) || len(got) > 0 {
				t.Errorf("size %d at %d: %q, %v", size, at, got, err)
			}
		}
		_ = r.Close()
	}
}

func TestObjectChangesWhileItIsRead(t *testing.T) {
	b := newBucket(t)
	s := b.open(t, "")
	object := blobtest.Push(t, s, "u", blobtest.Content(1000, 1))
	r, err := s.Open(ctx, object, 1000)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ctx, []string{object}); err != nil {
		t.Fatal(err)
	}
	blobtest.Push(t, s, "u", blobtest.Content(1000, 2)) // as nobody should
	if _, err := r.Seek(500, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); !errors.Is(err, errChanged) || len(got) > 0 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A server that keeps the connection but does not answer.
func TestStalledServer(t *testing.T) {
	b := newBucket(t)
	content := blobtest.Content(100_000, 1)
	object := blobtest.Push(t, b.open(t, ""), "u", content)
	defer func(d time.Duration) { answerTimeout = d }(answerTimeout)
	answerTimeout = time.Second
	for _, when := range []string{"before the answer", "within the body"} {
		var gets atomic.Int64
		s := b.through(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			if operation(r) != "GetObject" || gets.Add(1) > 1 {
				return false
			}
			if when == "within the body" {
				w.Header().Set("Content-Length", "100000")
				w.Header().Set("Content-Range", "bytes 0-99999/100000")
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(content[:5000])
				_ = http.NewResponseController(w).Flush()
			}
			<-r.Context().Done()
			return true
		}).open(t, "")
		began := time.Now()
		blobtest.Check(t, s, object, content)
		if took := time.Since(began); gets.Load() < 2 || took > 20*time.Second {
			t.Errorf("%s: %d requests in %s", when, gets.Load(), took)
		}
	}
}

// Two processes have a session at once, against the rules: neither damages
// what the other committed.
func TestTwoProcessesHaveASession(t *testing.T) {
	b := newBucket(t)
	for _, n := range []int{1000, large} {
		for _, algorithm := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
			id := fmt.Sprint(n, algorithm)
			one, two := b.open(t, ""), b.open(t, "")
			begin := blobtest.Content(n/2, 1)
			u := blobtest.Reserve(t, one, id, nil)
			blobtest.Append(t, u, begin)
			state := blobtest.State(t, u)
			u.Close()

			u1, u2 := blobtest.Reserve(t, one, id, state), blobtest.Reserve(t, two, id, state)
			end1, end2 := blobtest.Content(n, 2), blobtest.Content(n, 3)
			blobtest.Append(t, u1, end1)
			state1 := blobtest.State(t, u1)
			blobtest.Append(t, u2, end2)
			blobtest.State(t, u2)
			u2.Close()
			content1 := slices.Concat(begin, end1)
			u1.Close()
			u1 = blobtest.Reserve(t, one, id, state1)
			err := u1.Verify(ctx, algorithm.FromBytes(content1))
			var object string
			if err == nil {
				object, err = u1.Commit(ctx, algorithm.FromBytes(content1))
			}
			u1.Close()
			switch {
			case err == nil:
				blobtest.Check(t, one, object, content1)
			case !errors.Is(err, blob.ErrNotFound):
				t.Errorf("%d bytes: %v", n, err)
			}

			// The other commits after the first is done.
			id += "-later"
			first := blobtest.Push(t, one, id, content1)
			u2 = blobtest.Reserve(t, two, id, nil)
			content2 := slices.Concat(begin, end2)
			blobtest.Append(t, u2, content2)
			err = u2.Verify(ctx, algorithm.FromBytes(content2))
			if err == nil {
				_, err = u2.Commit(ctx, algorithm.FromBytes(content2))
			}
			if !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("%d bytes, later: %v", n, err)
			}
			u2.Close()
			blobtest.Check(t, one, first, content1)
		}
	}
}

// A server that cannot refuse to overwrite is used all the same.
func TestServerWithoutConditions(t *testing.T) {
	b := newBucket(t)
	var refused atomic.Int64
	s := b.through(t, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Header.Get("If-None-Match") == "" {
			return false
		}
		refused.Add(1)
		refuse(w, r, http.StatusNotImplemented, "NotImplemented")
		return true
	}).open(t, "")
	for i := range 3 {
		content := blobtest.Content(1000, byte(i))
		blobtest.Check(t, s, blobtest.Push(t, s, fmt.Sprint("u", i), content), content)
	}
	if refused.Load() != 1 {
		t.Errorf("it was asked %d times", refused.Load())
	}
}

// TestGuardedBody: a body that was read in whole ends also after it is closed, which is
// when net/http may look for its end. Another one cannot be read.
func TestGuardedBody(t *testing.T) {
	for _, c := range []struct {
		length, read int64
		want         error
	}{{3, 3, io.EOF}, {3, 2, net.ErrClosed}, {-1, 3, net.ErrClosed}} {
		b := &guardedBody{body: io.NopCloser(strings.NewReader("abc")), left: c.length}
		if _, err := io.CopyN(io.Discard, b, c.read); err != nil {
			t.Fatal(err)
		}
		_ = b.Close()
		if n, err := b.Read(make([]byte, 1)); n != 0 || !errors.Is(err, c.want) {
			t.Errorf("%d of %d bytes: %d, %v, want %v", c.read, c.length, n, err, c.want)
		}
	}
}
