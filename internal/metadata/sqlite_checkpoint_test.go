package metadata

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"
)

// A backup reads one state of the database for as long as it takes. Updates
// must not wait for it, however long the log has become meanwhile.
func TestLongReaderDoesNotHoldUpUpdates(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	r := newRepository(t, s, "app")
	backup, err := sql.Open("sqlite", dataSource(filepath.Join(dir, "metadata.db"), "query_only(1)"))
	if err != nil {
		t.Fatal(err)
	}
	defer backup.Close()
	read, err := backup.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer read.Rollback()
	var n int
	if err := read.QueryRow(`SELECT count(*) FROM repositories`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	// Twice: the first must not use up what bounds the wait.
	for i := range 2 {
		// the log holds more than the backup sees
		putManifest(t, s, r, Manifest{Digest: manifestDigest(2 * i), PushedAt: epoch}, "{}")
		s.restartLog.Store(true)
		start := time.Now()
		putManifest(t, s, r, Manifest{Digest: manifestDigest(2*i + 1), PushedAt: epoch}, "{}") // is followed by the restart
		putManifest(t, s, r, Manifest{Digest: manifestDigest(100 + i), PushedAt: epoch}, "{}") // waits for it
		if took := time.Since(start); took > 9*time.Second {
			t.Errorf("updates waited %v for a reader", took)
		}
	}
}
