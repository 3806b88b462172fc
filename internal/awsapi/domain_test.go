package awsapi_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

var (
	here  = resource.Registry{Account: account, Region: region}
	there = resource.Registry{Account: other, Region: "us-west-2"}
	begin = time.UnixMicro(1_795_456_000_123_000) // what the clock of a domain says at first
)

// replicator is embedded beside registry.Service under another name.
type replicator = replication.Service

// domain is a registry.Service on stores of its own. It replicates when the
// test says so.
type domain struct {
	*registry.Service
	*replicator
	t      testing.TB
	expiry *expiry.Service
	meta   metadata.Store
	dir    string
	time   atomic.Int64 // that its clock has gone since begin

	mu     sync.Mutex
	queued []metadata.DueReplication
}

func openDomain(t testing.TB) *domain {
	t.Helper()
	d := &domain{t: t, dir: t.TempDir()}
	var err error
	if d.meta, err = metadata.OpenSQLite(t.Context(), filepath.Join(d.dir, "metadata")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.meta.Close() })
	blobs, err := filestore.Open(filepath.Join(d.dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	d.Service, d.replicator, err = replication.Open(t.Context(), registry.Config{
		Metadata: d.meta, Blobs: blobs, Accounts: []string{account, other}, Regions: []string{region, "us-west-2"},
		Grace: 24 * time.Hour, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return begin.Add(time.Duration(d.time.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	d.expiry = expiry.New(expiry.Config{
		Registry: d.Service, Metadata: d.meta, Interval: 12 * time.Hour, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return begin.Add(time.Duration(d.time.Load())) },
	})
	d.OnQueued(func(queued []metadata.DueReplication) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.queued = append(d.queued, queued...)
	})
	return d
}

func root(account string) access.Caller {
	return access.Caller{
		Identity: auth.Identity{Principal: policy.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root"}},
	}
}

func in(id resource.Registry, name string) resource.Repository {
	return resource.Repository{Registry: id, Name: name}
}

// create makes repositories of the caller's registry.
func (d *domain) create(names ...string) {
	d.t.Helper()
	for _, name := range names {
		if _, err := d.CreateRepository(d.t.Context(), root(account), in(here, name), registry.NewRepository{}); err != nil {
			d.t.Fatal(err)
		}
	}
}

// image stores a config and a layer, and returns the manifest of an image that
// is made of them. note is an annotation, as JSON has it.
func (d *domain) image(repository, layer, note string) string {
	d.t.Helper()
	for _, content := range []string{"{}", layer} {
		_, err := d.PutLayer(d.t.Context(), root(account), in(here, repository), digest.FromString(content),
			strings.NewReader(content))
		if err != nil {
			d.t.Fatal(err)
		}
	}
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":2},`+
		`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":%d}],"annotations":{"note":"%s"}}`,
		ociType, digest.FromString("{}"), digest.FromString(layer), len(layer), note)
}

// push puts an image, and returns its digest.
func (d *domain) push(repository, layer string, tags ...string) digest.Digest {
	d.t.Helper()
	put, err := d.PutManifest(d.t.Context(), root(account), in(here, repository),
		registry.NewManifest{Bytes: []byte(d.image(repository, layer, "")), Tags: tags})
	if err != nil {
		d.t.Fatal(err)
	}
	return put.Digest
}

// replicateTo sets where images go to.
func (d *domain) replicateTo(destinations ...resource.Registry) {
	d.t.Helper()
	err := d.SetRules(d.t.Context(), root(account), here, []replication.Rule{{Destinations: destinations}})
	if err != nil {
		d.t.Fatal(err)
	}
}

// drain tries the replications that were queued since the last time.
func (d *domain) drain() {
	d.t.Helper()
	d.mu.Lock()
	queued := d.queued
	d.queued = nil
	d.mu.Unlock()
	for _, one := range queued {
		if _, err := d.Replicate(d.t.Context(), one.ID); err != nil {
			d.t.Fatal(err)
		}
	}
}

// runLifecycle does what the jobs of lifecycle policies find to do.
func (d *domain) runLifecycle() {
	d.t.Helper()
	for _, job := range d.expiry.Jobs() {
		for _, step := range job.Steps {
			for key := ""; ; {
				next, err := step.Page(d.t.Context(), key)
				if err != nil {
					d.t.Fatal(err)
				}
				if key = next; key == "" {
					break
				}
			}
		}
	}
}

// breakTable makes what reads a table fail.
func (d *domain) breakTable(name string) {
	d.t.Helper()
	store, err := sql.Open("sqlite", filepath.Join(d.dir, "metadata", "metadata.db"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.ExecContext(d.t.Context(), "ALTER TABLE "+name+" RENAME TO elsewhere"); err != nil {
		d.t.Fatal(err)
	}
}

// setPolicy sets a registry's policy, of one statement about everybody.
func (d *domain) setPolicy(id resource.Registry, effect, condition string, actions ...string) {
	d.t.Helper()
	text := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":%q,"Principal":"*","Action":["ecr:%s"],"Resource":"*","Condition":{%s}}]}`,
		effect, strings.Join(actions, `","ecr:`), condition)
	if err := d.SetRegistryPolicy(d.t.Context(), root(id.Account), id, text); err != nil {
		d.t.Fatal(err)
	}
}

// deny keeps everybody from actions in the caller's registry.
func (d *domain) deny(actions ...string) {
	d.t.Helper()
	d.setPolicy(here, "Deny", "", actions...)
}
