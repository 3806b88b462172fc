package replication

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
)

// A large layer leaves for peers while it still arrives here, so that little of it is left to be
// sent when the push is answered, however large it is. A client says only at the end which digest
// it has; until then it travels under the id of its upload here. Nothing depends on it: what does
// not get there so is sent as any other layer (early.go). It takes a store whose uploads can be
// read while they are being written.

const (
	// arrivingFrom is how many bytes of a layer have come before it is sent.
	arrivingFrom = 1 << 20
	// maxArriving is how many layers are sent to a peer at a time while they arrive.
	maxArriving = 32
	// idleArrival ends the transfer of a layer of which nothing has come for so long. It is
	// begun again after as long at the earliest, as is one that has failed, and goes on where
	// it was.
	idleArrival = time.Minute
	// letGoTimeout is how long a peer may take to let go of what became no layer.
	letGoTimeout = 10 * time.Second
)

var (
	// errNoLayer ends the transfer of an upload that became no layer here.
	errNoLayer = errors.New("the upload has become no layer")
	// errIdle ends that of one that gets no more bytes.
	errIdle = errors.New("the upload gets no more bytes")
	// errNotAsked is the error for a peer that says it has a layer that nobody can know yet.
	errNotAsked = &peer.Error{Code: peer.Garbage, Message: "It says that it has a layer whose digest it was not told."}
)

// arriving is a layer that is sent to a peer while it still arrives here.
type arriving struct {
	remote *remote
	into   Into
	by     sender
	upload string
	parts  *parts
	more   chan struct{} // signalled when bytes have come

	failed     chan struct{} // closed when the upload has become no layer
	failedOnce sync.Once

	mu     sync.Mutex
	stored *metadata.Blob // that it has become
	over   bool           // it is not sent any more
}

// sendArriving begins to send an upload, unless the line is busy as it is, the peer has what the
// client promises, or has just refused what goes there: then it returns nil.
func (r *remote) sendArriving(into Into, a registry.Arrival) *arriving {
	if !r.client.Usable() || r.transfers.slots.full() || r.refusals.lately(into) {
		return nil
	}
	if a.Digest != "" && (r.transfers.known.sent(a.Digest) || r.transfers.sending(a.Digest)) {
		return nil
	}
	of, by := &transfer{into: into, begun: r.now(), done: make(chan struct{})}, sender{id: -a.Repository.ID}
	one := &arriving{
		remote: r, into: into, by: by, upload: a.Upload, parts: r.newParts(into, by, of),
		more: make(chan struct{}, 1), failed: make(chan struct{}),
	}
	one.parts.arriving, one.parts.window = true, r.transfers.window.Load()
	one.parts.query.Set("upload", a.Upload)
	select {
	case r.arriving <- one:
		return one
	default:
		return nil
	}
}

// sendArrivingLayers sends layers while they arrive, until ctx ends.
func (r *remote) sendArrivingLayers(ctx context.Context, forget func(*arriving)) {
	var senders sync.WaitGroup
	for range maxArriving {
		senders.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case one := <-r.arriving:
					one.send(ctx)
					time.AfterFunc(idleArrival, func() { forget(one) })
				}
			}
		})
	}
	senders.Wait()
}

// fail says that the upload has become no layer.
func (a *arriving) fail() { a.failedOnce.Do(func() { close(a.failed) }) }

// becomes says which layer the upload has become: false if this transfer does not send the rest
// of it. From then on the layer is among those that are being sent.
func (a *arriving) becomes(b metadata.Blob) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		a.remote.transfers.broken.add(b.Digest, a.upload)
		return false
	}
	if !a.remote.transfers.join(a.parts.of, b) {
		a.fail()
		return false
	}
	a.stored = &b
	a.parts.arrived(b)
	signal(a.more)
	return true
}

// arrived says which layer it is that has arrived. The peer is told at once, even if all bytes
// are on their way.
func (p *parts) arrived(b metadata.Blob) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complete(b)
	if p.next >= b.Size && b.Size > 0 {
		p.next = b.Size - 1
	}
	p.wake()
}

// grown says how many bytes can be read.
func (p *parts) grown(size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.arriving && size > p.ready {
		p.ready = size
		if p.underWay == 0 {
			p.moved = time.Now()
		}
		p.wake()
	}
}

