package metadata

import (
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// Backfills are the queries about backfills: replications of the images that a
// registry has already to one of its destinations.
type Backfills struct{ conn conn }

// BackfillsTx are Backfills with what changes them.
type BackfillsTx struct {
	Backfills
	tx *Tx
}

// BackfillStatus is how far a backfill has come (ECR: ReplicationBackfillStatus).
type BackfillStatus string

// The statuses of backfills.
const (
	BackfillPreparing  BackfillStatus = "PREPARING" // it finds its images
	BackfillInProgress BackfillStatus = "IN_PROGRESS"
	BackfillComplete   BackfillStatus = "COMPLETE"
	BackfillFailed     BackfillStatus = "FAILED"
	BackfillStopping   BackfillStatus = "STOPPING" // what it has queued has not ended yet
	BackfillStopped    BackfillStatus = "STOPPED"
)

// Backfill replicates the images of a registry to a destination. First it finds
// all of them, and numbers them from 1 on; then it queues one after the other.
type Backfill struct {
	ID                 int64
	Name               string // ECR: replicationBackfillId
	RegistryRow        int64  // the source
	SourceAccount      string
	SourceRegion       string
	DestinationAccount string
	DestinationRegion  string
	Status             BackfillStatus
	FailureCode        string // set once it is to fail
	StartedAt          time.Time
	EndedAt            time.Time // zero if it has not

	Prepared bool   // all images are known
	Place    string // how far preparing has come, for whoever goes on
	Total    int64  // images that are known
	Queued   int64  // the number of the last of them that was queued
	// Of the images that were queued:
	Completed, Failed int64
	FailureCodes      []string // of those that failed, each once
}

// Source is the registry whose images it replicates.
func (b Backfill) Source() resource.Registry {
	return resource.Registry{Account: b.SourceAccount, Region: b.SourceRegion}
}

// Destination is the registry that it goes to.
func (b Backfill) Destination() resource.Registry {
	return resource.Registry{Account: b.DestinationAccount, Region: b.DestinationRegion}
}

const selectBackfills = `SELECT b.id, b.name, b.registry_id, g.account, g.region, b.destination_account,
	b.destination_region, b.status, b.failure_code, b.started_at, b.ended_at, b.prepared, b.place, b.total, b.queued,
	b.completed, b.failed, b.failure_codes
	FROM replication_backfills b IN ORDER JOIN registries g ON g.id = b.registry_id `

func scanBackfill(scan func(dest ...any) error) (b Backfill, err error) {
	var started, ended, prepared int64
	var codes string
	err = scan(&b.ID, &b.Name, &b.RegistryRow, &b.SourceAccount, &b.SourceRegion, &b.DestinationAccount,
		&b.DestinationRegion, (*string)(&b.Status), &b.FailureCode, &started, &ended, &prepared, &b.Place, &b.Total,
		&b.Queued, &b.Completed, &b.Failed, &codes)
	if err == nil {
		err = json.Unmarshal([]byte(codes), &b.FailureCodes)
	}
	b.StartedAt, b.EndedAt, b.Prepared = toTime(started), toTime(ended), prepared == 1
	return b, err
}

func (q Backfills) one(query string, args ...any) (Backfill, error) {
	return scanBackfill(func(dest ...any) error { return q.conn.one(query, args, dest...) })
}

func (q Backfills) all(query string, args ...any) (all []Backfill, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		b, err := scanBackfill(scan)
		all = append(all, b)
		return err
	})
	return all, err
}

// Get by name, of a registry: ErrNotFound.
func (q Backfills) Get(registry int64, name string) (Backfill, error) {
	return q.one(selectBackfills+`WHERE b.name = ? AND b.registry_id = ?`,
		name, registry)
}

// List lists the backfills of a registry, the latest first, with ids below the
// given one; 0 means all.
func (q Backfills) List(registry, below int64, limit int) ([]Backfill, error) {
	if below == 0 {
		below = math.MaxInt64
	}
	return q.all(selectBackfills+`WHERE b.registry_id = ? AND b.id < ?
		ORDER BY b.id DESC LIMIT ?`, registry, below, limit)
}

