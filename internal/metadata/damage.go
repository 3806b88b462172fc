package metadata

import (
	"errors"
	"time"
)

// Damage has the queries about what is wrong in the stores, and repairs.
type Damage struct{ conn conn }

// DamageTx is Damage with what changes them.
type DamageTx struct {
	Damage
	tx *Tx
}

// RepositoryRef identifies a repository by its row and by its name.
type RepositoryRef struct {
	ID      int64
	Account string
	Region  string
	Name    string
}

// String is the path that names the repository on any of the deployment's hosts.
func (r RepositoryRef) String() string {
	switch {
	case r.Name == "":
		return "a repository that is gone"
	case isRetired(r.Name):
		return "a repository that is being deleted"
	}
	return r.Account + "/" + r.Region + "/" + r.Name
}

const refColumns = `coalesce(g.account, ''), coalesce(g.region, ''), coalesce(p.name, '')`

// Blob by digest: ErrNotFound.
func (q Layers) Blob(digest string) (Blob, error) {
	bs, err := blobsOf(q.conn, `SELECT digest, size, object, created_at FROM blobs WHERE digest = ?`, digest)
	if err == nil && len(bs) == 0 {
		err = ErrNotFound
	}
	return append(bs, Blob{})[0], err
}

// BlobsByObject are blobs with objects after the given one, in order of object.
func (q Damage) BlobsByObject(after string, limit int) ([]Blob, error) {
	return blobsOf(q.conn, `SELECT digest, size, object, created_at FROM blobs WHERE object > ? ORDER BY object
		LIMIT ?`, after, limit)
}

// Totals are numbers of rows.
type Totals struct{ Links, Blobs, Manifests, Tags int64 }

// Totals counts, at a cost that grows with the store.
func (q Damage) Totals() (t Totals, err error) {
	err = q.conn.one(`SELECT (SELECT count(*) FROM layers), (SELECT count(*) FROM blobs), (SELECT count(*) FROM manifests),
		(SELECT count(*) FROM tags)`, nil,
		&t.Links, &t.Blobs, &t.Manifests, &t.Tags)
	return t, err
}

// Waiting counts what is under way or waits for a sweep.
type Waiting struct{ Uploads, Garbage, GarbageBytes int64 }

// Waiting returns these counts.
func (q Damage) Waiting() (w Waiting, err error) {
	err = q.conn.one(`SELECT (SELECT count(*) FROM uploads), (SELECT count(*) FROM garbage),
		(SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM garbage)`, nil,
		&w.Uploads, &w.Garbage, &w.GarbageBytes)
	return w, err
}

// CountLayers counts the links after one key and up to another.
func (q Damage) CountLayers(after, to LayerKey) (n int64, err error) {
	err = q.conn.one(`SELECT count(*) FROM layers WHERE (repository_id, digest) > (?, ?)
		AND (repository_id, digest) <= (?, ?)`,
		[]any{after.RepositoryID, after.Digest, to.RepositoryID, to.Digest}, &n)
	return n, err
}

// CountManifests counts those of a repository.
func (q Damage) CountManifests(repository int64) (n int64, err error) {
	err = q.conn.one(`SELECT count(*) FROM manifests WHERE repository_id = ?`, []any{repository}, &n)
	return n, err
}

// CountTags counts the tags after one key and up to another.
func (q Damage) CountTags(after, to TagKey) (n int64, err error) {
	err = q.conn.one(`SELECT count(*) FROM tags WHERE (repository_id, name) > (?, ?) AND (repository_id, name) <= (?, ?)`,
		[]any{after.RepositoryID, after.Name, to.RepositoryID, to.Name}, &n)
	return n, err
}

// BrokenLink is a link that does not agree with the blob.
type BrokenLink struct {
	Repository RepositoryRef
	Digest     string
	Size       int64
	// Blob is the blob's size, -1 if there is no such blob.
	Blob int64
}

