package replication

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
)

// A peer sends a layer in parts, several side by side. They may arrive in any
// order, and are appended in theirs: so bytes are hashed once, while they are
// stored. A part that comes early is held in memory until those before it are there,
// and the peer is answered at once, so that it goes on: else all that is under way
// would wait for the slowest. The session outlives the process: a layer goes on where
// it broke off, and what was only held is sent again.
//
// Where a deployment may have several processes, each part may come to another one.
// One process keeps the session of a large layer, and others hand their parts over to
// it (handover.go). Small layers go part after part, and no process keeps them: there
// are many at a time, which fill the line as well.

const (
	// partWindow is how far a part may be ahead of what was received.
	partWindow = 16 * PartSize
	// maxAhead is how many bytes of parts that are ahead a process holds. Others wait
	// with their requests, and are answered after partPatience.
	maxAhead     = 16 * PartSize
	partPatience = 20 * time.Second
	// saveInterval is how many bytes of a layer are received between notes of how far it
	// has come. A stream to the store may be longer, but ends before more than maxUnsaved
	// bytes are not noted. (A store of files keeps that itself.)
	saveInterval = 8 << 20
	maxUnsaved   = 32 << 20
	// idleLayer is how long the session of a layer stays reserved after a part.
	idleLayer = 10 * time.Second
	// keptLayer is the size from which a process keeps the session of a layer, and
	// maxKept is how many it keeps at a time: each has up to four parts of S3 in memory.
	keptLayer = 32 << 20
	maxKept   = 3
)

// layerKey is a layer that a peer sends. Its digest is metadata.ArrivingLayer as long as that is
// not known.
type layerKey struct{ peer, digest string }

// assemblies are the layers that this process is receiving.
type assemblies struct {
	ahead atomic.Int64 // bytes that are held
	kept  atomic.Int32 // sessions that this process keeps

	mu    sync.Mutex
	of    map[layerKey]*assembly
	named map[layerKey]*named
}

// assembly is a layer that this process is receiving.
type assembly struct {
	layerKey     // changed under both mutexes
	users    int // under the mutex of assemblies

	mu      sync.Mutex
	moved   chan struct{} // closed when what follows has changed
	layer   *registry.ReceivedLayer
	size    int64 // of the layer; UnknownSize
	writing bool
	naming  bool             // it is about to be known by its digest: nobody begins to write
	ended   bool             // it will have none
	next    int64            // bytes that were received
	saved   int64            // of them
	ahead   map[int64][]byte // parts past them, by where they begin
	idle    *time.Timer
	keeper  string // of the session, anew each time that it is opened; "": it is opened for each part
	kept    kept
}

func (all *assemblies) find(k layerKey) *assembly {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.of[k]
}

func (all *assemblies) all() []*assembly {
	all.mu.Lock()
	defer all.mu.Unlock()
	return slices.Collect(maps.Values(all.of))
}

func (all *assemblies) get(k layerKey) *assembly {
	all.mu.Lock()
	defer all.mu.Unlock()
	a := all.of[k]
	if a == nil {
		if all.of == nil {
			all.of = map[layerKey]*assembly{}
		}
		a = &assembly{layerKey: k, moved: make(chan struct{}), size: UnknownSize}
		all.of[k] = a
	}
	a.users++
	return a
}

// putAssembly gives back what get returned. An assembly that nobody uses stays for a
// while: the next part is on its way.
func (s *Service) putAssembly(a *assembly) {
	all := &s.assemblies
	all.mu.Lock()
	defer all.mu.Unlock()
	if a.users--; a.users > 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.layer == nil {
		if all.of[a.layerKey] == a {
			delete(all.of, a.layerKey)
		}
		return
	}
	if a.idle == nil {
		a.idle = time.AfterFunc(idleLayer, func() { s.expire(a) })
	} else {
		a.idle.Reset(idleLayer)
	}
}

// expire ends an assembly that nobody uses.
func (s *Service) expire(a *assembly) {
	all := &s.assemblies
	all.mu.Lock()
	defer all.mu.Unlock()
	if a.users > 0 || all.of[a.layerKey] != a {
		return
	}
	delete(all.of, a.layerKey)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop(all)
	if a.layer != nil {
		_ = a.layer.Save(context.Background()) // else the layer goes on from an earlier byte
		s.close(context.Background(), a)
	}
}

// closeAssemblies ends those that nobody uses, at a stop.
func (s *Service) closeAssemblies() {
	for _, a := range s.assemblies.all() {
		s.expire(a)
	}
}

// close gives the session back. The caller has a.mu.
func (s *Service) close(ctx context.Context, a *assembly) {
	a.layer.Close()
	a.layer = nil
	s.unkeep(ctx, a)
	a.signal()
}

