package expiry

import (
	"sync/atomic"

	"github.com/twinport/twinport/internal/metadata"
)

// Counter counts what a process's runs have done. The zero Counter has counted
// nothing. It may outlive a Service.
type Counter struct{ complete, failed, expired, bytes, kept atomic.Int64 }

// Stats are the counts of a Counter.
type Stats struct {
	Complete, Failed int64 // runs
	Expired, Kept    int64 // images
	// Bytes of those that expired, layers counted once in each image.
	Bytes int64
}

// Stats returns the counts so far.
func (c *Counter) Stats() Stats {
	return Stats{
		Complete: c.complete.Load(), Failed: c.failed.Load(), Expired: c.expired.Load(), Kept: c.kept.Load(),
		Bytes: c.bytes.Load(),
	}
}

// CountIn has what is done from now on counted there.
func (s *Service) CountIn(c *Counter) { s.counter.Store(c) }

func (c *Counter) ran(status metadata.EvaluationStatus) {
	if status == metadata.EvaluationComplete {
		c.complete.Add(1)
	} else {
		c.failed.Add(1)
	}
}

func (c *Counter) acted(m metadata.LifecycleMark) {
	switch m.Outcome {
	case metadata.MarkDone:
		c.expired.Add(1)
		c.bytes.Add(m.Size)
	case metadata.MarkKept:
		c.kept.Add(1)
	}
}
