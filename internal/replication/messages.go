package replication

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/resource"
)

// The operations of the protocol: see docs/peers.md.
const (
	OperationImages  = "images"
	OperationLayers  = "layers"
	OperationParts   = "parts"
	OperationCheck   = "check"
	OperationChanges = "changes"
)

const (
	// maxMessages is how many messages with images are on their way to a peer. What
	// comes meanwhile waits for the next one: so the slower the line, the more images
	// share a message.
	maxMessages = 8
	// maxFullMessages is how many there may be if each of the others has fullMessage
	// images at least: far away, that many should not wait until a message is answered.
	maxFullMessages = 4 * maxMessages
	fullMessage     = 16
)

// messages gathers images that go to a peer.
type messages struct {
	mu       sync.Mutex
	waiting  []*message
	underway int
	// acknowledged has the highest number that the peer has acknowledged of each
	// registry, by its row.
	acknowledged map[int64]int64
}

// message is an image that waits for its result.
type message struct {
	row   int64 // of the source registry
	by    sender
	image SentImage
	size  int

	done   chan struct{}
	result ImageResult
	err    error
}

// send sends an image, with others, and returns what became of it: *peer.Error.
// Those of backfills wait behind all others.
func (m *messages) send(ctx context.Context, r *remote, row int64, by sender, image SentImage) (ImageResult, error) {
	s := &message{row: row, by: by, image: image, done: make(chan struct{})}
	for _, manifest := range image.Manifests {
		s.size += len(manifest.Bytes)
	}
	for _, layer := range image.Layers {
		s.size += len(layer.Bytes)
	}
	m.mu.Lock()
	place := len(m.waiting)
	if !by.backfill {
		if i := slices.IndexFunc(m.waiting, func(other *message) bool { return other.by.backfill }); i >= 0 {
			place = i
		}
	}
	m.waiting = slices.Insert(m.waiting, place, s)
	if m.underway < maxMessages || m.underway < maxFullMessages && len(m.waiting) >= fullMessage {
		m.underway++
		go m.run(context.WithoutCancel(ctx), r)
	}
	m.mu.Unlock()
	select {
	case <-s.done:
		return s.result, s.err
	case <-ctx.Done():
		return ImageResult{}, ctx.Err()
	}
}

// run sends messages until none waits.
func (m *messages) run(ctx context.Context, r *remote) {
	for {
		m.mu.Lock()
		n, size := 0, 0
		for n < len(m.waiting) && n < MaxSentImages && (n == 0 || size+m.waiting[n].size <= MaxSentManifests) {
			size += m.waiting[n].size
			n++
		}
		batch := m.waiting[:n:n]
		m.waiting = m.waiting[n:]
		if n == 0 {
			m.waiting = nil
			m.underway--
			m.mu.Unlock()
			return
		}
		m.mu.Unlock()
		err := m.exchange(ctx, r, batch)
		for _, s := range batch {
			s.err = err
			close(s.done)
		}
	}
}

// exchange sends a batch, and takes note of the answer.
func (m *messages) exchange(ctx context.Context, r *remote, batch []*message) error {
	rows := map[resource.Registry]int64{}
	var request SentImages
	for _, s := range batch {
		request.Images = append(request.Images, s.image)
		rows[s.image.Source] = s.row
	}
	for source, row := range rows {
		n, err := m.position(ctx, r, row)
		if err != nil {
			return err
		}
		request.Acknowledged = append(request.Acknowledged, Position{source, n})
	}
	var answer SentImagesAnswer
	if err := r.call(ctx, OperationImages, request, &answer); err != nil {
		return err
	}
	if len(answer.Lost) > 0 {
		return m.lost(ctx, r, rows, answer.Lost)
	}
	if len(answer.Results) != len(batch) {
		return &peer.Error{Code: peer.Garbage, Message: fmt.Sprintf("It answered %d results for %d images.",
			len(answer.Results), len(batch))}
	}
	for i, s := range batch {
		s.result = answer.Results[i]
	}
	return m.acknowledge(ctx, r, rows, batch, answer.Received)
}