// BrokenLinks are those after one key and up to another whose blob is not there
// or has another size.
func (q Damage) BrokenLinks(after, to LayerKey) (links []BrokenLink, err error) {
	err = q.conn.all(`SELECT l.repository_id, `+refColumns+`, l.digest, l.size, coalesce(b.size, -1) FROM layers l
		LEFT JOIN blobs b ON b.digest = l.digest
		LEFT JOIN repositories p ON p.id = l.repository_id LEFT JOIN registries g ON g.id = p.registry_id
		WHERE (l.repository_id, l.digest) > (?, ?) AND (l.repository_id, l.digest) <= (?, ?)
		AND (b.digest IS NULL OR b.size <> l.size)
		ORDER BY l.repository_id, l.digest`, []any{after.RepositoryID, after.Digest, to.RepositoryID, to.Digest},
		func(scan func(dest ...any) error) error {
			var l BrokenLink
			err := scan(&l.Repository.ID, &l.Repository.Account, &l.Repository.Region, &l.Repository.Name, &l.Digest, &l.Size,
				&l.Blob)
			links = append(links, l)
			return err
		})
	return links, err
}

// StoredManifest is a manifest with where it is.
type StoredManifest struct {
	ManifestContent
	ID         int64
	Repository RepositoryRef
}

// maxStoredBytes bounds a page of StoredManifests, but for one manifest.
const maxStoredBytes = 8 << 20

// StoredManifests returns manifests of all repositories with ids after the
// given one, in order of id: at most limit, and no more bytes than
// maxStoredBytes. There is at least one unless none are left.
func (q Damage) StoredManifests(after int64, limit int) (ms []StoredManifest, err error) {
	size := 0
	err = q.conn.all(`SELECT `+manifestColumns+`, m.bytes, m.id, m.repository_id, `+refColumns+` FROM manifests m
		LEFT JOIN repositories p ON p.id = m.repository_id LEFT JOIN registries g ON g.id = p.registry_id
		WHERE m.id > ? ORDER BY m.id LIMIT ?`, []any{after, limit}, func(scan func(dest ...any) error) error {
		var m StoredManifest
		var err error
		m.Manifest, err = scanManifest(func(dest ...any) error {
			return scan(append(dest, &m.Bytes, &m.ID, &m.Repository.ID, &m.Repository.Account, &m.Repository.Region,
				&m.Repository.Name)...)
		})
		if err != nil {
			return err
		}
		ms = append(ms, m)
		if size += len(m.Bytes); size > maxStoredBytes {
			return errPageFull
		}
		return nil
	})
	if err == errPageFull {
		err = nil
	}
	return ms, err
}

// StoredReference is what the rows say that a manifest names.
type StoredReference struct {
	Reference
	ManifestID   int64
	RepositoryID int64
}

// StoredReferences of the manifests with ids after one and up to another.
func (q Damage) StoredReferences(after, to int64) (rs []StoredReference, err error) {
	err = q.conn.all(`SELECT manifest_id, repository_id, target, child, media_type FROM manifest_references
		WHERE manifest_id > ? AND manifest_id <= ?`,
		[]any{after, to}, func(scan func(dest ...any) error) error {
			var r StoredReference
			var child int
			err := scan(&r.ManifestID, &r.RepositoryID, &r.Digest, &child, &r.MediaType)
			r.Child = child == 1
			rs = append(rs, r)
			return err
		})
	return rs, err
}

