package metadata

import (
	"context"
	"database/sql"
	"fmt"
	"runtime/debug"
)

// maxGroup bounds how many updates share one transaction, and so how long the
// first of them waits.
const maxGroup = 32

// kept is how many places of a group UpdateFirst leaves to Update: however
// much was begun and is to be finished, taking in more does not come to rest.
const kept = maxGroup / 4

// Tx is a write transaction. It is only valid inside the function that
// Update calls.
type Tx struct {
	*Queries
	stale    staleFacts
	onCommit []func()
}

// OnCommit runs f after the transaction is durable and before Update returns.
// It is not run if the transaction fails. f must not block.
func (tx *Tx) OnCommit(f func()) { tx.onCommit = append(tx.onCommit, f) }

// Attempt runs fn; if it fails, what it changed is undone and the transaction
// goes on. Attempts do not nest.
func (tx *Tx) Attempt(fn func() error) error {
	if _, err := tx.conn.exec("SAVEPOINT attempt"); err != nil {
		return err
	}
	hooks := len(tx.onCommit)
	failed := fn()
	if failed != nil {
		if breaksTransaction(failed) {
			return failed // there may be nothing left to roll back to
		}
		tx.onCommit = tx.onCommit[:hooks]
		if _, err := tx.conn.exec("ROLLBACK TO attempt"); err != nil {
			return err
		}
	}
	if _, err := tx.conn.exec("RELEASE attempt"); err != nil {
		return err
	}
	return failed
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
	return s.enqueue(ctx, s.updates, fn)
}

// UpdateFirst is Update for work that follows from what is committed: it goes
// before the updates that wait, so that finishing what was begun never queues
// behind taking in more. A part of each commit is kept for these all the same.
func (s *Store) UpdateFirst(ctx context.Context, fn func(*Tx) error) error {
	return s.enqueue(ctx, s.first, fn)
}

func (s *Store) enqueue(ctx context.Context, queue chan<- *update, fn func(*Tx) error) error {
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
	case queue <- u:
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
		group = s.gather(group[:0])
		if len(group) == 0 {
			return
		}
		s.commit(w, group)
		select {
		case s.committed <- struct{}{}:
		default:
		}
		s.restart(conn)
	}
}

// gather waits for updates and returns those to commit together: none when the
// store is closing and all that was queued before is done.
func (s *Store) gather(group []*update) []*update {
	select {
	case u := <-s.first:
		group = append(group, u)
	case u := <-s.updates:
		group = append(group, u)
	case <-s.closing:
	}
	for len(group) < maxGroup {
		queue, other := s.first, s.updates
		if len(group) >= maxGroup-kept {
			queue, other = other, queue
		}
		var u *update
		select {
		case u = <-queue:
		default:
			select {
			case u = <-other:
			default:
				return group
			}
		}
		group = append(group, u)
	}
	return group
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
	var stale staleFacts
	for _, u := range group {
		if u.err == nil {
			stale.add(&u.tx.stale)
		}
	}
	s.cache.beginCommit(stale)
	defer s.cache.endCommit()
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
