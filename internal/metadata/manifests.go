package metadata

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Manifest is a manifest as a repository has it, without its bytes.
type Manifest struct {
	Digest       string
	MediaType    string
	ArtifactType string
	Subject      string
	Annotations  string // JSON object, kept for referrers only
	Size         int64  // of the manifest
	ImageSize    int64  // of its config and layers; of an index, its largest child's
	PushedAt     time.Time
	PulledAt     time.Time // zero if never
}

// ListedManifest is a manifest with tags of it.
type ListedManifest struct {
	Manifest
	Tags []string
}

// Reference is what a manifest names: a layer, a config or a child manifest.
type Reference struct {
	Digest    string
	Child     bool
	MediaType string
}

const manifestColumns = `m.digest, m.media_type, m.artifact_type, m.subject, m.annotations, m.size, m.image_size,
	m.pushed_at, m.pulled_at`

// listedColumns leave the annotations out: they may be as large as a manifest,
// and a page of them too large for memory.
const listedColumns = `m.digest, m.media_type, m.artifact_type, m.subject, '', m.size, m.image_size, m.pushed_at,
	m.pulled_at`

// maxAnnotations bounds the bytes of annotations in one answer of Referrers,
// unless the first referrer alone has more.
const maxAnnotations = 1 << 20

var errPageFull = errors.New("metadata: the page is full")

func scanManifest(scan func(dest ...any) error) (m Manifest, err error) {
	var pushed, pulled int64
	err = scan(&m.Digest, &m.MediaType, &m.ArtifactType, &m.Subject, &m.Annotations, &m.Size, &m.ImageSize, &pushed,
		&pulled)
	m.PushedAt, m.PulledAt = toTime(pushed), toTime(pulled)
	return m, err
}

func (q Images) manifests(query string, args ...any) (ms []Manifest, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		m, err := scanManifest(scan)
		ms = append(ms, m)
		return err
	})
	return ms, err
}

// Manifest of a repository by digest: ErrNotFound.
func (q Images) Manifest(repository int64, digest string) (Manifest, error) {
	return scanManifest(func(dest ...any) error {
		return q.conn.one(`SELECT `+manifestColumns+` FROM manifests m WHERE m.repository_id = ?
			AND m.digest = ?`, []any{repository, digest}, dest...)
	})
}

// LargeManifest is from how many bytes on a manifest is read and cached without
// its bytes: a few large ones would evict all others from the cache, and
// whoever reads one should know its size before.
const LargeManifest = 64 << 10

// contentColumns are those of a ManifestContent.
var contentColumns = listedColumns + `, CASE WHEN m.size < ` + strconv.Itoa(LargeManifest) + ` THEN m.bytes END`

// ManifestContent is a manifest with its bytes, which are nil from LargeManifest
// on: ManifestBytes has them. Its annotations, which are in them, are left out.
type ManifestContent struct {
	Manifest
	Bytes []byte
}

// Content is a manifest of a repository, by digest: ErrNotFound.
func (q Images) Content(repository int64, digest string) (*ManifestContent, error) {
	var c ManifestContent
	var err error
	c.Manifest, err = scanManifest(func(dest ...any) error {
		return q.conn.one(`SELECT `+contentColumns+` FROM manifests m WHERE m.repository_id = ?
			AND m.digest = ?`, []any{repository, digest}, append(dest, &c.Bytes)...)
	})
	return &c, err
}

// ContentByTag is a manifest of a repository, by tag: ErrNotFound.
func (q Images) ContentByTag(repository int64, tag string) (*ManifestContent, error) {
	var c ManifestContent
	var err error
	c.Manifest, err = scanManifest(func(dest ...any) error {
		return q.conn.one(`SELECT `+contentColumns+` FROM tags t JOIN manifests m ON m.id = t.manifest_id
			WHERE t.repository_id = ? AND t.name = ?`, []any{repository, tag}, append(dest, &c.Bytes)...)
	})
	return &c, err
}

// List lists the manifests of a repository that come after the key, the latest
// pushed first: rows and tags then lie in the order in which they were added. tagged
// restricts them to those with (1) or without (0) a tag; -1 means any. Each has the
// first of its tags, at most so many. Annotations are left out.
func (q Images) List(repository int64, tagged int, after ImageKey, limit, tags int) (all []ListedManifest, err error) {
	pushed, digest := after.before()
	query := `SELECT ` + listedColumns + `, coalesce((SELECT joined(page.name) FROM (SELECT t.name FROM tags t
		WHERE t.manifest_id = m.id ORDER BY t.name LIMIT ?5) AS page), '') FROM manifests m
		WHERE m.repository_id = ?1 AND (m.pushed_at, m.digest) < (?2, ?3)`
	switch tagged {
	case 0:
		query += ` AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id FENCED)`
	case 1:
		query += ` AND EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id FENCED)`
	}
	query += ` ORDER BY m.pushed_at DESC, m.digest DESC LIMIT ?4`
	err = q.conn.all(query, []any{repository, pushed, digest, limit, tags},
		func(scan func(dest ...any) error) error {
			var m ListedManifest
			var names string
			var err error
			m.Manifest, err = scanManifest(func(dest ...any) error { return scan(append(dest, &names)...) })
			if names != "" {
				m.Tags = strings.Split(names, " ")
			}
			if len(all) == cap(all) {
				all = slices.Grow(all, min(limit-len(all), max(len(all), 16))) // append would copy large rows more often
			}
			all = append(all, m)
			return err
		})
	return all, err
}

