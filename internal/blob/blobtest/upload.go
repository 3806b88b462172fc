package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
)

var ctx = context.Background()

// large is more than two parts and a bit, for stores that have parts of 8 MiB.
const large = 17<<20 + 12345

var algorithms = []digest.Algorithm{digest.SHA256, digest.SHA512}

func testCommit(t *testing.T, open Open) {
	s := open()
	for _, algorithm := range algorithms {
		for i, parts := range [][]string{nil, {""}, {"one"}, {"one", "two", "", "three"}} {
			id := fmt.Sprint(algorithm, "-", i)
			var state, whole []byte
			for _, p := range parts {
				u := Reserve(t, s, id, state)
				Append(t, u, []byte(p))
				state = State(t, u)
				u.Close()
				whole = append(whole, p...)
			}
			u := Reserve(t, s, id, state)
			if u.Size() != int64(len(whole)) {
				t.Errorf("%s: size %d, want %d", id, u.Size(), len(whole))
			}
			object := Commit(t, u, algorithm.FromBytes(whole))
			u.Close()
			Check(t, s, object, whole)
		}
	}
	if ids := Uploads(t, s); len(ids) != 0 {
		t.Errorf("uploads are left: %q", ids)
	}
}

func testPut(t *testing.T, open Open) {
	s := open()
	var objects []string
	for i, n := range []int{0, 1, 300, 1 << 20, large} {
		for _, algorithm := range algorithms {
			content := Content(n, byte(i))
			object, err := s.Put(ctx, fmt.Sprintf("%s-%d", algorithm, n), algorithm.FromBytes(content), content)
			if err != nil {
				t.Fatalf("%d bytes: %v", n, err)
			}
			Check(t, s, object, content)
			objects = append(objects, object)
		}
	}
	if ids := Uploads(t, s); len(ids) != 0 {
		t.Errorf("uploads are left: %q", ids)
	}
	s = open()
	Check(t, s, objects[2], Content(1, 1))
	if err := s.Delete(ctx, objects); err != nil {
		t.Fatal(err)
	}
	if left := Objects(t, s, ""); len(left) != 0 {
		t.Errorf("objects are left: %v", left)
	}
	for _, id := range []string{"", "../x", strings.Repeat("x", 65)} {
		if _, err := s.Put(ctx, id, digest.FromString("x"), []byte("x")); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("the id %q: %v", id, err)
		}
	}
}

func testCommitLarge(t *testing.T, open Open) {
	s := open()
	for i, n := range []int{large, 8 << 20, 16 << 20, 8<<20 - 1, 8<<20 + 1} {
		for j, algorithm := range algorithms {
			if j > 0 && n != large {
				continue // one size is enough for the slower one
			}
			content := Content(n, byte(i))
			u := Reserve(t, s, fmt.Sprintf("u%d-%d", i, j), nil)
			Append(t, u, content)
			object := Commit(t, u, algorithm.FromBytes(content))
			u.Close()
			Check(t, s, object, content)
		}
	}
	if ids := Uploads(t, s); len(ids) != 0 {
		t.Errorf("uploads are left: %q", ids)
	}
}

// A process may die between the commit and the transaction that notes it.
func testCommitIsRepeatable(t *testing.T, open Open) {
	for _, n := range []int{0, 1000, large} {
		for _, algorithm := range algorithms {
			s := open()
			id := fmt.Sprint("u", n, algorithm)
			content := Content(n, 1)
			u := Reserve(t, s, id, nil)
			Append(t, u, content)
			state := State(t, u)
			u.Close()
			u = Reserve(t, s, id, state)
			first := Commit(t, u, algorithm.FromBytes(content))
			if again := Commit(t, u, algorithm.FromBytes(content)); again != first {
				t.Errorf("again in the same request: %s, then %s", first, again)
			}
			u.Close()
			for range 2 {
				s = open()
				u = Reserve(t, s, id, state)
				again := Commit(t, u, algorithm.FromBytes(content))
				if again != first || u.Size() != int64(n) {
					t.Errorf("%s: %s of %d bytes, then %s of %d", id, first, n, again, u.Size())
				}
				u.Close()
				Check(t, s, first, content)
			}
		}
	}
}

