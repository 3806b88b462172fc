package replication

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/usage"
)

// What a peer sends is decided on, and applied, as what another registry of this
// deployment replicates: each image in a transaction of its own, its tag last.
// A digest proves nothing: a layer must be in the destination's repository, where
// only its bytes bring it.

// maxApplied is how many images of a message are applied at the same time.
const maxApplied = 16

// Receive applies what a peer has sent.
func (s *Service) Receive(ctx context.Context, from peer.Record, m SentImages) (SentImagesAnswer, error) {
	if len(m.Images) > MaxSentImages {
		return SentImagesAnswer{}, registry.Errorf(registry.InvalidParameter, "%d images were sent; at most %d may be in a "+
			"message", len(m.Images), MaxSentImages)
	}
	sources := map[resource.Registry]int64{}
	for _, p := range m.Acknowledged {
		sources[p.Registry] = p.Number
	}
	for _, image := range m.Images {
		sources[image.Source] += 0
	}
	rows := map[resource.Registry]int64{}
	var answer SentImagesAnswer
	for source, acknowledged := range sources {
		if !from.MaySend(source) {
			continue // the others' images do not wait for it
		}
		row, received, err := s.meta.Read(ctx).PeerPositions().Received(source)
		if err != nil {
			return SentImagesAnswer{}, fmt.Errorf("look up what was received from %s: %w", source, err)
		}
		if rows[source] = row; received < acknowledged {
			answer.Lost = append(answer.Lost, Position{source, received})
		}
	}
	if len(answer.Lost) > 0 {
		return answer, nil
	}
	if err := s.knowSources(ctx, rows); err != nil {
		return SentImagesAnswer{}, err
	}
	answer.Results = make([]ImageResult, len(m.Images))
	layers := s.takeSmall(ctx, from, m.Images)
	var apply errgroup.Group
	apply.SetLimit(maxApplied)
	for i, image := range m.Images {
		if !from.MaySend(image.Source) {
			answer.Results[i] = ImageResult{
				Outcome: Fault, Code: PeerNotGranted, Reason: mayNotSend(from, image.Source).Message,
			}
			continue
		}
		apply.Go(func() error {
			answer.Results[i] = s.apply(ctx, image, rows[image.Source], layers[i])
			return nil
		})
	}
	_ = apply.Wait() // each has its own result
	var err error
	answer.Received, err = s.received(ctx, m, answer.Results, rows)
	return answer, err
}

func mayNotSend(from peer.Record, source resource.Registry) *registry.Error {
	return registry.Errorf(registry.AccessDenied, "The deployment does not let its peer '%s' replicate from account %s in "+
		"%s: its operator can, with twinport peer grant", from.Name, source.Account, source.Region)
}