// MissingReferences are what manifests with ids after one and up to another name
// and their repositories lack. Links that wait for a damaged blob do not count.
func (q Damage) MissingReferences(after, to int64) (rs []StoredReference, err error) {
	err = q.conn.all(`SELECT f.manifest_id, m.repository_id, f.target, f.child, f.media_type FROM manifest_references f
		JOIN manifests m ON m.id = f.manifest_id
		WHERE f.manifest_id > ? AND f.manifest_id <= ? AND (f.child = 0
		AND NOT EXISTS (SELECT 1 FROM layers l WHERE l.repository_id = m.repository_id AND l.digest = f.target)
			AND NOT EXISTS (SELECT 1 FROM damaged_layers d WHERE d.repository_id = m.repository_id AND d.digest = f.target)
		OR f.child = 1 AND NOT EXISTS (SELECT 1 FROM manifests c WHERE c.repository_id = m.repository_id
		AND c.digest = f.target))
		ORDER BY f.manifest_id, f.target`, []any{after, to}, func(scan func(dest ...any) error) error {
		var r StoredReference
		var child int
		err := scan(&r.ManifestID, &r.RepositoryID, &r.Digest, &child, &r.MediaType)
		r.Child = child == 1
		rs = append(rs, r)
		return err
	})
	return rs, err
}

// IndexSize is an index whose row gives it another size than its children have.
type IndexSize struct{ ManifestID, Row, Children int64 }

// WrongIndexSizes are those with ids after one and up to another whose children
// are all there.
func (q Damage) WrongIndexSizes(after, to int64) (ws []IndexSize, err error) {
	err = q.conn.all(`SELECT m.id, m.image_size, max(c.image_size) FROM manifests m
		IN ORDER JOIN manifest_references f ON f.manifest_id = m.id AND f.child = 1
		LEFT IN ORDER JOIN manifests c ON c.repository_id = m.repository_id AND c.digest = f.target
		WHERE m.id > ? AND m.id <= ? GROUP BY m.id, m.image_size HAVING count(*) = count(c.id)
		AND max(c.image_size) <> m.image_size`,
		[]any{after, to}, func(scan func(dest ...any) error) error {
			var w IndexSize
			err := scan(&w.ManifestID, &w.Row, &w.Children)
			ws = append(ws, w)
			return err
		})
	return ws, err
}

// ManifestCopies are the bytes of a manifest as other repositories have it, at
// most limit.
func (q Damage) ManifestCopies(digest string, except int64, limit int) (copies [][]byte, err error) {
	err = q.conn.all(`SELECT m.bytes FROM repositories p IN ORDER JOIN manifests m ON m.repository_id = p.id
		AND m.digest = ? WHERE m.id <> ? LIMIT ?`,
		[]any{digest, except, limit}, func(scan func(dest ...any) error) error {
			var b []byte
			err := scan(&b)
			copies = append(copies, b)
			return err
		})
	return copies, err
}

// TagKey is where a page of tags ends.
type TagKey struct {
	RepositoryID int64
	Name         string
}

// TagsAfter returns the key of the tag that is n tags after the given one, or,
// with last, of the last one.
func (q Damage) TagsAfter(after TagKey, n int) (to TagKey, last bool, err error) {
	err = q.conn.one(`SELECT repository_id, name FROM tags WHERE (repository_id, name) > (?, ?)
		ORDER BY repository_id, name LIMIT 1 OFFSET ?`,
		[]any{after.RepositoryID, after.Name, n - 1}, &to.RepositoryID, &to.Name)
	if !errors.Is(err, ErrNotFound) {
		return to, false, err
	}
	err = q.conn.one(`SELECT repository_id, name FROM tags ORDER BY repository_id DESC, name DESC
		LIMIT 1`, nil, &to.RepositoryID, &to.Name)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return to, true, err
}

// BrokenTag is a tag that names no manifest of its repository.
type BrokenTag struct {
	Repository RepositoryRef
	Name       string
}

// BrokenTags are those after one key and up to another.
func (q Damage) BrokenTags(after, to TagKey) (ts []BrokenTag, err error) {
	err = q.conn.all(`SELECT t.repository_id, `+refColumns+`, t.name FROM tags t
		LEFT JOIN manifests m ON m.id = t.manifest_id
		LEFT JOIN repositories p ON p.id = t.repository_id LEFT JOIN registries g ON g.id = p.registry_id
		WHERE (t.repository_id, t.name) > (?, ?) AND (t.repository_id, t.name) <= (?, ?)
		AND (m.id IS NULL OR m.repository_id <> t.repository_id)
		ORDER BY t.repository_id, t.name`, []any{after.RepositoryID, after.Name, to.RepositoryID, to.Name},
		func(scan func(dest ...any) error) error {
			var t BrokenTag
			err := scan(&t.Repository.ID, &t.Repository.Account, &t.Repository.Region, &t.Repository.Name, &t.Name)
			ts = append(ts, t)
			return err
		})
	return ts, err
}

