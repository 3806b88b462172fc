package replication

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/twinport/twinport/internal/changes"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

const (
	// leaseTime is how long who sends an image keeps others off it, and
	// leaseInterval how often it does so anew. Two that send the same image do no
	// harm, but waste the line.
	leaseTime     = 15 * time.Second
	leaseInterval = 4 * time.Second
	// maxRounds is how often a try asks what the peer lacks, without any progress.
	maxRounds = 8
	// checkTimeout is how long a peer may take to answer what it would refuse.
	checkTimeout = 10 * time.Second
	// awayRetry is the delay after a try that did not reach the peer: while it is
	// away nothing is tried at all.
	awayRetry = 2 * time.Second
)

// remote has the registries of a peer as destinations. A try holds a lease: the
// replication's next try is when that ends, and the number of tries says whose it is.
type remote struct {
	id       string // of the peer
	peers    *peer.Directory
	client   *peer.Client
	registry *registry.Service
	meta     metadata.Store
	changes  *changes.Feed
	log      *slog.Logger
	now      func() time.Time

	messages  messages
	transfers transfers
	memory    *semaphore.Weighted
	early     chan early
	arriving  chan *arriving // to who sends them: without a buffer
	refusals  refusals
	had       had
	counters  *peerCounters
	warnings  warnings

	mu   sync.Mutex
	held map[int64]*held // replications that are being sent
}

// Replicate implements Destination.
func (r *remote) Replicate(ctx context.Context, id int64) (metadata.Replication, error) {
	job, err := r.claim(ctx, id)
	if err != nil {
		return metadata.Replication{}, err
	}
	h := r.hold(job.Replication)
	err = r.deliver(ctx, job, h)
	r.release(id)
	row := h.progress(job.Replication)
	row.ChangedAt = r.now()
	row.FailureCode, row.FailureReason = "", ""
	if e, ok := errors.AsType[*peer.Error](err); ok && e.Code == PeerNotGranted {
		// The peer counts a grant as a change of all its registries.
		err = &Refusal{Code: failurePeerNotGranted, Reason: notTaken(r.name(), e), number: 1}
	}
	var refused *Refusal
	switch {
	case err == nil:
		row.State, row.FinishedAt = metadata.ReplicationComplete, row.ChangedAt
		row.BytesTotal = row.BytesSent // it may have had some by other ways
	case errors.As(err, &refused):
		row.State, row.FinishedAt = metadata.ReplicationFailed, row.ChangedAt
		row.FailureCode, row.FailureReason = refused.Code, refused.Reason
		row.RefusedInto, row.Refusal = job.RepositoryName, refused.number
		if row.Refusal == 0 {
			row.Refusal = metadata.Permanent
		}
	case ctx.Err() != nil: // we stop: others go on at once
		row.NextTryAt = row.ChangedAt
	default:
		row.NextTryAt = row.ChangedAt.Add(delayAfter(err, row.Tries))
		row.FailureCode, row.FailureReason = failureInternal, faultReason(err)
		if e, ok := errors.AsType[*peer.Error](err); ok {
			row.FailureCode, row.FailureReason = peerPrefix+e.Code, notTaken(r.name(), e)
		}
		if errors.Is(err, metadata.ErrNotFound) {
			break // the source has deleted the image, and the row with it
		}
		r.log.Log(ctx, r.warnings.level(), "a peer did not get an image, which is tried again", "image", row.Digest, "tag", row.Tag,
			"account", row.DestinationAccount, "region", row.DestinationRegion, "tries", row.Tries, "error", err)
	}
	if row.State != metadata.ReplicationComplete {
		row.BegunAt = time.Time{} // nothing is being sent now
	}
	err = r.record(context.WithoutCancel(ctx), row)
	if errors.Is(err, metadata.ErrNotFound) {
		// Others have it, or it got a higher number: then it is due again.
		if now, err := r.meta.Read(ctx).Replications().Get(id); err == nil && now.State == metadata.ReplicationInProgress {
			return now, nil
		}
	}
	if err != nil {
		return metadata.Replication{}, err
	}
	r.counters.ended(row)
	return row, nil
}

// delayAfter is the delay after a try that met a fault.
func delayAfter(err error, tries int) time.Duration {
	if e, ok := errors.AsType[*peer.Error](err); ok && e.AboutPeer() {
		return awayRetry
	}
	return retryDelay(tries)
}

