package metadata

import (
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// Replications are the queries about replications of images: their queue, how
// they ended, what is to be tried again, and their counts.
type Replications struct{ conn conn }

// ReplicationsTx are Replications with what changes them.
type ReplicationsTx struct {
	Replications
	tx *Tx
}

// The states of a replication (ECR: ReplicationStatus).
const (
	ReplicationInProgress = "IN_PROGRESS"
	ReplicationComplete   = "COMPLETE"
	ReplicationFailed     = "FAILED"
)

// Replication is one image, by one tag or none, on its way to one destination.
type Replication struct {
	ID                 int64
	SourceRegistryRow  int64
	RepositoryID       int64 // the source
	Digest             string
	MediaType          string // of the manifest
	ImageSize          int64
	Tag                string // '' for a push by digest
	Sequence           int64  // of the push, in the source registry
	DestinationAccount string
	DestinationRegion  string
	State              string
	Tries              int
	NextTryAt          time.Time
	PushedAt           time.Time
	ChangedAt          time.Time // when it was queued, tried, or made due again
	FinishedAt         time.Time // zero while in progress
	FailureCode        string
	FailureReason      string
	// Of the last try, if it goes to a peer: bytes of layers that it sends, and
	// has sent; and when it began to, zero while it does not.
	BytesTotal int64
	BytesSent  int64
	BegunAt    time.Time
	// Stored for RefusedRoutes, and not read: the number of a refusal among the
	// changes of its destination, ByConfiguration or Permanent; and the repository there.
	Refusal     int64
	RefusedInto string
	// Deletes says that the source has deleted the tag or, without one, the image.
	Deletes bool
	// Backfill says that a backfill has queued it, and no push since.
	Backfill bool
}

// Destination is the registry that it goes to.
func (r Replication) Destination() resource.Registry {
	return resource.Registry{Account: r.DestinationAccount, Region: r.DestinationRegion}
}

const replicationColumns = `r.id, r.source_registry_id, m.repository_id, m.digest, m.media_type, m.image_size, r.tag,
	r.sequence,
	r.destination_account, r.destination_region, r.state, r.tries, r.next_try_at, r.pushed_at, r.changed_at, r.finished_at,
	r.failure_code, r.failure_reason, r.bytes_total, r.bytes_sent, r.begun_at, r.backfill`

const fromReplications = ` FROM replications r JOIN manifests m ON m.id = r.manifest_id `

// scanReplication scans replicationColumns, and more after them.
func scanReplication(scan func(dest ...any) error, r *Replication, more ...any) error {
	var next, pushed, changed, finished, begun, backfill int64
	err := scan(append([]any{&r.ID, &r.SourceRegistryRow, &r.RepositoryID, &r.Digest, &r.MediaType, &r.ImageSize, &r.Tag,
		&r.Sequence,
		&r.DestinationAccount, &r.DestinationRegion, &r.State, &r.Tries, &next, &pushed, &changed, &finished, &r.FailureCode,
		&r.FailureReason, &r.BytesTotal, &r.BytesSent, &begun, &backfill}, more...)...)
	r.NextTryAt, r.PushedAt, r.ChangedAt, r.FinishedAt = toTime(next), toTime(pushed), toTime(changed), toTime(finished)
	r.BegunAt, r.Backfill = toTime(begun), backfill == 1
	return err
}

func (q Replications) scan(query string, args ...any) (rs []Replication, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		var r Replication
		err := scanReplication(scan, &r)
		rs = append(rs, r)
		return err
	})
	return rs, err
}

// Queue records that an image is to be replicated, or is to be once
// more. Its id is set when the transaction is committed.
func (tx ReplicationsTx) Queue(r *Replication) error {
	return tx.conn.id(`INSERT INTO replications (manifest_id, tag, sequence, destination_account, destination_region,
		state, next_try_at, pushed_at, changed_at, source_registry_id, backfill)
		SELECT m.id, CAST(?3 AS TEXT), CAST(?4 AS BIGINT), CAST(?5 AS TEXT), CAST(?6 AS TEXT), 'IN_PROGRESS',
		CAST(?7 AS BIGINT), CAST(?8 AS BIGINT), CAST(?8 AS BIGINT), p.registry_id, CAST(?9 AS BIGINT)
		FROM manifests m IN ORDER JOIN repositories p ON p.id = m.repository_id WHERE m.repository_id = ?1 AND m.digest = ?2
		ON CONFLICT (manifest_id, tag, destination_account, destination_region) DO UPDATE SET
		sequence = excluded.sequence, state = 'IN_PROGRESS', tries = 0, next_try_at = excluded.next_try_at,
		pushed_at = excluded.pushed_at,
		changed_at = excluded.changed_at, source_registry_id = excluded.source_registry_id, finished_at = 0,
		failure_code = '', failure_reason = '', backfill = excluded.backfill
		WHERE excluded.sequence > replications.sequence RETURNING id`,
		[]any{
			r.RepositoryID, r.Digest, r.Tag, r.Sequence, r.DestinationAccount, r.DestinationRegion, fromTime(r.NextTryAt),
			fromTime(r.PushedAt), number01(r.Backfill),
		}, &r.ID)
}

