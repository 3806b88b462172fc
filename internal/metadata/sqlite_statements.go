package metadata

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
)

// preparer is *sql.DB or *sql.Conn.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// statements runs queries by their text and keeps them prepared: the texts
// are constants of this package, so they are few.
//
// Queries run without the caller's context: each is short and bounded, and a
// context that can be cancelled costs the driver a goroutine per query.
type statements struct {
	db       preparer
	dialect  *dialect
	prepared sync.Map // string -> *sql.Stmt
	asked    atomic.Int64
}

func newStatements(db preparer) *statements { return &statements{db: db, dialect: sqliteDialect()} }

func (s *statements) prepare(query string) (*sql.Stmt, error) {
	if st, ok := s.prepared.Load(query); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := s.db.PrepareContext(context.Background(), s.dialect.render(query))
	if err != nil {
		return nil, storageError(err)
	}
	if other, loaded := s.prepared.LoadOrStore(query, st); loaded {
		st.Close()
		return other.(*sql.Stmt), nil
	}
	return st, nil
}

func (s *statements) exec(query string, args ...any) error {
	_, err := s.changed(query, args...)
	return err
}

func (s *statements) changed(query string, args ...any) (int64, error) {
	st, err := s.prepare(query)
	if err != nil {
		return 0, err
	}
	r, err := st.Exec(args...)
	if err != nil {
		return 0, storageError(err)
	}
	return r.RowsAffected()
}

func (s *statements) id(query string, args []any, id *int64) error {
	if err := s.one(query, args, id); err != ErrNotFound {
		return err
	}
	return nil
}

// ahead returns nil: a query costs no round trip here.
func (s *statements) ahead() conn { return nil }

func (s *statements) nextSequence(registry int64) (string, []any) {
	return `UPDATE registries SET sequence = sequence + 1 WHERE id = ? RETURNING sequence`, []any{registry}
}

func (s *statements) raiseSequence(registry, above int64) error {
	return s.exec(`UPDATE registries SET sequence = ?2 WHERE id = ?1 AND sequence < ?2`, registry, above)
}

func (s *statements) one(query string, args []any, dest ...any) error {
	s.asked.Add(1)
	st, err := s.prepare(query)
	if err != nil {
		return err
	}
	err = st.QueryRow(args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return storageError(err)
}

func (s *statements) all(query string, args []any, scan func(row func(dest ...any) error) error) error {
	s.asked.Add(1)
	st, err := s.prepare(query)
	if err != nil {
		return err
	}
	rows, err := st.Query(args...)
	if err != nil {
		return storageError(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows.Scan); err != nil {
			return err
		}
	}
	return storageError(rows.Err())
}