func (a *assembly) signal() {
	close(a.moved)
	a.moved = make(chan struct{})
}

// wait waits until something has changed. The caller has a.mu.
func (a *assembly) wait(ctx context.Context) error {
	moved := a.moved
	a.mu.Unlock()
	defer a.mu.Lock()
	select {
	case <-moved:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *assembly) received() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.next
}

// hold holds a part until those before it are there: false if there is no room. The
// caller has a.mu.
func (a *assembly) hold(all *assemblies, offset int64, content []byte) bool {
	more := int64(len(content) - len(a.ahead[offset]))
	if more <= 0 {
		return true
	}
	if all.ahead.Add(more) > maxAhead {
		all.ahead.Add(-more)
		return false
	}
	if a.ahead == nil {
		a.ahead = map[int64][]byte{}
	}
	a.ahead[offset] = content
	return true
}

// held returns bytes that follow those that were received, of a part that was held;
// nil if there is none. The caller has a.mu.
func (a *assembly) held(all *assemblies) (follows []byte) {
	for offset, content := range a.ahead {
		if offset > a.next {
			continue
		}
		rest := content[min(a.next-offset, int64(len(content))):]
		if len(rest) > 0 && follows != nil {
			continue // parts overlap that come from different tries; it may reach further
		}
		delete(a.ahead, offset)
		all.ahead.Add(-int64(len(content)))
		if len(rest) > 0 {
			follows = rest
		}
	}
	return follows
}

// drop lets go of the parts that were held. The caller has a.mu.
func (a *assembly) drop(all *assemblies) {
	for _, content := range a.ahead {
		all.ahead.Add(-int64(len(content)))
	}
	a.ahead = nil
}

// take appends a part, or holds it until those before it are there. The answer says
// how far the layer has come, whether or not this part was taken.
func (a *assembly) take(ctx context.Context, s *Service, repo *metadata.Repository, p Part, content []byte,
	wait time.Duration) (PartAnswer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	patience := time.NewTimer(wait)
	defer patience.Stop()
	end := p.Offset + int64(len(content))
	if p.Size != UnknownSize {
		a.size = p.Size
	}
	for {
		if a.ended {
			return PartAnswer{}, errEnded
		}
		if a.naming {
			if err := a.wait(ctx); err != nil {
				return PartAnswer{}, err
			}
			continue
		}
		if a.layer == nil && !a.writing {
			complete, elsewhere, err := a.open(ctx, s, repo, a.size)
			if err != nil || complete {
				return PartAnswer{Complete: complete, Received: end}, err
			}
			if elsewhere != nil {
				k := a.layerKey
				a.mu.Unlock()
				answer, done, err := s.handOver(ctx, k, *elsewhere, p, content)
				a.mu.Lock()
				if done || err != nil {
					return answer, err
				}
				continue
			}
		}
		answer := PartAnswer{Received: a.next, Window: a.window(s), Keeper: a.keeper}
		last := end == a.size && a.next == a.size
		switch {
		case !a.writing && p.Offset <= a.next && (end > a.next || last):
			return a.append(ctx, s, repo, content[a.next-p.Offset:])
		case end <= a.next && !last, p.Offset > a.next+answer.Window:
			return answer, nil
		case p.Offset >= a.next && !last && a.hold(&s.assemblies, p.Offset, content):
			answer.Held = true
			return answer, nil
		}
		moved := a.moved
		a.mu.Unlock()
		select {
		case <-moved:
		case <-patience.C:
			a.mu.Lock()
			return PartAnswer{Received: a.next, Window: answer.Window, Keeper: answer.Keeper}, nil
		case <-ctx.Done():
			a.mu.Lock()
			return PartAnswer{}, ctx.Err()
		}
		a.mu.Lock()
	}
}

// windowAhead is what a peer may take a window to be before it has sent a part.
func (s *Service) windowAhead() int64 {
	if s.meta.Shared() {
		return 0
	}
	return partWindow
}

// window is how far a part may be ahead of what was received: not at all if each part
// may have to go to another process. The caller has a.mu.
func (a *assembly) window(s *Service) int64 {
	if s.meta.Shared() && !a.kept.here {
		return 0
	}
	return partWindow
}

