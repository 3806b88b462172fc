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

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

var (
	// ErrInUse is in the chain of errors that mean that another process has the
	// embedded database open to write.
	ErrInUse = errors.New("another Twinport process uses this data folder")

	errReadOnly = errors.New("metadata: the database was opened to read only")
)

// DatabaseFile is the name of the embedded database in its folder.
const DatabaseFile = "metadata.db"

// OpenSQLiteReadOnly opens the database in folder dir to read, beside the
// process that writes to it, if there is one. Updates fail. Read sees what is
// committed; what the store's own methods answer from memory may be as old as
// the opening. A schema that is older than the program's is refused.
func OpenSQLiteReadOnly(ctx context.Context, dir string) (*SQLite, error) {
	path := filepath.Join(dir, DatabaseFile)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("look for the database: %w", err)
	}
	return openToRead(ctx, path, dataSource(path, "query_only(1)")+"&mode=rw")
}

// OpenSnapshot opens a database that Snapshot has written, and that nobody
// writes to. It leaves no files beside it.
func OpenSnapshot(ctx context.Context, path string) (*SQLite, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("look for the copy of the database: %w", err)
	}
	return openToRead(ctx, path, fileURL(path)+"?mode=ro&immutable=1&_pragma=query_only(1)")
}

func openToRead(ctx context.Context, path, source string) (*SQLite, error) {
	s := &SQLite{
		cache: newCache(), closing: make(chan struct{}), done: make(chan struct{}), checkpointed: make(chan struct{}),
	}
	close(s.done)
	close(s.checkpointed)
	var err error
	if s.readers, err = sql.Open("sqlite", source); err != nil {
		return nil, err
	}
	if err := checkSchema(ctx, s.readers); err != nil {
		s.closeFiles()
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	s.reads = &Queries{conn: newStatements(s.readers)}
	return s, nil
}

func checkSchema(ctx context.Context, db *sql.DB) error {
	p, err := newProvider(goose.DialectSQLite3, db)
	if err != nil {
		return err
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	if have > want {
		if err := checkCompatible(ctx, db, have, want); err != nil {
			return err
		}
	}
	pending, err := p.HasPending(ctx)
	if err != nil {
		return fmt.Errorf("look for migrations that the schema lacks: %w", err)
	}
	if pending {
		return fmt.Errorf("it has schema %d without all that this program needs up to %d: start the server once with this "+
			"program, which brings it there",
			have, want)
	}
	return nil
}

func fileURL(path string) string { return "file:" + (&url.URL{Path: path}).EscapedPath() }

// snapshotPages is how many pages are copied at a time.
const snapshotPages = 1024

// Snapshot copies the database, as of one moment, to a new file that is durable
// when it returns. The writer goes on meanwhile; but the write-ahead log cannot
// be restarted until the copy is done, so it grows by what is written. progress
// gets bytes.
func (s *SQLite) Snapshot(ctx context.Context, path string, progress func(done, total int64)) error {
	conn, err := s.readers.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// A read transaction keeps the moment: without it, each commit of another
	// process would begin the copy again.
	if _, err := conn.ExecContext(ctx, `BEGIN`); err != nil {
		return err
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`) }()
	var pageSize int64
	if err := conn.QueryRowContext(ctx, `SELECT page_size
		FROM pragma_page_size, (SELECT count(*) FROM sqlite_schema)`).Scan(&pageSize); err != nil {
		return err
	}
	// It must be new: a file that is there may be a link to what others rely on.
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	err = conn.Raw(func(raw any) error {
		// If the machine fails meanwhile, the file is useless anyway.
		b, err := raw.(interface {
			NewBackup(to string) (*sqlite.Backup, error)
		}).NewBackup(fileURL(path) + "?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)")
		if err != nil {
			return err
		}
		for more := true; more && err == nil; {
			if err = ctx.Err(); err == nil {
				more, err = b.Step(snapshotPages)
			}
			if err == nil {
				progress(int64(b.PageCount()-b.Remaining())*pageSize, int64(b.PageCount())*pageSize)
			}
		}
		return errors.Join(err, b.Finish())
	})
	if err != nil {
		return fmt.Errorf("copy the database to %s: %w", path, storageError(err))
	}
	return syncFile(path)
}

// RemoveDatabase removes a database that nobody has open, with the files that
// SQLite keeps beside it.
func RemoveDatabase(path string) error {
	for _, suffix := range []string{"-journal", "-wal", "-shm", ""} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", path, storageError(err))
	}
	return nil
}

// CheckIntegrity reads the whole database file, and returns what SQLite finds
// wrong with its form, at most limit lines.
func (s *SQLite) CheckIntegrity(ctx context.Context, limit int) (found []string, err error) {
	rows, err := s.readers.QueryContext(ctx, fmt.Sprintf(`PRAGMA integrity_check(%d)`, limit))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		if line != "ok" {
			found = append(found, line)
		}
	}
	return found, rows.Err()
}
