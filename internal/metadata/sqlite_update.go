package metadata

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// maxGroup bounds how many updates share one transaction, and so how long the
// first of them waits.
const maxGroup = 32

// updateShare is how many updates of each group are reserved for Update.
// UpdateFirst goes before it otherwise, but must not stop it.
const updateShare = maxGroup / 4

type update struct {
	fn   func(*Tx) error
	tx   Tx
	err  error
	done chan struct{}
}

func (s *SQLite) Update(ctx context.Context, fn func(*Tx) error) error {
	return s.enqueue(ctx, s.updates, fn)
}

func (s *SQLite) UpdateFirst(ctx context.Context, fn func(*Tx) error) error {
	return s.enqueue(ctx, s.first, fn)
}

// Hold stops the writer before its next group: updates wait, and reads see all
// that was committed. release lets them go on or, with moved, refuses them and
// all that come later with ErrMoved. The store must not be closed before.
func (s *SQLite) Hold(ctx context.Context) (release func(moved bool), err error) {
	end := make(chan bool, 1)
	select {
	case s.holds <- end:
		var once sync.Once
		return func(moved bool) { once.Do(func() { end <- moved }) }, nil
	case <-s.closing:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *SQLite) enqueue(ctx context.Context, queue chan<- *update, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.lock == nil {
		return errReadOnly
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
	// An update that is queued is waited for even if the caller has gone: the
	// answer must be what happened.
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
func (s *SQLite) write(conn *sql.Conn) {
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
func (s *SQLite) gather(group []*update) []*update {
wait:
	for len(group) == 0 {
		// Who holds comes before the updates that wait.
		select {
		case end := <-s.holds:
			s.moved = <-end
			continue
		default:
		}
		select {
		case u := <-s.first:
			group = append(group, u)
		case u := <-s.updates:
			group = append(group, u)
		case end := <-s.holds:
			s.moved = <-end
		case <-s.closing:
			break wait
		}
	}
	for len(group) < maxGroup {
		queue, other := s.first, s.updates
		if len(group) >= maxGroup-updateShare {
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

func (s *SQLite) commit(w *statements, group []*update) {
	var err error
	if s.moved {
		err = ErrMoved
	} else if err = s.runGroup(w, group); err != nil {
		// Whatever state the connection is in, the next group starts afresh.
		_ = w.exec("ROLLBACK")
	}
	for _, u := range group {
		if err != nil {
			u.err = err
		}
		if u.err == nil {
			u.tx.committed()
		}
		close(u.done)
	}
}

func (s *SQLite) runGroup(w *statements, group []*update) error {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin a transaction: %w", storageError(err))
	}
	for _, u := range group {
		if err := w.exec("SAVEPOINT one"); err != nil {
			return fmt.Errorf("begin an update: %w", storageError(err))
		}
		u.tx.Queries = &Queries{conn: w}
		u.err = u.tx.run(u.fn)
		if u.err != nil {
			if breaksTransaction(u.err) {
				return storageError(u.err)
			}
			if err := w.exec("ROLLBACK TO one"); err != nil {
				return fmt.Errorf("undo an update: %w", storageError(err))
			}
		}
		if err := w.exec("RELEASE one"); err != nil {
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
	if err := w.exec("COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", storageError(err))
	}
	return nil
}
