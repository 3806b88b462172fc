package metadata

import (
	"github.com/twinport/twinport/internal/resource"
)

// Comparisons see a registry as a list of images: each by one of its tags or, if
// it has none and no index names it, by its digest alone.

// RegistryImage is an image of a registry, and its key: images are in order of
// repository, digest and tag.
type RegistryImage struct {
	Repository string
	Digest     string
	Tag        string // '' for one without a tag
}

// RepositoryName is a repository with its name.
type RepositoryName struct {
	ID   int64
	Name string
}

// Names lists the repositories of a registry whose names begin with prefix, from
// the given name on, in their order.
func (q Repositories) Names(registry int64, prefix, first string, limit int) (all []RepositoryName, err error) {
	err = q.conn.all(`SELECT p.id, p.name FROM repositories p WHERE p.registry_id = ? AND p.name >= ? AND p.name < ?
		ORDER BY p.name LIMIT ?`, []any{registry, from(prefix, first), prefix + pastPrefix, limit},
		func(scan func(dest ...any) error) error {
			var n RepositoryName
			err := scan(&n.ID, &n.Name)
			all = append(all, n)
			return err
		})
	return all, err
}

// noChild says of a manifest m of a repository that it has the tag t, or that no index names it.
const noChild = `(t.name IS NOT NULL OR NOT EXISTS (SELECT 1 FROM manifest_references f
		WHERE f.repository_id = m.repository_id AND f.target = m.digest AND f.child = 1 FENCED))`

// Ordered lists the images of a repository after the given digest and tag, in their order.
func (q Images) Ordered(repository RepositoryName, afterDigest, afterTag string, limit int) ([]RegistryImage, error) {
	return q.registryImages(`SELECT ?5 AS repository, m.digest, coalesce(t.name, '') AS tag FROM manifests m
		LEFT JOIN tags t ON t.manifest_id = m.id
		WHERE m.repository_id = ?1 AND m.digest >= ?2 AND (m.digest > ?2 OR coalesce(t.name, '') > ?3) AND `+noChild+`
		ORDER BY m.digest, tag LIMIT ?4`, repository.ID, afterDigest, afterTag, limit, repository.Name)
}

// Of images after the key ?2, ?3, ?4, up to the key ?5, ?6, ?7, manifestsBetween has
// the manifests, and imagesBetween says which are those of the registry ?1.
const manifestsBetween = ` FROM repositories p IN ORDER JOIN manifests m ON m.repository_id = p.id
		AND m.digest >= CASE p.name WHEN ?2 THEN ?3 ELSE '' END
		AND m.digest <= CASE p.name WHEN ?5 THEN ?6 ELSE '` + pastPrefix + `' END `

func imagesBetween(tag string) string {
	return ` WHERE p.registry_id = ?1 AND p.name >= ?2 AND p.name <= ?5
		AND (p.name, m.digest, ` + tag + `) > (?2, ?3, ?4) AND (p.name, m.digest, ` + tag + `) <= (?5, ?6, ?7) `
}

var (
	allBetween = `SELECT p.name, m.digest, coalesce(t.name, '')` + manifestsBetween + `
		LEFT IN ORDER JOIN tags t ON t.manifest_id = m.id` + imagesBetween(`coalesce(t.name, '')`) + `
		AND ` + noChild + ` LIMIT ?8`
	broughtBetween = `SELECT p.name, m.digest, t.name` + manifestsBetween + `
		IN ORDER JOIN tags t ON t.manifest_id = m.id
		IN ORDER JOIN tag_watermarks w ON w.repository_id = m.repository_id AND w.tag = t.name
			AND w.source_registry_id = ?9` + imagesBetween(`t.name`) + `
		UNION ALL SELECT p.name, m.digest, ''` + manifestsBetween + `
		IN ORDER JOIN image_sources i ON i.manifest_id = m.id AND i.source_registry_id = ?9` + imagesBetween(`''`) + `
		AND NOT EXISTS (SELECT 1 FROM tags t IN ORDER JOIN tag_watermarks w ON w.repository_id = t.repository_id
			AND w.tag = t.name AND w.source_registry_id = ?9 WHERE t.manifest_id = m.id FENCED)
		AND NOT EXISTS (SELECT 1 FROM manifest_references f
			IN ORDER JOIN image_sources x ON x.manifest_id = f.manifest_id AND x.source_registry_id = ?9 WHERE f.repository_id = m.repository_id AND f.target = m.digest
			AND f.child = 1 FENCED)
		LIMIT ?8`
)

