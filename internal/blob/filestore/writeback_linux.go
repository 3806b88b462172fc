package filestore

import (
	"os"

	"golang.org/x/sys/unix"
)

// beginWriteback asks the kernel to begin writing a range of the file out. It
// is only a hint: Commit syncs the file, and reports what fails.
func beginWriteback(f *os.File, offset, size int64) {
	_ = unix.SyncFileRange(int(f.Fd()), offset, size, unix.SYNC_FILE_RANGE_WRITE)
}
