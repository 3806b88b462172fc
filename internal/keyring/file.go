package keyring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/twinport/twinport/internal/durable"
)

// head is written above the first key.
const head = `# The master keys of a Twinport deployment, the newest first: they seal the secrets
# of access keys in its database. Keep a copy of this file apart from backups of
# the database: without it those secrets cannot be opened, and with both they can.
`

// File is a Keyring in a file, in the form of Parse. Other processes may use the
// same file, and change it.
type File struct {
	path    string
	mu      sync.Mutex // held while the file is read again or written
	current atomic.Pointer[keys]
}

// OpenFile reads the master keys in the file path. If there is no such file and
// create is set, it makes one with a new key.
func OpenFile(path string, create bool) (*File, error) {
	f := &File{path: path}
	k, _, err := f.read()
	if errors.Is(err, fs.ErrNotExist) && create {
		err = f.change(func(text string) string {
			if text != "" {
				return text // another process was faster
			}
			return head + Generate()
		})
		if err == nil {
			return f, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the master keys: %w; write a line %s into it, for its owner alone (chmod 600)", err, form)
	}
	if err != nil {
		return nil, fmt.Errorf("read the master keys: %w", err)
	}
	f.current.Store(k)
	return f, nil
}

// String says where the keys are, and shows none.
func (f *File) String() string { return "master keys of " + f.path }

// GoString is String for the verb %#v.
func (f *File) GoString() string { return f.String() }

// Seal implements Keyring.
func (f *File) Seal(what string, secret []byte) ([]byte, error) {
	return f.current.Load().Seal(what, secret)
}

// Open implements Keyring. For a key that it does not know it looks into the
// file again, since another process may have added one.
func (f *File) Open(what string, sealed []byte) ([]byte, error) {
	secret, err := f.current.Load().Open(what, sealed)
	if _, unknown := errors.AsType[*UnknownKeyError](err); !unknown {
		return secret, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	k, _, readErr := f.read()
	if readErr != nil {
		return nil, fmt.Errorf("%w (read the master keys again: %w)", err, readErr)
	}
	f.current.Store(k)
	return k.Open(what, sealed)
}

// Newest implements Keyring.
func (f *File) Newest() string { return f.current.Load().Newest() }

// IDs implements Keyring. The caller must not change them.
func (f *File) IDs() []string { return f.current.Load().IDs() }

// Rotate adds a new key to the file, which is the newest from then on. Other
// processes see it once they have something to open that is sealed with it.
func (f *File) Rotate() error {
	err := f.change(func(text string) string {
		if rest, ok := strings.CutPrefix(text, head); ok {
			return head + Generate() + rest
		}
		return Generate() + text
	})
	if err != nil {
		return fmt.Errorf("add a master key: %w", err)
	}
	return nil
}

// change writes the file anew, while no other process does, and durably before
// any secret is sealed with what it has.
func (f *File) change(change func(text string) string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	// The folder is what is locked: the file is replaced by another.
	folder, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock the folder %s: %w", folder.Name(), err)
	}
	_, text, err := f.read()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	changed := change(text)
	k, err := parse(changed, f.path)
	if err != nil {
		return err
	}
	if changed != text {
		if err := f.checkOwner(); err != nil {
			return err
		}
		if err := durable.WriteFile(f.path, []byte(changed)); err != nil {
			return err
		}
	}
	f.current.Store(k)
	return nil
}

// checkOwner refuses to replace the file of another user, who could not read the
// new one.
func (f *File) checkOwner() error {
	var info unix.Stat_t
	err := unix.Stat(f.path, &info)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if user := os.Geteuid(); err == nil && int(info.Uid) != user {
		err = fmt.Errorf("the file %s belongs to the user %d, and this process runs as %d: run it as that user", f.path,
			info.Uid, user)
	}
	return err
}

// read returns the keys and the text of the file.
func (f *File) read() (*keys, string, error) {
	// Opening a pipe would wait for its writer.
	if info, err := os.Stat(f.path); err != nil {
		return nil, "", err
	} else if !info.Mode().IsRegular() {
		return nil, "", fmt.Errorf("%s is not a regular file", f.path)
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, "", fmt.Errorf("others than its owner may read or write %s (mode %04o): run chmod 600 on it, or give "+
			"the keys in TWINPORT_MASTER_KEY where files have other modes; replace the keys if others may have read them",
			f.path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxText+1))
	if err != nil {
		return nil, "", err
	}
	k, err := parse(string(text), f.path)
	return k, string(text), err
}
