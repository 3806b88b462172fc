package metadata

// Usage has the queries about how much there is of what quotas bound.
type Usage struct{ conn conn }

// Repositories is how many repositories the registry has.
func (q Usage) Repositories(registry int64) (n int64, err error) {
	const query = `SELECT count(*) FROM repositories WHERE registry_id = ? AND name < '` + retired + `'`
	err = q.conn.one(query, []any{registry}, &n)
	return n, err
}

// Images is how many manifests the repository has, counted up to most.
func (q Usage) Images(repository, most int64) (n int64, err error) {
	err = q.conn.one(`SELECT count(*) FROM (SELECT 1 FROM manifests WHERE repository_id = ? LIMIT ?) AS images`,
		[]any{repository, most}, &n)
	return n, err
}

// Uploads is how many sessions the registry has, counted up to most.
func (q Usage) Uploads(registry, most int64) (n int64, err error) {
	err = q.conn.one(`SELECT count(*) FROM (SELECT 1 FROM uploads WHERE registry_id = ? LIMIT ?) AS opened`,
		[]any{registry, most}, &n)
	return n, err
}

// StoredBytes are the bytes of the registry's layers, once in each repository
// that has them, and manifests. It reads all of their rows.
func (q Usage) StoredBytes(registry int64) (n int64, err error) {
	return q.bytes(registry, ``)
}

// ReplicatedBytes are those of StoredBytes that replications brought.
func (q Usage) ReplicatedBytes(registry int64) (n int64, err error) {
	return q.bytes(registry, ` AND x.replicated = true`)
}

// bytesPage is how many repositories bytes reads at a time: one query for all
// could take longer than a query may.
const bytesPage = 20

func (q Usage) bytes(registry int64, and string) (n int64, err error) {
	for last, more := "", true; more; {
		var repositories, bytes int64
		err := q.conn.one(`SELECT count(*), coalesce(max(page.name), ''), CAST(coalesce(sum(
				coalesce((SELECT sum(x.size) FROM layers x WHERE x.repository_id = page.id`+and+`), 0) +
				coalesce((SELECT sum(x.size) FROM manifests x WHERE x.repository_id = page.id`+and+`), 0)), 0) AS BIGINT)
			FROM (SELECT id, name FROM repositories WHERE registry_id = ? AND name > ? ORDER BY name LIMIT ?) AS page`,
			[]any{registry, last, bytesPage}, &repositories, &last, &bytes)
		if err != nil {
			return 0, err
		}
		n += bytes
		more = repositories == bytesPage
	}
	return n, nil
}

// CopyCost is what Images.Copy would add to the destination: the bytes of manifests
// and of layers.
func (q Usage) CopyCost(source int64, digests []string, destination int64) (bytes int64, err error) {
	of := list(digests)
	err = q.conn.one(`SELECT CAST(coalesce(sum(m.size), 0) AS BIGINT) + (
			SELECT CAST(coalesce(sum(missing.size), 0) AS BIGINT) FROM (SELECT DISTINCT l.digest, l.size FROM manifests s
				IN ORDER JOIN manifest_references f ON f.manifest_id = s.id AND f.child = 0
				IN ORDER JOIN layers l ON l.repository_id = s.repository_id AND l.digest = f.target
				WHERE s.repository_id = ?1 AND s.digest IN (SELECT value FROM texts(?2))
					AND (SELECT count(*) FROM layers d WHERE d.repository_id = ?3 AND d.digest = l.digest) = 0) AS missing)
		FROM manifests m WHERE m.repository_id = ?1 AND m.digest IN (SELECT value FROM texts(?2))
			AND (SELECT count(*) FROM manifests d WHERE d.repository_id = ?3 AND d.digest = m.digest) = 0`,
		[]any{source, of, destination}, &bytes)
	return bytes, err
}

// Stored is what a repository has: layers, each once, and manifests.
type Stored struct {
	Repository               int64
	Name                     string
	Layers, LayerBytes       int64
	Manifests, ManifestBytes int64
}

// Stored lists what the repositories of a registry have that come after the name, in order of their names. It reads
// all rows of those that it lists.
func (q Usage) Stored(registry int64, after string, limit int) (all []Stored, err error) {
	err = q.conn.all(`SELECT page.id, page.name,
			(SELECT count(*) FROM layers x WHERE x.repository_id = page.id),
			CAST(coalesce((SELECT sum(x.size) FROM layers x WHERE x.repository_id = page.id), 0) AS BIGINT),
			(SELECT count(*) FROM manifests x WHERE x.repository_id = page.id),
			CAST(coalesce((SELECT sum(x.size) FROM manifests x WHERE x.repository_id = page.id), 0) AS BIGINT)
		FROM (SELECT id, name FROM repositories WHERE registry_id = ? AND name > ? AND name < '`+retired+`'
			ORDER BY name LIMIT ?) AS page ORDER BY page.name`, []any{registry, after, limit},
		func(scan func(dest ...any) error) error {
			var s Stored
			err := scan(&s.Repository, &s.Name, &s.Layers, &s.LayerBytes, &s.Manifests, &s.ManifestBytes)
			all = append(all, s)
			return err
		})
	return all, err
}

// Layers counts the layers of a registry whose digests are at least from and below to, each once, however many of its
// repositories have it. It reads all of their rows.
func (q Usage) Layers(registry int64, from, to string) (n, bytes int64, err error) {
	err = q.conn.one(`SELECT count(*), CAST(coalesce(sum(looked.size), 0) AS BIGINT) FROM (
			SELECT max(l.size) AS size FROM repositories p
			IN ORDER JOIN layers l ON l.repository_id = p.id AND l.digest >= ? AND l.digest < ?
			WHERE p.registry_id = ? AND p.name < '`+retired+`' GROUP BY l.digest) AS looked`,
		[]any{from, to, registry}, &n, &bytes)
	return n, bytes, err
}
