package metadata

// PeerLayers are the queries about layers that peers send.
type PeerLayers struct{ conn conn }

// PeerLayersTx are PeerLayers with what changes them.
type PeerLayersTx struct {
	PeerLayers
	tx *Tx
}

// PeerLayer is a layer that a peer has sent, or is sending.
type PeerLayer struct {
	// Digest is ArrivingLayer of an upload as long as the layer's digest is not known.
	Digest       string
	RepositoryID int64  // that it was sent for
	Upload       string // the session that takes it; "" once it has ended
	// Keeper is who has the session in memory, anew each time; "": nobody. Others find out
	// by its beat whether it is alive, and watch that with their own clocks. It has
	// Received bytes.
	Keeper         string
	Beat, Received int64
}

// arrivingPrefix begins what stands for the digest of a layer that still arrives at the
// peer. There is no such algorithm.
const arrivingPrefix = "upload:"

// arrivingEnd is past all that begin so.
const arrivingEnd = "upload;"

// ArrivingLayer stands for the digest of a layer that still arrives at the peer, by an upload there.
func ArrivingLayer(upload string) string { return arrivingPrefix + upload }

// Of are those of the layers that the peer has sent, or is sending, by digest.
func (q PeerLayers) Of(peer string, digests []string) (map[string]PeerLayer, error) {
	layers := make(map[string]PeerLayer, len(digests))
	err := q.conn.all(`SELECT digest, repository_id, upload, keeper, beat, received FROM peer_layers WHERE peer_id = ?
		AND digest IN (SELECT value FROM texts(?))`, []any{peer, list(digests)},
		func(scan func(dest ...any) error) error {
			var l PeerLayer
			err := scan(&l.Digest, &l.RepositoryID, &l.Upload, &l.Keeper, &l.Beat, &l.Received)
			layers[l.Digest] = l
			return err
		})
	return layers, err
}

// Begin notes the session that takes a layer, and who keeps it, in place of
// another session that has gone: false if there is yet another by now.
func (tx PeerLayersTx) Begin(peer string, l PeerLayer, instead string) (bool, error) {
	return some(tx.conn.changed(`INSERT INTO peer_layers (peer_id, digest, repository_id, upload, keeper)
		VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (peer_id, digest) DO UPDATE SET repository_id = excluded.repository_id, upload = excluded.upload,
		keeper = excluded.keeper, beat = peer_layers.beat + 1, received = 0
		WHERE peer_layers.upload = ?`, peer, l.Digest, l.RepositoryID, l.Upload, l.Keeper, instead))
}

// Take gives the session to a keeper: false if the layer is not as it was seen.
func (tx PeerLayersTx) Take(peer string, seen PeerLayer, keeper string) (bool, error) {
	return some(tx.conn.changed(`UPDATE peer_layers SET keeper = ?, beat = beat + 1
		WHERE peer_id = ? AND digest = ? AND upload = ? AND keeper = ? AND beat = ?`, keeper, peer, seen.Digest,
		seen.Upload, seen.Keeper, seen.Beat))
}

// Keep says that the keeper is alive, and how many bytes it has: false if it has lost
// the session.
func (tx PeerLayersTx) Keep(peer, digest, keeper string, received int64) (bool, error) {
	return some(tx.conn.changed(`UPDATE peer_layers SET beat = beat + 1, received = ? WHERE peer_id = ? AND digest = ?
		AND keeper = ?`, received, peer, digest, keeper))
}

// Release gives the session back, unless the keeper has lost it.
func (tx PeerLayersTx) Release(peer, digest, keeper string) error {
	return tx.conn.exec(`UPDATE peer_layers SET keeper = '', beat = beat + 1 WHERE peer_id = ? AND digest = ?
		AND keeper = ?`, peer, digest, keeper)
}

// End notes that the peer has sent all of a layer.
func (tx PeerLayersTx) End(peer, digest string) error {
	return tx.conn.exec(`UPDATE peer_layers SET upload = '', keeper = '' WHERE peer_id = ? AND digest = ?`, peer, digest)
}

// Name says which digest a layer has that has arrived at the peer. There must be none with that.
func (tx PeerLayersTx) Name(peer, arriving, digest string) error {
	return tx.conn.exec(`UPDATE peer_layers SET digest = ?, beat = beat + 1 WHERE peer_id = ? AND digest = ?`, digest, peer,
		arriving)
}

// Forget says that nothing of a layer was received.
func (tx PeerLayersTx) Forget(peer, digest string) error {
	return tx.conn.exec(`DELETE FROM peer_layers WHERE peer_id = ? AND digest = ?`, peer, digest)
}

// ForgetArriving forgets layers that were still arriving at their peers when their sessions ended here.
func (tx PeerLayersTx) ForgetArriving() error {
	return tx.conn.exec(`DELETE FROM peer_layers WHERE digest >= ? AND digest < ?
		AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.id = peer_layers.upload)`, arrivingPrefix, arrivingEnd)
}
