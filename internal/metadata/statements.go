package metadata

import (
	"context"
	"database/sql"
	"errors"
	"sync"
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
	prepared sync.Map // string -> *sql.Stmt
}

func newStatements(db preparer) *statements { return &statements{db: db} }

func (s *statements) prepare(query string) (*sql.Stmt, error) {
	if st, ok := s.prepared.Load(query); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := s.db.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	if other, loaded := s.prepared.LoadOrStore(query, st); loaded {
		st.Close()
		return other.(*sql.Stmt), nil
	}
	return st, nil
}

func (s *statements) exec(query string, args ...any) (sql.Result, error) {
	st, err := s.prepare(query)
	if err != nil {
		return nil, err
	}
	return st.Exec(args...)
}

// changed runs a statement and reports whether it changed any row.
func (s *statements) changed(query string, args ...any) (bool, error) {
	r, err := s.exec(query, args...)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// one scans the only row of a query: ErrNotFound if there is none.
func (s *statements) one(query string, args []any, dest ...any) error {
	st, err := s.prepare(query)
	if err != nil {
		return err
	}
	err = st.QueryRow(args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// all calls scan for each row of a query.
func (s *statements) all(query string, args []any, scan func(row func(dest ...any) error) error) error {
	st, err := s.prepare(query)
	if err != nil {
		return err
	}
	rows, err := st.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
