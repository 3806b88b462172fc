package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/usage"
)

// NewManifest is a manifest to put.
type NewManifest struct {
	Bytes []byte
	// MediaType is the declared one: the Content-Type or
	// imageManifestMediaType. Empty means the manifest's own mediaType field.
	MediaType string
	// Digest, if set, must be the digest of Bytes; its algorithm (sha256 or
	// sha512) is the one the manifest is stored under. Empty means sha256.
	Digest digest.Digest
	// Tags to set in the same transaction; may be empty when Digest is set.
	Tags []string
	// RefuseUnchanged makes a put that would change nothing an
	// ImageAlreadyExists error, as ECR's PutImage does; and a put of an
	// immutable tag that already names the same image an ImageTagAlreadyExists.
	RefuseUnchanged bool
}

// PutResult is what a put did.
type PutResult struct {
	Digest    digest.Digest
	MediaType string
	// Subject is the manifest's subject, if it has one.
	Subject digest.Digest
}

// maxTagsPerPut bounds the tags of one put.
const maxTagsPerPut = 100

// PutManifest stores a manifest and sets its tags, durably, together with the
// replications that the registry's rules ask for. InvalidManifest,
// LayersNotFound, ReferencedImagesNotFound, ImageTagAlreadyExists (immutable),
// ImageDigestDoesNotMatch, ImageAlreadyExists (with RefuseUnchanged),
// InvalidParameter (tag grammar, unsupported digest algorithm), KMS,
// LimitExceeded, Throttled.
func (s *Service) PutManifest(ctx context.Context, c access.Caller, ref resource.Repository,
	n NewManifest) (PutResult, error) {
	r, err := s.repositoryToPush(ctx, c, ref, access.About{ImageTags: n.Tags}, access.PutImage)
	if err != nil {
		return PutResult{}, err
	}
	if len(n.Tags) > maxTagsPerPut {
		return PutResult{}, Errorf(InvalidParameter, "%d tags were given; at most %d can be set at once", len(n.Tags),
			maxTagsPerPut)
	}
	for _, tag := range n.Tags {
		if err := validTag(tag); err != nil {
			return PutResult{}, err
		}
	}
	done, err := begin(ctx, n)
	if err != nil {
		return PutResult{}, err
	}
	defer done()
	parsed, err := parseManifest(n.Bytes, n.MediaType)
	if err != nil {
		return PutResult{}, err
	}
	d, err := manifestDigest(n)
	if err != nil {
		return PutResult{}, err
	}
	if err := s.outbox.Admit(ctx, r, len(n.Tags)); err != nil {
		return PutResult{}, err
	}
	p := &put{service: s, now: s.now(), registry: r.RegistryRow, account: r.Account, digest: string(d), manifest: parsed,
		NewManifest: n, room: s.roomIn(r, quota.ImagesPerRepository, quota.StoredBytes)}
	if err := p.room.Within(ctx, func() error { return p.commit(ctx, r) }); err != nil {
		return PutResult{}, err
	}
	return PutResult{Digest: d, MediaType: parsed.MediaType, Subject: parsed.Subject}, nil
}

// parsedSize is how many times its size a manifest may take in memory while it is
// parsed, and committed.
const parsedSize = 4

// begin waits until a manifest may be parsed and committed. Of a large one, which
// keeps a processor and the database busy, memory and work count for the caller.
func begin(ctx context.Context, n NewManifest) (done func(), err error) {
	if len(n.Bytes) >= budget.Heavy {
		if err := budget.TakeMemory(ctx, parsedSize*len(n.Bytes)); err != nil {
			return nil, err
		}
	}
	return budget.Busy(ctx, len(n.Bytes))
}

// manifestDigest computes the digest of the bytes: ImageDigestDoesNotMatch.
func manifestDigest(n NewManifest) (digest.Digest, error) {
	algorithm := digest.SHA256
	if n.Digest != "" {
		if err := validDigest(n.Digest); err != nil {
			return "", err
		}
		algorithm = n.Digest.Algorithm()
	}
	d := algorithm.FromBytes(n.Bytes)
	if n.Digest != "" && n.Digest != d {
		return "", Errorf(ImageDigestDoesNotMatch, "The digest of the manifest is %s, not %s as was given", d, n.Digest)
	}
	return d, nil
}

