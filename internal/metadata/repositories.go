package metadata

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// Repositories are the queries about repositories: their settings and tags, and
// what is left of those that were deleted.
type Repositories struct{ conn conn }

// RepositoriesTx are Repositories with what changes them.
type RepositoriesTx struct {
	Repositories
	tx *Tx
}

// Repository is a repository's row with what its registry adds to it.
type Repository struct {
	ID          int64
	RegistryRow int64
	Account     string
	Region      string
	Name        string
	CreatedAt   time.Time
	RepositorySettings
	Policy   string // '' if none
	Registry RegistrySettings

	document string // the settings that are in it, as they are stored

	cached *cachedRepository // of SQLite's Store.Repository
	view   *pipeline         // of PostgreSQL's: holds what was read ahead

	memo *memo
}

// memo outlives the row in engines that read the row again each time.
type memo struct {
	once  sync.Once
	value any
}

// Memo returns what build makes of the row. It is built once for as long as the row does not
// change, so that the domain need not parse the same policies for each request.
func (r *Repository) Memo(build func(*Repository) any) any {
	r.memo.once.Do(func() { r.memo.value = build(r) })
	return r.memo.value
}

// sameFacts reports whether two rows are equal, in every field that facts
// keeps.
func (r *Repository) sameFacts(o *Repository) bool {
	return reflect.DeepEqual(r.facts(), o.facts())
}

// facts is the row without what a process adds to it.
func (r *Repository) facts() Repository {
	f := *r
	f.cached, f.view, f.memo = nil, nil, nil
	return f
}

const repositoryColumns = `p.id, p.registry_id, g.account, g.region, p.name, p.created_at, p.tag_mutability,
	p.exclusions, p.scan_on_push, p.encryption_type, p.kms_key, p.settings, p.policy, g.policy, g.replication, g.settings
	FROM repositories p JOIN registries g ON g.id = p.registry_id`

