package metadata

import "time"

// Tags are the queries about the tags of images.
type Tags struct{ conn conn }

// TagsTx are Tags with what changes them.
type TagsTx struct {
	Tags
	tx *Tx
}

// Tag is a name for a manifest of a repository.
type Tag struct {
	Name     string
	Digest   string
	Sequence int64 // of the registry, when the tag last changed
}

// Get by name: ErrNotFound.
func (q Tags) Get(repository int64, name string) (Tag, error) {
	t := Tag{Name: name}
	err := q.conn.one(`SELECT m.digest, t.sequence FROM tags t JOIN manifests m ON m.id = t.manifest_id
		WHERE t.repository_id = ? AND t.name = ?`, []any{repository, name}, &t.Digest, &t.Sequence)
	return t, err
}

// List lists the tags of a repository with names after the given one, in their order.
func (q Tags) List(repository int64, after string, limit int) ([]Tag, error) {
	return q.scan(`SELECT t.name, m.digest, t.sequence FROM tags t JOIN manifests m ON m.id = t.manifest_id
		WHERE t.repository_id = ? AND t.name > ? ORDER BY t.name LIMIT ?`, repository, after, limit)
}

// OfEach returns tags of the manifests, in order, at most limit for each,
// without their numbers: so the index by manifest is enough, and a page of
// images does not look up each tag.
func (q Tags) OfEach(repository int64, digests []string, limit int) (map[string][]Tag, error) {
	tags, err := q.scan(`SELECT t.name, m.digest, 0 FROM manifests m JOIN tags t ON t.manifest_id = m.id
		WHERE m.repository_id = ?1 AND m.digest IN (SELECT value FROM texts(?2))
		AND t.name <= coalesce((SELECT l.name FROM tags l WHERE l.manifest_id = m.id ORDER BY l.name LIMIT 1 OFFSET ?3),
		t.name)
		ORDER BY m.digest, t.name`, repository, list(digests), limit-1)
	each := make(map[string][]Tag, len(digests))
	for _, t := range tags {
		each[t.Digest] = append(each[t.Digest], t)
	}
	return each, err
}

// Of lists the tags of a manifest, in order, at most limit.
func (q Tags) Of(repository int64, digest string, after string, limit int) ([]Tag, error) {
	return q.scan(`SELECT t.name, m.digest, t.sequence FROM manifests m JOIN tags t ON t.manifest_id = m.id
		WHERE m.repository_id = ? AND m.digest = ? AND t.name > ? ORDER BY t.name LIMIT ?`, repository, digest, after, limit)
}

func (q Tags) scan(query string, args ...any) (tags []Tag, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		var t Tag
		err := scan(&t.Name, &t.Digest, &t.Sequence)
		tags = append(tags, t)
		return err
	})
	return tags, err
}

// Set creates or moves a tag of a manifest that the repository has. Of two
// that race, the one with the higher number stays.
func (tx TagsTx) Set(r *Repository, t Tag, at time.Time) error {
	tx.tx.touchTag(r, t.Name)
	return tx.conn.exec(`INSERT INTO tags (repository_id, name, manifest_id, sequence, updated_at)
		SELECT repository_id, CAST(?2 AS TEXT), id, CAST(?3 AS BIGINT), CAST(?4 AS BIGINT) FROM manifests
		WHERE repository_id = ?1 AND digest = ?5
		ON CONFLICT (repository_id, name) DO UPDATE SET manifest_id = excluded.manifest_id, sequence = excluded.sequence,
		updated_at = excluded.updated_at
		WHERE excluded.sequence > tags.sequence`,
		r.ID, t.Name, t.Sequence, fromTime(at), t.Digest)
}

// Delete removes a tag: false if it was not there.
func (tx TagsTx) Delete(r *Repository, name string) (bool, error) {
	tx.tx.touchTag(r, name)
	return some(tx.conn.changed(`DELETE FROM tags WHERE repository_id = ? AND name = ?`, r.ID, name))
}