// Between are images of a registry after a key, up to another one, in no order. The
// names of both must be those that repositories can have.
func (q Images) Between(registry int64, after, last RegistryImage, limit int) ([]RegistryImage, error) {
	return q.registryImages(allBetween,
		registry, after.Repository, after.Digest, after.Tag, last.Repository, last.Digest, last.Tag, limit)
}

// BroughtBetween is Between for what replications from a source have brought: tags
// that it has set, whatever they name now, and images that it has brought, with none
// of its tags and in none of its indexes. So what others push changes nothing of it.
func (q Images) BroughtBetween(registry, source int64, after, last RegistryImage, limit int) ([]RegistryImage, error) {
	return q.registryImages(broughtBetween,
		registry, after.Repository, after.Digest, after.Tag, last.Repository, last.Digest, last.Tag, limit, source)
}

func (q Images) registryImages(query string, args ...any) (all []RegistryImage, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		var i RegistryImage
		err := scan(&i.Repository, &i.Digest, &i.Tag)
		all = append(all, i)
		return err
	})
	return all, err
}

// FoundImage is what a registry has of an image.
type FoundImage struct {
	Named string // the digest that the tag names; '' if there is no such tag
	There bool   // the repository has the manifest, by whatever tag
}

// Find looks for images in a registry, and returns what it has of each.
func (q Images) Find(registry int64, images []RegistryImage) ([]FoundImage, error) {
	found := make([]FoundImage, len(images))
	err := q.conn.all(`SELECT CAST(d.value ->> 'i' AS BIGINT), coalesce(n.digest, ''), m.id IS NOT NULL
		FROM objects(?2) AS d IN ORDER JOIN repositories p ON p.registry_id = ?1 AND p.name = d.value ->> 'r'
		LEFT IN ORDER JOIN tags t ON t.repository_id = p.id AND t.name = d.value ->> 't'
		LEFT IN ORDER JOIN manifests n ON n.id = t.manifest_id
		LEFT IN ORDER JOIN manifests m ON m.repository_id = p.id AND m.digest = d.value ->> 'd'`,
		[]any{registry, imageList(images)}, func(scan func(dest ...any) error) error {
			var i int
			var f FoundImage
			err := scan(&i, &f.Named, &f.There)
			found[i] = f
			return err
		})
	return found, err
}

// imageList encodes images for objects(?).
func imageList(images []RegistryImage) string {
	type row struct {
		Index      int    `json:"i"`
		Repository string `json:"r"`
		Digest     string `json:"d"`
		Tag        string `json:"t"`
	}
	rows := make([]row, len(images))
	for i, image := range images {
		rows[i] = row{i, image.Repository, image.Digest, image.Tag}
	}
	return encoded(rows)
}

// InProgress says of each of the images of a repository whether a replication of it
// to the destination is in progress.
func (q Replications) InProgress(repository int64, to resource.Registry, images []RegistryImage) ([]bool, error) {
	is := make([]bool, len(images))
	err := q.conn.all(`SELECT CAST(d.value ->> 'i' AS BIGINT), r.state FROM objects(?4) AS d
		IN ORDER JOIN manifests m ON m.repository_id = ?1 AND m.digest = d.value ->> 'd'
		IN ORDER JOIN replications r ON r.manifest_id = m.id AND r.tag = d.value ->> 't' AND r.destination_account = ?2
			AND r.destination_region = ?3`,
		[]any{repository, to.Account, to.Region, imageList(images)}, func(scan func(dest ...any) error) error {
			var i int
			var state string
			err := scan(&i, &state)
			is[i] = state == ReplicationInProgress
			return err
		})
	return is, err
}
