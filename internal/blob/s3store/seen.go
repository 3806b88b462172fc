package s3store

import (
	"sync"
	"time"

	"github.com/twinport/twinport/internal/blob"
)

// maxSeen bounds what is remembered; past it the server is asked again.
const maxSeen = 10000

// sightings are objects that were there a short while ago, so that of a hundred
// clients that ask for a layer before they push it only the first makes us ask
// the server.
type sightings struct {
	mu sync.Mutex
	of map[string]sighting
}

type sighting struct {
	size int64
	at   time.Time
}

func (s *sightings) lately(key string, size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, ok := s.of[key]
	return ok && seen.size == size && time.Since(seen.at) < blob.CheckedFor
}

func (s *sightings) note(key string, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil || len(s.of) >= maxSeen {
		s.of = map[string]sighting{}
	}
	s.of[key] = sighting{size, time.Now()}
}

func (s *sightings) forget(keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		delete(s.of, key)
	}
}
