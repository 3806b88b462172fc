package metadata

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

const (
	// defaultConnections is the size of the pool, unless the URL gives
	// pool_max_conns. Three processes fit into PostgreSQL's default of 100.
	defaultConnections = 24
	// roundTripTimeout bounds one exchange with the server, so that a
	// connection on which nothing arrives any more is noticed. It includes
	// waiting for locks.
	roundTripTimeout = 20 * time.Second
	// grace is how long a query goes on whose caller has left.
	grace = time.Second
	// patience is how long reads and updates are tried again while the server
	// restarts or fails over, before the caller gets an error.
	patience = 5 * time.Second
	// maxConflicts bounds how often an update is run again because another one
	// was first.
	maxConflicts = 20
)

// Postgres is the engine on a PostgreSQL server, shared by any number of
// processes. It keeps no facts in memory: what one process commits, every
// other sees at once. Transactions are READ COMMITTED; locks on the rows of
// repositories hold apart what must not interleave.
type Postgres struct {
	pool    *pgxpool.Pool
	dialect *dialect
	// A share of the pool for each: half for reads, a quarter for each kind of
	// update. So a replication never waits for connections behind reads.
	reads, updates, first chan struct{}

	mu      sync.Mutex // of the two below: nothing begins once closed
	closed  bool
	running sync.WaitGroup
	closing chan struct{}

	timeout time.Duration // of a round trip

	known knownRepositories
	types sync.Pool // of *pgtype.Map, which is not safe for concurrent use
	trips atomic.Int64
}

// RoundTrips counts the exchanges with the server since the start.
func (s *Postgres) RoundTrips() int64 { return s.trips.Load() }

// OpenPostgres opens the database that the URL (postgres://…) names and
// migrates it to the newest schema, under a lock that other processes respect.
func OpenPostgres(ctx context.Context, url string) (*Postgres, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the database URL: %w", err) // pgx leaves passwords out of it
	}
	if !hasPoolSize(config.ConnConfig, url) {
		config.MaxConns = defaultConnections
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = patience
	}
	parameters := config.ConnConfig.RuntimeParams
	for name, value := range map[string]string{
		"application_name": "twinport", "default_transaction_isolation": "read committed",
		// A process that hangs must not keep its locks.
		"idle_in_transaction_session_timeout": "30s", "statement_timeout": "60s",
	} {
		if _, set := parameters[name]; !set {
			parameters[name] = value
		}
	}
	where := config.ConnConfig.Host + ":" + strconv.Itoa(int(config.ConnConfig.Port)) + "/" + config.ConnConfig.Database
	config.AfterConnect = demandDurability
	migrating := config.ConnConfig.Copy()
	migrating.RuntimeParams["statement_timeout"] = "0" // of a large table an index takes long
	db := stdlib.OpenDB(*migrating)
	err = migratePostgres(ctx, db)
	db.Close()
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", where, err)
	}
	// Every query here finds few rows by key, in the order in which its joins
	// are written. While a table grows faster than its statistics, a planner
	// prefers to read all of it. (Migrations are another matter.)
	for name, value := range map[string]string{
		"join_collapse_limit": "1", "enable_hashjoin": "off", "enable_mergejoin": "off", "enable_seqscan": "off",
		"enable_material":                 "off",
		"max_parallel_workers_per_gather": "0",
		"jit":                             "off", // compiling takes longer than any of them
	} {
		if _, set := parameters[name]; !set {
			parameters[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", where, err)
	}
	quarter := max(1, int(config.MaxConns)/4)
	return &Postgres{
		pool: pool, dialect: postgresDialect(), closing: make(chan struct{}), timeout: roundTripTimeout,
		types: sync.Pool{New: func() any { return pgtype.NewMap() }},
		known: knownRepositories{rows: map[repositoryKey]*Repository{}},
		reads: make(chan struct{}, max(1, int(config.MaxConns)-2*quarter)), updates: make(chan struct{}, quarter),
		first: make(chan struct{}, quarter),
	}, nil
}

// demandDurability makes a commit wait for the disk even if the server, the
// database or the user is configured not to. A setting that waits for more is
// left alone.
func demandDurability(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false)
		WHERE current_setting('synchronous_commit') = 'off'`)
	return err
}

func migratePostgres(ctx context.Context, db *sql.DB) error {
	// Another process that migrates is waited for, looking each second for five minutes.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return err
	}
	return migrate(ctx, goose.DialectPostgres, db, goose.WithSessionLocker(locker))
}

func (s *Postgres) Read(ctx context.Context) *Queries {
	return &Queries{conn: &pipeline{store: s, ctx: ctx}}
}

func (s *Postgres) Shared() bool { return true }

// Ping reads a table.
func (s *Postgres) Ping(ctx context.Context) error {
	var any bool
	return postgresError(s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM registries)`).Scan(&any))
}

