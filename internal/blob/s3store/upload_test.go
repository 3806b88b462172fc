package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/blobtest"
	"github.com/twinport/twinport/internal/budget"
)

// requests counts those of each operation.
type requests struct {
	mu sync.Mutex
	of map[string]int
}

func (b bucket) counted(t testing.TB) (bucket, *requests) {
	n := &requests{of: map[string]int{}}
	return b.through(t, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.of[operation(r)]++
		return false
	}), n
}

// take returns the counts and begins anew.
func (n *requests) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	text := strings.TrimPrefix(fmt.Sprint(n.of), "map")
	n.of = map[string]int{}
	return text
}

func TestRequestsPerOperation(t *testing.T) {
	b, n := newBucket(t).counted(t)
	s := b.open(t, "")
	check := func(what, want string) {
		t.Helper()
		if got := n.take(); got != want {
			t.Errorf("%s takes %s, want %s", what, got, want)
		}
	}
	check("open", "[HeadBucket:1]")
	small := blobtest.Push(t, s, "small", []byte("content"))
	check("a small push", "[PutObject:1]")
	blobtest.Push(t, s, "large", blobtest.Content(large, 1))
	check("a large push", "[CompleteMultipartUpload:1 CreateMultipartUpload:1 UploadPart:3]")
	r, err := s.Open(ctx, small, 7)
	if err != nil {
		t.Fatal(err)
	}
	check("opening", "[]")
	_, _ = io.ReadAll(r)
	check("reading", "[GetObject:1]")
	if _, err := s.URL(ctx, small); err != nil {
		t.Fatal(err)
	}
	check("a URL", "[]")
	u := blobtest.Reserve(t, s, "wrong", nil)
	blobtest.Append(t, u, []byte("content"))
	if err := u.Verify(ctx, digest.FromString("other")); !errors.Is(err, blob.ErrDigest) {
		t.Error(err)
	}
	check("a wrong digest", "[GetObject:1 HeadObject:1]") // the second finds that the bucket is there
	for range 3 {
		if err := s.Check(ctx, small, 7); err != nil {
			t.Error(err)
		}
	}
	check("looking for an object again and again", "[HeadObject:1]")
	if _, err := s.Size(ctx, small); err != nil {
		t.Error(err)
	}
	check("the size", "[HeadObject:1]")
	u.Close()
	u = blobtest.Reserve(t, s, "chunks", nil)
	blobtest.Append(t, u, []byte("con"))
	state := blobtest.State(t, u)
	u.Close()
	check("a chunk", "[PutObject:1]")
	u = blobtest.Reserve(t, s, "chunks", state)
	blobtest.Commit(t, u, digest.FromString("con"))
	u.Close()
	check("completing chunks", "[DeleteObjects:1 GetObject:1 PutObject:1]")
	if err := s.Delete(ctx, make([]string, 3)); err != nil {
		t.Error(err)
	}
	check("deleting nothing", "[]")
	if err := s.Delete(ctx, manyNames(1001)); err != nil {
		t.Error(err)
	}
	check("deleting 1001 objects", "[DeleteObjects:2]")
}

func manyNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint("blobs/absent-", i)
	}
	return names
}

func TestListsHavePages(t *testing.T) {
	s := newBucket(t).open(t, "")
	const n = 1005
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := worker; i < n; i += 8 {
				blobtest.Push(t, s, fmt.Sprintf("u%04d", i), nil)
				u := blobtest.Reserve(t, s, fmt.Sprintf("v%04d", i), nil)
				blobtest.Append(t, u, []byte("x"))
				_ = blobtest.State(t, u)
				u.Close()
			}
		})
	}
	all.Wait()
	objects := blobtest.Objects(t, s, "")
	if len(objects) != n {
		t.Errorf("%d objects", len(objects))
	}
	for i, o := range objects {
		if o.Upload != fmt.Sprintf("u%04d", i) {
			t.Fatalf("object %d is of %s", i, o.Upload)
		}
	}
	if ids := blobtest.Uploads(t, s); len(ids) != n {
		t.Errorf("%d uploads", len(ids))
	}
}

// tails are how many objects the bucket has for an unfinished upload.
func tails(t *testing.T, s *Store, id string) (n int) {
	t.Helper()
	text := s.at.prefix + uploadsFolder + id + "/"
	res, err := s.client.ListObjectsV2(ctx, listOf(s, text))
	if err != nil {
		t.Fatal(err)
	}
	return len(res.Contents)
}

func TestOldTailsGo(t *testing.T) {
	s := newBucket(t).open(t, "")
	var state []byte
	for range 10 {
		u := blobtest.Reserve(t, s, "u", state)
		blobtest.Append(t, u, blobtest.Content(1000, 1))
		state = blobtest.State(t, u)
		u.Close()
		if n := tails(t, s, "u"); n > 2 {
			t.Fatalf("%d tails are kept", n)
		}
	}
	u := blobtest.Reserve(t, s, "u", state)
	defer u.Close()
	blobtest.Commit(t, u, digest.FromBytes(bytes.Repeat(blobtest.Content(1000, 1), 10)))
	if n := tails(t, s, "u"); n != 0 {
		t.Errorf("%d tails are left", n)
	}
}

