package metadata

import (
	"context"
	"database/sql"
	"fmt"
	"runtime/debug"
)

// maxGroup bounds how many updates share one transaction, and so how long the
// first of them waits.
const maxGroup = 128

// Tx is a write transaction. It is only valid inside the function that
// Update calls.
type Tx struct {
	*Queries
	touched  []repositoryKey
	all      bool
	onCommit []func()
}

// OnCommit runs f after the transaction is durable and before Update returns.
// It is not run if the transaction fails. f must not block.
func (tx *Tx) OnCommit(f func()) { tx.onCommit = append(tx.onCommit, f) }

// touch says that cached facts of a repository change with this transaction.
func (tx *Tx) touch(account, region, name string) {
	tx.touched = append(tx.touched, repositoryKey{account, region, name})
}

type update struct {
	fn   func(*Tx) error
	tx   Tx
	err  error
	done chan struct{}
}

// Update runs fn in a write transaction and returns when it is durable, or
// with fn's error and nothing changed. fn must be quick and must not wait for
// anything but the transaction: updates of many callers run one after the
// other and are committed together.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	u := &update{fn: fn, done: make(chan struct{})}
	select {
	case <-s.closing:
		return ErrClosed
	default:
	}
	select {
	case s.updates <- u:
	case <-s.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	// Once queued, the outcome is awaited even if the caller has gone: what
	// it was told must be what happened.
	select {
	case <-u.done:
		return u.err
	case <-s.done:
		// The writer has ended; it may still have answered this update.
		select {
		case <-u.done:
			return u.err
		default:
			return ErrClosed
		}
	}
}

// write is the writer: it takes whatever updates are waiting and commits them
// as one group. While it waits for the disk, the next group gathers.
func (s *Store) write(conn *sql.Conn) {
	defer close(s.done)
	defer conn.Close()
	w := newStatements(conn)
	group := make([]*update, 0, maxGroup)
	for {
		group = group[:0]
		select {
		case u := <-s.updates:
			group = append(group, u)
		case <-s.closing:
			// Serve what was queued before the close.
			select {
			case u := <-s.updates:
				group = append(group, u)
			default:
				return
			}
		}
	gather:
		for len(group) < maxGroup {
			select {
			case u := <-s.updates:
				group = append(group, u)
			default:
				break gather
			}
		}
		s.commit(w, group)
	}
}

func (s *Store) commit(w *statements, group []*update) {
	err := s.runGroup(w, group)
	if err != nil {
		// Whatever state the connection is in, the next group starts afresh.
		_, _ = w.exec("ROLLBACK")
	}
	for _, u := range group {
		if err != nil {
			u.err = err
		}
		if u.err == nil {
			s.cache.drop(u.tx.touched, u.tx.all)
			for _, f := range u.tx.onCommit {
				f()
			}
		}
		close(u.done)
	}
}

func (s *Store) runGroup(w *statements, group []*update) error {
	if _, err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin a transaction: %w", storageError(err))
	}
	for _, u := range group {
		if _, err := w.exec("SAVEPOINT one"); err != nil {
			return fmt.Errorf("begin an update: %w", storageError(err))
		}
		u.tx.Queries = &Queries{conn: w}
		u.err = run(u)
		if u.err != nil {
			if breaksTransaction(u.err) {
				return storageError(u.err)
			}
			if _, err := w.exec("ROLLBACK TO one"); err != nil {
				return fmt.Errorf("undo an update: %w", storageError(err))
			}
		}
		if _, err := w.exec("RELEASE one"); err != nil {
			return fmt.Errorf("end an update: %w", storageError(err))
		}
	}
	if _, err := w.exec("COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", storageError(err))
	}
	return nil
}

// run keeps a panic in one caller's function from ending the writer.
func run(u *update) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in an update: %v\n%s", p, debug.Stack())
		}
	}()
	return u.fn(&u.tx)
}