// Open are the backfills of a registry that have not ended, the earliest first.
func (q Backfills) Open(registry int64, limit int) ([]Backfill, error) {
	return q.all(selectBackfills+`WHERE b.registry_id = ? AND b.ended_at = 0
		ORDER BY b.id LIMIT ?`, registry, limit)
}

// NextOpen is the first registry after the given one with a backfill that has not
// ended: 0 if there is none.
func (q Backfills) NextOpen(after int64) (registry int64, err error) {
	err = q.conn.one(`SELECT b.registry_id FROM replication_backfills b WHERE b.ended_at = 0 AND b.registry_id > ?
		ORDER BY b.registry_id LIMIT 1`, []any{after}, &registry)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return registry, err
}

// Ended are the ids of backfills that have ended before a time.
func (q Backfills) Ended(before time.Time, limit int) ([]int64, error) {
	return numbersOf(q.conn, `SELECT b.id FROM replication_backfills b WHERE b.ended_at > 0 AND b.ended_at < ?
		ORDER BY b.ended_at, b.id LIMIT ?`, fromTime(before), limit)
}

// Lock returns a backfill and keeps others from changing it, or its images, until
// the transaction ends: ErrNotFound.
func (tx BackfillsTx) Lock(id int64) (Backfill, error) {
	return tx.one(selectBackfills+`WHERE b.id = ? LOCKING b`, id)
}

// Begin records a backfill, and stores its id in b, which may be known only once
// the transaction is committed.
func (tx BackfillsTx) Begin(b *Backfill) error {
	return tx.conn.id(`INSERT INTO replication_backfills (name, registry_id, destination_account, destination_region,
		status, started_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING id`,
		[]any{b.Name, b.RegistryRow, b.DestinationAccount, b.DestinationRegion, string(b.Status), fromTime(b.StartedAt)},
		&b.ID)
}

// Save stores how far a backfill has come, which the transaction has locked.
func (tx BackfillsTx) Save(b Backfill) error {
	return tx.conn.exec(`UPDATE replication_backfills SET status = ?, failure_code = ?, ended_at = ?, prepared = ?,
		place = ?, total = ?, queued = ?, completed = ?, failed = ?, failure_codes = ? WHERE id = ?`,
		string(b.Status), b.FailureCode, fromTime(b.EndedAt), number01(b.Prepared), b.Place, b.Total, b.Queued, b.Completed,
		b.Failed, list(b.FailureCodes), b.ID)
}

// BackfillImage is an image of a backfill, by one tag or none.
type BackfillImage struct {
	Number int64
	RegistryImage
	Status      string // ReplicationComplete or ReplicationFailed; "" if it has not ended
	FailureCode string
	Indexed     bool // it is an index, whose images failed with it
}

// Add adds images to a backfill, which have their numbers.
func (tx BackfillsTx) Add(backfill int64, images []BackfillImage) error {
	type row struct {
		Number     int64  `json:"n"`
		Repository string `json:"r"`
		Digest     string `json:"d"`
		Tag        string `json:"t"`
	}
	rows := make([]row, len(images))
	for i, m := range images {
		rows[i] = row{m.Number, m.Repository, m.Digest, m.Tag}
	}
	return tx.conn.exec(`INSERT INTO replication_backfill_images (backfill_id, number, repository, digest, tag)
		SELECT CAST(?1 AS BIGINT), CAST(value ->> 'n' AS BIGINT), value ->> 'r', value ->> 'd', value ->> 't'
		FROM objects(?2)`, backfill, encoded(rows))
}

const backfillImageColumns = `i.number, i.repository, i.digest, i.tag, i.status, i.failure_code, i.indexed`

// scanBackfillImage scans backfillImageColumns, and more after them.
func scanBackfillImage(scan func(dest ...any) error, m *BackfillImage, more ...any) error {
	var indexed int64
	err := scan(append([]any{
		&m.Number, &m.Repository, &m.Digest, &m.Tag, &m.Status, &m.FailureCode, &indexed,
	}, more...)...)
	m.Indexed = indexed == 1
	return err
}

