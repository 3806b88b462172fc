package metadata

import "time"

// Layer returns the size of a blob that the repository has a link to: ErrNotFound.
func (q *Queries) Layer(repository int64, digest string) (size int64, err error) {
	err = q.conn.one(`SELECT size FROM layers WHERE repository_id = ? AND digest = ?`, []any{repository, digest}, &size)
	return size, err
}

// LayerSizes of those of the digests that the repository has.
func (q *Queries) LayerSizes(repository int64, digests []string) (map[string]int64, error) {
	return q.sizes(`SELECT digest, size FROM layers WHERE repository_id = ? AND digest IN (SELECT value FROM json_each(?))`, repository, digests)
}

// RepositoriesWithLayer returns repositories of a registry that have the blob, at most limit.
func (q *Queries) RepositoriesWithLayer(registry int64, digest string, limit int) (names []string, err error) {
	err = q.conn.all(`SELECT p.name FROM layers l JOIN repositories p ON p.id = l.repository_id
		WHERE l.digest = ? AND p.registry_id = ? ORDER BY p.name LIMIT ?`, []any{digest, registry, limit},
		func(scan func(dest ...any) error) error {
			var name string
			err := scan(&name)
			names = append(names, name)
			return err
		})
	return names, err
}

// LinkLayer gives the repository a link to a blob whose bytes are durable.
func (tx *Tx) LinkLayer(r *Repository, digest string, size int64, at time.Time) error {
	if _, err := tx.conn.exec(`INSERT INTO blobs (digest, size, created_at) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING`, digest, size, fromTime(at)); err != nil {
		return err
	}
	_, err := tx.conn.exec(`INSERT INTO layers (repository_id, digest, size, linked_at) VALUES (?, ?, ?, ?) ON CONFLICT (repository_id, digest) DO NOTHING`,
		r.ID, digest, size, fromTime(at))
	return err
}

// CopyLayers links those blobs that a manifest of the source repository names,
// and the source has, to the destination.
func (tx *Tx) CopyLayers(source int64, manifest string, destination *Repository, at time.Time) error {
	_, err := tx.conn.exec(`INSERT INTO layers (repository_id, digest, size, linked_at)
		SELECT ?1, l.digest, l.size, ?2 FROM manifests m JOIN manifest_references f ON f.manifest_id = m.id
		JOIN layers l ON l.repository_id = m.repository_id AND l.digest = f.target
		WHERE m.repository_id = ?3 AND m.digest = ?4 AND NOT f.child ON CONFLICT (repository_id, digest) DO NOTHING`,
		destination.ID, fromTime(at), source, manifest)
	return err
}

// UnlinkLayer removes the repository's link to a blob: false if it had none.
func (tx *Tx) UnlinkLayer(r *Repository, digest string) (bool, error) {
	tx.touchRepository(r)
	return tx.conn.changed(`DELETE FROM layers WHERE repository_id = ? AND digest = ?`, r.ID, digest)
}
