package metadata

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// sharedMemory is a folder in memory that Linux systems have.
	sharedMemory = "/dev/shm"
	// memoryRoom is how much of it must be free, in bytes: containers often have
	// one of 64 MiB, which a long write-ahead log fills.
	memoryRoom   = 256 << 20
	memoryFolder = "twinport-memory-*"
)

// OpenSQLiteInMemory opens a new database that is gone when it is closed or the
// process ends, however it does. It works as one of OpenSQLite, but that a
// commit waits for no disk.
//
// SQLite's own databases in memory have no write-ahead log, so readers and the
// writer would wait for each other. Instead the files are in a folder in memory,
// or in the one for temporary files if there is none, and lose their names as
// soon as all connections have them open.
func OpenSQLiteInMemory(ctx context.Context) (_ *SQLite, err error) {
	dir, err := makeMemoryFolder()
	if err != nil {
		return nil, fmt.Errorf("make a folder for the database: %w", err)
	}
	s, err := openSQLite(ctx, dir, func(path string, extra ...string) string {
		// A file that is gone must not be created again, empty.
		return dataSource(path, append(extra, "synchronous(OFF)")...) + "&mode=rw"
	})
	if err == nil {
		err = s.openAll(ctx)
	}
	if err = errors.Join(err, os.RemoveAll(dir)); err == nil {
		s.path = ""
		err = s.start(ctx)
	}
	if err != nil {
		if s != nil {
			s.closeFiles()
		}
		return nil, fmt.Errorf("open a database in memory: %w", err)
	}
	return s, nil
}

func makeMemoryFolder() (string, error) {
	var memory unix.Statfs_t
	if unix.Statfs(sharedMemory, &memory) == nil && uint64(memory.Bavail)*uint64(memory.Bsize) >= memoryRoom {
		if dir, err := os.MkdirTemp(sharedMemory, memoryFolder); err == nil {
			return dir, nil
		}
	}
	return os.MkdirTemp("", memoryFolder)
}

// openAll opens every connection that there will be, with its files: each opens
// the write-ahead log when it first reads.
func (s *SQLite) openAll(ctx context.Context) error {
	for pool, connections := range map[*sql.DB]int{s.writer: 1, s.readers: maxReaders, s.checkpoints: 1} {
		for range connections {
			conn, err := pool.Conn(ctx)
			if err != nil {
				return err
			}
			defer conn.Close() // when all are open
			var n int
			if err := conn.QueryRowContext(ctx, `SELECT count(*) FROM registries`).Scan(&n); err != nil {
				return err
			}
		}
	}
	return nil
}