// knowSources gives those of the registries a row that have none.
func (s *Service) knowSources(ctx context.Context, rows map[resource.Registry]int64) error {
	var unknown []resource.Registry
	for source, row := range rows {
		if row == 0 {
			unknown = append(unknown, source)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.SortFunc(unknown, func(a, b resource.Registry) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	return s.meta.Update(ctx, func(tx *metadata.Tx) error {
		for _, source := range unknown {
			if err := tx.Registries().Ensure(source.Account, source.Region); err != nil {
				return err
			}
		}
		ids, err := tx.Registries().IDs(unknown)
		for source, id := range ids {
			rows[source] = id
		}
		return err
	})
}

// received notes the highest numbers that were applied, and returns those of all sources.
func (s *Service) received(ctx context.Context, m SentImages, results []ImageResult,
	rows map[resource.Registry]int64) (all []Position, err error) {
	highest := map[resource.Registry]int64{}
	for i, image := range m.Images {
		if results[i].Outcome == Applied {
			highest[image.Source] = max(highest[image.Source], image.Number)
		}
	}
	if len(highest) > 0 {
		err = s.meta.UpdateFirst(ctx, func(tx *metadata.Tx) error {
			for source, number := range highest {
				if err := tx.PeerPositions().SetReceived(rows[source], number); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("note what was received: %w", err)
		}
	}
	for source := range rows {
		_, number, err := s.meta.Read(ctx).PeerPositions().Received(source)
		if err != nil {
			return nil, fmt.Errorf("look up what was received from %s: %w", source, err)
		}
		all = append(all, Position{source, number})
	}
	return all, nil
}

// apply applies one image, unless there is an error of the layers that came with it.
// Its faults are the result, so that others go on.
func (s *Service) apply(ctx context.Context, image SentImage, source int64, layers error) ImageResult {
	size := 0
	for _, m := range image.Manifests {
		size += len(m.Bytes)
	}
	done, err := budget.Busy(ctx, size)
	if err != nil {
		return ImageResult{Outcome: Fault, Code: failureInternal, Reason: "It has too much to do now."}
	}
	defer done()
	if refused := refusedLayer(image.into(), layers); refused != nil {
		return *refused
	}
	in, err := readSent(image)
	if err == nil {
		err = layers
	}
	if err == nil {
		in.source = source
		var result ImageResult
		if result, err = s.local.receive(ctx, in); err == nil {
			return result
		}
	}
	var bad *registry.Error
	if errors.As(err, &bad) && (bad.Code == registry.InvalidManifest || bad.Code == registry.InvalidParameter ||
		bad.Code == registry.ImageDigestDoesNotMatch || bad.Code == registry.InvalidLayer) {
		s.log.Warn("a peer sent what cannot be stored", "registry", image.Source, "image", image.Digest, "error", err)
		return ImageResult{Outcome: Refused, Code: failureInvalidImage, Reason: bad.Message}
	}
	result := ImageResult{Outcome: Fault, Code: failureInternal, Reason: faultReason(err)}
	if ctx.Err() == nil {
		s.log.Error("could not apply what a peer has sent; it will send it again", "registry", image.Source,
			"image", image.Digest, "error", err)
	}
	return result
}

// receivedImage is a SentImage that was checked.
type receivedImage struct {
	SentImage
	source    int64 // the row of the registry
	manifests map[string]registry.ReceivedManifest
}

// readSent checks what a peer has sent: InvalidParameter, InvalidManifest, ImageDigestDoesNotMatch.
func readSent(image SentImage) (in receivedImage, err error) {
	in = receivedImage{SentImage: image, manifests: map[string]registry.ReceivedManifest{}}
	if err := registry.ValidImage(image.Repository, image.Digest, image.Tag); err != nil {
		return in, err
	}
	if image.Number <= 0 || len(image.Tags) > registry.MaxTagsPerImage {
		return in, registry.Errorf(registry.InvalidParameter, "The number or the tags of the image are not usable")
	}
	for _, m := range image.Manifests {
		if in.manifests[m.Digest], err = registry.CheckManifest(m.Bytes, m.MediaType, digest.Digest(m.Digest)); err != nil {
			return in, err
		}
	}
	return in, nil
}

// receive applies an image that a peer has sent.
func (l *local) receive(ctx context.Context, in receivedImage) (result ImageResult, err error) {
	err = l.run(ctx, func(room **usage.Room) (done bool, err error) {
		result, err = l.takeIn(ctx, in, room)
		return result.Outcome == Applied, err
	})
	return result, err
}

// takeIn is the transaction of receive.
func (l *local) takeIn(ctx context.Context, in receivedImage, room **usage.Room) (result ImageResult, err error) {
	err = l.meta.UpdateFirst(ctx, func(tx *metadata.Tx) error {
		result = ImageResult{Outcome: Applied}
		again := func() (metadata.ReplicationJob, error) { return l.incoming(tx.Queries, in) }
		job, err := again()
		if err != nil {
			return err
		}
		if in.Deletes {
			if err = l.deleteReplicated(ctx, tx, job, again); err == nil {
				err = tx.Deletions().Received(job, l.now())
			}
		} else {
			*room = l.roomAt(job).Instead(*room)
			if err = l.admit(ctx, tx, job, again); err == nil {
				result, err = l.putReceived(tx, job, in, *room)
			}
		}
		var refused *Refusal
		if errors.As(err, &refused) {
			result, err = refusalResult(tx, job, refused)
			return err
		}
		if err != nil || result.Outcome != Applied {
			return err
		}
		tx.OnCommit(func() {
			l.changes.Notify(changes.Change{Registry: job.RegistryRow, Repository: job.RepositoryName})
		})
		return nil
	})
	return result, err
}

// incoming is the job that a peer has sent. Of a registry that has no row it has none.
func (l *local) incoming(q *metadata.Queries, in receivedImage) (metadata.ReplicationJob, error) {
	r := metadata.Replication{
		Digest: in.Digest, Tag: in.Tag, Sequence: in.Number, DestinationAccount: in.Destination.Account,
		DestinationRegion: in.Destination.Region, PushedAt: in.PushedAt, Deletes: in.Deletes,
	}
	job, err := q.Replications().Incoming(r, in.Source, in.Repository)
	if errors.Is(err, metadata.ErrNotFound) {
		err = nil
	}
	job.SourceRegistryRow, job.Tags = in.source, in.Tags
	if err != nil {
		return job, err
	}
	return withTemplate(q, job)
}

// refusalResult numbers a refusal, as those of this deployment are numbered. What
// the configuration refuses is tried again after the next start, which counts as a
// change of each registry that is served then.
func refusalResult(tx *metadata.Tx, job metadata.ReplicationJob, r *Refusal) (ImageResult, error) {
	number, err := refusalNumber(tx, job, r)
	switch {
	case number == metadata.Permanent:
		number = 0
	case number == metadata.ByConfiguration && job.RegistryRow == 0:
		number = 1
	case number == metadata.ByConfiguration:
		number, err = tx.Registries().NextSequence(job.RegistryRow)
	}
	result := refusedTo(resource.Registry{Account: job.SourceAccount}, job.Destination(), r)
	result.Refusal = number
	return *result, err
}

// refusedTo is what a peer learns of a refusal: if it is of another account, not
// even which of the rights it lacks, as that says whether the repository is there.
func refusedTo(source, destination resource.Registry, r *Refusal) *ImageResult {
	code := r.Code
	if source.Account != destination.Account && code != failureNoDestination && slices.Contains(refusedCodes, code) {
		code = failureReplicateNotAllowed
	}
	return &ImageResult{Outcome: Refused, Code: code, Reason: r.Reason}
}

// putReceived is copyImage for an image that a peer has sent, and that was admitted.
func (l *local) putReceived(tx *metadata.Tx, job metadata.ReplicationJob, in receivedImage,
	room *usage.Room) (ImageResult, error) {
	if job.DestinationID == 0 { // so that no repository is made for what is gone
		if deleted, err := deletedSince(tx, &job); err != nil || deleted {
			return ImageResult{Outcome: Applied}, err
		}
	}
	lacking, there, err := lackingOf(tx.Queries, job.DestinationID, in)
	if err != nil || lacking.Outcome == Lacking {
		return lacking, err
	}
	tags := l.usage.AskTags(tx.Queries, job.DestinationAccount, job.DestinationID, job.Digest, tagsOf(job))
	var added, bytes int64
	for d, m := range in.manifests {
		if _, ok := there[d]; !ok {
			added++
			bytes += m.Size
		}
	}
	if err := l.fits(tx.Queries, job, room, tags, added, func() (int64, error) { return bytes, nil }); err != nil {
		return ImageResult{}, err
	}
	sequence, err := tx.Registries().NextSequence(job.RegistryRow)
	if err != nil {
		return ImageResult{}, err
	}
	destination, err := l.openDestination(tx, job)
	if err != nil {
		return ImageResult{}, err
	}
	// Deletions have the repository for themselves, so none comes in between any more.
	if deleted, err := deletedSince(tx, &job); err != nil || deleted {
		return ImageResult{Outcome: Applied}, err
	}
	now := l.now()
	for _, d := range in.inOrder(there) {
		m := in.manifests[d]
		m.PushedAt = now
		if err := tx.Images().Receive(destination, m.Manifest, m.Bytes, m.References, in.source, in.Number); err != nil {
			return ImageResult{}, err
		}
	}
	if err := tx.Images().BroughtBy(destination, []string{in.Digest}, in.source, in.Number); err != nil {
		return ImageResult{}, err
	}
	t := metadata.Tag{Name: job.Tag, Digest: job.Digest, Sequence: sequence}
	_, had := there[in.Digest]
	return ImageResult{Outcome: Applied, Had: had}, l.copyTag(tx, job, destination, t, now)
}

// deletedSince reports whether the source has deleted the job's image after it sent it.
// If it was the tag that it has deleted, the job has none any more. Messages overtake
// each other, and one may have been on its way for long.
func deletedSince(tx *metadata.Tx, job *metadata.ReplicationJob) (bool, error) {
	image, tag, err := tx.Deletions().Since(*job)
	if tag {
		job.Tag = ""
	}
	return image, err
}

// openDestination opens the repository that the job replicates into, or creates
// it: registry.ErrChangedSince if its tags have become immutable, or mutable, meanwhile.
func (l *local) openDestination(tx *metadata.Tx, job metadata.ReplicationJob) (*metadata.Repository, error) {
	if job.DestinationID == 0 {
		return l.create(tx, job)
	}
	open := metadata.Repositories.Share
	if job.TagMutability != registry.Mutable {
		open = metadata.Repositories.Hold // two that find a tag free must not run side by side
	}
	destination, err := open(tx.Queries.Repositories(), job.DestinationID)
	if err == nil && destination.TagMutability != job.TagMutability {
		err = registry.ErrChangedSince
	}
	return destination, err
}

// maxLacking is how much of what it lacks a destination names at once.
const maxLacking = 1000

// lackingOf says what a repository lacks of an image, and the sizes of those of
// its manifests, and their children, that are there.
func lackingOf(q *metadata.Queries, repository int64, in receivedImage) (ImageResult, map[string]int64, error) {
	var layers []string
	manifests := []string{in.Digest}
	for d, m := range in.manifests {
		manifests = append(manifests, d)
		for _, r := range m.References {
			if r.Child {
				manifests = append(manifests, r.Digest)
			} else {
				layers = append(layers, r.Digest)
			}
		}
	}
	there, err := q.Images().Sizes(repository, distinct(manifests))
	if err != nil {
		return ImageResult{}, nil, err
	}
	linked, err := q.Layers().Sizes(repository, distinct(layers))
	if err != nil {
		return ImageResult{}, nil, err
	}
	result := ImageResult{Outcome: Applied}
	for _, d := range distinct(manifests) {
		_, sent := in.manifests[d]
		if _, ok := there[d]; !ok && !sent && len(result.Manifests) < maxLacking {
			result.Outcome, result.Manifests = Lacking, append(result.Manifests, d)
		}
	}
	for _, d := range distinct(layers) {
		if _, ok := linked[d]; !ok && len(result.Layers) < maxLacking {
			result.Outcome, result.Layers = Lacking, append(result.Layers, d)
		}
	}
	return result, there, nil
}

func distinct(all []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

// inOrder are the manifests that were sent, children before what names them, with
// the sizes of their images. there has those of what the repository has.
func (in receivedImage) inOrder(there map[string]int64) (order []string) {
	done := map[string]bool{}
	var visit func(d string) int64
	visit = func(d string) int64 {
		m, sent := in.manifests[d]
		if !sent {
			return there[d]
		}
		if done[d] {
			return m.ImageSize
		}
		done[d] = true // a manifest cannot contain its own digest, so there is no circle
		for _, r := range m.References {
			if r.Child {
				m.ImageSize = max(m.ImageSize, visit(r.Digest))
			}
		}
		in.manifests[d] = m
		order = append(order, d)
		return m.ImageSize
	}
	for _, d := range slices.Sorted(maps.Keys(in.manifests)) {
		visit(d)
	}
	return order
}
