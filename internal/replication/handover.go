package replication

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// Processes of a deployment do not know where others are: all that they share are the
// database and the store of layers. So a part that came to another process than the
// one that keeps the layer's session is left in that store, and noted in the database,
// until the layer has come past its end. Whoever left it keeps the peer's request open
// meanwhile, and removes it: what is acknowledged is taken.

const (
	// collectPause is how often a process looks for parts that others have left for it.
	collectPause = 20 * time.Millisecond
	// maxCollected is how many of them it reads at a time.
	maxCollected = 4
	// keepInterval is how often it says that it is alive, and deadAfter how long it may
	// be silent before another one takes over.
	keepInterval = time.Second
	deadAfter    = 5 * time.Second
	// lookPause is how long who has left a part waits before it looks for the first
	// time; then longer, up to maxLookPause.
	lookPause    = 15 * time.Millisecond
	maxLookPause = 100 * time.Millisecond
)

// kept is what a process knows of a session that it keeps, for others.
type kept struct {
	here       bool
	repository *metadata.Repository // that a part was sent for
	size       int64                // of the layer
	reading    map[int64]bool       // parts, by where they begin
	told       int64                // bytes that others know of
	toldAt     time.Time
}

// collector looks for parts that others have left, while sessions are kept.
type collector struct {
	mu      sync.Mutex
	running bool
}

// keep has this process keep the session of a layer of size bytes, for others too if
// there may be any, unless it keeps enough. The caller has a.mu.
func (s *Service) keep(a *assembly, repo *metadata.Repository, size int64) {
	if !s.meta.Shared() {
		a.keeper = rand.Text()
		return
	}
	if size <= keptLayer {
		return
	}
	if s.assemblies.kept.Add(1) > maxKept {
		s.assemblies.kept.Add(-1)
		return
	}
	a.keeper = rand.Text()
	a.kept = kept{here: true, repository: repo, size: size, reading: map[int64]bool{}}
	s.collector.mu.Lock()
	defer s.collector.mu.Unlock()
	if !s.collector.running {
		s.collector.running = true
		go s.collect()
	}
}

// unkeep gives up a session that this process keeps, if it does. The caller has a.mu.
func (s *Service) unkeep(ctx context.Context, a *assembly) {
	keeper := a.keeper
	a.keeper = ""
	if !a.kept.here {
		return
	}
	a.kept = kept{}
	s.assemblies.kept.Add(-1)
	err := s.meta.Update(context.WithoutCancel(ctx), func(tx *metadata.Tx) error {
		return tx.PeerLayers().Release(a.peer, a.digest, keeper)
	})
	if err != nil {
		s.log.Debug("could not give a layer back that a peer sends; others take it soon", "layer", a.digest, "error", err)
	}
}

// takeLayer notes who keeps a session; "": nobody.
func (s *Service) takeLayer(ctx context.Context, k layerKey, seen metadata.PeerLayer, keeper string) error {
	return s.meta.Update(ctx, func(tx *metadata.Tx) error {
		taken, err := tx.PeerLayers().Take(k.peer, seen, keeper)
		if err == nil && !taken {
			err = errTaken
		}
		return err
	})
}

// handOver has the process that keeps a layer take a part: done with what that came to,
// or not if there is no such process any more.
func (s *Service) handOver(ctx context.Context, k layerKey, to metadata.PeerLayer, p Part, content []byte) (
	answer PartAnswer, done bool, err error) {
	answer.Window, answer.Keeper = partWindow, to.Keeper
	end := p.Offset + int64(len(content))
	if end <= to.Received {
		answer.Received = to.Received
		return answer, true, nil
	}
	part := metadata.PeerPart{
		Keeper: to.Keeper, Peer: k.peer, Digest: k.digest, Start: p.Offset, Size: int64(len(content)),
	}
	if part.Object, err = s.registry.StorePart(ctx, content); err != nil {
		return answer, false, err
	}
	defer func() {
		err := s.meta.Update(context.WithoutCancel(ctx), func(tx *metadata.Tx) error { return tx.PeerParts().Remove(part) })
		if err == nil {
			err = s.registry.RemovePart(context.WithoutCancel(ctx), part.Object)
		}
		if err != nil {
			s.log.Debug("could not remove a part of a layer; the sweep will", "object", part.Object, "error", err)
		}
	}()
	// Should there be such a part already, another request of the peer is waiting for the same.
	if err := s.meta.Update(ctx, func(tx *metadata.Tx) error {
		_, err := tx.PeerParts().Add(part)
		return err
	}); err != nil {
		return answer, false, fmt.Errorf("leave a part of layer %s for another process: %w", k.digest, err)
	}
	seen, since := to, time.Now()
	for begun, pause := since, lookPause; ; pause = min(2*pause, maxLookPause) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return answer, false, ctx.Err()
		}
		of, err := s.meta.Read(ctx).PeerLayers().Of(k.peer, []string{k.digest})
		if err != nil {
			return answer, false, fmt.Errorf("look how far layer %s has come: %w", k.digest, err)
		}
		now := of[k.digest]
		answer.Received = now.Received
		switch {
		case now.Upload != to.Upload, now.Keeper != to.Keeper:
			return answer, false, nil
		case now.Received >= end:
			return answer, true, nil
		case now.Beat != seen.Beat:
			seen, since = now, time.Now()
		case time.Since(since) > deadAfter:
			if err := s.takeLayer(ctx, k, now, ""); err != nil {
				return answer, false, err
			}
			return answer, false, nil
		case time.Since(begun) > partPatience:
			return answer, true, nil
		}
	}
}

