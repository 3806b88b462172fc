package metadata

import "time"

// Tag is a name for a manifest of a repository.
type Tag struct {
	Name     string
	Digest   string
	Sequence int64 // of the registry, when the tag last changed
}

// Tag by name: ErrNotFound.
func (q *Queries) Tag(repository int64, name string) (Tag, error) {
	t := Tag{Name: name}
	err := q.conn.one(`SELECT m.digest, t.sequence FROM tags t JOIN manifests m ON m.id = t.manifest_id WHERE t.repository_id = ? AND t.name = ?`, []any{repository, name}, &t.Digest, &t.Sequence)
	return t, err
}

// Tags of a repository with names after the given one, in their order.
func (q *Queries) Tags(repository int64, after string, limit int) ([]Tag, error) {
	return q.tags(`SELECT t.name, m.digest, t.sequence FROM tags t JOIN manifests m ON m.id = t.manifest_id
		WHERE t.repository_id = ? AND t.name > ? ORDER BY t.name LIMIT ?`, repository, after, limit)
}

// TagsOf a manifest, in order, at most limit.
func (q *Queries) TagsOf(repository int64, digest string, after string, limit int) ([]Tag, error) {
	return q.tags(`SELECT t.name, m.digest, t.sequence FROM manifests m JOIN tags t ON t.manifest_id = m.id
		WHERE m.repository_id = ? AND m.digest = ? AND t.name > ? ORDER BY t.name LIMIT ?`, repository, digest, after, limit)
}

func (q *Queries) tags(query string, args ...any) (tags []Tag, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		var t Tag
		err := scan(&t.Name, &t.Digest, &t.Sequence)
		tags = append(tags, t)
		return err
	})
	return tags, err
}

// SetTag creates or moves a tag: ErrNotFound if the repository has no such manifest.
func (tx *Tx) SetTag(r *Repository, t Tag, at time.Time) error {
	tx.touchTag(r, t.Name)
	return tx.must(tx.conn.changed(`INSERT INTO tags (repository_id, name, manifest_id, sequence, updated_at)
		SELECT ?1, ?2, id, ?3, ?4 FROM manifests WHERE repository_id = ?1 AND digest = ?5
		ON CONFLICT (repository_id, name) DO UPDATE SET manifest_id = excluded.manifest_id, sequence = excluded.sequence, updated_at = excluded.updated_at`,
		r.ID, t.Name, t.Sequence, fromTime(at), t.Digest))
}

// DeleteTag removes a tag: false if it was not there.
func (tx *Tx) DeleteTag(r *Repository, name string) (bool, error) {
	tx.touchTag(r, name)
	return tx.conn.changed(`DELETE FROM tags WHERE repository_id = ? AND name = ?`, r.ID, name)
}

// AdvanceWatermark raises how far a destination's tag has come with a source
// registry. It returns false if it has come as far already: then the tag must
// not be touched.
func (tx *Tx) AdvanceWatermark(repository int64, tag string, sourceRegistry, sequence int64) (bool, error) {
	return tx.conn.changed(`INSERT INTO tag_watermarks (repository_id, tag, source_registry_id, sequence) VALUES (?, ?, ?, ?)
		ON CONFLICT (repository_id, tag, source_registry_id) DO UPDATE SET sequence = excluded.sequence WHERE excluded.sequence > sequence`,
		repository, tag, sourceRegistry, sequence)
}

// ImageIDs of a repository after the given digest and tag, in their order: one
// per tag and, with an empty name, one per manifest that has none.
func (q *Queries) ImageIDs(repository int64, tagged, untagged bool, afterDigest, afterTag string, limit int) ([]Tag, error) {
	return q.tags(`SELECT coalesce(t.name, '') AS name, m.digest, coalesce(t.sequence, 0) FROM manifests m LEFT JOIN tags t ON t.manifest_id = m.id
		WHERE m.repository_id = ?1 AND m.digest >= ?4 AND (m.digest > ?4 OR coalesce(t.name, '') > ?5)
			AND CASE WHEN t.name IS NULL THEN ?3 ELSE ?2 END
		ORDER BY m.digest, name LIMIT ?6`, repository, tagged, untagged, afterDigest, afterTag, limit)
}
