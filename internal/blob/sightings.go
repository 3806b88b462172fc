package blob

import (
	"sync"
	"time"
)

// maxSeen bounds what is remembered; past it stores look again.
const maxSeen = 10000

// Sightings remember which objects were there a short while ago, so that a
// hundred clients that ask for a layer before they push it make the store look
// once. They are safe for concurrent use.
type Sightings struct {
	life time.Duration
	mu   sync.Mutex
	of   map[string]sighting
}

// NewSightings returns sightings that hold for life, which is at most CheckedFor.
func NewSightings(life time.Duration) *Sightings { return &Sightings{life: life} }

type sighting struct {
	size int64
	at   time.Time
}

// Lately reports whether the object was there lately, and had the size.
func (s *Sightings) Lately(object string, size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, ok := s.of[object]
	return ok && seen.size == size && time.Since(seen.at) < s.life
}

// Note records that the object is there now.
func (s *Sightings) Note(object string, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil || len(s.of) >= maxSeen {
		s.of = map[string]sighting{}
	}
	s.of[object] = sighting{size, time.Now()}
}

// Forget makes the store look for the objects again.
func (s *Sightings) Forget(objects ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, object := range objects {
		delete(s.of, object)
	}
}
