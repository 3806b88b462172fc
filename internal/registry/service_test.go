package registry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/sweep"
)

const (
	prodAccount = "111122223333"
	devAccount  = "444455556666"

	organization = "o-a1b2c3d4e5" // of both
)

var (
	prod = resource.Registry{Account: prodAccount, Region: "us-east-1"}
	dev  = resource.Registry{Account: devAccount, Region: "us-west-2"}
)

// replicator is embedded beside registry.Service under another name.
type replicator = replication.Service

// domain is a Service, with replication, over real stores in a temporary folder.
type domain struct {
	*registry.Service
	*replicator
	t      testing.TB
	meta   metadata.Store
	blobs  blob.Store
	dir    string
	clock  *clock
	engine *replication.Engine
	swept  *sweep.Stores
	expiry *expiry.Service
}

// clock is the time, moved by hand.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time           { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(by time.Duration) { c.ahead.Add(int64(by)) }

// open returns a domain whose replications are tried by an engine.
func open(t *testing.T) *domain {
	t.Helper()
	t.Parallel()
	return openIn(t, t.TempDir())
}

// openStill returns a domain that replicates only when the test says so.
func openStill(t *testing.T) *domain {
	t.Helper()
	t.Parallel()
	return openStores(t, t.TempDir())
}

func openIn(t testing.TB, dir string) *domain {
	t.Helper()
	d := openStores(t, dir)
	d.engine = replication.NewEngine(d.replicator, slog.New(slog.DiscardHandler))
	d.engine.Start()
	t.Cleanup(d.engine.Stop)
	return d
}

func openStores(t testing.TB, dir string) *domain {
	t.Helper()
	return openLimited(t, dir, func(string, *quota.Limits) {})
}

