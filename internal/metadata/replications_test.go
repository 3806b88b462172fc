package metadata

import (
	"slices"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/resource"
)

func TestQueuedReplicationIsReplacedByTheNextPush(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		putManifest(t, s, r, Manifest{Digest: "d", PushedAt: epoch}, "{}")
		queue := func(sequence int64, at time.Time) Replication {
			t.Helper()
			commit(t, s, func(tx *Tx) error {
				return tx.Replications().Queue(&Replication{
					RepositoryID: r.ID, Digest: "d", Tag: "t", Sequence: sequence, DestinationAccount: "2", DestinationRegion: "x",
					PushedAt: at, NextTryAt: at,
				})
			})
			rows, err := s.Read(t.Context()).Replications().Of(r.ID, "d", 10)
			if err != nil || len(rows) != 1 {
				t.Fatalf("%v, %v", rows, err)
			}
			return rows[0]
		}
		save := func(row Replication) {
			t.Helper()
			commit(t, s, func(tx *Tx) error { return tx.Replications().Save(row) })
		}
		get := func(id int64) Replication {
			t.Helper()
			row, err := s.Read(t.Context()).Replications().Get(id)
			if err != nil {
				t.Fatal(err)
			}
			return row
		}
		first := queue(1, epoch)
		if first.State != ReplicationInProgress || !first.NextTryAt.Equal(epoch) {
			t.Errorf("queued: %+v", first)
		}
		first.State, first.Tries, first.FinishedAt = ReplicationFailed, 3, epoch
		first.FailureCode, first.FailureReason = "No", "because"
		save(first)
		if got := get(first.ID); got != first {
			t.Errorf("saved %+v, want %+v", got, first)
		}
		second := queue(2, epoch.Add(time.Minute))
		if second.ID != first.ID || second.State != ReplicationInProgress || second.Tries != 0 || second.FailureCode != "" ||
			second.FailureReason != "" ||
			!second.FinishedAt.IsZero() || second.Sequence != 2 || !second.PushedAt.Equal(epoch.Add(time.Minute)) {
			t.Errorf("queued again: %+v", second)
		}
		// The outcome of the earlier push is no outcome of the later one.
		save(first)
		if got := get(first.ID); got != second {
			t.Errorf("an old outcome was stored: %+v", got)
		}
	})
}

func TestReplicationsOfAnImageAreBounded(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		putManifest(t, s, r, Manifest{Digest: "d", PushedAt: epoch}, "{}", "kept")
		putManifest(t, s, r, Manifest{Digest: "other", PushedAt: epoch}, "{}", "moved")
		queue := func(digest, tag, account, state string) {
			t.Helper()
			row := Replication{
				RepositoryID: r.ID, Digest: digest, Tag: tag, Sequence: 1, DestinationAccount: account, PushedAt: epoch,
			}
			commit(t, s, func(tx *Tx) error { return tx.Replications().Queue(&row) })
			row.State = state
			commit(t, s, func(tx *Tx) error { return tx.Replications().Save(row) })
		}
		for _, account := range []string{"1", "2", "3"} {
			queue("d", "kept", account, ReplicationFailed)
			queue("d", "moved", account, ReplicationFailed)
			queue("other", "moved", account, ReplicationComplete)
			queue("other", "gone", account, ReplicationComplete)
		}
		queue("d", "complete", "1", ReplicationComplete)
		queue("d", "complete too", "1", ReplicationComplete)
		queue("d", "failed later", "1", ReplicationFailed)
		queue("d", "waiting", "2", ReplicationInProgress)
		queue("d", "complete", "3", ReplicationComplete)
		rows := func(digest string) (tags []string) {
			t.Helper()
			all, err := s.Read(t.Context()).Replications().Of(r.ID, digest, 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range all {
				tags = append(tags, row.DestinationAccount+" "+row.Tag)
			}
			return tags
		}
		bound := func(many, limit int, want ...string) {
			t.Helper()
			commit(t, s, func(tx *Tx) error { return tx.Replications().Bound(r.ID, "d", many, limit) })
			if got := rows("d"); !slices.Equal(got, want) {
				t.Errorf("past %d, %d at a time: %q, want %q", many, limit, got, want)
			}
		}
		all := rows("d")
		bound(len(all)+1, 100, all...)
		bound(len(all), 100, "1 complete too", "1 kept", "2 kept", "2 waiting", "3 complete", "3 kept")
		bound(1, 100, "1 complete too", "1 kept", "2 kept", "2 waiting", "3 complete", "3 kept")
		if got := rows("other"); len(got) != 6 {
			t.Errorf("of another image: %q", got)
		}
		queue("d", "a", "1", ReplicationFailed)
		queue("d", "b", "1", ReplicationFailed)
		commit(t, s, func(tx *Tx) error { return tx.Replications().Bound(r.ID, "d", 1, 1) })
		if got := rows("d"); len(got) != 7 {
			t.Errorf("one at a time leaves %q", got)
		}
	})
}

