package migrate

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/test/servers"
)

// busy is a deployment whose clients write faster than its changes can be copied.
type busy struct {
	t     *testing.T
	m     Migration
	repo  *metadata.Repository
	begin sync.Once
	// clients end with the migration, or with the test.
	clients sync.WaitGroup
	ended   atomic.Bool
	written atomic.Int64
	slowed  atomic.Int64
}

// Writers bring writeSize bytes each pause, and the line to the new database lets
// lineRate through in a second: less than half of what they bring in one.
const (
	writers   = 4
	writeSize = 4 << 10
	pause     = 15 * time.Millisecond
	lineRate  = 384 << 10
	// first is how many are written before the first round.
	first = 30
)

func newBusy(t *testing.T) *busy {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	from, err := metadata.OpenSQLite(t.Context(), filepath.Join(dir, "metadata"))
	must(err)
	t.Cleanup(func() { from.Close() })
	files, err := filestore.Open(filepath.Join(dir, "blobs"))
	must(err)
	t.Cleanup(func() { files.Close() })
	bucket, err := filestore.Open(filepath.Join(dir, "bucket"))
	must(err)
	t.Cleanup(func() { bucket.Close() })
	database, err := url.Parse(servers.Postgres(t))
	must(err)
	line := servers.StartProxy(t, database.Host)
	database.Host = line.Address()
	to, err := metadata.OpenPostgres(t.Context(), database.String())
	must(err)
	t.Cleanup(func() { to.Close() })

	b := &busy{t: t}
	must(from.Update(t.Context(), func(tx *metadata.Tx) error {
		if err := tx.Registries().Ensure("111122223333", "us-east-1"); err != nil {
			return err
		}
		registry, err := tx.Registries().Get("111122223333", "us-east-1")
		if err != nil {
			return err
		}
		b.repo = &metadata.Repository{RegistryRow: registry.ID, Account: "111122223333", Region: "us-east-1", Name: "app"}
		_, err = tx.Repositories().Create(b.repo)
		return err
	}))
	b.m = Migration{From: from, Files: files, To: to, Bucket: bucket, Data: dir, Hold: from.Hold}
	b.m.Report = func(p Progress) {
		b.slowed.Store(int64(p.Slowed))
		if p.Phase == Changes {
			b.begin.Do(func() {
				line.Rate(servers.ToServer, lineRate)
				for range writers {
					b.clients.Go(b.write)
				}
				for b.written.Load() < first && !t.Failed() {
					time.Sleep(time.Millisecond)
				}
			})
		}
	}
	t.Cleanup(func() {
		b.ended.Store(true)
		b.clients.Wait()
	})
	return b
}

// write pushes manifests until the data has moved.
func (b *busy) write() {
	for !b.ended.Load() {
		err := b.m.From.Update(context.Background(), func(tx *metadata.Tx) error {
			n := b.written.Add(1)
			body := fmt.Sprintf("%d%s", n, strings.Repeat(" ", writeSize))
			return tx.Images().Put(b.repo, metadata.Manifest{Digest: digest.FromString(body).String(), MediaType: "m",
				PushedAt: time.Now()}, []byte(body), nil)
		})
		if errors.Is(err, metadata.ErrMoved) {
			return
		}
		if err != nil {
			b.t.Error(err)
			return
		}
		time.Sleep(pause)
	}
}

// TestBusyDeploymentMoves: clients write many times faster than their changes can
// be copied, so they are slowed down until these can.
func TestBusyDeploymentMoves(t *testing.T) {
	t.Parallel()
	b := newBusy(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := migrate(ctx, b.m, time.Second); err != nil {
		t.Fatalf("after %d writes, with writers held for %d%% of the time: %v", b.written.Load(), b.slowed.Load(), err)
	}
	if b.slowed.Load() == 0 {
		t.Error("nobody was slowed down")
	}
	b.clients.Wait()
	_, _, old, err := b.m.From.Read(ctx).Upkeep().Contents()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, now, err := b.m.To.Read(ctx).Upkeep().Contents(); err != nil || now != old || now < first {
		t.Errorf("of %d rows %d have moved: %v", old, now, err)
	}
}

// TestStoppedMigrationSlowsNobody: when a migration ends that has slowed the
// writers down, they go on as before.
func TestStoppedMigrationSlowsNobody(t *testing.T) {
	t.Parallel()
	b := newBusy(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	report := b.m.Report
	b.m.Report = func(p Progress) {
		report(p)
		if p.Slowed >= 90 {
			cancel()
		}
	}
	if err := migrate(ctx, b.m, 2*time.Second); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	// Slowed down, they would take longer.
	before := b.written.Load()
	for deadline := time.Now().Add(30 * time.Second); b.written.Load() < before+1000; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d writes have come since", b.written.Load()-before)
		}
	}
}