// warnings says how loud a warning is that many replications make at once.
type warnings struct {
	mu   sync.Mutex
	last time.Time
}

// level is that of a warning for one a second, and of details for the others.
func (w *warnings) level() slog.Level {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.last) < time.Second {
		return slog.LevelDebug
	}
	w.last = time.Now()
	return slog.LevelWarn
}

// name is the peer's.
func (r *remote) name() string {
	if p, ok := r.peers.Peer(r.id); ok {
		return p.Name
	}
	return r.id
}

// claim takes the lease of a replication: metadata.ErrNotFound if it is not in
// progress any more, or others have it.
func (r *remote) claim(ctx context.Context, id int64) (job metadata.ReplicationJob, err error) {
	err = r.meta.UpdateFirst(ctx, func(tx *metadata.Tx) error {
		var err error
		if job, err = claim(tx, id); err != nil {
			return err
		}
		now := r.now()
		// Whoever has just queued it tries it before it is due for all.
		if job.Tries > 0 && job.NextTryAt.After(now) {
			return metadata.ErrNotFound
		}
		job.Tries++
		job.NextTryAt = now.Add(leaseTime)
		job.BytesTotal, job.BytesSent, job.BegunAt = 0, 0, time.Time{}
		return tx.Replications().Save(job.Replication)
	})
	return job, err
}

// record stores how a try ended: metadata.ErrNotFound if others have it by now.
func (r *remote) record(ctx context.Context, row metadata.Replication) error {
	return r.meta.UpdateFirst(ctx, func(tx *metadata.Tx) error {
		ended, err := tx.Replications().End(row)
		if err == nil && !ended {
			err = metadata.ErrNotFound
		}
		if err == nil {
			err = recordBrought(tx, row)
		}
		tx.OnCommit(func() {
			r.changes.Notify(changes.Change{Registry: row.SourceRegistryRow, Replications: []int64{row.ID}})
		})
		return err
	})
}

func (r *remote) hold(row metadata.Replication) *held {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &held{row: row}
	r.held[row.ID] = h
	return h
}

func (r *remote) release(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.held, id)
}

// keepLeases keeps the leases of what is being sent until ctx ends, and notes how
// far that is.
func (r *remote) keepLeases(ctx context.Context) {
	ticker := time.NewTicker(leaseInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		r.mu.Lock()
		all := make([]*held, 0, len(r.held))
		for _, h := range r.held {
			all = append(all, h)
		}
		r.mu.Unlock()
		if len(all) == 0 {
			continue
		}
		slices.SortFunc(all, func(a, b *held) int { return int(a.row.ID - b.row.ID) }) // so that two do not deadlock
		err := r.meta.UpdateFirst(ctx, func(tx *metadata.Tx) error {
			now := r.now()
			moving := map[int64][]int64{}
			for _, h := range all {
				row := h.progress(h.row)
				row.NextTryAt = now.Add(leaseTime)
				if !row.BegunAt.IsZero() {
					row.ChangedAt = now
					moving[row.SourceRegistryRow] = append(moving[row.SourceRegistryRow], row.ID)
				}
				if err := tx.Replications().Keep(row); err != nil {
					return err
				}
			}
			tx.OnCommit(func() {
				for source, ids := range moving {
					r.changes.Notify(changes.Change{Registry: source, Replications: ids})
				}
			})
			return nil
		})
		if err != nil && ctx.Err() == nil {
			r.log.Warn("could not keep the leases of replications; others may send the same images", "error", err)
		}
	}
}

