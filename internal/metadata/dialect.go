package metadata

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// A dialect renders the package's queries for one engine. They are written
// once, in SQL that both engines share, with ? (or ?1, ?2 …) for arguments and
// these words where the engines differ:
//
//	texts(?)     a table of one column, value, from a JSON array of strings
//	IN (SELECT value FROM texts(?))   one of such an array: each is looked up in
//	             the index of the column
//	numbers(?)   the same from a JSON array of whole numbers
//	objects(?)   the same from a JSON array of objects, read with value ->> 'key'
//	object_of(k, v)   an aggregate: the JSON object of the keys and values of all rows
//	joined(t.name)   an aggregate: the names of all rows, with a space between
//	BYTEWISE     orders the text before it by its bytes, as columns are
//	IN ORDER JOIN t a ON …, LEFT IN ORDER JOIN   a join whose tables are visited in the
//	             order written, and whose rows are found by an index on all of
//	             the condition; it must contain no brackets
//	FENCED       at the end of a subquery: look its rows up by all of its condition
//	SHARING p, HOLDING p, LOCKING p, LOCKING b   at the end of a query: lock the rows of
//	             p or b that it found, against deletion, against others who hold
//	             or lock them, or against everything
//	SHARING g, LOCKING g   keep the rows of g from being updated, or locked by others
//	CLAIMING ALONE r   lock the rows of r, but leave out those that are locked
//	CLAIMING r   lock the rows of r, but leave out those that are locked, and share sp
type dialect struct {
	words    *strings.Replacer
	join     string // the aggregate of joined
	numbered bool   // arguments are $1, $2 …
	rendered sync.Map
}

// SQLite has one writer at a time, so it needs no locks. CROSS JOIN makes it
// keep the order of a join.
func sqliteDialect() *dialect {
	return &dialect{join: "group_concat", words: strings.NewReplacer(
		"texts(?", "json_each(?", "numbers(?", "json_each(?", "objects(?", "json_each(?", "object_of(", "json_group_object(",
		" BYTEWISE", "", " FENCED", "", "LEFT IN ORDER JOIN", "LEFT JOIN", "IN ORDER JOIN", "CROSS JOIN",
		"SHARING p", "", "HOLDING p", "", "LOCKING p", "", "LOCKING b", "", "SHARING g", "", "LOCKING g", "",
		"CLAIMING ALONE r", "", "CLAIMING r", "")}
}

func postgresDialect() *dialect {
	// Its texts, numbers and objects are functions that the schema defines.
	return &dialect{numbered: true, join: "string_agg", words: strings.NewReplacer(
		"object_of(", "json_object_agg(", "BYTEWISE", `COLLATE "C"`,
		"FENCED", "OFFSET 0",
		"SHARING p", "FOR KEY SHARE OF p", "HOLDING p", "FOR NO KEY UPDATE OF p", "LOCKING p", "FOR UPDATE OF p",
		"LOCKING b", "FOR UPDATE OF b", "SHARING g", "FOR SHARE OF g", "LOCKING g", "FOR NO KEY UPDATE OF g",
		"CLAIMING ALONE r", "FOR UPDATE OF r SKIP LOCKED",
		"CLAIMING r", "FOR KEY SHARE OF sp FOR UPDATE OF r SKIP LOCKED")}
}

var (
	joined      = regexp.MustCompile(`joined\((\w+\.\w+)\)`)
	inList      = regexp.MustCompile(`IN \(SELECT value FROM (texts|numbers)\((\?\d*)\)\)`)
	inOrderJoin = regexp.MustCompile(`IN ORDER JOIN (\w+) (\w+)\s+ON\s+`)
	joinEnd     = regexp.MustCompile(
		`\s+(LEFT IN ORDER|IN ORDER|LEFT JOIN|JOIN|WHERE|UNION|ORDER BY|GROUP BY|LIMIT|ON CONFLICT|CLAIMING)\b|\)|$`)
)

// render returns the query as the engine wants it. Queries are constants of
// this package, so there are few to remember.
func (d *dialect) render(query string) string {
	if r, ok := d.rendered.Load(query); ok {
		return r.(string)
	}
	r := joined.ReplaceAllString(d.words.Replace(query), d.join+`($1, ' ')`)
	if d.numbered {
		// The planner would make a join of a subquery, and may begin with the
		// larger side.
		r = inList.ReplaceAllString(r, `= ANY (ARRAY (SELECT value FROM $1($2)))`)
		r = fenceJoins(r)
		r = number(r)
	}
	d.rendered.Store(query, r)
	return r
}

// fenceJoins makes each join IN ORDER one with a subquery of its own, which
// OFFSET keeps separate, so that rows are looked up by every part of the
// condition. While a table is empty, a planner takes a part of a key for as
// good as the whole, and keeps such a plan until the table has statistics: by
// then it reads all of a repository for each image.
func fenceJoins(query string) string {
	var b strings.Builder
	for {
		m := inOrderJoin.FindStringSubmatchIndex(query)
		if m == nil {
			b.WriteString(query)
			return b.String()
		}
		table, alias, rest := query[m[2]:m[3]], query[m[4]:m[5]], query[m[1]:]
		end := joinEnd.FindStringIndex(rest)[0]
		b.WriteString(query[:m[0]] + "JOIN LATERAL (SELECT * FROM " + table + " AS " + alias + " WHERE " + rest[:end] +
			" OFFSET 0) AS " + alias + " ON true")
		query = rest[end:]
	}
}

// number makes $1, $2 … of ? and ?1, ?2 …
func number(query string) string {
	var b strings.Builder
	n := 0
	for i := 0; i < len(query); i++ {
		if query[i] != '?' {
			b.WriteByte(query[i])
			continue
		}
		b.WriteByte('$')
		if i+1 == len(query) || query[i+1] < '0' || query[i+1] > '9' {
			n++
			b.WriteString(strconv.Itoa(n))
		}
	}
	return b.String()
}
