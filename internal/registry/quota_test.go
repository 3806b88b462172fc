package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/quota"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// openQuotas is openStill with quotas.
func openQuotas(t *testing.T, set func(string, *quota.Limits)) *domain {
	t.Helper()
	t.Parallel()
	return openLimited(t, t.TempDir(), set)
}

// wantOver checks that an operation was refused for a quota.
func wantOver(t testing.TB, what string, err error, name string) {
	t.Helper()
	wantCode(t, what, err, registry.LimitExceeded)
	if err == nil || !strings.Contains(err.Error(), "would have exceeded a service limit for your account: the quota '"+
		name+"'") {
		t.Errorf("%s: %v, want it to name the quota %q", what, err, name)
	}
}

func (d *domain) used(id resource.Registry, name string) int64 {
	d.t.Helper()
	quotas, err := d.Quotas(ctx, root(id.Account), id)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, q := range quotas {
		if q.Name == name && q.Known {
			return q.Used
		}
	}
	d.t.Fatalf("no usage of %q", name)
	return 0
}

func TestQuotaOfRepositories(t *testing.T) {
	d := openQuotas(t, func(_ string, l *quota.Limits) { l.Repositories = 2 })
	create := func(id resource.Registry, name string) error {
		_, err := d.CreateRepository(ctx, root(id.Account), resource.Repository{Registry: id, Name: name},
			registry.NewRepository{})
		return err
	}
	for _, name := range []string{"one", "two"} {
		wantCode(t, name, create(prod, name), "")
	}
	wantOver(t, "the third", create(prod, "three"), quota.Repositories)
	wantCode(t, "the second again", create(prod, "two"), registry.RepositoryAlreadyExists)
	wantCode(t, "one of another account", create(dev, "three"), "")
	wantCode(t, "one in another Region", create(resource.Registry{Account: prodAccount, Region: "us-west-2"}, "three"), "")
	if _, err := d.DeleteRepository(ctx, root(prodAccount), resource.Repository{Registry: prod, Name: "one"},
		true); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "one in the place of another", create(prod, "three"), "")
	if n := d.used(prod, quota.Repositories); n != 2 {
		t.Errorf("%d repositories are counted", n)
	}
}

func TestQuotaOfImages(t *testing.T) {
	d := openQuotas(t, func(_ string, l *quota.Limits) { l.ImagesPerRepository = 2 })
	own := in(prod)
	d.create(own)
	put := func(raw []byte, tags ...string) error {
		_, err := d.PutManifest(ctx, root(prodAccount), own, registry.NewManifest{
			Bytes: raw, Digest: digest.FromBytes(raw), Tags: tags,
		})
		return err
	}
	one, two, three := d.image(own, "one"), d.image(own, "two"), d.image(own, "three")
	wantCode(t, "one", put(one, "1"), "")
	wantCode(t, "two", put(two), "")
	wantOver(t, "three", put(three, "3"), quota.ImagesPerRepository)
	if _, err := d.resolve(own, registry.Reference{Tag: "3"}); registry.CodeOf(err) != registry.ImageNotFound {
		t.Errorf("of what was refused, a tag is there: %v", err)
	}
	wantCode(t, "another tag of one", put(one, "2"), "")
	if err := d.DeleteManifest(ctx, root(prodAccount), own, digest.FromBytes(two)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "three, in the place of two", put(three, "3"), "")
}

func TestQuotaOfTags(t *testing.T) {
	d := openQuotas(t, func(_ string, l *quota.Limits) { l.TagsPerImage = 3 })
	own := in(prod)
	d.create(own)
	one, two := d.image(own, "one"), d.image(own, "two")
	put := func(raw []byte, tags ...string) error {
		_, err := d.PutManifest(ctx, root(prodAccount), own, registry.NewManifest{
			Bytes: raw, Digest: digest.FromBytes(raw), Tags: tags,
		})
		return err
	}
	wantOver(t, "four at once", put(one, "1", "2", "3", "4"), quota.TagsPerImage)
	wantCode(t, "two", put(one, "1", "2"), "")
	wantOver(t, "two more", put(one, "3", "4"), quota.TagsPerImage)
	wantCode(t, "one more, and one that is there", put(one, "2", "3"), "")
	wantOver(t, "the fourth", put(one, "4"), quota.TagsPerImage)
	wantCode(t, "those that are there", put(one, "1", "2", "3"), "")
	wantCode(t, "another image takes one", put(two, "3"), "")
	wantOver(t, "one too many comes back", put(one, "3", "4"), quota.TagsPerImage)
	wantCode(t, "one comes back", put(one, "3"), "")
}

