package migrate

import (
	"sync"
	"time"
)

// Phase is a part of a migration.
type Phase string

const (
	Objects Phase = "objects" // the bytes of blobs
	Tables  Phase = "tables"
	Changes Phase = "changes" // what has changed meanwhile
	Check   Phase = "check"
	Switch  Phase = "switch" // writes wait
	End     Phase = "end"    // all has moved; the mark is being removed
	Done    Phase = "done"
)

// Progress is how far a migration has come.
type Progress struct {
	Phase   Phase `json:"phase"`
	Resumed bool  `json:"resumed,omitempty"` // it goes on with one that was cut off
	// Objects and Bytes that are in the bucket, with those that were there when
	// the migration was resumed.
	Objects      int64 `json:"objects"`
	ObjectsTotal int64 `json:"objects_total"`
	Bytes        int64 `json:"bytes"`
	BytesTotal   int64 `json:"bytes_total"`
	// BytesCopied counts only what this run has copied, for the rate.
	BytesCopied int64 `json:"here"`
	Rows        int64 `json:"rows"` // copied by this run
	RowsTotal   int64 `json:"rows_total"`
	Changes     int64 `json:"changes"` // that the last round found
	// Slowed is for how many hundredths of the time writes are held so that the
	// rounds get shorter.
	Slowed  int   `json:"slowed,omitempty"`
	Checked int64 `json:"checked"` // objects
	// ReadOnly is how long writes had to wait.
	ReadOnly time.Duration `json:"read_only,omitempty"`
	// Error says why the migration ended without success.
	Error string `json:"error,omitempty"`
}

// reporter keeps the progress, and passes it on now and then.
type reporter struct {
	mu   sync.Mutex
	now  Progress
	last time.Time
	to   func(Progress)
}

// reportInterval bounds how often progress is passed on within a phase.
const reportInterval = 200 * time.Millisecond

func (r *reporter) update(change func(*Progress)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	phase := r.now.Phase
	change(&r.now)
	if r.now.Phase != phase || time.Since(r.last) >= reportInterval {
		r.last = time.Now()
		r.to(r.now)
	}
}
