package metadata

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// through is the URL of the same database with another address.
func through(t *testing.T, database, address string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = address
	return u.String()
}

func addressOf(t *testing.T, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// both opens a database as two processes do.
func both(t *testing.T) (a, b *Postgres) {
	t.Helper()
	database := migrated.Postgres(t)
	return openPostgres(t, database), openPostgres(t, database)
}

// atOnce runs n functions side by side and fails the test for their errors.
func atOnce(t *testing.T, n int, do func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			if err := do(i); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	close(start)
	wg.Wait()
}

func TestWritersOfOneTagAllSucceedAndTheLastStays(t *testing.T) {
	t.Parallel()
	a, b := both(t)
	r := newRepository(t, a, "app")
	const writers, rounds = 8, 12
	var highest atomic.Int64
	for i := range writers * rounds {
		putManifest(t, a, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch}, "{}")
	}
	var mu sync.Mutex
	digests := map[int64]string{}
	atOnce(t, writers, func(w int) error {
		s := []*Postgres{a, b}[w%2]
		for i := range rounds {
			d, sequence := manifestDigest(w*rounds+i), int64(0)
			err := s.Update(t.Context(), func(tx *Tx) error {
				if _, err := tx.Repositories().Share(r.ID); err != nil {
					return err
				}
				var err error
				if sequence, err = tx.Registries().NextSequence(r.RegistryRow); err != nil {
					return err
				}
				return tx.Tags().Set(r, Tag{Name: "latest", Digest: d, Sequence: sequence}, epoch)
			})
			if err != nil {
				return err
			}
			mu.Lock()
			digests[sequence] = d
			highest.Store(max(highest.Load(), sequence))
			mu.Unlock()
		}
		return nil
	})
	if got, err := a.Read(t.Context()).Tags().Get(r.ID, "latest"); err != nil || got.Sequence != highest.Load() ||
		got.Digest != digests[highest.Load()] || len(digests) != writers*rounds {
		t.Errorf("the tag is %+v, %v; the last of %d was %d, %s", got, err, len(digests), highest.Load(),
			digests[highest.Load()])
	}
}

func TestLockedRepositoryLetsOneSetAFreeTag(t *testing.T) {
	t.Parallel()
	a, b := both(t)
	r := newRepository(t, a, "app")
	for i := range 16 {
		putManifest(t, a, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch}, "{}")
	}
	for round := range 6 {
		tag := fmt.Sprint("v", round)
		taken := errors.New("taken")
		var won atomic.Int64
		atOnce(t, 16, func(i int) error {
			err := []*Postgres{a, b}[i%2].Update(t.Context(), func(tx *Tx) error {
				tx.ahead(func(q *Queries) { // as pushes ask it
					_, _ = q.Repositories().Lock(r.ID)
					_, _ = q.Tags().Get(r.ID, tag)
				})
				if _, err := tx.Repositories().Lock(r.ID); err != nil {
					return err
				}
				if _, err := tx.Tags().Get(r.ID, tag); err == nil {
					return taken
				} else if err != ErrNotFound {
					return err
				}
				return tx.Tags().Set(r, Tag{Name: tag, Digest: manifestDigest(i), Sequence: int64(i + 1)}, epoch)
			})
			if err == nil {
				won.Add(1)
			} else if err != taken {
				return err
			}
			return nil
		})
		if won.Load() != 1 {
			t.Errorf("round %d: %d pushes set an immutable tag", round, won.Load())
		}
	}
}

func TestOneOfManyCreatesARepository(t *testing.T) {
	t.Parallel()
	a, b := both(t)
	first := newRepository(t, a, "first")
	for round := range 6 {
		var won atomic.Int64
		atOnce(t, 12, func(i int) error {
			created := false
			err := []*Postgres{a, b}[i%2].Update(t.Context(), func(tx *Tx) (err error) {
				r := *first
				r.Name = fmt.Sprint("app", round)
				created, err = tx.Repositories().Create(&r)
				return err
			})
			if created && err == nil {
				won.Add(1)
			}
			return err
		})
		if won.Load() != 1 {
			t.Errorf("round %d: %d created it", round, won.Load())
		}
	}
}

