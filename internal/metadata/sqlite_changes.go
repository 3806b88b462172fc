package metadata

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// maxKey is how many columns the longest key of a transferred table has.
const maxKey = 5

// The numbers of changes must not be used again, hence AUTOINCREMENT: a row
// that changes again, while an earlier change of it is being copied, gets a new
// number.
const createChanges = `CREATE TABLE transfer_changes (id INTEGER PRIMARY KEY AUTOINCREMENT, tbl TEXT NOT NULL,
	k1 NOT NULL, k2 NOT NULL, k3 NOT NULL, k4 NOT NULL, k5 NOT NULL, UNIQUE (tbl, k1, k2, k3, k4, k5))`

// watch begins to note the keys of rows that change, for the transfer with the
// id, and forgets what was noted for another.
func (s *SQLite) watch(ctx context.Context, id string, tables []table) error {
	return s.Update(ctx, func(tx *Tx) error {
		if err := tx.unwatch(); err != nil {
			return err
		}
		statements := []string{createChanges}
		for _, tb := range tables {
			for event, row := range map[string]string{
				"INSERT": "NEW", "UPDATE OF " + strings.Join(tb.columns, ", "): "NEW", "DELETE": "OLD",
			} {
				kind, _, _ := strings.Cut(event, " ")
				columns, values, same := "tbl", "'"+tb.name+"'", "tbl = '"+tb.name+"'"
				for i := range maxKey {
					value := "0"
					if i < len(tb.key) {
						value = row + "." + tb.key[i]
					}
					columns += fmt.Sprintf(", k%d", i+1)
					values += ", " + value
					same += fmt.Sprintf(" AND k%d = %s", i+1, value)
				}
				statements = append(statements, fmt.Sprintf("CREATE TRIGGER transfer_%s_%s AFTER %s ON %s BEGIN DELETE FROM "+
					"transfer_changes WHERE %s; INSERT INTO transfer_changes (%s) VALUES (%s); END",
					tb.name, strings.ToLower(kind), event, tb.name, same, columns, values))
			}
		}
		for _, statement := range statements {
			if err := tx.conn.exec(statement); err != nil {
				return err
			}
		}
		return tx.conn.exec(`INSERT INTO leases (name, holder, beat) VALUES (?, ?, 1)`, MigrationLease, id)
	})
}

// watched reports whether the changes of all the tables are being noted.
func (s *SQLite) watched(ctx context.Context, tables []table) (bool, error) {
	triggers, err := stringsOf(s.Read(ctx).conn, `SELECT name FROM sqlite_master WHERE type = 'trigger'`)
	for _, tb := range tables {
		if !slices.Contains(triggers, "transfer_"+tb.name+"_insert") {
			return false, err
		}
	}
	return true, err
}

// CancelTransfer ends a transfer that was begun: what it has copied is of no
// use then. False if there was none.
func (s *SQLite) CancelTransfer(ctx context.Context) (was bool, err error) {
	l, err := s.Read(ctx).Leases().Get(MigrationLease)
	if err != nil || l.Holder == "" {
		return false, err
	}
	return true, s.Update(ctx, func(tx *Tx) error { return tx.unwatch() })
}

func (tx *Tx) unwatch() error {
	triggers, err := stringsOf(tx.conn, `SELECT name FROM sqlite_master WHERE type = 'trigger'
		AND name LIKE 'transfer\_%' ESCAPE '\'`)
	if err != nil {
		return err
	}
	for _, name := range triggers {
		if err := tx.conn.exec(`DROP TRIGGER ` + name); err != nil {
			return err
		}
	}
	if err := tx.conn.exec(`DROP TABLE IF EXISTS transfer_changes`); err != nil {
		return err
	}
	return tx.conn.exec(`DELETE FROM leases WHERE name = ?`, MigrationLease)
}

// forgetPage is how many changes one update forgets, so that others need not
// wait for long.
const forgetPage = 5000

// forgetChanges forgets the changes up to the last.
func (s *SQLite) forgetChanges(ctx context.Context, last int64) error {
	for {
		var n int64
		err := s.Update(ctx, func(tx *Tx) (err error) {
			n, err = tx.conn.changed(`DELETE FROM transfer_changes WHERE id IN (SELECT id FROM transfer_changes WHERE id <= ?
				ORDER BY id LIMIT ?)`, last, forgetPage)
			return err
		})
		if err != nil || n < forgetPage {
			return err
		}
	}
}

// snapshot is the store as it was at one moment.
type snapshot struct {
	conn       *sql.Conn
	lastChange int64 // number of the last change; 0 for none
}

func (s *SQLite) snapshot(ctx context.Context) (*snapshot, error) {
	conn, err := s.readers.Conn(ctx)
	if err != nil {
		return nil, err
	}
	x := &snapshot{conn: conn}
	if _, err = conn.ExecContext(ctx, `BEGIN`); err == nil {
		x.lastChange, err = x.number(ctx, `SELECT max(id) FROM transfer_changes`)
	}
	if err != nil {
		x.close()
		return nil, fmt.Errorf("take a snapshot of the database: %w", err)
	}
	return x, nil
}

