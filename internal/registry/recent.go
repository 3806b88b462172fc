package registry

import (
	"sync"
	"time"
)

// maxRecent bounds what is remembered; past it some writes are made again.
const maxRecent = 10000

// recent remembers which writes that nobody waits for were made lately, so that
// of a thousand nodes that ask for an image at once only the first causes one.
type recent struct {
	mu sync.Mutex
	at map[content]time.Time
}

// content is a manifest or layer of a repository.
type content struct {
	repository int64
	digest     string
}

// claim returns true to one caller in each span: the one who is to write.
func (r *recent) claim(c content, now time.Time, span time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.at[c]; ok && now.Sub(last) < span && !now.Before(last) {
		return false
	}
	if r.at == nil || len(r.at) >= maxRecent {
		r.at = map[content]time.Time{}
	}
	r.at[c] = now
	return true
}
