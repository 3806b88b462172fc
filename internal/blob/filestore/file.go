package filestore

import (
	"fmt"
	"os"

	"github.com/twinport/twinport/internal/blob"
)

// File is the path of an object's file, for a program that copies the files:
// blob.ErrNotFound for what cannot be the name of an object.
func (s *Store) File(object string) (string, error) { return s.path(object) }

// OpenUpload opens the bytes of a session to be read while they are being written. As many as the
// file has are there. The file stays readable when the session has become an object; when it was
// canceled, or its bytes were another object's, the file is empty.
func (s *Store) OpenUpload(id string) (*os.File, error) {
	if !blob.ValidID(id) {
		return nil, fmt.Errorf("upload %q: %w", id, blob.ErrNotFound)
	}
	f, err := openPlain(s.uploadPath(id))
	if err != nil {
		return nil, fmt.Errorf("read upload %s: %w", id, err)
	}
	return f, nil
}
