package metadata

// PeerParts are the queries about parts of layers that came to one process and are
// for another.
type PeerParts struct{ conn conn }

// PeerPartsTx are PeerParts with what changes them.
type PeerPartsTx struct {
	PeerParts
	tx *Tx
}

// PeerPart is a part of a layer that a peer sends, in an object of its own.
type PeerPart struct {
	Keeper       string // of the layer, who is to take it
	Peer, Digest string
	Start, Size  int64
	Object       string
}

// For are parts that a keeper is to take, at most limit, those that begin first before
// others.
func (q PeerParts) For(keeper string, limit int) (parts []PeerPart, err error) {
	err = q.conn.all(`SELECT peer_id, digest, start, size, object FROM peer_parts WHERE keeper = ?
		ORDER BY peer_id, digest, start LIMIT ?`, []any{keeper, limit}, func(scan func(dest ...any) error) error {
		p := PeerPart{Keeper: keeper}
		err := scan(&p.Peer, &p.Digest, &p.Start, &p.Size, &p.Object)
		parts = append(parts, p)
		return err
	})
	return parts, err
}

// Add leaves a part for a keeper: false if there is such a one.
func (tx PeerPartsTx) Add(p PeerPart) (bool, error) {
	return some(tx.conn.changed(`INSERT INTO peer_parts (keeper, peer_id, digest, start, size, object)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (keeper, peer_id, digest, start) DO NOTHING`, p.Keeper, p.Peer, p.Digest,
		p.Start, p.Size, p.Object))
}

// Remove takes a part back.
func (tx PeerPartsTx) Remove(p PeerPart) error {
	return tx.conn.exec(`DELETE FROM peer_parts WHERE keeper = ? AND peer_id = ? AND digest = ? AND start = ?
		AND object = ?`, p.Keeper, p.Peer, p.Digest, p.Start, p.Object)
}

// Forget removes what is left of a layer's parts: those for keepers that have died.
func (tx PeerPartsTx) Forget(peer, digest string) error {
	return tx.conn.exec(`DELETE FROM peer_parts WHERE peer_id = ? AND digest = ?`, peer, digest)
}
