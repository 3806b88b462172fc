package replication

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
)

const (
	// maxParts is how many parts of layers are on their way to a peer at a time, and
	// so in memory; maxPartsOf how many of them are of one layer.
	maxParts   = 16
	maxPartsOf = 12
	// smallPart is how many bytes the smallest part has of a layer that still arrives at
	// the source.
	smallPart = 256 << 10
	// maxLayersOf is how many layers of an image are sent side by side.
	maxLayersOf = 8
	// maxAsks is how many questions about layers are under way.
	maxAsks = 16
	// maxCuts is how many parts in a row may be cut on their way.
	maxCuts = 3
	// confirmPause is how often a peer that has taken all parts of a layer is asked whether
	// it is complete, and confirmPatience for how long while it does not get on.
	confirmPause    = 50 * time.Millisecond
	confirmPatience = 15 * time.Second
	// stalledAfter ends a transfer of a layer that does not get on.
	stalledAfter = time.Minute
)

// transfers are the layers that this process is sending to a peer: each once,
// however many images and repositories want it.
type transfers struct {
	slots  slots // parts on their way
	asks   slots // questions under way
	known  knownLayers
	broken brokenUploads
	// window is how far ahead parts of a layer may begin before the peer has said anything of it.
	window atomic.Int64

	mu sync.Mutex
	of map[string]*transfer // by digest
}

func newTransfers() transfers {
	return transfers{slots: slots{most: maxParts}, asks: slots{most: maxAsks}, of: map[string]*transfer{}}
}

// transfer is a layer that is being sent.
type transfer struct {
	into  Into
	begun time.Time
	size  int64 // bytes that are to be sent
	sent  atomic.Int64
	done  chan struct{}
	err   error
}

// begin returns the transfer of a layer, and whether the caller is to carry it out.
// Of the layer, size bytes are to be sent.
func (t *transfers) begin(into Into, digest string, size int64, now time.Time) (of *transfer, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if of = t.of[digest]; of != nil {
		return of, false
	}
	of = &transfer{into: into, begun: now, size: size, done: make(chan struct{})}
	t.of[digest] = of
	return of, true
}

// join registers a transfer that has begun before its layer was known: false if the layer
// is being sent by another one.
func (t *transfers) join(of *transfer, b metadata.Blob) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of[b.Digest] != nil {
		return false
	}
	of.size = b.Size
	t.of[b.Digest] = of
	return true
}

// sending reports whether a layer is being sent.
func (t *transfers) sending(digest string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[digest] != nil
}

func (t *transfers) end(digest string, of *transfer, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.of, digest)
	of.err = err
	close(of.done)
}

// await waits for those of the layers that are being sent, for h. How that ends,
// the peer says when it gets the image.
func (t *transfers) await(ctx context.Context, blobs []metadata.Blob, h *held) {
	t.mu.Lock()
	var waiting []*transfer
	for _, b := range blobs {
		if of := t.of[b.Digest]; of != nil {
			waiting = append(waiting, of)
		}
	}
	t.mu.Unlock()
	for _, of := range waiting {
		h.follow(of)
	}
	for _, of := range waiting {
		select {
		case <-of.done:
		case <-ctx.Done():
			return
		}
	}
}

// sender is whose turn it is when parts of several images want to be sent.
type sender struct {
	id       int64 // of a replication; negative: of a repository that gets layers
	backfill bool
}

func senderOf(job metadata.ReplicationJob) sender { return sender{job.ID, job.Backfill} }

// sendLayers sends those of the blobs that the peer's repository lacks.
func (r *remote) sendLayers(ctx context.Context, into Into, by sender, blobs []metadata.Blob, h *held) error {
	for len(blobs) > 0 {
		n := min(len(blobs), MaxAskedLayers)
		elsewhere, err := r.sendSome(ctx, into, by, blobs[:n], h)
		if err != nil {
			return err
		}
		// What was being sent for another repository is linked now.
		blobs = append(elsewhere, blobs[n:]...)
	}
	return nil
}

