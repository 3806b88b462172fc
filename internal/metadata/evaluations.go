package metadata

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
)

// EvaluationKind is what a lifecycle policy was evaluated for.
type EvaluationKind string

// The kinds of evaluations.
const (
	LifecyclePreview EvaluationKind = "PREVIEW"
	LifecycleRun     EvaluationKind = "RUN"
	// LifecycleReplaced is a preview that a later one has replaced. It is there
	// until its rows are forgotten.
	LifecycleReplaced EvaluationKind = "REPLACED"
)

// EvaluationStatus is how far an evaluation has come, in ECR's words for
// previews. (EXPIRED is said of one that is old, and not stored.)
type EvaluationStatus string

// The statuses of evaluations.
const (
	EvaluationInProgress EvaluationStatus = "IN_PROGRESS" // it finds images
	// EvaluationActing is of a run that has found all images, and acts on them.
	EvaluationActing   EvaluationStatus = "ACTING"
	EvaluationComplete EvaluationStatus = "COMPLETE"
	EvaluationFailed   EvaluationStatus = "FAILED"
)

// Evaluation is a preview or a run of a lifecycle policy. Both find all images
// that the policy marks first; a run then acts on one after the other.
type Evaluation struct {
	ID           int64
	RepositoryID int64
	Kind         EvaluationKind
	Policy       string // a preview's as it was sent
	Status       EvaluationStatus
	Failure      string // why it failed
	BeganAt      time.Time
	EndedAt      time.Time // zero if it has not

	// How many of the images that were found, as of the last Save.
	Expiring, Transitioning int64
	Bytes                   int64 // of those that expire, layers counted once in each image
	Acted, Failed           int64 // that a run has acted on, and that it could not act on
}

// LifecycleMark is an image that an evaluation marks, as it was then.
type LifecycleMark struct {
	Digest       string
	PushedAt     time.Time
	Tags         []string
	Size         int64
	StorageClass string // as the policy language has it
	Action       string // as the policy language has it
	Priority     int    // of the rule
	// Outcome is what a run has done: nothing yet if it is empty.
	Outcome MarkOutcome
	Reason  string
}

// MarkOutcome is what a run has done about an image: one of those below, or
// ECR's failure code.
type MarkOutcome string

// The outcomes that are no failures.
const (
	MarkDone MarkOutcome = "DONE"
	MarkKept MarkOutcome = "KEPT" // it had changed, and the policy does not act on it any more
	// MarkGoing is of an image that is gone while some of its referrers are not.
	MarkGoing MarkOutcome = "GOING"
)

const evaluationColumns = `id, repository_id, kind, policy, status, failure, began_at, ended_at, expiring,
	transitioning, bytes, acted, failed`

func scanEvaluation(scan func(dest ...any) error) (e Evaluation, err error) {
	var began, ended int64
	err = scan(&e.ID, &e.RepositoryID, &e.Kind, &e.Policy, &e.Status, &e.Failure, &began, &ended, &e.Expiring,
		&e.Transitioning, &e.Bytes, &e.Acted, &e.Failed)
	e.BeganAt, e.EndedAt = toTime(began), toTime(ended)
	return e, err
}

// Evaluation by id: ErrNotFound.
func (q Lifecycle) Evaluation(id int64) (Evaluation, error) {
	return scanEvaluation(func(dest ...any) error {
		return q.conn.one(`SELECT `+evaluationColumns+` FROM lifecycle_evaluations WHERE id = ?`, []any{id}, dest...)
	})
}

// Evaluations of a repository, the latest first, with ids below the given one; 0
// means all.
func (q Lifecycle) Evaluations(repository int64, kind EvaluationKind, below int64, limit int) (all []Evaluation,
	err error) {
	if below == 0 {
		below = math.MaxInt64
	}
	err = q.conn.all(`SELECT `+evaluationColumns+` FROM lifecycle_evaluations WHERE repository_id = ? AND kind = ?
		AND id < ? ORDER BY id DESC LIMIT ?`, []any{repository, string(kind), below, limit},
		func(scan func(dest ...any) error) error {
			e, err := scanEvaluation(scan)
			all = append(all, e)
			return err
		})
	return all, err
}

// NamedRun is a run, without its policy, with the name of its repository.
type NamedRun struct {
	Repository string
	Evaluation
}

