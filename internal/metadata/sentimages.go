package metadata

import (
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// SentManifest is a manifest with its bytes, to be sent to a peer.
type SentManifest struct {
	Digest    string
	MediaType string
	Bytes     []byte
}

// Contents are those of the manifests that the repository has, with their bytes.
func (q Images) Contents(repository int64, digests []string) (all []SentManifest, err error) {
	err = q.conn.all(`SELECT m.digest, m.media_type, m.bytes FROM manifests m WHERE m.repository_id = ?
		AND m.digest IN (SELECT value FROM texts(?)) ORDER BY m.digest`, []any{repository, list(digests)},
		func(scan func(dest ...any) error) error {
			var m SentManifest
			err := scan(&m.Digest, &m.MediaType, &m.Bytes)
			all = append(all, m)
			return err
		})
	return all, err
}

// ManifestSizes are by digest, of those of the manifests that the repository has: their own sizes.
func (q Images) ManifestSizes(repository int64, digests []string) (map[string]int64, error) {
	return sizesOf(q.conn, `SELECT digest, size FROM manifests WHERE repository_id = ?
		AND digest IN (SELECT value FROM texts(?))`, repository, digests)
}

// LayersOf are the blobs that the manifests name, each once.
func (q Images) LayersOf(repository int64, manifests []string) ([]Blob, error) {
	return blobsOf(q.conn, `SELECT DISTINCT b.digest, b.size, b.object, b.created_at FROM manifests m
		IN ORDER JOIN manifest_references f ON f.manifest_id = m.id AND f.child = 0
		IN ORDER JOIN layers l ON l.repository_id = m.repository_id AND l.digest = f.target
		IN ORDER JOIN blobs b ON b.digest = l.digest
		WHERE m.repository_id = ? AND m.digest IN (SELECT value FROM texts(?)) ORDER BY b.digest`,
		repository, list(manifests))
}

// Incoming returns what is needed to decide on a replication from a peer, as Claim
// does for one of this deployment. r says where it goes, and what it is.
func (q Replications) Incoming(r Replication, source resource.Registry, name string) (j ReplicationJob, err error) {
	j.Replication, j.SourceAccount, j.SourceRegion, j.RepositoryName = r, source.Account, source.Region, name
	err = q.conn.one(`SELECT `+destinationColumns+`, coalesce((SELECT sg.id FROM registries sg WHERE sg.account = ?1
			AND sg.region = ?2), 0)
		FROM registries dg LEFT IN ORDER JOIN repositories dp ON dp.registry_id = dg.id AND dp.name = ?5
		WHERE dg.account = ?3 AND dg.region = ?4`,
		[]any{source.Account, source.Region, r.DestinationAccount, r.DestinationRegion, name},
		append(j.scanDestination(), &j.SourceRegistryRow)...)
	return j, err
}

// Receive adds a manifest that a peer has sent to a repository, unless it has it,
// and notes where it came from. Number is the push's in the source registry.
func (tx ImagesTx) Receive(r *Repository, m Manifest, bytes []byte, references []Reference, source, number int64) error {
	if err := tx.conn.exec(`INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject, annotations,
		size, image_size, pushed_at, replicated, bytes)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, true, ?)
		ON CONFLICT (repository_id, digest) DO NOTHING`,
		r.ID, m.Digest, m.MediaType, m.ArtifactType, m.Subject, m.Annotations, m.Size, m.ImageSize, fromTime(m.PushedAt),
		bytes); err != nil {
		return err
	}
	if err := tx.addReferences(r, m.Digest, references); err != nil {
		return err
	}
	return tx.BroughtBy(r, []string{m.Digest}, source, number)
}

// BroughtBy notes that a replication from a registry, with a number there, has
// brought manifests that the repository has.
func (tx ImagesTx) BroughtBy(r *Repository, digests []string, source, number int64) error {
	// In a fixed order, so that two that do the same do not deadlock.
	return tx.conn.exec(`INSERT INTO image_sources (manifest_id, source_registry_id, sequence)
		SELECT m.id, CAST(?1 AS BIGINT), CAST(?2 AS BIGINT) FROM manifests m WHERE m.repository_id = ?3
		AND m.digest IN (SELECT value FROM texts(?4)) ORDER BY m.digest
		ON CONFLICT (manifest_id, source_registry_id) DO UPDATE SET sequence = excluded.sequence
		WHERE excluded.sequence > image_sources.sequence`,
		source, number, r.ID, list(digests))
}

// Received records a deletion that a peer has sent and that was carried out, once
// for each number.
func (tx DeletionsTx) Received(j ReplicationJob, at time.Time) error {
	return tx.conn.exec(`INSERT INTO replications (tag, tags, sequence, destination_account, destination_region, state,
		tries, next_try_at, pushed_at, changed_at, finished_at, source_registry_id, repository_name, digest)
		SELECT CAST(?1 AS TEXT), CAST(?2 AS TEXT), CAST(?3 AS BIGINT), CAST(?4 AS TEXT), CAST(?5 AS TEXT), 'COMPLETE',
		1, CAST(?6 AS BIGINT), CAST(?7 AS BIGINT), CAST(?6 AS BIGINT), CAST(?6 AS BIGINT), CAST(?8 AS BIGINT),
		CAST(?9 AS TEXT), CAST(?10 AS TEXT)
		WHERE NOT EXISTS (SELECT 1 FROM replications r WHERE r.source_registry_id = ?8 AND r.digest = ?10
			AND r.manifest_id IS NULL AND r.sequence = ?3 AND r.tag = ?1 AND r.destination_account = ?4
			AND r.destination_region = ?5)`,
		j.Tag, list(j.Tags), j.Sequence, j.DestinationAccount, j.DestinationRegion, fromTime(at), fromTime(j.PushedAt),
		j.SourceRegistryRow, j.RepositoryName, j.Digest)
}

// Keep leaves a replication to who is trying it until its next try, and notes how
// far it is. It keeps no one off a replication that has ended.
func (tx ReplicationsTx) Keep(r Replication) error {
	return tx.conn.exec(`UPDATE replications SET next_try_at = ?, changed_at = ?, bytes_total = ?, bytes_sent = ?,
		begun_at = ? WHERE id = ? AND state = 'IN_PROGRESS' AND tries = ?`,
		fromTime(r.NextTryAt), fromTime(r.ChangedAt), r.BytesTotal, r.BytesSent, fromTime(r.BegunAt), r.ID, r.Tries)
}
