package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
)

// manifestRows is how many manifests a page has: each may have 4 MiB.
const manifestRows = 200

// manifests checks the bytes of every manifest, what rows say of them, and that
// what they name is there. Those that a repair adds come last and are checked, too.
func (r *run) manifests(ctx context.Context) error {
	var lacking []metadata.StoredManifest
	for after := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		page, err := r.Metadata.Read(ctx).Damage().StoredManifests(after, manifestRows)
		if err != nil {
			return err
		}
		if len(page) > 0 {
			to := page[len(page)-1].ID
			found, err := r.manifestPage(ctx, page, after, to)
			if err != nil {
				return err
			}
			lacking = append(lacking, found...)
			after = to
			r.summary.Manifests += int64(len(page))
			r.Progress("manifests", r.summary.Manifests, r.totals.Manifests, 0)
		}
		if len(lacking) > 0 && (len(page) == 0 || len(lacking) > 1000) {
			if err := r.missing(ctx, lacking); err != nil {
				return err
			}
			lacking = nil
		} else if len(page) == 0 {
			return nil
		}
	}
}

// manifestPage checks the manifests with ids after one and up to another, and
// returns those that seem to lack something, without their bytes.
func (r *run) manifestPage(ctx context.Context, page []metadata.StoredManifest, after,
	to int64) (lacking []metadata.StoredManifest, err error) {
	q := r.Metadata.Read(ctx)
	references, err := q.Damage().StoredReferences(after, to)
	if err != nil {
		return nil, err
	}
	of := map[int64][]metadata.StoredReference{}
	for _, f := range references {
		of[f.ManifestID] = append(of[f.ManifestID], f)
	}
	indexes, err := q.Damage().WrongIndexSizes(after, to)
	if err != nil {
		return nil, err
	}
	indexSize := map[int64]metadata.IndexSize{}
	for _, i := range indexes {
		indexSize[i.ManifestID] = i
	}
	missing, err := q.Damage().MissingReferences(after, to)
	if err != nil {
		return nil, err
	}
	lacks := map[int64]bool{}
	for _, m := range missing {
		lacks[m.ManifestID] = true
	}
	for _, m := range page {
		if err := r.manifest(ctx, m, of[m.ID], indexSize[m.ID]); err != nil {
			return nil, err
		}
		if lacks[m.ID] {
			m.Bytes = nil
			lacking = append(lacking, m)
		}
	}
	return lacking, nil
}

// manifest checks one manifest's bytes and rows.
func (r *run) manifest(ctx context.Context, m metadata.StoredManifest, references []metadata.StoredReference,
	size metadata.IndexSize) error {
	f := Finding{Repository: m.Repository.String(), Digest: m.Digest}
	d := digest.Digest(m.Digest)
	if m.Repository.Name == "" {
		f.Kind, f.Problem = Record, "the manifest's repository does not exist"
		return r.reportManifest(ctx, m, f)
	}
	if d.Validate() != nil || d.Algorithm().FromBytes(m.Bytes) != d {
		f.Kind, f.Problem = Manifest, "the manifest's bytes do not have its digest"
		if gone, err := r.isGone(ctx, m); gone || err != nil {
			return err
		}
		r.repair(&f, "", func(p *Repair) error { return p.fetchManifest(ctx, m, &f) })
		r.report(f)
		return nil
	}
	problem, err := compare(m, references, size)
	if err != nil || problem == "" {
		return err
	}
	// Rows of a page are read after its bytes: the manifest may be gone.
	if gone, err := r.isGone(ctx, m); gone || err != nil {
		return err
	}
	f.Kind, f.Problem = Record, problem
	r.repair(&f, "recorded anew what its bytes say", func(p *Repair) error {
		return p.Registry.RestoreManifest(ctx, m.Repository, d, m.MediaType, m.Bytes)
	})
	r.report(f)
	return nil
}

func (r *run) reportManifest(ctx context.Context, m metadata.StoredManifest, f Finding) error {
	gone, err := r.isGone(ctx, m)
	if err == nil && !gone {
		r.report(f)
	}
	return err
}

// isGone reports whether the manifest was deleted since it was read. Its id is
// never used again.
func (r *run) isGone(ctx context.Context, m metadata.StoredManifest) (bool, error) {
	now, err := r.Metadata.Read(ctx).Damage().StoredManifests(m.ID-1, 1)
	return err == nil && (len(now) == 0 || now[0].ID != m.ID), err
}

