package metadata

import (
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// Identities are the queries about the users, groups and roles of accounts.
type Identities struct{ conn conn }

// IdentitiesTx are Identities with what changes them. Who changes anything of an account calls Change first.
type IdentitiesTx struct {
	Identities
	tx *Tx
}

// Identity is a user, group or role (IAM's).
type Identity struct {
	ID        string // AIDA…, AGPA… or AROA…, unique for ever
	Account   string
	Kind      string // User, Group or Role
	Folded    string // the name in lower case: unique for the account and kind
	Name      string
	Path      string
	CreatedAt time.Time
	Secret    []byte // of a role, sealed: it seals its sessions
	IdentitySettings

	document string // the settings that are in it, as they are stored
}

// IdentitySettings are what else there is of an identity, stored as JSON: so a new one is a field, and no migration.
type IdentitySettings struct {
	Description string `json:"description"`
	MaxSession  int    `json:"maxSession"` // seconds
	TrustPolicy string `json:"trustPolicy"`
	// Trusted are the unique ids that users and roles in the trust policy had when it was set, by their ARNs.
	Trusted  map[string]string `json:"trusted"`
	Boundary string            `json:"boundary"` // ARN, which iam_attachments has by its id
	Tags     []resource.Tag    `json:"tags"`
	// Inline are the texts of its own policies, by their names.
	Inline map[string]string `json:"inline"`
}

// The usages of a managed policy.
const (
	AsPolicy   = "policy"
	AsBoundary = "boundary"
)

// PolicyAttachment says which managed policy an identity has, and how.
type PolicyAttachment struct {
	Identity, Usage, Policy string // the ids, and AsPolicy or AsBoundary
}

const identityColumns = `p.id, p.account, p.kind, p.folded, p.name, p.path, p.created_at, p.secret, p.document`

func scanIdentity(scan func(dest ...any) error) (i Identity, err error) {
	var created int64
	err = scan(&i.ID, &i.Account, &i.Kind, &i.Folded, &i.Name, &i.Path, &created, &i.Secret, &i.document)
	if err != nil {
		return i, err
	}
	i.CreatedAt = toTime(created)
	return i, readDocument(i.document, &i.IdentitySettings)
}

func (q Identities) identity(query string, args ...any) (Identity, error) {
	return scanIdentity(func(dest ...any) error { return q.conn.one(query, args, dest...) })
}

func (q Identities) identities(query string, args ...any) (all []Identity, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		i, err := scanIdentity(scan)
		all = append(all, i)
		return err
	})
	return all, err
}

// Version of what there is of an account: ErrNotFound if nothing ever was.
func (q Identities) Version(account string) (version int64, err error) {
	err = q.conn.one(`SELECT version FROM iam_accounts WHERE account = ?`, []any{account}, &version)
	return version, err
}

// Alias of an account: ErrNotFound.
func (q Identities) Alias(account string) (alias string, err error) {
	err = q.conn.one(`SELECT alias FROM iam_aliases WHERE account = ?`, []any{account}, &alias)
	return alias, err
}

// Get by the name in lower case: ErrNotFound.
func (q Identities) Get(account, kind, folded string) (Identity, error) {
	return q.identity(`SELECT `+identityColumns+` FROM iam_principals p WHERE p.account = ? AND p.kind = ? AND p.folded = ?`,
		account, kind, folded)
}

// ByID finds one by its unique id: ErrNotFound.
func (q Identities) ByID(id string) (Identity, error) {
	return q.identity(`SELECT `+identityColumns+` FROM iam_principals p WHERE p.id = ?`, id)
}

// List lists those of a kind whose paths begin so, by name, after the given one in lower case.
func (q Identities) List(account, kind, pathPrefix, after string, limit int) ([]Identity, error) {
	return q.identities(`SELECT `+identityColumns+` FROM iam_principals p WHERE p.account = ? AND p.kind = ?
		AND p.folded > ? AND p.path >= ? AND p.path < ? ORDER BY p.folded LIMIT ?`,
		account, kind, after, pathPrefix, afterPaths(pathPrefix), limit)
}

// afterPaths sorts after all paths with the prefix: no path has the character.
func afterPaths(prefix string) string { return prefix + "\x7f" }

// Count counts those of a kind in an account.
func (q Identities) Count(account, kind string) (n int, err error) {
	err = q.conn.one(`SELECT count(*) FROM iam_principals WHERE account = ? AND kind = ?`, []any{account, kind}, &n)
	return n, err
}

// GroupsOf lists the groups of a user, by name, up to the limit.
func (q Identities) GroupsOf(user string, limit int) ([]Identity, error) {
	return q.identities(`SELECT `+identityColumns+` FROM iam_members m IN ORDER JOIN iam_principals p ON p.id = m.group_id
		WHERE m.user_id = ? ORDER BY folded LIMIT ?`, user, limit)
}

// Members lists the users in a group, by name, after the given one in lower case.
func (q Identities) Members(group, after string, limit int) ([]Identity, error) {
	return q.identities(`SELECT `+identityColumns+` FROM iam_members m IN ORDER JOIN iam_principals p ON p.id = m.user_id
		WHERE m.group_id = ? AND folded > ? ORDER BY folded LIMIT ?`, group, after, limit)
}

