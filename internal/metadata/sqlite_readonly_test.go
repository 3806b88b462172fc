package metadata

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadOnlyBesideTheWriter: another process sees what is committed, changes
// nothing, and learns what keeps it from a folder.
func TestReadOnlyBesideTheWriter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := OpenSQLiteReadOnly(t.Context(), dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	s := openStore(t, dir)
	newRepository(t, s, "app")
	beside, err := OpenSQLiteReadOnly(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	if _, err := beside.Read(t.Context()).Repositories().Get(account, region, "app"); err != nil {
		t.Error(err)
	}
	if err := beside.Update(t.Context(), func(*Tx) error { return nil }); !errors.Is(err, errReadOnly) {
		t.Errorf("an update: %v", err)
	}
	newRepository(t, s, "late")
	if _, err := beside.Read(t.Context()).Repositories().Get(account, region, "late"); err != nil {
		t.Error(err)
	}
	if _, err := OpenSQLite(t.Context(), dir); !errors.Is(err, ErrInUse) {
		t.Errorf("a second writer: %v", err)
	}
}

// TestDatabaseIsItsOwnersOnly: new, of an earlier build, and copied.
func TestDatabaseIsItsOwnersOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	newRepository(t, s, "app")
	private := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o600 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
	}
	private(DatabaseFile, DatabaseFile+"-wal", DatabaseFile+"-shm")
	if err := s.Snapshot(t.Context(), filepath.Join(dir, "copy"), func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	private("copy")
	s.Close()
	if err := os.Chmod(filepath.Join(dir, DatabaseFile), 0o644); err != nil {
		t.Fatal(err)
	}
	newRepository(t, openStore(t, dir), "another")
	private(DatabaseFile, DatabaseFile+"-wal", DatabaseFile+"-shm")
}

func TestReadOnlyRefusesAnOlderSchema(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := openSQL(t, "sqlite", filepath.Join(dir, DatabaseFile))
	if _, err := db.Exec(`DELETE FROM goose_db_version WHERE version_id >= 3`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSQLiteReadOnly(t.Context(), dir); err == nil ||
		!strings.Contains(err.Error(), "start the server once") {
		t.Errorf("schema 2: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("it left %d files: %v", len(entries), err)
	}
}