// The request that committed had appended bytes that no saved state knows of.
func testCommitRepeatsMore(t *testing.T, open Open) {
	for _, n := range []int{1000, large} {
		for _, first := range []int{0, 700} {
			s := open()
			id := fmt.Sprintf("u%d-%d", n, first)
			content := Content(n, 2)
			var state []byte
			if first > 0 {
				u := Reserve(t, s, id, nil)
				Append(t, u, content[:first])
				state = State(t, u)
				u.Close()
			}
			u := Reserve(t, s, id, state)
			Append(t, u, content[first:])
			object := Commit(t, u, digest.FromBytes(content))
			u.Close()

			s = open()
			u = Reserve(t, s, id, state)
			if again := Commit(t, u, digest.FromBytes(content)); again != object || u.Size() != int64(n) {
				t.Errorf("%s: %s, then %s with %d bytes", id, object, again, u.Size())
			}
			u.Close()
			Check(t, s, object, content)
		}
	}
}

// A session that became one object must not become another, nor change it.
func testCommitAfterGarbage(t *testing.T, open Open) {
	s := open()
	content := Content(1000, 1)
	object := Push(t, s, "u", content)
	other := Content(1000, 2)
	s = open()
	u := Reserve(t, s, "u", nil)
	defer u.Close()
	Append(t, u, other)
	if err := u.Verify(ctx, digest.FromBytes(other)); err == nil {
		if name, err := u.Commit(ctx, digest.FromBytes(other)); err == nil && name == object {
			t.Errorf("two contents became the object %s", name)
		}
	}
	Check(t, s, object, content)
}

func testWrongDigest(t *testing.T, open Open) {
	for _, d := range []digest.Digest{digest.FromString("other"), digest.SHA512.FromString("other")} {
		for _, n := range []int{7, large} {
			s := open()
			content := Content(n, 3)
			u := Reserve(t, s, "u", nil)
			Append(t, u, content)
			_ = State(t, u)
			if err := u.Verify(ctx, d); !errors.Is(err, blob.ErrDigest) {
				t.Errorf("verify %d bytes as %s: %v", n, d, err)
			}
			if _, err := u.Commit(ctx, d); err == nil {
				t.Errorf("%d bytes were committed as %s", n, d)
			}
			if err := u.Verify(ctx, digest.FromBytes(content)); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("the upload is not gone: %v", err)
			}
			u.Close()
			if ids := Uploads(t, s); len(ids) != 0 {
				t.Errorf("uploads are left: %q", ids)
			}
			u = Reserve(t, s, "v", nil)
			Append(t, u, content)
			if _, err := u.Commit(ctx, d); !errors.Is(err, blob.ErrDigest) {
				t.Errorf("commit without verifying: %v", err)
			}
			u.Close()
		}
	}
}

// What was verified is not what is there after more was written.
func testMoreAfterVerify(t *testing.T, open Open) {
	s := open()
	u := Reserve(t, s, "u", nil)
	defer u.Close()
	Append(t, u, []byte("content"))
	if err := u.Verify(ctx, digest.FromString("content")); err != nil {
		t.Fatal(err)
	}
	Append(t, u, []byte(" and more"))
	if _, err := u.Commit(ctx, digest.FromString("content")); !errors.Is(err, blob.ErrDigest) {
		t.Errorf("commit of more than was verified: %v", err)
	}
}

func testUnknownDigest(t *testing.T, open Open) {
	s := open()
	u := Reserve(t, s, "u", nil)
	defer u.Close()
	Append(t, u, []byte("content"))
	for _, d := range []digest.Digest{
		"", "sha256:", "sha256:../../x", "md5:00", digest.SHA384.FromString("content"),
		digest.Digest("sha256:" + strings.Repeat("A", 64)),
	} {
		if err := u.Verify(ctx, d); err == nil || errors.Is(err, blob.ErrDigest) {
			t.Errorf("verify %q: %v", d, err)
		}
		if _, err := u.Commit(ctx, d); err == nil || errors.Is(err, blob.ErrDigest) {
			t.Errorf("commit %q: %v", d, err)
		}
	}
	// The client may still name it rightly.
	Check(t, s, Commit(t, u, digest.FromString("content")), []byte("content"))
}