// Attached lists what managed policies identities have, in the order of the policies' ids.
func (q Identities) Attached(ids []string) (all []PolicyAttachment, err error) {
	err = q.conn.all(`SELECT principal, usage, policy FROM iam_attachments
		WHERE principal IN (SELECT value FROM texts(?)) ORDER BY principal, usage, policy`, []any{list(ids)},
		func(scan func(dest ...any) error) error {
			var a PolicyAttachment
			err := scan(&a.Identity, &a.Usage, &a.Policy)
			all = append(all, a)
			return err
		})
	return all, err
}

// With lists identities of a kind that have a managed policy so, whose paths begin so, by name, after the given one
// in lower case.
func (q Identities) With(account, policy, usage, kind, pathPrefix, after string, limit int) ([]Identity, error) {
	return q.identities(`SELECT `+identityColumns+` FROM iam_attachments a IN ORDER JOIN iam_principals p ON p.id = a.principal
		WHERE a.account = ? AND a.policy = ? AND a.usage = ? AND kind = ? AND folded > ? AND path >= ? AND path < ?
		ORDER BY folded LIMIT ?`, account, policy, usage, kind, after, pathPrefix, afterPaths(pathPrefix), limit)
}

// Uses counts how many identities of an account have each of the managed policies so.
func (q Identities) Uses(account, usage string, policies []string) (map[string]int, error) {
	uses := map[string]int{}
	err := q.conn.all(`SELECT policy, count(*) FROM iam_attachments WHERE account = ?
		AND policy IN (SELECT value FROM texts(?)) AND usage = ? GROUP BY policy`,
		[]any{account, list(policies), usage}, func(scan func(dest ...any) error) error {
			var policy string
			var n int
			err := scan(&policy, &n)
			uses[policy] = n
			return err
		})
	return uses, err
}

// Change begins a change of what there is of an account, and raises its version. Others who change it wait until this
// one has ended.
func (tx IdentitiesTx) Change(account string) error {
	return must(tx.conn.changed(`INSERT INTO iam_accounts (account, version) VALUES (?, 1)
		ON CONFLICT (account) DO UPDATE SET version = iam_accounts.version + 1`, account))
}

// SetAlias gives the account an alias in place of the one that it has: false if it is another's.
func (tx IdentitiesTx) SetAlias(account, alias string) (bool, error) {
	return some(tx.conn.changed(`INSERT INTO iam_aliases (account, alias)
		SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM iam_aliases WHERE alias = ?2 AND account <> ?1)
		ON CONFLICT (account) DO UPDATE SET alias = excluded.alias`, account, alias))
}

// DeleteAlias: false if the account does not have it.
func (tx IdentitiesTx) DeleteAlias(account, alias string) (bool, error) {
	return some(tx.conn.changed(`DELETE FROM iam_aliases WHERE account = ? AND alias = ?`, account, alias))
}

// Create stores a new identity: false if there is one of the name.
func (tx IdentitiesTx) Create(i Identity) (bool, error) {
	document, err := writeDocument(i.document, &i.IdentitySettings)
	if err != nil {
		return false, err
	}
	return some(tx.conn.changed(`INSERT INTO iam_principals (id, account, kind, folded, name, path, created_at, secret, document)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, kind, folded) DO NOTHING`, i.ID, i.Account, i.Kind, i.Folded,
		i.Name, i.Path, fromTime(i.CreatedAt), secretBytes(i.Secret), document))
}

// secretBytes are never null.
func secretBytes(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Save stores an identity that was changed. Nobody else has the name that it has now.
func (tx IdentitiesTx) Save(i Identity) error {
	document, err := writeDocument(i.document, &i.IdentitySettings)
	if err != nil {
		return err
	}
	return must(tx.conn.changed(`UPDATE iam_principals SET folded = ?, name = ?, path = ?, document = ? WHERE id = ?`,
		i.Folded, i.Name, i.Path, document, i.ID))
}

// Delete removes an identity, with its memberships, attachments and access keys.
func (tx IdentitiesTx) Delete(id string) error {
	return must(tx.conn.changed(`DELETE FROM iam_principals WHERE id = ?`, id))
}

// AddMember puts a user into a group: false if it is in it.
func (tx IdentitiesTx) AddMember(group, user string) (bool, error) {
	return some(tx.conn.changed(`INSERT INTO iam_members (group_id, user_id) VALUES (?, ?)
		ON CONFLICT (group_id, user_id) DO NOTHING`, group, user))
}

// RemoveMember takes a user out of a group: false if it is not in it.
func (tx IdentitiesTx) RemoveMember(group, user string) (bool, error) {
	return some(tx.conn.changed(`DELETE FROM iam_members WHERE group_id = ? AND user_id = ?`, group, user))
}

// Attach gives an identity of the account a managed policy: false if it has it so.
func (tx IdentitiesTx) Attach(account string, a PolicyAttachment) (bool, error) {
	return some(tx.conn.changed(`INSERT INTO iam_attachments (principal, usage, policy, account) VALUES (?, ?, ?, ?)
		ON CONFLICT (principal, usage, policy) DO NOTHING`, a.Identity, a.Usage, a.Policy, account))
}

// Detach takes a managed policy from an identity: false if it does not have it so.
func (tx IdentitiesTx) Detach(a PolicyAttachment) (bool, error) {
	return some(tx.conn.changed(`DELETE FROM iam_attachments WHERE principal = ? AND usage = ? AND policy = ?`, a.Identity,
		a.Usage, a.Policy))
}