// close may be called twice.
func (x *snapshot) close() {
	if x.conn == nil {
		return
	}
	if _, err := x.conn.ExecContext(context.Background(), `ROLLBACK`); err != nil {
		// The connection would keep its snapshot, so it must not be used again.
		_ = x.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	_ = x.conn.Close()
	x.conn = nil
}

// number is what a query for one number gives; 0 for NULL.
func (x *snapshot) number(ctx context.Context, query string, args ...any) (int64, error) {
	var n sql.NullInt64
	err := x.conn.QueryRowContext(ctx, query, args...).Scan(&n)
	return n.Int64, err
}

// changedBlobs calls fn with pages of those blobs that changed.
func (x *snapshot) changedBlobs(ctx context.Context, fn func([]Blob) error) error {
	const page = 500
	for after := int64(0); ; {
		rows, err := x.conn.QueryContext(ctx, `SELECT c.id, b.digest, b.size, b.object, b.created_at FROM transfer_changes c
			JOIN blobs b ON b.digest = c.k1
			WHERE c.tbl = 'blobs' AND c.id > ? AND c.id <= ? ORDER BY c.id LIMIT ?`, after, x.lastChange, page)
		if err != nil {
			return err
		}
		var blobs []Blob
		for rows.Next() {
			var b Blob
			var created int64
			if err := rows.Scan(&after, &b.Digest, &b.Size, &b.Object, &created); err != nil {
				rows.Close()
				return err
			}
			b.CreatedAt = toTime(created)
			blobs = append(blobs, b)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if len(blobs) > 0 {
			if err := fn(blobs); err != nil {
				return err
			}
		}
		if len(blobs) < page {
			return nil
		}
	}
}

// page are the rows of a table after a key, of which a page is to be taken.
func (x *snapshot) page(ctx context.Context, tb table, after []json.RawMessage, flags []bool) (*rowSource, error) {
	key, err := decodeKey(after)
	if err != nil {
		return nil, err
	}
	keys := strings.Join(tb.key, ", ")
	query := `SELECT ` + strings.Join(tb.columns, ", ") + ` FROM ` + tb.name
	if len(key) > 0 {
		query += ` WHERE (` + keys + `) > (` + placeholders(len(key)) + `)`
	}
	rows, err := x.conn.QueryContext(ctx, query+` ORDER BY `+keys+` LIMIT ?`, append(key, pageRows)...)
	if err != nil {
		return nil, err
	}
	return &rowSource{rows: rows, flags: flags, keys: len(tb.key), limit: pageBytes}, nil
}

// changed are the rows that were added or changed, up to a key or all; nil if
// there can be none.
func (x *snapshot) changed(ctx context.Context, tb table, upTo []json.RawMessage, all bool,
	flags []bool) (*rowSource, error) {
	columns := join(tb.columns, ", ", "t.%s")
	rows, err := x.changes(ctx, `SELECT `+columns+` FROM transfer_changes c JOIN `+tb.name+` t ON `+onKey(tb), tb, upTo,
		all, "")
	if err != nil || rows == nil {
		return nil, err
	}
	return &rowSource{rows: rows, flags: flags, keys: len(tb.key)}, nil
}

// gone are the keys of changed rows that are no more.
func (x *snapshot) gone(ctx context.Context, tb table, upTo []json.RawMessage, all bool) (*rowSource, error) {
	rows, err := x.changes(ctx, `SELECT `+changeKey(tb)+` FROM transfer_changes c`, tb, upTo, all,
		` AND NOT EXISTS (SELECT 1 FROM `+tb.name+` t WHERE `+onKey(tb)+`)`)
	if err != nil || rows == nil {
		return nil, err
	}
	return &rowSource{rows: rows, keys: len(tb.key)}, nil
}

func (x *snapshot) changes(ctx context.Context, query string, tb table, upTo []json.RawMessage, all bool,
	end string) (*sql.Rows, error) {
	query += ` WHERE c.tbl = ? AND c.id <= ?`
	args := []any{tb.name, x.lastChange}
	if !all {
		key, err := decodeKey(upTo)
		if err != nil || len(key) == 0 {
			return nil, err
		}
		query += ` AND (` + changeKey(tb) + `) <= (` + placeholders(len(key)) + `)`
		args = append(args, key...)
	}
	return x.conn.QueryContext(ctx, query+end, args...)
}

// changeKey are the columns of transfer_changes that hold the key of a table.
func changeKey(tb table) string {
	names := make([]string, len(tb.key))
	for i := range names {
		names[i] = fmt.Sprintf("c.k%d", i+1)
	}
	return strings.Join(names, ", ")
}

func onKey(tb table) string {
	parts := make([]string, len(tb.key))
	for i, column := range tb.key {
		parts[i] = fmt.Sprintf("t.%s = c.k%d", column, i+1)
	}
	return strings.Join(parts, " AND ")
}

func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }
