package metadata

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

func TestLifecyclePolicies(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		a, b := newRepository(t, s, "a"), newRepository(t, s, "b")
		get := func(r *Repository) LifecyclePolicy {
			t.Helper()
			p, err := s.Read(t.Context()).Lifecycle().Policy(r.ID)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		put := func(r *Repository, policy string, due time.Time) {
			t.Helper()
			commit(t, s, func(tx *Tx) error { return tx.Lifecycle().PutPolicy(r, policy, due) })
		}
		if _, err := s.Read(t.Context()).Lifecycle().Policy(a.ID); err != ErrNotFound {
			t.Errorf("no policy: %v", err)
		}
		put(a, "one", epoch.Add(2*time.Hour))
		put(b, "two", epoch.Add(time.Hour))
		first := LifecyclePolicy{RepositoryID: a.ID, Policy: "one", Version: 1, DueAt: epoch.Add(2 * time.Hour)}
		if got := get(a); got != first {
			t.Errorf("policy = %+v", got)
		}
		for _, c := range []struct {
			now   time.Time
			limit int
			want  []int64
		}{
			{epoch, 9, nil},
			{epoch.Add(time.Hour), 9, []int64{b.ID}},
			{epoch.Add(2 * time.Hour), 9, []int64{b.ID, a.ID}},
			{epoch.Add(2 * time.Hour), 1, []int64{b.ID}},
		} {
			due, err := s.Read(t.Context()).Lifecycle().Due(c.now, time.Time{}, 0, c.limit)
			var got []int64
			for _, p := range due {
				got = append(got, p.RepositoryID)
				if p.Account != account {
					t.Errorf("a policy of account %s, want %s", p.Account, account)
				}
			}
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("due at %v: %v, %v, want %v", c.now, got, err, c.want)
			}
		}
		due, err := s.Read(t.Context()).Lifecycle().Due(epoch.Add(2*time.Hour), epoch.Add(time.Hour), b.ID, 9)
		if err != nil || len(due) != 1 || due[0] != (DuePolicy{a.ID, account, epoch.Add(2 * time.Hour)}) {
			t.Errorf("due after the first: %v, %v", due, err)
		}
		ran := func(p LifecyclePolicy) (noted bool) {
			t.Helper()
			commit(t, s, func(tx *Tx) (err error) {
				if noted, err = tx.Lifecycle().Ran(p, epoch.Add(3*time.Hour)); err != nil {
					return err
				}
				return tx.Lifecycle().Schedule(p, epoch.Add(27*time.Hour))
			})
			return noted
		}
		if !ran(first) {
			t.Error("a run was not noted")
		}
		if got := get(a); !got.EvaluatedAt.Equal(epoch.Add(3*time.Hour)) || !got.DueAt.Equal(epoch.Add(27*time.Hour)) {
			t.Errorf("after a run: %+v", got)
		}
		// A policy that is set again has not run.
		put(a, "three", epoch)
		if got := get(a); got != (LifecyclePolicy{RepositoryID: a.ID, Policy: "three", Version: 2, DueAt: epoch}) {
			t.Errorf("set again: %+v", got)
		}
		if ran(first) || !get(a).EvaluatedAt.IsZero() || !get(a).DueAt.Equal(epoch) {
			t.Error("a run of the policy before was noted")
		}
		if all, err := s.Read(t.Context()).Lifecycle().Policies(a.ID, 9); err != nil || len(all) != 1 ||
			all[0].RepositoryID != b.ID {
			t.Errorf("policies after the first repository: %+v, %v", all, err)
		}
		deleted := func(r *Repository) (was bool) {
			t.Helper()
			commit(t, s, func(tx *Tx) (err error) {
				was, err = tx.Lifecycle().DeletePolicy(r)
				return err
			})
			return was
		}
		if !deleted(a) || deleted(a) {
			t.Error("the policy was deleted not once")
		}
		commit(t, s, func(tx *Tx) error { return tx.Repositories().Retire(b) })
		if due, err := s.Read(t.Context()).Lifecycle().Due(epoch.Add(time.Hour), time.Time{}, 0, 9); err != nil || len(due) != 0 {
			t.Errorf("the policy of a repository that is gone is due: %+v, %v", due, err)
		}
	})
}

