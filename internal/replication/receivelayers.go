package replication

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/usage"
)

// AskLayers says which of the layers a repository lacks, and creates the
// repository if need be.
func (s *Service) AskLayers(ctx context.Context, from peer.Record, m AskedLayers) (AskedLayersAnswer, error) {
	if len(m.Digests) > MaxAskedLayers {
		return AskedLayersAnswer{}, registry.Errorf(registry.InvalidParameter, "%d layers were asked for; at most %d may be "+
			"at once", len(m.Digests), MaxAskedLayers)
	}
	repo, refused, err := s.repositoryFor(ctx, from, m.Into, m.Digests)
	if err != nil || refused != nil {
		return AskedLayersAnswer{Refused: refused}, err
	}
	q := s.meta.Read(ctx)
	linked, err := q.Layers().Sizes(repo.ID, m.Digests)
	if err != nil {
		return AskedLayersAnswer{}, fmt.Errorf("look up layers of %s: %w", m.Repository, err)
	}
	sent, err := q.PeerLayers().Of(from.ID, m.Digests)
	if err != nil {
		return AskedLayersAnswer{}, fmt.Errorf("look up layers of a peer: %w", err)
	}
	var answer AskedLayersAnswer
	for _, d := range m.Digests {
		known, began := sent[d]
		_, there := linked[d]
		var err error
		switch {
		case there:
			_, err = s.registry.LayerSize(ctx, repo, digest.Digest(d))
			if registry.CodeOf(err) == registry.LayersNotFound { // its bytes are lost
				there, err = false, nil
			}
		case began && known.Upload == "":
			there, err = s.registry.LinkReceived(ctx, repo, digest.Digest(d))
		}
		if refused := refusedLayer(m.Into, err); refused != nil {
			return AskedLayersAnswer{Refused: refused}, nil
		}
		if err != nil {
			return AskedLayersAnswer{}, err
		}
		if !there {
			answer.Lacking = append(answer.Lacking, LackingLayer{d, s.receivedOf(ctx, from, known), s.windowAhead()})
		}
	}
	return answer, nil
}

// refusedLayer makes a refusal of what the destination has no room for.
func refusedLayer(into Into, err error) *ImageResult {
	var e *registry.Error
	if !errors.As(err, &e) || e.Code != registry.LimitExceeded {
		return nil
	}
	refusal := full(metadata.ReplicationJob{Replication: metadata.Replication{
		DestinationAccount: into.Destination.Account, DestinationRegion: into.Destination.Region,
	}}, e.Quota)
	return &ImageResult{Outcome: Refused, Code: refusal.Code, Reason: refusal.Reason}
}

// receivedOf is how much of a layer was received, if that is known.
func (s *Service) receivedOf(ctx context.Context, from peer.Record, l metadata.PeerLayer) int64 {
	if l.Upload == "" {
		return 0
	}
	if a := s.assemblies.find(layerKey{from.ID, l.Digest}); a != nil {
		return a.received()
	}
	// Another process that keeps the layer says how far it is, or was before it died. It
	// may have saved more than it has said.
	told := int64(0)
	if l.Keeper != "" {
		told = l.Received
	}
	repo, err := s.meta.Read(ctx).Repositories().ByID(l.RepositoryID)
	if err != nil {
		return told
	}
	layer, err := s.registry.Receiving(ctx, repo, l.Upload)
	if err != nil {
		return told
	}
	defer layer.Close()
	return max(told, layer.Size())
}

