package metadata

import "time"

// AccessKeys are the queries about the access keys of users.
type AccessKeys struct{ conn conn }

// AccessKeysTx are AccessKeys with what changes them, after IdentitiesTx.Change.
type AccessKeysTx struct {
	AccessKeys
	tx *Tx
}

// AccessKey of a user.
type AccessKey struct {
	ID        string
	User      string // its id
	Secret    []byte // sealed
	Active    bool
	CreatedAt time.Time
}

// AccessKeyUse says when and for what an access key was used.
type AccessKeyUse struct {
	ID, Service, Region string
	At                  time.Time
}

const selectKeys = `SELECT id, user_id, secret, active, created_at FROM iam_access_keys WHERE `

func scanKey(scan func(dest ...any) error) (k AccessKey, err error) {
	var active, created int64
	err = scan(&k.ID, &k.User, &k.Secret, &active, &created)
	k.Active, k.CreatedAt = active != 0, toTime(created)
	return k, err
}

// Get by id: ErrNotFound.
func (q AccessKeys) Get(id string) (AccessKey, error) {
	return scanKey(func(dest ...any) error { return q.conn.one(selectKeys+`id = ?`, []any{id}, dest...) })
}

// Of lists the access keys of a user.
func (q AccessKeys) Of(user string) (all []AccessKey, err error) {
	err = q.conn.all(selectKeys+`user_id = ? ORDER BY id`, []any{user}, func(scan func(dest ...any) error) error {
		k, err := scanKey(scan)
		all = append(all, k)
		return err
	})
	return all, err
}

// LastUse of an access key: ErrNotFound.
func (q AccessKeys) LastUse(id string) (AccessKeyUse, error) {
	u := AccessKeyUse{ID: id}
	var at int64
	err := q.conn.one(`SELECT used_at, service, region FROM iam_access_key_uses WHERE id = ?`, []any{id}, &at, &u.Service,
		&u.Region)
	u.At = toTime(at)
	return u, err
}

// Create stores an access key.
func (tx AccessKeysTx) Create(k AccessKey) error {
	return must(tx.conn.changed(`INSERT INTO iam_access_keys (id, user_id, secret, active, created_at) VALUES (?, ?, ?, ?, ?)`,
		k.ID, k.User, k.Secret, number01(k.Active), fromTime(k.CreatedAt)))
}

// SetActive: false if the user has no such key.
func (tx AccessKeysTx) SetActive(user, id string, active bool) (bool, error) {
	return some(tx.conn.changed(`UPDATE iam_access_keys SET active = ? WHERE id = ? AND user_id = ?`, number01(active), id,
		user))
}

// Delete: false if the user has no such key.
func (tx AccessKeysTx) Delete(user, id string) (bool, error) {
	return some(tx.conn.changed(`DELETE FROM iam_access_keys WHERE id = ? AND user_id = ?`, id, user))
}

// NoteUses stores uses of access keys that are still there, each key once. It is no change of the account.
func (tx AccessKeysTx) NoteUses(uses []AccessKeyUse) error {
	type row struct {
		ID      string `json:"id"`
		Service string `json:"service"`
		Region  string `json:"region"`
		At      int64  `json:"at"`
	}
	rows := make([]row, len(uses))
	for i, u := range uses {
		rows[i] = row{u.ID, storable(u.Service), storable(u.Region), fromTime(u.At)}
	}
	return tx.conn.exec(`INSERT INTO iam_access_key_uses (id, used_at, service, region)
		SELECT k.id, CAST(u.value ->> 'at' AS BIGINT), u.value ->> 'service', u.value ->> 'region'
		FROM objects(?) u IN ORDER JOIN iam_access_keys k ON k.id = u.value ->> 'id' WHERE true ORDER BY k.id
		ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at, service = excluded.service, region = excluded.region
		WHERE excluded.used_at > iam_access_key_uses.used_at`, encoded(rows))
}
