package metadata

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Transfer copies a SQLite store, while it is in use, into a PostgreSQL
// database that nobody uses yet.
//
// It goes through the tables in an order in which rows come after those that
// they refer to, and through each in the order of its key. Triggers note the key
// of every row that changes meanwhile. Each step reads one snapshot of the
// source, brings what was copied before up to it, and copies a page more, all in
// one transaction with the note of how far it has come. So the destination is,
// after every step, a part of what the source was at one moment: every
// constraint holds, no snapshot is kept for long, and a transfer that was cut
// off anywhere goes on where it was.
//
// Blobs are the exception: the caller copies their bytes, under new names, and
// adds their rows one by one.
type Transfer struct {
	from   *SQLite
	to     *Postgres
	id     string
	tables []table
	flags  map[string]bool // columns that are boolean in PostgreSQL: table.column

	state transferState
	// copiedChange is the number of the last change that the destination has.
	copiedChange int64
	// Resumed says that an earlier transfer goes on.
	Resumed bool
}

// MigrationLease is the name of the row of leases that a transfer has in both
// databases, with the transfer's id as its holder. In the destination it is
// there until the transfer has ended: no server may use the database before.
const MigrationLease = "migration"

// transferState is how far a transfer has come, kept in the destination.
type transferState struct {
	Blobs string `json:"blobs"` // where their bytes go
	// Table is the number of the table that is being copied, After the last key
	// of it that was, as JSON.
	Table    int               `json:"table"`
	After    []json.RawMessage `json:"after,omitempty"`
	Complete bool              `json:"complete,omitempty"`
}

// transferred are the tables that are copied, each after those that it refers
// to. Not copied are uploads, peer_parts, garbage and damaged, which are about bytes
// that stay where they are, and leases.
var transferred = []string{
	"blobs", "registries", "repositories", "resource_tags", "layers", "manifests", "manifest_references", "tags",
	"replications", "tag_watermarks", "image_sources", "damaged_layers", "sessions", "replication_statistics",
	"replication_retries", "deployment", "peers", "peer_invitations", "peer_layers", "peer_positions",
	"lifecycle_policies", "lifecycle_evaluations", "lifecycle_marks", "creation_templates",
	"replication_backfills", "replication_backfill_images",
	"iam_accounts", "iam_aliases", "iam_principals", "iam_members", "iam_attachments", "iam_policies",
	"iam_policy_versions", "iam_access_keys", "iam_access_key_uses",
}

// notTransferred are columns that only SQLite has, and the names of objects,
// which are others in the destination.
var notTransferred = []string{"registries.sequence", "blobs.object"}

type table struct {
	name         string
	key, columns []string // columns with the key's, which come first
	numbered     bool     // the key is a number that the database gives
}

// errNotEmpty says that the destination cannot be used.
func errNotEmpty(what string) error {
	return fmt.Errorf("the database is not empty (%s): use one that no server was started on", what)
}

// NewTransfer begins a transfer, or goes on with the one that was begun between
// these two. blobs names the place where the caller puts the bytes of blobs.
func NewTransfer(ctx context.Context, from *SQLite, to *Postgres, blobs string) (*Transfer, error) {
	t := &Transfer{from: from, to: to, flags: map[string]bool{}}
	if err := t.readTables(ctx); err != nil {
		return nil, err
	}
	here, err := from.Read(ctx).Leases().Get(MigrationLease)
	if err != nil {
		return nil, err
	}
	there, err := to.Read(ctx).Leases().Get(MigrationLease)
	if err != nil {
		return nil, err
	}
	switch {
	case there.Holder == "":
		return t, t.begin(ctx, blobs)
	case there.Holder != here.Holder:
		return nil, errNotEmpty("another migration into it was begun and has not ended")
	}
	if watched, err := from.watched(ctx, t.tables); err != nil {
		return nil, err
	} else if !watched {
		return nil, errors.New("another version of the program began this migration, and did not watch all that is to be " +
			"copied: run migrate --cancel, and begin anew with an empty database")
	}
	t.id, t.Resumed = here.Holder, true
	if err := json.Unmarshal([]byte(there.Progress), &t.state); err != nil {
		return nil, fmt.Errorf("read how far the migration has come: %w", err)
	}
	if t.state.Blobs != blobs {
		return nil, fmt.Errorf("the migration that was begun puts blobs into %s, not %s: go on with that, or begin anew "+
			"with an empty database", t.state.Blobs, blobs)
	}
	// It was not ended, so what came after it is to be copied too.
	t.state.Complete = false
	return t, nil
}

