package budget

import (
	"io"
	"time"
)

// Pace is how slow a client may be with a body, or with an answer.
type Pace struct {
	// Silence is how long it may do nothing, once.
	Silence time.Duration
	// Rate is how many bytes a second earn back the time that they take.
	Rate int64
}

// Patience is how long a client may still keep us waiting. Waiting uses it up, and what the client sends or takes
// earns it back, up to the pace's Silence: so a steady client is never cut off, and one that sends a byte now and
// then soon is. Time that we need ourselves does not count.
type Patience struct {
	Pace
	left time.Duration
}

// Begin returns all the patience of the pace.
func (p Pace) Begin() Patience { return Patience{p, p.Silence} }

// Spend records a wait in which n bytes moved.
func (p *Patience) Spend(waited time.Duration, n int) {
	earned := time.Duration(int64(n) * int64(time.Second) / p.Rate)
	p.left = min(p.left-waited+earned, p.Silence)
}

// Left is how long the client may make us wait now.
func (p *Patience) Left() time.Duration { return max(p.left, 0) }

// Body is a request's body that must come at a pace. It is for one goroutine.
type Body struct {
	body     io.ReadCloser
	deadline func(time.Time) error
	patience Patience
	until    time.Time // the deadline that is set
	ended    bool
}

// NewBody returns a body that sets a deadline for each of its reads. Not every connection has deadlines; then the
// pace is not kept.
func NewBody(body io.ReadCloser, pace Pace, deadline func(time.Time) error) *Body {
	return &Body{body: body, deadline: deadline, patience: pace.Begin()}
}

// Read reads from the body. A client that is too slow is os.ErrDeadlineExceeded.
func (b *Body) Read(p []byte) (int, error) {
	begun := time.Now()
	// Setting a deadline at every read would cost more than many reads do.
	until := begun.Add(b.patience.Left())
	if d := until.Sub(b.until); d < 0 || d > b.patience.Silence/60 {
		_ = b.deadline(until)
		b.until = until
	}
	n, err := b.body.Read(p)
	b.patience.Spend(time.Since(begun), n)
	if err == io.EOF {
		b.ended = true
		// The connection stays watched for the client's going away while the request is worked on; that may take
		// longer than a silence.
		_ = b.deadline(time.Time{})
	}
	return n, err
}

// Hurry gives the rest of the body no longer than limit to come: nobody is going to read it.
func (b *Body) Hurry(limit time.Duration) {
	if !b.ended {
		_ = b.deadline(time.Now().Add(limit))
	}
}

// Close closes the body.
func (b *Body) Close() error { return b.body.Close() }