// Get by id: ErrNotFound.
func (q Replications) Get(id int64) (Replication, error) {
	rs, err := q.scan(`SELECT `+replicationColumns+fromReplications+`WHERE r.id = ?`, id)
	if err == nil && len(rs) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Replication{}, err
	}
	return rs[0], nil
}

// ReplicationJob is a replication with what is needed to decide on it.
type ReplicationJob struct {
	Replication
	Tags           []string // that the source has deleted
	SourceAccount  string
	SourceRegion   string
	RepositoryName string
	// Of the destination; zero where there is no such registry or repository.
	RegistryRow       int64
	RegistryPolicy    string
	DestinationID     int64
	DestinationPolicy string
	DestinationTags   []resource.Tag
	TagMutability     TagMutability
	// Template is what the repository would be created by; set where it is decided on.
	Template *CreationTemplate
}

// destinationColumns are the columns of a ReplicationJob about its destination.
var destinationColumns = `coalesce(dg.id, 0), coalesce(dg.policy, ''),
	coalesce(dp.id, 0), coalesce(dp.policy, ''), coalesce(dp.tag_mutability, ''), ` + tagsOf("dp")

// scanDestination appends to dest what destinationColumns are scanned into.
func (j *ReplicationJob) scanDestination(dest ...any) []any {
	return append(dest, &j.RegistryRow, &j.RegistryPolicy, &j.DestinationID, &j.DestinationPolicy,
		(*string)(&j.TagMutability), (*tagObject)(&j.DestinationTags))
}

// Claim returns a replication that is in progress and nobody else
// is trying, and keeps others off it, and off deleting anything in the source
// repository, until the transaction ends: ErrNotFound. One by a tag that the source
// has deleted since is one without a tag.
func (tx ReplicationsTx) Claim(id int64) (j ReplicationJob, err error) {
	tagged := false
	err = scanReplication(func(dest ...any) error {
		return tx.conn.one(`SELECT `+replicationColumns+`,
		EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = sp.id AND t.name = r.tag),
		sg.account, sg.region, sg.id, sp.name, `+destinationColumns+fromReplications+`
		JOIN repositories sp ON sp.id = m.repository_id JOIN registries sg ON sg.id = sp.registry_id
		LEFT IN ORDER JOIN registries dg ON dg.account = r.destination_account AND dg.region = r.destination_region
		LEFT IN ORDER JOIN repositories dp ON dp.registry_id = dg.id AND dp.name = sp.name
		WHERE r.id = ? CLAIMING r`, []any{id}, dest...)
	}, &j.Replication,
		j.scanDestination(&tagged, &j.SourceAccount, &j.SourceRegion, &j.SourceRegistryRow, &j.RepositoryName)...)
	if !tagged {
		j.Tag = ""
	}
	// Asked of the query, this would tempt a planner to go through all that are.
	if err == nil && (j.State != ReplicationInProgress || isRetired(j.RepositoryName)) {
		return ReplicationJob{}, ErrNotFound
	}
	return j, err
}

// Route is the way of replications from a registry to another. What backfills
// queue has one of its own.
type Route struct {
	SourceRegistryRow  int64
	SourceAccount      string
	DestinationAccount string
	DestinationRegion  string
	Backfill           bool
}

// Destination is where the route leads.
func (r Route) Destination() resource.Registry {
	return resource.Registry{Account: r.DestinationAccount, Region: r.DestinationRegion}
}

// DueReplication is a replication to try.
type DueReplication struct {
	ID int64
	Route
}

// WaitingRoute is a route with when the first of its replications that are in
// progress falls due.
type WaitingRoute struct {
	Route
	Next time.Time
}