// position is the highest number of a registry that the peer has acknowledged.
func (m *messages) position(ctx context.Context, r *remote, row int64) (int64, error) {
	m.mu.Lock()
	n, known := m.acknowledged[row]
	m.mu.Unlock()
	if known {
		return n, nil
	}
	p, err := r.meta.Read(ctx).PeerPositions().Of(r.id, row)
	if err != nil {
		return 0, fmt.Errorf("look up how far a peer has come: %w", err)
	}
	m.note(row, p.Acknowledged)
	return p.Acknowledged, nil
}

func (m *messages) note(row, number int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acknowledged[row] = max(m.acknowledged[row], number)
}

// errNumbers says that the numbers of a registry had gone back, and are raised now.
var errNumbers = errors.New("the numbers of the registry had gone back, as those of a restored backup do")

// acknowledge notes what the peer has acknowledged. A peer that has seen higher
// numbers than there are saw them before this deployment was restored from a
// backup: what is pushed from now on, and what waits, gets numbers past those.
func (m *messages) acknowledge(ctx context.Context, r *remote, rows map[resource.Registry]int64, batch []*message,
	received []Position) error {
	highest := map[int64]int64{}
	for _, s := range batch {
		if s.result.Outcome == Applied {
			highest[s.row] = max(highest[s.row], s.image.Number)
		}
	}
	restored := false
	err := r.meta.UpdateFirst(ctx, func(tx *metadata.Tx) error {
		restored = false
		for row, number := range highest {
			if err := tx.PeerPositions().Acknowledge(r.id, row, number); err != nil {
				return err
			}
		}
		for _, p := range received {
			row := rows[p.Registry]
			if row == 0 || p.Number <= m.seen(row, highest[row]) {
				continue
			}
			now, err := tx.Registries().NextSequence(row)
			if err != nil {
				return err
			}
			if p.Number < now {
				continue // others have sent it
			}
			if err := raise(tx, row, p.Number, r.now()); err != nil {
				return err
			}
			restored = true
			tx.OnCommit(func() {
				r.log.Warn("a peer has seen higher numbers of a registry than there are, so this deployment was restored from "+
					"a backup; what is pushed from now on, and what waits, counts as newer", "account", p.Registry.Account,
					"region", p.Registry.Region)
			})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note what a peer has acknowledged: %w", err)
	}
	for row, number := range highest {
		m.note(row, number)
	}
	if restored {
		return errNumbers
	}
	return nil
}

// raise makes the next number of a registry higher than the given one, and those
// of the replications that wait, too, which keep their order.
func raise(tx *metadata.Tx, row, above int64, t time.Time) error {
	lowest, highest, err := tx.Replications().WaitingNumbers(row, above)
	if err != nil {
		return err
	}
	add := above + 1 - lowest
	if err := tx.Registries().RaiseSequence(row, max(above, highest+add)); err != nil || highest == 0 {
		return err
	}
	return tx.Replications().Renumber(row, above, add, t)
}

// seen is the highest number of a registry that this process knows to be given.
func (m *messages) seen(row, number int64) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return max(m.acknowledged[row], number)
}

// lost notes that the peer has lost what it had acknowledged, as one does that was
// restored from a backup.
func (m *messages) lost(ctx context.Context, r *remote, rows map[resource.Registry]int64, lost []Position) error {
	err := r.meta.Update(ctx, func(tx *metadata.Tx) error {
		for _, p := range lost {
			if row := rows[p.Registry]; row != 0 {
				if err := tx.PeerPositions().Lost(r.id, row, p.Number, r.now()); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note that a peer has lost images: %w", err)
	}
	m.mu.Lock()
	for _, p := range lost {
		if row := rows[p.Registry]; row != 0 {
			m.acknowledged[row] = p.Number
		}
	}
	m.mu.Unlock()
	r.log.Warn("a peer has lost images that it had, as after a restored backup; they are sent again", "peer", r.id)
	return &peer.Error{Code: peer.Unavailable, Message: "It has lost images that it had, which are sent again first."}
}
