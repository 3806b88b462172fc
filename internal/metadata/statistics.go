package metadata

import "time"

// ReplicationCount is how replications of a registry to a destination ended, in
// one minute and one process.
type ReplicationCount struct {
	SourceRegistryRow  int64
	DestinationAccount string
	DestinationRegion  string
	Minute             time.Time // its beginning
	Process            string
	Completed          int64
	Failed             int64
	Bytes              int64  // of the images that were completed
	Lags               []byte // of these, as MaxLag: a histogram in the form of package replication
	MaxLag             time.Duration
	LastCompletedAt    time.Time // zero if none was
	LastFailedAt       time.Time // zero if none did
}

// SaveCount stores the count in place of what its process stored
// before of the same.
func (tx ReplicationsTx) SaveCount(c ReplicationCount) error {
	return tx.conn.exec(`INSERT INTO replication_statistics (source_registry_id, minute, destination_account,
		destination_region, process,
			completed, failed, bytes, lags, max_lag, last_completed_at, last_failed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
			?, ?)
		ON CONFLICT (source_registry_id, minute, destination_account, destination_region, process) DO UPDATE SET
			completed = excluded.completed, failed = excluded.failed, bytes = excluded.bytes, lags = excluded.lags,
			max_lag = excluded.max_lag,
			last_completed_at = excluded.last_completed_at, last_failed_at = excluded.last_failed_at`,
		c.SourceRegistryRow, fromTime(c.Minute), c.DestinationAccount, c.DestinationRegion, c.Process,
		c.Completed, c.Failed, c.Bytes, notNull(c.Lags), c.MaxLag.Microseconds(), fromTime(c.LastCompletedAt),
		fromTime(c.LastFailedAt))
}

// ForgetCounts removes those of minutes before t.
func (tx ReplicationsTx) ForgetCounts(t time.Time) error {
	return tx.conn.exec(`DELETE FROM replication_statistics WHERE minute < ?`, fromTime(t))
}

// Counts calls each with the counts of a registry's replications in
// minutes from since on, in order of the minutes.
func (q Replications) Counts(registry int64, since time.Time, each func(*ReplicationCount) error) error {
	return q.conn.all(`SELECT minute, destination_account, destination_region, process, completed, failed, bytes, lags,
		max_lag, last_completed_at, last_failed_at
		FROM replication_statistics WHERE source_registry_id = ? AND minute >= ?
		ORDER BY minute`, []any{registry, fromTime(since)}, func(scan func(dest ...any) error) error {
		c := ReplicationCount{SourceRegistryRow: registry}
		var minute, maxLag, completed, failed int64
		err := scan(&minute, &c.DestinationAccount, &c.DestinationRegion, &c.Process, &c.Completed, &c.Failed, &c.Bytes,
			&c.Lags, &maxLag, &completed, &failed)
		if err != nil {
			return err
		}
		c.Minute, c.LastCompletedAt, c.LastFailedAt = toTime(minute), toTime(completed), toTime(failed)
		c.MaxLag = time.Duration(maxLag) * time.Microsecond
		return each(&c)
	})
}

// WaitingReplications are those to one destination that are in one state, of a
// registry or of all.
type WaitingReplications struct {
	DestinationAccount string
	DestinationRegion  string
	Number             int64
	OldestPush         time.Time
}

// Waiting counts the replications of a registry in a state, by destination. At most limit
// are looked at, those that changed longest ago.
func (q Replications) Waiting(registry int64, state string, limit int) ([]WaitingReplications, error) {
	return q.waiting(`SELECT destination_account, destination_region, count(*), min(pushed_at) FROM (
			SELECT destination_account, destination_region, pushed_at FROM replications WHERE source_registry_id = ?
			AND state = ? ORDER BY changed_at, id LIMIT ?) AS looked
		GROUP BY destination_account, destination_region`, registry, state, limit)
}

func (q Replications) waiting(query string, args ...any) (all []WaitingReplications, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		var w WaitingReplications
		var pushed int64
		err := scan(&w.DestinationAccount, &w.DestinationRegion, &w.Number, &pushed)
		w.OldestPush = toTime(pushed)
		all = append(all, w)
		return err
	})
	return all, err
}
