package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

var ctx = context.Background()

func openStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reserve returns the upload, locked.
func reserve(t *testing.T, s *Store, id string) *Upload {
	t.Helper()
	u, err := s.Upload(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Lock(); err != nil {
		t.Fatal(err)
	}
	return u
}

func write(t *testing.T, u *Upload, content string) {
	t.Helper()
	if n, err := u.Write([]byte(content)); n != len(content) || err != nil {
		t.Fatalf("write: %d, %v", n, err)
	}
}

func read(t *testing.T, s *Store, d digest.Digest) string {
	t.Helper()
	f, err := s.Open(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
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

func TestCommit(t *testing.T) {
	for _, algorithm := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
		for _, parts := range [][]string{nil, {""}, {"one"}, {"one", "two", "three"}} {
			t.Run(fmt.Sprint(algorithm, len(parts)), func(t *testing.T) {
				dir := t.TempDir()
				s := openStore(t, dir)
				whole := ""
				for _, p := range parts {
					u := reserve(t, s, "u")
					write(t, u, p)
					u.Unlock()
					whole += p
				}
				d := algorithm.FromString(whole)
				if _, err := s.Stat(ctx, d); !errors.Is(err, ErrNotFound) {
					t.Errorf("before the commit: %v", err)
				}
				u := reserve(t, s, "u")
				if err := u.Commit(ctx, d); err != nil {
					t.Fatal(err)
				}
				u.Unlock()
				if got := read(t, s, d); got != whole {
					t.Errorf("read %q, want %q", got, whole)
				}
				if n, err := s.Stat(ctx, d); n != int64(len(whole)) || err != nil {
					t.Errorf("size %d, %v", n, err)
				}
				if err := u.Lock(); err != ErrNotFound {
					t.Errorf("the upload after its commit: %v", err)
				}
				if n := uploadFiles(t, dir); n != 0 || len(s.uploads) != 0 {
					t.Errorf("%d files and %d sessions are left", n, len(s.uploads))
				}
			})
		}
	}
}

func TestCommitVerifiesTheDigest(t *testing.T) {
	for _, d := range []digest.Digest{digest.FromString("other"), digest.SHA512.FromString("other")} {
		dir := t.TempDir()
		s := openStore(t, dir)
		u := reserve(t, s, "u")
		write(t, u, "content")
		if err := u.Commit(ctx, d); !errors.Is(err, ErrDigest) {
			t.Errorf("commit as %s: %v", d, err)
		}
		u.Unlock()
		for _, name := range []digest.Digest{d, digest.FromString("content")} {
			if _, err := s.Stat(ctx, name); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := uploadFiles(t, dir); n != 0 || openFiles(t, dir) != 0 || len(s.uploads) != 0 {
			t.Errorf("%d files are left, %d open", n, openFiles(t, dir))
		}
	}
}

func TestCommitRefusesDigestsItDoesNotKnow(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	u := reserve(t, s, "u")
	write(t, u, "content")
	for _, d := range []digest.Digest{"", "sha256:", "sha256:../../x", "md5:00", digest.SHA384.FromString("content")} {
		if err := u.Commit(ctx, d); err == nil || errors.Is(err, ErrDigest) {
			t.Errorf("%q: %v", d, err)
		}
	}
	// The client may still name it rightly.
	if err := u.Commit(ctx, digest.FromString("content")); err != nil {
		t.Error(err)
	}
	u.Unlock()
}

func TestSameBlobIsStoredOnce(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	d := digest.FromString("content")
	var before os.FileInfo
	for i := range 3 {
		u := reserve(t, s, fmt.Sprint("u", i))
		write(t, u, "content")
		if err := u.Commit(ctx, d); err != nil {
			t.Fatal(err)
		}
		u.Unlock()
		path, _ := s.path(d)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && !os.SameFile(before, info) {
			t.Error("the blob was written again")
		}
		before = info
	}
	if n := uploadFiles(t, dir); n != 0 {
		t.Errorf("%d upload files are left", n)
	}
}

func TestUploadResumesAfterARestart(t *testing.T) {
	dir := t.TempDir()
	u := reserve(t, openStore(t, dir), "u")
	write(t, u, "one")
	u.Unlock()
	s := openStore(t, dir)
	u = reserve(t, s, "u")
	if u.Size() != 3 {
		t.Errorf("size %d", u.Size())
	}
	write(t, u, "two")
	if err := u.Commit(ctx, digest.FromString("onetwo")); err != nil {
		t.Error(err)
	}
	u.Unlock()
}

func TestOneRequestAtATime(t *testing.T) {
	s := openStore(t, t.TempDir())
	u := reserve(t, s, "u")
	other, err := s.Upload(ctx, "u")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Lock(); err != ErrBusy {
		t.Errorf("second reservation: %v", err)
	}
	if err := s.DropUpload("u"); err != ErrBusy {
		t.Errorf("drop while reserved: %v", err)
	}
	u.Unlock()
	if err := other.Lock(); err != nil {
		t.Error(err)
	}
	other.Unlock()
}

func TestIdleUploadsHoldNoFile(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	for i := range 50 {
		u := reserve(t, s, fmt.Sprint("u", i))
		write(t, u, "part")
		u.Unlock()
	}
	if n := openFiles(t, dir); n != 0 {
		t.Errorf("%d files are open", n)
	}
	u := reserve(t, s, "u7")
	write(t, u, "more")
	if n := openFiles(t, dir); n != 1 {
		t.Errorf("%d files are open for one request", n)
	}
	if err := u.Commit(ctx, digest.FromString("partmore")); err != nil {
		t.Error(err)
	}
	u.Unlock()
	if n := openFiles(t, dir); n != 0 {
		t.Errorf("%d files are open after the commit", n)
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
		_, err = u.Write(chunk)
	}
	if !errors.Is(err, ErrFull) || u.Size()%int64(len(chunk)) != 0 || u.Size() == 0 {
		t.Fatalf("%v at %d bytes", err, u.Size())
	}
	kept := u.Size()
	u.Unlock()
	if info, err := os.Stat(u.path); err != nil || info.Size() != kept {
		t.Errorf("the file has %d bytes, want %d: %v", info.Size(), kept, err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=2m"); err != nil {
		t.Fatal(err)
	}
	u = reserve(t, s, "u")
	write(t, u, string(chunk))
	if err := u.Commit(ctx, digest.FromBytes(bytes.Repeat([]byte("x"), int(kept)+len(chunk)))); err != nil {
		t.Error(err)
	}
	u.Unlock()
}

// An upload whose file cannot be cut back to what was accepted, and one that
// could not be synced, is given up: its bytes are not what was counted.
func TestBrokenFileEndsTheUpload(t *testing.T) {
	for name, act := range map[string]func(*Upload) error{
		"write": func(u *Upload) error { _, err := u.Write([]byte("more")); return err },
		"sync":  func(u *Upload) error { return u.Commit(ctx, digest.FromString("part")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openStore(t, dir)
			u := reserve(t, s, "u")
			write(t, u, "part")
			u.file.Close() // every use of it fails now
			if act(u) == nil {
				t.Error("no error")
			}
			u.Unlock()
			if err := u.Lock(); err != ErrNotFound {
				t.Errorf("the upload: %v", err)
			}
			if n := uploadFiles(t, dir); n != 0 || len(s.uploads) != 0 {
				t.Errorf("%d files and %d sessions are left", n, len(s.uploads))
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
	write(t, u, "one")
	u.Unlock()
	if err := os.Remove(filepath.Join(dir, "uploads", "a")); err != nil {
		t.Fatal(err)
	}
	if err := u.Lock(); !errors.Is(err, ErrNotFound) {
		t.Fatalf("reserving an upload without its file: %v", err)
	}
	again := reserve(t, s, "a")
	defer again.Unlock()
	if again.Size() != 0 {
		t.Errorf("it begins again with %d bytes", again.Size())
	}
}

func TestLockFailsCleanly(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	if err := os.Mkdir(filepath.Join(dir, "uploads", "u"), 0o700); err != nil {
		t.Fatal(err)
	}
	u, err := s.Upload(ctx, "u")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // and is not left reserved
		if err := u.Lock(); err == nil || errors.Is(err, ErrBusy) || errors.Is(err, ErrNotFound) {
			t.Errorf("lock: %v", err)
		}
	}
	if n := openFiles(t, dir); n != 0 {
		t.Errorf("%d files are open", n)
	}
}

func TestHostileIDs(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, filepath.Join(dir, "blobs"))
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", ".", "..", "../victim", "../../victim", "a/b", "\x00", ".hidden"} {
		if _, err := s.Upload(ctx, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
		if err := s.DropUpload(id); err != nil {
			t.Errorf("drop %q: %v", id, err)
		}
		if s.HasUpload(id) {
			t.Errorf("%q is said to be there", id)
		}
	}
	if _, err := os.Stat(victim); err != nil {
		t.Error(err)
	}
}

func TestCancelAndDrop(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	u := reserve(t, s, "cancelled")
	write(t, u, "x")
	u.Cancel()
	u.Unlock()
	if err := u.Lock(); err != ErrNotFound {
		t.Errorf("cancelled: %v", err)
	}

	u = reserve(t, s, "dropped")
	write(t, u, "x")
	u.Unlock()
	if !s.HasUpload("dropped") || s.HasUpload("cancelled") {
		t.Error("HasUpload is wrong")
	}
	for range 2 { // one that is not there is no error
		if err := s.DropUpload("dropped"); err != nil {
			t.Error(err)
		}
	}
	if err := u.Lock(); err != ErrNotFound {
		t.Errorf("dropped: %v", err)
	}
	// Of an earlier process.
	reserve(t, openStore(t, dir), "old").Unlock()
	if err := s.DropUpload("old"); err != nil {
		t.Error(err)
	}
	if n := uploadFiles(t, dir); n != 0 || openFiles(t, dir) != 0 {
		t.Errorf("%d files are left, %d open", n, openFiles(t, dir))
	}
}

func TestStaleUploads(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	now := time.Now()
	for id, age := range map[string]time.Duration{"old": 2 * time.Hour, "new": 0} {
		u := reserve(t, s, id)
		write(t, u, "x")
		u.Unlock()
		if err := os.Chtimes(u.path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	ids, err := s.StaleUploads(now.Add(-time.Hour))
	if err != nil || len(ids) != 1 || ids[0] != "old" {
		t.Errorf("%v, %v", ids, err)
	}
	// Writing makes it fresh.
	u := reserve(t, s, "old")
	write(t, u, "x")
	u.Unlock()
	if ids, err := s.StaleUploads(now.Add(-time.Hour)); err != nil || len(ids) != 0 {
		t.Errorf("%v, %v", ids, err)
	}
}

func TestLargeUploadCrossesWriteback(t *testing.T) {
	s := openStore(t, t.TempDir())
	u := reserve(t, s, "u")
	chunk := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	h := digest.SHA256.Digester()
	for range 2*writeback>>20 + 1 {
		write(t, u, string(chunk))
		h.Hash().Write(chunk)
	}
	if err := u.Commit(ctx, h.Digest()); err != nil {
		t.Error(err)
	}
	u.Unlock()
}
