package metadata

import "time"

// Layers are the queries about blobs, and which repositories have them as layers.
type Layers struct{ conn conn }

// LayersTx are Layers with what changes them.
type LayersTx struct {
	Layers
	tx *Tx
}

// Layer is a link of a repository to a blob.
type Layer struct {
	Size     int64
	Object   string    // the name of the blob's bytes in the blob store
	LinkedAt time.Time // or last renewed
}

// Get returns what the repository has: ErrNotFound.
func (q Layers) Get(repository int64, digest string) (l Layer, err error) {
	var linked int64
	err = q.conn.one(`SELECT l.size, b.object, l.linked_at FROM layers l JOIN blobs b ON b.digest = l.digest
		WHERE l.repository_id = ? AND l.digest = ?`,
		[]any{repository, digest}, &l.Size, &l.Object, &linked)
	l.LinkedAt = toTime(linked)
	return l, err
}

// Sizes are by digest, of those of the digests that the repository has.
func (q Layers) Sizes(repository int64, digests []string) (map[string]int64, error) {
	return sizesOf(q.conn, `SELECT digest, size FROM layers WHERE repository_id = ?
		AND digest IN (SELECT value FROM texts(?))`, repository, digests)
}

// Known are those of the digests that the deployment has blobs of.
func (q Layers) Known(digests []string) ([]string, error) {
	return stringsOf(q.conn, `SELECT digest FROM blobs WHERE digest IN (SELECT value FROM texts(?))`, list(digests))
}

// RepositoriesWith returns repositories of a registry that have the blob, at most limit.
func (q Layers) RepositoriesWith(registry int64, digest string, limit int) ([]string, error) {
	return stringsOf(q.conn, `SELECT p.name FROM layers l JOIN repositories p ON p.id = l.repository_id
		WHERE l.digest = ? AND p.registry_id = ? AND p.name < '`+retired+`' ORDER BY p.name LIMIT ?`, digest, registry, limit)
}

// Link links a blob that the deployment has to the repository: false if
// there is no such blob. A link that is there is renewed: see UnlinkUnused.
// Replicated says that a replication brings it.
func (tx LayersTx) Link(r *Repository, digest string, replicated bool, at time.Time) (bool, error) {
	n, err := tx.link(r, blobList([]Blob{{Digest: digest}}), replicated, at)
	return n > 0, err
}

// link links those of the blobs that the deployment has, and returns how many these are.
// blobs are of blobList.
func (tx LayersTx) link(r *Repository, blobs string, replicated bool, at time.Time) (int64, error) {
	return tx.conn.changed(`INSERT INTO layers (repository_id, digest, size, linked_at, replicated)
		SELECT CAST(?2 AS BIGINT), b.digest, b.size, CAST(?3 AS BIGINT), CAST(?4 AS BOOLEAN)
		FROM objects(?1) AS n IN ORDER JOIN blobs b ON b.digest = n.value ->> 'd' WHERE true ORDER BY 2
		ON CONFLICT (repository_id, digest) DO UPDATE SET linked_at = excluded.linked_at`,
		blobs, r.ID, fromTime(at), replicated)
}

// Add links blobs, each of another digest, whose bytes are durable in their objects to
// the repository. If another push of one was first, the blob keeps that one's object,
// and this object becomes garbage.
func (tx LayersTx) Add(r *Repository, blobs []Blob, replicated bool, at time.Time) error {
	all := blobList(blobs)
	// An update that changes nothing, because it locks the row, which DO
	// NOTHING does not: a sweep must not drop the blob before the statements
	// below have seen it. In a fixed order, so that two that add the same do not deadlock.
	if err := tx.conn.exec(`INSERT INTO blobs (digest, size, created_at, object)
		SELECT n.value ->> 'd', CAST(n.value ->> 's' AS BIGINT), CAST(?2 AS BIGINT), n.value ->> 'o'
		FROM objects(?1) AS n WHERE true ORDER BY 1
		ON CONFLICT (digest) DO UPDATE SET size = blobs.size WHERE false`, all, fromTime(at)); err != nil {
		return err
	}
	if err := tx.conn.exec(`INSERT INTO garbage (object, size) SELECT n.value ->> 'o', CAST(n.value ->> 's' AS BIGINT)
		FROM objects(?) AS n IN ORDER JOIN blobs b ON b.digest = n.value ->> 'd'
		WHERE b.object <> n.value ->> 'o'`, all); err != nil {
		return err
	}
	if _, err := tx.link(r, all, replicated, at); err != nil {
		return err
	}
	return tx.tx.Damage().restoreLinks(all)
}

// blobList encodes blobs for objects(?).
func blobList(blobs []Blob) string {
	type row struct {
		Digest string `json:"d"`
		Size   int64  `json:"s"`
		Object string `json:"o"`
	}
	rows := make([]row, len(blobs))
	for i, b := range blobs {
		rows[i] = row{b.Digest, b.Size, b.Object}
	}
	return encoded(rows)
}

// ReplaceBlob replaces the lost object of a blob, which has become garbage, by
// an object whose bytes are durable. If the blob has another object by now it
// keeps that: see Layers.Add, which must follow.
func (tx LayersTx) ReplaceBlob(lost Blob, size int64, object string) error {
	tx.tx.stale.all = true // who knows how many repositories have it
	if err := tx.conn.exec(`UPDATE blobs SET object = ?, size = ? WHERE digest = ?
		AND object = ?`, object, size, lost.Digest, lost.Object); err != nil {
		return err
	}
	if err := tx.conn.exec(`UPDATE layers SET size = ?1 WHERE digest = ?2 AND size <> ?1
		AND EXISTS (SELECT 1 FROM blobs b WHERE b.digest = layers.digest
		AND b.object = ?3)`, size, lost.Digest, object); err != nil {
		return err
	}
	return tx.conn.exec(`INSERT INTO garbage (object, size) SELECT CAST(?1 AS TEXT), CAST(?2 AS BIGINT) FROM blobs
		WHERE digest = ?3 AND object = ?4
		AND NOT EXISTS (SELECT 1 FROM damaged d WHERE d.object = ?1)
		ON CONFLICT (object) DO NOTHING`, lost.Object, lost.Size, lost.Digest, object)
}

// Renew makes a link count as new: see UnlinkUnused. It leaves caches
// alone: they hold the time only to know when it is old.
func (tx LayersTx) Renew(repository int64, digest string, at time.Time) error {
	return tx.conn.exec(`UPDATE layers SET linked_at = ? WHERE repository_id = ?
		AND digest = ?`, fromTime(at), repository, digest)
}

// Unlink removes the repository's link to a blob: false if it had none.
func (tx LayersTx) Unlink(r *Repository, digest string) (bool, error) {
	tx.tx.touchRepository(r)
	return some(tx.conn.changed(`DELETE FROM layers WHERE repository_id = ? AND digest = ?`, r.ID, digest))
}