// repositoryFor returns the repository that a peer sends layers for, and creates
// it if it is not there; or why it is refused.
func (s *Service) repositoryFor(ctx context.Context, from peer.Record, into Into, digests []string) (
	repo *metadata.Repository, refused *ImageResult, err error) {
	if !from.MaySend(into.Source) {
		return nil, nil, mayNotSend(from, into.Source)
	}
	if !registry.ValidName(into.Repository) {
		return nil, nil, registry.Errorf(registry.InvalidParameter, "'%s' is no name of a repository",
			registry.Shorten(into.Repository))
	}
	for _, d := range digests {
		if err := registry.ValidImage(into.Repository, d, ""); err != nil {
			return nil, nil, err
		}
	}
	in := receivedImage{SentImage: SentImage{
		Source: into.Source, Destination: into.Destination, Repository: into.Repository,
	}}
	job, err := s.local.incoming(s.meta.Read(ctx), in)
	if err == nil {
		err = s.local.decide(ctx, admissionOf(job))
	}
	if err == nil && job.DestinationID == 0 {
		err = s.local.createFor(ctx, in)
	}
	var refusal *Refusal
	if errors.As(err, &refusal) {
		// The image's own message gets a refusal with a number.
		return nil, refusedTo(into.Source, into.Destination, refusal), nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("decide on layers for %s: %w", destinationOf(job), err)
	}
	repo, err = s.meta.Repository(ctx, into.Destination.Account, into.Destination.Region, into.Repository, nil)
	if err != nil {
		return nil, nil, err
	}
	return repo.ForMany(), nil, nil
}

// createFor creates the repository that an image is to be replicated into.
func (l *local) createFor(ctx context.Context, in receivedImage) error {
	job, err := l.incoming(l.meta.Read(ctx), in)
	if err != nil {
		return err
	}
	room := l.usage.Room(job.DestinationAccount, job.RegistryRow, 0,
		func(name string, _ int64) error { return full(job, name) }, quota.Repositories)
	create := func() error {
		return l.meta.Update(ctx, func(tx *metadata.Tx) error {
			if err := room.Begin(tx.Queries); err != nil {
				return err
			}
			job, err := l.incoming(tx.Queries, in)
			if err != nil || job.DestinationID != 0 {
				return err
			}
			if err := l.decide(ctx, admissionOf(job)); err != nil {
				return err
			}
			if err := room.Take(quota.Repositories, 1); err != nil {
				return err
			}
			_, err = l.create(tx, job)
			return err
		})
	}
	for n := 1; ; n++ {
		if err := room.Within(ctx, create); !errors.Is(err, registry.ErrChangedSince) || n == usage.MaxRuns {
			return err
		}
	}
}

// TakePart takes a part of a layer.
func (s *Service) TakePart(ctx context.Context, from peer.Record, p Part, content []byte) (PartAnswer, error) {
	if err := validPart(p, int64(len(content))); err != nil {
		return PartAnswer{}, err
	}
	var digests []string
	if p.Digest != "" {
		digests = append(digests, p.Digest)
	}
	repo, refused, err := s.repositoryFor(ctx, from, p.Into, digests)
	if err != nil || refused != nil {
		return PartAnswer{Refused: refused}, err
	}
	if p.Ended {
		return PartAnswer{}, s.letGo(ctx, layerKey{from.ID, metadata.ArrivingLayer(p.Upload)})
	}
	if p.Upload != "" {
		if p, err = s.nameLayer(ctx, from, repo, p); err == nil {
			err = validPart(p, int64(len(content)))
		}
		if err != nil {
			return PartAnswer{}, err
		}
	}
	key := layerKey{from.ID, p.Digest}
	if p.Digest == "" {
		key.digest = metadata.ArrivingLayer(p.Upload)
	}
	a := s.assemblies.get(key)
	defer s.putAssembly(a)
	s.peerCounters.of(from.ID).bytesReceived.Add(int64(len(content)))
	answer, err := a.take(ctx, s, repo, p, content, partPatience)
	if refused := refusedLayer(p.Into, err); refused != nil {
		return PartAnswer{Refused: refused}, nil
	}
	if registry.CodeOf(err) == registry.InvalidLayer {
		s.log.Warn("a peer sent a layer that does not fit its digest", "peer", from.Name, "layer", p.Digest)
		return PartAnswer{Refused: &ImageResult{
			Outcome: Refused, Code: failureInvalidImage, Reason: fmt.Sprintf("The bytes of layer %s do not fit its digest. "+
				"Run twinport verify at the source.", p.Digest),
		}}, nil
	}
	return answer, err
}