// deliver sends what the job replicates: *Refusal, *peer.Error. Large layers that the
// peer is not known to have go first, and then the image with all else that it needs.
// What the peer lacks of it all the same follows, and then the image again. What a
// backfill sends, too, goes with its small layers, unless the peer has lately had images
// of backfills already: then the image goes first, without any layer.
func (r *remote) deliver(ctx context.Context, job metadata.ReplicationJob, h *held) error {
	image, err := r.read(ctx, job)
	if err != nil {
		return err
	}
	into, known := image.into(), &r.transfers.known
	r.transfers.await(ctx, image.large, h)
	var small []metadata.Blob
	if !job.Backfill || !r.had.lately() {
		if err := r.sendLayers(ctx, into, senderOf(job), known.unknown(into, image.large), h); err != nil {
			return err
		}
		small = known.unknown(into, image.small)
	}
	for round := 0; ; round++ {
		result, err := r.sendImage(ctx, job, image, small)
		if err != nil {
			return err
		}
		switch result.Outcome {
		case Applied:
			if job.Backfill && result.Had {
				r.had.note(true)
			}
			for _, b := range slices.Concat(image.small, image.large) {
				known.add(into, b.Digest)
			}
			return nil
		case Refused:
			return refusedThere(&result)
		case Lacking:
		default:
			code := peer.Internal
			if result.Code == PeerNotGranted {
				code = result.Code
			}
			return &peer.Error{Code: code, Message: result.Reason}
		}
		if round == maxRounds {
			return &peer.Error{Code: peer.Internal, Message: "It asks for the same parts of the image again and again."}
		}
		if err := r.deliverManifests(ctx, job, image, result.Manifests, h); err != nil {
			return err
		}
		var large []metadata.Blob
		if small, large, err = image.lacking(result.Layers); err != nil {
			return err
		}
		if job.Backfill {
			r.had.note(false)
		}
		for _, b := range slices.Concat(small, large) {
			known.forget(into, b.Digest)
		}
		if err := r.sendLayers(ctx, into, senderOf(job), large, h); err != nil {
			return err
		}
	}
}

// hadFor is for how long a peer is taken to have what backfills send, once it has had an image.
const hadFor = 5 * time.Second

// had is when the peer has last had an image of a backfill already.
type had struct{ at atomic.Pointer[time.Time] }

func (h *had) note(there bool) {
	if !there {
		h.at.Store(nil)
		return
	}
	now := time.Now()
	h.at.Store(&now)
}

func (h *had) lately() bool {
	at := h.at.Load()
	return at != nil && time.Since(*at) < hadFor
}

// maxSaid is how many bytes are stored of what a peer says of a refusal.
const maxSaid = 1000

// refusedThere is a refusal of a peer, as far as it is stored.
func refusedThere(r *ImageResult) *Refusal {
	return &Refusal{
		Code: r.Code[:min(len(r.Code), maxSaid)], Reason: strings.ToValidUTF8(r.Reason[:min(len(r.Reason), maxSaid)], ""),
		number: r.Refusal,
	}
}

// outgoing is an image that is to be sent, and what it consists of.
type outgoing struct {
	SentImage          // without manifests and layers
	manifests []string // of the image
	sent      []string // of them, those of the message
	size      int64    // of those
	// The blobs that those name: small ones come with the image.
	small, large []metadata.Blob
}

// lacking are those of the blobs that the peer says that it lacks.
func (image outgoing) lacking(digests []string) (small, large []metadata.Blob, err error) {
	lacking := make(map[string]bool, len(digests))
	for _, d := range digests {
		lacking[d] = true
	}
	not := func(b metadata.Blob) bool { return !lacking[b.Digest] }
	small, large = slices.DeleteFunc(slices.Clone(image.small), not), slices.DeleteFunc(slices.Clone(image.large), not)
	if len(small)+len(large) < len(lacking) {
		err = &peer.Error{Code: peer.Internal, Message: "It asks for a layer that is no part of the image."}
	}
	return small, large, err
}

// read reads what the job replicates, but for the bytes. Manifests that would not
// fit in a message are left out: the peer says which of them it lacks. A *Refusal
// says that the source has not all of the image.
func (r *remote) read(ctx context.Context, job metadata.ReplicationJob) (outgoing, error) {
	image := outgoing{SentImage: SentImage{
		Source: resource.Registry{Account: job.SourceAccount, Region: job.SourceRegion}, Destination: job.Destination(),
		Repository: job.RepositoryName, Digest: job.Digest, Tag: job.Tag, Number: job.Sequence, PushedAt: job.PushedAt,
		Deletes: job.Deletes, Tags: job.Tags,
	}}
	if job.Deletes {
		return image, nil
	}
	q := r.meta.Read(ctx).Images()
	parts, err := q.Parts(job.RepositoryID, job.Digest, 0, maxGraph+1)
	if err != nil {
		return image, fmt.Errorf("read the image %s: %w", job.Digest, err)
	}
	if len(parts.Manifests) > maxGraph {
		return image, tooLarge()
	}
	if parts.Missing != "" {
		return image, incomplete(parts)
	}
	image.manifests = parts.Manifests
	sizes, err := q.ManifestSizes(job.RepositoryID, parts.Manifests)
	if err != nil {
		return image, fmt.Errorf("read the image %s: %w", job.Digest, err)
	}
	image.sent, image.size = []string{job.Digest}, sizes[job.Digest]
	for _, d := range parts.Manifests {
		if d != job.Digest && image.size+sizes[d] <= MaxSentManifests {
			image.sent, image.size = append(image.sent, d), image.size+sizes[d]
		}
	}
	if len(image.sent) < len(parts.Manifests) {
		image.sent, image.size = image.sent[:1], sizes[job.Digest] // its children go before it
	}
	blobs, err := q.LayersOf(job.RepositoryID, image.sent)
	if err != nil {
		return image, fmt.Errorf("read the layers of %s: %w", job.Digest, err)
	}
	image.small, image.large = splitSmall(blobs)
	return image, nil
}