func TestQuotaOfLayerSize(t *testing.T) {
	d := openQuotas(t, func(account string, l *quota.Limits) {
		if l.LayerBytes = 4; account == devAccount {
			l.LayerBytes = 0 // none, but for what no layer may have
		}
	})
	own, theirs := in(prod), in(dev)
	d.create(own)
	d.create(theirs)
	put := func(ref resource.Repository, content string) error {
		_, err := d.PutLayer(ctx, root(ref.Registry.Account), ref, digest.FromString(content), strings.NewReader(content))
		return err
	}
	wantCode(t, "four bytes", put(own, "four"), "")
	wantOver(t, "five bytes", put(own, "fiver"), quota.LayerBytes)
	wantCode(t, "five bytes elsewhere", put(theirs, "fiver"), "")
	id := d.startUpload(own)
	wantCode(t, "a part", d.appendPart(id, 0, "fou"), "")
	wantOver(t, "one too large", d.appendPart(id, 3, "rs"), quota.LayerBytes)
	for account, want := range map[string]int64{prodAccount: 4, devAccount: 52000 << 20} {
		id := resource.Registry{Account: account, Region: prod.Region}
		quotas, err := d.Quotas(ctx, root(account), id)
		i := slices.IndexFunc(quotas, func(q registry.Quota) bool { return q.Name == "Maximum layer size" })
		if err != nil || i < 0 || quotas[i].Limit != want || quotas[i].Unit != registry.QuotaBytes {
			t.Errorf("%s: %+v, %v", account, quotas, err)
		}
	}
}

func TestQuotaOfUploads(t *testing.T) {
	d := openQuotas(t, func(_ string, l *quota.Limits) { l.OpenUploads = 2 })
	own := in(prod)
	d.create(own)
	start := func() (string, error) { return d.StartUpload(ctx, root(prodAccount), own) }
	first, err := start()
	wantCode(t, "the first", err, "")
	second, err := start()
	wantCode(t, "the second", err, "")
	_, err = start()
	wantOver(t, "the third", err, quota.OpenUploads)
	_, err = d.PutLayer(ctx, root(prodAccount), own, digest.FromString("x"), strings.NewReader("x"))
	wantOver(t, "a layer at once", err, quota.OpenUploads)
	if err := d.CancelUpload(ctx, root(prodAccount), own, first); err != nil {
		t.Fatal(err)
	}
	_, err = d.PutLayer(ctx, root(prodAccount), own, digest.FromString("x"), strings.NewReader("x"))
	wantCode(t, "a layer at once, in the place of the first", err, "")
	if _, err = d.CompleteUpload(ctx, root(prodAccount), own, second, digest.FromString("y"), -1,
		strings.NewReader("y")); err != nil {
		t.Fatal(err)
	}
	if n := d.used(prod, quota.OpenUploads); n != 0 {
		t.Errorf("%d uploads are counted", n)
	}
}

