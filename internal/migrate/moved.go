package migrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/twinport/twinport/internal/durable"
)

// Moved says where the data of a folder has gone. The folder must not be served
// any more.
type Moved struct {
	At        time.Time `json:"at"`
	Migration string    `json:"migration"` // its id
	Database  string    `json:"database"`  // without a password
	Blobs     string    `json:"blobs"`
	Config    string    `json:"config"` // path of the configuration that names both
}

const movedFile = "moved"

// ReadMoved returns nil if the data is in the folder still.
func ReadMoved(data string) (*Moved, error) {
	path := filepath.Join(data, movedFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	m := &Moved{}
	if err == nil {
		err = json.Unmarshal(text, m)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s, which says where the data has gone: %w", path, err)
	}
	return m, nil
}

// Refuse is the error for a server that is started on the folder.
func (m *Moved) Refuse(data string) error {
	return fmt.Errorf("the data of %s was moved on %s to %s and %s: serve with the configuration that names these "+
		"(%s). What is in the folder is old; when nothing needs it any more, delete it",
		data, m.At.Format(time.DateTime+" MST"), m.Database, m.Blobs, m.Config)
}

// write makes it durable. When it returns an error, the file is not there.
func (m *Moved) write(data string) (err error) {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(data, movedFile)
	if err := durable.WriteFile(path, append(text, '\n')); err != nil {
		if gone := os.Remove(path); !errors.Is(gone, fs.ErrNotExist) { // it may be there, but for the sync
			err = errors.Join(err, gone)
		}
		return fmt.Errorf("note in %s that the data has moved: %w", path, err)
	}
	return nil
}