func (t *Transfer) readTables(ctx context.Context) error {
	for _, name := range transferred {
		tb := table{name: name}
		keys := map[int]string{}
		rows, err := t.from.readers.QueryContext(ctx, `SELECT name, type, pk FROM pragma_table_info(?)`, name)
		if err != nil {
			return err
		}
		for rows.Next() {
			var column, kind string
			var place int
			if err := rows.Scan(&column, &kind, &place); err != nil {
				rows.Close()
				return err
			}
			switch {
			case place > 0:
				keys[place] = column
				tb.numbered = column == "id" && kind == "INTEGER"
			case !slices.Contains(notTransferred, name+"."+column):
				tb.columns = append(tb.columns, column)
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for i := range len(keys) {
			tb.key = append(tb.key, keys[i+1])
		}
		tb.columns = append(slices.Clone(tb.key), tb.columns...)
		t.tables = append(t.tables, tb)
	}
	rows, err := t.to.pool.Query(ctx, `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND data_type = 'boolean'`)
	if err != nil {
		return postgresError(err)
	}
	flags, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, column := range flags {
		t.flags[column] = true
	}
	return postgresError(err)
}

// begin begins in the source. If it is cut off after that, the destination
// knows nothing, and the next attempt begins again.
func (t *Transfer) begin(ctx context.Context, blobs string) error {
	for _, name := range append([]string{"uploads", "garbage", "damaged"}, transferred...) {
		var some bool
		if err := t.to.pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM `+name+`)`).Scan(&some); err != nil {
			return fmt.Errorf("look whether the database is empty: %w", postgresError(err))
		}
		if some {
			return errNotEmpty("there are " + strings.ReplaceAll(name, "_", " "))
		}
	}
	t.id, t.state = uuid.NewString(), transferState{Blobs: blobs}
	if err := t.from.watch(ctx, t.id, t.tables); err != nil {
		return fmt.Errorf("begin to watch what changes: %w", err)
	}
	progress, err := json.Marshal(t.state)
	if err != nil {
		return err
	}
	tag, err := t.to.pool.Exec(ctx, `INSERT INTO leases (name, holder, beat, progress) VALUES ($1, $2, 1, $3)
		ON CONFLICT (name) DO UPDATE
		SET holder = excluded.holder, beat = leases.beat + 1, progress = excluded.progress
		WHERE leases.holder = ''`, MigrationLease, t.id, progress)
	if err == nil && tag.RowsAffected() == 0 {
		return errNotEmpty("another migration into it has just begun")
	}
	return postgresError(err)
}

// Contents counts what a copy of the store has to copy: blobs with their bytes,
// and the rows of other tables.
func (q Upkeep) Contents() (blobs, bytes, rows int64, err error) {
	if err := q.conn.one(`SELECT count(*), coalesce(sum(size), 0) FROM blobs`, nil, &blobs, &bytes); err != nil {
		return 0, 0, 0, err
	}
	for _, name := range transferred {
		var n int64
		if err := q.conn.one(`SELECT count(*) FROM `+name, nil, &n); err != nil {
			return 0, 0, 0, err
		}
		rows += n
	}
	return blobs, bytes, rows - blobs, nil
}

// MissingBlobs returns those of the blobs that the destination does not have.
func (t *Transfer) MissingBlobs(ctx context.Context, blobs []Blob) ([]Blob, error) {
	digests := make([]string, len(blobs))
	for i, b := range blobs {
		digests[i] = b.Digest
	}
	rows, err := t.to.pool.Query(ctx, `SELECT digest FROM blobs WHERE digest = ANY ($1)`, digests)
	if err != nil {
		return nil, postgresError(err)
	}
	have, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, postgresError(err)
	}
	known := make(map[string]bool, len(have))
	for _, d := range have {
		known[d] = true
	}
	return slices.DeleteFunc(slices.Clone(blobs), func(b Blob) bool { return known[b.Digest] }), nil
}

// AddBlob records that a blob's bytes are in the destination's object, also in
// place of another.
func (t *Transfer) AddBlob(ctx context.Context, b Blob, object string) error {
	_, err := t.to.pool.Exec(ctx, `INSERT INTO blobs (digest, size, created_at, object) VALUES ($1, $2, $3, $4)
		ON CONFLICT (digest) DO UPDATE SET object = excluded.object`,
		b.Digest, b.Size, fromTime(b.CreatedAt), object)
	return postgresError(err)
}

// Objects are the destination's blobs in the order of their objects' names,
// after the given one.
func (t *Transfer) Objects(ctx context.Context, after string, limit int) ([]Blob, error) {
	return t.to.Read(ctx).Damage().BlobsByObject(after, limit)
}

// CopyBlobs copies the bytes of those of the blobs that the destination does
// not have.
type CopyBlobs func(context.Context, []Blob) error

// ChangedBlobs copies the blobs that came since the last step. A step does so
// too; but the fewer are left for it, the shorter it keeps a snapshot.
func (t *Transfer) ChangedBlobs(ctx context.Context, copyBlobs CopyBlobs) error {
	s, err := t.from.snapshot(ctx)
	if err != nil {
		return err
	}
	var blobs []Blob
	err = s.changedBlobs(ctx, func(page []Blob) error {
		blobs = append(blobs, page...)
		return nil
	})
	s.close()
	if err != nil {
		return err
	}
	return copyBlobs(ctx, blobs)
}

const (
	// A page of rows to copy ends at this many, or when it has this many bytes.
	pageRows  = 10000
	pageBytes = 8 << 20
)

// CopyPage does a step: how many rows it copied, and whether all tables are
// copied now.
func (t *Transfer) CopyPage(ctx context.Context, copyBlobs CopyBlobs) (rows int64, done bool, err error) {
	err = t.stepAndForget(ctx, copyBlobs, func(s *snapshot, tx pgx.Tx) error {
		for t.state.Table < len(t.tables) && rows < pageRows {
			n, err := t.copyRows(ctx, s, tx, t.tables[t.state.Table])
			if err != nil {
				return err
			}
			rows += n
		}
		return nil
	})
	return rows, t.state.Table >= len(t.tables), err
}

// copyRows copies rows of the table that is being copied, as many as make a page.
func (t *Transfer) copyRows(ctx context.Context, s *snapshot, tx pgx.Tx, tb table) (rows int64, err error) {
	if tb.name == "blobs" { // see AddBlob
		t.state.Table, t.state.After = t.state.Table+1, nil
		return 0, nil
	}
	source, err := s.page(ctx, tb, t.state.After, t.flagsOf(tb))
	if err != nil {
		return 0, err
	}
	defer source.rows.Close()
	if rows, err = tx.CopyFrom(ctx, pgx.Identifier{tb.name}, tb.columns, source); err != nil {
		return 0, fmt.Errorf("copy rows of %s: %w", tb.name, err)
	}
	switch {
	case source.ended && rows < pageRows:
		t.state.Table, t.state.After = t.state.Table+1, nil
	case source.last != nil:
		if t.state.After, err = encodeKey(source.last); err != nil {
			return 0, err
		}
	}
	return rows, nil
}

// CatchUp copies what has changed, and returns how many rows that were. Forget
// must be called afterwards; it waits for the writer.
func (t *Transfer) CatchUp(ctx context.Context, copyBlobs CopyBlobs) (changes int64, err error) {
	return t.step(ctx, copyBlobs, func(*snapshot, pgx.Tx) error { return nil })
}

// Compare catches up, and then compares how many rows each table has in both.
func (t *Transfer) Compare(ctx context.Context, copyBlobs CopyBlobs) error {
	return t.stepAndForget(ctx, copyBlobs, func(s *snapshot, tx pgx.Tx) error {
		for _, tb := range t.tables {
			count := `SELECT count(*) FROM ` + tb.name
			var here, there int64
			if err := s.conn.QueryRowContext(ctx, count).Scan(&here); err != nil {
				return err
			}
			if err := tx.QueryRow(ctx, count).Scan(&there); err != nil {
				return err
			}
			if here != there {
				return fmt.Errorf("the table %s has %d rows, and its copy %d: the copy is not usable; begin anew with an empty "+
					"database (run migrate --cancel first)", tb.name, here, there)
			}
		}
		return nil
	})
}

// Finish does the last step, while the source is held. Then the destination has
// all that the source has, and its sequences begin above all numbers that the
// source has used.
func (t *Transfer) Finish(ctx context.Context, copyBlobs CopyBlobs) (changes int64, err error) {
	return t.step(ctx, copyBlobs, func(s *snapshot, tx pgx.Tx) error {
		if t.state.Table < len(t.tables) {
			return errors.New("not all tables are copied")
		}
		last, err := s.number(ctx, `SELECT max(n) FROM (SELECT max(sequence) AS n FROM registries
			UNION ALL SELECT max(sequence) FROM tags
			UNION ALL SELECT max(sequence) FROM replications UNION ALL SELECT max(sequence) FROM tag_watermarks)`)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT setval('tag_changes', $1)`, max(last, 1)); err != nil {
			return err
		}
		for _, tb := range t.tables {
			if !tb.numbered {
				continue
			}
			// Ids of rows that are gone are not used again, where SQLite knows them.
			last, err := s.number(ctx, `SELECT max(n) FROM (SELECT max(id) AS n FROM `+tb.name+` UNION ALL SELECT max(seq)
				FROM sqlite_sequence WHERE name = ?)`, tb.name)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `SELECT setval(pg_get_serial_sequence($1, 'id'), $2)`, tb.name, max(last, 1)); err != nil {
				return err
			}
		}
		t.state.Complete = true
		return nil
	})
}

