package metadata

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// CreationTemplates are the queries about repository creation templates.
type CreationTemplates struct{ conn conn }

// CreationTemplatesTx are CreationTemplates with what changes them. Who changes
// one must have locked the registry.
type CreationTemplatesTx struct {
	CreationTemplates
	tx *Tx
}

// RootPrefix is the prefix of the template for repositories that no other is for.
const RootPrefix = "ROOT"

// Occasion is why a repository is created for somebody (ECR: RCTAppliedFor).
type Occasion string

const (
	ForPush        Occasion = "CREATE_ON_PUSH"
	ForReplication Occasion = "REPLICATION"
	ForPullThrough Occasion = "PULL_THROUGH_CACHE"
)

// CreationTemplate says what a repository begins with that is created for
// somebody, where its name begins with the prefix and a slash.
type CreationTemplate struct {
	RegistryRow int64
	Prefix      string // as it was given, with a slash at the end or without; or RootPrefix
	AppliedFor  []Occasion
	CreatedAt   time.Time
	UpdatedAt   time.Time
	TemplateSettings

	document string // the settings that are in it, as they are stored
}

// TemplateSettings are what is set of a template, but for when it is used. They
// are stored as JSON: so a new one is a field, and no migration.
type TemplateSettings struct {
	Description     string         `json:"description"`
	TagMutability   TagMutability  `json:"tagMutability"`
	Exclusions      []string       `json:"exclusions"`
	Encryption      Encryption     `json:"encryption"`
	Policy          string         `json:"policy"`          // of the repository, '' if none
	LifecyclePolicy string         `json:"lifecyclePolicy"` // as it was sent, '' if none
	Tags            []resource.Tag `json:"tags"`
	Role            string         `json:"role"` // that ECR would take
}

// Scope is the key of a template in its registry: /team/ for the prefixes team and
// team/, and / for ROOT. Scopes of one name are longer the more exact they are,
// and sort so.
func (t *CreationTemplate) Scope() string { return scopeOf(t.Prefix) }

func scopeOf(prefix string) string {
	if prefix == RootPrefix {
		return "/"
	}
	return "/" + strings.TrimSuffix(prefix, "/") + "/"
}

// scopesOver are the scopes that a repository of the name is in.
func scopesOver(name string) []string {
	scopes := []string{"/"}
	for i, c := range name {
		if c == '/' {
			scopes = append(scopes, "/"+name[:i+1])
		}
	}
	return scopes
}

const selectTemplates = `SELECT registry_id, prefix, applied_for, created_at, updated_at, settings
	FROM creation_templates WHERE registry_id = ? `

func scanTemplate(scan func(dest ...any) error) (t CreationTemplate, err error) {
	var occasions string
	var created, updated int64
	if err := scan(&t.RegistryRow, &t.Prefix, &occasions, &created, &updated, &t.document); err != nil {
		return t, err
	}
	t.CreatedAt, t.UpdatedAt = toTime(created), toTime(updated)
	if err := json.Unmarshal([]byte(occasions), &t.AppliedFor); err != nil {
		return t, fmt.Errorf("metadata: read what a creation template is for: %w", err)
	}
	return t, readDocument(t.document, &t.TemplateSettings)
}

// Get by prefix: ErrNotFound.
func (q CreationTemplates) Get(registry int64, prefix string) (CreationTemplate, error) {
	return scanTemplate(func(dest ...any) error {
		return q.conn.one(selectTemplates+`AND scope = ?`, []any{registry, scopeOf(prefix)}, dest...)
	})
}

// For returns the most exact of the templates that are used when a repository of
// the name is created on the occasion: ErrNotFound.
func (q CreationTemplates) For(registry int64, name string, on Occasion) (CreationTemplate, error) {
	return scanTemplate(func(dest ...any) error {
		return q.conn.one(selectTemplates+`AND scope IN (SELECT value FROM texts(?)) AND applied_for LIKE ?
			ORDER BY scope DESC LIMIT 1`, []any{registry, list(scopesOver(name)), `%"` + string(on) + `"%`}, dest...)
	})
}

// List lists the templates of a registry after the given scope, in the order of theirs.
func (q CreationTemplates) List(registry int64, after string, limit int) ([]CreationTemplate, error) {
	return q.templates(selectTemplates+`AND scope > ? ORDER BY scope LIMIT ?`, registry, after, limit)
}

// Named lists those of the templates of a registry after the given scope that
// have one of the prefixes.
func (q CreationTemplates) Named(registry int64, prefixes []string, after string,
	limit int) ([]CreationTemplate, error) {
	scopes := make([]string, len(prefixes))
	for i, prefix := range prefixes {
		scopes[i] = scopeOf(prefix)
	}
	slices.Sort(scopes)
	return q.templates(selectTemplates+`AND scope IN (SELECT value FROM texts(?)) AND scope > ? ORDER BY scope LIMIT ?`,
		registry, list(slices.Compact(scopes)), after, limit)
}

func (q CreationTemplates) templates(query string, args ...any) (all []CreationTemplate, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		t, err := scanTemplate(scan)
		all = append(all, t)
		return err
	})
	return all, err
}

// Count counts the templates of a registry, up to most.
func (q CreationTemplates) Count(registry int64, most int) (n int, err error) {
	err = q.conn.one(`SELECT count(*) FROM (SELECT 1 FROM creation_templates WHERE registry_id = ? LIMIT ?) AS looked`,
		[]any{registry, most}, &n)
	return n, err
}

// Create stores a new template: false if there is one for the same repositories.
func (tx CreationTemplatesTx) Create(t CreationTemplate) (bool, error) {
	document, err := writeDocument(t.document, &t.TemplateSettings)
	if err != nil {
		return false, err
	}
	return some(tx.conn.changed(`INSERT INTO creation_templates (registry_id, scope, prefix, applied_for, created_at,
		updated_at, settings) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (registry_id, scope) DO NOTHING`, t.RegistryRow,
		t.Scope(), t.Prefix, occasionList(t.AppliedFor), fromTime(t.CreatedAt), fromTime(t.UpdatedAt), document))
}

// Save stores a template that was changed.
func (tx CreationTemplatesTx) Save(t CreationTemplate) error {
	document, err := writeDocument(t.document, &t.TemplateSettings)
	if err != nil {
		return err
	}
	return must(tx.conn.changed(`UPDATE creation_templates SET applied_for = ?, updated_at = ?, settings = ?
		WHERE registry_id = ? AND scope = ?`, occasionList(t.AppliedFor), fromTime(t.UpdatedAt), document, t.RegistryRow,
		t.Scope()))
}

// Delete removes a template.
func (tx CreationTemplatesTx) Delete(t CreationTemplate) error {
	return must(tx.conn.changed(`DELETE FROM creation_templates WHERE registry_id = ? AND scope = ?`, t.RegistryRow,
		t.Scope()))
}

// occasionList encodes occasions as For looks for them.
func occasionList(all []Occasion) string {
	words := make([]string, len(all))
	for i, o := range all {
		words[i] = string(o)
	}
	return list(words)
}
