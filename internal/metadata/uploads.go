package metadata

import "time"

// Upload is an upload session of a repository.
type Upload struct {
	ID           string
	RepositoryID int64
	StartedAt    time.Time
}

// CreateUpload records a session.
func (tx *Tx) CreateUpload(u Upload) error {
	_, err := tx.conn.exec(`INSERT INTO uploads (id, repository_id, started_at) VALUES (?, ?, ?)`, u.ID, u.RepositoryID, fromTime(u.StartedAt))
	return err
}

// Upload of a repository by id: ErrNotFound, also if another repository has it.
func (q *Queries) Upload(repository int64, id string) (Upload, error) {
	u := Upload{ID: id, RepositoryID: repository}
	var started int64
	err := q.conn.one(`SELECT started_at FROM uploads WHERE id = ? AND repository_id = ?`, []any{id, repository}, &started)
	u.StartedAt = toTime(started)
	return u, err
}

// UploadsStartedBefore t, with ids after the given one, in their order.
func (q *Queries) UploadsStartedBefore(t time.Time, after string, limit int) (ids []string, err error) {
	err = q.conn.all(`SELECT id FROM uploads WHERE started_at < ? AND id > ? ORDER BY id LIMIT ?`, []any{fromTime(t), after, limit},
		func(scan func(dest ...any) error) error {
			var id string
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	return ids, err
}

// DeleteUpload forgets a session: false if it was not there.
func (tx *Tx) DeleteUpload(id string) (bool, error) {
	return tx.conn.changed(`DELETE FROM uploads WHERE id = ?`, id)
}