// End lets servers use the destination. The source is left as it is: it is not
// to be used any more.
func (t *Transfer) End(ctx context.Context) error { return t.to.EndMigration(ctx, t.id) }

// EndMigration lets servers use the database into which the migration with the
// id has moved.
func (s *Postgres) EndMigration(ctx context.Context, id string) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM leases WHERE name = $1 AND holder = $2`, MigrationLease, id)
	return postgresError(err)
}

// ID names the transfer.
func (t *Transfer) ID() string { return t.id }

func (t *Transfer) flagsOf(tb table) []bool {
	flags := make([]bool, len(tb.columns))
	for i, column := range tb.columns {
		flags[i] = t.flags[tb.name+"."+column]
	}
	return flags
}

// step updates what is copied to a snapshot of the source, and then runs then,
// in one transaction. After an error the state may be ahead of what the
// destination has: the transfer must be opened anew.
func (t *Transfer) step(ctx context.Context, copyBlobs CopyBlobs,
	then func(*snapshot, pgx.Tx) error) (changes int64, err error) {
	s, err := t.from.snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer s.close()
	if err := s.changedBlobs(ctx, func(page []Blob) error { return copyBlobs(ctx, page) }); err != nil {
		return 0, err
	}
	err = t.inTransaction(ctx, func(tx pgx.Tx) error {
		changes = 0
		if s.lastChange > 0 {
			for i, tb := range slices.Backward(t.tables[:t.copied()]) {
				n, err := t.deleteRows(ctx, tx, s, i, tb)
				if err != nil {
					return fmt.Errorf("delete rows of %s: %w", tb.name, err)
				}
				changes += n
			}
			for i, tb := range t.tables[:t.copied()] {
				n, err := t.mergeRows(ctx, tx, s, i, tb)
				if err != nil {
					return fmt.Errorf("copy rows of %s: %w", tb.name, err)
				}
				changes += n
			}
		}
		if err := then(s, tx); err != nil {
			return err
		}
		return t.save(ctx, tx)
	})
	if err != nil {
		return 0, err
	}
	t.copiedChange = s.lastChange
	return changes, nil
}

// Forget makes the source forget the changes that have been copied. Those that it
// remembers would be copied again.
func (t *Transfer) Forget(ctx context.Context) error {
	return t.from.forgetChanges(ctx, t.copiedChange)
}

// stepAndForget does both.
func (t *Transfer) stepAndForget(ctx context.Context, copyBlobs CopyBlobs, then func(*snapshot, pgx.Tx) error) error {
	if _, err := t.step(ctx, copyBlobs, then); err != nil {
		return err
	}
	return t.Forget(ctx)
}

// copied is how many tables were copied, with the one that is being.
func (t *Transfer) copied() int { return min(t.state.Table+1, len(t.tables)) }

// upTo is the last key of the table that was copied; nil if all of it was, and
// empty if nothing was.
func (t *Transfer) upTo(i int) ([]json.RawMessage, bool) {
	if i < t.state.Table || t.tables[i].name == "blobs" {
		return nil, true
	}
	return t.state.After, false
}

// inTransaction runs fn with the destination's row of the transfer locked.
func (t *Transfer) inTransaction(ctx context.Context, fn func(pgx.Tx) error) error {
	tx, err := t.to.pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", postgresError(err))
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after a commit it does nothing
	// Pages and counts may take longer than the queries of requests.
	if _, err := tx.Exec(
		ctx, `SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
		return postgresError(err)
	}
	var holder string
	err = tx.QueryRow(ctx, `SELECT holder FROM leases WHERE name = $1 FOR UPDATE`, MigrationLease).Scan(&holder)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && holder != t.id {
		return errors.New("the database is not this migration's any more: another has ended it or taken its place")
	}
	if err == nil {
		err = fn(tx)
	}
	if err == nil {
		err = tx.Commit(ctx)
	}
	return postgresError(err)
}

