package filestore

import (
	"fmt"
	"io"
	"sync"

	"github.com/twinport/twinport/internal/blob"
)

const (
	// partSize is how much is read, written and hashed at a time.
	partSize = 256 << 10
	// partsAhead is how many parts may be written before they are hashed.
	// Hashing takes about as long as reading and writing; done at the same
	// time, all of it takes little longer than one of them.
	partsAhead = 3
	// writeback is how many bytes gather before the kernel is asked to begin
	// writing them out, so that the fsync at the end finds little left to do.
	writeback = 8 << 20
)

// part is a piece of a blob on its way.
type part struct {
	buffer [partSize]byte
	n      int
}

// parts are shared by uploads, so that their memory does not grow with their
// number or size.
var parts = sync.Pool{New: func() any { return new(part) }}

// fill reads until the part is at least half full, to keep writes large, or r
// ends. Unlike io.ReadAtLeast it returns r's own error, so that content that
// was cut short is not taken for content that ended.
func (p *part) fill(r io.Reader) error {
	for p.n = 0; p.n < len(p.buffer)/2; {
		n, err := r.Read(p.buffer[p.n:])
		p.n += n
		if err != nil {
			return err
		}
	}
	return nil
}

// write appends bytes to the file, but not to the hash.
func (u *upload) write(b []byte) error {
	if _, err := u.file.WriteAt(b, u.size); err != nil {
		// A part that was only partly written must not end up in the blob. If
		// it cannot be cut off, the upload is given up.
		if u.file.Truncate(u.size) != nil {
			u.remove()
		}
		return fmt.Errorf("write to upload %s: %w", u.id, storageError(err))
	}
	u.size += int64(len(b))
	return nil
}

// ReadFrom appends all of r, in constant memory. If r or the disk fails
// midway, the bytes before stay and the upload can be resumed.
func (u *upload) ReadFrom(r io.Reader) (int64, error) {
	if u.ended {
		return 0, fmt.Errorf("upload %s has ended: %w", u.id, blob.ErrNotFound)
	}
	u.verified = ""
	before := u.size
	p := parts.Get().(*part)
	readErr := p.fill(r)
	if readErr != nil { // small, as most blobs are: not worth a pipeline
		err := u.write(p.buffer[:p.n])
		if err == nil {
			u.hash.Write(p.buffer[:p.n])
		}
		parts.Put(p)
		return u.size - before, end(readErr, err)
	}
	hash := u.startHashing()
	flush := u.startWriteback()
	var err error
	for {
		if err = u.write(p.buffer[:p.n]); err != nil {
			parts.Put(p)
			break
		}
		hash.parts <- p
		flush.upTo(u.size)
		if readErr != nil {
			break
		}
		p = parts.Get().(*part)
		readErr = p.fill(r)
	}
	hash.stop()
	flush.stop()
	return u.size - before, end(readErr, err)
}

// end is how ReadFrom ends: the end of the content is no error.
func end(readErr, writeErr error) error {
	if writeErr != nil {
		return writeErr
	}
	if readErr == io.EOF {
		return nil
	}
	return readErr
}

// hashing hashes parts in order, in a goroutine beside the one that writes.
type hashing struct {
	parts chan *part
	done  sync.WaitGroup
}

func (u *upload) startHashing() *hashing {
	h := &hashing{parts: make(chan *part, partsAhead)}
	h.done.Go(func() {
		for p := range h.parts {
			u.hash.Write(p.buffer[:p.n])
			parts.Put(p)
		}
	})
	return h
}

// stop waits until all parts are hashed.
func (h *hashing) stop() {
	close(h.parts)
	h.done.Wait()
}

// flushing asks the kernel to write out what was written, in a goroutine of its
// own: the kernel may block its caller.
type flushing struct {
	requests chan int64
	done     sync.WaitGroup
	asked    int64
}

// startWriteback goes on where the call of ReadFrom before has left off: a layer may come in
// parts that are each too small to be written out for.
func (u *upload) startWriteback() *flushing {
	f := &flushing{requests: make(chan int64, 1), asked: u.flushed}
	f.done.Go(func() {
		for size := range f.requests {
			beginWriteback(u.file, u.flushed, size-u.flushed)
			u.flushed = size
		}
	})
	return f
}

// upTo asks for what was written up to size, unless that is little or the
// kernel is still busy: then the next call includes it.
func (f *flushing) upTo(size int64) {
	if size-f.asked < writeback {
		return
	}
	select {
	case f.requests <- size:
		f.asked = size
	default:
	}
}

func (f *flushing) stop() {
	close(f.requests)
	f.done.Wait()
}
