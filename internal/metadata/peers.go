package metadata

import "time"

// Peers are the queries about this deployment as its peers know it, the peers, and the
// invitations by which deployments become peers.
type Peers struct{ conn conn }

// PeersTx are Peers with what changes them.
type PeersTx struct {
	Peers
	tx *Tx
}

// Deployment is who this deployment is to its peers.
type Deployment struct {
	ID       string
	Document string // JSON of package peer; it has private keys
}

// Peer is a deployment that this one knows.
type Peer struct {
	ID, Name string
	Document string // JSON of package peer
}

// Invitation is a code by which another deployment becomes a peer, once.
type Invitation struct {
	Secret    string // its hash
	ExpiresAt time.Time
	UsedBy    string // the deployment's id; '' if nobody has used it
	Document  string // JSON of package peer
}

// Deployment returns the only one: ErrNotFound if it has not been made.
func (q Peers) Deployment() (d Deployment, err error) {
	err = q.conn.one(`SELECT id, document FROM deployment WHERE id > '' ORDER BY id LIMIT 1`, nil, &d.ID, &d.Document)
	return d, err
}

// CreateDeployment records who this deployment is. Nothing but the caller keeps
// two processes from recording one each.
func (tx PeersTx) CreateDeployment(id string, document any) error {
	text, err := writeDocument("", document)
	if err != nil {
		return err
	}
	return tx.conn.exec(`INSERT INTO deployment (id, document) VALUES (?, ?)`, id, text)
}

// SaveDeployment replaces the document: false if it is not any more what was
// read.
func (tx PeersTx) SaveDeployment(read Deployment, document any) (bool, error) {
	text, err := writeDocument(read.Document, document)
	if err != nil {
		return false, err
	}
	return some(tx.conn.changed(`UPDATE deployment SET document = ? WHERE id = ? AND document = ?`, text, read.ID,
		read.Document))
}

// Get by id: ErrNotFound.
func (q Peers) Get(id string) (Peer, error) {
	p := Peer{ID: id}
	err := q.conn.one(`SELECT name, document FROM peers WHERE id = ?`, []any{id}, &p.Name, &p.Document)
	return p, err
}

// List lists peers by id, those after the given one.
func (q Peers) List(after string, limit int) (all []Peer, err error) {
	err = q.conn.all(`SELECT id, name, document FROM peers WHERE id > ? ORDER BY id LIMIT ?`, []any{after, limit},
		func(scan func(dest ...any) error) error {
			var p Peer
			err := scan(&p.ID, &p.Name, &p.Document)
			all = append(all, p)
			return err
		})
	return all, err
}

// Create records a peer. Neither id nor name may be another's.
func (tx PeersTx) Create(id, name string, document any) error {
	text, err := writeDocument("", document)
	if err != nil {
		return err
	}
	return tx.conn.exec(`INSERT INTO peers (id, name, document) VALUES (?, ?, ?)`, id, name, text)
}

// Save replaces name and document of a peer: false if it is not any more what
// was read.
func (tx PeersTx) Save(read Peer, name string, document any) (bool, error) {
	text, err := writeDocument(read.Document, document)
	if err != nil {
		return false, err
	}
	return some(tx.conn.changed(`UPDATE peers SET name = ?, document = ?
		WHERE id = ? AND name = ? AND document = ?`, name, text, read.ID, read.Name, read.Document))
}

// Delete removes a peer with what is known of its layers and positions: false
// if it was not there.
func (tx PeersTx) Delete(id string) (bool, error) {
	return some(tx.conn.changed(`DELETE FROM peers WHERE id = ?`, id))
}

// Invitation by the hash of its secret: ErrNotFound.
func (q Peers) Invitation(secret string) (Invitation, error) {
	i := Invitation{Secret: secret}
	var expires int64
	err := q.conn.one(`SELECT expires_at, used_by, document FROM peer_invitations WHERE secret = ?`, []any{secret},
		&expires, &i.UsedBy, &i.Document)
	i.ExpiresAt = toTime(expires)
	return i, err
}

// CountInvitations counts them, at most up to limit.
func (q Peers) CountInvitations(limit int) (n int, err error) {
	err = q.conn.one(`SELECT count(*) FROM (SELECT 1 FROM peer_invitations LIMIT ?) AS page`, []any{limit}, &n)
	return n, err
}

// Invite records an invitation.
func (tx PeersTx) Invite(secret string, expires time.Time, document any) error {
	text, err := writeDocument("", document)
	if err != nil {
		return err
	}
	return tx.conn.exec(`INSERT INTO peer_invitations (secret, expires_at, document) VALUES (?, ?, ?)`, secret,
		fromTime(expires), text)
}

// UseInvitation records which deployment has used an invitation: false if
// another has.
func (tx PeersTx) UseInvitation(secret, id string) (bool, error) {
	return some(tx.conn.changed(`UPDATE peer_invitations SET used_by = ?1
		WHERE secret = ?2 AND used_by IN ('', ?1)`, id, secret))
}

// SpendInvitations keeps a deployment from using again what it has used.
func (tx PeersTx) SpendInvitations(usedBy string) error {
	return tx.conn.exec(`UPDATE peer_invitations SET used_by = 'removed' WHERE used_by = ?`, usedBy)
}

// ForgetInvitations forgets those that expired before t.
func (tx PeersTx) ForgetInvitations(t time.Time) error {
	return tx.conn.exec(`DELETE FROM peer_invitations WHERE expires_at < ?`, fromTime(t))
}
