package metadata

import (
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// ManagedPolicies are the queries about the managed policies of accounts. AWS's own are in no table.
type ManagedPolicies struct{ conn conn }

// ManagedPoliciesTx are ManagedPolicies with what changes them, after IdentitiesTx.Change.
type ManagedPoliciesTx struct {
	ManagedPolicies
	tx *Tx
}

// ManagedPolicy of an account.
type ManagedPolicy struct {
	ID             string // ANPA…, unique for ever
	Account        string
	Folded         string // the name in lower case: unique for the account
	Name           string
	Path           string
	CreatedAt      time.Time
	UpdatedAt      time.Time
	DefaultVersion int
	ManagedPolicySettings

	document string
}

// ManagedPolicySettings are what else there is of a managed policy, stored as IdentitySettings are.
type ManagedPolicySettings struct {
	Description string         `json:"description"`
	Tags        []resource.Tag `json:"tags"`
	LastVersion int            `json:"lastVersion"` // numbers are not used again
}

// ManagedPolicyVersion is one of a managed policy.
type ManagedPolicyVersion struct {
	Policy    string // its id
	Number    int
	CreatedAt time.Time
	Text      string
}

const selectPolicies = `SELECT id, account, folded, name, path, created_at, updated_at, default_version, document
	FROM iam_policies p WHERE `

func scanPolicy(scan func(dest ...any) error) (p ManagedPolicy, err error) {
	var created, updated int64
	err = scan(&p.ID, &p.Account, &p.Folded, &p.Name, &p.Path, &created, &updated, &p.DefaultVersion, &p.document)
	if err != nil {
		return p, err
	}
	p.CreatedAt, p.UpdatedAt = toTime(created), toTime(updated)
	return p, readDocument(p.document, &p.ManagedPolicySettings)
}

func (q ManagedPolicies) policies(query string, args ...any) (all []ManagedPolicy, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		p, err := scanPolicy(scan)
		all = append(all, p)
		return err
	})
	return all, err
}

// Get by the name in lower case: ErrNotFound.
func (q ManagedPolicies) Get(account, folded string) (ManagedPolicy, error) {
	return scanPolicy(func(dest ...any) error {
		return q.conn.one(selectPolicies+`account = ? AND folded = ?`, []any{account, folded}, dest...)
	})
}

// ByIDs lists those of the ids that are there.
func (q ManagedPolicies) ByIDs(ids []string) ([]ManagedPolicy, error) {
	return q.policies(selectPolicies+`id IN (SELECT value FROM texts(?)) ORDER BY id`, list(ids))
}

// List lists those whose paths begin so, by name, after the given one in lower case.
func (q ManagedPolicies) List(account, pathPrefix, after string, limit int) ([]ManagedPolicy, error) {
	return q.policies(selectPolicies+`account = ? AND folded > ? AND path >= ? AND path < ? ORDER BY folded LIMIT ?`,
		account, after, pathPrefix, afterPaths(pathPrefix), limit)
}

// Count counts those of an account.
func (q ManagedPolicies) Count(account string) (n int, err error) {
	err = q.conn.one(`SELECT count(*) FROM iam_policies WHERE account = ?`, []any{account}, &n)
	return n, err
}

// Versions lists the versions of a policy, the latest first.
func (q ManagedPolicies) Versions(policy string) ([]ManagedPolicyVersion, error) {
	return q.versions(`SELECT policy, number, created_at, text FROM iam_policy_versions WHERE policy = ?
		ORDER BY number DESC`, policy)
}

// Defaults lists the default versions of those of the policies that are there.
func (q ManagedPolicies) Defaults(policies []string) ([]ManagedPolicyVersion, error) {
	return q.versions(`SELECT v.policy, v.number, v.created_at, v.text FROM iam_policies p
		IN ORDER JOIN iam_policy_versions v ON v.policy = p.id AND v.number = p.default_version
		WHERE p.id IN (SELECT value FROM texts(?))`, list(policies))
}

func (q ManagedPolicies) versions(query string, args ...any) (all []ManagedPolicyVersion, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		var v ManagedPolicyVersion
		var created int64
		err := scan(&v.Policy, &v.Number, &created, &v.Text)
		v.CreatedAt = toTime(created)
		all = append(all, v)
		return err
	})
	return all, err
}

// Create stores a new policy without versions: false if there is one of the name.
func (tx ManagedPoliciesTx) Create(p ManagedPolicy) (bool, error) {
	document, err := writeDocument(p.document, &p.ManagedPolicySettings)
	if err != nil {
		return false, err
	}
	return some(tx.conn.changed(`INSERT INTO iam_policies (id, account, folded, name, path, created_at, updated_at,
		default_version, document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, folded) DO NOTHING`, p.ID,
		p.Account, p.Folded, p.Name, p.Path, fromTime(p.CreatedAt), fromTime(p.UpdatedAt), p.DefaultVersion, document))
}

// Save stores a policy that was changed.
func (tx ManagedPoliciesTx) Save(p ManagedPolicy) error {
	document, err := writeDocument(p.document, &p.ManagedPolicySettings)
	if err != nil {
		return err
	}
	return must(tx.conn.changed(`UPDATE iam_policies SET updated_at = ?, default_version = ?, document = ? WHERE id = ?`,
		fromTime(p.UpdatedAt), p.DefaultVersion, document, p.ID))
}

// Delete removes a policy with its versions.
func (tx ManagedPoliciesTx) Delete(id string) error {
	return must(tx.conn.changed(`DELETE FROM iam_policies WHERE id = ?`, id))
}

// AddVersion stores a version.
func (tx ManagedPoliciesTx) AddVersion(v ManagedPolicyVersion) error {
	return must(tx.conn.changed(`INSERT INTO iam_policy_versions (policy, number, created_at, text) VALUES (?, ?, ?, ?)`,
		v.Policy, v.Number, fromTime(v.CreatedAt), v.Text))
}

// DeleteVersion removes a version: false if it is not there.
func (tx ManagedPoliciesTx) DeleteVersion(policy string, number int) (bool, error) {
	return some(tx.conn.changed(`DELETE FROM iam_policy_versions WHERE policy = ? AND number = ?`, policy, number))
}
