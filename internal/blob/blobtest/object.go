package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/blob"
)

func testObjects(t *testing.T, open Open) {
	s := open()
	if all := Objects(t, s, ""); len(all) != 0 {
		t.Errorf("an empty store has %v", all)
	}
	want := map[string]blob.Object{}
	for i := range 40 {
		id := fmt.Sprint("session-", i)
		object := Push(t, s, id, Content(i, byte(i)))
		want[object] = blob.Object{Name: object, Upload: id, Size: int64(i)}
	}
	u := Reserve(t, s, "unfinished", nil) // is no object
	Append(t, u, Content(9<<20, 1))
	_ = State(t, u)
	u.Close()

	all := Objects(t, s, "")
	if len(all) != len(want) || !slices.IsSortedFunc(all, func(a, b blob.Object) int {
		return strings.Compare(a.Name, b.Name)
	}) {
		t.Errorf("%d objects, or not in order: %v", len(all), all)
	}
	for _, o := range all {
		if want[o.Name] != o {
			t.Errorf("%+v, want %+v", o, want[o.Name])
		}
	}
	for i, o := range all {
		if got := Objects(t, s, o.Name); !slices.Equal(got, all[i+1:]) {
			t.Errorf("after %s: %v, want %v", o.Name, got, all[i+1:])
		}
		// no objects, but places in the order
		for _, after := range []string{o.Name + "-", o.Name + "/x", o.Name[:len(o.Name)-1]} {
			for _, got := range Objects(t, s, after) {
				if got.Name <= after {
					t.Errorf("after %s: %s", after, got.Name)
				}
			}
		}
	}
	if got := Objects(t, s, "zzz"); len(got) != 0 {
		t.Errorf("after the end: %v", got)
	}
	// One may delete what one is given, and stop.
	n := 0
	for o, err := range s.Objects(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(ctx, []string{o.Name}); err != nil {
			t.Fatal(err)
		}
		if n++; n == 30 {
			break
		}
	}
	if got := Objects(t, s, ""); !slices.Equal(got, all[30:]) {
		t.Errorf("after 30 deletes: %v, want %v", got, all[30:])
	}
}

func testDelete(t *testing.T, open Open) {
	s := open()
	var names []string
	for i := range 5 {
		names = append(names, Push(t, s, fmt.Sprint("u", i), Content(10, byte(i))))
	}
	for range 2 { // absent ones are no error
		if err := s.Delete(ctx, names[:3]); err != nil {
			t.Error(err)
		}
	}
	if err := s.Delete(ctx, nil); err != nil {
		t.Error(err)
	}
	if all := Objects(t, s, ""); len(all) != 2 {
		t.Errorf("left: %v", all)
	}
}

func testRead(t *testing.T, open Open) {
	s := open()
	content := Content(large, 12)
	object := Push(t, s, "u", content)
	r, err := s.Open(ctx, object, large)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	buffer := make([]byte, 1000)
	for _, at := range []int64{0, 5, 5, 1005, large - 1000, 3, 9 << 20} {
		if n, err := r.Seek(at, io.SeekStart); n != at || err != nil {
			t.Errorf("seek to %d: %d, %v", at, n, err)
		}
		if _, err := io.ReadFull(r, buffer); err != nil || !bytes.Equal(buffer, content[at:at+1000]) {
			t.Errorf("at %d: %v, or other bytes", at, err)
		}
	}
	if n, err := r.Seek(-10, io.SeekEnd); n != large-10 || err != nil {
		t.Errorf("seek to the end: %d, %v", n, err)
	}
	if n, err := r.Seek(4, io.SeekCurrent); n != large-6 || err != nil {
		t.Errorf("seek on: %d, %v", n, err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content[large-6:]) {
		t.Errorf("the end: %d bytes, %v", len(got), err)
	}
	if n, err := r.Read(buffer); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("before the beginning: no error")
	}
}

func testReadAbsent(t *testing.T, open Open) {
	s := open()
	object := Push(t, s, "u", []byte("content"))
	if err := s.Delete(ctx, []string{object}); err != nil {
		t.Fatal(err)
	}
	if err := readError(s, object, 7); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("read: %v", err)
	}
	if _, err := s.Size(ctx, object); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("size: %v", err)
	}
}

// readError is why an object cannot be read.
func readError(s blob.Store, object string, size int64) error {
	r, err := s.Open(ctx, object, size)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.ReadAll(r)
	return err
}

