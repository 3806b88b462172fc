package durable_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/twinport/twinport/internal/durable"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"one", "", "a longer text"} {
		if err := durable.WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q, %v, want %q", got, err, text)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	// Many at once leave one of their texts, whole, and nothing else.
	var all sync.WaitGroup
	for _, text := range []string{"aaaa", "bbbb", "cccc"} {
		for range 10 {
			all.Go(func() {
				if err := durable.WriteFile(path, []byte(text)); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	if got, err := os.ReadFile(path); err != nil || len(got) != 4 || got[0] != got[3] {
		t.Errorf("%q, %v", got, err)
	}
	// What cannot be put in its place leaves nothing either.
	if err := durable.WriteFile(dir, []byte("x")); err == nil {
		t.Error("a folder was overwritten")
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(filepath.Join(dir, "folder"), []byte("x")); err == nil {
		t.Error("a folder was overwritten")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	if !durable.Unfinished(".new-123") || durable.Unfinished("file") {
		t.Error("unfinished files are not told from others")
	}
}