func testNamesAreNotReused(t *testing.T, open Open) {
	s := open()
	a, b := Push(t, s, "a", []byte("content")), Push(t, s, "b", []byte("content"))
	if a == b {
		t.Fatalf("two sessions wrote the object %s", a)
	}
	if err := s.Delete(ctx, []string{a}); err != nil {
		t.Fatal(err)
	}
	Check(t, s, b, []byte("content"))
	if _, err := s.Size(ctx, a); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

func testResume(t *testing.T, open Open) {
	content := Content(large, 4)
	for i, steps := range [][]int{
		{3}, {9 << 20}, {8 << 20}, {100, 8 << 20, 12 << 20, large}, {5 << 20, 10 << 20, 15 << 20},
	} {
		id := fmt.Sprint("u", i)
		var state []byte
		done := 0
		for _, step := range steps {
			s := open()
			u := Reserve(t, s, id, state)
			if u.Size() != int64(done) {
				t.Fatalf("%v: resumed at %d, want %d", steps, u.Size(), done)
			}
			Append(t, u, content[done:step])
			state, done = State(t, u), step
			u.Close()
		}
		s := open()
		u := Reserve(t, s, id, state)
		Append(t, u, content[done:])
		object := Commit(t, u, digest.FromBytes(content))
		u.Close()
		Check(t, s, object, content)
		if ids := Uploads(t, s); len(ids) != 0 {
			t.Errorf("%v: uploads are left: %q", steps, ids)
		}
	}
}

// A process that died before its state was saved leaves the session to the
// next, which goes on from where Size says.
func testResumeWithoutNewState(t *testing.T, open Open) {
	content := Content(large, 5)
	for i, first := range []int{0, 1000, 10 << 20} {
		id := fmt.Sprint("u", i)
		s := open()
		var state []byte
		if first > 0 {
			u := Reserve(t, s, id, nil)
			Append(t, u, content[:first])
			state = State(t, u)
			u.Close()
		}
		u := Reserve(t, s, id, state)
		Append(t, u, content[first:])
		_ = State(t, u) // not saved
		u.Close()

		s = open()
		u = Reserve(t, s, id, state)
		if u.Size() < int64(first) {
			t.Fatalf("%d bytes were acknowledged, %d are there", first, u.Size())
		}
		Append(t, u, content[u.Size():])
		object := Commit(t, u, digest.FromBytes(content))
		u.Close()
		Check(t, s, object, content)
		if err := s.DropUpload(ctx, id, nil); err != nil { // what nobody knew of
			t.Error(err)
		}
		Check(t, s, object, content)
		if ids := Uploads(t, s); len(ids) != 0 {
			t.Errorf("uploads are left: %q", ids)
		}
	}
}

// Small chunks, with a state after each, from two processes in turn.
func testManyStates(t *testing.T, open Open) {
	content := Content(300_000, 6)
	var state []byte
	s := open()
	for done := 0; done < len(content); {
		if done%4 == 0 {
			s = open()
		}
		u := Reserve(t, s, "u", state)
		n := min(23_456, len(content)-done)
		Append(t, u, content[done:done+n/2])
		_ = State(t, u) // a state may be asked for twice
		Append(t, u, content[done+n/2:done+n])
		state, done = State(t, u), done+n
		u.Close()
	}
	u := Reserve(t, s, "u", state)
	object := Commit(t, u, digest.FromBytes(content))
	u.Close()
	Check(t, s, object, content)
	if ids := Uploads(t, s); len(ids) != 0 {
		t.Errorf("uploads are left: %q", ids)
	}
}

func testCutReader(t *testing.T, open Open) { cutReader(t, open, 1000, 400) }

func testCutReaderLarge(t *testing.T, open Open) { cutReader(t, open, large, 11<<20+5) }

func cutReader(t *testing.T, open Open, size, at int) {
	content := Content(size, 7)
	s := open()
	u := Reserve(t, s, "u", nil)
	n, err := u.ReadFrom(cut(content[:at]))
	if !errors.Is(err, errCut) || n != int64(at) || u.Size() != int64(at) {
		t.Fatalf("%d bytes, then %v; it has %d", n, err, u.Size())
	}
	// In the same request, in the same process, and in another.
	Append(t, u, content[at:at+10])
	state := State(t, u)
	u.Close()
	u = Reserve(t, s, "u", state)
	if _, err := u.ReadFrom(cut(content[at+10 : at+20])); !errors.Is(err, errCut) {
		t.Error(err)
	}
	state = State(t, u)
	u.Close()
	s = open()
	u = Reserve(t, s, "u", state)
	defer u.Close()
	Append(t, u, content[at+20:])
	Check(t, s, Commit(t, u, digest.FromBytes(content)), content)
}

func testOneRequestAtATime(t *testing.T, open Open) {
	s := open()
	u := Reserve(t, s, "u", nil)
	if _, err := s.Upload(ctx, "u", nil); !errors.Is(err, blob.ErrBusy) {
		t.Errorf("second reservation: %v", err)
	}
	if err := s.DropUpload(ctx, "u", nil); !errors.Is(err, blob.ErrBusy) {
		t.Errorf("drop while reserved: %v", err)
	}
	Reserve(t, s, "other", nil).Close()
	u.Close()
	again := Reserve(t, s, "u", nil)
	u.Close() // of a reservation that is over: another's must stay
	if _, err := s.Upload(ctx, "u", nil); !errors.Is(err, blob.ErrBusy) {
		t.Errorf("the second Close of the first reservation ended the second: %v", err)
	}
	again.Close()
}

func testConcurrentSessions(t *testing.T, open Open) {
	s := open()
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			content := Content(9<<20+i, byte(i))
			u, err := s.Upload(ctx, fmt.Sprint("u", i), nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer u.Close()
			if _, err := u.ReadFrom(bytes.NewReader(content)); err != nil {
				t.Error(err)
				return
			}
			d := digest.FromBytes(content)
			if err := u.Verify(ctx, d); err != nil {
				t.Error(err)
				return
			}
			object, err := u.Commit(ctx, d)
			if err != nil {
				t.Error(err)
				return
			}
			Check(t, s, object, content)
		})
	}
	all.Wait()
	if n := len(Objects(t, s, "")); n != 6 {
		t.Errorf("%d objects", n)
	}
}

