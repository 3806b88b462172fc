package registry_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// A database in another zone is a millisecond away, so what pushes and pulls
// cost is how often they wait for it.
func TestRoundTrips(t *testing.T) {
	d := openStill(t)
	postgres, ok := d.meta.(*metadata.Postgres)
	if !ok {
		t.Skip("only a server is away from us: run with TEST_STORES=shared")
	}
	own := in(prod)
	d.create(own)
	d.replicateTo(dev)
	d.grant(dev)
	if err := d.SetRepositoryPolicy(ctx, root(prodAccount), own, statement("Allow", devAccount, "ecr:BatchGetImage",
		"ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer"), false); err != nil {
		t.Fatal(err)
	}
	if err := d.TagResource(ctx, root(prodAccount), own, []resource.Tag{{Key: "team", Value: "x"}}); err != nil {
		t.Fatal(err)
	}
	layers := []ocispec.Descriptor{d.pushLayer(own, "one"), d.pushLayer(own, "two"), d.pushLayer(own, "three")}
	config := d.pushLayer(own, "{}")
	image := func(n int) []byte {
		return marshal(t, ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2},
			MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: layers,
			Annotations: map[string]string{"n": fmt.Sprint(n)}})
	}
	var replications []int64
	d.OnQueued(func(queued []metadata.DueReplication) {
		for _, q := range queued {
			replications = append(replications, q.ID)
		}
	})
	raw := image(0)
	first := d.put(own, raw, "latest")
	replicate := func() error {
		for _, id := range replications {
			r, err := d.Replicate(ctx, id)
			if err != nil || r.State != metadata.ReplicationComplete {
				return fmt.Errorf("%+v, %w", r, err)
			}
		}
		replications = nil
		return nil
	}
	if err := replicate(); err != nil { // creates the destination
		t.Fatal(err)
	}
	n := 0
	put := func() error {
		n++
		raw := image(n)
		_, err := d.PutManifest(ctx, root(prodAccount), own, registry.NewManifest{
			Bytes: raw, Digest: digest.FromBytes(raw), Tags: []string{"latest"},
		})
		return err
	}
	get := func(c access.Caller, r registry.Reference) func() error {
		return func() error { _, err := d.Manifest(ctx, c, own, r); return err }
	}
	head := func(c access.Caller, r registry.Reference) func() error {
		return func() error { _, err := d.ManifestHead(ctx, c, own, r); return err }
	}
	var session string
	content := []byte("content")
	// A pull is noted in the background, once an hour: before it is counted.
	if err := get(root(prodAccount), registry.Reference{Digest: first})(); err != nil {
		t.Fatal(err)
	}
	row, err := d.meta.Repository(ctx, prodAccount, own.Registry.Region, own.Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		m, err := d.meta.Read(ctx).Images().Manifest(row.ID, string(first))
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the pull is not noted: %+v, %v", m, err)
		}
		if !m.PulledAt.IsZero() {
			break
		}
	}
	for _, c := range []struct {
		name string
		most int64 // 0: only reported
		do   func() error
	}{
		{"GET manifest by digest", 1, get(root(prodAccount), registry.Reference{Digest: first})},
		{"GET manifest by digest, other account", 1, get(root(devAccount), registry.Reference{Digest: first})},
		{"GET manifest by tag", 1, get(root(prodAccount), registry.Reference{Tag: "latest"})},
		{"GET manifest by tag, other account", 1, get(root(devAccount), registry.Reference{Tag: "latest"})},
		{"HEAD manifest by digest", 1, head(root(prodAccount), registry.Reference{Digest: first})},
		{"HEAD manifest by tag, other account", 1, head(root(devAccount), registry.Reference{Tag: "latest"})},
		{"GET absent manifest", 1, func() error {
			_, err := d.Manifest(ctx, root(prodAccount), own, registry.Reference{Tag: "absent"})
			if registry.CodeOf(err) != registry.ImageNotFound {
				return err
			}
			return nil
		}},
		{"HEAD blob", 1, func() error { _, err := d.Layer(ctx, root(prodAccount), own, layers[0].Digest); return err }},
		{"HEAD blob, other account", 1, func() error { _, err := d.Layer(ctx, root(devAccount), own, layers[0].Digest); return err }},
		{"which layers are there", 1, func() error {
			have, err := d.LayersAvailable(ctx, root(prodAccount), own, []digest.Digest{layers[0].Digest, layers[1].Digest})
			if err == nil && len(have) != 2 {
				err = fmt.Errorf("%d layers, want 2", len(have))
			}
			return err
		}},
		{"GET blob", 1, func() error {
			_, content, err := d.OpenLayer(ctx, root(devAccount), own, layers[0].Digest)
			if err == nil && content.ReadSeekCloser != nil {
				content.Close()
			}
			return err
		}},
		{"PUT manifest", 3, put},
		{"replication", 3, replicate},
		{"PUT manifest again", 3, put},
		{"start upload", 0, func() (err error) { session, err = d.StartUpload(ctx, root(prodAccount), own); return err }},
		{"append", 0, func() error {
			_, err := d.AppendUpload(ctx, root(prodAccount), own, session, 0, bytes.NewReader(content))
			return err
		}},
		{"upload status", 1, func() error { _, err := d.UploadSize(ctx, root(prodAccount), own, session); return err }},
		{"complete", 0, func() error {
			_, err := d.CompleteUpload(ctx, root(prodAccount), own, session, digest.FromBytes(content), -1, nil)
			return err
		}},
		{"upload at once", 0, func() error {
			_, err := d.PutLayer(ctx, root(prodAccount), own, digest.FromString("new"), strings.NewReader("new"))
			return err
		}},
		{"upload at once of a known blob", 0, func() error {
			_, err := d.PutLayer(ctx, root(prodAccount), own, digest.FromString("new"), strings.NewReader("new"))
			return err
		}},
		{"mount", 0, func() error { _, err := d.MountLayer(ctx, root(prodAccount), own, layers[0].Digest, &own); return err }},
		{"delete tag", 0, func() error { return d.DeleteTag(ctx, root(prodAccount), own, "latest") }},
	} {
		before := postgres.RoundTrips()
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		trips := postgres.RoundTrips() - before
		t.Logf("%-40s %d", c.name, trips)
		if c.most > 0 && trips > c.most {
			t.Errorf("%s: %d round trips, want at most %d", c.name, trips, c.most)
		}
	}
}

// A start costs as much for a thousand accounts as for two.
func TestRoundTripsOfAStart(t *testing.T) {
	d := openStill(t)
	postgres, ok := d.meta.(*metadata.Postgres)
	if !ok {
		t.Skip("only a server is away from us: run with TEST_STORES=shared")
	}
	var accounts []string
	for i := range 1000 {
		accounts = append(accounts, fmt.Sprintf("%012d", i))
	}
	for _, accountsAre := range []string{"new", "known"} {
		before := postgres.RoundTrips()
		s, _, err := replication.Open(ctx, registry.Config{Metadata: d.meta, Blobs: d.blobs, Accounts: accounts,
			Regions: []string{"us-east-1", "us-west-2"},
			Grace:   time.Hour, Logger: slog.New(slog.DiscardHandler), Now: d.clock.now})
		if err != nil {
			t.Fatal(err)
		}
		if !s.Exists(resource.Registry{Account: accounts[999], Region: "us-west-2"}) {
			t.Error("a registry is missing")
		}
		if n := postgres.RoundTrips() - before; n > 5 {
			t.Errorf("%d round trips while the accounts are %s", n, accountsAre)
		}
	}
}
