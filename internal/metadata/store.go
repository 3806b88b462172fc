// Package metadata is the store of facts: registries, repositories, manifests,
// tags, links to blobs, uploads and replications.
//
// It runs on SQLite, embedded. One writer commits the updates of many callers
// together, so that their cost in fsyncs is shared; readers never wait for it.
// A commit is durable before Update returns (journal_mode WAL, synchronous
// FULL).
package metadata

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/pressly/goose/v3"
	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNotFound is returned by queries for one row that does not exist.
var ErrNotFound = errors.New("metadata: not found")

// ErrFull is in the chain of errors that mean that the disk is full.
var ErrFull = errors.New("metadata: no space left for the database")

// ErrClosed is returned by an Update after Close.
var ErrClosed = errors.New("metadata: the store is closed")

// Store is an open database. It is safe for concurrent use.
type Store struct {
	readers *sql.DB
	writer  *sql.DB
	lock    *os.File
	reads   *Queries
	cache   *cache

	first   chan *update // before updates
	updates chan *update
	closing chan struct{}
	done    chan struct{} // closed when the writer has ended
	close   sync.Once

	checkpoints  *sql.DB
	committed    chan struct{} // signals that there is something to checkpoint
	checkpointed chan struct{} // closed when checkpointing has ended
	restartLog   atomic.Bool
}

// Open opens the database in folder dir, which it creates, and migrates it to
// the newest schema. Only one process may have it open: caches and the single
// writer depend on it.
func Open(ctx context.Context, dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of the database: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	s := &Store{lock: lock, cache: newCache(), first: make(chan *update, 1024), updates: make(chan *update, 1024), closing: make(chan struct{}), done: make(chan struct{}),
		committed: make(chan struct{}, 1), checkpointed: make(chan struct{})}
	if err := s.open(ctx, filepath.Join(dir, "metadata.db")); err != nil {
		s.closeFiles()
		return nil, fmt.Errorf("open the database in %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) error {
	var err error
	if s.writer, err = sql.Open("sqlite", dataSource(path, "")); err != nil {
		return err
	}
	// One connection: SQLite has one writer, and this one groups everyone's updates.
	s.writer.SetMaxOpenConns(1)
	if err := migrate(ctx, s.writer); err != nil {
		return err
	}
	if s.readers, err = sql.Open("sqlite", dataSource(path, "query_only(1)")); err != nil {
		return err
	}
	const readers = 8
	s.readers.SetMaxOpenConns(readers)
	s.readers.SetMaxIdleConns(readers)
	s.reads = &Queries{conn: newStatements(s.readers)}
	if s.checkpoints, err = sql.Open("sqlite", dataSource(path, "")); err != nil {
		return err
	}
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return err
	}
	go s.write(conn)
	go s.checkpoint(s.checkpoints)
	return nil
}

// busyTimeout in milliseconds is how long a connection waits for a lock that
// another program, such as a backup, holds.
const busyTimeout = "10000"

// dataSource builds modernc's data source name. synchronous(FULL) makes every
// commit wait for the fsync of the write-ahead log; checkpoints are our own.
func dataSource(path, extra string) string {
	v := url.Values{}
	for _, p := range []string{"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "busy_timeout(" + busyTimeout + ")",
		"cache_size(-8192)", "wal_autocheckpoint(0)", "journal_size_limit(67108864)", "temp_store(MEMORY)"} {
		v.Add("_pragma", p)
	}
	if extra != "" {
		v.Add("_pragma", extra)
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > want {
		return fmt.Errorf("the database has schema %d, this program knows up to %d: use the newer program", have, want)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: another Twinport process uses this data folder: stop it, or choose another folder (%w)", path, err)
	}
	return f, nil
}

// Read returns the queries that see what is committed.
func (s *Store) Read() *Queries { return s.reads }

// Ping checks that the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.readers.PingContext(ctx) }

// Close waits for the updates under way and closes the database. Closing
// twice is safe.
func (s *Store) Close() error {
	s.close.Do(func() { close(s.closing) })
	<-s.done
	<-s.checkpointed
	return s.closeFiles()
}

func (s *Store) closeFiles() error {
	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.Close())
	}
	if s.checkpoints != nil {
		errs = append(errs, s.checkpoints.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.Close())
	}
	if s.lock != nil {
		s.lock.Close()
	}
	return errors.Join(errs...)
}

// storageError adds ErrFull to an error that means a full disk.
func storageError(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL || errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// breaksTransaction reports whether SQLite may have rolled back the whole
// transaction, with the updates of others in it.
func breaksTransaction(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT:
		return true
	}
	return false
}
