package usage

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// What a registry has stored is known only by reading all of its rows. So it is counted for all of a registry at once,
// in the background, page by page, one registry of an account at a time; whoever asks gets what was counted last, and
// waits for a new count for storagePatience at most. A count is used for countRest times as long as it took, so
// counting takes at most a fiftieth of the time, and what is quick to count is new. No push waits for it.
const (
	storagePatience = time.Second
	// storagePage is how many repositories are counted by one query.
	storagePage = 20
	// storageRange is how many layers are told apart by one query, or about as many.
	storageRange = 200_000
	// manyFigures is of how many repositories figures are remembered, of all registries together. Those of the last
	// registry are, however many they are.
	manyFigures = 250_000
)

// Storage is what a registry has, as it was counted.
type Storage struct {
	At time.Time // when counting began
	// Layers and manifests of the registry. A layer counts once, however many repositories have it; a manifest is
	// stored once in each.
	Layers, LayerBytes       int64
	Manifests, ManifestBytes int64
	// Apart is how many bytes of layers there are if each counts once in each repository.
	Apart int64

	took         time.Duration
	repositories map[int64]metadata.Stored // by row
}

// Of returns what a repository has: false if it was not there when counting began.
func (s *Storage) Of(repository int64) (metadata.Stored, bool) {
	stored, ok := s.repositories[repository]
	return stored, ok
}

// storages are what is known of registries.
type storages struct {
	mu   sync.Mutex
	last map[int64]*Storage    // by row
	runs map[int64]*storageRun // those that go on
	// turns are by account: who has put something into it counts.
	turns map[string]chan struct{}
}

// turn is the account's.
func (st *storages) turn(account string) chan struct{} {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.turns == nil {
		st.turns = map[string]chan struct{}{}
	}
	if st.turns[account] == nil {
		st.turns[account] = make(chan struct{}, 1)
	}
	return st.turns[account]
}

// storageRun is a count that goes on.
type storageRun struct {
	done    chan struct{} // closed at its end
	counted *Storage
	err     error
}

// Storage returns what was counted last of a registry's: nil if nothing was yet. counting says that a count goes on.
func (c *Counter) Storage(ctx context.Context, account string, registry int64) (s *Storage, counting bool, err error) {
	st := &c.stored
	st.mu.Lock()
	if st.last == nil {
		st.last, st.runs = map[int64]*Storage{}, map[int64]*storageRun{}
	}
	last := st.last[registry]
	if last != nil {
		if age := c.now().Sub(last.At); age >= 0 && age <= (1+countRest)*last.took {
			st.mu.Unlock()
			return last, false, nil
		}
	}
	run := st.runs[registry]
	if run == nil {
		run = &storageRun{done: make(chan struct{})}
		st.runs[registry] = run
		go c.countStorage(context.WithoutCancel(ctx), account, registry, run)
	}
	st.mu.Unlock()
	late := time.NewTimer(storagePatience)
	defer late.Stop()
	select {
	case <-run.done:
		return run.counted, false, run.err
	case <-late.C:
		return last, true, nil
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
}

// countStorage counts, in the account's turn, and remembers what it has counted.
func (c *Counter) countStorage(ctx context.Context, account string, registry int64, run *storageRun) {
	st := &c.stored
	turn := st.turn(account)
	turn <- struct{}{}
	run.counted, run.err = c.readStorage(ctx, registry)
	<-turn
	st.mu.Lock()
	delete(st.runs, registry)
	if run.err == nil {
		st.last[registry] = run.counted
		st.forget(registry)
	}
	st.mu.Unlock()
	close(run.done)
}

// forget drops what was counted longest ago while there is too much of it, but not what is known of one registry. mu is
// held.
func (st *storages) forget(but int64) {
	figures := 0
	for _, s := range st.last {
		figures += 1 + len(s.repositories)
	}
	for figures > manyFigures && len(st.last) > 1 {
		var oldest int64
		var at time.Time
		for id, s := range st.last {
			if id != but && (at.IsZero() || s.At.Before(at)) {
				oldest, at = id, s.At
			}
		}
		figures -= 1 + len(st.last[oldest].repositories)
		delete(st.last, oldest)
	}
}

func (c *Counter) readStorage(ctx context.Context, registry int64) (*Storage, error) {
	s := &Storage{At: c.now(), repositories: map[int64]metadata.Stored{}}
	links := int64(0) // of repositories to layers
	for last, more := "", true; more; {
		page, err := c.read(ctx).Usage().Stored(registry, last, storagePage)
		if err != nil {
			return nil, fmt.Errorf("count what repositories have stored: %w", err)
		}
		for _, r := range page {
			last = r.Name
			r.Name = "" // nobody asks for it
			s.repositories[r.Repository] = r
			s.Apart += r.LayerBytes
			s.Manifests += r.Manifests
			s.ManifestBytes += r.ManifestBytes
			links += r.Layers
		}
		more = len(page) == storagePage
	}
	ends := digestRanges(links)
	for i, from := range ends[:len(ends)-1] {
		n, bytes, err := c.read(ctx).Usage().Layers(registry, from, ends[i+1])
		if err != nil {
			return nil, fmt.Errorf("count the layers that a registry has stored: %w", err)
		}
		s.Layers += n
		s.LayerBytes += bytes
	}
	s.took = max(0, c.now().Sub(s.At))
	return s, nil
}

// digestRanges are where ranges of digests begin, and the last ends, with at most about storageRange of so many layers
// in each: digests are spread evenly.
func digestRanges(layers int64) (ends []string) {
	const mostDigits = 4
	digits := 0
	for digits < mostDigits && layers > storageRange*int64(math.Pow(16, float64(digits))) {
		digits++
	}
	ends = append(ends, "")
	for i := 1; i < 1<<(4*digits); i++ {
		ends = append(ends, fmt.Sprintf("sha256:%0*x", digits, i))
	}
	return append(ends, "~")
}