// put is one PutManifest inside its transaction.
type put struct {
	NewManifest
	service  *Service
	now      time.Time
	registry int64  // of the repository
	account  string // whose it is
	digest   string
	manifest parsedManifest
	room     *usage.Room
	asked    asked
}

// asked are the reads of a put, which go to the database together.
type asked struct {
	manifest         metadata.Answer[metadata.Manifest]
	layers, children metadata.Answer[map[string]int64] // their sizes, if the manifest names any
	tags             []metadata.Answer[metadata.Tag]
	imageTags        usage.ImageTags
	sequence         metadata.Answer[int64]
}

// errImmutable ends a transaction beside which others add to the repository: a tag of the push has become immutable.
var errImmutable = errors.New("a tag of the push is immutable")

// commit runs the transaction. An immutable tag may be set once only, so two pushes that find it free must not run side
// by side.
func (p *put) commit(ctx context.Context, r *metadata.Repository) error {
	if !p.immutable(r) {
		err := p.service.updateWith(ctx, r, metadata.Repositories.Share, func(q *metadata.Queries) change {
			p.ask(q, r.ID)
			return func(tx *metadata.Tx, r *metadata.Repository) error {
				if p.immutable(r) {
					return errImmutable
				}
				return p.run(tx, r)
			}
		})
		if !errors.Is(err, errImmutable) {
			return err
		}
	}
	return p.service.updateWith(ctx, r, metadata.Repositories.Hold, func(q *metadata.Queries) change {
		p.ask(q, r.ID)
		return p.run
	})
}

func (p *put) immutable(r *metadata.Repository) bool {
	return slices.ContainsFunc(p.Tags, func(tag string) bool { return ImmutableTag(r, tag) })
}

// ask asks what run needs to know.
func (p *put) ask(q *metadata.Queries, repository int64) {
	a := asked{tags: make([]metadata.Answer[metadata.Tag], len(p.Tags))}
	a.manifest = metadata.Ask(q, func(q *metadata.Queries) (metadata.Manifest, error) {
		return q.Images().Manifest(repository, p.digest)
	})
	layers, children := p.manifest.split()
	if len(layers) > 0 {
		a.layers = metadata.Ask(q, func(q *metadata.Queries) (map[string]int64, error) {
			return q.Layers().Sizes(repository, layers)
		})
	}
	if len(children) > 0 {
		a.children = metadata.Ask(q, func(q *metadata.Queries) (map[string]int64, error) {
			return q.Images().Sizes(repository, children)
		})
	}
	for i, tag := range p.Tags {
		a.tags[i] = metadata.Ask(q, func(q *metadata.Queries) (metadata.Tag, error) {
			return q.Tags().Get(repository, tag)
		})
	}
	p.room.Ask(q)
	a.imageTags = p.service.usage.AskTags(q, p.account, repository, p.digest, len(p.Tags))
	a.sequence = metadata.Ask(q, func(q *metadata.Queries) (int64, error) {
		return q.Registries().NextSequence(p.registry)
	})
	p.asked = a
}

