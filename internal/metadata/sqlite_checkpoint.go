package metadata

import (
	"context"
	"database/sql"
	"time"
)

const (
	// checkpointPause lets commits gather before the next checkpoint: a page
	// that changes often is then written to the database file once.
	checkpointPause = 200 * time.Millisecond
	// maxLogPages is how long the write-ahead log may get before the writer
	// stops to start it afresh: 64 MiB.
	maxLogPages = 16384
	// restartPatience, in milliseconds, bounds how long the writer, and every
	// update with it, then waits for readers. Ours are quick; one of another
	// program, such as a backup, may read for minutes, during which the log
	// grows.
	restartPatience = "20"
)

// checkpoint moves committed pages from the write-ahead log to the database
// file, beside the writer, so that no update waits for it. While updates keep
// coming it never moves the whole log, which grows. When the log is long, the
// writer is asked to move the rest.
func (s *SQLite) checkpoint(db *sql.DB) {
	defer close(s.checkpointed)
	for {
		select {
		case <-s.committed:
		case <-s.done:
			return
		}
		select {
		case <-time.After(checkpointPause):
		case <-s.done:
			return
		}
		var busy, log, moved int
		if err := db.QueryRowContext(context.Background(), `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &log,
			&moved); err != nil {
			continue // nothing is lost: the next one tries again
		}
		if log > maxLogPages {
			s.restartLog.Store(true)
		}
	}
}

// restart moves the rest of a long log and starts it afresh. Its statements are
// not kept prepared: this pragma takes effect when it is prepared.
func (s *SQLite) restart(conn *sql.Conn) {
	if !s.restartLog.CompareAndSwap(true, false) {
		return
	}
	ctx := context.Background()
	if _, err := conn.ExecContext(ctx, `PRAGMA busy_timeout = `+restartPatience); err != nil {
		return
	}
	var busy, log, moved int
	// else the next checkpoint asks again
	_ = conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(RESTART)`).Scan(&busy, &log, &moved)
	_, _ = conn.ExecContext(ctx, `PRAGMA busy_timeout = `+busyTimeout) // the same statement did not fail above
}
