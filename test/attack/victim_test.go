package attack

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// work is what the victim does all the time: it pulls a manifest, and pushes small images.
type work struct {
	client *client
	n      int // of the last push

	pull, push  []time.Duration
	failed      error
	stop, ended chan struct{}
}

func newWork(p *program) *work {
	p.t.Helper()
	w := &work{client: p.as(victim)}
	w.client.createRepository("app")
	if err := w.client.push("app", "latest"); err != nil {
		p.t.Fatal(err)
	}
	return w
}

// begin begins to work.
func (w *work) begin() {
	w.pull, w.push, w.failed = nil, nil, nil
	w.stop, w.ended = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(w.ended)
		for w.failed == nil {
			select {
			case <-w.stop:
				return
			case <-time.After(2 * time.Millisecond): // a tenant, not a benchmark
			}
			begun := time.Now()
			for range 5 {
				if _, w.failed = w.client.want(http.StatusOK, "GET", "app/manifests/latest", nil); w.failed != nil {
					return
				}
				w.pull = append(w.pull, time.Since(begun))
				begun = time.Now()
			}
			w.n++
			if w.failed = w.client.push("app", fmt.Sprint("tag", w.n%50)); w.failed != nil {
				return
			}
			w.push = append(w.push, time.Since(begun))
		}
	}()
}

// end ends the work, and returns the 99th percentiles of pulls and pushes.
func (w *work) end(t *testing.T) (pull, push time.Duration) {
	t.Helper()
	close(w.stop)
	<-w.ended
	if w.failed != nil {
		t.Errorf("the victim could not work: %v", w.failed)
	}
	return p99(w.pull), p99(w.push)
}

func p99(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)-1)*99/100]
}

const (
	// times is how much slower than in quiet the victim may be.
	times = 3
	// What both take on a machine that does something else besides is not counted, least of all in a short run.
	noise, shortNoise = 50 * time.Millisecond, 5 * time.Second
)

// attack measures the victim in quiet, and while run goes on, which is notified when the time is over; it returns when it
// has ended its attack. The program must not take more than memory, in MiB.
func (p *program) attack(memory int, run func(over <-chan struct{})) {
	t := p.t
	t.Helper()
	d, long := attackTime()
	w := newWork(p)
	w.begin()
	time.Sleep(min(d, 10*time.Second))
	quietPull, quietPush := w.end(t)
	before := p.peak()

	over, ended := make(chan struct{}), make(chan struct{})
	w.begin()
	go func() {
		defer close(ended)
		run(over)
	}()
	time.Sleep(d)
	close(over)
	pull, push := w.end(t)
	pulls, pushes := len(w.pull), len(w.push)
	<-ended
	peak := p.peak()
	t.Logf("memory %d, then %d MiB; p99 of %d pulls %v, in quiet %v; of %d pushes %v, in quiet %v",
		before, peak, pulls, pull, quietPull, pushes, push, quietPush)
	if peak > memory {
		t.Errorf("the program took %d MiB; it may take %d", peak, memory)
	}
	allowed := noise
	if !long {
		allowed = shortNoise
	}
	if pull > max(times*quietPull, allowed) || push > max(times*quietPush, allowed) {
		t.Errorf("the victim was slower than %d times in quiet", times)
	}
}