// Sizes are by digest, of those of the digests that the repository has: the sizes of their images.
func (q Images) Sizes(repository int64, digests []string) (map[string]int64, error) {
	return sizesOf(q.conn, `SELECT digest, image_size FROM manifests WHERE repository_id = ?
		AND digest IN (SELECT value FROM texts(?))`, repository, digests)
}

func sizesOf(c conn, query string, repository int64, digests []string) (map[string]int64, error) {
	sizes := make(map[string]int64, len(digests))
	err := c.all(query, []any{repository, list(digests)}, func(scan func(dest ...any) error) error {
		var d string
		var size int64
		err := scan(&d, &size)
		sizes[d] = size
		return err
	})
	return sizes, err
}

// Put adds a manifest to a repository with its bytes and all that it
// names. The repository must not have it.
func (tx ImagesTx) Put(r *Repository, m Manifest, bytes []byte, references []Reference) error {
	if err := tx.conn.exec(`INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject, annotations,
		size, image_size, pushed_at, bytes)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, m.Digest, m.MediaType, m.ArtifactType, m.Subject, m.Annotations, m.Size, m.ImageSize, fromTime(m.PushedAt),
		bytes); err != nil {
		return err
	}
	return tx.addReferences(r, m.Digest, references)
}

func (tx ImagesTx) addReferences(r *Repository, digest string, references []Reference) error {
	if len(references) == 0 {
		return nil
	}
	type row struct {
		Digest    string `json:"d"`
		Child     int    `json:"c"`
		MediaType string `json:"m"`
	}
	rows := make([]row, len(references))
	for i, f := range references {
		rows[i] = row{f.Digest, number01(f.Child), storable(f.MediaType)}
	}
	return tx.conn.exec(`INSERT INTO manifest_references (manifest_id, target, repository_id, child, media_type)
		SELECT m.id, value ->> 'd', m.repository_id, CAST(value ->> 'c' AS INTEGER), value ->> 'm'
		FROM manifests m, objects(?) WHERE m.repository_id = ? AND m.digest = ?
		ON CONFLICT DO NOTHING`, encoded(rows), r.ID, digest)
}

// SetPulledAt records when an image was last pulled. It leaves caches alone:
// they hold the time only to know when it is old.
func (tx ImagesTx) SetPulledAt(repository int64, digest string, at time.Time) error {
	return tx.conn.exec(`UPDATE manifests SET pulled_at = ? WHERE repository_id = ?
		AND digest = ?`, fromTime(at), repository, digest)
}

// Delete removes a manifest with its tags from a repository: false if
// it was not there.
func (tx ImagesTx) Delete(r *Repository, digest string) (bool, error) {
	tx.tx.touchRepository(r)
	return some(tx.conn.changed(`DELETE FROM manifests WHERE repository_id = ? AND digest = ?`, r.ID, digest))
}

// Indexes are a few of the indexes of a repository that name a manifest.
func (q Images) Indexes(repository int64, child string) ([]string, error) {
	return stringsOf(q.conn, `SELECT m.digest FROM manifest_references f
		IN ORDER JOIN manifests m ON m.id = f.manifest_id
		WHERE f.repository_id = ? AND f.target = ? AND f.child = 1 LIMIT 10`, repository, child)
}

// Referring returns a few of the manifests of a repository that name target,
// and the media type that the first gives it.
func (q Images) Referring(repository int64, target string) (manifests []string, mediaType string, err error) {
	err = q.conn.all(`SELECT m.digest, f.media_type FROM manifest_references f JOIN manifests m ON m.id = f.manifest_id
		WHERE f.repository_id = ? AND f.target = ? LIMIT 10`,
		[]any{repository, target}, func(scan func(dest ...any) error) error {
			var m, t string
			err := scan(&m, &t)
			if manifests = append(manifests, m); mediaType == "" {
				mediaType = t
			}
			return err
		})
	return manifests, mediaType, err
}

// Referrers of a subject with digests after the given one, in their order, at
// most limit, and of one of the artifact types, if any are given. more says that
// there are others: past the limit, or past what their annotations may take in
// memory.
func (q Images) Referrers(repository int64, subject string, artifactTypes []string, after string,
	limit int) (ms []Manifest, more bool, err error) {
	annotations := 0
	err = q.conn.all(`SELECT `+manifestColumns+` FROM manifests m WHERE m.repository_id = ?1 AND m.subject = ?2
		AND m.subject <> '' AND m.digest > ?3
		AND (?4 = '[]' OR m.artifact_type IN (SELECT value FROM texts(?4))) ORDER BY m.digest
		LIMIT ?5`, []any{repository, subject, after, list(artifactTypes), limit + 1},
		func(scan func(dest ...any) error) error {
			m, err := scanManifest(scan)
			if err != nil {
				return err
			}
			annotations += len(m.Annotations)
			if len(ms) == limit || len(ms) > 0 && annotations > maxAnnotations {
				return errPageFull
			}
			ms = append(ms, m)
			return nil
		})
	if err == errPageFull {
		return ms, true, nil
	}
	return ms, false, err
}