// Advance points a destination's tag at a manifest that it has. It does
// nothing if a push of the same source registry with this number, or a higher
// one, was applied already. t's number is the destination's own.
func (tx TagsTx) Advance(r *Repository, t Tag, sourceRegistry, sourceSequence int64, at time.Time) error {
	tx.tx.touchTag(r, t.Name)
	// applied is the number that the tag gets: while it has it, nobody else has set it.
	if err := tx.conn.exec(`INSERT INTO tag_watermarks (repository_id, tag, source_registry_id, sequence, applied)
		VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (repository_id, tag, source_registry_id) DO UPDATE SET sequence = excluded.sequence,
		applied = excluded.applied
		WHERE excluded.sequence > tag_watermarks.sequence`,
		r.ID, t.Name, sourceRegistry, sourceSequence, t.Sequence); err != nil {
		return err
	}
	if err := tx.conn.exec(`INSERT INTO tags (repository_id, name, manifest_id, sequence, updated_at)
		SELECT m.repository_id, w.tag, m.id, CAST(?5 AS BIGINT), CAST(?6 AS BIGINT) FROM manifests m
		JOIN tag_watermarks w ON w.repository_id = m.repository_id AND w.tag = ?3 AND w.source_registry_id = ?4
		AND w.sequence = ?7 AND w.applied = ?5
		WHERE m.repository_id = ?1 AND m.digest = ?2
		ON CONFLICT (repository_id, name) DO UPDATE SET manifest_id = excluded.manifest_id, updated_at = excluded.updated_at,
		sequence = CASE WHEN excluded.sequence > tags.sequence THEN excluded.sequence ELSE tags.sequence END`,
		r.ID, t.Digest, t.Name, sourceRegistry, t.Sequence, fromTime(at), sourceSequence); err != nil {
		return err
	}
	// Who sets a tag last may have got its number first: then the tag keeps the higher one.
	return tx.conn.exec(`UPDATE tag_watermarks SET applied = (SELECT t.sequence FROM tags t
			WHERE t.repository_id = ?1 AND t.name = ?2)
		WHERE repository_id = ?1 AND tag = ?2 AND source_registry_id = ?3 AND sequence = ?4 AND applied = ?5
			AND EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = ?1 AND t.name = ?2 AND t.sequence > ?5)`,
		r.ID, t.Name, sourceRegistry, sourceSequence, t.Sequence)
}

// ImageID is an image by one of its tags or, if it has none, by its digest alone.
type ImageID struct {
	ImageKey
	Tag string // "" for an image without one
}

// IDs lists the images of a repository that come after the key and, of its image, the
// tag, the latest pushed first: once for each tag, in their order, and once for one
// that has none. The row's own id in the order lets SQLite do without sorting.
func (q Images) IDs(repository int64, tagged, untagged bool, after ImageKey, afterTag string,
	limit int) (ids []ImageID, err error) {
	pushed, digest := after.before()
	query := `SELECT m.pushed_at, m.digest, coalesce(t.name, '') FROM manifests m
		LEFT JOIN tags t ON t.manifest_id = m.id
		WHERE m.repository_id = ?1 AND (m.pushed_at, m.digest) <= (?2, ?3)
			AND ((m.pushed_at, m.digest) < (?2, ?3) OR t.name > ?4)`
	switch { // as texts of their own: of an argument PostgreSQL expects that it leaves few images, and sorts all
	case !untagged:
		query += ` AND t.name IS NOT NULL`
	case !tagged:
		query += ` AND t.name IS NULL`
	}
	query += ` ORDER BY m.pushed_at DESC, m.digest DESC, m.id DESC, t.name LIMIT ?5`
	err = q.conn.all(query, []any{repository, pushed, digest, afterTag, limit},
		func(scan func(dest ...any) error) error {
			var id ImageID
			var pushed int64
			err := scan(&pushed, &id.Digest, &id.Tag)
			id.PushedAt = toTime(pushed)
			ids = append(ids, id)
			return err
		})
	return ids, err
}

func number01(b bool) int {
	if b {
		return 1
	}
	return 0
}