// openLimited opens the stores in dir with quotas that differ from ECR's.
func openLimited(t testing.TB, dir string, set func(account string, l *quota.Limits)) *domain {
	t.Helper()
	ctx := context.Background()
	limits := map[string]quota.Limits{}
	for _, account := range []string{prodAccount, devAccount} {
		l := quota.Default()
		set(account, &l)
		limits[account] = l
	}
	meta, blobs := openEngines(t, dir)
	clock := &clock{}
	s, r, err := replication.Open(ctx, registry.Config{
		Metadata: meta, Blobs: blobs, Accounts: []string{prodAccount, devAccount},
		Organizations: map[string]string{prodAccount: organization, devAccount: organization}, Limits: limits,
		Regions: []string{"us-east-1", "us-west-2"}, Grace: 24 * time.Hour, Logger: slog.New(slog.DiscardHandler),
		LifecycleDelay: expiry.FirstRun(runInterval), Now: clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &domain{Service: s, replicator: r, t: t, meta: meta, blobs: blobs, dir: dir, clock: clock}
	d.swept = sweep.NewStores(meta, blobs, slog.New(slog.DiscardHandler), clock.now)
	d.OnFull(d.swept.MakeRoom)
	d.expiry = d.newExpiry()
	t.Cleanup(d.close)
	return d
}

// close closes the stores. Closing twice does nothing.
func (d *domain) close() {
	d.t.Helper()
	if err := errors.Join(d.meta.Close(), d.blobs.Close()); err != nil {
		d.t.Error(err)
	}
}

func root(account string) access.Caller {
	return access.Caller{
		Identity: auth.Identity{Principal: policy.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root"}},
	}
}

// user is a caller who is not the root of the account.
func user(account string) access.Caller {
	return access.Caller{
		Identity: auth.Identity{Principal: policy.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":user/ci"}},
	}
}

func wantCode(t testing.TB, what string, err error, want registry.Code) {
	t.Helper()
	if err == nil && want != "" || registry.CodeOf(err) != want {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

// statement is a policy of one statement about the root of an account.
func statement(effect, account string, actions ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"Only","Effect":%q,"Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":["%s"]}]}`,
		effect, account, strings.Join(actions, `","`))
}

func (d *domain) create(ref resource.Repository) {
	d.t.Helper()
	if _, err := d.CreateRepository(context.Background(), root(ref.Registry.Account), ref,
		registry.NewRepository{}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *domain) pushLayer(ref resource.Repository, content string) ocispec.Descriptor {
	d.t.Helper()
	dg := digest.FromString(content)
	if _, err := d.PutLayer(context.Background(), root(ref.Registry.Account), ref, dg,
		bytes.NewReader([]byte(content))); err != nil {
		d.t.Fatal(err)
	}
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: dg, Size: int64(len(content))}
}

// image builds an image manifest of one layer, whose blobs it pushes.
func (d *domain) image(ref resource.Repository, content string) []byte {
	d.t.Helper()
	config := d.pushLayer(ref, "{}")
	config.MediaType = ocispec.MediaTypeImageConfig
	return marshal(d.t, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: config, Layers: []ocispec.Descriptor{d.pushLayer(ref, content)},
	})
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (d *domain) put(ref resource.Repository, raw []byte, tags ...string) digest.Digest {
	d.t.Helper()
	r, err := d.PutManifest(context.Background(), root(ref.Registry.Account), ref, registry.NewManifest{
		Bytes: raw, Digest: digest.FromBytes(raw), Tags: tags,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return r.Digest
}

func (d *domain) replicateTo(destinations ...resource.Registry) {
	d.t.Helper()
	if err := d.SetRules(context.Background(), root(prodAccount), prod,
		[]replication.Rule{{Destinations: destinations}}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *domain) grant(id resource.Registry) {
	d.t.Helper()
	text := `{"Version":"2012-10-17","Statement":[` + policy.Grant("Replication", prodAccount, []string{
		"ecr:CreateRepository", "ecr:ReplicateImage",
	},
		fmt.Sprintf("arn:aws:ecr:%s:%s:repository/*", id.Region, id.Account)) + `]}`
	if err := d.SetRegistryPolicy(context.Background(), root(id.Account), id, text); err != nil {
		d.t.Fatal(err)
	}
}

// status waits until the only replication of the image has ended.
func (d *domain) status(ref resource.Repository, r registry.Reference,
	want replication.State) replication.Status {
	d.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		all, err := d.Status(context.Background(), root(ref.Registry.Account), ref, r)
		if err != nil {
			d.t.Fatal(err)
		}
		if len(all) == 1 && all[0].State == want {
			return all[0]
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("replication of %v: %+v, want %s", r, all, want)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestMainJob(t *testing.T) {
	d := open(t)
	ctx := context.Background()
	ref, copied := resource.Repository{
		Registry: prod, Name: "team/app",
	}, resource.Repository{Registry: dev, Name: "team/app"}
	d.create(ref)
	d.replicateTo(dev)
	raw := d.image(ref, "one")
	dg := d.put(ref, raw, "latest")

	st := d.status(ref, registry.Reference{Tag: "latest"}, replication.Failed)
	if st.Failure.Code != denied || !bytes.Contains([]byte(st.Failure.Statement), []byte(`"ecr:ReplicateImage"`)) {
		t.Errorf("refusal: %+v", st)
	}
	if _, err := d.Manifest(ctx, root(devAccount), copied,
		registry.Reference{Tag: "latest"}); registry.CodeOf(err) != registry.RepositoryNotFound {
		t.Errorf("before the grant: %v", err)
	}
	d.grant(dev)
	d.status(ref, registry.Reference{Tag: "latest"}, replication.Complete)
	m, err := d.Manifest(ctx, root(devAccount), copied, registry.Reference{Tag: "latest"})
	if err != nil || m.Digest != dg || !bytes.Equal(m.Bytes, raw) {
		t.Fatalf("replicated manifest: %+v, %v", m, err)
	}
	_, r, err := d.OpenLayer(ctx, root(devAccount), copied, digest.FromString("one"))
	if err != nil {
		t.Fatal(err)
	}
	r.Close()

	second := d.put(ref, d.image(ref, "two"), "latest")
	d.status(ref, registry.Reference{Digest: second}, replication.Complete)
	if m, err := d.Manifest(ctx, root(devAccount), copied, registry.Reference{Tag: "latest"}); err != nil ||
		m.Digest != second {
		t.Errorf("after the second push: %v, %v", m.Digest, err)
	}
}