// open reserves the session that takes the layer of size bytes, or begins one: complete
// if the repository has the layer. If another process keeps the session, it returns what
// is known of that. The caller has a.mu.
func (a *assembly) open(ctx context.Context, s *Service, repo *metadata.Repository, size int64) (complete bool,
	elsewhere *metadata.PeerLayer, err error) {
	of, err := s.meta.Read(ctx).PeerLayers().Of(a.peer, []string{a.digest})
	if err != nil {
		return false, nil, fmt.Errorf("look up layer %s of a peer: %w", a.digest, err)
	}
	known := of[a.digest]
	if known.Digest != "" && known.Upload == "" {
		if complete, err = s.registry.LinkReceived(ctx, repo, digest.Digest(a.digest)); err != nil || complete {
			return complete, nil, err
		}
	}
	if known.Keeper != "" {
		return false, &known, nil
	}
	s.keep(a, repo, size)
	defer func() {
		if a.layer == nil {
			s.unkeep(ctx, a)
		}
	}()
	reserving := ctx
	keeper := ""
	if a.kept.here {
		keeper = a.keeper
		reserving = context.Background() // the session outlives the request, whose memory it must not use
	}
	if known.Upload != "" {
		if keeper != "" {
			if err := s.takeLayer(ctx, a.layerKey, known, keeper); err != nil {
				return false, nil, err
			}
		}
		of := repo
		if known.RepositoryID != repo.ID {
			if of, err = s.meta.Read(ctx).Repositories().ByID(known.RepositoryID); err != nil {
				of = nil
			}
		}
		if of != nil {
			a.layer, err = s.registry.Receiving(reserving, of, known.Upload)
		}
		if err != nil && registry.CodeOf(err) != registry.UploadNotFound && !errors.Is(err, metadata.ErrNotFound) {
			return false, nil, err
		}
	}
	if a.layer == nil {
		id, err := s.registry.BeginReceiving(ctx, repo)
		if err != nil {
			return false, nil, err
		}
		err = s.meta.Update(ctx, func(tx *metadata.Tx) error {
			begun, err := tx.PeerLayers().Begin(a.peer, metadata.PeerLayer{
				Digest: a.digest, RepositoryID: repo.ID, Upload: id, Keeper: keeper,
			}, known.Upload)
			if err == nil && !begun {
				err = errTaken
			}
			return err
		})
		if err != nil {
			return false, nil, err
		}
		if a.layer, err = s.registry.Receiving(reserving, repo, id); err != nil {
			return false, nil, err
		}
	}
	a.next = a.layer.Size()
	a.saved = a.next
	return false, nil, nil
}

// errTaken says that two processes have begun with a layer at the same time.
var errTaken = &peer.Error{
	Code: peer.Internal, Message: "Another process has just begun to receive the layer: send the part again.",
}

// following reads a part, and those that follow it, as long as there are any: so a
// store far away gets one stream.
type following struct {
	assembly *assembly
	all      *assemblies
	rest     []byte
	limit    int64 // where it ends at the latest
}

// follow returns a reader of a part, and of those that follow it. The caller has a.mu.
func (a *assembly) follow(all *assemblies, content []byte) *following {
	return &following{assembly: a, all: all, rest: content, limit: a.saved + maxUnsaved}
}

func (f *following) Read(p []byte) (int, error) {
	a := f.assembly
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(f.rest) == 0 && a.next+PartSize <= f.limit {
		f.rest = a.held(f.all)
	}
	if len(f.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	a.next += int64(n)
	if len(f.rest) == 0 {
		a.signal()
	}
	return n, nil
}

// append appends bytes, and those that follow, and completes the layer with the last
// of them. The caller has a.mu, and the layer's place is at the bytes.
func (a *assembly) append(ctx context.Context, s *Service, repo *metadata.Repository,
	content []byte) (answer PartAnswer, err error) {
	// Should the peer be gone now, what it has sent is kept all the same.
	ctx = context.WithoutCancel(ctx)
	layer, size, last := a.layer, a.size, false
	a.writing = true
	for more := true; more; more = err == nil && !last && content != nil {
		from := a.follow(&s.assemblies, content)
		a.mu.Unlock()
		if len(content) > 0 {
			err = layer.Append(ctx, from)
		}
		last = size != UnknownSize && layer.Size() >= size
		if err == nil && (last && s.meta.Shared() || layer.Size()-a.saved >= saveInterval) {
			// At the end, so that who goes on after a kill has all of it, and makes the layer.
			if err = layer.Save(ctx); err == nil {
				a.saved = layer.Size()
			}
		}
		if err == nil && last {
			err = s.completeReceived(ctx, a.layerKey, repo, layer)
		}
		a.mu.Lock()
		a.next = layer.Size()
		a.signal()
		content = a.held(&s.assemblies)
	}
	a.writing = false
	// The next part may come to another process.
	leave := s.meta.Shared() && !a.kept.here
	if err == nil && !last && leave {
		err = layer.Save(ctx)
	}
	answer = PartAnswer{Received: a.next, Complete: last && err == nil, Window: a.window(s), Keeper: a.keeper}
	if err != nil || last || leave {
		a.drop(&s.assemblies)
		s.close(ctx, a)
	}
	a.signal()
	return answer, err
}