func TestQuotaOfBytes(t *testing.T) {
	d := openQuotas(t, func(_ string, l *quota.Limits) { l.StoredBytes = 1000 })
	own, other, far := in(prod), resource.Repository{Registry: prod, Name: "other"}, in(dev)
	for _, ref := range []resource.Repository{own, other, far} {
		d.create(ref)
	}
	push := func(ref resource.Repository, content string) error {
		_, err := d.PutLayer(ctx, root(ref.Registry.Account), ref, digest.FromString(content), strings.NewReader(content))
		return err
	}
	content := func(letter string, n int) string { return strings.Repeat(letter, n) }
	wantCode(t, "600 bytes", push(own, content("a", 600)), "")
	wantOver(t, "401 more", push(own, content("b", 401)), quota.StoredBytes)
	if n, held := d.used(prod, quota.OpenUploads), d.held(); n != 0 || held != 0 {
		t.Errorf("%d uploads are left of what was refused, and %d of their bytes", n, held)
	}
	wantCode(t, "400 more", push(own, content("c", 400)), "")
	wantOver(t, "a byte", push(own, "d"), quota.StoredBytes)
	mount := func(letter string, n int) error {
		_, err := d.MountLayer(ctx, root(prodAccount), other, digest.FromString(content(letter, n)), &own)
		return err
	}
	wantOver(t, "a layer in a second repository", mount("c", 400), quota.StoredBytes)
	if err := d.DeleteLayer(ctx, root(prodAccount), own, digest.FromString(content("c", 400))); err != nil {
		t.Fatal(err)
	}
	wantOver(t, "600 bytes in a second repository", mount("a", 600), quota.StoredBytes)

	// In parts: what does not fit is refused as it comes, and what is there is dropped.
	session := d.startUpload(own)
	wantCode(t, "300 of a layer", d.appendPart(session, 0, content("e", 300)), "")
	wantOver(t, "101 more of it", d.appendPart(session, 300, content("e", 101)), quota.StoredBytes)
	_, err := d.UploadSize(ctx, root(prodAccount), own, session)
	wantCode(t, "the upload that was refused", err, registry.UploadNotFound)

	// A layer that others have is not sent, and not taken for nothing.
	wantCode(t, "500 bytes of another account", push(far, content("f", 500)), "")
	wantOver(t, "the same", push(own, content("f", 500)), quota.StoredBytes)

	// Manifests count too; a manifest and a layer that are there do not again.
	raw := d.image(far, "i")
	d.put(far, raw, "1")
	if room := 1000 - d.used(dev, quota.StoredBytes); room > 0 {
		wantCode(t, "the rest", push(far, content("g", int(room))), "")
	}
	d.put(far, raw, "2") // a tag needs no room
	_, err = d.MountLayer(ctx, root(devAccount), far, digest.FromString("i"), &far)
	wantCode(t, "a layer that is there, with no room left", err, "")
	second := append(raw, ' ')
	_, err = d.PutManifest(ctx, root(devAccount), far, registry.NewManifest{
		Bytes: second, Digest: digest.FromBytes(second),
	})
	wantOver(t, "another manifest", err, quota.StoredBytes)
}

// Of pushes that meet at a quota in one process, as many pass as may.
func TestQuotasAtOnce(t *testing.T) {
	const clients, each, limit = 6, 6, 10
	d := openQuotas(t, func(_ string, l *quota.Limits) { l.ImagesPerRepository, l.OpenUploads = limit, limit })
	own := in(prod)
	d.create(own)
	var images [clients * each][]byte
	for i := range images {
		images[i] = d.image(own, fmt.Sprint(i))
	}
	var puts, uploads atomic.Int64
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for _, raw := range images[client*each : (client+1)*each] {
				_, err := d.PutManifest(ctx, root(prodAccount), own, registry.NewManifest{
					Bytes: raw, Digest: digest.FromBytes(raw),
				})
				if err == nil {
					puts.Add(1)
				} else {
					wantOver(t, "a push", err, quota.ImagesPerRepository)
				}
				if _, err := d.StartUpload(ctx, root(prodAccount), own); err == nil {
					uploads.Add(1)
				} else {
					wantOver(t, "an upload", err, quota.OpenUploads)
				}
			}
		})
	}
	all.Wait()
	if n := puts.Load(); n != limit {
		t.Errorf("%d images were pushed, want %d", n, limit)
	}
	if n := uploads.Load(); n != limit {
		t.Errorf("%d uploads were begun, want %d", n, limit)
	}
}

// A repository that a replication would create has its quota of images, too.
func TestQuotaOfImagesInANewRepository(t *testing.T) {
	d := openQuotas(t, func(account string, l *quota.Limits) {
		if account == devAccount {
			l.ImagesPerRepository = 2
		}
	})
	from := in(prod)
	d.create(from)
	d.replicateTo(dev)
	d.grant(dev)
	a, b := d.image(from, "a"), d.image(from, "b")
	d.put(from, a)
	d.put(from, b)
	d.drain()
	if _, err := d.DeleteRepository(ctx, root(devAccount), in(dev), true); err != nil {
		t.Fatal(err)
	}
	d.put(from, d.index(a, b), "latest")
	d.drain()
	st := d.status(from, registry.Reference{Tag: "latest"}, replication.Failed)
	if st.Failure.Code != "DestinationLimitExceeded" {
		t.Errorf("it failed with %+v", st.Failure)
	}
	if n := d.used(dev, quota.Repositories); n != 0 {
		t.Errorf("%d repositories are there", n)
	}
}

