package metadata

import (
	"errors"
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// PeerPositions are the queries about how far peers have come with what
// registries of this deployment send to them, and the other way about.
type PeerPositions struct{ conn conn }

// PeerPositionsTx are PeerPositions with what changes them.
type PeerPositionsTx struct {
	PeerPositions
	tx *Tx
}

// PeerPosition is how far a peer has come with what a registry sends to it.
type PeerPosition struct {
	Peer         string
	RegistryRow  int64
	Acknowledged int64 // the highest number that the peer has acknowledged
	// ResendBefore, if not zero, says that the peer has lost what it had: what
	// was replicated to it before is to be sent again.
	ResendBefore time.Time
}

// Of a registry and a peer: zero but for the key if nothing was sent yet.
func (q PeerPositions) Of(peer string, registry int64) (PeerPosition, error) {
	p := PeerPosition{Peer: peer, RegistryRow: registry}
	var before int64
	err := q.conn.one(`SELECT acknowledged, resend_before FROM peer_positions WHERE peer_id = ? AND registry_id = ?`,
		[]any{peer, registry}, &p.Acknowledged, &before)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	p.ResendBefore = toTime(before)
	return p, err
}

// Acknowledge notes that a peer has acknowledged a number of the registry's.
func (tx PeerPositionsTx) Acknowledge(peer string, registry, number int64) error {
	return tx.conn.exec(`INSERT INTO peer_positions (peer_id, registry_id, acknowledged) VALUES (?, ?, ?)
		ON CONFLICT (peer_id, registry_id) DO UPDATE SET acknowledged = excluded.acknowledged
		WHERE excluded.acknowledged > peer_positions.acknowledged`, peer, registry, number)
}

// Lost notes that a peer has lost what it had acknowledged past a number, so
// that what was replicated to it before t is to be sent again.
func (tx PeerPositionsTx) Lost(peer string, registry, past int64, t time.Time) error {
	return tx.conn.exec(`UPDATE peer_positions SET acknowledged = ?, resend_before = ? WHERE peer_id = ?
		AND registry_id = ? AND acknowledged > ?`, past, fromTime(t), peer, registry, past)
}

// Resends are the positions of a peer that has lost what it had.
func (q PeerPositions) Resends(peer string) (all []PeerPosition, err error) {
	err = q.conn.all(`SELECT registry_id, acknowledged, resend_before FROM peer_positions WHERE peer_id = ?
		AND resend_before <> 0`, []any{peer}, func(scan func(dest ...any) error) error {
		p := PeerPosition{Peer: peer}
		var before int64
		err := scan(&p.RegistryRow, &p.Acknowledged, &before)
		p.ResendBefore = toTime(before)
		all = append(all, p)
		return err
	})
	return all, err
}

// EndResend notes that all of a resend is due again.
func (tx PeerPositionsTx) EndResend(p PeerPosition) error {
	return tx.conn.exec(`UPDATE peer_positions SET resend_before = 0 WHERE peer_id = ? AND registry_id = ?
		AND resend_before = ?`, p.Peer, p.RegistryRow, fromTime(p.ResendBefore))
}

// Resend makes due again, at t, replications of a registry to the destinations
// that were completed before a time, the earliest after the key first. It returns
// how many, and the last that it looked at: zero once there is none.
func (tx PeerPositionsTx) Resend(p PeerPosition, destinations []resource.Registry, after ReplicationKey, t time.Time,
	limit int) (made int64, last ReplicationKey, err error) {
	var ids []int64
	looked := 0
	err = tx.conn.all(`SELECT r.id, r.changed_at, EXISTS (SELECT 1 FROM objects(?1) AS d
			WHERE d.value ->> 'Account' = r.destination_account AND d.value ->> 'Region' = r.destination_region)
		FROM replications r WHERE r.source_registry_id = ?2 AND r.state = 'COMPLETE' AND r.changed_at < ?3
		AND (r.changed_at, r.id) > (?4, ?5) ORDER BY r.changed_at, r.id LIMIT ?6`,
		[]any{
			keyList(destinations), p.RegistryRow, fromTime(p.ResendBefore), fromTime(after.ChangedAt), after.ID, limit,
		}, func(scan func(dest ...any) error) error {
			var changed int64
			var here bool
			err := scan(&last.ID, &changed, &here)
			last.ChangedAt = toTime(changed)
			if looked++; here {
				ids = append(ids, last.ID)
			}
			return err
		})
	if err != nil {
		return 0, last, err
	}
	if looked < limit {
		last = ReplicationKey{}
	}
	made, err = tx.conn.changed(`UPDATE replications SET state = 'IN_PROGRESS', tries = 0, changed_at = ?1,
		next_try_at = ?1, finished_at = 0 WHERE state = 'COMPLETE' AND id IN (SELECT value FROM numbers(?2))`,
		fromTime(t), numberList(ids))
	return made, last, err
}

// Received is the highest number of a peer's registry that was applied here,
// and the registry's row: zero if nothing was.
func (q PeerPositions) Received(source resource.Registry) (row, number int64, err error) {
	err = q.conn.one(`SELECT id, received FROM registries WHERE account = ? AND region = ?`,
		[]any{source.Account, source.Region}, &row, &number)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return row, number, err
}

// SetReceived notes that a number of a peer's registry was applied here.
func (tx PeerPositionsTx) SetReceived(registry, number int64) error {
	return tx.conn.exec(`UPDATE registries SET received = ? WHERE id = ? AND received < ?`, number, registry, number)
}

// Changed notes the number of a change of a registry that may let in what was refused.
func (tx PeerPositionsTx) Changed(registry, number int64) error {
	return tx.conn.exec(`INSERT INTO registry_changes (registry_id, number) VALUES (?, ?)
		ON CONFLICT (registry_id) DO UPDATE SET number = excluded.number
		WHERE excluded.number > registry_changes.number`, registry, number)
}

// Changes are the numbers of the last changes of those of the registries that had any.
func (q PeerPositions) Changes(registries []resource.Registry) (map[resource.Registry]int64, error) {
	numbers := make(map[resource.Registry]int64, len(registries))
	err := q.conn.all(`SELECT g.account, g.region, c.number FROM objects(?) AS d
		IN ORDER JOIN registries g ON g.account = d.value ->> 'Account' AND g.region = d.value ->> 'Region'
		IN ORDER JOIN registry_changes c ON c.registry_id = g.id`,
		[]any{keyList(registries)}, func(scan func(dest ...any) error) error {
			var k resource.Registry
			var n int64
			err := scan(&k.Account, &k.Region, &n)
			numbers[k] = n
			return err
		})
	return numbers, err
}

// RaiseSequence makes the registry's next number higher than the given one.
func (tx RegistriesTx) RaiseSequence(registry, above int64) error {
	return tx.conn.raiseSequence(registry, above)
}

// WaitingNumbers are the lowest and the highest of the numbers, up to the given
// one, that the registry's replications in progress have; zero if none has.
func (q Replications) WaitingNumbers(registry, upTo int64) (lowest, highest int64, err error) {
	err = q.conn.one(`SELECT coalesce(min(sequence), 0), coalesce(max(sequence), 0) FROM replications
		WHERE source_registry_id = ? AND state = 'IN_PROGRESS' AND sequence <= ?`, []any{registry, upTo}, &lowest, &highest)
	return lowest, highest, err
}

// Renumber adds to the numbers, up to the given one, of the registry's
// replications in progress. They are due at t, and whoever is trying them has
// them no more.
func (tx ReplicationsTx) Renumber(registry, upTo, add int64, t time.Time) error {
	return tx.conn.exec(`UPDATE replications SET sequence = sequence + ?, tries = 0, next_try_at = ?
		WHERE source_registry_id = ? AND state = 'IN_PROGRESS' AND sequence <= ?`, add, fromTime(t), registry, upTo)
}