// Runs are those of the evaluations that are runs in a registry, in their order.
func (q Lifecycle) Runs(account, region string, ids []int64) (all []NamedRun, err error) {
	err = q.conn.all(`SELECT e.id, e.repository_id, e.kind, '', e.status, e.failure, e.began_at, e.ended_at, e.expiring,
		e.transitioning, e.bytes, e.acted, e.failed, p.name FROM numbers(?) AS d
		IN ORDER JOIN lifecycle_evaluations e ON e.id = d.value IN ORDER JOIN repositories p ON p.id = e.repository_id
		IN ORDER JOIN registries g ON g.id = p.registry_id
		WHERE e.kind = '`+string(LifecycleRun)+`' AND g.account = ? AND g.region = ? AND p.name < '`+retired+`'
		ORDER BY e.id`, []any{numberList(ids), account, region}, func(scan func(dest ...any) error) error {
		var r NamedRun
		var err error
		r.Evaluation, err = scanEvaluation(func(dest ...any) error { return scan(append(dest, &r.Repository)...) })
		all = append(all, r)
		return err
	})
	return all, err
}

// Ended are the ids of evaluations of a kind that have ended before a time.
func (q Lifecycle) Ended(kind EvaluationKind, before time.Time, limit int) ([]int64, error) {
	return numbersOf(q.conn, `SELECT id FROM lifecycle_evaluations WHERE kind = ? AND ended_at > 0 AND ended_at < ?
		ORDER BY ended_at, id LIMIT ?`, string(kind), fromTime(before), limit)
}

// OpenEvaluation is an evaluation that has not ended.
type OpenEvaluation struct {
	ID      int64
	Account string
}

// Open are evaluations of a kind that have not ended, the earliest first, with ids
// above the given one.
func (q Lifecycle) Open(kind EvaluationKind, after int64, limit int) (all []OpenEvaluation, err error) {
	err = q.conn.all(`SELECT e.id, g.account FROM lifecycle_evaluations e
		IN ORDER JOIN repositories p ON p.id = e.repository_id IN ORDER JOIN registries g ON g.id = p.registry_id
		WHERE e.kind = ? AND e.ended_at = 0 AND e.id > ? ORDER BY e.id LIMIT ?`, []any{string(kind), after, limit},
		func(scan func(dest ...any) error) error {
			var e OpenEvaluation
			err := scan(&e.ID, &e.Account)
			all = append(all, e)
			return err
		})
	return all, err
}

// Begin records that an evaluation is under way, and stores its id in e, which
// may be known only once the transaction is committed.
func (tx LifecycleTx) Begin(e *Evaluation) error {
	return tx.conn.id(`INSERT INTO lifecycle_evaluations (repository_id, kind, policy, status, began_at)
		VALUES (?, ?, ?, ?, ?) RETURNING id`,
		[]any{e.RepositoryID, string(e.Kind), storable(e.Policy), string(e.Status), fromTime(e.BeganAt)}, &e.ID)
}

// ReplacePreviews makes the previews of a repository ones that were replaced.
func (tx LifecycleTx) ReplacePreviews(r *Repository, at time.Time) error {
	return tx.conn.exec(`UPDATE lifecycle_evaluations SET kind = '`+string(LifecycleReplaced)+`', ended_at = ?
		WHERE repository_id = ? AND kind = '`+string(LifecyclePreview)+`'`, fromTime(at), r.ID)
}

// Mark adds images to an evaluation, which may have some of them already. If the
// evaluation is gone, or past finding images, it does nothing: what a run has
// deleted makes other images ordinary, which are a matter of the next run.
func (tx LifecycleTx) Mark(evaluation int64, marks []LifecycleMark) error {
	for together := range slices.Chunk(marks, markedTogether) {
		args := make([]any, 0, markedTogether*7+1)
		for i := range markedTogether {
			m := &together[min(i, len(together)-1)]
			args = append(args, fromTime(m.PushedAt), m.Digest, list(m.Tags), m.Size, m.StorageClass, m.Action, m.Priority)
		}
		if err := tx.conn.exec(markTogether, append(args, evaluation)...); err != nil {
			return err
		}
	}
	return nil
}

// markedTogether is how many images one statement adds. If there are fewer, it
// says the last of them again.
const markedTogether = 50

var markTogether = `INSERT INTO lifecycle_marks (evaluation_id, pushed_at, digest, tags, size, storage_class, action,
	priority)
	SELECT e.id, column1, column2, column3, column4, column5, column6, column7 FROM lifecycle_evaluations e, (VALUES
		(CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT),
			CAST(? AS BIGINT))` + strings.Repeat(`, (?, ?, ?, ?, ?, ?, ?)`, markedTogether-1) + `) AS found
	WHERE e.id = ? AND e.status = '` + string(EvaluationInProgress) + `' ON CONFLICT DO NOTHING`