// WaitingRoutes are the routes that come after the given one and have
// replications in progress, in their order. However many a route has, one is
// looked at. (SQLite looks a row value up by all its parts only where they are
// no columns.)
func (q Replications) WaitingRoutes(after Route, limit int) (all []WaitingRoute, err error) {
	const columns = `n.source_registry_id, n.destination_account, n.destination_region, n.backfill, n.next_try_at`
	const route = `(n.source_registry_id, n.destination_account, n.destination_region, n.backfill)`
	err = q.conn.all(`WITH RECURSIVE routes (source, account, region, backfill, next, place) AS (
			SELECT `+columns+`, 1 FROM replications n WHERE n.id = (SELECT n.id FROM replications n
				WHERE n.state = 'IN_PROGRESS' AND `+route+` > (?1, ?2, ?3, ?4)
				ORDER BY `+columns+` LIMIT 1)
			UNION ALL
			SELECT `+columns+`, w.place + 1 FROM routes w JOIN replications n ON n.id = (SELECT n.id FROM replications n
				WHERE n.state = 'IN_PROGRESS' AND `+route+` > (w.source, w.account || '', w.region || '', w.backfill + 0)
				ORDER BY `+columns+` LIMIT 1) WHERE w.place < ?5)
		SELECT w.source, coalesce(g.account, ''), w.account, w.region, w.backfill, w.next FROM routes w
		LEFT IN ORDER JOIN registries g ON g.id = w.source`,
		[]any{
			after.SourceRegistryRow, after.DestinationAccount, after.DestinationRegion, number01(after.Backfill), limit,
		}, func(scan func(dest ...any) error) error {
			var w WaitingRoute
			var backfill, next int64
			err := scan(&w.SourceRegistryRow, &w.SourceAccount, &w.DestinationAccount, &w.DestinationRegion, &backfill, &next)
			w.Backfill, w.Next = backfill == 1, toTime(next)
			all = append(all, w)
			return err
		})
	return all, err
}

// Due are the replications of a route in progress whose next try is not after
// t, the longest due first.
func (q Replications) Due(of Route, t time.Time, limit int) (due []DueReplication, err error) {
	err = q.conn.all(`SELECT id FROM replications WHERE state = 'IN_PROGRESS' AND source_registry_id = ?
		AND destination_account = ? AND destination_region = ? AND backfill = ? AND next_try_at <= ?
		ORDER BY next_try_at, pushed_at, id LIMIT ?`, []any{
		of.SourceRegistryRow, of.DestinationAccount, of.DestinationRegion, number01(of.Backfill), fromTime(t), limit,
	}, func(scan func(dest ...any) error) error {
		d := DueReplication{Route: of}
		err := scan(&d.ID)
		due = append(due, d)
		return err
	})
	return due, err
}

// CountWaiting counts the replications of the sources that are in progress, up to most.
func (q Replications) CountWaiting(sources []int64, most int) (n int, err error) {
	err = q.conn.one(`SELECT count(*) FROM (SELECT 1 FROM replications WHERE state = 'IN_PROGRESS'
		AND source_registry_id IN (SELECT value FROM numbers(?)) LIMIT ?) AS waiting`,
		[]any{numberList(sources), most}, &n)
	return n, err
}

// maxBacklog is as far as Backlog counts.
const maxBacklog = 100000

// Backlog counts the replications in progress, up to 100,000 in all, by destination.
func (q Replications) Backlog() ([]WaitingReplications, error) {
	return q.waiting(`SELECT destination_account, destination_region, count(*), min(pushed_at) FROM (
			SELECT destination_account, destination_region, pushed_at FROM replications WHERE state = 'IN_PROGRESS'
			LIMIT ?) AS waiting
		GROUP BY destination_account, destination_region`, maxBacklog)
}

// Of lists the replications of an image, at most limit, ordered by destination and tag.
func (q Replications) Of(repository int64, digest string, limit int) ([]Replication, error) {
	return q.scan(`SELECT `+replicationColumns+fromReplications+`WHERE m.repository_id = ? AND m.digest = ?
		ORDER BY r.destination_account, r.destination_region, r.tag LIMIT ?`, repository, digest, limit)
}