func (p *put) run(tx *metadata.Tx, r *metadata.Repository) error {
	if err := p.room.Begin(tx.Queries); err != nil {
		return err
	}
	_, err := p.asked.manifest.Get()
	known := err == nil
	if err != nil && !errors.Is(err, metadata.ErrNotFound) {
		return err
	}
	// What a manifest names must be there even if the manifest is known: it may
	// have been deleted since.
	size, err := p.checkReferences(r)
	if err != nil {
		return err
	}
	if !known { // else it keeps the time of its first push (ECR: imagePushedAt)
		if err := p.room.Take(quota.ImagesPerRepository, 1); err != nil {
			return err
		}
		if err := p.room.Take(quota.StoredBytes, int64(len(p.Bytes))); err != nil {
			return err
		}
		m := p.manifest.facts(p.Bytes)
		m.Digest, m.ImageSize, m.PushedAt = p.digest, size, p.now
		if err := tx.Images().Put(r, m, p.Bytes, p.manifest.References); err != nil {
			return err
		}
	} else if err := tx.Images().MarkPushed(r, p.digest); err != nil {
		return err
	}
	changed := !known
	sequence, err := p.asked.sequence.Get()
	if err != nil {
		return err
	}
	added := 0
	for i, tag := range p.Tags {
		adds, err := p.addsTag(r, tag, p.asked.tags[i])
		if err != nil {
			return err
		}
		if adds {
			added, changed = added+1, true
		}
	}
	tooMany, err := p.asked.imageTags.Full(added)
	if err != nil {
		return err
	}
	if tooMany {
		return overQuota(refOf(r).Registry, quota.TagsPerImage, p.service.limits[r.Account].TagsPerImage)
	}
	for _, tag := range p.Tags {
		if err := tx.Tags().Set(r, metadata.Tag{Name: tag, Digest: p.digest, Sequence: sequence}, p.now); err != nil {
			return fmt.Errorf("set tag %s: %w", tag, err)
		}
	}
	if p.RefuseUnchanged && !changed {
		what := "digest '" + p.digest + "'"
		if len(p.Tags) > 0 {
			what += " and tag '" + p.Tags[0] + "'"
		}
		return Errorf(ImageAlreadyExists, "Image with %s already exists in the repository with name '%s' in "+
			"registry with id '%s'", what, r.Name, r.Account)
	}
	p.service.repositoryChanged(tx, r)
	return p.service.outbox.Pushed(tx, Push{
		Repository: r, Digest: p.digest, Tags: p.Tags, Sequence: sequence, At: p.now, Again: known && changed,
	})
}

// checkReferences makes sure that the repository has all that the manifest
// names, and returns the image's size.
func (p *put) checkReferences(r *metadata.Repository) (int64, error) {
	layers, children := p.manifest.split()
	if len(layers) > 0 {
		have, err := p.asked.layers.Get()
		if err != nil {
			return 0, err
		}
		if missing := lacking(layers, have); missing != nil {
			return 0, Errorf(LayersNotFound, "Layers with digests '%s' required for pushing image into repository with name "+
				"'%s' in the registry with id '%s' do not exist",
				strings.Join(missing, ", "), r.Name, r.Account)
		}
	}
	size := p.manifest.size
	if len(children) > 0 {
		have, err := p.asked.children.Get()
		if err != nil {
			return 0, err
		}
		if missing := lacking(children, have); missing != nil {
			return 0, Errorf(ReferencedImagesNotFound, "Images with digests '%s' required for pushing image into repository "+
				"with name '%s' in the registry with id '%s' do not exist",
				strings.Join(missing, ", "), r.Name, r.Account)
		}
		for _, n := range have {
			size = max(size, n)
		}
	}
	return size, nil
}

// lacking returns a few of the digests that have does not contain.
func lacking(digests []string, have map[string]int64) (missing []string) {
	for _, d := range digests {
		if _, ok := have[d]; !ok && len(missing) < 10 {
			missing = append(missing, d)
		}
	}
	return missing
}

// addsTag reports whether the tag is to move to the image: false if it is there
// already, and ImageTagAlreadyExists if it may not.
func (p *put) addsTag(r *metadata.Repository, tag string, was metadata.Answer[metadata.Tag]) (bool, error) {
	now, err := was.Get()
	exists := err == nil
	if err != nil && !errors.Is(err, metadata.ErrNotFound) {
		return false, err
	}
	same := exists && now.Digest == p.digest
	if exists && ImmutableTag(r, tag) && (!same || p.RefuseUnchanged) {
		return false, Errorf(ImageTagAlreadyExists, "The image tag '%s' already exists in the '%s' repository and cannot "+
			"be overwritten because the tag is immutable.", tag, r.Name)
	}
	return !same, nil
}
