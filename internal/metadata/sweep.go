package metadata

import "time"

// Upkeep has the queries about what nothing needs any more.
type Upkeep struct{ conn conn }

// UpkeepTx is Upkeep with what changes them.
type UpkeepTx struct {
	Upkeep
	tx *Tx
}

// LayerKey is where a page of links ends.
type LayerKey struct {
	RepositoryID int64
	Digest       string
}

// LayersAfter returns the key of the link that is n links after the given one,
// or, with last, of the last one. It bounds how much a query below looks at.
func (q Upkeep) LayersAfter(after LayerKey, n int) (to LayerKey, last bool, err error) {
	keys, err := q.layerKeys(`SELECT repository_id, digest FROM layers WHERE (repository_id, digest) > (?, ?)
		ORDER BY repository_id, digest LIMIT 1 OFFSET ?`,
		after.RepositoryID, after.Digest, n-1)
	if err != nil || len(keys) > 0 {
		return append(keys, LayerKey{})[0], false, err
	}
	keys, err = q.layerKeys(`SELECT repository_id, digest FROM layers ORDER BY repository_id DESC, digest DESC LIMIT 1`)
	return append(keys, LayerKey{})[0], true, err
}

// UnusedLayers are links after one key and up to another, made before t, that
// no manifest of their repository names.
func (q Upkeep) UnusedLayers(after, to LayerKey, t time.Time) ([]LayerKey, error) {
	return q.layerKeys(`SELECT l.repository_id, l.digest FROM layers l WHERE (l.repository_id, l.digest) > (?, ?)
		AND (l.repository_id, l.digest) <= (?, ?)
		AND l.linked_at < ? AND NOT EXISTS (SELECT 1 FROM manifest_references f WHERE f.repository_id = l.repository_id
		AND f.target = l.digest)
		ORDER BY l.repository_id, l.digest`, after.RepositoryID, after.Digest, to.RepositoryID, to.Digest, fromTime(t))
}

func (q Upkeep) layerKeys(query string, args ...any) (keys []LayerKey, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		var k LayerKey
		err := scan(&k.RepositoryID, &k.Digest)
		keys = append(keys, k)
		return err
	})
	return keys, err
}

// UnlinkUnused removes those of the repository's links to the digests that were
// made before t and that no manifest names, and returns how many. The
// repository must be locked.
func (tx UpkeepTx) UnlinkUnused(r *Repository, digests []string, t time.Time) (int64, error) {
	tx.tx.touchRepository(r)
	return tx.conn.changed(`DELETE FROM layers WHERE repository_id = ?1 AND digest IN (SELECT value FROM texts(?2))
		AND linked_at < ?3
		AND NOT EXISTS (SELECT 1 FROM manifest_references f WHERE f.repository_id = layers.repository_id
		AND f.target = layers.digest)`,
		r.ID, list(digests), fromTime(t))
}

// BlobsAfter returns the digest of the blob that is n blobs after the given
// one, or, with last, of the last one.
func (q Upkeep) BlobsAfter(after string, n int) (to string, last bool, err error) {
	digests, err := stringsOf(q.conn, `SELECT digest FROM blobs WHERE digest > ? ORDER BY digest
		LIMIT 1 OFFSET ?`, after, n-1)
	if err != nil || len(digests) > 0 {
		return append(digests, "")[0], false, err
	}
	digests, err = stringsOf(q.conn, `SELECT digest FROM blobs ORDER BY digest DESC LIMIT 1`)
	return append(digests, "")[0], true, err
}

// Blob is a blob of the deployment.
type Blob struct {
	Digest    string
	Size      int64
	Object    string // the name of its bytes in the blob store
	CreatedAt time.Time
}

// UnlinkedBlobs are those with digests after one and up to another that no
// repository has.
func (q Upkeep) UnlinkedBlobs(after, to string) ([]Blob, error) {
	return blobsOf(q.conn, `SELECT digest, size, object, created_at FROM blobs b WHERE digest > ? AND digest <= ?
		AND NOT EXISTS (SELECT 1 FROM layers l WHERE l.digest = b.digest) ORDER BY digest`, after, to)
}