// Save stores the status of an evaluation, why it failed and when it ended, and
// counts its images anew: false if it is gone, or has ended already.
func (tx LifecycleTx) Save(e Evaluation) (bool, error) {
	return some(tx.conn.changed(`UPDATE lifecycle_evaluations SET status = ?2, failure = ?3, ended_at = ?4,
		(expiring, transitioning, bytes, acted, failed) = (SELECT
			count(CASE action WHEN 'expire' THEN 1 END), count(CASE action WHEN 'transition' THEN 1 END),
			CAST(coalesce(sum(CASE action WHEN 'expire' THEN size END), 0) AS BIGINT), count(CASE outcome WHEN '`+string(MarkDone)+`' THEN 1 END),
			count(CASE WHEN outcome NOT IN ('', '`+string(MarkDone)+`', '`+string(MarkKept)+`', '`+string(MarkGoing)+`')
				THEN 1 END)
			FROM lifecycle_marks k WHERE k.evaluation_id = ?1)
		WHERE id = ?1 AND ended_at = 0`, e.ID, string(e.Status), storable(e.Failure), fromTime(e.EndedAt)))
}

const markColumns = `k.digest, k.pushed_at, k.tags, k.size, k.storage_class, k.action, k.priority, k.outcome, k.reason`

// Marks are the images of an evaluation after the given one, the oldest first,
// at most limit.
// tagged restricts them to those that had (1) or had not (0) a tag; -1 means any.
func (q Lifecycle) Marks(evaluation int64, tagged int, after ImageKey, limit int) ([]LifecycleMark, error) {
	return q.marks(`SELECT `+markColumns+` FROM lifecycle_marks k WHERE k.evaluation_id = ?1
		AND (k.pushed_at, k.digest) > (?2, ?3)
		AND (CAST(?4 AS BIGINT) < 0 OR (CAST(?4 AS BIGINT) = 1) = (k.tags <> '[]'))
		ORDER BY k.pushed_at, k.digest LIMIT ?5`, evaluation, fromTime(after.PushedAt), after.Digest, tagged, limit)
}

// MarksOf are those of the images that an evaluation marks, the oldest first.
func (q Lifecycle) MarksOf(evaluation int64, digests []string) ([]LifecycleMark, error) {
	// Each is looked up. To go through the evaluation in its order would look at all of it.
	digests = slices.Compact(slices.Sorted(slices.Values(digests)))
	return q.marks(`SELECT `+markColumns+` FROM texts(?2) AS d IN ORDER JOIN lifecycle_marks k ON k.evaluation_id = ?1
		AND k.digest = d.value ORDER BY k.pushed_at, k.digest`, evaluation, list(digests))
}

func (q Lifecycle) marks(query string, args ...any) (marks []LifecycleMark, err error) {
	err = q.conn.all(query, args, func(scan func(dest ...any) error) error {
		var m LifecycleMark
		var pushed int64
		var tags string
		if err := scan(&m.Digest, &pushed, &tags, &m.Size, &m.StorageClass, &m.Action, &m.Priority, &m.Outcome,
			&m.Reason); err != nil {
			return err
		}
		m.PushedAt = toTime(pushed)
		marks = append(marks, m)
		return json.Unmarshal([]byte(tags), &marks[len(marks)-1].Tags)
	})
	return marks, err
}

// Settle stores what a run has done about an image.
func (tx LifecycleTx) Settle(evaluation int64, m LifecycleMark) error {
	return tx.conn.exec(`UPDATE lifecycle_marks SET outcome = ?, reason = ? WHERE evaluation_id = ? AND digest = ?`,
		string(m.Outcome), storable(m.Reason), evaluation, m.Digest)
}

// Forget removes at most limit images of an evaluation and, once there are no
// more, the evaluation itself.
func (tx LifecycleTx) Forget(evaluation int64, limit int) (more bool, err error) {
	n, err := tx.conn.changed(`DELETE FROM lifecycle_marks WHERE (evaluation_id, pushed_at, digest) IN (
		SELECT evaluation_id, pushed_at, digest FROM lifecycle_marks WHERE evaluation_id = ?1 LIMIT ?2)`, evaluation, limit)
	if err != nil || n == int64(limit) {
		return n == int64(limit), err
	}
	return false, tx.conn.exec(`DELETE FROM lifecycle_evaluations WHERE id = ?`, evaluation)
}