// An index must not be put beside the deletion of what it names.
func TestDeleteAndPutOfWhatNamesIt(t *testing.T) {
	t.Parallel()
	a, b := both(t)
	r := newRepository(t, a, "app")
	outcomes := map[string]int{}
	for round := range 40 {
		child, index := manifestDigest(2*round), manifestDigest(2*round+1)
		putManifest(t, a, r, Manifest{Digest: child, PushedAt: epoch}, "{}")
		refused := errors.New("refused")
		var put, deleted atomic.Bool
		atOnce(t, 2, func(i int) error {
			var err error
			if i == 0 {
				err = a.Update(t.Context(), func(tx *Tx) error {
					if _, err := tx.Repositories().Share(r.ID); err != nil {
						return err
					}
					have, err := tx.Images().Sizes(r.ID, []string{child})
					if err == nil && len(have) == 0 {
						return refused
					}
					if err != nil {
						return err
					}
					return tx.Images().Put(r, Manifest{Digest: index, PushedAt: epoch}, []byte("{}"),
						[]Reference{{Digest: child, Child: true}})
				})
				put.Store(err == nil)
			} else {
				err = b.Update(t.Context(), func(tx *Tx) error {
					if _, err := tx.Repositories().Lock(r.ID); err != nil {
						return err
					}
					by, err := tx.Images().Indexes(r.ID, child)
					if err == nil && len(by) > 0 {
						return refused
					}
					if err != nil {
						return err
					}
					_, err = tx.Images().Delete(r, child)
					return err
				})
				deleted.Store(err == nil)
			}
			if err == refused {
				return nil
			}
			return err
		})
		if put.Load() == deleted.Load() {
			t.Errorf("round %d: put %v, deleted %v", round, put.Load(), deleted.Load())
		}
		outcomes[fmt.Sprint(put.Load())]++
	}
	t.Logf("put won: %v", outcomes)
}

func TestOneOfManyClaimsAReplication(t *testing.T) {
	t.Parallel()
	a, b := both(t)
	r := newRepository(t, a, "app")
	putManifest(t, a, r, Manifest{Digest: "d", PushedAt: epoch}, "{}")
	for round := range 6 {
		row := Replication{
			RepositoryID: r.ID, Digest: "d", Tag: fmt.Sprint(round), Sequence: 1, DestinationAccount: "2",
			DestinationRegion: "x", PushedAt: epoch, NextTryAt: epoch,
		}
		commit(t, a, func(tx *Tx) error { return tx.Replications().Queue(&row) })
		if row.ID == 0 {
			t.Fatal("a queued replication got no id")
		}
		var won atomic.Int64
		atOnce(t, 12, func(i int) error {
			update := a.UpdateFirst
			if i%2 == 1 {
				update = b.UpdateFirst
			}
			err := update(t.Context(), func(tx *Tx) error {
				job, err := tx.Replications().Claim(row.ID)
				if err != nil {
					return err
				}
				time.Sleep(2 * time.Millisecond)
				job.State = ReplicationComplete
				return tx.Replications().Save(job.Replication)
			})
			if err == nil {
				won.Add(1)
			} else if err != ErrNotFound {
				return err
			}
			return nil
		})
		if won.Load() != 1 {
			t.Errorf("round %d: %d processes did it", round, won.Load())
		}
	}
}

