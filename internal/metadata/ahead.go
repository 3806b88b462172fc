package metadata

// Answer is what a read that was asked has to say.
type Answer[T any] struct {
	q    *Queries
	read func(*Queries) (T, error)
}

// Ask asks a read, whose answer is taken later, by Get. It is sent along with the
// next statement, so reads that are asked one after the other cost one round trip
// together, where a round trip costs something. read asks the same each time.
func Ask[T any](q *Queries, read func(*Queries) (T, error)) Answer[T] {
	q.ahead(func(q *Queries) { _, _ = read(q) })
	return Answer[T]{q, read}
}

// Get returns the answer. It may be called once.
func (a Answer[T]) Get() (T, error) { return a.read(a.q) }

// ahead sends the reads that ask makes along with the next statement. ask cannot
// use their results. When the same reads are made again with the same arguments,
// they are answered from what came with that statement, once each.
func (q *Queries) ahead(ask func(q *Queries)) {
	if a := q.conn.ahead(); a != nil {
		ask(&Queries{conn: a})
	}
}