// compare returns how rows differ from what the manifest's bytes say, "" if they
// do not.
func compare(m metadata.StoredManifest, references []metadata.StoredReference,
	index metadata.IndexSize) (string, error) {
	said, named, err := registry.ReadManifest(m.Bytes, m.MediaType)
	if code := registry.CodeOf(err); code != "" {
		return "its record does not fit its bytes: " + err.Error(), nil
	}
	if err != nil {
		return "", err
	}
	rows := map[metadata.Reference]bool{}
	children := false
	for _, f := range references {
		if f.RepositoryID != m.Repository.ID {
			return "the record of " + f.Digest + ", which it names, is of another repository", nil
		}
		rows[f.Reference] = true
	}
	for _, f := range named {
		if !rows[f] {
			return "it names " + f.Digest + ", and its record does not", nil
		}
		delete(rows, f)
		children = children || f.Child
	}
	for f := range rows {
		return "its record names " + f.Digest + ", and it does not", nil
	}
	switch {
	case m.Size != said.Size:
		return fmt.Sprintf("it has %d bytes, its record has %d", said.Size, m.Size), nil
	case m.MediaType != said.MediaType || m.ArtifactType != said.ArtifactType || m.Subject != said.Subject:
		return "its record has another media type, artifact type or subject", nil
	case !sameJSON(m.Annotations, said.Annotations):
		return "its record has other annotations", nil
	case !children && m.ImageSize != said.ImageSize:
		return fmt.Sprintf("its image has %d bytes, its record has %d", said.ImageSize, m.ImageSize), nil
	case children && index.ManifestID != 0:
		return fmt.Sprintf("its largest image has %d bytes, its record has %d", index.Children, index.Row), nil
	}
	return "", nil
}

// sameJSON compares objects of strings, or their absence.
func sameJSON(a, b string) bool {
	if a == b {
		return true
	}
	var x, y map[string]string
	if json.NewDecoder(bytes.NewReader([]byte(a))).Decode(&x) != nil ||
		json.NewDecoder(bytes.NewReader([]byte(b))).Decode(&y) != nil {
		return false
	}
	return maps.Equal(x, y)
}

// patience is how many pauses to wait for a repository that goes on losing
// manifests.
const patience = 60

// missing looks again at manifests that seem to lack something, and reports
// what they do lack. A repository that is being deleted loses its manifests in
// batches: while one goes on losing them, its manifests are not reported.
func (r *run) missing(ctx context.Context, ms []metadata.StoredManifest) error {
	for range patience {
		before, err := r.manifestCounts(ctx, ms)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(r.Pause):
		}
		after, err := r.manifestCounts(ctx, ms)
		if err != nil {
			return err
		}
		var waiting []metadata.StoredManifest
		for _, m := range ms {
			if after[m.Repository.ID] < before[m.Repository.ID] {
				waiting = append(waiting, m)
			} else if err := r.lacks(ctx, m); err != nil {
				return err
			}
		}
		if ms = waiting; len(ms) == 0 {
			return nil
		}
	}
	for _, m := range ms {
		if err := r.lacks(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) manifestCounts(ctx context.Context, ms []metadata.StoredManifest) (map[int64]int64, error) {
	counts := map[int64]int64{}
	for _, m := range ms {
		if _, known := counts[m.Repository.ID]; known {
			continue
		}
		n, err := r.Metadata.Read(ctx).Damage().CountManifests(m.Repository.ID)
		if err != nil {
			return nil, err
		}
		counts[m.Repository.ID] = n
	}
	return counts, nil
}

// lacks reports what a manifest lacks. One statement finds both the manifest
// and what is missing, so that they are of one moment.
func (r *run) lacks(ctx context.Context, m metadata.StoredManifest) error {
	missing, err := r.Metadata.Read(ctx).Damage().MissingReferences(m.ID-1, m.ID)
	if err != nil {
		return err
	}
	for _, l := range missing {
		if err := ctx.Err(); err != nil {
			return err
		}
		what := "layer"
		if l.Child {
			what = "manifest"
		}
		f := Finding{Kind: Missing, Repository: m.Repository.String(), Digest: l.Digest,
			Problem: fmt.Sprintf("the repository lacks the %s, which the manifest %s names: lost, or deleted by a client", what,
				m.Digest)}
		r.repair(&f, "", func(p *Repair) error { return p.fetchMissing(ctx, m, l, &f) })
		r.report(f)
	}
	return nil
}

var errNoSource = errors.New("push the image again, or name a registry that has it by --from")