// Bound removes, once an image has so many replications, up to limit
// of those that have ended and whose tags it has no more. Of each destination one
// stays, if there is one that did not fail: Deletions.Queue goes by it.
func (tx ReplicationsTx) Bound(repository int64, digest string, many, limit int) error {
	return tx.conn.exec(`DELETE FROM replications WHERE state <> 'IN_PROGRESS'
		AND (SELECT count(*) FROM (SELECT 1 FROM manifests m IN ORDER JOIN replications r ON r.manifest_id = m.id
			WHERE m.repository_id = ?1 AND m.digest = ?2 LIMIT ?3) AS looked) >= ?3
		AND id IN (SELECT ranked.id FROM (SELECT r.id, r.manifest_id, r.tag, r.state,
				row_number() OVER (PARTITION BY r.destination_account, r.destination_region
					ORDER BY CASE WHEN r.state = 'FAILED' THEN 1 ELSE 0 END, r.id DESC) AS place
				FROM manifests m IN ORDER JOIN replications r ON r.manifest_id = m.id
				WHERE m.repository_id = ?1 AND m.digest = ?2) AS ranked
			WHERE ranked.place > 1 AND ranked.state <> 'IN_PROGRESS' AND NOT EXISTS (SELECT 1 FROM tags t
				WHERE t.repository_id = ?1 AND t.name = ranked.tag AND t.manifest_id = ranked.manifest_id FENCED) LIMIT ?4)`,
		repository, digest, many, limit)
}

// Brought records of the manifests that an index names, once a replication of it is
// complete, that they have come to its destination, unless they have replications
// there of their own: so when they are deleted, they are deleted there, too.
func (tx ReplicationsTx) Brought(index Replication) error {
	return tx.conn.exec(`INSERT INTO replications (manifest_id, tag, sequence, destination_account, destination_region,
		state, tries, next_try_at, pushed_at, changed_at, finished_at, source_registry_id)
		`+graph+`SELECT m.id, '', x.sequence, x.destination_account, x.destination_region, 'COMPLETE', x.tries, x.next_try_at,
		x.pushed_at, x.changed_at, x.finished_at, x.source_registry_id FROM replications x, graph g
		IN ORDER JOIN manifests m ON m.repository_id = ?1 AND m.digest = g.digest
		WHERE x.id = ?3 AND NOT EXISTS (SELECT 1 FROM replications r WHERE r.manifest_id = m.id
			AND r.destination_account = ?4 AND r.destination_region = ?5 FENCED)
		ON CONFLICT DO NOTHING`,
		index.RepositoryID, index.Digest, index.ID, index.DestinationAccount, index.DestinationRegion)
}

// Adopt completes up to limit rows that a program wrote which does
// not know of what schema 4 added to them, and returns how many.
func (tx ReplicationsTx) Adopt(limit int) (int64, error) {
	return tx.conn.changed(`UPDATE replications SET changed_at = CASE WHEN finished_at > pushed_at THEN finished_at ELSE pushed_at END,
		source_registry_id = (SELECT p.registry_id FROM manifests m IN ORDER JOIN repositories p ON p.id = m.repository_id
		WHERE m.id = replications.manifest_id)
		WHERE id IN (SELECT id FROM replications WHERE source_registry_id = 0 LIMIT ?)`, limit)
}

const saveReplication = `UPDATE replications SET state = ?, tries = ?, next_try_at = ?, changed_at = ?, finished_at = ?,
		failure_code = ?, failure_reason = ?, bytes_total = ?, bytes_sent = ?, begun_at = ?,
		refusal = ?, refused_into = ? WHERE id = ? AND sequence = ?`

func (r *Replication) saved() []any {
	return []any{
		r.State, r.Tries, fromTime(r.NextTryAt), fromTime(r.ChangedAt), fromTime(r.FinishedAt), r.FailureCode,
		r.FailureReason, r.BytesTotal, r.BytesSent, fromTime(r.BegunAt), r.Refusal, r.RefusedInto, r.ID, r.Sequence,
	}
}

// Save stores how a try ended.
func (tx ReplicationsTx) Save(r Replication) error {
	return tx.conn.exec(saveReplication, r.saved()...)
}

// End stores how a try ended that held a lease: false if the replication is not
// that try's any more. It waits for those who keep the lease.
func (tx ReplicationsTx) End(r Replication) (bool, error) {
	return some(tx.conn.changed(saveReplication+` AND state = 'IN_PROGRESS' AND tries = ?`, append(r.saved(), r.Tries)...))
}
