package metadata

// RegistryUsage is what a registry holds. Triggers of the database keep it, in
// the transaction of whatever changes it.
type RegistryUsage struct {
	Repositories int64
	// Bytes are those of layers, once in each repository that has them, and of
	// manifests; ReplicatedBytes are those of them that replications brought.
	Bytes           int64
	ReplicatedBytes int64
}

// RegistryUsage returns what the registry holds.
func (q *Queries) RegistryUsage(registry int64) (u RegistryUsage, err error) {
	err = q.conn.one(`SELECT CAST(coalesce(sum(repositories), 0) AS BIGINT),
		CAST(coalesce(sum(bytes), 0) AS BIGINT), CAST(coalesce(sum(replicated_bytes), 0) AS BIGINT) FROM registry_usage WHERE registry_id = ?`,
		[]any{registry}, &u.Repositories, &u.Bytes, &u.ReplicatedBytes)
	return u, err
}

// ImageCount is how many manifests the repository has.
func (q *Queries) ImageCount(repository int64) (n int64, err error) {
	err = q.conn.one(`SELECT CAST(coalesce(sum(images), 0) AS BIGINT) FROM repository_usage WHERE repository_id = ?`, []any{repository}, &n)
	return n, err
}

// CopyCost is what CopyImage would add to the destination: how many manifests,
// and the bytes of these and of layers.
func (q *Queries) CopyCost(source int64, digests []string, destination int64) (images, bytes int64, err error) {
	of := list(digests)
	err = q.conn.one(`SELECT count(*), CAST(coalesce(sum(m.size), 0) AS BIGINT) + (
			SELECT CAST(coalesce(sum(missing.size), 0) AS BIGINT) FROM (SELECT DISTINCT l.digest, l.size FROM manifests s
				IN ORDER JOIN manifest_references f ON f.manifest_id = s.id AND f.child = 0
				IN ORDER JOIN layers l ON l.repository_id = s.repository_id AND l.digest = f.target
				WHERE s.repository_id = ?1 AND s.digest IN (SELECT value FROM texts(?2))
					AND (SELECT count(*) FROM layers d WHERE d.repository_id = ?3 AND d.digest = l.digest) = 0) AS missing)
		FROM manifests m WHERE m.repository_id = ?1 AND m.digest IN (SELECT value FROM texts(?2))
			AND (SELECT count(*) FROM manifests d WHERE d.repository_id = ?3 AND d.digest = m.digest) = 0`,
		[]any{source, of, destination}, &images, &bytes)
	return images, bytes, err
}