func (t *Transfer) save(ctx context.Context, tx pgx.Tx) error {
	progress, err := json.Marshal(t.state)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE leases SET beat = beat + 1, progress = $2 WHERE name = $1`, MigrationLease, progress)
	return err
}

// deleteRows deletes the rows that are gone in the source.
func (t *Transfer) deleteRows(ctx context.Context, tx pgx.Tx, s *snapshot, i int, tb table) (int64, error) {
	after, all := t.upTo(i)
	source, err := s.gone(ctx, tb, after, all)
	if err != nil || source == nil {
		return 0, err
	}
	defer source.rows.Close()
	n, err := stage(ctx, tx, tb.name, tb.key, source)
	if err != nil || n == 0 {
		return 0, err
	}
	_, err = tx.Exec(ctx, `DELETE FROM `+tb.name+` AS t USING incoming_`+tb.name+` AS i WHERE `+
		join(tb.key, " AND ", "t.%s = i.%[1]s"))
	return n, err
}

// mergeRows copies the rows that were added or changed.
func (t *Transfer) mergeRows(ctx context.Context, tx pgx.Tx, s *snapshot, i int, tb table) (int64, error) {
	after, all := t.upTo(i)
	source, err := s.changed(ctx, tb, after, all, t.flagsOf(tb))
	if err != nil || source == nil {
		return 0, err
	}
	defer source.rows.Close()
	n, err := stage(ctx, tx, tb.name, tb.columns, source)
	if err != nil || n == 0 {
		return 0, err
	}
	facts := tb.columns[len(tb.key):]
	if tb.name == "blobs" {
		tag, err := tx.Exec(ctx, `UPDATE blobs AS t SET `+join(facts, ", ", "%s = i.%[1]s")+
			` FROM incoming_blobs AS i WHERE t.digest = i.digest`)
		if err == nil && tag.RowsAffected() != n {
			err = fmt.Errorf("of %d blobs that changed, the copy has only %d", n, tag.RowsAffected())
		}
		return n, err
	}
	columns := strings.Join(tb.columns, ", ")
	_, err = tx.Exec(ctx, `INSERT INTO `+tb.name+` (`+columns+`) SELECT `+columns+` FROM incoming_`+tb.name+`
		ON CONFLICT (`+strings.Join(tb.key, ", ")+`) DO UPDATE SET `+join(facts, ", ", "%s = excluded.%[1]s"))
	return n, err
}

// stage puts rows into a temporary table, incoming_ and the name, if there are
// any: most tables have no changes in a step. Each has its own: the driver remembers
// the types of columns by the text of what it asks.
func stage(ctx context.Context, tx pgx.Tx, name string, columns []string, source *rowSource) (int64, error) {
	if !source.Next() {
		return 0, source.Err()
	}
	source.again = true
	// Without arguments both go in one round trip.
	if _, err := tx.Exec(ctx, `DROP TABLE IF EXISTS pg_temp.incoming_`+name+`; CREATE TEMPORARY TABLE incoming_`+name+
		` ON COMMIT DROP AS SELECT `+strings.Join(columns, ", ")+` FROM `+name+` WITH NO DATA`); err != nil {
		return 0, err
	}
	return tx.CopyFrom(ctx, pgx.Identifier{"incoming_" + name}, columns, source)
}

// join formats each of the names and joins them.
func join(names []string, separator, format string) string {
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = fmt.Sprintf(format, name)
	}
	return strings.Join(parts, separator)
}

func encodeKey(key []any) ([]json.RawMessage, error) {
	parts := make([]json.RawMessage, len(key))
	for i, k := range key {
		text, err := json.Marshal(k)
		if err != nil {
			return nil, err
		}
		parts[i] = text
	}
	return parts, nil
}

// decodeKey gives the numbers and texts of a key.
func decodeKey(parts []json.RawMessage) ([]any, error) {
	key := make([]any, len(parts))
	for i, p := range parts {
		var n int64
		if json.Unmarshal(p, &n) == nil {
			key[i] = n
			continue
		}
		var text string
		if err := json.Unmarshal(p, &text); err != nil {
			return nil, fmt.Errorf("read a key: %w", err)
		}
		key[i] = text
	}
	return key, nil
}

var _ pgx.CopyFromSource = (*rowSource)(nil)

// rowSource hands rows of the source over.
type rowSource struct {
	rows  *sql.Rows
	flags []bool // numbers that are truth values; may be shorter
	keys  int    // how many columns are the key
	limit int    // of bytes; 0 for none

	again  bool // Next gives the row once more that it has given
	values []any
	bytes  int
	last   []any // the last row's key
	ended  bool  // there are no more rows
	err    error
}

func (r *rowSource) Next() bool {
	if r.again {
		r.again = false
		return true
	}
	if r.limit > 0 && r.bytes >= r.limit {
		return false
	}
	if !r.rows.Next() {
		r.ended, r.err = true, r.rows.Err()
		return false
	}
	columns, err := r.rows.Columns()
	if err != nil {
		r.err = err
		return false
	}
	r.values = make([]any, len(columns))
	into := make([]any, len(columns))
	for i := range into {
		into[i] = &r.values[i]
	}
	if r.err = r.rows.Scan(into...); r.err != nil {
		return false
	}
	for i, v := range r.values {
		switch v := v.(type) {
		case string:
			r.bytes += len(v)
		case []byte:
			if v == nil { // so the driver hands an empty one over; no column may be null
				r.values[i] = []byte{}
			}
			r.bytes += len(v)
		case int64:
			if i < len(r.flags) && r.flags[i] {
				r.values[i] = v != 0
			}
		}
	}
	r.last = r.values[:r.keys]
	return true
}

func (r *rowSource) Values() ([]any, error) { return r.values, nil }
func (r *rowSource) Err() error             { return r.err }
