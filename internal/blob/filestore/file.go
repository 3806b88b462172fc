package filestore

// File is the path of an object's file, for a program that copies the files:
// blob.ErrNotFound for what cannot be the name of an object.
func (s *Store) File(object string) (string, error) { return s.path(object) }
