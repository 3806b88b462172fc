// Package verify checks that a deployment has what its metadata says: that every
// link leads to a blob, every blob to its bytes, every manifest to what it names,
// every tag to a manifest. It runs beside the processes that serve; what looks
// wrong is looked at again before it is reported, for it may have been deleted
// meanwhile. It can also repair what it finds.
package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/metadata"
)

// Kind of damage.
type Kind string

const (
	// Database: the form of the embedded database's file.
	Database Kind = "database"
	// Link: a repository's link leads to no blob, or has another size.
	Link Kind = "link"
	// Blob: its bytes are missing or wrong.
	Blob Kind = "blob"
	// Quarantined: a blob that an earlier repair took out of use and that nobody
	// has brought back.
	Quarantined Kind = "quarantined"
	// Manifest: its bytes are wrong.
	Manifest Kind = "manifest"
	// Record: what rows say of a manifest is not what its bytes say.
	Record Kind = "record"
	// Missing: something that a manifest names is not in its repository: lost, or
	// deleted by a client, as OCI allows.
	Missing Kind = "missing"
	// Tag: it names no manifest.
	Tag Kind = "tag"
)

// Finding is one piece of damage.
type Finding struct {
	Kind       Kind   `json:"kind"`
	Repository string `json:"repository,omitempty"` // account/region/name
	Digest     string `json:"digest,omitempty"`
	Object     string `json:"object,omitempty"` // in the blob store
	Tag        string `json:"tag,omitempty"`
	Problem    string `json:"problem"`
	// Action is what the repair did, or why it could not.
	Action string `json:"action,omitempty"`
	// Repaired says that nothing is left of the damage.
	Repaired bool `json:"repaired"`
}

// Summary is what a run has looked at and found.
type Summary struct {
	Links        int64 `json:"links"`
	Blobs        int64 `json:"blobs"`
	BytesRead    int64 `json:"bytes_read"` // of blobs, with Full
	Manifests    int64 `json:"manifests"`
	Tags         int64 `json:"tags"`
	Uploads      int64 `json:"uploads"`
	Garbage      int64 `json:"garbage"`
	GarbageBytes int64 `json:"garbage_bytes"`
	Orphans      int64 `json:"orphans"` // objects that the next sweep frees
	OrphanBytes  int64 `json:"orphan_bytes"`
	// Kept are objects that repairs have set aside.
	Kept    int64 `json:"kept"`
	Damaged int64 `json:"damaged"` // findings
	Left    int64 `json:"left"`    // of them, after repair
}

// Config is what Run needs.
type Config struct {
	// Metadata may be open to read only unless there is a Repair.
	Metadata metadata.Store
	Blobs    blob.Store
	// Full reads every blob, Readers of them at a time.
	Full    bool
	Readers int
	// Pause is how long a repository must lose no manifests before what its
	// manifests seem to lack counts as damage.
	Pause time.Duration
	// Repair, if not nil, repairs.
	Repair *Repair
	// Report gets each finding, one at a time.
	Report func(Finding)
	// Progress gets, from several goroutines, how far a stage is: rows of
	// total, and bytes read.
	Progress func(stage string, done, total, bytes int64)
}

type run struct {
	Config
	totals metadata.Totals

	mu      sync.Mutex
	summary Summary
}

// rows is how many rows a page looks at.
const rows = 2000

// Run checks everything. An error means that it could not; what was found until
// then has been reported and is in the summary.
func Run(ctx context.Context, c Config) (Summary, error) {
	r := &run{Config: c}
	err := r.run(ctx)
	return r.summary, err
}

func (r *run) run(ctx context.Context) (err error) {
	waiting, err := r.Metadata.Read(ctx).Damage().Waiting()
	if err != nil {
		return fmt.Errorf("look at what waits to be deleted: %w", err)
	}
	r.summary.Uploads, r.summary.Garbage, r.summary.GarbageBytes = waiting.Uploads, waiting.Garbage, waiting.GarbageBytes
	if r.totals, err = r.Metadata.Read(ctx).Damage().Totals(); err != nil {
		r.totals = metadata.Totals{} // there may be too many to count: then progress shows no share
	}
	for _, stage := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"database", r.database}, {"links", r.links}, {"blobs", r.blobs}, {"bytes", r.bytes},
		{"manifests", r.manifests}, {"tags", r.tags}, {"damaged blobs", r.quarantined},
	} {
		if err := stage.run(ctx); err != nil {
			return fmt.Errorf("verify %s: %w", stage.name, err)
		}
	}
	return nil
}

// report counts and reports a finding.
func (r *run) report(f Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Damaged++
	if !f.Repaired {
		r.summary.Left++
	}
	r.Report(f)
}

// repair runs fix, which repairs a finding, and records the result: did, unless
// fix has recorded something itself. Without a Repair it does nothing.
func (r *run) repair(f *Finding, did string, fix func(*Repair) error) {
	if r.Repair == nil {
		return
	}
	if err := fix(r.Repair); err != nil {
		f.Action = "not repaired: " + err.Error()
		return
	}
	f.Repaired = true
	if did != "" {
		f.Action = did
	}
}

// database has the embedded engine check its file.
func (r *run) database(ctx context.Context) error {
	embedded, ok := r.Metadata.(*metadata.SQLite)
	if !ok || !r.Full {
		return nil
	}
	lines, err := embedded.CheckIntegrity(ctx, 100)
	if err != nil {
		return err
	}
	for _, line := range lines {
		r.report(Finding{Kind: Database, Problem: line, Action: "restore a backup"})
	}
	return nil
}

