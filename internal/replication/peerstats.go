package replication

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
)

// PeerStats counts what this process and a peer have exchanged.
type PeerStats struct {
	// BytesSent and BytesReceived are those of layers, with what was sent again.
	BytesSent, BytesReceived int64
	// Requests to the peer: those that it did, those that it refused, and those
	// that it did not answer.
	Answered, Refused, Failed int64
	// Replications are the tries to replicate an image to the peer, by how they ended.
	Replications Stats
	// Lags are how long those took that were completed.
	Lags PeerLags
}

// PeerLags counts lags by their length.
type PeerLags struct {
	UpTo  map[time.Duration]uint64 // those of at most so long
	Count uint64
	Sum   time.Duration
}

// lagBounds are those of PeerLags.UpTo.
var lagBounds = [...]time.Duration{
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 12 * time.Hour,
}

// peerCounters are what PeerStats is made of.
type peerCounters struct {
	bytesSent, bytesReceived    atomic.Int64
	answered, refused, failed   atomic.Int64
	complete, rejected, retried atomic.Int64

	mu   sync.Mutex
	lags [len(lagBounds)]uint64 // each with those that are shorter
	all  uint64
	sum  time.Duration
}

// asked counts a request by how it ended.
func (c *peerCounters) asked(err error) {
	var e *peer.Error
	switch {
	case err == nil:
		c.answered.Add(1)
	case !errors.As(err, &e): // whoever asked has left
	case e.Status != 0 && !e.AboutPeer():
		c.refused.Add(1)
	default:
		c.failed.Add(1)
	}
}

// sentPart counts a request with so many bytes of a layer.
func (c *peerCounters) sentPart(bytes int, err error) {
	c.asked(err)
	if err == nil {
		c.bytesSent.Add(int64(bytes))
	}
}

// ended counts a try by how it ended.
func (c *peerCounters) ended(r metadata.Replication) {
	switch r.State {
	case metadata.ReplicationComplete:
		c.complete.Add(1)
		c.lag(r.FinishedAt.Sub(r.PushedAt))
	case metadata.ReplicationFailed:
		c.rejected.Add(1)
	default:
		c.retried.Add(1)
	}
}

func (c *peerCounters) lag(lag time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, bound := range lagBounds {
		if lag <= bound {
			c.lags[i]++
		}
	}
	c.all++
	c.sum += max(0, lag)
}

func (c *peerCounters) stats() PeerStats {
	s := PeerStats{
		BytesSent: c.bytesSent.Load(), BytesReceived: c.bytesReceived.Load(),
		Answered: c.answered.Load(), Refused: c.refused.Load(), Failed: c.failed.Load(),
		Replications: Stats{Complete: c.complete.Load(), Failed: c.rejected.Load(), Retried: c.retried.Load()},
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Lags = PeerLags{UpTo: make(map[time.Duration]uint64, len(lagBounds)), Count: c.all, Sum: c.sum}
	for i, bound := range lagBounds {
		s.Lags.UpTo[bound] = c.lags[i]
	}
	return s
}

// allPeerCounters are those of all peers that there were. The zero value is ready to use.
type allPeerCounters struct {
	mu   sync.Mutex
	byID map[string]*peerCounters
}

func (a *allPeerCounters) of(id string) *peerCounters {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.byID[id]
	if c == nil {
		c = &peerCounters{}
		if a.byID == nil {
			a.byID = map[string]*peerCounters{}
		}
		a.byID[id] = c
	}
	return c
}

// PeerStats returns the counts of a peer since the stores were opened.
func (s *Service) PeerStats(id string) PeerStats { return s.peerCounters.of(id).stats() }

// call is peer.Client.Call, counted.
func (r *remote) call(ctx context.Context, operation string, request, answer any) error {
	err := r.client.Call(ctx, operation, request, answer)
	r.counters.asked(err)
	return err
}
