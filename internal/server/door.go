package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/awsapi"
)

// door keeps requests that write waiting while it is shut. Requests that only
// read do not use it.
type door struct {
	mu     sync.Mutex
	inside int           // requests that were let in and have not ended
	shut   chan struct{} // nil while it is open; closed when it opens
}

// writes reports whether a request may write. Every request of the AWS APIs is
// a POST, even one that reads, and waits too; but not streams, for whose end
// the door would have to wait.
func writes(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead && !awsapi.Streams(r)
}

// enter waits until the door is open: false if the request ends before.
func (d *door) enter(ctx context.Context) bool {
	for {
		d.mu.Lock()
		shut := d.shut
		if shut == nil {
			d.inside++
		}
		d.mu.Unlock()
		if shut == nil {
			return true
		}
		select {
		case <-shut:
		case <-ctx.Done():
			return false
		}
	}
}

func (d *door) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside--
}

// close shuts the door and waits, no longer than limit, until those inside have
// ended. open opens it again.
func (d *door) close(ctx context.Context, limit time.Duration) (open func()) {
	shut := make(chan struct{})
	d.mu.Lock()
	d.shut = shut
	inside := d.inside
	d.mu.Unlock()
	for end := time.Now().Add(limit); inside > 0 && time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(2 * time.Millisecond)
		d.mu.Lock()
		inside = d.inside
		d.mu.Unlock()
	}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.shut = nil
		close(shut)
	}
}

// guard lets the requests that write through the door.
func (d *door) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if writes(r) {
			if !d.enter(r.Context()) {
				w.Header().Set("Retry-After", "1")
				writeText(w, r, http.StatusServiceUnavailable, "The registry is moving to other stores: try again")
				return
			}
			defer d.leave()
		}
		h.ServeHTTP(w, r)
	})
}
