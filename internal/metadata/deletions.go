package metadata

import (
	"encoding/json"
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// Deletions are the queries about replications of deletions.
type Deletions struct{ conn conn }

// DeletionsTx are Deletions with what changes them.
type DeletionsTx struct {
	Deletions
	tx *Tx
}

// A deletion is a row of replications without a manifest: that of its source is
// gone, so the row says itself what was deleted. It is due, tried, refused and
// listed like every other.

const deletionColumns = `r.id, r.source_registry_id, 0, r.digest, r.media_type, r.image_size, r.tag, r.sequence,
	r.destination_account, r.destination_region, r.state, r.tries, r.next_try_at, r.pushed_at, r.changed_at, r.finished_at,
	r.failure_code, r.failure_reason, r.bytes_total, r.bytes_sent, r.begun_at, r.backfill`

// Queue records that what is about to be deleted of an image is to be
// deleted at destinations, too: d's tag or, if that is empty, the image with
// all its tags. It does so for those of the destinations that the image was to go
// to, also if they refused it: they may have got it, or the tag, before. They are
// due from source, a registry's account.
func (tx DeletionsTx) Queue(d Replication, tags []string, destinations []resource.Registry,
	source string) (due []DueReplication, err error) {
	err = tx.conn.all(`INSERT INTO replications (tag, tags, sequence, destination_account, destination_region, state,
		next_try_at, pushed_at, changed_at,
			source_registry_id, repository_name, digest, media_type, image_size)
		SELECT CAST(?3 AS TEXT), CAST(?4 AS TEXT), CAST(?5 AS BIGINT), d.value ->> 'Account', d.value ->> 'Region',
		'IN_PROGRESS', CAST(?6 AS BIGINT), CAST(?7 AS BIGINT), CAST(?7 AS BIGINT),
			p.registry_id, p.name, m.digest, m.media_type, m.image_size
		FROM objects(?8) AS d IN ORDER JOIN manifests m ON m.repository_id = ?1 AND m.digest = ?2
		IN ORDER JOIN repositories p ON p.id = m.repository_id
		IN ORDER JOIN replications x ON x.manifest_id = m.id AND x.destination_account = d.value ->> 'Account'
		AND x.destination_region = d.value ->> 'Region'
		GROUP BY d.value ->> 'Account', d.value ->> 'Region', p.registry_id, p.name, m.digest, m.media_type, m.image_size
		RETURNING id, source_registry_id, destination_account, destination_region`,
		[]any{
			d.RepositoryID, d.Digest, d.Tag, list(tags), d.Sequence, fromTime(d.NextTryAt), fromTime(d.PushedAt),
			keyList(destinations),
		},
		func(scan func(dest ...any) error) error {
			one := DueReplication{Route: Route{SourceAccount: source}}
			err := scan(&one.ID, &one.SourceRegistryRow, &one.DestinationAccount, &one.DestinationRegion)
			due = append(due, one)
			return err
		})
	return due, err
}

// Claim is ReplicationsTx.Claim for a deletion.
func (tx DeletionsTx) Claim(id int64) (j ReplicationJob, err error) {
	var tags string
	err = scanReplication(func(dest ...any) error {
		return tx.conn.one(`SELECT `+deletionColumns+`,
		r.tags, sg.account, sg.region, r.repository_name, `+destinationColumns+`
		FROM replications r IN ORDER JOIN registries sg ON sg.id = r.source_registry_id
		LEFT IN ORDER JOIN registries dg ON dg.account = r.destination_account AND dg.region = r.destination_region
		LEFT IN ORDER JOIN repositories dp ON dp.registry_id = dg.id AND dp.name = r.repository_name
		WHERE r.id = ? AND r.manifest_id IS NULL CLAIMING ALONE r`, []any{id}, dest...)
	}, &j.Replication, j.scanDestination(&tags, &j.SourceAccount, &j.SourceRegion, &j.RepositoryName)...)
	if err == nil && j.State != ReplicationInProgress {
		err = ErrNotFound
	}
	if err == nil {
		err = json.Unmarshal([]byte(tags), &j.Tags)
	}
	if err != nil {
		return ReplicationJob{}, err
	}
	j.Deletes = true
	return j, nil
}

// DeleteTags removes those of the tags, and with a digest of the
// manifest's tags, that were last set by a replication from the registry that
// is older than sequence. Replications as old do not set them again.
func (tx DeletionsTx) DeleteTags(r *Repository, tags []string, digest string, sourceRegistry, sequence int64) error {
	tx.tx.touchRepository(r)
	if err := tx.conn.exec(`DELETE FROM tags WHERE repository_id = ?1
		AND EXISTS (SELECT 1 FROM tag_watermarks w WHERE w.repository_id = ?1 AND w.tag = tags.name
			AND w.source_registry_id = ?2 AND w.sequence < ?3 AND w.applied = tags.sequence)
		AND name IN (SELECT value FROM texts(?4))`, r.ID, sourceRegistry, sequence, list(tags)); err != nil {
		return err
	}
	if digest != "" {
		if err := tx.conn.exec(`DELETE FROM tags WHERE repository_id = ?1
			AND EXISTS (SELECT 1 FROM tag_watermarks w WHERE w.repository_id = ?1 AND w.tag = tags.name
				AND w.source_registry_id = ?2 AND w.sequence < ?3 AND w.applied = tags.sequence)
			AND manifest_id = (SELECT m.id FROM manifests m WHERE m.repository_id = ?1
			AND m.digest = ?4)`, r.ID, sourceRegistry, sequence, digest); err != nil {
			return err
		}
	}
	return tx.conn.exec(`INSERT INTO tag_watermarks (repository_id, tag, source_registry_id, sequence)
		SELECT CAST(?1 AS BIGINT), value, CAST(?2 AS BIGINT), CAST(?3 AS BIGINT) FROM texts(?4) WHERE true
		ON CONFLICT (repository_id, tag, source_registry_id) DO UPDATE SET sequence = excluded.sequence
		WHERE excluded.sequence > tag_watermarks.sequence`,
		r.ID, sourceRegistry, sequence, list(tags))
}

// DeleteManifest removes a manifest that only replications from the
// registry have brought, all older than sequence. It does not, and returns
// false, while a tag or an index names the manifest, or if a push or another
// registry brought it, too.
func (tx DeletionsTx) DeleteManifest(r *Repository, digest string, sourceRegistry, sequence int64) (bool, error) {
	tx.tx.touchRepository(r)
	return some(tx.conn.changed(`DELETE FROM manifests WHERE repository_id = ?1 AND digest = ?2 AND replicated
		AND EXISTS (SELECT 1 FROM image_sources i WHERE i.manifest_id = manifests.id AND i.source_registry_id = ?3
		AND i.sequence < ?4)
		AND NOT EXISTS (SELECT 1 FROM image_sources i WHERE i.manifest_id = manifests.id AND i.source_registry_id <> ?3)
		AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = manifests.id)
		AND NOT EXISTS (SELECT 1 FROM manifest_references f WHERE f.repository_id = ?1 AND f.target = ?2
		AND f.child = 1)`, r.ID, digest, sourceRegistry, sequence))
}

// Since says what deletions that a peer has sent, newer than the job, have taken away
// of it: the image, or its tag. The job's message came late, then.
func (q Deletions) Since(j ReplicationJob) (image, tag bool, err error) {
	err = q.conn.all(`SELECT DISTINCT r.tag FROM replications r WHERE r.source_registry_id = ? AND r.digest = ?
		AND r.manifest_id IS NULL AND r.sequence > ? AND r.tag IN ('', ?) AND r.repository_name = ?
		AND r.destination_account = ? AND r.destination_region = ?`,
		[]any{
			j.SourceRegistryRow, j.Digest, j.Sequence, j.Tag, j.RepositoryName, j.DestinationAccount, j.DestinationRegion,
		},
		func(scan func(dest ...any) error) error {
			var deleted string
			err := scan(&deleted)
			image, tag = image || deleted == "", tag || deleted != ""
			return err
		})
	return image, tag, err
}

// ChildDeletion is the deletion of an image that an index names.
type ChildDeletion struct {
	Digest   string
	Sequence int64
}

// Children returns earlier deletions of children of an index, of the same
// source and destination as the job. They left the children in place, because
// the index names them.
func (q Deletions) Children(job ReplicationJob, index string) (all []ChildDeletion, err error) {
	err = q.conn.all(`SELECT r.digest, max(r.sequence) FROM manifests m
		IN ORDER JOIN manifest_references f ON f.manifest_id = m.id AND f.child = 1
		IN ORDER JOIN replications r ON r.source_registry_id = ?3 AND r.digest = f.target AND r.manifest_id IS NULL
		WHERE m.repository_id = ?1 AND m.digest = ?2 AND r.tag = '' AND r.state = 'COMPLETE'
			AND r.repository_name = ?4 AND r.destination_account = ?5 AND r.destination_region = ?6 GROUP BY r.digest`,
		[]any{
			job.DestinationID, index, job.SourceRegistryRow, job.RepositoryName, job.DestinationAccount, job.DestinationRegion,
		},
		func(scan func(dest ...any) error) error {
			var d ChildDeletion
			err := scan(&d.Digest, &d.Sequence)
			all = append(all, d)
			return err
		})
	return all, err
}

// MarkPushed notes that a manifest, which a replication may have brought, was
// pushed, too.
func (tx ImagesTx) MarkPushed(r *Repository, digest string) error {
	return tx.conn.exec(`INSERT INTO image_sources (manifest_id, source_registry_id, sequence)
		SELECT m.id, 0, 0 FROM manifests m WHERE m.repository_id = ? AND m.digest = ? AND m.replicated
		ON CONFLICT (manifest_id, source_registry_id) DO NOTHING`, r.ID, digest)
}

const listedDeletions = `SELECT ` + deletionColumns + `, sg.account, sg.region, r.repository_name FROM replications r
	IN ORDER JOIN registries sg ON sg.id = r.source_registry_id `

func (q Deletions) listed(query string, args ...any) ([]ListedReplication, error) {
	rows, err := Replications(q).listed(query, args...)
	for i := range rows {
		rows[i].Deletes = true
	}
	return rows, err
}

// From is Replications.From for deletions.
func (q Deletions) From(registry int64, state string, since time.Time, after ReplicationKey,
	limit int) ([]ListedReplication, error) {
	changed, id := after.before()
	return q.listed(listedDeletions+`WHERE r.manifest_id IS NULL AND r.source_registry_id = ? AND r.state = ?
		AND r.changed_at >= ?
		AND (r.changed_at, r.id) < (?, ?) ORDER BY r.changed_at DESC, r.id DESC
		LIMIT ?`, registry, state, fromTime(since), changed, id, limit)
}

// Into is Replications.Into for deletions.
func (q Deletions) Into(account, region string, since time.Time, after ReplicationKey,
	limit int) ([]ListedReplication, error) {
	changed, id := after.before()
	return q.listed(listedDeletions+`WHERE r.manifest_id IS NULL AND r.destination_account = ?
		AND r.destination_region = ? AND r.state = 'COMPLETE'
		AND r.changed_at >= ? AND (r.changed_at, r.id) < (?, ?) ORDER BY r.changed_at DESC, r.id DESC
		LIMIT ?`, account, region, fromTime(since), changed, id, limit)
}

// ByID are those of the ids that exist, in no order.
func (q Deletions) ByID(ids []int64) ([]ListedReplication, error) {
	return q.listed(listedDeletions+`WHERE r.manifest_id IS NULL
		AND r.id IN (SELECT value FROM numbers(?))`, numberList(ids))
}

// Forget removes up to limit deletions that ended before t, and returns
// how many.
func (tx DeletionsTx) Forget(t time.Time, limit int) (int64, error) {
	return tx.conn.changed(`DELETE FROM replications WHERE id IN (SELECT r.id FROM replications r
		WHERE r.manifest_id IS NULL AND r.state <> 'IN_PROGRESS' AND r.finished_at < ? ORDER BY r.finished_at
		LIMIT ?)`, fromTime(t), limit)
}
