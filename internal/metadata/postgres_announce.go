package metadata

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Announcer is a store whose processes can notify each other, quickly and
// without guarantee: a process never hears what is announced while it does not
// listen. Nothing may depend on it.
type Announcer interface {
	// Announce sends texts of up to MaxAnnouncement bytes to all processes that
	// listen, this one included.
	Announce(ctx context.Context, texts []string) error
	// Listen calls begun once it listens, and then heard with each text, until
	// ctx ends or the connection is lost.
	Listen(ctx context.Context, begun func(), heard func(text string)) error
}

var _ Announcer = (*Postgres)(nil)

// MaxAnnouncement is what PostgreSQL takes as the payload of a notification.
const MaxAnnouncement = 7999

const (
	// checkInterval is how often a connection on which nothing is heard is
	// checked.
	checkInterval = 30 * time.Second
	checkTimeout  = 5 * time.Second
)

// Announce implements Announcer by NOTIFY, in a transaction of its own: those
// that notify are committed one after the other.
func (s *Postgres) Announce(ctx context.Context, texts []string) error {
	if !s.begin() {
		return ErrClosed
	}
	defer s.running.Done()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	select {
	case s.reads <- struct{}{}:
		defer func() { <-s.reads }()
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err := s.pool.Exec(ctx, `SELECT pg_notify('twinport', value) FROM texts($1)`, list(texts))
	return postgresError(err)
}

// Listen implements Announcer by LISTEN, on a connection beside the pool's.
func (s *Postgres) Listen(ctx context.Context, begun func(), heard func(text string)) error {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("connect to listen: %w", postgresError(err))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		defer cancel()
		_ = conn.Close(ctx) // nobody listens any more
	}()
	if _, err := conn.Exec(ctx, `LISTEN twinport`); err != nil {
		return fmt.Errorf("listen: %w", postgresError(err))
	}
	begun()
	for {
		waiting, cancel := context.WithTimeout(ctx, checkInterval)
		n, err := conn.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			heard(n.Payload)
			continue
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded) && !conn.IsClosed():
			checking, cancel := context.WithTimeout(ctx, checkTimeout)
			err = conn.Ping(checking)
			cancel()
		}
		if err != nil {
			return fmt.Errorf("wait for announcements: %w", postgresError(err))
		}
	}
}