// Somebody is first after the function has looked: it runs again, and nothing
// of the first run stays.
func TestUpdateThatRunsAgainHasItsEffectsOnce(t *testing.T) {
	t.Parallel()
	a, b := both(t)
	r := newRepository(t, a, "app")
	runs, notified := 0, 0
	var found bool
	commit(t, a, func(tx *Tx) error {
		runs++
		tx.OnCommit(func() { notified++ })
		_, err := tx.Uploads().Get(r.ID, "u")
		if found = err == nil; err != nil && err != ErrNotFound {
			return err
		}
		if runs == 1 {
			commit(t, b, func(tx *Tx) error {
				return tx.Uploads().Create(Upload{ID: "u", RepositoryID: r.ID, StartedAt: epoch})
			})
		}
		if err := tx.Repositories().SetResourceTag(r, resource.Tag{Key: "run", Value: fmt.Sprint(runs)}); err != nil {
			return err
		}
		if err := tx.Uploads().Create(Upload{
			ID: fmt.Sprint("run ", runs), RepositoryID: r.ID, StartedAt: epoch,
		}); err != nil {
			return err
		}
		if found {
			return nil
		}
		return tx.Uploads().Create(Upload{ID: "u", RepositoryID: r.ID, StartedAt: epoch})
	})
	us, err := a.Read(t.Context()).Uploads().Idle(epoch.Add(time.Hour), epoch.Add(2*time.Hour), "", 10)
	ids := keys(us, func(u Upload) string { return u.ID })
	tags, tagsErr := a.Read(t.Context()).Repositories().ResourceTags(r.ID)
	if runs != 2 || notified != 1 || !found || !slices.Equal(ids, []string{"run 2", "u"}) ||
		!slices.Equal(tags, []resource.Tag{{Key: "run", Value: "2"}}) || errors.Join(err, tagsErr) != nil {
		t.Errorf("%d runs, notified %d times, found %v, uploads %v, tags %v, %v %v", runs, notified, found, ids, tags, err,
			tagsErr)
	}
}

func TestDeadlockRunsOneOfThemAgain(t *testing.T) {
	t.Parallel()
	a, b := both(t)
	one, two := newRepository(t, a, "one"), newRepository(t, a, "two")
	var meet sync.WaitGroup
	meet.Add(2)
	var runs atomic.Int64
	atOnce(t, 2, func(i int) error {
		order := []*Repository{one, two}
		if i == 1 {
			order = []*Repository{two, one}
		}
		first := true
		return []*Postgres{a, b}[i].Update(t.Context(), func(tx *Tx) error {
			runs.Add(1)
			if _, err := tx.Repositories().Lock(order[0].ID); err != nil {
				return err
			}
			if first {
				first = false
				meet.Done()
				meet.Wait()
			}
			_, err := tx.Repositories().Lock(order[1].ID)
			return err
		})
	})
	// Who is run again may find the row that it let go before the other, who waits
	// for it, has woken: then they meet in a deadlock again.
	if n := runs.Load(); n < 3 || n > 2+maxConflicts {
		t.Errorf("%d runs, want at least 3", n)
	}
}

