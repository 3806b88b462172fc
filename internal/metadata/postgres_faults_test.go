package metadata

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/test/servers"
)

// pair adds two rows in one update, after it has looked at the repository: two
// exchanges, as pushes have.
func pair(r *Repository, i int) func(tx *Tx) error {
	return func(tx *Tx) error {
		if _, err := tx.Repositories().Share(r.ID); err != nil {
			return err
		}
		if err := tx.Uploads().Create(Upload{ID: fmt.Sprint(i), RepositoryID: r.ID, StartedAt: epoch}); err != nil {
			return err
		}
		return addLayer(tx, r, manifestDigest(i), 1)
	}
}

// applied reports which of the two rows of pair are there.
func applied(t *testing.T, s Store, r *Repository, i int) (upload, layer bool) {
	t.Helper()
	_, uploadErr := s.Read(t.Context()).Uploads().Get(r.ID, fmt.Sprint(i))
	_, layerErr := s.Read(t.Context()).Layers().Get(r.ID, manifestDigest(i))
	for _, err := range []error{uploadErr, layerErr} {
		if err != nil && err != ErrNotFound {
			t.Fatal(err)
		}
	}
	return uploadErr == nil, layerErr == nil
}

// The line is cut after each few bytes, in each direction, also in those of the
// end of a transaction. The server is well and says what became of it: so the
// update succeeds, and once only.
func TestUpdateWhoseConnectionIsCutAnywhere(t *testing.T) {
	t.Parallel()
	database := migrated.Postgres(t)
	direct := openPostgres(t, database)
	r := newRepository(t, direct, "app")
	proxy := servers.StartProxy(t, addressOf(t, database))
	s := openPostgres(t, through(t, database, proxy.Address())+"&pool_max_conns=4")
	commit(t, s, pair(r, 0)) // has the statements prepared
	i := 0
	for _, direction := range []servers.Direction{servers.ToServer, servers.ToClient} {
		for n := int64(0); n < 1200; n += 31 {
			i++
			proxy.CutAfter(direction, n)
			ran, notified, begun := 0, 0, time.Now()
			err := s.Update(t.Context(), func(tx *Tx) error {
				ran++
				tx.OnCommit(func() { notified++ })
				return pair(r, i)(tx)
			})
			upload, layer := applied(t, direct, r, i)
			if time.Since(begun) > patience && errors.Is(err, ErrUnavailable) && !upload && !layer && notified == 0 {
				t.Logf("cut after %d bytes of direction %d: the machine is so busy that it was tried for %v", n, direction,
					time.Since(begun))
				err, upload, layer, notified = nil, true, true, 1
			}
			if err != nil || !upload || !layer || notified != 1 {
				t.Errorf("cut after %d bytes of direction %d: %v; upload %v, layer %v; ran %d times, notified %d", n, direction,
					err, upload, layer, ran, notified)
			}
			proxy.Cut() // the next begins with the same bytes
		}
	}
}

// Reads are tried again, and what a try before brought counts for nothing.
func TestReadWhoseConnectionIsCutAnywhere(t *testing.T) {
	t.Parallel()
	database := migrated.Postgres(t)
	direct := openPostgres(t, database)
	r := newRepository(t, direct, "app")
	const tags = 20
	for i := range tags {
		putManifest(t, direct, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch}, "{}", fmt.Sprintf("t%02d", i))
	}
	commit(t, direct, func(tx *Tx) error {
		return tx.Repositories().SetResourceTag(r, resource.Tag{Key: "k", Value: "v"})
	})
	proxy := servers.StartProxy(t, addressOf(t, database))
	s := openPostgres(t, through(t, database, proxy.Address())+"&pool_max_conns=4")
	ahead := func(q *Queries, id int64) {
		_, _ = q.Repositories().ResourceTags(id)
		_, _ = q.Tags().List(id, "", 100)
	}
	for n := int64(0); n < 5000; n += 101 {
		proxy.CutAfter(servers.ToClient, n)
		row, err := s.Repository(t.Context(), account, region, "app", ahead)
		if err != nil {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
		all, err := s.ReadOf(t.Context(), row).Tags().List(row.ID, "", 100)
		kept, keptErr := s.ResourceTags(t.Context(), row)
		if len(all) != tags || len(kept) != 1 || errors.Join(err, keptErr) != nil {
			t.Errorf("cut after %d bytes: %d tags, %v, %d resource tags, %v", n, len(all), err, len(kept), keptErr)
		}
	}
}

