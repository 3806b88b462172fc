package metadata

import "time"

// Lifecycle are the queries about lifecycle policies, their previews and their
// runs.
type Lifecycle struct{ conn conn }

// LifecycleTx are Lifecycle with what changes them.
type LifecycleTx struct {
	Lifecycle
	tx *Tx
}

// LifecyclePolicy is the lifecycle policy of a repository.
type LifecyclePolicy struct {
	RepositoryID int64
	Policy       string    // as ECR returns it
	Version      int64     // how often it was set
	EvaluatedAt  time.Time // when a run of it ended last; zero if none has since it was set
	DueAt        time.Time // when it is to run next
}

const lifecyclePolicyColumns = `repository_id, policy, version, evaluated_at, due_at`

func scanLifecyclePolicy(scan func(dest ...any) error) (p LifecyclePolicy, err error) {
	var evaluated, due int64
	err = scan(&p.RepositoryID, &p.Policy, &p.Version, &evaluated, &due)
	p.EvaluatedAt, p.DueAt = toTime(evaluated), toTime(due)
	return p, err
}

// Policy of a repository: ErrNotFound.
func (q Lifecycle) Policy(repository int64) (LifecyclePolicy, error) {
	return scanLifecyclePolicy(func(dest ...any) error {
		return q.conn.one(`SELECT `+lifecyclePolicyColumns+` FROM lifecycle_policies WHERE repository_id = ?`,
			[]any{repository}, dest...)
	})
}

// DuePolicy is a policy that is to run.
type DuePolicy struct {
	RepositoryID int64
	Account      string
	DueAt        time.Time
}

// Due are policies that are to run now, those that waited longest first: after the
// one of a repository that was due at a time.
func (q Lifecycle) Due(now, after time.Time, repository int64, limit int) (all []DuePolicy, err error) {
	err = q.conn.all(`SELECT l.repository_id, g.account, l.due_at FROM lifecycle_policies l
		IN ORDER JOIN repositories p ON p.id = l.repository_id IN ORDER JOIN registries g ON g.id = p.registry_id
		WHERE l.due_at <= ?1 AND (l.due_at, l.repository_id) > (?2, ?3) ORDER BY l.due_at, l.repository_id LIMIT ?4`,
		[]any{fromTime(now), fromTime(after), repository, limit}, func(scan func(dest ...any) error) error {
			var p DuePolicy
			var due int64
			err := scan(&p.RepositoryID, &p.Account, &due)
			p.DueAt = toTime(due)
			all = append(all, p)
			return err
		})
	return all, err
}

// Policies are those of repositories after the given one, in their order.
func (q Lifecycle) Policies(after int64, limit int) (all []LifecyclePolicy, err error) {
	err = q.conn.all(`SELECT `+lifecyclePolicyColumns+` FROM lifecycle_policies WHERE repository_id > ?
		ORDER BY repository_id LIMIT ?`, []any{after, limit}, func(scan func(dest ...any) error) error {
		p, err := scanLifecyclePolicy(scan)
		all = append(all, p)
		return err
	})
	return all, err
}

// PutPolicy sets the policy of a repository. It has not run then, even if it was
// set before.
func (tx LifecycleTx) PutPolicy(r *Repository, policy string, due time.Time) error {
	return tx.conn.exec(`INSERT INTO lifecycle_policies (repository_id, policy, version, due_at) VALUES (?, ?, 1, ?)
		ON CONFLICT (repository_id) DO UPDATE SET policy = excluded.policy, version = lifecycle_policies.version + 1,
		evaluated_at = 0, due_at = excluded.due_at`, r.ID, policy, fromTime(due))
}

// DeletePolicy removes the policy of a repository: false if it has none.
func (tx LifecycleTx) DeletePolicy(r *Repository) (bool, error) {
	return some(tx.conn.changed(`DELETE FROM lifecycle_policies WHERE repository_id = ?`, r.ID))
}

// Schedule sets when a policy runs next, unless it was set anew meanwhile.
func (tx LifecycleTx) Schedule(p LifecyclePolicy, due time.Time) error {
	return tx.conn.exec(`UPDATE lifecycle_policies SET due_at = ? WHERE repository_id = ? AND version = ?`, fromTime(due),
		p.RepositoryID, p.Version)
}

// Ran notes that a run of a policy has ended. It returns false, and notes
// nothing, if the policy was set anew meanwhile.
func (tx LifecycleTx) Ran(p LifecyclePolicy, at time.Time) (bool, error) {
	return some(tx.conn.changed(`UPDATE lifecycle_policies SET evaluated_at = ? WHERE repository_id = ? AND version = ?`,
		fromTime(at), p.RepositoryID, p.Version))
}