func TestAheadAnswersOnceAndRight(t *testing.T) {
	t.Parallel()
	a, b := both(t)
	r := newRepository(t, a, "app")
	putManifest(t, a, r, Manifest{Digest: manifestDigest(1), PushedAt: epoch}, "one", "latest")
	commit(t, a, func(tx *Tx) error { return tx.Repositories().SetResourceTag(r, resource.Tag{Key: "k", Value: "v"}) })
	ahead := func(q *Queries, id int64) {
		_, _ = q.Images().ContentByTag(id, "latest")
		_, _ = q.Images().ContentByTag(id, "absent")
		_, _ = q.Repositories().ResourceTags(id)
	}
	get := func(want string) *Repository {
		t.Helper()
		row, err := a.Repository(t.Context(), account, region, "app", ahead)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := a.ManifestContentByTag(t.Context(), row, "latest"); err != nil || string(c.Bytes) != want {
			t.Errorf("latest: %q, %v, want %q", c.Bytes, err, want)
		}
		if _, err := a.ManifestContentByTag(t.Context(), row, "absent"); err != ErrNotFound {
			t.Errorf("absent: %v", err)
		}
		return row
	}
	get("one") // knows no id yet
	before := a.RoundTrips()
	row := get("one")
	if n := a.RoundTrips() - before; n != 1 {
		t.Errorf("%d round trips, want 1", n)
	}
	if tags, err := a.ResourceTags(t.Context(), row); err != nil ||
		!slices.Equal(tags, []resource.Tag{{Key: "k", Value: "v"}}) ||
		a.RoundTrips() != before+1 {
		t.Errorf("resource tags: %v, %v after %d round trips", tags, err, a.RoundTrips()-before)
	}
	// Consumed: the next look is a new one.
	putManifest(t, b, r, Manifest{Digest: manifestDigest(2), PushedAt: epoch}, "two")
	commit(t, b, func(tx *Tx) error {
		return tx.Tags().Set(r, Tag{Name: "latest", Digest: manifestDigest(2), Sequence: 2}, epoch)
	})
	if c, err := a.ManifestContentByTag(t.Context(), row, "latest"); err != nil || string(c.Bytes) != "two" {
		t.Errorf("asked again: %q, %v", c.Bytes, err)
	}
	// A guess of an id that has gone: what was asked of it counts for nothing.
	for i := range 3 {
		commit(t, b, func(tx *Tx) error { return tx.Repositories().Delete(r) })
		r = newRepository(t, b, "app")
		content := fmt.Sprint("again ", i)
		putManifest(t, b, r, Manifest{Digest: manifestDigest(3), PushedAt: epoch}, content, "latest")
		if row := get(content); row.ID != r.ID {
			t.Errorf("the id is %d, want %d", row.ID, r.ID)
		}
	}
	commit(t, b, func(tx *Tx) error { return tx.Repositories().Delete(r) })
	if _, err := a.Repository(t.Context(), account, region, "app", ahead); err != ErrNotFound {
		t.Errorf("deleted: %v", err)
	}
}

