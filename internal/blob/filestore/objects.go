package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twinport/twinport/internal/blob"
)

// algorithms are the folders of objects in order, with the length of the
// digests in their files' names.
var algorithms = []struct {
	name string
	hex  int
}{{"sha256", 64}, {"sha512", 128}}

// parse takes an object's name apart. It accepts only names that objectOf
// makes, or that earlier versions made, which had no ids.
func parse(object string) (upload string, ok bool) {
	algorithm, rest, _ := strings.Cut(object, "/")
	for _, a := range algorithms {
		if a.name != algorithm {
			continue
		}
		if len(rest) < 3+a.hex || rest[2] != '/' || rest[:2] != rest[3:5] || !isHex(rest[3:3+a.hex]) {
			return "", false
		}
		id := rest[3+a.hex:]
		return strings.TrimPrefix(id, "-"), id == "" || id[0] == '-' && blob.ValidID(id[1:])
	}
	return "", false
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// path is the file of an object: ErrNotFound for what cannot be the name of one.
func (s *Store) path(object string) (string, error) {
	if _, ok := parse(object); !ok {
		return "", fmt.Errorf("object %q: %w", object, blob.ErrNotFound)
	}
	return filepath.Join(s.root, filepath.FromSlash(object)), nil
}

// page is how many names are kept in memory at a time. A folder with more is
// read once per page.
const page = 8192

// Objects are the objects in order of name. Files that are none are passed over.
func (s *Store) Objects(ctx context.Context, after string) iter.Seq2[blob.Object, error] {
	return func(yield func(blob.Object, error) bool) {
		for _, a := range algorithms {
			for i := range 256 {
				dir := fmt.Sprintf("%s/%02x/", a.name, i)
				name, in := strings.CutPrefix(after, dir)
				if after >= dir && !in {
					continue // all before
				}
				if !in {
					name = ""
				}
				if !s.objectsIn(ctx, dir, name, page, yield) {
					return
				}
			}
		}
	}
}

// objectsIn yields the objects of one folder whose files come after a name,
// reading n names at a time. It returns false when the sequence ends with them.
func (s *Store) objectsIn(ctx context.Context, dir, after string, n int, yield func(blob.Object, error) bool) bool {
	for {
		names, err := smallest(filepath.Join(s.root, filepath.FromSlash(dir)), after, n)
		if err != nil {
			yield(blob.Object{}, fmt.Errorf("list objects: %w", err))
			return false
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				yield(blob.Object{}, err)
				return false
			}
			upload, ok := parse(dir + name)
			if !ok {
				continue
			}
			size, err := s.Size(ctx, dir+name)
			if errors.Is(err, blob.ErrNotFound) {
				continue // deleted meanwhile
			}
			if err != nil {
				yield(blob.Object{}, err)
				return false
			}
			if !yield(blob.Object{Name: dir + name, Upload: upload, Size: size}, nil) {
				return false
			}
		}
		if len(names) < n {
			return true
		}
		after = names[len(names)-1]
	}
}

// smallest are the first n names of a folder after the given one, in order.
func smallest(dir, after string, n int) ([]string, error) {
	var names []string
	err := readDir(dir, func(name string) bool {
		if name <= after {
			return true
		}
		names = append(names, name)
		if len(names) == 2*n {
			slices.Sort(names)
			names = names[:n]
		}
		return true
	})
	slices.Sort(names)
	return names[:min(n, len(names))], err
}

// readDir calls fn with the names in a folder, which may be absent, in bounded
// memory until it returns false.
func readDir(dir string, fn func(string) bool) error {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		names, err := f.Readdirnames(1000)
		for _, name := range names {
			if !fn(name) {
				return nil
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Uploads are the ids of the uploads that have a file.
func (s *Store) Uploads(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := readDir(filepath.Join(s.root, "uploads"), func(name string) bool {
			if err := ctx.Err(); err != nil {
				yield("", err)
				return false
			}
			return !blob.ValidID(name) || yield(name, nil)
		})
		if err != nil {
			yield("", fmt.Errorf("list uploads: %w", err))
		}
	}
}