// maxImageMemory is how many bytes of manifests and small layers are in memory to be
// sent to a peer, or wait for its answer.
const maxImageMemory = 64 << 20

// sendImage sends an image with its manifests and some of its small layers.
func (r *remote) sendImage(ctx context.Context, job metadata.ReplicationJob, image outgoing,
	small []metadata.Blob) (ImageResult, error) {
	size := image.size
	for _, b := range small {
		size += b.Size
	}
	size = min(size, maxImageMemory)
	if err := r.memory.Acquire(ctx, size); err != nil {
		return ImageResult{}, err
	}
	defer r.memory.Release(size)
	message := image.SentImage
	if !job.Deletes {
		contents, err := r.meta.Read(ctx).Images().Contents(job.RepositoryID, image.sent)
		if err != nil {
			return ImageResult{}, fmt.Errorf("read the manifests of %s: %w", job.Digest, err)
		}
		if len(contents) < len(image.sent) {
			return ImageResult{}, fmt.Errorf("read the manifests of %s: %w", job.Digest, metadata.ErrNotFound)
		}
		// The tag may have been deleted while the layers were sent, and the deletion be there already.
		if message.Tag, err = r.tagLeft(ctx, job); err != nil {
			return ImageResult{}, err
		}
		for _, m := range contents {
			message.Manifests = append(message.Manifests, SentManifest{Digest: m.Digest, MediaType: m.MediaType, Bytes: m.Bytes})
		}
		if message.Layers, err = r.readSmall(ctx, small); err != nil {
			return ImageResult{}, err
		}
	}
	return r.messages.send(ctx, r, job.SourceRegistryRow, senderOf(job), message)
}

// tagLeft is the job's tag if the source has it still, and else empty.
func (r *remote) tagLeft(ctx context.Context, job metadata.ReplicationJob) (string, error) {
	if job.Tag == "" {
		return "", nil
	}
	_, err := r.meta.Read(ctx).Tags().Get(job.RepositoryID, job.Tag)
	if errors.Is(err, metadata.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the tag %s: %w", job.Tag, err)
	}
	return job.Tag, nil
}

// deliverManifests sends manifests of an image, of which there are too many for
// one message: each as an image of its own, without a tag.
func (r *remote) deliverManifests(ctx context.Context, job metadata.ReplicationJob, image outgoing, lacking []string,
	h *held) error {
	for _, d := range lacking {
		if d == job.Digest || !slices.Contains(image.manifests, d) {
			return &peer.Error{Code: peer.Internal, Message: "It asks for a manifest that is no part of the image."}
		}
		child := job
		child.Digest, child.Tag = d, ""
		if err := r.deliver(ctx, child, h); err != nil {
			return err
		}
	}
	return nil
}

// Check implements Destination.
func (r *remote) Check(ctx context.Context, source, destination resource.Registry,
	names []string) (refused string, err error) {
	asking, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var answer AskedChecksAnswer
	err = r.call(asking, OperationCheck, AskedChecks{source, destination, names}, &answer)
	e, unanswered := errors.AsType[*peer.Error](err)
	switch {
	case unanswered:
		return names[0], &Refusal{Code: peerPrefix + e.Code, Reason: fmt.Sprintf("The deployment '%s', which serves the "+
			"destination, could not be asked: %s", r.name(), e.Message)}
	case err != nil && ctx.Err() == nil && asking.Err() != nil:
		return names[0], &Refusal{Code: peerPrefix + peer.Timeout, Reason: fmt.Sprintf("The deployment '%s', which serves "+
			"the destination, did not answer within %s: look whether it and the line to it are overloaded.", r.name(),
			checkTimeout)}
	case err == nil && answer.Refused != nil:
		err = &Refusal{Code: answer.Refused.Code, Reason: answer.Refused.Reason}
	}
	return answer.Name, err
}
