package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/blobtest"
)

var ctx = context.Background()

func TestStore(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blobtest.Open {
		dir := t.TempDir()
		var last *Store
		t.Cleanup(func() {
			if last != nil {
				_ = last.Close()
			}
			if n := openFiles(t, dir); n != 0 {
				t.Errorf("%d files are left open", n)
			}
		})
		return func() blob.Store {
			if last != nil {
				if err := last.Close(); err != nil {
					t.Fatal(err)
				}
			}
			var err error
			if last, err = Open(dir); err != nil {
				t.Fatal(err)
			}
			return last
		}
	})
}

func openStore(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func reserve(t *testing.T, s *Store, id string) *upload {
	t.Helper()
	return blobtest.Reserve(t, s, id, nil).(*upload)
}

// openFiles counts this process's open files below a folder.
func openFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(links) == 0 {
		t.Skip("no /proc to count open files in")
	}
	for _, l := range links {
		target, err := os.Readlink(l)
		if err == nil && len(target) > len(dir) && target[:len(dir)] == dir {
			n++
		}
	}
	return n
}

func uploadFiles(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "uploads"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// locks are the files that a store has open all the time.
const locks = 2

func TestObjectsAreNamedByDigestAndSession(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	d := digest.FromString("content")
	want := "sha256/" + d.Encoded()[:2] + "/" + d.Encoded() + "-the-id"
	if object := blobtest.Push(t, s, "the-id", []byte("content")); object != want {
		t.Errorf("object %s, want %s", object, want)
	}
	// Of before there were ids in names.
	old := "sha256/" + d.Encoded()[:2] + "/" + d.Encoded()
	if err := os.WriteFile(filepath.Join(dir, old), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, stray := range []string{
		"sha256/aa/x", "sha256/x", "sha256/" + d.Encoded()[:2] + "/x", old + ".tmp", "uploads/.x",
	} {
		_ = os.MkdirAll(filepath.Join(dir, filepath.Dir(stray)), 0o700)
		if err := os.WriteFile(filepath.Join(dir, stray), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	blobtest.Check(t, s, old, []byte("content"))
	got := blobtest.Objects(t, s, "")
	if !slices.Equal(got, []blob.Object{{Name: old, Size: 7}, {Name: want, Upload: "the-id", Size: 7}}) {
		t.Errorf("objects %+v", got)
	}
	if ids := blobtest.Uploads(t, s); len(ids) != 0 {
		t.Errorf("uploads %q", ids)
	}
	if err := s.Delete(ctx, []string{old}); err != nil {
		t.Error(err)
	}
	blobtest.Check(t, s, want, []byte("content"))
}

func TestFoldersAreListedInPages(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	folder := "sha256/ab/"
	if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 103 {
		name := fmt.Sprintf("%sab%062x", folder, i*7919%103)
		want = append(want, name)
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	for _, n := range []int{1, 2, 10, 51, 103, 104} {
		var got []string
		s.objectsIn(ctx, folder, "", n, func(o blob.Object, err error) bool {
			if err != nil {
				t.Error(err)
			}
			got = append(got, o.Name)
			return true
		})
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %d names, want %d in order", n, len(got), len(want))
		}
	}
}

func TestIdleUploadsHoldNoFile(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	for i := range 50 {
		u := reserve(t, s, fmt.Sprint("u", i))
		blobtest.Append(t, u, []byte("part"))
		u.Close()
	}
	if n := openFiles(t, dir); n != locks {
		t.Errorf("%d files are open", n)
	}
	u := reserve(t, s, "u7")
	blobtest.Append(t, u, []byte("more"))
	if n := openFiles(t, dir); n != locks+1 {
		t.Errorf("%d files are open for one request", n)
	}
	blobtest.Commit(t, u, digest.FromString("partmore"))
	u.Close()
	if n := openFiles(t, dir); n != locks {
		t.Errorf("%d files are open after the commit", n)
	}
	if len(s.sessions) != 49 {
		t.Errorf("%d sessions are remembered", len(s.sessions))
	}
}

func TestFullDiskKeepsWhatWasWritten(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("no small disk to fill: mount tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	s := openStore(t, dir)
	u := reserve(t, s, "u")
	chunk := bytes.Repeat([]byte("x"), 100<<10)
	var err error
	for err == nil {
		_, err = u.ReadFrom(bytes.NewReader(chunk))
	}
	if !errors.Is(err, blob.ErrFull) || u.Size()%int64(len(chunk)) != 0 || u.Size() == 0 {
		t.Fatalf("%v at %d bytes", err, u.Size())
	}
	kept := u.Size()
	u.Close()
	if info, err := os.Stat(u.path); err != nil || info.Size() != kept {
		t.Errorf("the file has %d bytes, want %d: %v", info.Size(), kept, err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=2m"); err != nil {
		t.Fatal(err)
	}
	u = reserve(t, s, "u")
	blobtest.Append(t, u, chunk)
	blobtest.Commit(t, u, digest.FromBytes(bytes.Repeat([]byte("x"), int(kept)+len(chunk))))
	u.Close()
}

// An upload whose file cannot be cut back to what was accepted, and one that
// could not be synced, is given up: its bytes are not what was counted.
func TestBrokenFileEndsTheUpload(t *testing.T) {
	for name, act := range map[string]func(*upload) error{
		"write": func(u *upload) error { _, err := u.ReadFrom(bytes.NewReader([]byte("more"))); return err },
		"sync":  func(u *upload) error { _, err := u.Commit(ctx, digest.FromString("part")); return err },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openStore(t, dir)
			u := reserve(t, s, "u")
			blobtest.Append(t, u, []byte("part"))
			_ = u.file.Close() // every use of it fails now
			if act(u) == nil {
				t.Error("no error")
			}
			if _, err := u.ReadFrom(bytes.NewReader([]byte("x"))); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("the upload: %v", err)
			}
			u.Close()
			if n := uploadFiles(t, dir); n != 0 || len(s.sessions) != 0 {
				t.Errorf("%d files and %d sessions are left", n, len(s.sessions))
			}
		})
	}
}

// Somebody who makes room by deleting the files of uploads must not cause a
// blob whose beginning is missing.
func TestFileRemovedByHandEndsTheUpload(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	u := reserve(t, s, "a")
	blobtest.Append(t, u, []byte("one"))
	u.Close()
	if err := os.Remove(filepath.Join(dir, "uploads", "a")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Upload(ctx, "a", nil); !errors.Is(err, blob.ErrNotFound) {
		t.Fatalf("reserving an upload without its file: %v", err)
	}
	again := reserve(t, s, "a")
	defer again.Close()
	if again.Size() != 0 {
		t.Errorf("it begins again with %d bytes", again.Size())
	}
}

// TestCopyByLinksStaysAsItIs: somebody has made a copy of the folder by hard links
// (cp -al) while nothing ran. An upload that goes on does not write into it.
func TestCopyByLinksStaysAsItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	u := reserve(t, s, "shared")
	if _, err := u.ReadFrom(strings.NewReader("before")); err != nil {
		t.Fatal(err)
	}
	u.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.Link(filepath.Join(dir, "uploads", "shared"), copied); err != nil {
		t.Fatal(err)
	}
	u = reserve(t, openStore(t, dir), "shared")
	defer u.Close()
	if u.Size() != 0 {
		t.Errorf("it goes on with %d bytes that are not its own", u.Size())
	}
	if _, err := u.ReadFrom(strings.NewReader("after")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(copied); err != nil || string(text) != "before" {
		t.Errorf("the copy holds %q, %v", text, err)
	}
}

func TestUploadFailsCleanly(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	if err := os.Mkdir(filepath.Join(dir, "uploads", "u"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and is not left reserved
		if _, err := s.Upload(ctx, "u", nil); err == nil || errors.Is(err, blob.ErrBusy) || errors.Is(err, blob.ErrNotFound) {
			t.Errorf("upload: %v", err)
		}
	}
	if n := openFiles(t, dir); n != locks {
		t.Errorf("%d files are open", n)
	}
}

func TestWrittenSince(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	now := time.Now()
	for id, age := range map[string]time.Duration{
		"old": 2 * time.Hour, "new": 0, "of-a-clock-ahead": -365 * 24 * time.Hour,
	} {
		u := reserve(t, s, id)
		blobtest.Append(t, u, []byte("x"))
		u.Close()
		if err := os.Chtimes(u.path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	since := now.Add(-time.Hour)
	if s.WrittenSince("old", since) || !s.WrittenSince("new", since) || s.WrittenSince("of-a-clock-ahead", since) ||
		s.WrittenSince("absent", since) || s.WrittenSince("..", since) {
		t.Error("wrong")
	}
	// Writing makes it fresh.
	u := reserve(t, s, "old")
	blobtest.Append(t, u, []byte("x"))
	u.Close()
	if !s.WrittenSince("old", since) {
		t.Error("not after writing")
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	object := blobtest.Push(t, s, "u", []byte("content"))
	if other, err := Open(dir); err == nil {
		_ = other.Close()
		t.Fatal("two stores opened one folder")
	}
	readOnly, err := OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	blobtest.Check(t, readOnly, object, []byte("content"))
	if n := len(blobtest.Objects(t, readOnly, "")); n != 1 {
		t.Errorf("%d objects", n)
	}
	if _, err := readOnly.Upload(ctx, "v", nil); !errors.Is(err, errReadOnly) {
		t.Errorf("upload: %v", err)
	}
	if err := readOnly.DropUpload(ctx, "v", nil); !errors.Is(err, errReadOnly) {
		t.Errorf("drop: %v", err)
	}
	if err := readOnly.Delete(ctx, []string{object}); !errors.Is(err, errReadOnly) {
		t.Errorf("delete: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = Open(dir)
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	_ = s.Close()
	if _, err := OpenReadOnly(filepath.Join(dir, "absent")); err == nil {
		t.Error("a folder that is not there was opened")
	}
	if n := openFiles(t, dir); n != 1 { // readOnly's
		t.Errorf("%d files are open", n)
	}
}

// A cancelled upload gives its room back before its request ends: on a full disk
// that is what forgetting it needs. An object that it became stays whole.
func TestCancelGivesRoomBackAtOnce(t *testing.T) {
	s := openStore(t, t.TempDir())
	content := blobtest.Content(100_000, 1)
	u := reserve(t, s, "cancelled")
	defer u.Close()
	_, err := u.ReadFrom(bytes.NewReader(content))
	if err = errors.Join(err, u.Cancel(ctx)); err != nil {
		t.Fatal(err)
	}
	if info, err := u.file.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("its file holds %d bytes, %v", info.Size(), err)
	}
	u = reserve(t, s, "published")
	defer u.Close()
	_, err = u.ReadFrom(bytes.NewReader(content))
	object, commitErr := u.Commit(ctx, digest.FromBytes(content))
	if err = errors.Join(err, commitErr, u.Cancel(ctx)); err != nil {
		t.Fatal(err)
	}
	blobtest.Check(t, s, object, content)
}

func TestHoldDeletes(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	object := blobtest.Push(t, s, "u", []byte("content"))
	backup, err := OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer backup.Close()
	first, err := backup.HoldDeletes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.HoldDeletes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, release := range []func(){first, second} {
		if err := s.Delete(ctx, []string{object}); !errors.Is(err, blob.ErrBusy) {
			t.Errorf("delete while held off: %v", err)
		}
		blobtest.Check(t, s, object, []byte("content"))
		release()
		release()
	}
	if err := s.Delete(ctx, []string{object}); err != nil {
		t.Error(err)
	}
	if _, err := s.Size(ctx, object); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}

	// While a delete is under way.
	if err := unix.Flock(int(s.deletes.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := backup.HoldDeletes(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hold off a delete under way: %v", err)
	}
	var deleting sync.WaitGroup
	deleting.Go(func() {
		time.Sleep(50 * time.Millisecond)
		_ = unix.Flock(int(s.deletes.Fd()), unix.LOCK_UN)
	})
	release, err := backup.HoldDeletes(ctx)
	deleting.Wait()
	if err != nil {
		t.Fatal(err)
	}
	release()
	if n := openFiles(t, dir); n != locks+1 {
		t.Errorf("%d files are open", n)
	}
}

func TestReaderIsAFile(t *testing.T) {
	s := openStore(t, t.TempDir())
	r, err := s.Open(ctx, blobtest.Push(t, s, "u", []byte("content")), 7)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, ok := r.(*os.File); !ok {
		t.Errorf("the kernel cannot send a %T", r)
	}
}

func TestPingMissesTheFolder(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	object, err := objectOf(digest.FromString("x"), "u")
	if err != nil {
		t.Fatal(err)
	}
	_, openErr := s.Open(ctx, object, 1)
	_, uploadErr := s.Upload(ctx, "u", nil)
	for what, err := range map[string]error{
		"ping": s.Ping(ctx), "check": s.Check(ctx, object, 1), "open": openErr, "upload": uploadErr,
	} {
		if !errors.Is(err, blob.ErrUnavailable) || blob.IsLost(err) {
			t.Errorf("without the folder: %s: %v", what, err)
		}
	}
}

func BenchmarkUpload(b *testing.B) {
	for name, size := range map[string]int{"4KiB": 4 << 10, "64MiB": 64 << 20} {
		b.Run(name, func(b *testing.B) {
			s := openStore(b, b.TempDir())
			content := blobtest.Content(size, 1)
			b.SetBytes(int64(size))
			for i := 0; b.Loop(); i++ {
				object := blobtest.Push(b, s, fmt.Sprint("u", i), content)
				if err := s.Delete(ctx, []string{object}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for name, size := range map[string]int{"4KiB": 4 << 10, "64MiB": 64 << 20} {
		b.Run(name, func(b *testing.B) {
			s := openStore(b, b.TempDir())
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
