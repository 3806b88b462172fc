package filestore

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/durable"
)

// Ping has the disk write a small file and read it back. A full disk answers:
// what is on it can be pulled.
func (s *Store) Ping(context.Context) error {
	if err := s.present(); err != nil {
		return &blob.PingError{Reason: "the folder of layers is not there", Err: err}
	}
	if s.lock == nil {
		return nil
	}
	if err := durable.TestDisk(s.root); err != nil && !errors.Is(storageError(err), blob.ErrFull) {
		return &blob.PingError{Reason: "the disk of layers fails: " + durable.Reason(err), Err: err}
	}
	return nil
}

// Short reports whether less than a twentieth of the disk is free, and less than
// a few layers take.
func (s *Store) Short() bool {
	var disk unix.Statfs_t
	if unix.Statfs(s.root, &disk) != nil || disk.Blocks == 0 {
		return false
	}
	const few = 10 << 30
	free := uint64(disk.Bavail)
	return free < uint64(disk.Blocks)/20 && free*uint64(disk.Bsize) < few
}