// collect takes the parts that other processes have left for this one, as long as it
// keeps sessions.
func (s *Service) collect() {
	ctx := context.Background()
	slots := make(chan struct{}, maxCollected)
	for {
		time.Sleep(collectPause)
		s.collector.mu.Lock()
		if s.assemblies.kept.Load() == 0 {
			s.collector.running = false
			s.collector.mu.Unlock()
			return
		}
		s.collector.mu.Unlock()
		for _, a := range s.assemblies.all() {
			err := s.tell(ctx, a)
			if err == nil {
				err = s.collectFor(ctx, a, slots)
			}
			if err != nil {
				s.log.Debug("could not take parts of a layer that other processes have left", "error", err)
			}
		}
	}
}

// wants reports that a part is to be read now: it is if it follows, and if there is room.
func (a *assembly) wants(p metadata.PeerPart, all *assemblies) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, held := a.ahead[p.Start]
	if a.keeper != p.Keeper || held || a.kept.reading[p.Start] || p.Start+p.Size <= a.next ||
		p.Start > a.next && all.ahead.Load()+p.Size > maxAhead {
		return false
	}
	a.kept.reading[p.Start] = true
	return true
}

// collected says that a part is not being read any more.
func (a *assembly) collected(p metadata.PeerPart) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.kept.reading, p.Start)
}

// takeLeft takes a part that another process has left.
func (s *Service) takeLeft(ctx context.Context, p metadata.PeerPart) {
	a := s.assemblies.get(layerKey{p.Peer, p.Digest})
	defer s.putAssembly(a)
	content, err := s.registry.ReadPart(ctx, p.Object, p.Size)
	if err == nil {
		a.mu.Lock()
		k, keeper := a.kept, a.keeper
		a.mu.Unlock()
		if keeper != p.Keeper {
			return
		}
		_, err = a.take(ctx, s, k.repository, Part{Digest: p.Digest, Offset: p.Start, Size: k.size}, content, 0)
	}
	if err != nil { // who has left it hears of it, or tries again
		s.log.Debug("could not take a part of a layer that another process has left", "layer", p.Digest, "error", err)
	}
}

// tell lets others know how far a session has come that this process keeps, and that it
// is alive. A session that another process has taken meanwhile is left to that.
func (s *Service) tell(ctx context.Context, a *assembly) error {
	a.mu.Lock()
	k, received, keeper, now := a.layerKey, a.next, a.keeper, time.Now()
	due := a.kept.here && a.layer != nil && (received > a.kept.told || now.Sub(a.kept.toldAt) > keepInterval)
	a.mu.Unlock()
	if !due {
		return nil
	}
	var still bool
	err := s.meta.Update(ctx, func(tx *metadata.Tx) (err error) {
		still, err = tx.PeerLayers().Keep(k.peer, k.digest, keeper, received)
		return err
	})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.keeper != keeper:
	case still:
		a.kept.told, a.kept.toldAt = received, now
	case !a.writing:
		a.drop(&s.assemblies)
		s.close(ctx, a)
	}
	return nil
}

// collectFor begins to take the parts that others have left for a session.
func (s *Service) collectFor(ctx context.Context, a *assembly, slots chan struct{}) error {
	a.mu.Lock()
	here, keeper := a.kept.here, a.keeper
	a.mu.Unlock()
	if !here {
		return nil
	}
	parts, err := s.meta.Read(ctx).PeerParts().For(keeper, partWindow/PartSize)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if !a.wants(part, &s.assemblies) {
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			a.collected(part)
			return nil
		}
		go func() {
			defer func() { <-slots }()
			defer a.collected(part)
			s.takeLeft(ctx, part)
		}()
	}
	return nil
}
