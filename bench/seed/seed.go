// Package seed fills a store of facts with as many images and tags as a large
// deployment has, by the database's own means of bulk loading.
//
// What it makes is alike in both engines and at every size: accounts with
// repositories of moderate size, and three huge repositories, two of which are
// replicated to each other; images with a config and a layer of their own above
// layers that many share. Manifests are real: their digests are those of their
// bytes. The blobs they name are rows only.
package seed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Size is how much to make.
type Size struct {
	// Accounts to spread over. The first ones get the huge repositories; there
	// must be one at least.
	Accounts []string
	Region   string
	Images   int
	// TagsPerImage of every image.
	TagsPerImage int
}

const (
	repositoriesPerAccount = 10
	// hugeShare of all images lie in each huge repository.
	hugeShare = 10
	hugeCount = 3
	// Huge is the name of the huge repositories, one in each of the first accounts.
	Huge = "huge"
	// sharedLayers lie below the images of the whole deployment, sharedPerImage in each.
	sharedLayers   = 1000
	sharedPerImage = 3
	batchImages    = 5000
)

// Tag is the name of a tag of a seeded image, counted within its repository.
// Their order is that of their numbers.
func Tag(image, n int) string { return fmt.Sprintf("build-%08d-%02d", image, n) }

// table is a table to fill: its rows hold values in the order of columns.
type table struct {
	name    string
	columns []string
}

var (
	registries   = table{"registries", []string{"id", "account", "region"}}
	repositories = table{
		"repositories", []string{"id", "registry_id", "name", "created_at", "tag_mutability", "encryption_type"},
	}
	blobs     = table{"blobs", []string{"digest", "size", "created_at", "object"}}
	layers    = table{"layers", []string{"repository_id", "digest", "size", "linked_at"}}
	manifests = table{
		"manifests", []string{"id", "repository_id", "digest", "media_type", "size", "image_size", "pushed_at", "bytes"},
	}
	references = table{"manifest_references", []string{"manifest_id", "target", "repository_id", "child", "media_type"}}
	tags       = table{"tags", []string{"repository_id", "name", "manifest_id", "sequence", "updated_at"}}
)

// sink takes rows in bulk.
type sink interface {
	insert(ctx context.Context, t table, rows [][]any) error
}

// repository is one to fill.
type repository struct {
	id, registry int64
	name         string
	images       int
}

// plan spreads the images: huge repositories first, the rest evenly.
func (z Size) plan() (all []repository) {
	left := z.Images
	for i := range min(hugeCount, len(z.Accounts)) {
		n := z.Images / hugeShare
		if len(z.Accounts) == 1 {
			n = z.Images
		}
		all = append(all, repository{registry: int64(i + 1), name: Huge, images: n})
		left -= n
	}
	moderate := repositoriesPerAccount * len(z.Accounts)
	for i := range moderate {
		if n := left / (moderate - i); n > 0 {
			all = append(all, repository{
				registry: int64(i/repositoriesPerAccount + 1), name: fmt.Sprintf("team-%d/app", i%repositoriesPerAccount),
				images: n,
			})
			left -= n
		}
	}
	for i := range all {
		all[i].id = int64(i + 1)
	}
	return all
}

const (
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configSize   = 2 << 10
	layerSize    = 8 << 20
)

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func blobRow(d string, size, now int64) []any {
	return []any{d, size, now, "sha256/" + d[7:9] + "/" + d[7:]}
}

// fill makes everything.
func (z Size) fill(ctx context.Context, to sink, now time.Time, progress func(images int)) error {
	at := now.UnixMicro()
	var rows [][]any
	for i, account := range z.Accounts {
		rows = append(rows, []any{int64(i + 1), account, z.Region})
	}
	if err := to.insert(ctx, registries, rows); err != nil {
		return err
	}
	var shared []string
	rows = nil
	for i := range sharedLayers {
		d := digest(fmt.Appendf(nil, "shared layer %d", i))
		shared = append(shared, d)
		rows = append(rows, blobRow(d, layerSize, at))
	}
	if err := to.insert(ctx, blobs, rows); err != nil {
		return err
	}
	b := batch{size: z, shared: shared, at: at}
	for _, r := range z.plan() {
		b.repositories = append(b.repositories, []any{r.id, r.registry, r.name, at, "MUTABLE", "AES256"})
		linked := map[string]bool{}
		for n := range r.images {
			b.image(r, n, linked)
			if len(b.manifests) == batchImages {
				if err := b.flush(ctx, to); err != nil {
					return err
				}
				progress(b.images)
			}
		}
	}
	err := b.flush(ctx, to)
	progress(b.images)
	return err
}

// batch gathers rows.
type batch struct {
	size   Size
	shared []string
	at     int64
	images int

	repositories, blobs, layers, manifests, references, tags [][]any
}

func (b *batch) image(r repository, n int, linked map[string]bool) {
	b.images++
	id := int64(b.images)
	own := func(what string) string {
		d := digest(fmt.Appendf(nil, "%s of image %d", what, id))
		b.blobs = append(b.blobs, blobRow(d, layerSize, b.at))
		b.layers = append(b.layers, []any{r.id, d, int64(layerSize), b.at})
		return d
	}
	config := own("config")
	names := []string{}
	for i := range sharedPerImage {
		// A repository builds on a few bases.
		d := b.shared[(int(r.id)*7+n%5*sharedPerImage+i)%len(b.shared)]
		names = append(names, d)
		if !linked[d] {
			linked[d] = true
			b.layers = append(b.layers, []any{r.id, d, int64(layerSize), b.at})
		}
	}
	names = append(names, own("layer"))
	b.references = append(b.references, []any{id, config, r.id, 0, configType})
	var list []string
	for _, d := range names {
		b.references = append(b.references, []any{id, d, r.id, 0, layerType})
		list = append(list, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, layerType, d, layerSize))
	}
	bytes := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[%s]}`,
		manifestType, configType, config, configSize, strings.Join(list, ","))
	b.manifests = append(b.manifests, []any{
		id, r.id, digest(bytes), manifestType, int64(len(bytes)), int64(configSize + len(names)*layerSize),
		b.at - int64(b.size.Images-b.images)*time.Second.Microseconds(), bytes,
	})
	for i := range b.size.TagsPerImage {
		b.tags = append(b.tags, []any{r.id, Tag(n, i), id, id, b.at})
	}
}

// flush hands the rows over, those first that others refer to.
func (b *batch) flush(ctx context.Context, to sink) error {
	for _, of := range []struct {
		table table
		rows  *[][]any
	}{{repositories, &b.repositories}, {blobs, &b.blobs}, {layers, &b.layers}, {manifests, &b.manifests},
		{references, &b.references}, {tags, &b.tags}} {
		if err := to.insert(ctx, of.table, *of.rows); err != nil {
			return fmt.Errorf("fill %s: %w", of.table.name, err)
		}
		*of.rows = (*of.rows)[:0]
	}
	return nil
}
