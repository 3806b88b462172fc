package metadata

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// refusal is a replication that was refused.
type refusal struct {
	to     string // account
	into   string
	number int64
}

// refuse stores refusals of one source, and returns their ids.
func refuse(t *testing.T, s Store, r *Repository, refusals ...refusal) (ids []int64) {
	t.Helper()
	d := fmt.Sprint("sha256:of-", r.Name)
	if _, err := s.Read(t.Context()).Images().Manifest(r.ID, d); err != nil {
		putManifest(t, s, r, Manifest{Digest: d, PushedAt: epoch}, "{}")
	}
	for i, f := range refusals {
		row := &Replication{
			RepositoryID: r.ID, Digest: d, Tag: fmt.Sprintf("t%d-%d", i, f.number), Sequence: 1, DestinationAccount: f.to,
			DestinationRegion: "x", PushedAt: epoch, NextTryAt: epoch,
		}
		commit(t, s, func(tx *Tx) error { return tx.Replications().Queue(row) })
		ids = append(ids, row.ID)
		row.State, row.Tries, row.FinishedAt, row.Refusal, row.RefusedInto = ReplicationFailed, 7, epoch, f.number, f.into
		commit(t, s, func(tx *Tx) error { return tx.Replications().Save(*row) })
	}
	return ids
}

// madeDue does all of a retry, at most limit of a route at a time, and returns what it made due in that order.
func madeDue(t *testing.T, s Store, of Retry, limit int) (ids []int64) {
	t.Helper()
	for {
		routes, err := s.Read(t.Context()).Replications().RefusedRoutes(of, 10, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(routes) == 0 {
			return ids
		}
		for _, route := range routes {
			commit(t, s, func(tx *Tx) error {
				due, err := tx.Replications().RetryRefused(of, route, epoch, epoch.Add(time.Second), limit)
				if len(due) == 0 || len(due) > limit {
					t.Errorf("made %d due of %+v, want 1 to %d", len(due), route, limit)
				}
				for _, d := range due {
					ids = append(ids, d.ID)
				}
				return err
			})
		}
	}
}

func TestRetryChoosesByDestinationAndNumber(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		destination := r.RegistryRow // any will do
		ids := refuse(t, s, r,
			refusal{"2", "app", 3}, refusal{"2", "other", 4}, refusal{"2", "", 0}, // the last by an older program
			refusal{"2", "app", 5}, refusal{"2", "app", Permanent}, refusal{"3", "app", 3}, refusal{"2", "app", ByConfiguration})
		note := func(r Retry) (noted bool) {
			t.Helper()
			commit(t, s, func(tx *Tx) (err error) {
				noted, err = tx.Replications().NoteRetry(r)
				return err
			})
			return noted
		}
		into := Retry{destination, "2", "x", "app", 4}
		if !note(into) {
			t.Error("refusals into the repository were not noted")
		}
		if note(Retry{destination, "4", "x", "", 9}) || note(Retry{destination, "3", "x", "another", 9}) {
			t.Error("a destination that refused nothing was noted")
		}
		if got, err := s.Read(t.Context()).Replications().Retries(Retry{}, 10); err != nil || len(got) != 1 ||
			got[0].Repository != "app" ||
			got[0].Before != 4 {
			t.Errorf("noted: %+v, %v", got, err)
		}
		if got, want := madeDue(t, s, into, 1),
			[]int64{ids[6], ids[2], ids[0]}; !slices.Equal(slices.Sorted(slices.Values(got)),
			slices.Sorted(slices.Values(want))) {
			t.Errorf("into the repository: %v, want %v", got, want)
		}
		all := Retry{destination, "2", "x", "", 5}
		if got, want := madeDue(t, s, all, 10), []int64{ids[1]}; !slices.Equal(got, want) {
			t.Errorf("of the registry: %v, want %v", got, want)
		}
		row, err := s.Read(t.Context()).Replications().Get(ids[1])
		if err != nil || row.State != ReplicationInProgress || row.Tries != 0 ||
			!row.NextTryAt.Equal(epoch.Add(time.Second)) || !row.ChangedAt.Equal(epoch) || !row.FinishedAt.IsZero() {
			t.Errorf("made due: %+v, %v", row, err)
		}
		// A note that was renewed outlives the end of what it was before.
		note(Retry{destination, "2", "x", "app", 9})
		commit(t, s, func(tx *Tx) error { return tx.Replications().EndRetry(into) })
		if got, err := s.Read(t.Context()).Replications().Retries(Retry{}, 10); err != nil || len(got) != 1 ||
			got[0].Before != 9 {
			t.Errorf("after the end of an earlier one: %+v, %v", got, err)
		}
	})
}