// send sends the layer until the peer has it, or the upload or the transfer fails.
func (a *arriving) send(ctx context.Context) {
	r := a.remote
	err := a.sendUpload(ctx)
	a.mu.Lock()
	a.over = true
	stored := a.stored
	a.mu.Unlock()
	var refused *Refusal
	if errors.As(err, &refused) {
		r.refusals.note(a.into)
	}
	if stored == nil {
		switch {
		case errors.Is(err, errNoLayer):
			a.letGo(ctx)
		case !errors.Is(err, errIdle): // that may go on
			r.warnOfLayer(ctx, "upload "+a.upload, err)
		}
		return
	}
	if err != nil && ctx.Err() == nil {
		err = a.sendInstead(ctx, *stored)
	}
	if err == nil {
		r.transfers.known.addSent(a.into, stored.Digest)
	}
	r.transfers.end(stored.Digest, a.parts.of, err)
	if err != nil {
		r.warnOfLayer(ctx, stored.Digest, err)
	}
}

// sendUpload sends the bytes of the upload as they come, and those of the layer when it is one.
func (a *arriving) sendUpload(ctx context.Context) error {
	file, err := a.remote.registry.OpenUpload(a.upload)
	if err != nil {
		return err
	}
	defer file.Close()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	a.parts.from(file)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer end(nil)
	watching.Go(func() { a.watch(ctx, end, file) })
	err = a.parts.run(ctx, maxPartsOf)
	a.mu.Lock()
	defer a.mu.Unlock()
	if cause := context.Cause(ctx); errors.Is(cause, errNoLayer) || errors.Is(cause, errIdle) {
		return cause
	}
	if a.stored != nil {
		return err
	}
	if err == nil {
		return errNotAsked
	}
	// An upload that ends without a layer is emptied first, and reported then.
	if info, statErr := file.Stat(); statErr == nil && info.Size() == 0 {
		return errNoLayer
	}
	return err
}

// from says where the bytes are, as long as they arrive.
func (p *parts) from(file *os.File) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.arriving {
		p.content = &content{"what arrives", func(context.Context) (io.ReadSeekCloser, error) {
			return readAt{io.NewSectionReader(file, 0, 1<<62)}, nil
		}}
	}
}

// readAt reads a file that others read, too.
type readAt struct{ *io.SectionReader }

func (readAt) Close() error { return nil }

// watch looks how many bytes of the upload can be read until it is complete or ctx ends, and ends that
// if the upload has become no layer or gets no more bytes.
func (a *arriving) watch(ctx context.Context, end context.CancelCauseFunc, file *os.File) {
	for {
		a.mu.Lock()
		stored := a.stored
		a.mu.Unlock()
		if stored != nil {
			a.announce(ctx, *stored)
			return
		}
		if info, err := file.Stat(); err == nil {
			a.parts.grown(info.Size())
		}
		select {
		case <-ctx.Done():
			return
		case <-a.failed:
			end(errNoLayer)
			return
		case <-a.more:
		case <-time.After(idleArrival):
			end(errIdle)
			return
		}
	}
}

// announce tells the peer which layer has arrived, if much of it is on its way before the next part
// tells it: should this process be killed, the layer goes on where it was.
func (a *arriving) announce(ctx context.Context, b metadata.Blob) {
	if a.parts.manyAhead() {
		_ = a.remote.nameUpload(ctx, a.into, a.upload, b) // parts say it, too
	}
}

// manyAhead reports whether parts are on their way side by side, and some of them take long. (A peer
// that takes them one by one may do that in another process each: none may be beside another.)
func (p *parts) manyAhead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.window > 0 && p.ready-p.received > PartSize
}

// sendInstead sends the layer as any other one, in the same transfer: those who wait for that
// need not know.
func (a *arriving) sendInstead(ctx context.Context, b metadata.Blob) error {
	a.remote.transfers.broken.add(b.Digest, a.upload)
	if err := a.remote.nameUploads(ctx, a.into, []metadata.Blob{b}); err != nil {
		return err
	}
	answer, err := a.remote.askLayers(ctx, a.by, AskedLayers{Into: a.into, Digests: []string{b.Digest}})
	if err != nil {
		return err
	}
	if answer.Refused != nil {
		return refusedThere(answer.Refused)
	}
	if len(answer.Lacking) == 0 {
		return nil
	}
	a.parts.of.sent.Store(answer.Lacking[0].Received)
	return a.remote.sendParts(ctx, a.into, a.by, b, answer.Lacking[0], a.parts.of)
}

// letGo has the peer let go of what it got of an upload. If it does not get to know, it sweeps that.
func (a *arriving) letGo(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, letGoTimeout)
	defer cancel()
	a.parts.query.Set("offset", "0")
	a.parts.query.Set("ended", "true")
	var answer PartAnswer
	err := a.remote.client.Do(ctx, http.MethodPut, OperationParts, a.parts.query, nil, "application/octet-stream",
		&answer)
	a.remote.counters.asked(err)
}