// DeleteBrokenTag removes a tag that still names no manifest of its repository.
func (tx DamageTx) DeleteBrokenTag(repository int64, name string) error {
	tx.tx.stale.all = true
	return tx.conn.exec(`DELETE FROM tags WHERE repository_id = ? AND name = ? AND NOT EXISTS
		(SELECT 1 FROM manifests m WHERE m.id = tags.manifest_id AND m.repository_id = tags.repository_id)`, repository, name)
}

// CorrectLinkSize gives a repository's link the size of its blob.
func (tx DamageTx) CorrectLinkSize(repository int64, digest string) error {
	tx.tx.stale.all = true
	return tx.conn.exec(`UPDATE layers SET size = (SELECT b.size FROM blobs b WHERE b.digest = layers.digest)
		WHERE repository_id = ? AND digest = ? AND EXISTS (SELECT 1 FROM blobs b
		WHERE b.digest = layers.digest)`, repository, digest)
}

// ReplaceManifest replaces all that is stored of a manifest, which the
// repository need not have: its bytes, what it names and what its row says.
func (tx DamageTx) ReplaceManifest(r *Repository, m Manifest, bytes []byte, references []Reference) error {
	tx.tx.stale.all = true
	n, err := tx.conn.changed(`UPDATE manifests SET media_type = ?, artifact_type = ?, subject = ?, annotations = ?,
		size = ?, image_size = ?, bytes = ?
		WHERE repository_id = ? AND digest = ?`, m.MediaType, m.ArtifactType, m.Subject, m.Annotations, m.Size, m.ImageSize,
		bytes, r.ID, m.Digest)
	if err != nil {
		return err
	}
	if n == 0 {
		return tx.tx.Images().Put(r, m, bytes, references)
	}
	if err := tx.conn.exec(`DELETE FROM manifest_references WHERE manifest_id = (SELECT m.id FROM manifests m
		WHERE m.repository_id = ? AND m.digest = ?)`, r.ID, m.Digest); err != nil {
		return err
	}
	return tx.tx.Images().addReferences(r, m.Digest, references)
}

// QuarantineBlob takes a blob whose bytes are missing or wrong out of use:
// false if it has another object meanwhile. An empty object means that there is
// no such blob, only links to it. No repository has the blob then. Whoever
// pushes it stores it anew, which gives all of them their links back: see
// AddLayer. The object is kept for inspection. A push that relies on the blob
// at this moment is not saved: the bytes are gone already.
func (tx DamageTx) QuarantineBlob(digest, object, reason string, at time.Time) (bool, error) {
	tx.tx.stale.all = true
	var now string
	err := tx.conn.one(`SELECT b.object FROM blobs b WHERE b.digest = ? LOCKING b`, []any{digest}, &now)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, err
	}
	if now != object {
		return false, nil
	}
	if err := tx.conn.exec(`INSERT INTO damaged_layers (digest, repository_id, linked_at) SELECT l.digest, l.repository_id,
		l.linked_at FROM layers l
		WHERE l.digest = ? AND EXISTS (SELECT 1 FROM repositories p WHERE p.id = l.repository_id)
		ON CONFLICT (digest, repository_id) DO NOTHING`, digest); err != nil {
		return false, err
	}
	if err := tx.conn.exec(`DELETE FROM layers WHERE digest = ?`, digest); err != nil {
		return false, err
	}
	if err := tx.conn.exec(`DELETE FROM blobs WHERE digest = ?`, digest); err != nil {
		return false, err
	}
	return true, tx.conn.exec(`INSERT INTO damaged (digest, object, reason, found_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (digest) DO UPDATE SET object = excluded.object, reason = excluded.reason,
		found_at = excluded.found_at`, digest, object, reason, fromTime(at))
}

