package metadata

import (
	"math"
	"slices"
	"strings"
	"time"
)

// LifecycleImage is an image as lifecycle policies look at it.
type LifecycleImage struct {
	Digest   string
	Size     int64 // as listed: of its config and layers; of an index, its largest child's
	PushedAt time.Time
	PulledAt time.Time // zero if never
	Tags     []string
	TaggedAt time.Time // when it last got one of its tags; zero if it has none, or if it was not asked for
	Child    bool      // an index of the repository names it
	Attached bool      // it refers to a subject that the repository has
	Signed   bool      // a signature refers to it, if that was asked for
}

// LifecycleRange is a range of a repository's images in the order of their
// pushes.
type LifecycleRange struct {
	// Above and Below are the images that the range is between, without them. The
	// zero key is no bound.
	Above, Below ImageKey
	Newest       bool // the newest first; else the oldest first
	// The range has images without a tag, with Untagged, and images with a tag
	// that begins with one of the Prefixes. "" is every tag's.
	Untagged bool
	Prefixes []string
	Limit    int

	// Whether the members of these names are wanted. Each costs a search for each
	// image.
	TaggedAt, Signed bool
}

// maxLifecycleTags bounds how many tags a page has, unless its first image alone
// has more.
const maxLifecycleTags = 20000

// isSigned asks whether a signature refers to a manifest m of the repository ?1:
// of Notation, of cosign as a referrer in either of its forms (what is attested
// in a bundle counts, too), or of cosign as a tag.
const isSigned = `(EXISTS (SELECT 1 FROM manifests r WHERE r.repository_id = ?1 AND r.subject = m.digest
		AND r.subject <> '' AND r.artifact_type IN ('application/vnd.cncf.notary.signature',
		'application/vnd.dev.sigstore.bundle.v0.3+json', 'application/vnd.dev.cosign.artifact.sig.v1+json') FENCED)
	OR EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = ?1 AND t.name = replace(m.digest, ':', '-') || '.sig' FENCED))`

// Of a manifest m: what lifecycle policies always ask, and when it was tagged.
const (
	lifecycleColumns = `m.digest, m.image_size, m.pushed_at, m.pulled_at,
		coalesce((SELECT joined(t.name) FROM tags t WHERE t.manifest_id = m.id), '')`
	taggedAt = `coalesce((SELECT max(t.updated_at) FROM tags t WHERE t.manifest_id = m.id), 0)`
)

// isChild and isAttached ask about a manifest m of the repository ?1.
const (
	isChild = `EXISTS (SELECT 1 FROM manifest_references f WHERE f.repository_id = ?1 AND f.target = m.digest
		AND f.child = 1 FENCED)`
	isAttached = `(m.subject <> '' AND EXISTS (SELECT 1 FROM manifests s WHERE s.repository_id = ?1
		AND s.digest = m.subject FENCED))`
)

// query returns the text and the arguments of the query of a range.
func (r LifecycleRange) query(repository int64) (text string, args []any) {
	tagged, signed := `0`, `false`
	if r.TaggedAt {
		tagged = taggedAt
	}
	if r.Signed {
		signed = isSigned
	}
	below := int64(math.MaxInt64)
	if r.Below != (ImageKey{}) {
		below = fromTime(r.Below.PushedAt)
	}
	text = `SELECT ` + lifecycleColumns + `, ` + tagged + `, ` + signed + `, false, false FROM manifests m
		WHERE m.repository_id = ?1 AND (m.pushed_at, m.digest) > (?2, ?3) AND (m.pushed_at, m.digest) < (?4, ?5)`
	args = []any{repository, fromTime(r.Above.PushedAt), r.Above.Digest, below, r.Below.Digest, r.Limit}
	if !r.Untagged || !slices.Contains(r.Prefixes, "") {
		text += ` AND (CAST(?7 AS BIGINT) = 1 AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id FENCED)
			OR EXISTS (SELECT 1 FROM texts(?8) AS p IN ORDER JOIN tags t ON t.manifest_id = m.id
				AND t.name >= p.value AND t.name < p.value || '` + pastPrefix + `' WHERE true FENCED))`
		args = append(args, number01(r.Untagged), list(r.Prefixes))
	}
	text += ` AND NOT ` + isChild + ` AND NOT ` + isAttached
	if r.Newest {
		return text + ` ORDER BY m.pushed_at DESC, m.digest DESC LIMIT ?6`, args
	}
	return text + ` ORDER BY m.pushed_at, m.digest LIMIT ?6`, args
}

// Lifecycle lists the images of a range, without those that an index names and
// those that are attached to a subject, and says whether there may be more. A
// page costs as much as the range that it covers, whatever the repository has.
func (q Images) Lifecycle(repository int64, r LifecycleRange) (page []LifecycleImage, more bool, err error) {
	text, args := r.query(repository)
	tags := 0
	page = make([]LifecycleImage, 0, r.Limit)
	err = q.conn.all(text, args, func(scan func(dest ...any) error) error {
		image, err := scanLifecycleImage(scan)
		if err != nil {
			return err
		}
		if tags += len(image.Tags); len(page) > 0 && tags > maxLifecycleTags {
			return errPageFull
		}
		page = append(page, image)
		return nil
	})
	if err == errPageFull {
		return page, true, nil
	}
	return page, len(page) == r.Limit, err
}

// LifecycleImage is one image of a repository, as Lifecycle has it with all that
// may be asked for, also if an index names it or it is attached: ErrNotFound.
func (q Images) LifecycleImage(repository int64, digest string) (LifecycleImage, error) {
	return scanLifecycleImage(func(dest ...any) error {
		return q.conn.one(`SELECT `+lifecycleColumns+`, `+taggedAt+`, `+isSigned+`, `+isChild+`, `+isAttached+`
			FROM manifests m WHERE m.repository_id = ?1 AND m.digest = ?2`, []any{repository, digest}, dest...)
	})
}

func scanLifecycleImage(scan func(dest ...any) error) (i LifecycleImage, err error) {
	var pushed, pulled, tagged int64
	var tags string
	err = scan(&i.Digest, &i.Size, &pushed, &pulled, &tags, &tagged, &i.Signed, &i.Child, &i.Attached)
	i.PushedAt, i.PulledAt, i.TaggedAt = toTime(pushed), toTime(pulled), toTime(tagged)
	if tags != "" {
		i.Tags = strings.Split(tags, " ")
		slices.Sort(i.Tags)
	}
	return i, err
}

// Following are the digests of the referrers that go with an image: those that
// refer to it, and those that refer to these, but for what an index names. At
// most limit are returned.
func (q Images) Following(repository int64, digest string, limit int) ([]string, error) {
	return stringsOf(q.conn, `WITH RECURSIVE following (digest) AS (
			SELECT m.digest FROM manifests m WHERE m.repository_id = ?1 AND m.subject = ?2 AND m.subject <> ''
			UNION
			SELECT m.digest FROM following w IN ORDER JOIN manifests m ON m.repository_id = ?1 AND m.subject = w.digest
				AND m.subject <> '')
		SELECT g.digest FROM following g WHERE NOT EXISTS (SELECT 1 FROM manifest_references f
			WHERE f.repository_id = ?1 AND f.target = g.digest AND f.child = 1 FENCED) LIMIT ?3`, repository, digest, limit)
}
