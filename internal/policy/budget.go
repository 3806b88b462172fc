package policy

import "context"

const (
	// maxSteps bounds the work of one evaluation, at most some milliseconds.
	// The longest policies that people write take a few thousand steps.
	maxSteps = 1 << 18
	// maxValue bounds a value of a condition key, in bytes: 256 characters, as
	// the value of a tag may have, take no more.
	maxValue = 1024
	// maxExpanded bounds a string with its variables replaced, in bytes. No
	// value that it could equal is as long.
	maxExpanded = 8 << 10

	// bytesPerStep is how many bytes the processor's own instructions search or
	// compare in the time of a step.
	bytesPerStep = 8
	// stepsPerLook is how often the evaluation looks whether its request has ended.
	stepsPerLook = 1 << 14
)

// budget is what is left of the work that one evaluation may do. Once it is
// spent, the result of the evaluation does not count.
type budget struct {
	// done is closed when the request ends. (A context here would move all that
	// an evaluation refers to to the heap.)
	done  <-chan struct{}
	steps int
	spent bool
}

func newBudget(ctx context.Context) budget {
	b := budget{done: ctx.Done(), steps: maxSteps}
	b.spent = b.ended()
	return b
}

// ended reports whether the request has.
func (b *budget) ended() bool {
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}

// spend takes steps off, and returns false if nothing is left or the request
// has ended.
func (b *budget) spend(steps int) bool {
	if b.spent {
		return false
	}
	before := b.steps
	b.steps -= steps
	if b.steps < 0 || before/stepsPerLook != b.steps/stepsPerLook && b.ended() {
		b.spent = true
	}
	return !b.spent
}

// scan spends what it costs to search or compare so many bytes.
func (b *budget) scan(bytes int) bool { return b.spend(1 + bytes/bytesPerStep) }

// exhaust spends all that is left.
func (b *budget) exhaust() { b.spent = true }
