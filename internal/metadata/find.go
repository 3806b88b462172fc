package metadata

import (
	"math"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// pastPrefix ends the range of names, tags or digests with a prefix: it comes
// after every character that these may have.
const pastPrefix = "~"

// from returns the begin of the range of names that have a prefix and come
// after a key.
func from(prefix, after string) string { return max(prefix, after) }

// Find finds the repositories of a registry whose names begin with prefix and contain a
// text, with names after the given one, in their order.
func (q Repositories) Find(registry int64, prefix, contains, after string,
	limit int) (repos []*Repository, err error) {
	like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(contains) + "%"
	err = q.conn.all(`SELECT `+repositoryColumns+` WHERE p.registry_id = ? AND p.name >= ? AND p.name < ? AND p.name <> ?
		AND p.name LIKE ? ESCAPE '\' ORDER BY p.name LIMIT ?`,
		[]any{
			registry, from(prefix, after), prefix + pastPrefix, after, like, limit,
		}, func(scan func(dest ...any) error) error {
			r, err := scanRepository(scan)
			repos = append(repos, r)
			return err
		})
	return repos, err
}

// NamedRepository is what a replication to a repository is decided on.
type NamedRepository struct {
	Policy string
	Tags   []resource.Tag
}

// Named are the repositories of the names that a registry has.
func (q Repositories) Named(registry int64, names []string) (map[string]NamedRepository, error) {
	found := make(map[string]NamedRepository, len(names))
	err := q.conn.all(`SELECT p.name, p.policy, `+tagsOf("p")+` FROM repositories p
		WHERE p.registry_id = ? AND p.name IN (SELECT value FROM texts(?))`, []any{registry, list(names)},
		func(scan func(dest ...any) error) error {
			var name string
			var r NamedRepository
			err := scan(&name, &r.Policy, (*tagObject)(&r.Tags))
			found[name] = r
			return err
		})
	return found, err
}

// ImageKey is a place in the list of a repository's images, the latest pushed
// first.
type ImageKey struct {
	PushedAt time.Time
	Digest   string
}

// before is the key for queries; the zero key comes before all others.
func (k ImageKey) before() (pushed int64, digest string) {
	if k == (ImageKey{}) {
		return math.MaxInt64, ""
	}
	return fromTime(k.PushedAt), k.Digest
}

// Whole returns the images of a repository that come after the key, the
// latest pushed first, without children of an index, and referrers of an image,
// that the repository has. Like all queries of this file it leaves annotations
// out.
func (q Images) Whole(repository int64, after ImageKey, limit int) ([]Manifest, error) {
	pushed, digest := after.before()
	return q.manifests(`SELECT `+listedColumns+` FROM manifests m WHERE m.repository_id = ?1
		AND (m.pushed_at, m.digest) < (?2, ?3)
		AND NOT EXISTS (SELECT 1 FROM manifest_references f WHERE f.repository_id = ?1 AND f.target = m.digest
		AND f.child = 1 FENCED)
		AND (m.subject = '' OR NOT EXISTS (SELECT 1 FROM manifests s WHERE s.repository_id = ?1
		AND s.digest = m.subject FENCED))
		ORDER BY m.pushed_at DESC, m.digest DESC LIMIT ?4`, repository, pushed, digest, limit)
}

// ByDigest lists the manifests of a repository whose digests begin with prefix
// and come after the given one, in their order.
func (q Images) ByDigest(repository int64, prefix, after string, limit int) ([]Manifest, error) {
	return q.manifests(`SELECT `+listedColumns+` FROM manifests m WHERE m.repository_id = ? AND m.digest >= ?
		AND m.digest < ? AND m.digest <> ? ORDER BY m.digest LIMIT ?`,
		repository, from(prefix, after), prefix+pastPrefix, after, limit)
}

// TaggedManifest is a manifest with one of its tags.
type TaggedManifest struct {
	Tag string
	Manifest
}

// ByTag lists the manifests of a repository with a tag that begins with prefix
// and comes after the given one, in order of the tags. A manifest comes once,
// with the first of its tags that have the prefix.
func (q Images) ByTag(repository int64, prefix, after string, limit int) (ms []TaggedManifest, err error) {
	err = q.conn.all(`SELECT `+listedColumns+`, t.name FROM tags t IN ORDER JOIN manifests m ON m.id = t.manifest_id
		WHERE t.repository_id = ?1 AND t.name >= ?2 AND t.name < ?3 AND t.name <> ?4
			AND NOT EXISTS (SELECT 1 FROM tags e WHERE e.manifest_id = t.manifest_id AND e.name >= ?5 AND e.name < t.name)
		ORDER BY t.name LIMIT ?6`, []any{repository, from(prefix, after), prefix + pastPrefix, after, prefix, limit},
		func(scan func(dest ...any) error) error {
			var m TaggedManifest
			var err error
			m.Manifest, err = scanManifest(func(dest ...any) error { return scan(append(dest, &m.Tag)...) })
			ms = append(ms, m)
			return err
		})
	return ms, err
}

// Children of an index that the repository has, in order of digest.
func (q Images) Children(repository int64, index string, limit int) ([]Manifest, error) {
	return q.manifests(`SELECT `+listedColumns+` FROM manifests i
		IN ORDER JOIN manifest_references f ON f.manifest_id = i.id AND f.child = 1
		IN ORDER JOIN manifests m ON m.repository_id = i.repository_id AND m.digest = f.target WHERE i.repository_id = ?
		AND i.digest = ? ORDER BY f.target LIMIT ?`, repository, index, limit)
}

// ReferrersTo returns the referrers of each of the subjects, at most limit, in
// order of subject and digest. Where there are very many, not all are looked
// at.
func (q Images) ReferrersTo(repository int64, subjects []string, limit int) ([]Manifest, error) {
	const most = 20000
	return q.manifests(`SELECT `+listedColumns+` FROM (
			SELECT id, row_number() OVER (PARTITION BY subject ORDER BY digest) AS place FROM (
				SELECT id, subject, digest FROM manifests WHERE repository_id = ? AND subject IN (SELECT value FROM texts(?))
				AND subject <> '' LIMIT ?) AS looked) AS ranked
		IN ORDER JOIN manifests m ON m.id = ranked.id WHERE ranked.place <= ?
		ORDER BY m.subject, m.digest`, repository, list(subjects), most, limit)
}

// Bytes returns those of the manifests that a repository has. The
// caller knows how many bytes they have.
func (q Images) Bytes(repository int64, digests []string) (map[string][]byte, error) {
	all := make(map[string][]byte, len(digests))
	err := q.conn.all(`SELECT digest, bytes FROM manifests WHERE repository_id = ?
		AND digest IN (SELECT value FROM texts(?))`, []any{repository, list(digests)},
		func(scan func(dest ...any) error) error {
			var d string
			var b []byte
			err := scan(&d, &b)
			all[d] = b
			return err
		})
	return all, err
}

// CountOf counts the tags of a manifest, up to most.
func (q Tags) CountOf(repository int64, digest string, most int) (n int, err error) {
	err = q.conn.one(`SELECT count(*) FROM (SELECT 1 FROM manifests m IN ORDER JOIN tags t ON t.manifest_id = m.id
		WHERE m.repository_id = ? AND m.digest = ? LIMIT ?) AS looked`,
		[]any{repository, digest, most}, &n)
	return n, err
}