// dueReplications are those of all routes, one route after the other.
func dueReplications(t *testing.T, s Store, now time.Time, limit int) (due []DueReplication) {
	t.Helper()
	routes, err := s.Read(t.Context()).Replications().WaitingRoutes(Route{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range routes {
		of, err := s.Read(t.Context()).Replications().Due(w.Route, now, limit)
		if err != nil {
			t.Fatal(err)
		}
		due = append(due, of...)
	}
	return due
}

func TestDueReplicationsComeLongestDueFirst(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		for i, after := range []time.Duration{3 * time.Second, time.Second, 2 * time.Second, time.Hour} {
			putManifest(t, s, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch}, "{}")
			commit(t, s, func(tx *Tx) error {
				return tx.Replications().Queue(&Replication{
					RepositoryID: r.ID, Digest: manifestDigest(i), DestinationAccount: "2", DestinationRegion: "x",
					PushedAt: epoch.Add(after), NextTryAt: epoch.Add(after),
				})
			})
		}
		now := epoch.Add(3 * time.Second)
		var due []string
		for _, d := range dueReplications(t, s, now, 10) {
			row, err := s.Read(t.Context()).Replications().Get(d.ID)
			if err != nil {
				t.Fatal(err)
			}
			due = append(due, row.Digest)
		}
		if want := []string{manifestDigest(1), manifestDigest(2), manifestDigest(0)}; !slices.Equal(due, want) {
			t.Errorf("due: %v, want %v", due, want)
		}
		if due := dueReplications(t, s, now, 1); len(due) != 1 {
			t.Errorf("limit: %+v", due)
		}
		routes, err := s.Read(t.Context()).Replications().WaitingRoutes(Route{}, 10)
		if want := (WaitingRoute{Route{r.RegistryRow, r.Account, "2", "x", false}, epoch.Add(time.Second)}); err != nil ||
			len(routes) != 1 || routes[0] != want {
			t.Errorf("routes: %+v, %v, want %+v", routes, err, want)
		}
	})
}

func TestWaitingRoutesGoOnAfterTheLast(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		var want []WaitingRoute
		for i, to := range []resource.Registry{
			{Account: "2", Region: "x"}, {Account: "2", Region: "y"}, {Account: "30", Region: "x"}, {Account: "4", Region: "-"},
		} {
			putManifest(t, s, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch}, "{}")
			for j := range 3 {
				commit(t, s, func(tx *Tx) error {
					return tx.Replications().Queue(&Replication{RepositoryID: r.ID, Digest: manifestDigest(i),
						Tag:                string('a' + rune(j)),
						DestinationAccount: to.Account, DestinationRegion: to.Region,
						PushedAt: epoch, NextTryAt: epoch.Add(time.Duration(9-j) * time.Second)})
				})
			}
			want = append(want, WaitingRoute{Route{r.RegistryRow, r.Account, to.Account, to.Region, false}, epoch.Add(7 * time.Second)})
		}
		var got []WaitingRoute
		for after, pages := (Route{}), 0; pages < 3; pages++ {
			page, err := s.Read(t.Context()).Replications().WaitingRoutes(after, 3)
			if err != nil || len(page) == 0 {
				t.Fatalf("page %d: %v, %v", pages, page, err)
			}
			if got = append(got, page...); len(page) < 3 {
				break
			}
			after = page[2].Route
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

func TestDeleteContentEnds(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r, other := newRepository(t, s, "app"), newRepository(t, s, "other")
		for i := range 5 {
			for _, r := range []*Repository{r, other} {
				putManifest(t, s, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch}, "{}", manifestDigest(i)[60:])
				for j := range 2 {
					commit(t, s, func(tx *Tx) error { return addLayer(tx, r, manifestDigest(10*i+j), 1) })
				}
			}
		}
		rounds := 0
		for more := true; more; rounds++ {
			commit(t, s, func(tx *Tx) (err error) {
				more, err = tx.Repositories().DeleteContent(r, 3)
				return err
			})
		}
		if rounds != 5 { // five manifests, then ten layers
			t.Errorf("%d rounds", rounds)
		}
		for _, c := range []struct {
			r    *Repository
			want int
		}{{r, 0}, {other, 5}} {
			ms, err := s.Read(t.Context()).Images().List(c.r.ID, -1, ImageKey{}, 100, 1)
			tags, tagsErr := s.Read(t.Context()).Tags().List(c.r.ID, "", 100)
			if len(ms) != c.want || len(tags) != c.want || err != nil || tagsErr != nil {
				t.Errorf("%s: %d manifests, %d tags, %v, %v", c.r.Name, len(ms), len(tags), err, tagsErr)
			}
			if _, err := s.Read(t.Context()).Layers().Get(c.r.ID, manifestDigest(11)); (err == nil) != (c.want > 0) {
				t.Errorf("%s: its layer: %v", c.r.Name, err)
			}
		}
	})
}

func TestReplicationsGoWithTheirSource(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		for name, remove := range map[string]func(*Tx, *Repository) error{
			"image":      func(tx *Tx, r *Repository) error { _, err := tx.Images().Delete(r, "d"); return err },
			"repository": func(tx *Tx, r *Repository) error { return tx.Repositories().Delete(r) },
		} {
			r := newRepository(t, s, name)
			putManifest(t, s, r, Manifest{Digest: "d", PushedAt: epoch}, "{}")
			commit(t, s, func(tx *Tx) error {
				return tx.Replications().Queue(&Replication{
					RepositoryID: r.ID, Digest: "d", DestinationAccount: "2", DestinationRegion: "x", PushedAt: epoch,
					NextTryAt: epoch,
				})
			})
			commit(t, s, func(tx *Tx) error { return remove(tx, r) })
			if due := dueReplications(t, s, epoch, 10); len(due) != 0 {
				t.Errorf("after the %s was deleted: %v", name, due)
			}
		}
	})
}

func TestRepositoryIDsAreNotUsedAgain(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		commit(t, s, func(tx *Tx) error { return tx.Repositories().Delete(r) })
		if again := newRepository(t, s, "app"); again.ID == r.ID {
			t.Error("the id of a deleted repository was used again")
		}
	})
}