// A line that swallows everything is noticed, at whatever point of an update.
// It is not waited for twice; what was not acknowledged may have happened.
func TestStalledConnection(t *testing.T) {
	t.Parallel()
	database := migrated.Postgres(t)
	direct := openPostgres(t, database)
	r := newRepository(t, direct, "app")
	proxy := servers.StartProxy(t, addressOf(t, database))
	s := openPostgres(t, through(t, database, proxy.Address())+"&pool_max_conns=4")
	s.timeout = patience // which a busy machine may need for a connection
	commit(t, s, pair(r, 0))
	for i, n := range []int64{0, 300, 700, 900} {
		proxy.StallAfter(servers.ToClient, n)
		begun := time.Now()
		err := s.Update(t.Context(), pair(r, 1+i))
		if took := time.Since(begun); took > 5*patience || err != nil && !errors.Is(err, ErrUnavailable) {
			t.Errorf("stalled after %d bytes: %v after %v", n, err, took)
		}
		if err := proxy.Heal(); err != nil {
			t.Fatal(err)
		}
		upload, layer := applied(t, direct, r, 1+i)
		if upload != layer || err == nil && !upload {
			t.Errorf("stalled after %d bytes: %v; upload %v, layer %v", n, err, upload, layer)
		}
		commit(t, s, pair(r, 100+i)) // recovers by itself
	}
}

// The server stops and starts again under a load of updates and reads.
func TestServerThatIsStartedAgain(t *testing.T) {
	t.Parallel()
	for name, modes := range map[string][]servers.Mode{
		"orderly": {servers.Fast, servers.Fast}, "aborted": {servers.Immediate, servers.Immediate},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := servers.StartPostgres(t)
			s := openPostgres(t, server.URL("postgres"))
			r := newRepository(t, s, "app")
			var stop atomic.Bool
			var mu sync.Mutex
			acknowledged, refused, unknown := []int{}, 0, 0
			var next atomic.Int64
			var load sync.WaitGroup
			for range 4 {
				load.Go(func() {
					for !stop.Load() {
						i := int(next.Add(1))
						err := s.Update(context.Background(), pair(r, i))
						mu.Lock()
						switch {
						case err == nil:
							acknowledged = append(acknowledged, i)
						case errors.Is(err, errOutcomeUnknown):
							unknown++
						case errors.Is(err, ErrUnavailable):
							refused++
						default:
							t.Errorf("update %d: %v", i, err)
						}
						mu.Unlock()
					}
				})
				load.Go(func() {
					for !stop.Load() {
						if _, err := s.Repository(t.Context(), account, region, "app", nil); err != nil &&
							!errors.Is(err, ErrUnavailable) {
							t.Errorf("read: %v", err)
						}
					}
				})
			}
			var away time.Duration // from the first stop to the last start, with short times of service in between
			for begun := time.Now().Add(700 * time.Millisecond); len(modes) > 0; modes = modes[1:] {
				time.Sleep(700 * time.Millisecond)
				server.Restart(modes[0])
				away = time.Since(begun)
			}
			time.Sleep(700 * time.Millisecond)
			stop.Store(true)
			load.Wait()
			commit(t, s, pair(r, 0)) // at once
			for i := range int(next.Load()) {
				if upload, layer := applied(t, s, r, i); upload != layer {
					t.Errorf("update %d is half there: %v, %v", i, upload, layer)
				}
			}
			for _, i := range acknowledged {
				if upload, _ := applied(t, s, r, i); !upload {
					t.Errorf("update %d was acknowledged and is lost", i)
				}
			}
			t.Logf("%d acknowledged, %d refused, %d unknown", len(acknowledged), refused, unknown)
			// A busy machine may take longer to start it than updates wait, and is then right to be refused.
			if refused > 0 && away < patience/2 {
				t.Errorf("%d updates were refused, of a server that was away for no more than %v", refused, away)
			}
		})
	}
}

// The time that a server may be away begins when it is found away, not with the
// work before; but a line that swallowed everything was waited for already.
func TestOutage(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		what string
		away outage
		err  error
		want bool
	}{
		{"cut after long work", outage{begun: now.Add(-4 * patience)}, ErrUnavailable, true},
		{"away for long", outage{begun: now.Add(-4 * patience), since: now.Add(-2 * patience)}, ErrUnavailable, false},
		{"stalled for long", outage{begun: now.Add(-4 * patience)},
			fmt.Errorf("%w: %w", ErrUnavailable, context.DeadlineExceeded), false},
		{"stalled for a moment", outage{begun: now}, fmt.Errorf("%w: %w", ErrUnavailable, context.DeadlineExceeded), true},
	} {
		if got := c.away.retry(c.err); got != c.want {
			t.Errorf("%s: %t, want %t", c.what, got, c.want)
		}
	}
}

func TestAbsentServerIsSaid(t *testing.T) {
	t.Parallel()
	server := servers.StartPostgres(t)
	s := openPostgres(t, server.URL("postgres"))
	r := newRepository(t, s, "app")
	server.Stop(servers.Fast)
	err := s.Update(t.Context(), pair(r, 1))
	_, readErr := hasBlob(s, "d")
	if !errors.Is(err, ErrUnavailable) || !errors.Is(readErr, ErrUnavailable) || s.Ping(t.Context()) == nil {
		t.Errorf("update: %v; read: %v", err, readErr)
	}
	server.Start()
	commit(t, s, pair(r, 1))
}
