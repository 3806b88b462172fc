package metadata

import "strings"

// A repository that is deleted, and holds more than one transaction should
// remove, is retired: it gets a name that no repository can have, and is not
// found, listed or replicated from any more. Its rows are deleted in batches,
// by any process.

// retired begins the names of retired repositories, after all names that
// repositories can have.
const retired = pastPrefix

// Retire makes the repository a retired one.
func (tx RepositoriesTx) Retire(r *Repository) error {
	tx.tx.touchRepository(r)
	if err := tx.conn.exec(`DELETE FROM resource_tags WHERE repository_id = ?`, r.ID); err != nil {
		return err
	}
	if err := tx.conn.exec(`DELETE FROM lifecycle_policies WHERE repository_id = ?`, r.ID); err != nil {
		return err
	}
	return must(tx.conn.changed(`UPDATE repositories SET name = '`+retired+
		`' || CAST(id AS TEXT), policy = '' WHERE id = ?`, r.ID))
}

// Retired are some of the repositories that are retired, at most limit.
func (q Repositories) Retired(limit int) ([]int64, error) {
	return numbersOf(q.conn, `SELECT p.id FROM registries g IN ORDER JOIN repositories p ON p.registry_id = g.id
		AND p.name >= '`+retired+`' LIMIT ?`, limit)
}

// LockRetired returns a retired repository, and keeps others from removing what
// is in it: ErrNotFound.
func (q Repositories) LockRetired(id int64) (*Repository, error) {
	return scanRepository(func(dest ...any) error {
		return q.conn.one(`SELECT `+repositoryColumns+` WHERE p.id = ? AND p.name >= '`+retired+`' LOCKING p`, []any{id},
			dest...)
	})
}

// isRetired reports whether the name is that of a retired repository.
func isRetired(name string) bool { return strings.HasPrefix(name, retired) }
