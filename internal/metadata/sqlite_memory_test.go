package metadata

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestMemory: a database in memory has no files that anybody could find, is
// read while it is written, also after its log was begun anew, and is gone when
// it is closed.
func TestMemory(t *testing.T) {
	open := func() *SQLite {
		s, err := OpenSQLiteInMemory(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s, other := open(), open()
	checkNameless(t)
	r := newRepository(t, s, "app")
	if _, err := other.Read(t.Context()).Repositories().Get(account, region, "app"); !errors.Is(err, ErrNotFound) {
		t.Errorf("another database has the repository, too: %v", err)
	}
	var all sync.WaitGroup
	for range 2 * maxReaders {
		all.Go(func() {
			for range 50 {
				if _, err := s.reads.Repositories().Get(account, region, "app"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 60 {
		if i == 30 {
			s.restartLog.Store(true)
		}
		putManifest(t, s, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch}, fmt.Sprint(i))
	}
	all.Wait()
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	found, err := s.CheckIntegrity(t.Context(), 10)
	if err != nil || len(found) != 0 {
		t.Errorf("the database is not whole: %v, %v", found, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Update(context.Background(), func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("update after the end: %v", err)
	}
}

// checkNameless finds no name of a file that this process has open for a
// database in memory.
func checkNameless(t *testing.T) {
	t.Helper()
	const descriptors = "/proc/self/fd"
	entries, err := os.ReadDir(descriptors)
	if err != nil {
		t.Logf("only Linux shows what is open: %v", err)
		return
	}
	found := 0
	for _, entry := range entries {
		path, err := os.Readlink(filepath.Join(descriptors, entry.Name()))
		if err != nil || !strings.Contains(path, strings.TrimSuffix(memoryFolder, "*")) {
			continue
		}
		found++
		if !strings.HasSuffix(path, " (deleted)") {
			t.Errorf("%s has its name still", path)
		}
	}
	if found == 0 {
		t.Error("no file of the databases is open")
	}
}
