package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/budget"
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
	// backgroundParts is how many parts may be in memory at once for uploads
	// outside requests, such as those of a migration.
	backgroundParts = 32
	// backgroundWait is how long such an upload waits for memory.
	backgroundWait = time.Minute
)

var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// memory is what an upload may use. The first chunk of a part comes from the
// budget of bodies, so that small blobs do not wait for large ones. With its
// second chunk a part takes room for all of itself, and the upload takes no
// more while it has a part that is not full: so an upload that has room can
// finish without more, and none deadlock.
type memory struct{ first, parts *budget.Claim }

// memory of the request in ctx.
func (s *Store) memory(ctx context.Context) memory {
	if r, ok := budget.Of(ctx); ok {
		return memory{&r.Memory, &r.Parts}
	}
	return memory{new(budget.Claim), s.background.Claim(budget.Party{})}
}

// newBackground returns the budget of uploads outside requests.
func newBackground(parts int64) *budget.Budget {
	return budget.New(budget.Config{
		Name: "background parts", Limit: parts * partSize, Wait: backgroundWait, Waiting: 1 << 20,
	}, slog.Default())
}

// part is a piece of an upload in memory.
type part struct {
	memory memory
	taken  bool // room for the whole part
	chunks []*[chunkSize]byte
	size   int
}

func (p *part) full() bool { return p.size == partSize }

// fill reads once into the part, which is not full, and hashes what came.
func (p *part) fill(ctx context.Context, r io.Reader, h io.Writer) (int, error) {
	if p.size == len(p.chunks)*chunkSize {
		switch {
		case len(p.chunks) == 0:
			if err := p.memory.first.Take(ctx, chunkSize); err != nil {
				return 0, err
			}
		case !p.taken:
			if err := p.memory.parts.Take(ctx, partSize); err != nil {
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
	if len(p.chunks) > 0 {
		p.memory.first.Give(chunkSize)
	}
	if p.taken {
		p.memory.parts.Give(partSize)
	}
	p.chunks, p.size, p.taken = nil, 0, false
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
