package metadata

import (
	"context"
	"database/sql"
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

	"github.com/twinport/twinport/internal/durable"
)

// SQLite is the embedded engine. Readers never wait for the writer.
// A commit is durable (journal_mode WAL, synchronous FULL).
type SQLite struct {
	readers *sql.DB
	writer  *sql.DB
	path    string   // of the database's file; "" if it has no name, or was opened to read only
	lock    *os.File // nil if it was opened to read only
	reads   *Queries
	cache   *cache

	first   chan *update // before updates
	updates chan *update
	holds   chan chan bool // see Hold
	moved   bool           // of the writer: see Hold
	closing chan struct{}
	done    chan struct{} // closed when the writer has ended
	close   sync.Once

	checkpoints  *sql.DB
	committed    chan struct{} // signals that there is something to checkpoint
	checkpointed chan struct{} // closed when checkpointing has ended
	restartLog   atomic.Bool
}

// OpenSQLite opens the database in folder dir, which it creates, and migrates it to
// the newest schema. Only one process may have it open: caches and the single
// writer depend on it.
func OpenSQLite(ctx context.Context, dir string) (*SQLite, error) {
	s, err := openSQLite(ctx, dir, dataSource)
	if err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		s.closeFiles()
		return nil, fmt.Errorf("open the database in %s: %w", dir, err)
	}
	return s, nil
}

// openSQLite opens the database without starting the writer. source builds the
// names by which connections are opened.
func openSQLite(ctx context.Context, dir string, source func(path string, extra ...string) string) (*SQLite, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of the database: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	s := &SQLite{lock: lock, cache: newCache(), first: make(chan *update, 1024), updates: make(chan *update, 1024),
		holds: make(chan chan bool), closing: make(chan struct{}), done: make(chan struct{}),
		committed: make(chan struct{}, 1), checkpointed: make(chan struct{})}
	s.path = filepath.Join(dir, DatabaseFile)
	if err := s.open(ctx, source); err != nil {
		s.closeFiles()
		return nil, fmt.Errorf("open the database in %s: %w", dir, err)
	}
	return s, nil
}

// maxReaders is how many connections read at the same time.
const maxReaders = 8

func (s *SQLite) open(ctx context.Context, source func(path string, extra ...string) string) error {
	err := keepPrivate(s.path)
	if err != nil {
		return err
	}
	if s.writer, err = sql.Open("sqlite", source(s.path)); err != nil {
		return err
	}
	// One connection: SQLite has one writer, and this one groups everyone's updates.
	s.writer.SetMaxOpenConns(1)
	if err := migrate(ctx, goose.DialectSQLite3, s.writer); err != nil {
		return err
	}
	if s.readers, err = sql.Open("sqlite", source(s.path, "query_only(1)")); err != nil {
		return err
	}
	s.readers.SetMaxOpenConns(maxReaders)
	s.readers.SetMaxIdleConns(maxReaders)
	s.reads = &Queries{conn: newStatements(s.readers)}
	if s.checkpoints, err = sql.Open("sqlite", source(s.path)); err != nil {
		return err
	}
	s.checkpoints.SetMaxOpenConns(1)
	return nil
}

// start starts the writer, and checkpoints beside it.
func (s *SQLite) start(ctx context.Context) error {
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
func dataSource(path string, extra ...string) string {
	v := url.Values{}
	for _, p := range []string{"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "busy_timeout(" +
		busyTimeout + ")",
		"cache_size(-8192)", "wal_autocheckpoint(0)", "journal_size_limit(67108864)", "temp_store(MEMORY)"} {
		v.Add("_pragma", p)
	}
	v["_pragma"] = append(v["_pragma"], extra...) // the last of a name counts
	return fileURL(path) + "?" + v.Encode()
}

// keepPrivate gives the database to its owner only, whatever the umask. SQLite
// makes the files beside it with the same mode. Files of earlier builds may
// have others.
func keepPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().Perm()&0o077 == 0 {
			continue
		}
		// If another user owns it, or the file system has no modes, the mode stays.
		if err = errors.Join(err, os.Chmod(path+suffix, 0o600)); err != nil && !errors.Is(err, fs.ErrPermission) &&
			!errors.Is(err, errors.ErrUnsupported) {
			return err
		}
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
		return nil, fmt.Errorf("lock %s: %w: stop it, or choose another folder (%w)", path, ErrInUse, err)
	}
	return f, nil
}

// Read ignores the context: a query is short and waits for nobody else's.
func (s *SQLite) Read(context.Context) *Queries { return s.reads }

// LookUps counts the queries that went to the database rather than to memory.
func (s *SQLite) LookUps() int64 { return s.reads.conn.(*statements).asked.Load() }

func (s *SQLite) ReadOf(context.Context, *Repository) *Queries { return s.reads }

func (s *SQLite) Shared() bool { return false }

// Ping reads a little of each table on a new connection, which has no cache,
// and has the disk write a small file. A full disk is no error.
func (s *SQLite) Ping(ctx context.Context) error {
	if s.path == "" {
		return s.readers.PingContext(ctx)
	}
	select {
	case <-s.closing:
		return ErrClosed
	default:
	}
	// Without the right to write: a file that is gone must not be created.
	fresh, err := sql.Open("sqlite", fileURL(s.path)+"?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(1000)")
	if err != nil {
		return err
	}
	defer fresh.Close()
	var n int
	err = fresh.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT max(id) FROM registries UNION ALL SELECT max(id)
		FROM repositories
		UNION ALL SELECT max(id) FROM manifests UNION ALL SELECT max(digest) FROM blobs UNION ALL SELECT max(repository_id)
		FROM layers
		UNION ALL SELECT max(manifest_id) FROM manifest_references UNION ALL SELECT max(repository_id) FROM tags)`).Scan(&n)
	if err == nil {
		err = durable.TestDisk(filepath.Dir(s.path))
	}
	if err = storageError(err); err != nil && !errors.Is(err, ErrFull) {
		return fmt.Errorf("read the database: %w", err)
	}
	return nil
}

// Close waits for the updates under way and closes the database. Closing
// twice is safe.
func (s *SQLite) Close() error {
	s.close.Do(func() { close(s.closing) })
	<-s.done
	<-s.checkpointed
	return s.closeFiles()
}

func (s *SQLite) closeFiles() error {
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

// storageError marks an error that means a full disk, or a database that cannot
// be read or written, as ErrFull or ErrUnavailable.
func storageError(err error) error {
	if err == nil || errors.Is(err, ErrFull) || errors.Is(err, ErrUnavailable) {
		return err
	}
	if errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// Reason is what an error of Ping means, in words that anybody may read: it has
// no names and no addresses.
func Reason(err error) string {
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR: // the last of a table that is not there
			return "the database cannot be read: its file is malformed"
		case sqlite3.SQLITE_CANTOPEN:
			return "the database cannot be read: its file is not there, or may not be opened"
		case sqlite3.SQLITE_IOERR:
			return "the database cannot be read: its disk fails"
		}
	}
	if errors.As(err, new(*fs.PathError)) {
		return "the disk of the database fails: " + durable.Reason(err)
	}
	return "the database does not answer"
}

// breaksTransaction reports whether SQLite may have rolled back the whole
// transaction, with the updates of others in it.
func breaksTransaction(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_BUSY,
		sqlite3.SQLITE_INTERRUPT:
		return true
	}
	return false
}
