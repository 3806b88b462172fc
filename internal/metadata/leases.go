package metadata

import "errors"

// Leases are the queries about who runs which job.
type Leases struct{ conn conn }

// LeasesTx are Leases with what changes them.
type LeasesTx struct {
	Leases
	tx *Tx
}

// Lease says which process does a background task. Each contender finds out whether
// it still does by its beat, which it watches with its own clock: the clocks of
// processes are never compared.
type Lease struct {
	Name     string
	Holder   string
	Beat     int64
	Progress string // for whoever goes on with the task
}

// Get by name: zero but for the name if nobody ever held it.
func (q Leases) Get(name string) (Lease, error) {
	l := Lease{Name: name}
	err := q.conn.one(`SELECT holder, beat, progress FROM leases WHERE name = ?`, []any{name}, &l.Holder, &l.Beat,
		&l.Progress)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return l, err
}

// Take gives the lease to holder if it is as it was seen: false if another
// was first, or the present holder is alive.
func (tx LeasesTx) Take(seen Lease, holder string) (bool, error) {
	return some(tx.conn.changed(`INSERT INTO leases (name, holder, beat) VALUES (?1, ?2, 1)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, beat = leases.beat + 1 WHERE leases.holder = ?3
		AND leases.beat = ?4`,
		seen.Name, holder, seen.Holder, seen.Beat))
}

// Keep shows that the holder is alive, and stores its progress: false if
// it has lost the lease.
func (tx LeasesTx) Keep(name, holder, progress string) (bool, error) {
	return some(tx.conn.changed(`UPDATE leases SET beat = beat + 1, progress = ? WHERE name = ?
		AND holder = ?`, progress, name, holder))
}

// Release gives the lease back, unless the holder has lost it, and stores
// its progress.
func (tx LeasesTx) Release(name, holder, progress string) error {
	return tx.conn.exec(`UPDATE leases SET holder = '', beat = beat + 1, progress = ? WHERE name = ?
		AND holder = ?`, progress, name, holder)
}
