package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/twinport/twinport/internal/blob"
)

const (
	// partSize is the size of every part of an upload but the last: large
	// enough for S3 (5 MiB), and for 52,000 MiB in less than 10,000 parts. All
	// are alike, as some servers require. The states of sessions rely on it.
	partSize = 8 << 20
	// maxParts is how many parts S3 allows.
	maxParts = 10000
	// chunkSize is how much memory a part takes at a time.
	chunkSize = 64 << 10
	// memoryParts is how many parts may be in memory at once: 256 MiB.
	memoryParts = 32
	// memoryTimeout is how long an upload waits for memory.
	memoryTimeout = time.Minute
)

var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// budget bounds the memory of all uploads. A part's first chunk is free, so
// that small blobs pass by large ones. With the second, room for the whole
// part is taken, and an upload takes no more while it has one that is not
// full: so whoever has room can finish without more, and nobody waits in a
// circle.
type budget struct{ parts *semaphore.Weighted }

func newBudget(parts int64) *budget { return &budget{semaphore.NewWeighted(parts)} }

func (b *budget) take(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, memoryTimeout)
	defer cancel()
	err := b.parts.Acquire(wait, 1)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: uploads took all the memory they may for %s", blob.ErrUnavailable, memoryTimeout)
	}
	return err
}

// part is a piece of an upload in memory.
type part struct {
	budget *budget
	taken  bool // room for the whole part
	chunks []*[chunkSize]byte
	size   int
}

func (p *part) full() bool { return p.size == partSize }

// fill reads once into the part, which is not full, and hashes what came.
func (p *part) fill(ctx context.Context, r io.Reader, h io.Writer) (int, error) {
	if p.size == len(p.chunks)*chunkSize {
		if len(p.chunks) > 0 && !p.taken {
			if err := p.budget.take(ctx); err != nil {
				return 0, err
			}
			p.taken = true
		}
		p.chunks = append(p.chunks, chunks.Get().(*[chunkSize]byte))
	}
	room := p.chunks[len(p.chunks)-1][p.size%chunkSize:]
	n, err := r.Read(room)
	p.size += n
	_, _ = h.Write(room[:n]) // a hash never fails
	return n, err
}

// free gives the memory back.
func (p *part) free() {
	if p == nil {
		return
	}
	for _, c := range p.chunks {
		chunks.Put(c)
	}
	p.chunks, p.size = nil, 0
	if p.taken {
		p.budget.parts.Release(1)
		p.taken = false
	}
}

// reader reads the part from its beginning.
func (p *part) reader() io.ReadSeeker { return &partReader{part: p} }

type partReader struct {
	part *part
	at   int64
}

func (r *partReader) Read(b []byte) (n int, err error) {
	if r.at >= int64(r.part.size) {
		return 0, io.EOF
	}
	for n < len(b) && r.at < int64(r.part.size) {
		c := r.part.chunks[r.at/chunkSize]
		begin := r.at % chunkSize
		end := min(chunkSize, begin+int64(r.part.size)-r.at)
		m := copy(b[n:], c[begin:end])
		n += m
		r.at += int64(m)
	}
	return n, nil
}

func (r *partReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += int64(r.part.size)
	default:
		return 0, fmt.Errorf("seek from %d: not known", whence)
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning of the part")
	}
	r.at = offset
	return offset, nil
}