// restoreLinks gives the repositories that lost one of the blobs to QuarantineBlob
// their links back. blobs are those of Layers.Add.
func (tx DamageTx) restoreLinks(blobs string) error {
	if err := tx.conn.exec(`INSERT INTO layers (repository_id, digest, size, linked_at)
		SELECT d.repository_id, b.digest, b.size, d.linked_at
		FROM objects(?) AS n IN ORDER JOIN damaged_layers d ON d.digest = n.value ->> 'd'
		IN ORDER JOIN blobs b ON b.digest = d.digest WHERE true
		ON CONFLICT (repository_id, digest) DO NOTHING`, blobs); err != nil {
		return err
	}
	return tx.conn.exec(`DELETE FROM damaged_layers WHERE digest IN (SELECT n.value ->> 'd' FROM objects(?) AS n)`, blobs)
}

// DamagedBlob is one that was found damaged.
type DamagedBlob struct {
	Digest  string
	Object  string
	Reason  string
	FoundAt time.Time
	// Restored says that the deployment has the blob again.
	Restored bool
}

// DamagedBlobs with digests after the given one, in their order.
func (q Damage) DamagedBlobs(after string, limit int) (ds []DamagedBlob, err error) {
	err = q.conn.all(`SELECT digest, object, reason, found_at, EXISTS (SELECT 1 FROM blobs b WHERE b.digest = d.digest)
		FROM damaged d WHERE digest > ? ORDER BY digest LIMIT ?`,
		[]any{after, limit}, func(scan func(dest ...any) error) error {
			var d DamagedBlob
			var found int64
			err := scan(&d.Digest, &d.Object, &d.Reason, &found, &d.Restored)
			d.FoundAt = toTime(found)
			ds = append(ds, d)
			return err
		})
	return ds, err
}

// DamagedLinks are repositories that wait for a damaged blob, at most limit.
func (q Damage) DamagedLinks(digest string, limit int) ([]RepositoryRef, error) {
	return q.repositoryRefs(`SELECT p.id, g.account, g.region, p.name FROM damaged_layers d
		JOIN repositories p ON p.id = d.repository_id JOIN registries g ON g.id = p.registry_id
		WHERE d.digest = ? ORDER BY p.id LIMIT ?`, digest, limit)
}

// Links are repositories that have a blob, at most limit.
func (q Damage) Links(digest string, limit int) ([]RepositoryRef, error) {
	return q.repositoryRefs(`SELECT p.id, g.account, g.region, p.name FROM layers l
		JOIN repositories p ON p.id = l.repository_id JOIN registries g ON g.id = p.registry_id
		WHERE l.digest = ? ORDER BY p.id LIMIT ?`, digest, limit)
}

func (q Damage) repositoryRefs(query string, args ...any) (refs []RepositoryRef, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		var r RepositoryRef
		err := scan(&r.ID, &r.Account, &r.Region, &r.Name)
		refs = append(refs, r)
		return err
	})
	return refs, err
}

// DiscardDamaged makes the object that was kept of a damaged blob, of size
// bytes, garbage.
func (tx DamageTx) DiscardDamaged(d DamagedBlob, size int64) error {
	if err := tx.conn.exec(`INSERT INTO garbage (object, size) SELECT object, CAST(? AS BIGINT) FROM damaged
		WHERE digest = ? AND object = ? AND object <> ''
		ON CONFLICT (object) DO NOTHING`, size, d.Digest, d.Object); err != nil {
		return err
	}
	return tx.conn.exec(`DELETE FROM damaged WHERE digest = ? AND object = ?`, d.Digest, d.Object)
}