// An update asks ahead within its own transaction, behind the lock.
func TestAheadInAnUpdateSeesWhatItWaitedFor(t *testing.T) {
	t.Parallel()
	a, b := both(t)
	r := newRepository(t, a, "app")
	for i := range 20 {
		locked, done := make(chan struct{}), make(chan error, 1)
		go func() {
			done <- b.Update(context.Background(), func(tx *Tx) error {
				if _, err := tx.Repositories().Lock(r.ID); err != nil {
					return err
				}
				close(locked)
				time.Sleep(5 * time.Millisecond)
				return addLayer(tx, r, manifestDigest(i), 1)
			})
		}()
		<-locked
		commit(t, a, func(tx *Tx) error {
			tx.ahead(func(q *Queries) {
				_, _ = q.Repositories().Share(r.ID)
				_, _ = q.Layers().Sizes(r.ID, []string{manifestDigest(i)})
			})
			if _, err := tx.Repositories().Share(r.ID); err != nil {
				return err
			}
			if have, err := tx.Layers().Sizes(r.ID, []string{manifestDigest(i)}); err != nil || len(have) != 1 {
				return fmt.Errorf("round %d: behind the lock there are %v, %w", i, have, err)
			}
			return nil
		})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// A blob is dropped while its digest is pushed anew: the sweep has the row
// locked when the push looks at it, and has deleted it before the push links.
func TestAddLayerWhileTheBlobIsDropped(t *testing.T) {
	t.Parallel()
	database := migrated.Postgres(t)
	sweep, push := openPostgres(t, database), openPostgres(t, database+"&application_name=push")
	db := openSQL(t, "pgx", database)
	// The push takes its time between its statements.
	execute(t, db, `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF current_setting('application_name') = 'push' THEN PERFORM pg_sleep(1); END IF; RETURN NEW; END $$`)
	execute(t, db, `CREATE TRIGGER dawdle AFTER INSERT ON garbage FOR EACH ROW EXECUTE FUNCTION dawdle()`)
	r := newRepository(t, sweep, "app")
	d := manifestDigest(1)
	commit(t, sweep, func(tx *Tx) error {
		return tx.Layers().Add(r, []Blob{{Digest: d, Size: 1, Object: "first"}}, false, epoch)
	})
	commit(t, sweep, func(tx *Tx) error { _, err := tx.Layers().Unlink(r, d); return err })
	commit(t, push, func(tx *Tx) error { // is connected, and has its statements prepared
		_, err := tx.Repositories().Share(r.ID)
		return errors.Join(err, tx.Layers().Add(r, []Blob{{Digest: manifestDigest(2), Size: 1, Object: "other"}}, false, epoch))
	})
	locked := make(chan struct{})
	atOnce(t, 2, func(i int) error {
		if i == 0 {
			<-locked
			return push.Update(t.Context(), func(tx *Tx) error {
				if _, err := tx.Repositories().Share(r.ID); err != nil {
					return err
				}
				return tx.Layers().Add(r, []Blob{{Digest: d, Size: 1, Object: "second"}}, false, epoch)
			})
		}
		return sweep.Update(t.Context(), func(tx *Tx) error {
			if _, err := stringsOf(tx.conn, `SELECT digest FROM blobs b WHERE digest = ? LOCKING b`, d); err != nil {
				return err
			}
			close(locked)
			time.Sleep(500 * time.Millisecond)
			n, err := tx.Upkeep().DropBlobs([]string{d})
			if err == nil && n != 1 {
				err = fmt.Errorf("%d blobs were dropped", n)
			}
			return err
		})
	})
	garbage, err := sweep.Read(t.Context()).Upkeep().Garbage("", 10)
	if l, lErr := sweep.Read(t.Context()).Layers().Get(r.ID, d); lErr != nil || l.Object != "second" || err != nil ||
		len(garbage) != 1 ||
		garbage[0].Object != "first" {
		t.Errorf("the layer of an acknowledged push: %+v, %v; garbage %+v, %v", l, lErr, garbage, err)
	}
}

// A link that goes between the statements of DropBlobs must not lead to a blob
// without an object, or an object that nobody knows.
func TestDroppedBlobIsGarbage(t *testing.T) {
	t.Parallel()
	a, b := both(t)
	r := newRepository(t, a, "app")
	for i := range 60 {
		d := manifestDigest(i)
		commit(t, a, func(tx *Tx) error { return addLayer(tx, r, d, 1) })
		atOnce(t, 2, func(n int) error {
			if n == 0 {
				return a.Update(t.Context(), func(tx *Tx) error { _, err := tx.Upkeep().DropBlobs([]string{d}); return err })
			}
			return b.Update(t.Context(), func(tx *Tx) error { _, err := tx.Layers().Unlink(r, d); return err })
		})
		has, err := hasBlob(a, d)
		if err != nil {
			t.Fatal(err)
		}
		garbage, err := a.Read(t.Context()).Upkeep().Garbage("", 1000)
		if err != nil {
			t.Fatal(err)
		}
		is := slices.ContainsFunc(garbage, func(b Blob) bool { return b.Object == "object of "+d })
		if is == has {
			t.Fatalf("round %d: the blob is there: %v; its object is garbage: %v", i, has, is)
		}
	}
}

// What is acknowledged is durable, however the database is set.
func TestCommitsWaitForTheDisk(t *testing.T) {
	t.Parallel()
	url := migrated.Postgres(t)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, tt := range []struct{ set, want string }{{"off", "on"}, {"remote_apply", "remote_apply"}} {
		if _, err := db.Exec(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = ` + tt.set +
			`', current_database()); END $$`); err != nil {
			t.Fatal(err)
		}
		s, err := OpenPostgres(context.Background(), url)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := s.pool.QueryRow(context.Background(), `SHOW synchronous_commit`).Scan(&got); err != nil || got != tt.want {
			t.Errorf("set to %s, it is %s, want %s: %v", tt.set, got, tt.want, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