func TestStatesThatCannotBeRead(t *testing.T) {
	s := newBucket(t).open(t, "")
	u := blobtest.Reserve(t, s, "u", nil)
	blobtest.Append(t, u, blobtest.Content(large, 1))
	good := string(blobtest.State(t, u))
	u.Close()
	for name, text := range map[string]string{
		"no JSON":         "x",
		"newer":           strings.Replace(good, `"v":1`, `"v":2`, 1),
		"no tail":         strings.Replace(good, `"tail"`, `"liat"`, 1),
		"no multipart":    strings.Replace(good, `"multipart"`, `"m"`, 1),
		"no hash":         strings.Replace(good, `"sha256"`, `"h"`, 1),
		"other size":      strings.Replace(good, `"size":1`, `"size":9`, 1),
		"negative size":   strings.Replace(good, `"size":1`, `"size":-1`, 1),
		"other hash":      strings.Replace(good, `"sha256":"`, `"sha256":"AAAA`, 1),
		"size of nothing": `{"v":1,"size":5}`,
	} {
		if text == good {
			t.Fatalf("%s: not changed", name)
		}
		if u, err := s.Upload(ctx, "u", []byte(text)); err == nil {
			u.Close()
			t.Errorf("%s: no error", name)
		}
	}
	blobtest.Reserve(t, s, "u", []byte(good)).Close() // none has left it reserved
	// It can be dropped whatever its state.
	if err := s.DropUpload(ctx, "u", []byte("x")); err != nil {
		t.Error(err)
	}
	if ids := blobtest.Uploads(t, s); len(ids) != 0 {
		t.Errorf("uploads %q", ids)
	}
}

// With memory for two parts, many uploads go on, and small ones do not wait
// for clients that have stopped sending.
func TestMemoryIsBounded(t *testing.T) {
	s := newBucket(t).open(t, "")
	s.background = newBackground(2)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			content := blobtest.Content(large, byte(i))
			u := blobtest.Reserve(t, s, fmt.Sprint("u", i), nil)
			defer u.Close()
			// Half of them deliver in small pieces.
			var r io.Reader = bytes.NewReader(content)
			if i%2 == 0 {
				r = iotest.HalfReader(r)
			}
			if _, err := u.ReadFrom(r); err != nil {
				t.Error(err)
				return
			}
			blobtest.Check(t, s, blobtest.Commit(t, u, digest.FromBytes(content)), content)
		})
	}
	all.Wait()
	taken := s.background.Claim(budget.Party{})
	if err := taken.Take(ctx, 2*partSize); err != nil {
		t.Fatalf("memory was not given back: %v", err)
	}
	blobtest.Push(t, s, "small", blobtest.Content(chunkSize-1, 1))
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	u, err := s.Upload(short, "large", nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := u.ReadFrom(bytes.NewReader(blobtest.Content(chunkSize+1, 1))); !errors.Is(err,
		context.DeadlineExceeded) || n != chunkSize {
		t.Errorf("without memory: %d bytes, %v", n, err)
	}
	u.Close()
	taken.Close()
	blobtest.Push(t, s, "large", blobtest.Content(chunkSize+1, 1))
}

// All parts fail while there is memory for no more: nobody waits for memory
// that only those who wait could give.
func TestFailedPartsDoNotBlock(t *testing.T) {
	b := newBucket(t)
	var asked atomic.Int64
	s := b.through(t, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if operation(r) != "UploadPart" {
			return false
		}
		asked.Add(1)
		refuse(w, r, http.StatusBadRequest, "InvalidRequest")
		return true
	}).open(t, "")
	s.background = newBackground(2)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			u := blobtest.Reserve(t, s, fmt.Sprint("u", i), nil)
			defer u.Close()
			began := time.Now()
			if _, err := u.ReadFrom(bytes.NewReader(blobtest.Content(4*partSize, 1))); err == nil ||
				errors.Is(err, context.Canceled) || time.Since(began) > backgroundWait/2 {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		})
	}
	all.Wait()
	if s.background.Used() != 0 || asked.Load() < 4 {
		t.Errorf("%d bytes of memory were not given back, after %d requests", s.background.Used(), asked.Load())
	}
}

// When the request ends, what was accepted and not sent is still accounted for.
func TestRequestEndsMidway(t *testing.T) {
	b := newBucket(t)
	s := b.open(t, "")
	request, end := context.WithCancel(ctx)
	u, err := s.Upload(request, "u", nil)
	if err != nil {
		t.Fatal(err)
	}
	content := blobtest.Content(large, 1)
	r := io.MultiReader(bytes.NewReader(content[:12<<20]), readerFunc(func([]byte) (int, error) {
		end()
		return 0, context.Canceled
	}))
	_, err = u.ReadFrom(r)
	if !errors.Is(err, context.Canceled) || errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	state := blobtest.State(t, u) // with a context of its own
	size := u.Size()
	u.Close()
	u = blobtest.Reserve(t, b.open(t, ""), "u", state)
	defer u.Close()
	if u.Size() != size || size < partSize {
		t.Errorf("resumed at %d, want %d", u.Size(), size)
	}
	blobtest.Append(t, u, content[size:])
	blobtest.Check(t, s, blobtest.Commit(t, u, digest.FromBytes(content)), content)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func BenchmarkUpload(b *testing.B) {
	for name, size := range map[string]int{"4KiB": 4 << 10, "64MiB": 64 << 20} {
		b.Run(name, func(b *testing.B) {
			s := newBucket(b).open(b, "")
			content := blobtest.Content(size, 1)
			b.SetBytes(int64(size))
			for i := 0; b.Loop(); i++ {
				object := blobtest.Push(b, s, fmt.Sprint("u", i), content)
				b.StopTimer()
				if err := s.Delete(ctx, []string{object}); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for name, size := range map[string]int{"4KiB": 4 << 10, "64MiB": 64 << 20} {
		b.Run(name, func(b *testing.B) {
			s := newBucket(b).open(b, "")
			object := blobtest.Push(b, s, "u", blobtest.Content(size, 1))
			b.SetBytes(int64(size))
			for b.Loop() {
				r, err := s.Open(ctx, object, int64(size))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
				_ = r.Close()
			}
		})
	}
}