// DoomedBlobs are those with digests after one and up to another that no
// repository would have once all links made before t that no manifest names
// were gone.
func (q Upkeep) DoomedBlobs(after, to string, t time.Time) ([]Blob, error) {
	return blobsOf(q.conn, `SELECT digest, size, object, created_at FROM blobs b WHERE digest > ? AND digest <= ?
		AND NOT EXISTS (SELECT 1 FROM layers l WHERE l.digest = b.digest AND (l.linked_at >= ?
			OR EXISTS (SELECT 1 FROM manifest_references f WHERE f.repository_id = l.repository_id AND f.target = l.digest)))
		ORDER BY digest`, after, to, fromTime(t))
}

// Blobs with digests after the given one, in their order.
func (q Upkeep) Blobs(after string, limit int) ([]Blob, error) {
	return blobsOf(q.conn, `SELECT digest, size, object, created_at FROM blobs WHERE digest > ? ORDER BY digest
		LIMIT ?`, after, limit)
}

func blobsOf(c conn, query string, args ...any) (bs []Blob, err error) {
	err = c.all(query, args, func(scan func(dest ...any) error) error {
		var b Blob
		var created int64
		err := scan(&b.Digest, &b.Size, &b.Object, &created)
		b.CreatedAt = toTime(created)
		bs = append(bs, b)
		return err
	})
	return bs, err
}

// DropBlobs removes those of the blobs that no repository has, and makes their
// objects garbage. A push that links one of them at this moment waits, and then
// finds the blob gone; one that was first keeps it.
func (tx UpkeepTx) DropBlobs(digests []string) (n int64, err error) {
	of := list(digests)
	if _, err := stringsOf(tx.conn, `SELECT digest FROM blobs b WHERE digest IN (SELECT value FROM texts(?))
		ORDER BY digest LOCKING b`, of); err != nil {
		return 0, err
	}
	const unlinked = ` WHERE digest IN (SELECT value FROM texts(?))
		AND NOT EXISTS (SELECT 1 FROM layers l WHERE l.digest = blobs.digest)`
	if err := tx.conn.exec(`INSERT INTO garbage (object, size) SELECT object, size
		FROM blobs`+unlinked+` ON CONFLICT (object) DO NOTHING`, of); err != nil {
		return 0, err
	}
	// A link may have gone between the two: only what became garbage goes.
	swept, err := tx.conn.changed(`DELETE FROM blobs`+unlinked+`
		AND EXISTS (SELECT 1 FROM garbage g WHERE g.object = blobs.object)`, of)
	if err != nil || swept == 0 {
		return swept, err
	}
	// Peers that have sent them have to do it again.
	return swept, tx.conn.exec(`DELETE FROM peer_layers WHERE digest IN (SELECT value FROM texts(?)) AND upload = ''
		AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest = peer_layers.digest)`, of)
}

// Garbage are objects to delete with names after the given one, in their
// order, at most limit.
func (q Upkeep) Garbage(after string, limit int) ([]Blob, error) {
	return blobsOf(q.conn, `SELECT '', size, object, 0 FROM garbage WHERE object > ? ORDER BY object
		LIMIT ?`, after, limit)
}

// ForgetGarbage says that the objects are deleted.
func (tx UpkeepTx) ForgetGarbage(objects []string) error {
	return tx.conn.exec(`DELETE FROM garbage WHERE object IN (SELECT value FROM texts(?))`, list(objects))
}

// ObjectKey names an object and the upload session that wrote it.
type ObjectKey struct {
	Object string `json:"o"`
	Upload string `json:"u"`
}

// OrphanObjects are those that nothing knows: neither a blob, nor the garbage,
// nor what is kept of damaged blobs, nor a session that may yet become a blob.
func (q Upkeep) OrphanObjects(keys []ObjectKey) ([]string, error) {
	return stringsOf(q.conn, `SELECT value ->> 'o' FROM objects(?)
		WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.object = value ->> 'o')
		AND NOT EXISTS (SELECT 1 FROM garbage g WHERE g.object = value ->> 'o')
		AND NOT EXISTS (SELECT 1 FROM damaged d WHERE d.object = value ->> 'o')
		AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.id = value ->> 'u')`, encoded(keys))
}
