// Package memstore keeps blobs in the memory of one process, and no longer than
// it lives: for tests and trials.
package memstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/blob"
)

// Store keeps blobs in memory.
type Store struct {
	room int64

	mu       sync.Mutex
	used     int64 // bytes of objects and uploads
	objects  map[string]*object
	sessions map[string]*session
	closed   bool
}

var _ blob.Store = (*Store)(nil)

// object is one blob, which never changes.
type object struct {
	*content
	upload string
}

// New returns an empty store for room bytes, uploads that are under way counted in.
func New(room int64) *Store {
	return &Store{room: room, objects: map[string]*object{}, sessions: map[string]*session{}}
}

var errClosed = fmt.Errorf("memstore: the store was closed: %w", blob.ErrUnavailable)

// Close gives the memory back.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.used = true, 0
	clear(s.objects)
	clear(s.sessions)
	return nil
}

// find returns an object: ErrNotFound.
func (s *Store) find(name string) (*object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	o := s.objects[name]
	if o == nil {
		return nil, fmt.Errorf("object %q: %w", name, blob.ErrNotFound)
	}
	return o, nil
}

// reader reads an object. What is deleted meanwhile can be read to its end.
type reader struct{ *io.SectionReader }

func (reader) Close() error { return nil }

// Open opens an object for reading.
func (s *Store) Open(ctx context.Context, name string, size int64) (io.ReadSeekCloser, error) {
	if err := s.Check(ctx, name, size); err != nil {
		return nil, err
	}
	o, err := s.find(name)
	if err != nil {
		return nil, err
	}
	return reader{io.NewSectionReader(o, 0, size)}, nil
}

// URL returns "": blobs are read through this process.
func (s *Store) URL(context.Context, string) (string, error) { return "", nil }

// Size returns the size of an object.
func (s *Store) Size(_ context.Context, name string) (int64, error) {
	o, err := s.find(name)
	if err != nil {
		return 0, err
	}
	return o.size(), nil
}

// Seen reports whether an object is there and has size bytes.
func (s *Store) Seen(name string, size int64) bool {
	return s.Check(context.Background(), name, size) == nil
}

// Check looks whether an object is there and has size bytes.
func (s *Store) Check(ctx context.Context, name string, size int64) error {
	got, err := s.Size(ctx, name)
	if err == nil && got != size {
		err = fmt.Errorf("object %s has %d bytes instead of %d: %w", name, got, size, blob.ErrDamaged)
	}
	return err
}

// Delete removes objects.
func (s *Store) Delete(_ context.Context, names []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if o := s.objects[name]; o != nil {
			delete(s.objects, name)
			s.used -= o.size()
		}
	}
	return nil
}

// Objects are those that were there at the call, but for what was deleted since.
func (s *Store) Objects(ctx context.Context, after string) iter.Seq2[blob.Object, error] {
	return func(yield func(blob.Object, error) bool) {
		s.mu.Lock()
		names := slices.Sorted(maps.Keys(s.objects))
		s.mu.Unlock()
		first, found := slices.BinarySearch(names, after)
		if found {
			first++
		}
		for _, name := range names[first:] {
			if err := ctx.Err(); err != nil {
				yield(blob.Object{}, fmt.Errorf("list objects: %w", err))
				return
			}
			o, err := s.find(name)
			if errors.Is(err, blob.ErrNotFound) {
				continue
			}
			if err != nil {
				yield(blob.Object{}, err)
				return
			}
			if !yield(blob.Object{Name: name, Upload: o.upload, Size: o.size()}, nil) {
				return
			}
		}
	}
}

// Uploads are the ids of the sessions.
func (s *Store) Uploads(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		s.mu.Lock()
		ids := slices.Collect(maps.Keys(s.sessions))
		s.mu.Unlock()
		for _, id := range ids {
			if err := ctx.Err(); err != nil {
				yield("", fmt.Errorf("list uploads: %w", err))
				return
			}
			if !yield(id, nil) {
				return
			}
		}
	}
}

// WrittenSince goes by when bytes were last appended.
func (s *Store) WrittenSince(id string, t time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	ses := s.sessions[id]
	return ses != nil && !ses.written.Before(t)
}

// Ping has no disk to ask.
func (s *Store) Ping(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return &blob.PingError{Reason: "the store of layers was closed", Err: errClosed}
	}
	return nil
}

// Short reports whether less than a twentieth of the room is left.
func (s *Store) Short() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used > s.room-s.room/20
}

// take takes n bytes of the room: ErrFull.
func (s *Store) take(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	if int64(n) > s.room-s.used {
		return fmt.Errorf("%w: layers in memory have %d bytes, of which %d are free, and %d more are wanted", blob.ErrFull,
			s.room, s.room-s.used, n)
	}
	s.used += int64(n)
	return nil
}