// validPart checks a part of so many bytes: InvalidParameter.
func validPart(p Part, length int64) error {
	if p.Upload != "" && (len(p.Upload) != len(uuid.Nil.String()) || uuid.Validate(p.Upload) != nil) {
		return registry.Errorf(registry.InvalidParameter, "The upload '%s' is not a UUID", registry.Shorten(p.Upload))
	}
	if p.Upload == "" && (p.Ended || p.Size == UnknownSize) || p.Ended && p.Digest != "" {
		return registry.Errorf(registry.InvalidParameter, "Only an upload that has become no layer may end, or have no size")
	}
	if p.Upload != "" && (p.Digest == "") != (p.Size == UnknownSize) {
		return registry.Errorf(registry.InvalidParameter, "An upload that still arrives has neither a digest nor a size; "+
			"one that has arrived has both")
	}
	size := p.Size
	if size == UnknownSize {
		size = math.MaxInt64
	}
	if p.Offset < 0 || size < 0 || length > size-p.Offset || length == 0 && size > 0 && !p.Ended {
		return registry.Errorf(registry.InvalidParameter, "A part of %d bytes at byte %d is not one of a layer "+
			"of %d bytes", length, p.Offset, p.Size)
	}
	return nil
}

// completeReceived makes a layer of what was received, and notes that the peer has sent it.
func (s *Service) completeReceived(ctx context.Context, k layerKey, repo *metadata.Repository,
	layer *registry.ReceivedLayer) error {
	if err := layer.Complete(ctx, digest.Digest(k.digest)); err != nil {
		return err
	}
	err := s.meta.Update(ctx, func(tx *metadata.Tx) error {
		if err := tx.PeerParts().Forget(k.peer, k.digest); err != nil {
			return err
		}
		return tx.PeerLayers().End(k.peer, k.digest)
	})
	if err != nil {
		return fmt.Errorf("note that a peer has sent layer %s: %w", k.digest, err)
	}
	if layer.Repository() == repo.ID {
		return nil
	}
	_, err = s.registry.LinkReceived(ctx, repo, digest.Digest(k.digest))
	return err
}

// AskChecks decides, as a replication would, on what a peer would send.
func (s *Service) AskChecks(ctx context.Context, from peer.Record, m AskedChecks) (AskedChecksAnswer, error) {
	if !from.MaySend(m.Source) {
		return AskedChecksAnswer{}, mayNotSend(from, m.Source)
	}
	if len(m.Names) > maxChecked {
		return AskedChecksAnswer{}, registry.Errorf(registry.InvalidParameter, "%d repositories were asked for; at most %d may "+
			"be at once", len(m.Names), maxChecked)
	}
	name, err := s.local.Check(ctx, m.Source, m.Destination, m.Names)
	var refused *Refusal
	if errors.As(err, &refused) {
		return AskedChecksAnswer{Name: name, Refused: refusedTo(m.Source, m.Destination, refused)}, nil
	}
	return AskedChecksAnswer{}, err
}

// maxAskedChanges is how many registries a peer asks about at once.
const maxAskedChanges = 1000

// AskChanges says when registries last changed so that they may let in what they refused.
func (s *Service) AskChanges(ctx context.Context, _ peer.Record, m AskedChanges) (AskedChangesAnswer, error) {
	if len(m.Registries) > maxAskedChanges {
		return AskedChangesAnswer{}, registry.Errorf(registry.InvalidParameter, "%d registries were asked for; at most %d may "+
			"be at once", len(m.Registries), maxAskedChanges)
	}
	var served []resource.Registry
	for _, r := range m.Registries {
		if s.registry.Exists(r) {
			served = append(served, r)
		}
	}
	numbers, err := s.meta.Read(ctx).PeerPositions().Changes(served)
	if err != nil {
		return AskedChangesAnswer{}, fmt.Errorf("look up changes of registries: %w", err)
	}
	var answer AskedChangesAnswer
	for r, n := range numbers {
		answer.Changes = append(answer.Changes, Position{r, n})
	}
	return answer, nil
}
