package metadata

import "time"

// Images are the queries about manifests, what they name, and how images hang together.
type Images struct{ conn conn }

// ImagesTx are Images with what changes them.
type ImagesTx struct {
	Images
	tx *Tx
}

// An image is a manifest with all that it names, directly or through other
// manifests. graph are the digests of its manifests, from repository ?1 and the
// manifest ?2 on. The joins keep their order: what an image costs must not
// depend on how much else the repository has.
const graph = `WITH RECURSIVE graph (digest) AS (
		SELECT CAST(?2 AS TEXT) BYTEWISE UNION
		SELECT f.target FROM graph g IN ORDER JOIN manifests m ON m.repository_id = ?1 AND m.digest = g.digest
		IN ORDER JOIN manifest_references f ON f.manifest_id = m.id AND f.child = 1) `

// ImageParts are what an image of a repository, the source, consists of, and how
// much of it another, the destination, has.
type ImageParts struct {
	Manifests []string // their digests in no order, whether or not the source has them
	There     int      // how many of them the destination has
	// Missing is the digest of a manifest or, with MissingLayer, of a layer that
	// neither source nor destination has: "" if all are there.
	Missing      string
	MissingLayer bool
}

// Parts of the image with the digest, with at most limit manifests.
func (q Images) Parts(source int64, digest string, destination int64, limit int) (p ImageParts, err error) {
	err = q.conn.all(graph+`SELECT g.digest,
		EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = ?1 AND m.digest = g.digest FENCED),
		EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = ?3 AND m.digest = g.digest FENCED),
		coalesce((SELECT f.target FROM manifests m IN ORDER JOIN manifest_references f ON f.manifest_id = m.id AND f.child = 0
			WHERE m.repository_id = ?1 AND m.digest = g.digest
			AND NOT EXISTS (SELECT 1 FROM layers l WHERE l.repository_id IN (?1, ?3) AND l.digest = f.target FENCED)
			LIMIT 1), '')
		FROM graph g LIMIT ?4`, []any{source, digest, destination, limit}, func(scan func(dest ...any) error) error {
		var manifest, layer string
		var here, there bool
		if err := scan(&manifest, &here, &there, &layer); err != nil {
			return err
		}
		p.Manifests = append(p.Manifests, manifest)
		if there {
			p.There++
		}
		switch {
		case !here && !there:
			p.Missing, p.MissingLayer = manifest, false
		case layer != "":
			p.Missing, p.MissingLayer = layer, true
		}
		return nil
	})
	return p, err
}

// whole asks whether the repository ?1 has all manifests of graph, and all that
// these name.
const whole = `SELECT NOT EXISTS (SELECT 1 FROM graph g
	WHERE NOT EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = ?1 AND m.digest = g.digest))
		AND NOT EXISTS (SELECT 1 FROM graph g IN ORDER JOIN manifests m ON m.repository_id = ?1 AND m.digest = g.digest
		IN ORDER JOIN manifest_references f ON f.manifest_id = m.id AND f.child = 0
		WHERE NOT EXISTS (SELECT 1 FROM layers l WHERE l.repository_id = ?1 AND l.digest = f.target))`

// parts are, of a manifest m of the repository ?1, whether it names others, and
// whether the repository has the layers that it names. Of most images, which are
// one manifest, that answers without recursion what whole does.
const parts = `EXISTS (SELECT 1 FROM manifest_references f WHERE f.manifest_id = m.id AND f.child = 1),
		NOT EXISTS (SELECT 1 FROM manifest_references f WHERE f.manifest_id = m.id AND f.child = 0
			AND NOT EXISTS (SELECT 1 FROM layers l WHERE l.repository_id = ?1 AND l.digest = f.target FENCED))`

// ManifestHead is a manifest without bytes and annotations, and whether the
// repository has all of its image.
type ManifestHead struct {
	Manifest
	Whole bool
}

// Head is the head of a manifest of a repository, by digest: ErrNotFound.
func (q Images) Head(repository int64, digest string) (ManifestHead, error) {
	return q.head(`manifests m WHERE m.repository_id = ?1 AND m.digest = ?2`, repository, digest)
}