// sendSome is sendLayers for as many as one question is about. It returns those that
// were sent to another repository meanwhile.
func (r *remote) sendSome(ctx context.Context, into Into, by sender, blobs []metadata.Blob,
	h *held) (elsewhere []metadata.Blob, err error) {
	if err := r.nameUploads(ctx, into, blobs); err != nil {
		return nil, err
	}
	asked := AskedLayers{Into: into}
	lacking := make(map[string]metadata.Blob, len(blobs))
	for _, b := range blobs {
		asked.Digests = append(asked.Digests, b.Digest)
		lacking[b.Digest] = b
	}
	answer, err := r.askLayers(ctx, by, asked)
	if err != nil || answer.Refused != nil {
		return nil, err // the image's own message says why it is refused, with a number
	}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxLayersOf)
	for _, l := range answer.Lacking {
		b, ok := lacking[l.Digest]
		if !ok {
			return nil, &peer.Error{Code: peer.Garbage, Message: "It asks for a layer that it was not asked about."}
		}
		g.Go(func() error {
			of, err := r.sendLayer(ctx, into, by, b, l, h)
			if err == nil && of.into != into {
				mu.Lock()
				defer mu.Unlock()
				elsewhere = append(elsewhere, b)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		var refused *Refusal
		if errors.As(err, &refused) && slices.Contains(refusedCodes, refused.Code) {
			err = nil // as above
		}
		return nil, err
	}
	for _, b := range elsewhere {
		delete(lacking, b.Digest)
	}
	for d := range lacking { // not any more
		r.transfers.known.addSent(into, d)
	}
	return elsewhere, nil
}

func (r *remote) askLayers(ctx context.Context, by sender, asked AskedLayers) (answer AskedLayersAnswer, err error) {
	release, err := r.transfers.asks.take(ctx, by)
	if err != nil {
		return answer, err
	}
	defer release()
	err = r.call(ctx, OperationLayers, asked, &answer)
	return answer, err
}

// sendLayer sends a layer, or waits for who is sending it.
func (r *remote) sendLayer(ctx context.Context, into Into, by sender, b metadata.Blob, l LackingLayer,
	h *held) (*transfer, error) {
	of, first := r.transfers.begin(into, b.Digest, max(0, b.Size-l.Received), r.now())
	h.follow(of)
	if !first {
		select {
		case <-of.done:
			var refused *Refusal
			if errors.As(of.err, &refused) && of.into.Destination != into.Destination {
				return of, nil // this one decides itself
			}
			return of, of.err
		case <-ctx.Done():
			return of, ctx.Err()
		}
	}
	err := r.sendParts(ctx, into, by, b, l, of)
	r.transfers.end(b.Digest, of, err)
	return of, err
}

// sendParts sends what a peer lacks of a layer. The peer says how far past what it
// has received parts may begin: so many are sent side by side.
func (r *remote) sendParts(ctx context.Context, into Into, by sender, b metadata.Blob, l LackingLayer,
	of *transfer) error {
	if l.Received > b.Size {
		return &peer.Error{Code: peer.Garbage, Message: "It says that it has received more of a layer than there is."}
	}
	p := r.newParts(into, by, of)
	p.next, p.received, p.window = l.Received, l.Received, l.Window
	if p.next == b.Size && p.next > 0 {
		p.next-- // the peer has all bytes, but no layer yet: the last one has it make that
	}
	p.complete(b)
	return p.run(ctx, int(max(1, min(maxPartsOf, (b.Size-l.Received+PartSize-1)/PartSize))))
}

var (
	// errComplete ends the workers of a layer that the peer has.
	errComplete = errors.New("the layer is complete")
	// errCut says that a part was cut, and is to be sent again.
	errCut = errors.New("the part was cut")
)

// parts is how far the parts of a layer are.
type parts struct {
	remote *remote
	into   Into
	by     sender
	of     *transfer
	ctx    context.Context

	mu       sync.Mutex
	arriving bool          // at the source: its digest and size are not known yet
	ready    int64         // bytes that there are to be sent; all of them once it has arrived
	content  *content      // where they are
	query    url.Values    // of each part, but for its offset
	underWay int           // parts
	next     int64         // where the next part begins
	again    []extent      // parts that were not taken
	received int64         // by the peer
	keeper   string        // who receives them there
	window   int64         // how far past that a part may begin
	progress chan struct{} // closed when what there is to do has changed
	moved    time.Time     // when received last grew
	cuts     int           // parts that were cut since one was taken
}

// extent is where a part is in its layer.
type extent struct{ offset, size int64 }

// content is where the bytes of a layer are.
type content struct {
	name string
	open func(context.Context) (io.ReadSeekCloser, error)
}

func (r *remote) newParts(into Into, by sender, of *transfer) *parts {
	return &parts{
		remote: r, into: into, by: by, of: of, progress: make(chan struct{}), moved: time.Now(),
		query: url.Values{
			"source": {into.Source.String()}, "destination": {into.Destination.String()}, "repository": {into.Repository},
		},
	}
}

// complete says which layer it is, of which all bytes are there. The caller has p.mu, or p
// for itself.
func (p *parts) complete(b metadata.Blob) {
	p.arriving, p.ready = false, b.Size
	p.content = &content{"layer " + b.Digest, func(ctx context.Context) (io.ReadSeekCloser, error) {
		return p.remote.registry.OpenBlob(ctx, b)
	}}
	p.query.Set("digest", b.Digest)
	p.query.Set("size", strconv.FormatInt(b.Size, 10))
}

// run sends parts, as many side by side, until the peer has the layer.
func (p *parts) run(ctx context.Context, workers int) error {
	for {
		g, working := errgroup.WithContext(ctx)
		p.ctx = working
		for range workers {
			g.Go(p.work)
		}
		err := g.Wait()
		if err == nil {
			err = p.confirm(ctx)
		}
		if errors.Is(err, errComplete) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// confirm has the last byte sent again, of a layer of which the peer has taken all parts
// without having said that it is complete: it may be about to complete it.
func (p *parts) confirm(ctx context.Context) error {
	if time.Since(p.moved) > confirmPatience {
		return p.stuck() // it held parts, and has let go of them
	}
	p.next = max(0, p.ready-1)
	select {
	case <-time.After(confirmPause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stuck is the error for a peer that takes no more. The caller has p.mu, or p for itself.
func (p *parts) stuck() error {
	return &peer.Error{Code: peer.Unavailable, Message: fmt.Sprintf("It does not get on with %s.", p.content.name)}
}

// wake lets who waits look again. The caller has p.mu.
func (p *parts) wake() {
	close(p.progress)
	p.progress = make(chan struct{})
}

// least is how many bytes a part has at least. While the layer arrives parts are small as long as
// few are under way, so that little of it is left in the end; on a line that is slow, or long,
// they become large. A peer that takes them one by one gets large ones only: each costs it a
// request to its store. The caller has p.mu.
func (p *parts) least() int64 {
	switch {
	case !p.arriving:
		return 0
	case p.window == 0 && p.received > 0:
		return PartSize
	}
	return min(PartSize, int64(smallPart)<<min(p.underWay/2, 10))
}

// take returns the next part, and where it is to be read, as soon as it may be sent: false if
// there is none.
func (p *parts) take() (part extent, from *content, ok bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case len(p.again) > 0:
			part, p.again = p.again[0], p.again[1:]
			p.underWay++
			return part, p.content, true, nil
		case !p.arriving && p.next >= p.ready && (p.ready > 0 || p.next > 0):
			if p.underWay == 0 {
				return extent{}, nil, false, nil
			}
		case p.next > p.received+p.window:
			if p.underWay == 0 {
				return extent{}, nil, false, p.stuck()
			}
		case p.ready-p.next >= p.least():
			part = extent{p.next, min(PartSize, p.ready-p.next)}
			p.next += part.size
			if p.ready == 0 {
				p.next = 1 // a layer without bytes has one part
			}
			p.underWay++
			return part, p.content, true, nil
		}
		progress := p.progress
		p.mu.Unlock()
		select {
		case <-progress:
		case <-p.ctx.Done():
		}
		p.mu.Lock()
		if err := p.ctx.Err(); err != nil {
			return extent{}, nil, false, err
		}
	}
}

// partBuffers are the memory of slots.
var partBuffers = sync.Pool{New: func() any { return new([PartSize]byte) }}

// work sends parts until there is none. Who waits for a slot holds neither memory
// nor a file.
func (p *parts) work() error {
	var opened io.ReadSeekCloser
	var of *content
	defer func() {
		if opened != nil {
			opened.Close()
		}
	}()
	for {
		part, from, ok, err := p.take()
		if err != nil || !ok {
			return err
		}
		release, err := p.remote.transfers.slots.take(p.ctx, p.by)
		if err != nil {
			return err
		}
		if opened != nil && of != from {
			opened.Close()
			opened = nil
		}
		if opened == nil {
			opened, err = from.open(p.ctx)
			of = from
		}
		if err == nil {
			err = p.read(opened, from.name, part)
		}
		release()
		if err != nil && !errors.Is(err, errCut) {
			return err
		}
	}
}

// read reads a part and sends it.
func (p *parts) read(opened io.ReadSeeker, name string, part extent) (err error) {
	buffer := partBuffers.Get().(*[PartSize]byte)
	defer func() {
		if err == nil || errors.Is(err, errComplete) { // else a connection may be reading it still
			partBuffers.Put(buffer)
		}
	}()
	if _, err := opened.Seek(part.offset, io.SeekStart); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if _, err := io.ReadFull(opened, buffer[:part.size]); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return p.send(part, buffer[:part.size])
}

// send sends a part. One that the peer has not taken is to be sent again.
func (p *parts) send(part extent, bytes []byte) error {
	p.mu.Lock()
	query := maps.Clone(p.query)
	p.mu.Unlock()
	query.Set("offset", strconv.FormatInt(part.offset, 10))
	sent := &sentPart{of: p.of, size: len(bytes)}
	defer sent.end()
	var answer PartAnswer
	err := p.remote.client.Do(peer.OnSent(p.ctx, sent.add), http.MethodPut, OperationParts, query, bytes,
		"application/octet-stream", &answer)
	p.remote.counters.sentPart(len(bytes), err)
	if err != nil {
		return p.cut(part, err)
	}
	if answer.Refused != nil {
		return refusedThere(answer.Refused)
	}
	taken := answer.Complete || answer.Held || answer.Received >= part.offset+part.size
	if taken {
		sent.taken()
	}
	if answer.Complete {
		return errComplete
	}
	return p.note(part, answer, taken)
}

// cut returns errCut if a part is to be sent again that failed so: those beside it
// go on.
func (p *parts) cut(part extent, err error) error {
	e, ok := errors.AsType[*peer.Error](err)
	if !ok || e.Code != peer.Unreachable || !p.remote.client.Usable() {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cuts++; p.cuts > maxCuts {
		return err
	}
	p.again = append(p.again, part)
	p.ended()
	return errCut
}

// ended reports that a part is not under way any more. The caller has p.mu.
func (p *parts) ended() {
	p.underWay--
	p.wake()
}

// note takes note of an answer.
func (p *parts) note(part extent, answer PartAnswer, taken bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended()
	if answer.Keeper != p.keeper {
		if p.keeper != "" || answer.Received < p.received {
			p.next, p.again = answer.Received, nil
			p.received = answer.Received
			taken = true // or it is sent again
		}
		p.keeper, p.moved = answer.Keeper, time.Now()
	}
	// A peer may have received less than it had said. Then the layer begins there anew, in
	// another try.
	lost := answer.Received < min(part.offset, p.received)
	if answer.Received > p.received {
		p.received, p.moved = answer.Received, time.Now()
		p.next = max(p.next, min(p.received, p.ready)) // it has had some of it before
	}
	if p.window = answer.Window; p.arriving && part.offset == 0 {
		p.remote.transfers.window.Store(p.window) // what it may be taken to be for the next one
	}
	if taken {
		p.cuts = 0
	} else {
		p.again = append(p.again, part)
	}
	if !taken && (lost || time.Since(p.moved) > stalledAfter) {
		return p.stuck()
	}
	return nil
}

// slots are as many parts, or questions, as may be on their way to a peer. Images take
// turns: one with many large layers holds up no small one. Those of backfills have
// theirs when no others wait, and a few beside them.
type slots struct {
	most int

	mu        sync.Mutex
	taken     int
	others    turns
	backfills turns
	passed    int // slots, to others while backfills waited
}

// turns are senders that wait, in the order of their turns.
type turns struct {
	order   []int64
	waiting map[int64][]chan struct{} // each never empty
}

// toBackfills is how many slots are passed for one that backfills get while others wait.
const toBackfills = 8

func (s *slots) turnsOf(by sender) *turns {
	if by.backfill {
		return &s.backfills
	}
	return &s.others
}

// take waits for a slot, which release gives back.
func (s *slots) take(ctx context.Context, by sender) (release func(), err error) {
	s.mu.Lock()
	if s.taken < s.most && len(s.others.order) == 0 && len(s.backfills.order) == 0 {
		s.taken++
		s.mu.Unlock()
		return s.release, nil
	}
	mine := make(chan struct{})
	s.turnsOf(by).add(by.id, mine)
	s.mu.Unlock()
	select {
	case <-mine:
		return s.release, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.turnsOf(by).remove(by.id, mine) {
		s.pass() // it was given meanwhile
	}
	return nil, ctx.Err()
}

// full reports whether as many parts are on their way as may be.
func (s *slots) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken >= s.most
}

func (s *slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass()
}

// pass gives a slot to who is next.
func (s *slots) pass() {
	switch others, backfills := len(s.others.order) > 0, len(s.backfills.order) > 0; {
	case backfills && (!others || s.passed+1 == toBackfills):
		s.passed = 0
		s.backfills.next()
	case others:
		if backfills {
			s.passed++
		}
		s.others.next()
	default:
		s.taken--
	}
}

// add has a sender wait.
func (t *turns) add(id int64, c chan struct{}) {
	if t.waiting == nil {
		t.waiting = map[int64][]chan struct{}{}
	}
	if len(t.waiting[id]) == 0 {
		t.order = append(t.order, id)
	}
	t.waiting[id] = append(t.waiting[id], c)
}

// remove has a sender wait no more: false if it does not.
func (t *turns) remove(id int64, c chan struct{}) bool {
	i := slices.Index(t.waiting[id], c)
	if i < 0 {
		return false
	}
	t.waiting[id] = slices.Delete(t.waiting[id], i, i+1)
	if len(t.waiting[id]) == 0 {
		delete(t.waiting, id)
		t.order = slices.DeleteFunc(t.order, func(other int64) bool { return other == id })
	}
	return true
}

// next ends the wait of who is next.
func (t *turns) next() {
	id := t.order[0]
	t.order = t.order[1:]
	of := t.waiting[id]
	if len(of) > 1 {
		t.waiting[id] = of[1:]
		t.order = append(t.order, id)
	} else {
		delete(t.waiting, id)
	}
	close(of[0])
}
