// Package durable writes small files that survive a power cut.
package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// unfinished begins the names of files that are being written. They are hidden,
// so that whoever reads the folder ignores them.
const unfinished = ".new-"

// WriteFile makes the file path hold data, for its owner only. When it returns,
// the file would survive a power cut; whatever happens, it is whole, as it was
// before or not there. Several processes may write it at once.
func WriteFile(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), unfinished+"*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return SyncDir(filepath.Dir(path))
}

// Unfinished reports whether a file of this name is what WriteFile left when it
// was cut short.
func Unfinished(name string) bool { return strings.HasPrefix(name, unfinished) }

// SyncDir makes durable which files a folder has.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync the folder %s: %w", dir, err)
	}
	return nil
}

// TestDisk writes a small file to a folder, durably, and leaves nothing of it.
func TestDisk(dir string) error {
	file, err := os.CreateTemp(dir, unfinished+"*")
	if err != nil {
		return err
	}
	err = os.Remove(file.Name()) // first, so that nothing is left if the process ends
	if err == nil {
		_, err = file.WriteString("test")
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// Reason is what the system says of an error of a file, without the file's name.
func Reason(err error) string {
	var e syscall.Errno
	if errors.As(err, &e) {
		return e.Error()
	}
	return "it cannot be read or written"
}
