package peerapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/peerapi"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

const (
	prodAccount = "111122223333"
	devAccount  = "444455556666"
)

var (
	prod = resource.Registry{Account: prodAccount, Region: "ap-northeast-1"} // tokyo serves it
	dev  = resource.Registry{Account: devAccount, Region: "us-west-2"}       // oregon serves it
)

// deployment is one of those in a test: its stores are files, and its peers reach it over loopback.
type deployment struct {
	*registry.Service
	t           *testing.T
	name, dir   string
	id          resource.Registry
	meta        metadata.Store
	blobs       blob.Store
	replication *replication.Service
	peers       *peer.Directory
	clock       *clock
	handler     atomic.Value // handlerBox
	url         string       // "" if it cannot be reached
	received    atomic.Int64 // bytes of bodies
	wrap        atomic.Value // wrapper, or nothing

	engines *replication.Engines
	stop    context.CancelFunc
	running sync.WaitGroup
}

type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time           { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(by time.Duration) { c.ahead.Add(int64(by)) }

// handlerBox lets an atomic.Value hold handlers of different types.
type handlerBox struct{ http.Handler }

// wrapper does something to the requests of a handler.
type wrapper func(http.Handler) http.Handler

// open opens a deployment that serves one registry, and serves it on loopback.
func open(t *testing.T, name string, id resource.Registry, change ...func(*deployment)) *deployment {
	t.Helper()
	d := &deployment{t: t, name: name, dir: t.TempDir(), id: id, clock: &clock{}}
	d.handler.Store(handlerBox{http.NotFoundHandler()})
	server := httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(server.Close)
	d.url = server.URL
	for _, f := range change {
		f(d)
	}
	d.start()
	t.Cleanup(d.close)
	return d
}

func (d *deployment) serve(w http.ResponseWriter, r *http.Request) {
	d.received.Add(r.ContentLength)
	handler := d.handler.Load().(handlerBox).Handler
	if wrap, ok := d.wrap.Load().(wrapper); ok {
		handler = wrap(handler)
	}
	handler.ServeHTTP(w, r)
}

// start opens what is in the folder.
func (d *deployment) start() {
	d.t.Helper()
	ctx := context.Background()
	meta, err := metadata.OpenSQLite(ctx, d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	blobs, err := filestore.Open(filepath.Join(d.dir, "blobs"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.meta, d.blobs = meta, blobs
	log := slog.New(slog.NewTextHandler(&logWriter{t: d.t, prefix: d.name + ": "}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d.Service, d.replication, err = replication.Open(ctx, registry.Config{
		Metadata: meta, Blobs: blobs, Accounts: []string{d.id.Account}, Regions: []string{d.id.Region},
		Grace: 24 * time.Hour, Logger: log, Now: d.clock.now,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.peers, err = peer.Open(ctx, peer.Config{
		Store: meta, Name: d.name, URL: d.url, Regions: []string{d.id.Region}, Accounts: []string{d.id.Account},
		Version: "test", Log: log, Now: d.clock.now,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.peers.ServeTunnels(http.HandlerFunc(d.serve))
	d.replication.UsePeers(d.peers)
	d.handler.Store(handlerBox{peerapi.New(peerapi.Config{
		Peers: d.peers, Replication: d.replication, Limits: budget.NewLimits(850<<20, 2, log), Logger: log,
	})})
	d.engines = replication.NewEngines(d.replication, log)
	d.engines.Start()
	ctx, d.stop = context.WithCancel(ctx)
	d.running.Go(func() { d.peers.Run(ctx) })
}

// close stops the deployment. Closing twice does nothing.
func (d *deployment) close() {
	d.t.Helper()
	d.handler.Store(handlerBox{unavailable})
	d.engines.Stop()
	d.stop()
	d.running.Wait()
	if err := errors.Join(d.meta.Close(), d.blobs.Close()); err != nil {
		d.t.Error(err)
	}
}

func (d *deployment) restart() {
	d.t.Helper()
	d.close()
	d.start()
}

// backup copies the folder, while nobody serves it, and returns the copy.
func (d *deployment) backup() string {
	d.t.Helper()
	d.close()
	copied := d.t.TempDir() + "/backup"
	if err := os.CopyFS(copied, os.DirFS(d.dir)); err != nil {
		d.t.Fatal(err)
	}
	d.start()
	return copied
}

// copied copies a backup, which can be restored once more then.
func (d *deployment) copied(backup string) string {
	d.t.Helper()
	again := d.t.TempDir() + "/backup"
	if err := os.CopyFS(again, os.DirFS(backup)); err != nil {
		d.t.Fatal(err)
	}
	return again
}

// restore stops the deployment and gives it the backup's folder.
func (d *deployment) restore(backup string) {
	d.t.Helper()
	d.close()
	d.dir = backup
}

// unavailable cuts connections.
var unavailable = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })

// logWriter writes to the test's log until the test has ended.
type logWriter struct {
	t      *testing.T
	prefix string
}

func (w *logWriter) Write(p []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Log(w.prefix + strings.TrimSpace(string(p)))
	}
	return len(p), nil
}

// join makes two deployments peers, each of which may speak for all its accounts.
func join(t *testing.T, a, b *deployment) {
	t.Helper()
	code, _, err := a.peers.Invite(t.Context(), peer.Grant{All: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.peers.Join(t.Context(), code, peer.Grant{All: true}); err != nil {
		t.Fatal(err)
	}
}

func root(account string) access.Caller {
	return access.Caller{Identity: auth.Identity{Principal: policy.Root(account)}}
}

func (d *deployment) ref(name string) resource.Repository {
	return resource.Repository{Registry: d.id, Name: name}
}

func (d *deployment) create(name string) {
	d.t.Helper()
	if _, err := d.CreateRepository(context.Background(), root(d.id.Account), d.ref(name),
		registry.NewRepository{}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *deployment) pushLayer(name string, content []byte) ocispec.Descriptor {
	d.t.Helper()
	dg := digest.FromBytes(content)
	if _, err := d.PutLayer(context.Background(), root(d.id.Account), d.ref(name), dg, bytes.NewReader(content)); err != nil {
		d.t.Fatal(err)
	}
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: dg, Size: int64(len(content))}
}

// push pushes an image of the layers, and returns its digest.
func (d *deployment) push(name, tag string, layers ...[]byte) digest.Digest {
	d.t.Helper()
	config := d.pushLayer(name, []byte("{}"))
	config.MediaType = ocispec.MediaTypeImageConfig
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config,
	}
	for _, l := range layers {
		m.Layers = append(m.Layers, d.pushLayer(name, l))
	}
	return d.put(name, m, tag)
}

// retag gives an image that is there a tag.
func (d *deployment) retag(name string, image digest.Digest, tag string) {
	d.t.Helper()
	m, err := d.Manifest(context.Background(), root(d.id.Account), d.ref(name), registry.Reference{Digest: image})
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.PutManifest(context.Background(), root(d.id.Account), d.ref(name), registry.NewManifest{
		Bytes: m.Bytes, MediaType: m.MediaType, Digest: image, Tags: []string{tag},
	}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *deployment) put(name string, manifest any, tags ...string) digest.Digest {
	d.t.Helper()
	raw, err := json.Marshal(manifest)
	if err != nil {
		d.t.Fatal(err)
	}
	tags = slices.DeleteFunc(tags, func(tag string) bool { return tag == "" })
	r, err := d.PutManifest(context.Background(), root(d.id.Account), d.ref(name), registry.NewManifest{
		Bytes: raw, Digest: digest.FromBytes(raw), Tags: tags,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return r.Digest
}

func (d *deployment) replicateTo(deletes bool, destinations ...resource.Registry) {
	d.t.Helper()
	if err := d.replication.SetRules(context.Background(), root(d.id.Account), d.id,
		[]replication.Rule{{Destinations: destinations, Deletes: &deletes}}); err != nil {
		d.t.Fatal(err)
	}
}

// grant lets an account replicate into the deployment's registry.
func (d *deployment) grant(account string) {
	d.t.Helper()
	text := `{"Version":"2012-10-17","Statement":[` + policy.Grant("Replication", account, []string{
		"ecr:CreateRepository", "ecr:ReplicateImage",
	}, fmt.Sprintf("arn:aws:ecr:%s:%s:repository/*", d.id.Region, d.id.Account)) + `]}`
	if err := d.SetRegistryPolicy(context.Background(), root(d.id.Account), d.id, text); err != nil {
		d.t.Fatal(err)
	}
}

// tag is what a tag names: "" if it is not there.
func (d *deployment) tag(name, tag string) digest.Digest {
	d.t.Helper()
	m, err := d.Manifest(context.Background(), root(d.id.Account), d.ref(name), registry.Reference{Tag: tag})
	switch registry.CodeOf(err) {
	case registry.RepositoryNotFound, registry.ImageNotFound:
		return ""
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return m.Digest
}

// await waits until the tag names the image.
func (d *deployment) await(name, tag string, want digest.Digest) {
	d.t.Helper()
	eventually(d.t, fmt.Sprintf("%s:%s is %s in %s", name, tag, want, d.name), func() bool { return d.tag(name, tag) == want })
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come to be that %s", what)
		}
	}
}

// status is that of the only replication of a tag.
func (d *deployment) status(name, tag string) replication.Status {
	d.t.Helper()
	all, err := d.replication.Status(context.Background(), root(d.id.Account), d.ref(name), registry.Reference{Tag: tag})
	if err != nil {
		d.t.Fatal(err)
	}
	if len(all) != 1 {
		d.t.Fatalf("%s:%s has %d replications", name, tag, len(all))
	}
	return all[0]
}

// layer reads a layer.
func (d *deployment) layer(name string, dg digest.Digest) []byte {
	d.t.Helper()
	_, content, err := d.OpenLayer(context.Background(), root(d.id.Account), d.ref(name), dg)
	if err != nil {
		d.t.Fatal(err)
	}
	defer content.Close()
	b, err := io.ReadAll(content)
	if err != nil {
		d.t.Fatal(err)
	}
	return b
}

// pair opens two deployments that are peers: images of tokyo's registry go to oregon's, which lets them in.
func pair(t *testing.T) (tokyo, oregon *deployment) {
	t.Helper()
	tokyo, oregon = open(t, "tokyo", prod), open(t, "oregon", dev)
	join(t, tokyo, oregon)
	oregon.grant(prodAccount)
	tokyo.replicateTo(true, dev)
	return tokyo, oregon
}