func (q Backfills) images(query string, args ...any) (all []BackfillImage, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		var m BackfillImage
		err := scanBackfillImage(scan, &m)
		all = append(all, m)
		return err
	})
	return all, err
}

// Images are those of a backfill with numbers after the given one, up to upTo, in
// their order. With a status they are those that ended so.
func (q Backfills) Images(backfill int64, status string, after, upTo int64, limit int) ([]BackfillImage, error) {
	if status == "" {
		return q.images(`SELECT `+backfillImageColumns+` FROM replication_backfill_images i WHERE i.backfill_id = ?
			AND i.number > ? AND i.number <= ? ORDER BY i.number LIMIT ?`, backfill, after, upTo, limit)
	}
	return q.images(`SELECT `+backfillImageColumns+` FROM replication_backfill_images i WHERE i.backfill_id = ?
		AND i.status = ? AND i.number > ? AND i.number <= ? ORDER BY i.number LIMIT ?`, backfill, status, after, upTo, limit)
}

// QueuedImage is an image of a backfill that was queued, with its replication.
type QueuedImage struct {
	BackfillImage
	RepositoryID int64  // 0 if there is no such repository any more
	There        bool   // the image is
	MediaType    string // of the manifest
	// Of the replication; State is "" if there is none.
	State, Code, Reason string
}

// QueuedImages are those images of a backfill that have not ended, up to its last
// that was queued, in their order.
func (q Backfills) QueuedImages(b Backfill, limit int) (all []QueuedImage, err error) {
	err = q.conn.all(`SELECT `+backfillImageColumns+`, coalesce(p.id, 0), m.id IS NOT NULL,
			coalesce(m.media_type, ''), coalesce(r.state, ''), coalesce(r.failure_code, ''), coalesce(r.failure_reason, '')
		FROM replication_backfill_images i
		LEFT IN ORDER JOIN repositories p ON p.registry_id = ?6 AND p.name = i.repository
		LEFT IN ORDER JOIN manifests m ON m.repository_id = p.id AND m.digest = i.digest
		LEFT IN ORDER JOIN replications r ON r.manifest_id = m.id AND r.tag = i.tag AND r.destination_account = ?1
			AND r.destination_region = ?2
		WHERE i.backfill_id = ?3 AND i.status = '' AND i.number <= ?4 ORDER BY i.number LIMIT ?5`,
		[]any{b.DestinationAccount, b.DestinationRegion, b.ID, b.Queued, limit, b.RegistryRow},
		func(scan func(dest ...any) error) error {
			var m QueuedImage
			err := scanBackfillImage(scan, &m.BackfillImage, &m.RepositoryID, &m.There, &m.MediaType, &m.State, &m.Code,
				&m.Reason)
			all = append(all, m)
			return err
		})
	return all, err
}

// End stores what came of images of a backfill, all the same.
func (tx BackfillsTx) End(backfill int64, numbers []int64, as BackfillImage) error {
	return tx.conn.exec(`UPDATE replication_backfill_images SET status = ?, failure_code = ?, indexed = ?
		WHERE backfill_id = ? AND number IN (SELECT value FROM numbers(?))`,
		as.Status, as.FailureCode, number01(as.Indexed), backfill, numberList(numbers))
}

// Untag makes images of a backfill ones by digest.
func (tx BackfillsTx) Untag(backfill int64, numbers []int64) error {
	return tx.conn.exec(`UPDATE replication_backfill_images SET tag = '' WHERE backfill_id = ?
		AND number IN (SELECT value FROM numbers(?))`, backfill, numberList(numbers))
}

// Forget removes at most limit images of a backfill and, once there are no more,
// the backfill itself.
func (tx BackfillsTx) Forget(backfill int64, limit int) error {
	n, err := tx.conn.changed(`DELETE FROM replication_backfill_images WHERE (backfill_id, number) IN (
		SELECT backfill_id, number FROM replication_backfill_images WHERE backfill_id = ?1 LIMIT ?2)`, backfill, limit)
	if err != nil || n == int64(limit) {
		return err
	}
	return tx.conn.exec(`DELETE FROM replication_backfills WHERE id = ?`, backfill)
}