// Close waits for the updates and reads under way. Closing twice is safe.
func (s *Postgres) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.running.Wait()
	s.pool.Close()
	return nil
}

func (s *Postgres) Update(ctx context.Context, fn func(*Tx) error) error {
	return s.update(ctx, s.updates, fn)
}

func (s *Postgres) UpdateFirst(ctx context.Context, fn func(*Tx) error) error {
	return s.update(ctx, s.first, fn)
}

// begin counts work that Close waits for: false once the store is closed.
func (s *Postgres) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}

func (s *Postgres) update(ctx context.Context, turn chan struct{}, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !s.begin() {
		return ErrClosed
	}
	defer s.running.Done()
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-s.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	away := outage{begun: time.Now()}
	for conflicts := 0; ; {
		err := s.try(fn)
		switch {
		case err == nil:
			return nil
		case isConflict(err) && conflicts < maxConflicts:
			conflicts++
			time.Sleep(time.Duration(rand.N(conflicts*1000)) * time.Microsecond)
		case errors.Is(err, ErrUnavailable) && !errors.Is(err, errOutcomeUnknown) && away.retry(err) && ctx.Err() == nil:
			time.Sleep(50*time.Millisecond + rand.N(100*time.Millisecond))
		default:
			return err
		}
	}
}

// outage is how long the server has been away for one caller who tries again.
type outage struct {
	begun time.Time // when it was asked first
	since time.Time // when it was found away; zero before
}

// retry reports whether to try again after the error, which says that the
// server is away. If the connection was cut, the outage begins now, however
// long the server worked before; if nothing arrived on it, it began when the
// caller asked.
func (o *outage) retry(err error) bool {
	if o.since.IsZero() {
		o.since = time.Now()
		if errors.Is(err, context.DeadlineExceeded) {
			o.since = o.begun
		}
	}
	return time.Since(o.since) < patience
}

// try runs fn in one transaction.
func (s *Postgres) try(fn func(*Tx) error) error {
	p := &pipeline{store: s, transaction: true}
	tx := &Tx{Queries: &Queries{conn: p}}
	if err := tx.run(fn); err != nil {
		p.rollback()
		return err
	}
	if err := p.commit(); err != nil {
		return err
	}
	tx.committed()
	return nil
}

// errOutcomeUnknown says that the connection was cut during a commit, and that
// the server could not be asked whether it succeeded. Nothing was acknowledged;
// the next read shows what happened.
var errOutcomeUnknown = errors.New("the connection was lost during the commit")

// isConflict reports whether another transaction was first, so that running
// this one again finds a different state.
func isConflict(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case "40001", "40P01", // serialization failure, deadlock
		"23505", // unique violation: another has just inserted the row
		"23503": // foreign key violation: another has just deleted the row, or come to need it
		return true
	}
	return false
}

// postgresError adds to an error whether the server is full or away.
func postgresError(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrFull) {
		return err
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		if errors.Is(err, pgx.ErrNoRows) || isProgramming(err) {
			return err
		}
		// Whatever is not an answer of the server comes from the connection.
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch e.Code[:2] {
	case "08", // connection exceptions
		"57": // operator intervention: shutdown, crash, starting up, cancelled
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch e.Code {
	case "53100": // disk full
		return fmt.Errorf("%w: %w", ErrFull, err)
	case "53200", "53300", // out of memory, too many connections
		"55P03",          // lock not available
		"25006", "25P03": // read-only, as a standby is after a failover; idle in transaction for too long
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// isProgramming reports errors of encoding and scanning.
func isProgramming(err error) bool {
	var scan pgx.ScanArgError
	return errors.As(err, &scan)
}

func hasPoolSize(c *pgx.ConnConfig, url string) bool {
	// The pool takes its own parameters out of the parsed configuration.
	plain, err := pgx.ParseConfig(url)
	if err != nil {
		return false
	}
	_, set := plain.RuntimeParams["pool_max_conns"]
	return set
}
