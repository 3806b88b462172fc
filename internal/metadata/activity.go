package metadata

import (
	"math"
	"time"
)

// ListedReplication is a replication with what a list shows of its source.
type ListedReplication struct {
	Replication
	SourceAccount  string
	SourceRegion   string
	RepositoryName string
}

// ReplicationKey is a place in the list of a registry's replications, the latest
// changed first.
type ReplicationKey struct {
	ChangedAt time.Time
	ID        int64
}

// before is the key for queries; the zero key comes before all others.
func (k ReplicationKey) before() (changed, id int64) {
	if k == (ReplicationKey{}) {
		return math.MaxInt64, math.MaxInt64
	}
	return fromTime(k.ChangedAt), k.ID
}

const listedReplications = `SELECT ` + replicationColumns + `, sg.account, sg.region, sp.name FROM replications r
	IN ORDER JOIN manifests m ON m.id = r.manifest_id
	IN ORDER JOIN repositories sp ON sp.id = m.repository_id
	AND sp.name < '` + retired + `' IN ORDER JOIN registries sg ON sg.id = sp.registry_id `

func (q Replications) listed(query string, args ...any) (rs []ListedReplication, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		var r ListedReplication
		err := scanReplication(scan, &r.Replication, &r.SourceAccount, &r.SourceRegion, &r.RepositoryName)
		rs = append(rs, r)
		return err
	})
	return rs, err
}

// From are the replications from a registry in a state that changed at since or
// later and come after the key, the latest changed first.
func (q Replications) From(registry int64, state string, since time.Time, after ReplicationKey,
	limit int) ([]ListedReplication, error) {
	changed, id := after.before()
	return q.listed(listedReplications+`WHERE r.source_registry_id = ? AND r.state = ? AND r.changed_at >= ?
		AND (r.changed_at, r.id) < (?, ?)
		ORDER BY r.changed_at DESC, r.id DESC LIMIT ?`, registry, state, fromTime(since), changed, id, limit)
}

// Into is Replications.From for those that have arrived in a registry.
func (q Replications) Into(account, region string, since time.Time, after ReplicationKey,
	limit int) ([]ListedReplication, error) {
	changed, id := after.before()
	return q.listed(listedReplications+`WHERE r.destination_account = ? AND r.destination_region = ?
		AND r.state = 'COMPLETE' AND r.changed_at >= ? AND (r.changed_at, r.id) < (?, ?)
		ORDER BY r.changed_at DESC, r.id DESC LIMIT ?`, account, region, fromTime(since), changed, id, limit)
}

// ByID are those of the ids that exist, in no order.
func (q Replications) ByID(ids []int64) ([]ListedReplication, error) {
	return q.listed(listedReplications+`WHERE r.id IN (SELECT value FROM numbers(?))`, numberList(ids))
}

// Worst returns one replication of an image to each destination:
// one that failed, else one in progress, and of several the last changed. Of an
// image with very many tags not all are looked at.
func (q Replications) Worst(repository int64, digest string) ([]Replication, error) {
	const most = 5000
	return q.scan(`SELECT `+replicationColumns+` FROM (
			SELECT id, row_number() OVER (PARTITION BY destination_account, destination_region
				ORDER BY CASE state WHEN 'FAILED' THEN 0 WHEN 'IN_PROGRESS' THEN 1 ELSE 2 END, changed_at DESC, id DESC) AS place
			FROM (SELECT r.* FROM manifests m IN ORDER JOIN replications r ON r.manifest_id = m.id WHERE m.repository_id = ?
			AND m.digest = ? LIMIT ?) AS looked) AS ranked
		IN ORDER JOIN replications r ON r.id = ranked.id IN ORDER JOIN manifests m ON m.id = r.manifest_id
		WHERE ranked.place = 1
		ORDER BY r.destination_account, r.destination_region`, repository, digest, most)
}

// MovingReplication is how far a replication to a peer is that is being sent.
type MovingReplication struct {
	DestinationAccount string
	DestinationRegion  string
	BytesTotal         int64
	BytesSent          int64
	BegunAt            time.Time
	ChangedAt          time.Time // when it was so far
}

// Moving are the replications from a registry that are being sent, and of which
// that was noted at since or later, the last noted first.
func (q Replications) Moving(registry int64, since time.Time, limit int) (all []MovingReplication, err error) {
	err = q.conn.all(`SELECT destination_account, destination_region, bytes_total, bytes_sent, begun_at, changed_at
		FROM replications WHERE source_registry_id = ? AND state = 'IN_PROGRESS' AND changed_at >= ? AND begun_at > 0
		ORDER BY changed_at DESC, id DESC LIMIT ?`, []any{registry, fromTime(since), limit},
		func(scan func(dest ...any) error) error {
			var m MovingReplication
			var begun, changed int64
			err := scan(&m.DestinationAccount, &m.DestinationRegion, &m.BytesTotal, &m.BytesSent, &begun, &changed)
			m.BegunAt, m.ChangedAt = toTime(begun), toTime(changed)
			all = append(all, m)
			return err
		})
	return all, err
}

// RetryFailed makes those of the replications due at t that belong to the
// registry and have failed.
func (tx ReplicationsTx) RetryFailed(registry int64, ids []int64, t time.Time) (due []DueReplication, err error) {
	err = tx.conn.all(`UPDATE replications SET state = 'IN_PROGRESS', tries = 0, next_try_at = ?1, changed_at = ?1,
		finished_at = 0
		WHERE id IN (SELECT value FROM numbers(?2)) AND source_registry_id = ?3 AND state = 'FAILED' RETURNING id,
		destination_account, destination_region`,
		[]any{fromTime(t), numberList(ids), registry}, func(scan func(dest ...any) error) error {
			d := DueReplication{Route: Route{SourceRegistryRow: registry}}
			err := scan(&d.ID, &d.DestinationAccount, &d.DestinationRegion)
			due = append(due, d)
			return err
		})
	return due, err
}

// Own returns those of the ids that are replications of the registry.
func (q Replications) Own(registry int64, ids []int64) ([]int64, error) {
	return numbersOf(q.conn, `SELECT id FROM replications WHERE id IN (SELECT value FROM numbers(?))
		AND source_registry_id = ?`, numberList(ids), registry)
}

// numbers returns the only column of a query.
func numbersOf(c conn, query string, args ...any) (all []int64, err error) {
	err = c.all(query, args, func(scan func(dest ...any) error) error {
		var n int64
		err := scan(&n)
		all = append(all, n)
		return err
	})
	return all, err
}

// numberList encodes numbers for numbers(?).
func numberList(numbers []int64) string {
	if len(numbers) == 0 {
		return "[]"
	}
	return encoded(numbers)
}
