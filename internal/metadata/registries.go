package metadata

import (
	"github.com/twinport/twinport/internal/resource"
)

// Registries are the queries about registries: their settings, and the numbers of their changes.
type Registries struct{ conn conn }

// RegistriesTx are Registries with what changes them.
type RegistriesTx struct {
	Registries
	tx *Tx
}

// Registry is one account in one Region.
type Registry struct {
	ID      int64
	Account string
	Region  string
	RegistrySettings

	document string // the settings that are in it, as they are stored
}

// keyList encodes registries for objects(?).
func keyList(registries []resource.Registry) string {
	if len(registries) == 0 {
		return "[]" // rather than null
	}
	return encoded(registries)
}

// IDs are the rows of those of the registries that have one.
func (q Registries) IDs(keys []resource.Registry) (map[resource.Registry]int64, error) {
	ids := make(map[resource.Registry]int64, len(keys))
	err := q.conn.all(`SELECT g.id, g.account, g.region FROM objects(?) AS d
		IN ORDER JOIN registries g ON g.account = d.value ->> 'Account' AND g.region = d.value ->> 'Region'`,
		[]any{keyList(keys)}, func(scan func(dest ...any) error) error {
			var id int64
			var k resource.Registry
			err := scan(&id, &k.Account, &k.Region)
			ids[k] = id
			return err
		})
	return ids, err
}

// Ensure creates the registry's row if there is none.
func (tx RegistriesTx) Ensure(account, region string) error {
	return tx.conn.exec(`INSERT INTO registries (account, region) VALUES (?, ?)
		ON CONFLICT (account, region) DO NOTHING`, account, region)
}

// Get returns a registry: ErrNotFound.
func (q Registries) Get(account, region string) (Registry, error) {
	r := Registry{Account: account, Region: region}
	err := q.conn.one(`SELECT id, policy, replication, settings FROM registries WHERE account = ? AND region = ?`,
		[]any{account, region}, &r.ID, &r.Policy, &r.Replication, &r.document)
	if err != nil {
		return r, err
	}
	return r, readDocument(r.document, &r.RegistrySettings)
}

// Share keeps the registry's settings from being changed, and
// repositories from being created in it, until the transaction ends.
func (tx RegistriesTx) Share(id int64) error {
	var same int64
	return tx.conn.one(`SELECT g.id FROM registries g WHERE g.id = ? SHARING g`, []any{id}, &same)
}

// Lock waits for those who share the registry, and keeps others from
// sharing it. Whoever creates a repository needs it, so that a replication that
// finds no repository is refused before that, or not at all.
func (tx RegistriesTx) Lock(id int64) error {
	var same int64
	return tx.conn.one(`SELECT g.id FROM registries g WHERE g.id = ? LOCKING g`, []any{id}, &same)
}

// SaveSettings stores the settings of a registry, which the transaction must
// have locked before it read them.
func (tx RegistriesTx) SaveSettings(r Registry) error {
	tx.tx.stale.all = true // every repository's cached facts carry them
	document, err := writeDocument(r.document, &r.RegistrySettings)
	if err != nil {
		return err
	}
	return must(tx.conn.changed(`UPDATE registries SET policy = ?, replication = ?, settings = ? WHERE id = ?`,
		r.Policy, r.Replication, document, r.ID))
}

// NextSequence numbers a tag change of the registry. The repository must be
// locked already, so that no deletion comes in between.
func (q Registries) NextSequence(registry int64) (n int64, err error) {
	query, args := q.conn.nextSequence(registry)
	err = q.conn.one(query, args, &n)
	return n, err
}