// HeadByTag is the head of a manifest of a repository, by tag: ErrNotFound.
func (q Images) HeadByTag(repository int64, tag string) (ManifestHead, error) {
	return q.head(`tags t JOIN manifests m ON m.id = t.manifest_id WHERE t.repository_id = ?1 AND t.name = ?2`,
		repository, tag)
}

// head reads one manifest, and looks at the manifests that it names only if
// there are any. If there is no such manifest, that costs no more.
func (q Images) head(one string, repository int64, name string) (h ManifestHead, err error) {
	var children bool
	h.Manifest, err = scanManifest(func(dest ...any) error {
		return q.conn.one(`SELECT `+listedColumns+`, `+parts+` FROM `+one, []any{repository, name},
			append(dest, &children, &h.Whole)...)
	})
	if err == nil && children && h.Whole {
		err = q.conn.one(graph+whole, []any{repository, h.Digest}, &h.Whole)
	}
	return h, err
}

// Blobs are those of an image's layers that are in one of the objects.
func (q Images) Blobs(repository int64, digest string, objects []string) ([]Blob, error) {
	return blobsOf(q.conn, graph+`SELECT DISTINCT b.digest, b.size, b.object, b.created_at FROM graph g
		IN ORDER JOIN manifests m ON m.repository_id = ?1 AND m.digest = g.digest
		IN ORDER JOIN manifest_references f ON f.manifest_id = m.id AND f.child = 0
		IN ORDER JOIN blobs b ON b.digest = f.target
		WHERE b.object IN (SELECT value FROM texts(?3))`, repository, digest, list(objects))
}

// Copy copies those of an image's manifests, and links those of their
// layers, that the source has and the destination does not. digests are the
// image's manifests. All of it becomes visible at once. from and sequence are
// the source's registry and the push's number there.
func (tx ImagesTx) Copy(source int64, digests []string, destination *Repository, from, sequence int64,
	at time.Time) error {
	// The digests are given wherever a planner may begin.
	of := list(digests)
	if err := tx.conn.exec(`INSERT INTO layers (repository_id, digest, size, linked_at, replicated)
		SELECT CAST(?1 AS BIGINT), l.digest, l.size, CAST(?2 AS BIGINT), true FROM manifests m
		IN ORDER JOIN manifest_references f ON f.manifest_id = m.id AND f.child = 0
		IN ORDER JOIN layers l ON l.repository_id = m.repository_id AND l.digest = f.target
		WHERE m.repository_id = ?3 AND m.digest IN (SELECT value FROM texts(?4))
		ON CONFLICT (repository_id, digest) DO NOTHING`, destination.ID, fromTime(at), source, of); err != nil {
		return err
	}
	if err := tx.conn.exec(`INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject, annotations,
		size, image_size, pushed_at, replicated, bytes)
		SELECT CAST(?1 AS BIGINT), m.digest, m.media_type, m.artifact_type, m.subject, m.annotations, m.size, m.image_size,
		CAST(?2 AS BIGINT), true, m.bytes
		FROM manifests m WHERE m.repository_id = ?3 AND m.digest IN (SELECT value FROM texts(?4))
		ON CONFLICT (repository_id, digest) DO NOTHING`, destination.ID, fromTime(at), source, of); err != nil {
		return err
	}
	if err := tx.BroughtBy(destination, digests, from, sequence); err != nil {
		return err
	}
	return tx.conn.exec(`INSERT INTO manifest_references (manifest_id, target, repository_id, child, media_type)
		SELECT t.id, f.target, t.repository_id, f.child, f.media_type FROM manifests m
		IN ORDER JOIN manifests t ON t.repository_id = ?1 AND t.digest = m.digest
		IN ORDER JOIN manifest_references f ON f.manifest_id = m.id
		WHERE m.repository_id = ?2 AND m.digest IN (SELECT value FROM texts(?3)) AND t.digest IN (SELECT value FROM texts(?3))
		ON CONFLICT DO NOTHING`, destination.ID, source, of)
}
