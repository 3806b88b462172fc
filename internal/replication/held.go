package replication

import (
	"sync"

	"github.com/twinport/twinport/internal/metadata"
)

// held is a replication that is being sent.
type held struct {
	row metadata.Replication // as it was claimed

	mu        sync.Mutex
	transfers map[*transfer]bool // that it waits for, or has waited for
}

// follow notes that the image needs what a transfer sends.
func (h *held) follow(of *transfer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.transfers == nil {
		h.transfers = map[*transfer]bool{}
	}
	h.transfers[of] = true
}

// sentPart counts the bytes of a part of a layer while they leave. Those of a part
// that the peer has not taken count for nothing in the end.
type sentPart struct {
	of   *transfer
	size int

	mu      sync.Mutex
	counted int
	ended   bool
}

// add counts bytes. What is sent twice counts once.
func (p *sentPart) add(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.count(min(p.counted+bytes, p.size))
	}
}

// taken says that the peer has the part.
func (p *sentPart) taken() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count(p.size)
	p.ended = true
}

// end says that no more is sent.
func (p *sentPart) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.count(0)
		p.ended = true
	}
}

func (p *sentPart) count(bytes int) {
	p.of.sent.Add(int64(bytes - p.counted))
	p.counted = bytes
}

// progress returns a row with how far its transfers are.
func (h *held) progress(row metadata.Replication) metadata.Replication {
	h.mu.Lock()
	defer h.mu.Unlock()
	for of := range h.transfers {
		row.BytesTotal += of.size
		row.BytesSent += min(of.size, of.sent.Load()) // some bytes may be sent twice
		if row.BegunAt.IsZero() || of.begun.Before(row.BegunAt) {
			row.BegunAt = of.begun
		}
	}
	return row
}
