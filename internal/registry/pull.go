package registry

import (
	"sync"
	"time"
)

// pullTimeFreshness is how old a recorded pull time may get before a pull
// renews it (ECR refreshes it at least once every 24 hours).
const pullTimeFreshness = time.Hour

// maxRecentPulls bounds what is remembered; past it some pulls are recorded again.
const maxRecentPulls = 10000

// recentPulls remembers which pulls were recorded lately, so that of a thousand
// nodes that pull an image at once only the first causes a write.
type recentPulls struct {
	mu sync.Mutex
	at map[pulled]time.Time
}

type pulled struct {
	repository int64
	digest     string
}

// claim returns true to one caller in each span of pullTimeFreshness: the one
// who is to record the pull.
func (p *recentPulls) claim(image pulled, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, ok := p.at[image]; ok && now.Sub(last) < pullTimeFreshness && !now.Before(last) {
		return false
	}
	if p.at == nil || len(p.at) >= maxRecentPulls {
		p.at = map[pulled]time.Time{}
	}
	p.at[image] = now
	return true
}