// A source with few refusals does not wait behind one with many.
func TestRetryGoesFromSourceToSource(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		flood := newRepository(t, s, "app")
		refusals := make([]refusal, 60)
		for i := range refusals {
			refusals[i] = refusal{"2", "app", int64(i + 1)}
		}
		refuse(t, s, flood, refusals...)
		other := Repository{Account: "777700007777", Region: "x", Name: "app", CreatedAt: epoch}
		commit(t, s, func(tx *Tx) error {
			if err := tx.Registries().Ensure(other.Account, other.Region); err != nil {
				return err
			}
			g, err := tx.Registries().Get(other.Account, other.Region)
			if err != nil {
				return err
			}
			other.RegistryRow = g.ID
			_, err = tx.Repositories().Create(&other)
			return err
		})
		few := refuse(t, s, &other, refusal{"2", "app", 1000})
		for _, repository := range []string{"", "app"} {
			routes, err := s.Read(t.Context()).Replications().RefusedRoutes(Retry{1, "2", "x", repository, 2000}, 10, 10)
			if err != nil || len(routes) != 2 || !slices.ContainsFunc(routes, func(r RefusedRoute) bool {
				return r.SourceAccount == other.Account && r.SourceRegistryRow == other.RegistryRow
			}) {
				t.Errorf("routes: %+v, %v", routes, err)
			}
		}
		got := madeDue(t, s, Retry{1, "2", "x", "", 2000}, 5)
		if place := slices.Index(got, few[0]); place < 0 || place > 5 || len(got) != 61 {
			t.Errorf("the one of the other source came as number %d of %d", place, len(got))
		}
		routes, err := s.Read(t.Context()).Replications().WaitingRoutes(Route{}, 10)
		if err != nil || len(routes) != 2 {
			t.Errorf("waiting: %+v, %v", routes, err)
		}
	})
}

// What missed a registry is tried again when it is served; nothing else is.
func TestRetryOfWhatMissedARegistry(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		commit(t, s, func(tx *Tx) error { return tx.Registries().Ensure("2", "x") })
		served := func(want bool) {
			t.Helper()
			var any bool
			commit(t, s, func(tx *Tx) (err error) {
				any, err = tx.Replications().NoteServed([]resource.Registry{
					{Account: "2", Region: "x"}, {Account: "3", Region: "x"},
				})
				return err
			})
			if any != want {
				t.Errorf("noted: %v, want %v", any, want)
			}
		}
		refuse(t, s, r, refusal{"2", "app", 1}, refusal{"2", "app", Permanent}, refusal{"4", "app", ByConfiguration})
		served(false)
		ids := refuse(t, s, r, refusal{"2", "app", ByConfiguration})
		served(true)
		retries, err := s.Read(t.Context()).Replications().Retries(Retry{}, 10)
		if err != nil || len(retries) != 1 {
			t.Fatalf("%+v, %v", retries, err)
		}
		if got := madeDue(t, s, retries[0], 10); !slices.Equal(got, ids) {
			t.Errorf("made due %v, want %v", got, ids)
		}
	})
}