func scanRepository(scan func(dest ...any) error) (*Repository, error) {
	r := &Repository{memo: new(memo)}
	var created int64
	var exclusions, registry string
	if err := scan(&r.ID, &r.RegistryRow, &r.Account, &r.Region, &r.Name, &created, (*string)(&r.TagMutability),
		&exclusions, &r.ScanOnPush, &r.Encryption.Type, &r.Encryption.KMSKey, &r.document, &r.Policy, &r.Registry.Policy,
		&r.Registry.Replication, &registry); err != nil {
		return nil, err
	}
	if err := readDocument(r.document, &r.RepositorySettings); err != nil {
		return nil, err
	}
	if err := readRegistryDocument(registry, &r.Registry); err != nil {
		return nil, err
	}
	r.CreatedAt = toTime(created)
	if exclusions != "[]" {
		if err := json.Unmarshal([]byte(exclusions), &r.Exclusions); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Get by name: ErrNotFound.
func (q Repositories) Get(account, region, name string) (*Repository, error) {
	return scanRepository(func(dest ...any) error {
		return q.conn.one(`SELECT `+repositoryColumns+` WHERE p.registry_id = (SELECT id FROM registries WHERE account = ?
			AND region = ?) AND p.name = ?`, []any{account, region, name}, dest...)
	})
}

// ByID returns a repository: ErrNotFound.
func (q Repositories) ByID(id int64) (*Repository, error) {
	return scanRepository(func(dest ...any) error {
		return q.conn.one(`SELECT `+repositoryColumns+` WHERE p.id = ? AND p.name < '`+retired+`'`, []any{id}, dest...)
	})
}

// Share returns a repository and keeps others from deleting anything
// in it until the transaction ends: ErrNotFound. Whoever adds to a repository
// needs it, so that what it found there stays there.
func (q Repositories) Share(id int64) (*Repository, error) {
	return scanRepository(func(dest ...any) error {
		return q.conn.one(`SELECT `+repositoryColumns+` WHERE p.id = ? AND p.name < '`+retired+`' SHARING p`, []any{id},
			dest...)
	})
}

// Hold returns a repository and makes others who hold or lock it wait until the
// transaction ends: ErrNotFound. Whoever sets a tag that may be set only once needs it. Others may
// add to the repository and replicate from it meanwhile: two transactions that each hold one
// repository and share the other's do not wait for each other.
func (q Repositories) Hold(id int64) (*Repository, error) {
	return scanRepository(func(dest ...any) error {
		return q.conn.one(`SELECT `+repositoryColumns+` WHERE p.id = ? AND p.name < '`+retired+`' HOLDING p`, []any{id},
			dest...)
	})
}

// Lock returns a repository and makes all others who share or lock it
// wait until the transaction ends: ErrNotFound. Whoever removes what others may
// rely on needs it.
func (q Repositories) Lock(id int64) (*Repository, error) {
	return scanRepository(func(dest ...any) error {
		return q.conn.one(`SELECT `+repositoryColumns+` WHERE p.id = ? AND p.name < '`+retired+`' LOCKING p`, []any{id},
			dest...)
	})
}

// List lists the repositories of a registry with names after the given one, in their order.
func (q Repositories) List(registry int64, after string, limit int) (repos []*Repository, err error) {
	err = q.conn.all(`SELECT `+repositoryColumns+` WHERE p.registry_id = ? AND p.name > ? AND p.name < '`+retired+
		`' ORDER BY p.name LIMIT ?`,
		[]any{registry, after, limit}, func(scan func(dest ...any) error) error {
			r, err := scanRepository(scan)
			repos = append(repos, r)
			return err
		})
	return repos, err
}

// Create inserts r and sets its ID. It returns false if the name is taken.
func (tx RepositoriesTx) Create(r *Repository) (bool, error) {
	if err := tx.tx.Registries().Lock(r.RegistryRow); err != nil {
		return false, err
	}
	settings, err := r.settingsColumns()
	if err != nil {
		return false, err
	}
	err = tx.conn.one(`INSERT INTO repositories (registry_id, name, created_at, policy, tag_mutability, exclusions,
		scan_on_push, encryption_type, kms_key, settings)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (registry_id, name) DO NOTHING RETURNING id`,
		append([]any{r.RegistryRow, r.Name, fromTime(r.CreatedAt), r.Policy}, settings...), &r.ID)
	if err == ErrNotFound {
		return false, nil
	}
	tx.tx.touchRepository(r)
	return err == nil, err
}

// Delete removes the repository and all that hangs on it.
func (tx RepositoriesTx) Delete(r *Repository) error {
	tx.tx.touchRepository(r)
	return must(tx.conn.changed(`DELETE FROM repositories WHERE id = ?`, r.ID))
}

// DeleteBatch is how many manifests, layers or other rows of a repository one
// transaction removes. Nobody's push should wait until 100,000 are gone.
const DeleteBatch = 200

// DeleteContent removes up to limit manifests of a repository, with all that
// depends on them, and once there are none up to limit layers: so no manifest
// is seen without its layers. What else grows with the images goes last. more
// says that something may be left.
func (tx RepositoriesTx) DeleteContent(r *Repository, limit int) (more bool, err error) {
	tx.tx.touchRepository(r)
	for _, statement := range []string{
		`DELETE FROM manifests WHERE id IN (SELECT id FROM manifests WHERE repository_id = ?1 LIMIT ?2)`,
		`DELETE FROM layers WHERE repository_id = ?1 AND digest IN (SELECT digest FROM layers WHERE repository_id = ?1
			LIMIT ?2)`,
		`DELETE FROM tag_watermarks WHERE repository_id = ?1 AND (tag, source_registry_id) IN (SELECT tag, source_registry_id
			FROM tag_watermarks WHERE repository_id = ?1 LIMIT ?2)`,
		`DELETE FROM uploads WHERE id IN (SELECT id FROM uploads WHERE repository_id = ?1 LIMIT ?2)`,
		`DELETE FROM lifecycle_marks WHERE (evaluation_id, pushed_at, digest) IN (
			SELECT k.evaluation_id, k.pushed_at, k.digest FROM lifecycle_evaluations e
			IN ORDER JOIN lifecycle_marks k ON k.evaluation_id = e.id WHERE e.repository_id = ?1 LIMIT ?2)`,
	} {
		n, err := tx.conn.changed(statement, r.ID, limit)
		if err != nil {
			return false, err
		}
		if n == int64(limit) {
			return true, nil
		}
	}
	return false, nil
}

// SaveSettings stores the settings of a repository, which the transaction must
// have locked before it read them.
func (tx RepositoriesTx) SaveSettings(r *Repository) error {
	tx.tx.touchRepository(r)
	settings, err := r.settingsColumns()
	if err != nil {
		return err
	}
	return must(tx.conn.changed(`UPDATE repositories SET tag_mutability = ?, exclusions = ?, scan_on_push = ?,
		encryption_type = ?, kms_key = ?, settings = ? WHERE id = ?`, append(settings, r.ID)...))
}

// settingsColumns are the values of the columns that hold settings.
func (r *Repository) settingsColumns() ([]any, error) {
	document, err := writeDocument(r.document, &r.RepositorySettings)
	return []any{
		string(r.TagMutability), list(r.Exclusions), r.ScanOnPush, r.Encryption.Type, r.Encryption.KMSKey, document,
	}, err
}

// SetPolicy replaces the policy; an empty one removes it.
func (tx RepositoriesTx) SetPolicy(r *Repository, policy string) error {
	tx.tx.touchRepository(r)
	return must(tx.conn.changed(`UPDATE repositories SET policy = ? WHERE id = ?`, policy, r.ID))
}

// HasImages reports whether the repository holds any manifest.
func (q Repositories) HasImages(repository int64) (has bool, err error) {
	err = q.conn.one(`SELECT EXISTS (SELECT 1 FROM manifests WHERE repository_id = ?)`, []any{repository}, &has)
	return has, err
}

// ResourceTags in order of key.
func (q Repositories) ResourceTags(repository int64) (tags []resource.Tag, err error) {
	const query = `SELECT key, value FROM resource_tags WHERE repository_id = ? ORDER BY key`
	err = q.conn.all(query, []any{repository}, func(scan func(dest ...any) error) error {
		var t resource.Tag
		err := scan(&t.Key, &t.Value)
		tags = append(tags, t)
		return err
	})
	return tags, err
}

// tagsOf is a column with the resource tags of a repository, for tagObject.
func tagsOf(repository string) string {
	return `CAST((SELECT object_of(t.key, t.value) FROM resource_tags t
		WHERE t.repository_id = ` + repository + `.id) AS TEXT)`
}

// tagObject scans a JSON object of keys and values, or NULL, into resource tags.
type tagObject []resource.Tag

// Scan implements sql.Scanner.
func (o *tagObject) Scan(value any) error {
	*o = nil
	if value == nil {
		return nil
	}
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("metadata: resource tags are text, not %T", value)
	}
	tags := map[string]string{}
	if err := json.Unmarshal([]byte(text), &tags); err != nil {
		return fmt.Errorf("metadata: read resource tags: %w", err)
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		*o = append(*o, resource.Tag{Key: key, Value: tags[key]})
	}
	return nil
}

// SetResourceTag adds or overwrites a resource tag.
func (tx RepositoriesTx) SetResourceTag(r *Repository, t resource.Tag) error {
	tx.tx.touchRepository(r)
	return tx.conn.exec(`INSERT INTO resource_tags (repository_id, key, value) VALUES (?, ?, ?)
		ON CONFLICT (repository_id, key) DO UPDATE SET value = excluded.value`, r.ID, t.Key, t.Value)
}

// DeleteResourceTag removes a resource tag, if it is there.
func (tx RepositoriesTx) DeleteResourceTag(r *Repository, key string) error {
	tx.tx.touchRepository(r)
	return tx.conn.exec(`DELETE FROM resource_tags WHERE repository_id = ? AND key = ?`, r.ID, key)
}