func testCancel(t *testing.T, open Open) {
	s := open()
	for _, n := range []int{10, large} {
		u := Reserve(t, s, "u", nil)
		Append(t, u, Content(n, 8))
		_ = State(t, u)
		if err := u.Cancel(ctx); err != nil {
			t.Error(err)
		}
		if _, err := u.ReadFrom(bytes.NewReader(nil)); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("append to a cancelled upload: %v", err)
		}
		u.Close()
		if ids := Uploads(t, s); len(ids) != 0 {
			t.Errorf("uploads are left: %q", ids)
		}
	}
}

func testDrop(t *testing.T, open Open) {
	for _, n := range []int{10, 10 << 20} {
		for _, known := range []bool{true, false} { // the state
			for _, here := range []bool{true, false} { // the process
				s := open()
				id := fmt.Sprintf("u-%d-%t-%t", n, known, here)
				other := id + "2" // begins alike
				u := Reserve(t, s, id, nil)
				Append(t, u, Content(n, 9))
				state := State(t, u)
				u.Close()
				keep := Reserve(t, s, other, nil)
				Append(t, keep, Content(n, 10))
				kept := State(t, keep)
				keep.Close()
				if !here {
					s = open()
				}
				if !known {
					state = nil
				}
				for range 2 { // what is not there is no error
					if err := s.DropUpload(ctx, id, state); err != nil {
						t.Error(err)
					}
				}
				if ids := Uploads(t, s); !slices.Equal(ids, []string{other}) {
					t.Errorf("uploads %q", ids)
				}
				u = Reserve(t, s, id, nil)
				if u.Size() != 0 {
					t.Errorf("it begins again with %d bytes", u.Size())
				}
				u.Close()
				keep = Reserve(t, s, other, kept)
				Check(t, s, Commit(t, keep, digest.FromBytes(Content(n, 10))), Content(n, 10))
				keep.Close()
				if err := s.DropUpload(ctx, id, nil); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func testDropLeavesObjects(t *testing.T, open Open) {
	s := open()
	object := Push(t, s, "u", []byte("content"))
	if err := s.DropUpload(ctx, "u", nil); err != nil {
		t.Error(err)
	}
	Check(t, s, object, []byte("content"))
}

func testUploads(t *testing.T, open Open) {
	s := open()
	var want []string
	for i := range 7 {
		id := fmt.Sprint("u", i)
		u := Reserve(t, s, id, nil)
		Append(t, u, Content(map[bool]int{true: 10, false: 9 << 20}[i > 1], 11))
		_ = State(t, u)
		u.Close()
		want = append(want, id)
	}
	Push(t, s, "object", []byte("no upload"))
	s = open()
	if ids := Uploads(t, s); !slices.Equal(ids, want) {
		t.Errorf("uploads %q, want %q", ids, want)
	}
	for range s.Uploads(ctx) { // one may stop early
		break
	}
}

func testEndedUploadTakesNothing(t *testing.T, open Open) {
	s := open()
	u := Reserve(t, s, "u", nil)
	defer u.Close()
	Append(t, u, []byte("content"))
	object := Commit(t, u, digest.FromString("content"))
	if n, err := u.ReadFrom(bytes.NewReader([]byte("more"))); n != 0 || !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("append after the commit: %d, %v", n, err)
	}
	if err := u.Cancel(ctx); err != nil {
		t.Error(err)
	}
	Check(t, s, object, []byte("content"))
}
