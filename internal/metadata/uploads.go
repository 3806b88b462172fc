package metadata

import "time"

// Uploads are the queries about the sessions of uploads.
type Uploads struct{ conn conn }

// UploadsTx are Uploads with what changes them.
type UploadsTx struct {
	Uploads
	tx *Tx
}

// Upload is an upload session of a repository.
type Upload struct {
	ID           string
	RegistryRow  int64
	RepositoryID int64
	StartedAt    time.Time
	UpdatedAt    time.Time // when it was last saved; zero if never
	State        []byte    // the blob store's; empty where it keeps that itself
	// ShortPart is where the first part ended that is too short, unless it is
	// the last; 0 if there is none.
	ShortPart int64
}

// Create records sessions.
func (tx UploadsTx) Create(sessions ...Upload) error {
	type row struct {
		ID         string `json:"id"`
		Registry   int64  `json:"g"`
		Repository int64  `json:"r"`
		Started    int64  `json:"t"`
	}
	rows := make([]row, len(sessions))
	for i, u := range sessions {
		rows[i] = row{u.ID, u.RegistryRow, u.RepositoryID, fromTime(u.StartedAt)}
	}
	return tx.conn.exec(`INSERT INTO uploads (id, registry_id, repository_id, started_at)
		SELECT n.value ->> 'id', CAST(n.value ->> 'g' AS BIGINT), CAST(n.value ->> 'r' AS BIGINT),
		CAST(n.value ->> 't' AS BIGINT) FROM objects(?) AS n`, encoded(rows))
}

// Get returns a session of a repository: ErrNotFound, also if another repository has it.
func (q Uploads) Get(repository int64, id string) (Upload, error) {
	u := Upload{ID: id, RepositoryID: repository}
	var started, updated int64
	err := q.conn.one(`SELECT started_at, updated_at, state, short_part FROM uploads WHERE id = ?
		AND repository_id = ?`, []any{id, repository},
		&started, &updated, &u.State, &u.ShortPart)
	u.StartedAt, u.UpdatedAt = toTime(started), toTime(updated)
	return u, err
}

// Save stores the state of a session, and where a part that is too short
// ended, unless another request has changed the session since it was read, or
// it has ended: then it returns false.
func (tx UploadsTx) Save(u Upload, state []byte, shortPart int64, at time.Time) (bool, error) {
	return some(tx.conn.changed(`UPDATE uploads SET state = ?, short_part = ?, updated_at = ? WHERE id = ? AND state = ?
		AND short_part = ?`,
		notNull(state), shortPart, fromTime(at), u.ID, notNull(u.State), u.ShortPart))
}

// notNull makes an empty value of a missing one.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Idle are sessions that were begun and last saved before t, or by a clock
// that was ahead, after future; with ids after the given one, in their order.
func (q Uploads) Idle(t, future time.Time, after string, limit int) (us []Upload, err error) {
	err = q.conn.all(`SELECT id, repository_id, started_at, updated_at, state FROM uploads
		WHERE (started_at < ?1 OR started_at > ?2)
			AND (updated_at < ?1 OR updated_at > ?2) AND id > ?3 ORDER BY id LIMIT ?4`,
		[]any{fromTime(t), fromTime(future), after, limit}, func(scan func(dest ...any) error) error {
			var u Upload
			var started, updated int64
			err := scan(&u.ID, &u.RepositoryID, &started, &updated, &u.State)
			u.StartedAt, u.UpdatedAt = toTime(started), toTime(updated)
			us = append(us, u)
			return err
		})
	return us, err
}

// Unknown returns those of the ids that no session has.
func (q Uploads) Unknown(ids []string) ([]string, error) {
	return stringsOf(q.conn, `SELECT value FROM texts(?) WHERE NOT EXISTS (SELECT 1 FROM uploads u WHERE u.id = value)
		ORDER BY value`, list(ids))
}

// Expire forgets a session if it is as it was read: false otherwise.
func (tx UploadsTx) Expire(u Upload) (bool, error) {
	return some(tx.conn.changed(`DELETE FROM uploads WHERE id = ? AND updated_at = ?
		AND state = ?`, u.ID, fromTime(u.UpdatedAt), notNull(u.State)))
}

// Redate makes a session one that was begun and saved at t, if it is as it was read.
func (tx UploadsTx) Redate(u Upload, t time.Time) error {
	return tx.conn.exec(`UPDATE uploads SET started_at = ?, updated_at = ? WHERE id = ?
		AND updated_at = ?`, fromTime(t), fromTime(t), u.ID, fromTime(u.UpdatedAt))
}

// End forgets sessions: false if one of them was not there.
func (tx UploadsTx) End(ids ...string) (bool, error) {
	n, err := tx.conn.changed(`DELETE FROM uploads WHERE id IN (SELECT value FROM texts(?))`, list(ids))
	return n == int64(len(ids)), err
}

// Delete forgets a session, if it is there.
func (tx UploadsTx) Delete(id string) error {
	return tx.conn.exec(`DELETE FROM uploads WHERE id = ?`, id)
}