// A replication that the destination has no room for fails, for a reason of its
// own, and writes nothing. It completes once there is room, when it is retried
// or a process starts with other quotas.
func TestQuotasOfReplications(t *testing.T) {
	const content = "a layer of some bytes"
	for name, c := range map[string]struct {
		set  func(*quota.Limits)
		fill func(d *domain, ref resource.Repository) (room func() error) // what takes the room, and makes room
	}{
		quota.Repositories: {
			set: func(l *quota.Limits) { l.Repositories = 1 },
			fill: func(d *domain, ref resource.Repository) func() error {
				ref.Name = "other"
				d.create(ref)
				return func() error { _, err := d.DeleteRepository(ctx, root(devAccount), ref, true); return err }
			},
		},
		quota.ImagesPerRepository: {
			set: func(l *quota.Limits) { l.ImagesPerRepository = 1 },
			fill: func(d *domain, ref resource.Repository) func() error {
				d.create(ref)
				other := d.put(ref, d.image(ref, "other"), "other")
				return func() error { return d.DeleteManifest(ctx, root(devAccount), ref, other) }
			},
		},
		quota.TagsPerImage: {
			set: func(l *quota.Limits) { l.TagsPerImage = 1 },
			fill: func(d *domain, ref resource.Repository) func() error {
				d.create(ref)
				d.put(ref, d.image(ref, content), "other")
				return func() error { return d.DeleteTag(ctx, root(devAccount), ref, "other") }
			},
		},
		quota.StoredBytes: {
			set: func(l *quota.Limits) { l.StoredBytes = 1000 },
			fill: func(d *domain, ref resource.Repository) func() error {
				d.create(ref)
				layer := d.pushLayer(ref, strings.Repeat("x", 600))
				return func() error { return d.DeleteLayer(ctx, root(devAccount), ref, layer.Digest) }
			},
		},
		quota.ReplicatedBytes: {
			set: func(l *quota.Limits) { l.ReplicatedBytes = 700 },
			fill: func(d *domain, ref resource.Repository) func() error {
				d.create(ref)
				d.pushLayer(ref, strings.Repeat("x", 600)) // its own: does not count
				from := in(prod)
				first := d.put(from, d.image(from, "first"), "first")
				d.drain()
				d.status(from, registry.Reference{Tag: "first"}, replication.Complete)
				return func() error { return d.DeleteManifest(ctx, root(devAccount), ref, first) }
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			d := openLimited(t, dir, func(account string, l *quota.Limits) {
				if account == devAccount {
					c.set(l)
				}
			})
			from, to := in(prod), in(dev)
			d.create(from)
			d.replicateTo(dev)
			d.grant(dev)
			room := c.fill(d, to)
			before := d.used(dev, quota.StoredBytes)
			want := d.put(from, d.image(from, content), "latest")
			d.drain()
			latest := registry.Reference{Tag: "latest"}
			st := d.status(from, latest, replication.Failed)
			if st.Failure.Code != "DestinationLimitExceeded" || !strings.Contains(st.Failure.Reason, "its quota '"+name+"'") {
				t.Errorf("it failed with %+v", st.Failure)
			}
			if n := d.used(dev, quota.StoredBytes); n != before {
				t.Errorf("the destination holds %d bytes, and held %d", n, before)
			}
			if _, err := d.resolve(to, latest); err == nil {
				t.Error("the image is there")
			}

			// Without room it fails again.
			retry := func() {
				t.Helper()
				var ids []int64
				for _, r := range d.list(prod, replication.Outgoing, replication.Failed, 10) {
					ids = append(ids, r.ID)
				}
				if retried, _, err := d.Retry(ctx, root(prodAccount), prod, ids); err != nil || len(retried) != 1 {
					t.Fatalf("%v, %v", retried, err)
				}
				d.drain()
			}
			retry()
			d.status(from, latest, replication.Failed)
			if strings.HasSuffix(name, "bytes") {
				d.close() // and with a larger quota it completes
				d = openStores(t, dir)
				d.drain()
			} else {
				if err := room(); err != nil {
					t.Fatal(err)
				}
				retry()
			}
			d.status(from, latest, replication.Complete)
			if got, err := d.resolve(to, latest); err != nil || got != want {
				t.Errorf("%s, %v, want %s", got, err, want)
			}
		})
	}
}