func (r *run) links(ctx context.Context) error {
	for after, last := (metadata.LayerKey{}), false; !last; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var to metadata.LayerKey
		var err error
		if to, last, err = r.Metadata.Read(ctx).Upkeep().LayersAfter(after, rows); err != nil {
			return err
		}
		n, err := r.Metadata.Read(ctx).Damage().CountLayers(after, to)
		if err != nil {
			return err
		}
		// One statement looks at links and blobs, so nothing changes in between.
		broken, err := r.Metadata.Read(ctx).Damage().BrokenLinks(after, to)
		if err != nil {
			return err
		}
		for _, l := range broken {
			r.brokenLink(ctx, l)
		}
		after = to
		r.summary.Links += n
		r.Progress("links", r.summary.Links, r.totals.Links, 0)
	}
	return nil
}

func (r *run) brokenLink(ctx context.Context, l metadata.BrokenLink) {
	f := Finding{Kind: Link, Repository: l.Repository.String(), Digest: l.Digest}
	if l.Blob < 0 {
		f.Problem = "the repository has a link to a blob that the deployment does not have"
		if r.Repair != nil {
			r.setAside(ctx, &f, "")
		}
	} else {
		f.Problem = fmt.Sprintf("the repository's link has %d bytes, the blob %d", l.Size, l.Blob)
		r.repair(&f, "corrected the link", func(p *Repair) error {
			return p.Registry.CorrectLink(ctx, l.Repository, l.Digest)
		})
	}
	r.report(f)
}

// tags finds those that name no manifest of their repository.
func (r *run) tags(ctx context.Context) error {
	for after, last := (metadata.TagKey{}), false; !last; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var to metadata.TagKey
		var err error
		if to, last, err = r.Metadata.Read(ctx).Damage().TagsAfter(after, rows); err != nil {
			return err
		}
		n, err := r.Metadata.Read(ctx).Damage().CountTags(after, to)
		if err != nil {
			return err
		}
		broken, err := r.Metadata.Read(ctx).Damage().BrokenTags(after, to)
		if err != nil {
			return err
		}
		for _, t := range broken {
			f := Finding{
				Kind: Tag, Repository: t.Repository.String(), Tag: t.Name, Problem: "the tag names no manifest of the repository",
			}
			r.repair(&f, "removed the tag: push it again", func(p *Repair) error {
				return p.Registry.DropBrokenTag(ctx, t.Repository, t.Name)
			})
			r.report(f)
		}
		after = to
		r.summary.Tags += n
		r.Progress("tags", r.summary.Tags, r.totals.Tags, 0)
	}
	return nil
}

// quarantined looks at what this repair, or an earlier one, took out of use.
func (r *run) quarantined(ctx context.Context) error {
	for after := ""; ; {
		page, err := r.Metadata.Read(ctx).Damage().DamagedBlobs(after, 100)
		if err != nil {
			return err
		}
		for _, d := range page {
			if err := ctx.Err(); err != nil {
				return err
			}
			after = d.Digest
			if err := r.damagedBlob(ctx, d); err != nil {
				return err
			}
		}
		if len(page) == 0 {
			return nil
		}
	}
}

func (r *run) damagedBlob(ctx context.Context, d metadata.DamagedBlob) error {
	repositories, err := r.Metadata.Read(ctx).Damage().DamagedLinks(d.Digest, maxNamed)
	if err != nil {
		return err
	}
	if !d.Restored && len(repositories) > 0 {
		// Repairs of earlier versions wrote into the reason where else the blob
		// was.
		reason, _, _ := strings.Cut(d.Reason, alsoIn)
		f := Finding{Kind: Quarantined, Repository: repositories[0].String(), Digest: d.Digest, Object: d.Object,
			Problem: fmt.Sprintf("taken out of use on %s: %s%s", d.FoundAt.Format(time.DateTime), reason, others(repositories))}
		if r.Repair != nil {
			if r.Repair.Source == nil {
				f.Action = "push an image with this layer again, or name a registry that has it by --from"
			} else {
				r.repair(&f, "fetched again from "+r.Repair.Source.String(), func(p *Repair) error {
					return p.fetchLayer(ctx, d.Digest, repositories)
				})
			}
		}
		r.report(f)
		d.Restored = f.Repaired
	}
	if r.Repair != nil && r.Repair.Discard && (d.Restored || len(repositories) == 0) {
		size, err := r.Blobs.Size(ctx, d.Object)
		if err != nil && !errors.Is(err, blob.ErrNotFound) {
			return err
		}
		return r.Repair.Registry.DiscardDamaged(ctx, d, size)
	}
	r.summary.Kept++
	return nil
}

// maxNamed is how many repositories with a damaged blob are asked for.
const maxNamed = 20

const alsoIn = "; also in "

// others says which are the repositories that a finding does not name.
func others(repositories []metadata.RepositoryRef) string {
	switch n := len(repositories) - 1; {
	case n <= 0:
		return ""
	case n == 1:
		return alsoIn + repositories[1].String()
	case n == maxNamed-1:
		return fmt.Sprintf(alsoIn+"%d or more other repositories", n)
	default:
		return fmt.Sprintf(alsoIn+"%d other repositories", n)
	}
}
