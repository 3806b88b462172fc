package budget

import (
	"context"
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"
	"time"
)

// Limits are the budgets of a process.
type Limits struct {
	// Memory is for the bytes of requests' bodies and of answers that are built before they are sent.
	Memory *Budget
	// Parts is for the bytes of layers on their way to a bucket.
	Parts *Budget
	// Work is for what keeps a processor busy for long: small requests always find one that is not.
	Work *Budget
	// Requests is for requests whose bodies have not come to their end.
	Requests *Budget
	// Connections is for open connections.
	Connections *Budget
}

const (
	// usualMemory is what a process counts on without GOMEMLIMIT: as much as one with
	// the limits in deploy/.
	usualMemory = 850 << 20
	// leastMemory is what the largest bodies need to come through at all.
	leastMemory = 400 << 20
	// connectionMemory is what a connection may take beside bodies: buffers, stacks, headers.
	connectionMemory = 128 << 10
)

// ForProcess returns the budgets of this process by its memory limit (GOMEMLIMIT) and its processors.
func ForProcess(log *slog.Logger) *Limits {
	memory := debug.SetMemoryLimit(-1)
	if memory == math.MaxInt64 {
		memory = usualMemory
	}
	return NewLimits(max(memory, leastMemory), runtime.GOMAXPROCS(0), log)
}

// NewLimits returns the budgets of a process with that much memory and that many processors.
func NewLimits(memory int64, processors int, log *slog.Logger) *Limits {
	return &Limits{
		Memory: New(Config{Name: "memory", Limit: memory / 4, Times: 1, Wait: 2 * time.Second, Waiting: 64}, log),
		// Parts wait for those before them, which the bucket takes as fast as it can. Nobody can hold one for long,
		// and one account alone may have most, for its pushes are what a process is there for.
		Parts:       New(Config{Name: "parts", Limit: memory / 10 * 3, Times: 3, Wait: 30 * time.Second, Waiting: 1024}, log),
		Work:        New(Config{Name: "work", Limit: int64(max(1, processors-1)), Wait: 5 * time.Second, Waiting: 16}, log),
		Requests:    New(Config{Name: "requests", Limit: memory / connectionMemory, Times: 2}, log),
		Connections: New(Config{Name: "connections", Limit: memory / connectionMemory, Times: 2}, log),
	}
}

// All lists them.
func (l *Limits) All() []*Budget {
	return []*Budget{l.Memory, l.Parts, l.Work, l.Requests, l.Connections}
}

// Request is what one request holds, from Begin to End.
type Request struct {
	Memory, Parts, Work Claim
}

// Begin returns a request of the party's that holds nothing. Limits that are nil have no bounds.
func (l *Limits) Begin(p Party) *Request {
	r := new(Request)
	if l != nil {
		l.Memory.Begin(&r.Memory, p)
		l.Parts.Begin(&r.Parts, p)
		l.Work.Begin(&r.Work, p)
	}
	return r
}

// End gives back what the request still holds.
func (r *Request) End() {
	r.Memory.Close()
	r.Parts.Close()
	r.Work.Close()
}

// Heavy is the size from which on a document keeps a processor busy for long: some milliseconds.
const Heavy = 256 << 10

// Busy waits until a processor may be kept busy with n bytes, and returns what to call when it no longer is. Few
// bytes do not count.
func (r *Request) Busy(ctx context.Context, n int) (done func(), err error) {
	if n < Heavy {
		return func() {}, nil
	}
	if err := r.Work.Take(ctx, 1); err != nil {
		return nil, err
	}
	return func() { r.Work.Give(1) }, nil
}

type contextKey struct{}

// NewContext returns a context with the request, for those who have no other way to it.
func (r *Request) NewContext(ctx context.Context) context.Context {
	return context.WithValue(ctx, contextKey{}, r)
}

// Of returns the request in ctx; ok is false, and the request without bounds, if there is none.
func Of(ctx context.Context) (r *Request, ok bool) {
	if r, ok = ctx.Value(contextKey{}).(*Request); ok {
		return r, true
	}
	return new(Request), false
}

// Busy is Request.Busy of the request in ctx.
func Busy(ctx context.Context, n int) (done func(), err error) {
	r, _ := Of(ctx)
	return r.Busy(ctx, n)
}

// TakeMemory takes n bytes for the request in ctx, which gives them back at its end.
func TakeMemory(ctx context.Context, n int) error {
	r, _ := Of(ctx)
	return r.Memory.Take(ctx, int64(n))
}
