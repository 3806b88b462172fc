package migrate

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// brakeSteps are for how many hundredths of the time writers are held, when they
// write faster than their changes are copied: more each time that this is seen.
var brakeSteps = []int{50, 75, 90, 95, 98, 99}

const (
	// writeTime is for how long writers go on between two holds.
	writeTime = 10 * time.Millisecond
	// maxHeld bounds a hold, and so what it adds to the time of a write.
	maxHeld = 2 * time.Second
)

// brake slows the writers of the source down: it holds them for short times, again
// and again, as live migrations of virtual machines do with their processors.
type brake struct {
	ctx     context.Context // it is released with its end
	from    *metadata.SQLite
	pressed int          // how often
	percent atomic.Int64 // of the time, for which writers are held
	stop    context.CancelFunc
	working sync.WaitGroup
}

// press slows the writers down by one step more, and returns for how many
// hundredths of the time they are held then.
func (b *brake) press() (percent int) {
	percent = brakeSteps[min(b.pressed, len(brakeSteps)-1)]
	b.percent.Store(int64(percent))
	if b.pressed++; b.pressed == 1 {
		var ctx context.Context
		ctx, b.stop = context.WithCancel(b.ctx)
		b.working.Go(func() { b.work(ctx) })
	}
	return percent
}

// release lets the writers go on as they can. The brake is not pressed afterwards.
func (b *brake) release() {
	if b.pressed > 0 {
		b.stop()
		b.working.Wait()
	}
}

func (b *brake) work(ctx context.Context) {
	for {
		begun := time.Now()
		if sleep(ctx, writeTime) != nil {
			return
		}
		release, err := b.from.Hold(ctx) // after what is being committed
		if err != nil {
			return // the migration has ended, or the store
		}
		percent := time.Duration(b.percent.Load())
		_ = sleep(ctx, min(time.Since(begun)*percent/(100-percent), maxHeld))
		release(false)
	}
}

// sleep fails if ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
