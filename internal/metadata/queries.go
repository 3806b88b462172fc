package metadata

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// Queries are the reads of the store, by subject. Each method of a subject is one
// statement.
type Queries struct{ conn conn }

// conn runs queries of the package, given by their text.
type conn interface {
	// one scans the only row of a query: ErrNotFound if there is none.
	one(query string, args []any, dest ...any) error
	// all calls scan for each row of a query.
	all(query string, args []any, scan func(row func(dest ...any) error) error) error
	// changed runs a statement and returns how many rows it changed.
	changed(query string, args ...any) (int64, error)
	// exec runs a statement whose result nobody needs: at once, or together
	// with the next one. Then it may return the error of an earlier one, and
	// its own error ends the transaction.
	exec(query string, args ...any) error
	// id is exec of a statement that returns a number, which may not be known
	// before the transaction is committed.
	id(query string, args []any, id *int64) error
	// ahead returns a conn that records the reads that are asked of it, to send
	// them along with the next statement; nil if that gains nothing.
	ahead() conn
	// nextSequence is the query that numbers a tag change of a registry.
	nextSequence(registry int64) (query string, args []any)
	// raiseSequence makes the next number of a registry higher than above.
	raiseSequence(registry, above int64) error
}

// The queries of each subject.

func (q *Queries) Registries() Registries               { return Registries{q.conn} }
func (q *Queries) Repositories() Repositories           { return Repositories{q.conn} }
func (q *Queries) Images() Images                       { return Images{q.conn} }
func (q *Queries) Tags() Tags                           { return Tags{q.conn} }
func (q *Queries) Layers() Layers                       { return Layers{q.conn} }
func (q *Queries) Uploads() Uploads                     { return Uploads{q.conn} }
func (q *Queries) Replications() Replications           { return Replications{q.conn} }
func (q *Queries) Deletions() Deletions                 { return Deletions{q.conn} }
func (q *Queries) Sessions() Sessions                   { return Sessions{q.conn} }
func (q *Queries) Leases() Leases                       { return Leases{q.conn} }
func (q *Queries) Usage() Usage                         { return Usage{q.conn} }
func (q *Queries) Lifecycle() Lifecycle                 { return Lifecycle{q.conn} }
func (q *Queries) Peers() Peers                         { return Peers{q.conn} }
func (q *Queries) CreationTemplates() CreationTemplates { return CreationTemplates{q.conn} }
func (q *Queries) PeerLayers() PeerLayers               { return PeerLayers{q.conn} }
func (q *Queries) PeerParts() PeerParts                 { return PeerParts{q.conn} }
func (q *Queries) PeerPositions() PeerPositions         { return PeerPositions{q.conn} }
func (q *Queries) Upkeep() Upkeep                       { return Upkeep{q.conn} }
func (q *Queries) Damage() Damage                       { return Damage{q.conn} }
func (q *Queries) Backfills() Backfills                 { return Backfills{q.conn} }
func (q *Queries) Identities() Identities               { return Identities{q.conn} }
func (q *Queries) ManagedPolicies() ManagedPolicies     { return ManagedPolicies{q.conn} }
func (q *Queries) AccessKeys() AccessKeys               { return AccessKeys{q.conn} }

// stringsOf returns the only column of a query.
func stringsOf(c conn, query string, args ...any) (all []string, err error) {
	err = c.all(query, args, func(scan func(dest ...any) error) error {
		var s string
		err := scan(&s)
		all = append(all, s)
		return err
	})
	return all, err
}

// The store's times are microseconds since 1970.

func toTime(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

func fromTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// list encodes strings for texts(?), so that one prepared statement serves
// lists of any length.
func list(items []string) string {
	if len(items) == 0 {
		return "[]"
	}
	clean := make([]string, len(items)) // JSON would hand a zero byte over all the same
	for i, item := range items {
		clean[i] = storable(item)
	}
	return encoded(clean)
}

// encoded is the JSON of rows for texts(?), numbers(?) and objects(?): a slice of strings,
// numbers, or structs of those, which always marshal.
func encoded(rows any) string {
	b, err := json.Marshal(rows)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// storable returns the text with U+FFFD for what PostgreSQL does not take as
// text: zero bytes, and bytes that are not UTF-8. Clients may send them where
// they may send any text.
func storable(s string) string {
	if !strings.Contains(s, "\x00") && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
