package metadata

import (
	"strings"
	"testing"

	"github.com/twinport/twinport/test/servers"
)

// A migration that another version began notes no changes of tables that it did
// not know.
func TestTransferOfAnotherVersionIsNotResumed(t *testing.T) {
	t.Parallel()
	from := openStore(t, t.TempDir())
	to := openPostgres(t, servers.Postgres(t))
	defer to.Close()
	if _, err := NewTransfer(t.Context(), from, to, "bucket"); err != nil {
		t.Fatal(err)
	}
	again, err := NewTransfer(t.Context(), from, to, "bucket")
	if err != nil || !again.Resumed {
		t.Fatalf("of this version: %+v, %v", again, err)
	}
	commit(t, from, func(tx *Tx) error { return tx.conn.exec(`DROP TRIGGER transfer_replication_statistics_insert`) })
	if _, err := NewTransfer(t.Context(), from, to, "bucket"); err == nil || !strings.Contains(err.Error(), "migrate --cancel") {
		t.Errorf("of another version: %v", err)
	}
}