func TestEvaluations(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		begin := func(kind EvaluationKind, at time.Time) Evaluation {
			t.Helper()
			e := Evaluation{RepositoryID: r.ID, Kind: kind, Policy: "{}", Status: EvaluationInProgress, BeganAt: at}
			commit(t, s, func(tx *Tx) error { return tx.Lifecycle().Begin(&e) })
			return e
		}
		read := func() Lifecycle { return s.Read(t.Context()).Lifecycle() }
		preview, run := begin(LifecyclePreview, epoch), begin(LifecycleRun, epoch)
		if got, err := read().Evaluation(run.ID); err != nil || got != run {
			t.Errorf("evaluation = %+v, %v, want %+v", got, err, run)
		}
		marks := []LifecycleMark{
			{Digest: "c", PushedAt: epoch, Tags: []string{"x", "y"}, Size: 10, StorageClass: "standard", Action: "expire", Priority: 1},
			{Digest: "a", PushedAt: epoch.Add(1), Tags: []string{}, Size: 20, StorageClass: "standard", Action: "transition", Priority: 2},
			{Digest: "b", PushedAt: epoch.Add(time.Second), Tags: []string{}, Size: 30, StorageClass: "archive", Action: "expire", Priority: 3},
		}
		marks[1].PushedAt = epoch // it comes before c
		for range 2 {             // a page may be done twice
			commit(t, s, func(tx *Tx) error { return tx.Lifecycle().Mark(run.ID, marks) })
		}
		commit(t, s, func(tx *Tx) error { return tx.Lifecycle().Mark(12345, marks) })
		inOrder := []LifecycleMark{marks[1], marks[0], marks[2]}
		for _, c := range []struct {
			tagged int
			after  ImageKey
			limit  int
			want   []LifecycleMark
		}{
			{-1, ImageKey{}, 9, inOrder},
			{-1, ImageKey{}, 2, inOrder[:2]},
			{-1, ImageKey{epoch, "a"}, 9, inOrder[1:]},
			{1, ImageKey{}, 9, inOrder[1:2]},
			{0, ImageKey{}, 9, []LifecycleMark{marks[1], marks[2]}},
		} {
			if got, err := read().Marks(run.ID, c.tagged, c.after, c.limit); err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v: %+v, %v", c, got, err)
			}
		}
		if got, err := read().MarksOf(run.ID, []string{"b", "none"}); err != nil || !reflect.DeepEqual(got, marks[2:]) {
			t.Errorf("marks of a digest: %+v, %v", got, err)
		}
		for digest, outcome := range map[string]MarkOutcome{"a": MarkDone, "b": "ImageReferencedByManifestList", "c": MarkKept} {
			commit(t, s, func(tx *Tx) error {
				return tx.Lifecycle().Settle(run.ID, LifecycleMark{Digest: digest, Outcome: outcome, Reason: "why"})
			})
		}
		if got, err := read().MarksOf(run.ID, []string{"b"}); err != nil || got[0].Outcome != "ImageReferencedByManifestList" ||
			got[0].Reason != "why" {
			t.Errorf("the outcome of b: %+v, %v", got, err)
		}
		save := func(e Evaluation) (there bool) {
			t.Helper()
			commit(t, s, func(tx *Tx) (err error) {
				there, err = tx.Lifecycle().Save(e)
				return err
			})
			return there
		}
		run.Status = EvaluationActing
		save(run)
		commit(t, s, func(tx *Tx) error { return tx.Lifecycle().Mark(run.ID, []LifecycleMark{{Digest: "late"}}) })
		if got, err := read().Open(LifecycleRun, 0, 9); err != nil ||
			!reflect.DeepEqual(got, []OpenEvaluation{{run.ID, account}}) {
			t.Errorf("open runs = %v, %v", got, err)
		}
		if got, err := read().Open(LifecycleRun, run.ID, 9); err != nil || len(got) != 0 {
			t.Errorf("open runs after the last = %v, %v", got, err)
		}
		run.Status, run.EndedAt = EvaluationComplete, epoch.Add(time.Minute)
		if !save(run) || save(run) || save(Evaluation{ID: 12345}) {
			t.Error("an evaluation that is under way was not saved, or another was")
		}
		run.Expiring, run.Transitioning, run.Bytes, run.Acted, run.Failed = 2, 1, 40, 1, 1
		if got, err := read().Evaluation(run.ID); err != nil || got != run {
			t.Errorf("evaluation = %+v, %v, want %+v", got, err, run)
		}
		preview.Status, preview.Failure, preview.EndedAt = EvaluationFailed, "the store is away", epoch
		save(preview)
		if got, err := read().Evaluation(preview.ID); err != nil || got != preview {
			t.Errorf("preview = %+v, %v, want %+v", got, err, preview)
		}
		commit(t, s, func(tx *Tx) error { return tx.Lifecycle().ReplacePreviews(r, epoch.Add(time.Hour)) })
		if got, err := read().Evaluations(r.ID, LifecyclePreview, 0, 9); err != nil || len(got) != 0 {
			t.Errorf("previews that were replaced: %+v, %v", got, err)
		}
		if got, err := read().Ended(LifecycleReplaced, epoch.Add(2*time.Hour), 9); err != nil ||
			!reflect.DeepEqual(got, []int64{preview.ID}) {
			t.Errorf("replaced previews = %v, %v", got, err)
		}
		later := begin(LifecycleRun, epoch.Add(time.Hour))
		if got, err := read().Evaluations(r.ID, LifecycleRun, 0, 9); err != nil || !reflect.DeepEqual(got, []Evaluation{later, run}) {
			t.Errorf("runs = %+v, %v", got, err)
		}
		if got, err := read().Evaluations(r.ID, LifecycleRun, later.ID, 9); err != nil || !reflect.DeepEqual(got, []Evaluation{run}) {
			t.Errorf("earlier runs = %+v, %v", got, err)
		}
		if got, err := read().Ended(LifecycleRun, epoch.Add(time.Hour), 9); err != nil || !reflect.DeepEqual(got, []int64{run.ID}) {
			t.Errorf("ended = %v, %v", got, err)
		}
		forget := func() (more bool) {
			t.Helper()
			commit(t, s, func(tx *Tx) (err error) {
				more, err = tx.Lifecycle().Forget(run.ID, 2)
				return err
			})
			return more
		}
		if !forget() || forget() {
			t.Error("three images were not forgotten in two steps")
		}
		if _, err := read().Evaluation(run.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("a run that was forgotten: %v", err)
		}
	})
}

// What was recorded of a repository's evaluations goes with it, in batches.
func TestEvaluationsGoWithTheRepository(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		e := Evaluation{RepositoryID: r.ID, Kind: LifecycleRun, Status: EvaluationInProgress, BeganAt: epoch}
		commit(t, s, func(tx *Tx) error { return tx.Lifecycle().Begin(&e) })
		commit(t, s, func(tx *Tx) error {
			return tx.Lifecycle().Mark(e.ID, []LifecycleMark{{Digest: "a"}, {Digest: "b"}, {Digest: "c"}})
		})
		for _, want := range []bool{true, false} {
			commit(t, s, func(tx *Tx) error {
				more, err := tx.Repositories().DeleteContent(r, 2)
				if more != want {
					t.Errorf("more = %v", more)
				}
				return err
			})
		}
		commit(t, s, func(tx *Tx) error { return tx.Repositories().Delete(r) })
		if _, err := s.Read(t.Context()).Lifecycle().Evaluation(e.ID); err != ErrNotFound {
			t.Errorf("the evaluation of a repository that is gone: %v", err)
		}
	})
}
