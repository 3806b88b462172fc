package server

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/acme/autocert"
)

func TestCertificateCache(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "new", "acme")
	cache, err := newCertificateCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has the mode %v, %v", info.Mode(), err)
	}
	if _, err := cache.Get(ctx, "a.example"); !errors.Is(err, autocert.ErrCacheMiss) {
		t.Errorf("nothing there: %v", err)
	}
	for _, text := range []string{"first", "second"} {
		if err := cache.Put(ctx, "a.example", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := cache.Get(ctx, "a.example"); err != nil || string(got) != text {
			t.Errorf("%q, %v; want %q", got, err, text)
		}
	}
	for range 2 {
		if err := cache.Delete(ctx, "a.example"); err != nil {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	for _, name := range []string{"", ".", "..", "../a", "a/b", `a\b`, ".new-1"} {
		if err := cache.Put(ctx, name, nil); err == nil {
			t.Errorf("%q was written", name)
		}
		if _, err := cache.Get(ctx, name); err == nil || errors.Is(err, autocert.ErrCacheMiss) {
			t.Errorf("%q was looked for: %v", name, err)
		}
	}
	// What cannot be written leaves nothing behind.
	if err := os.Mkdir(filepath.Join(dir, "b.example"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := cache.Put(ctx, "b.example", []byte("x")); err == nil {
		t.Error("a file took a folder's place")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