func testURL(t *testing.T, open Open) {
	s := open()
	content := Content(large, 13)
	object := Push(t, s, "u", content)
	url, err := s.URL(ctx, object)
	if err != nil {
		t.Fatal(err)
	}
	if url == "" {
		return // through us
	}
	for _, want := range []struct {
		ranges  string
		status  int
		content []byte
	}{{"", http.StatusOK, content}, {"bytes=100-199", http.StatusPartialContent, content[100:200]}} {
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want.ranges != "" {
			req.Header.Set("Range", want.ranges)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != want.status || err != nil || !bytes.Equal(got, want.content) {
			t.Errorf("range %q: %s with %d bytes, %v", want.ranges, res.Status, len(got), err)
		}
		if got := res.Header.Get("Content-Type"); got != "application/octet-stream" {
			t.Errorf("Content-Type %q", got)
		}
	}
}

func testHostileIDs(t *testing.T, open Open) {
	s := open()
	object := Push(t, s, "u", []byte("content"))
	for _, id := range []string{
		"", ".", "..", "../u", "../../u", "a/b", "u/", "\x00", ".hidden", "ü", "a b", "a\n", strings.Repeat("x", 65),
	} {
		if _, err := s.Upload(ctx, id, nil); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
		if err := s.DropUpload(ctx, id, nil); err != nil {
			t.Errorf("drop %q: %v", id, err)
		}
	}
	Check(t, s, object, []byte("content"))
	// The longest that is allowed.
	id := strings.Repeat("x", 64)
	Check(t, s, Push(t, s, id, []byte("c")), []byte("c"))
}

func testHostileNames(t *testing.T, open Open) {
	s := open()
	object := Push(t, s, "u", []byte("content"))
	for _, name := range []string{
		"", ".", "..", "/", "/etc/passwd", "../" + object, object + "/", object + "/..", object + "\x00", "uploads/u",
		"x/" + object,
		"blobs/", "blobs/../uploads/u", "blobs/a/b", "sha256/", "sha256/ab/", "sha256/../lock", "lock",
		strings.Repeat("x", 5000),
		"sha256/ab/" + strings.Repeat("c", 64), "sha256/cc/" + strings.Repeat("C", 64), "sha256/cc/" +
			strings.Repeat("c", 64) + "-",
		"sha256/cc/" + strings.Repeat("c", 64) + "-/../../x", "sha256/..//" + strings.Repeat("c", 64),
	} {
		if err := readError(s, name, 1); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("open %q: %v", name, err)
		}
		if _, err := s.Size(ctx, name); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("size of %q: %v", name, err)
		}
		if url, err := s.URL(ctx, name); url != "" || err != nil && !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("URL of %q: %q, %v", name, url, err)
		}
		if err := s.Delete(ctx, []string{name}); err != nil {
			t.Errorf("delete %q: %v", name, err)
		}
		for _, err := range s.Objects(ctx, name) {
			if err != nil {
				t.Errorf("list after %q: %v", name, err)
			}
		}
	}
	Check(t, s, object, []byte("content"))
}

func testEndedContext(t *testing.T, open Open) {
	s := open()
	Push(t, s, "u", []byte("content"))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	var err error
	for _, err = range s.Objects(ended, "") {
	}
	if !errors.Is(err, context.Canceled) || errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("list: %v", err)
	}
}

func testCheck(t *testing.T, open Open) {
	s := open()
	object := Push(t, s, "u", []byte("content"))
	if err := s.Check(ctx, object, 7); err != nil {
		t.Error(err)
	}
	if err := s.Check(ctx, object, 8); !errors.Is(err, blob.ErrDamaged) || !blob.IsLost(err) {
		t.Errorf("another size: %v", err)
	}
	if s.Seen(object, 8) || !s.Seen(object, 7) {
		t.Errorf("seen with 8 bytes: %t, with 7: %t", s.Seen(object, 8), s.Seen(object, 7))
	}
	r, err := s.Open(ctx, object, 7)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, at := range []int64{5, 0, 7} { // nothing is taken
		if err := blob.Begin(r, at); err != nil {
			t.Error(err)
		}
		if got, err := io.ReadAll(r); at > 0 && (err != nil || string(got) != "content"[at:]) {
			t.Errorf("from %d on: %q, %v", at, got, err)
		} else if _, err := r.Seek(0, io.SeekStart); err != nil {
			t.Error(err)
		}
	}
	for _, size := range []int64{6, 8} {
		if err := beginError(s, object, size); !errors.Is(err, blob.ErrDamaged) {
			t.Errorf("begin to read %d bytes: %v", size, err)
		}
	}
	if err := s.Delete(ctx, []string{object}); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"check": s.Check(ctx, object, 7), "begin": beginError(s, object, 7)} {
		if !errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrUnavailable) {
			t.Errorf("of what is gone: %s: %v", what, err)
		}
	}
	if s.Seen(object, 7) {
		t.Error("what is gone was seen")
	}
}

func beginError(s blob.Store, object string, size int64) error {
	r, err := s.Open(ctx, object, size)
	if err != nil {
		return err
	}
	defer r.Close()
	return blob.Begin(r, 0)
}

func testPing(t *testing.T, open Open) {
	if err := open().Ping(ctx); err != nil {
		t.Error(err)
	}
}
