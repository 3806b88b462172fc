package metadata

import "time"

// Sessions are the queries about the sessions of the console.
type Sessions struct{ conn conn }

// SessionsTx are Sessions with what changes them.
type SessionsTx struct {
	Sessions
	tx *Tx
}

// Session is one of the console: who signed in, with which access key.
type Session struct {
	ID            string
	Account       string
	AccessKey     string // its id
	CreatedAt     time.Time
	ExpiresAt     time.Time
	UserAgent     string
	RemoteAddress string
}

// Create records a session.
func (tx SessionsTx) Create(s Session) error {
	return tx.conn.exec(`INSERT INTO sessions (id, account, access_key, created_at, expires_at, user_agent, remote_address)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
		s.ID, s.Account, s.AccessKey, fromTime(s.CreatedAt), fromTime(s.ExpiresAt), storable(s.UserAgent),
		storable(s.RemoteAddress))
}

// Get by id: ErrNotFound.
func (q Sessions) Get(id string) (Session, error) {
	s := Session{ID: id}
	var created, expires int64
	err := q.conn.one(`SELECT account, access_key, created_at, expires_at, user_agent, remote_address FROM sessions
		WHERE id = ?`,
		[]any{id}, &s.Account, &s.AccessKey, &created, &expires, &s.UserAgent, &s.RemoteAddress)
	s.CreatedAt, s.ExpiresAt = toTime(created), toTime(expires)
	return s, err
}

// List lists the sessions of an account, the latest first.
func (q Sessions) List(account string, limit int) (ss []Session, err error) {
	err = q.conn.all(`SELECT id, access_key, created_at, expires_at, user_agent, remote_address FROM sessions
		WHERE account = ? ORDER BY created_at DESC, id DESC LIMIT ?`,
		[]any{account, limit}, func(scan func(dest ...any) error) error {
			s := Session{Account: account}
			var created, expires int64
			err := scan(&s.ID, &s.AccessKey, &created, &expires, &s.UserAgent, &s.RemoteAddress)
			s.CreatedAt, s.ExpiresAt = toTime(created), toTime(expires)
			ss = append(ss, s)
			return err
		})
	return ss, err
}

// Delete ends those of the account's sessions that the ids name, and
// returns the ids of those that were there.
func (tx SessionsTx) Delete(account string, ids []string) ([]string, error) {
	return stringsOf(tx.conn, `DELETE FROM sessions WHERE account = ?
		AND id IN (SELECT value FROM texts(?)) RETURNING id`, account, list(ids))
}

// DeleteExpired forgets the sessions of all accounts that ended by
// themselves, and those that end later than any that begins now: the clock was
// ahead when they began.
func (tx SessionsTx) DeleteExpired(now, latest time.Time) error {
	return tx.conn.exec(`DELETE FROM sessions WHERE expires_at <= ? OR expires_at > ?`, fromTime(now), fromTime(latest))
}
