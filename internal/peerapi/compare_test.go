package peerapi_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// compare compares the registry with a destination, page by page, and returns the
// differences as texts.
func (d *deployment) compare(r replication.CompareRequest, limit int) (differences []string, compared, queued int) {
	d.t.Helper()
	after := ""
	for {
		page, err := d.replication.Compare(context.Background(), root(d.id.Account), d.id, r,
			registry.Page{After: after, Limit: limit})
		if err != nil {
			d.t.Fatal(err)
		}
		if len(page.Differences) > limit {
			d.t.Errorf("a page of %d has %d differences", limit, len(page.Differences))
		}
		for _, one := range page.Differences {
			image := one.Tag
			if image == "" {
				image = one.Digest.String()
			}
			differences = append(differences, fmt.Sprintf("%s %s %s", one.Kind, one.Repository, image))
		}
		compared += page.Compared
		queued += page.Queued
		if after = page.Next; after == "" {
			slices.Sort(differences)
			return differences, compared, queued
		}
	}
}

// wantComparison compares with oregon, with pages of several sizes.
func (d *deployment) wantComparison(r replication.CompareRequest, want ...string) {
	d.t.Helper()
	slices.Sort(want)
	for _, limit := range []int{1, 3, 1000} {
		if got, _, _ := d.compare(r, limit); !slices.Equal(got, want) {
			d.t.Errorf("with pages of %d the differences are\n%s\nwant\n%s", limit, strings.Join(got, "\n"),
				strings.Join(want, "\n"))
		}
	}
}

var toDev = replication.CompareRequest{Destination: dev}

func (d *deployment) deleteTag(name, tag string) {
	d.t.Helper()
	if err := d.DeleteTag(context.Background(), root(d.id.Account), d.ref(name), tag); err != nil {
		d.t.Fatal(err)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.replicateTo(false, dev)
	images := map[string]digest.Digest{}
	for _, name := range []string{"app", "team/one", "team/two"} {
		tokyo.create(name)
		for i := range 5 {
			tag := fmt.Sprintf("v%d", i)
			images[name+":"+tag] = tokyo.push(name, tag, noise(t, 30))
		}
		untagged := tokyo.push(name, "", noise(t, 30))
		for i := range 5 {
			tag := fmt.Sprintf("v%d", i)
			oregon.await(name, tag, images[name+":"+tag])
		}
		eventually(t, "the image without a tag arrives", func() bool { return oregon.has(name, untagged) })
	}
	if got, compared, _ := tokyo.compare(toDev, 100); len(got) != 0 || compared != 18 {
		t.Errorf("of %d images these differ: %q", compared, got)
	}

	// What the destination has beyond is not shown.
	oregon.push("app", "own", noise(t, 30))
	oregon.push("app", "v1", noise(t, 30))
	tokyo.deleteTag("app", "v0") // its image is left without a tag
	oregon.deleteTag("team/one", "v3")
	oregon.deleteTag("team/two", "v4")
	want := []string{"DIFFERENT app v1", "LACKING team/one v3", "LACKING team/two v4"}
	tokyo.wantComparison(toDev, want...)

	// An image without a tag is compared, too, and one that an index names is not.
	untagged := tokyo.push("app", "", noise(t, 31))
	eventually(t, "it arrives", func() bool { return oregon.has("app", untagged) })
	if _, err := oregon.DeleteImages(t.Context(), root(devAccount), oregon.ref("app"),
		[]registry.Reference{{Digest: untagged}}); err != nil {
		t.Fatal(err)
	}
	want = append(want, "LACKING app "+untagged.String())
	tokyo.wantComparison(toDev, want...)

	one := toDev
	one.Repository = "team/one"
	tokyo.wantComparison(one, "LACKING team/one v3")
	oregon.deny("team/two")
	tokyo.wantComparison(toDev, "DIFFERENT app v1", "LACKING app "+untagged.String(), "LACKING team/one v3",
		"REFUSED team/two ")

	// Repair brings what is lacking, and moves back what others have moved.
	oregon.grant(prodAccount)
	repair := toDev
	repair.Repair = true
	if got, _, queued := tokyo.compare(repair, 2); len(got) != 4 || queued != 4 {
		t.Errorf("%d were queued for %q", queued, got)
	}
	oregon.await("app", "v1", images["app:v1"])
	oregon.await("team/one", "v3", images["team/one:v3"])
	oregon.await("team/two", "v4", images["team/two:v4"])
	eventually(t, "the image without a tag arrives again", func() bool { return oregon.has("app", untagged) })
	tokyo.wantComparison(toDev)
	// What is pushed now is newer than what was repaired.
	oregon.await("app", "v1", tokyo.push("app", "v1", noise(t, 30)))
	if oregon.tag("app", "own") == "" {
		t.Error("what the destination had beyond has gone")
	}
}

// has reports whether a repository has an image.
func (d *deployment) has(name string, image digest.Digest) bool {
	d.t.Helper()
	_, err := d.Manifest(context.Background(), root(d.id.Account), d.ref(name), registry.Reference{Digest: image})
	missing := []registry.Code{registry.ImageNotFound, registry.RepositoryNotFound}
	if err != nil && !slices.Contains(missing, registry.CodeOf(err)) {
		d.t.Fatal(err)
	}
	return err == nil
}

// deny lets prod replicate into all repositories but one.
func (d *deployment) deny(name string) {
	d.t.Helper()
	arn := fmt.Sprintf("arn:aws:ecr:%s:%s:repository/", d.id.Region, d.id.Account)
	text := `{"Version":"2012-10-17","Statement":[` + policy.Grant("Replication", prodAccount, []string{
		"ecr:CreateRepository", "ecr:ReplicateImage",
	}, arn+"*") + `,{"Sid":"Not","Effect":"Deny","Principal":"*","Action":"ecr:ReplicateImage",` +
		`"Resource":"` + arn + name + `"}]}`
	if err := d.SetRegistryPolicy(context.Background(), root(d.id.Account), d.id, text); err != nil {
		d.t.Fatal(err)
	}
}

// Children of an index come with it.
func TestCompareIndexes(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	child := tokyo.push("app", "", noise(t, 30))
	index := tokyo.put("app", ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{{MediaType: ocispec.MediaTypeImageManifest, Digest: child, Size: 1}},
	}, "all")
	oregon.await("app", "all", index)
	if got, compared, _ := tokyo.compare(toDev, 10); len(got) != 0 || compared != 1 {
		t.Errorf("of %d images these differ: %q", compared, got)
	}
}

// A destination that refuses all says just that, of each repository once.
func TestCompareRefused(t *testing.T) {
	t.Parallel()
	tokyo, oregon := open(t, "tokyo", prod), open(t, "oregon", dev)
	join(t, tokyo, oregon)
	tokyo.replicateTo(false, dev)
	for _, name := range []string{"app", "web"} {
		tokyo.create(name)
		for i := range 3 {
			tokyo.push(name, fmt.Sprint(i), noise(t, 30))
		}
	}
	oregon.create("app")
	tokyo.wantComparison(toDev, "REFUSED app ", "REFUSED web ")
	page, err := tokyo.replication.Compare(t.Context(), root(prodAccount), prod, toDev, registry.Page{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	there, absent := page.Differences[0].Failure, page.Differences[1].Failure
	if there.Code != "DESTINATION_REGISTRY_ACCESS_DENIED" || there.Statement == "" ||
		strings.ReplaceAll(absent.Reason, "'web'", "'app'") != there.Reason || absent.Detail != there.Detail {
		t.Errorf("a repository that is there is refused with\n%+v\nand one that is not with\n%+v", there, absent)
	}
	repair := toDev
	repair.Repair = true
	if _, _, queued := tokyo.compare(repair, 10); queued != 0 {
		t.Errorf("%d were queued for a destination that refuses them", queued)
	}
	// The peer itself may not speak for the account.
	if _, err := oregon.peers.SetGrant(t.Context(), "tokyo", peer.Grant{}); err != nil {
		t.Fatal(err)
	}
	_, err = tokyo.replication.Compare(t.Context(), root(prodAccount), prod, toDev, registry.Page{Limit: 10})
	if registry.CodeOf(err) != registry.AccessDenied || !strings.Contains(err.Error(), "twinport peer grant") {
		t.Errorf("a peer without a grant gets %v", err)
	}
	oregon.close()
	_, err = tokyo.replication.Compare(t.Context(), root(prodAccount), prod, toDev, registry.Page{Limit: 10})
	if registry.CodeOf(err) != registry.Throttled || !strings.Contains(err.Error(), "oregon") {
		t.Errorf("with a peer that is away it is %v", err)
	}
}

// counter counts the requests of an operation, and their bytes.
type counter struct {
	http.Handler
	path            string
	requests, bytes atomic.Int64
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == c.path {
		c.requests.Add(1)
		c.bytes.Add(r.ContentLength)
	}
	c.Handler.ServeHTTP(w, r)
}

// fill gives a repository images by a tag each, as fast as the store takes them.
func (d *deployment) fill(name string, source int64, images, from int) {
	d.t.Helper()
	ctx := context.Background()
	r, err := d.meta.Repository(ctx, d.id.Account, d.id.Region, name, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	for first := from; first < from+images; first += 500 {
		err := d.meta.Update(ctx, func(tx *metadata.Tx) error {
			for i := first; i < min(first+500, from+images); i++ {
				content := fmt.Appendf(nil, `{"schemaVersion":2,"annotations":{"n":"%d"}}`, i)
				m := metadata.Manifest{
					Digest: digest.FromBytes(content).String(), MediaType: ocispec.MediaTypeImageManifest,
					Size: int64(len(content)), PushedAt: time.Now(),
				}
				t := metadata.Tag{Name: fmt.Sprintf("v%d", i), Digest: m.Digest, Sequence: int64(i + 1)}
				var err error
				if source == 0 {
					err = errors.Join(tx.Images().Put(r, m, content, nil), tx.Tags().Set(r, t, m.PushedAt))
				} else {
					err = errors.Join(tx.Images().Receive(r, m, content, nil, source, t.Sequence),
						tx.Tags().Advance(r, t, source, t.Sequence, m.PushedAt))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			d.t.Fatal(err)
		}
	}
}

// knowSource returns the row of prod's registry in oregon.
func (d *deployment) knowSource() (row int64) {
	d.t.Helper()
	err := d.meta.Update(context.Background(), func(tx *metadata.Tx) error {
		if err := tx.Registries().Ensure(prod.Account, prod.Region); err != nil {
			return err
		}
		ids, err := tx.Registries().IDs([]resource.Registry{prod})
		row = ids[prod]
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return row
}

// filled are two deployments with as many images each, and a counter of what
// tokyo asks oregon by comparing.
func filled(t testing.TB, images int) (tokyo, oregon *deployment, asked *counter) {
	t.Helper()
	tokyo, oregon = pair(t.(*testing.T))
	tokyo.create("app")
	oregon.create("app")
	tokyo.fill("app", 0, images, 0)
	oregon.fill("app", oregon.knowSource(), images, 0)
	asked = &counter{Handler: oregon.handler.Load().(handlerBox).Handler, path: "/peer/v1/compare"}
	oregon.handler.Store(handlerBox{asked})
	return tokyo, oregon, asked
}

// Comparing asks as much as differs, not as much as there is.
func TestCompareAsksLittle(t *testing.T) {
	t.Parallel()
	tokyo, oregon, asked := filled(t, 3000)
	begun := time.Now()
	if got, compared, _ := tokyo.compare(toDev, 1000); len(got) != 0 || compared != 3000 {
		t.Fatalf("of %d images these differ: %q", compared, got)
	}
	t.Logf("3000 equal images: %v, %d messages, %d bytes", time.Since(begun), asked.requests.Load(), asked.bytes.Load())
	if n := asked.requests.Load(); n != 1 {
		t.Errorf("that nothing differs took %d messages", n)
	}
	var want []string
	for _, i := range []int{7, 800, 801, 1999, 2998} {
		tag := fmt.Sprintf("v%d", i)
		oregon.deleteTag("app", tag)
		want = append(want, "LACKING app "+tag)
	}
	asked.requests.Store(0)
	asked.bytes.Store(0)
	got, _, _ := tokyo.compare(toDev, 1000)
	t.Logf("5 differences: %d messages, %d bytes", asked.requests.Load(), asked.bytes.Load())
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("the differences are %q, want %q", got, want)
	}
	if n, bytes := asked.requests.Load(), asked.bytes.Load(); n > 3 || bytes > 50_000 {
		t.Errorf("5 differences took %d messages of %d bytes", n, bytes)
	}
	tokyo.wantComparison(toDev, want...)
	if got, _, queued := tokyo.compare(replication.CompareRequest{Destination: dev, Repair: true}, 1000); queued != 5 {
		t.Errorf("%d were queued for %q", queued, got)
	}
}

// A source learns nothing of what others have pushed, whichever ranges it asks about.
func TestCompareHidesOthers(t *testing.T) {
	t.Parallel()
	tokyo, oregon := pair(t)
	tokyo.create("app")
	image := tokyo.push("app", "v1", noise(t, 30))
	oregon.await("app", "v1", image)
	untagged := tokyo.push("app", "", noise(t, 30))
	eventually(t, "the image without a tag arrives", func() bool { return oregon.has("app", untagged) })
	images := []replication.ImageKey{
		{Repository: "app", Digest: image.String(), Tag: "v1"}, {Repository: "app", Digest: untagged.String()},
	}
	slices.SortFunc(images, func(a, b replication.ImageKey) int { return strings.Compare(a.Digest, b.Digest) })
	ask := func(m replication.AskedComparison) string {
		t.Helper()
		m.Source, m.Destination = prod, dev
		p, _ := tokyo.peers.Of(dev)
		var answer replication.AskedComparisonAnswer
		err := tokyo.peers.Client(p.ID).Call(t.Context(), replication.OperationCompare, m, &answer)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := replication.ImageKey{Repository: "app"}
	last := replication.ImageKey{Repository: "app", Digest: "sha256:" + strings.Repeat("f", 64), Tag: "zzz"}
	others := replication.ImageKey{Repository: "zoo", Digest: last.Digest}
	// What it knows the ranges to be: each of its images with all around it, and nothing else.
	digests := knownDigests(images)
	ranges := []replication.ComparedRange{
		{After: before, Last: images[0], Count: 1, Digest: digests[0]},
		{After: images[0], Last: last, Count: 1, Digest: digests[1]},
		{After: last, Last: others, Count: 1, Digest: digests[0]},
	}
	const want = `{"different":[2]}`
	if got := ask(replication.AskedComparison{Ranges: ranges}); got != want {
		t.Fatalf("the answer is %s, want %s", got, want)
	}
	m, err := oregon.Manifest(t.Context(), root(devAccount), oregon.ref("app"), registry.Reference{Digest: untagged})
	if err != nil {
		t.Fatal(err)
	}
	child := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: untagged, Size: int64(len(m.Bytes))}
	oregon.put("app", ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{child},
	}, "own")
	for _, reference := range []digest.Digest{image, untagged} {
		m, err := oregon.Manifest(t.Context(), root(devAccount), oregon.ref("app"),
			registry.Reference{Digest: reference})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := oregon.PutManifest(t.Context(), root(devAccount), oregon.ref("app"), registry.NewManifest{
			Bytes: m.Bytes, MediaType: m.MediaType, Tags: []string{"own-" + reference.Encoded()},
		}); err != nil {
			t.Fatal(err)
		}
	}
	oregon.create("secret")
	for i := range 10 {
		oregon.push("app", fmt.Sprintf("own%d", i), noise(t, 30))
		oregon.push("app", "", noise(t, 30))
		oregon.push("secret", fmt.Sprintf("own%d", i), noise(t, 30))
	}
	if got := ask(replication.AskedComparison{Ranges: ranges}); got != want {
		t.Errorf("what others have pushed changes the answer to %s", got)
	}
}

// knownDigests are the digests of ranges with one image each.
func knownDigests(images []replication.ImageKey) (digests []string) {
	for _, i := range images {
		var text []byte
		for _, s := range []string{i.Repository, i.Digest, i.Tag} {
			text = append(binary.AppendUvarint(text, uint64(len(s))), s...)
		}
		sum := sha256.Sum256(text)
		digests = append(digests, base64.RawStdEncoding.EncodeToString(sum[:]))
	}
	return digests
}

func TestCompareWrongInput(t *testing.T) {
	t.Parallel()
	tokyo, _ := pair(t)
	tokyo.create("app")
	tokyo.create("other")
	if err := tokyo.replication.SetRules(t.Context(), root(prodAccount), prod, []replication.Rule{{
		Destinations: []resource.Registry{dev}, Prefixes: []string{"app", "ap", "web/"},
	}}); err != nil {
		t.Fatal(err)
	}
	nowhere := resource.Registry{Account: devAccount, Region: "x"}
	one := func(repository string) replication.CompareRequest {
		return replication.CompareRequest{Destination: dev, Repository: repository}
	}
	for name, test := range map[string]struct {
		request replication.CompareRequest
		after   string
		code    registry.Code
	}{
		"itself":        {replication.CompareRequest{Destination: prod}, "", registry.InvalidParameter},
		"no rule":       {replication.CompareRequest{Destination: nowhere}, "", registry.InvalidParameter},
		"no repository": {one("apps"), "", registry.RepositoryNotFound},
		"bad name":      {one("~1"), "", registry.InvalidParameter},
		"not sent":      {one("other"), "", registry.InvalidParameter},
		"bad page":      {toDev, "app", registry.InvalidParameter},
		"bad page key":  {toDev, "app sha256:x y", registry.InvalidParameter},
	} {
		_, err := tokyo.replication.Compare(t.Context(), root(prodAccount), prod, test.request,
			registry.Page{After: test.after, Limit: 10})
		if registry.CodeOf(err) != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := tokyo.replication.Compare(t.Context(), root(devAccount), prod, toDev,
		registry.Page{Limit: 10}); registry.CodeOf(err) != registry.AccessDenied {
		t.Errorf("another account gets %v", err)
	}
	image := "sha256:" + strings.Repeat("0", 64)
	key := func(repository string) replication.ImageKey {
		return replication.ImageKey{Repository: repository, Digest: image}
	}
	many := make([]replication.ComparedImage, replication.MaxComparedImages+1)
	for i := range many {
		many[i].Digest = image
	}
	of := func(name string, images ...replication.ComparedImage) replication.AskedComparison {
		return replication.AskedComparison{Repositories: []replication.ComparedRepository{{Name: name, Images: images}}}
	}
	for name, m := range map[string]replication.AskedComparison{
		"another's source": {Source: dev},
		"no repository":    {Ranges: []replication.ComparedRange{{Last: key("app"), Count: 1}}},
		"deleted repositories": {Ranges: []replication.ComparedRange{
			{After: replication.ImageKey{Repository: "app"}, Last: key("~1"), Count: 1},
		}},
		"backwards": {Ranges: []replication.ComparedRange{{After: key("b2"), Last: key("a1"), Count: 1}}},
		"no images": {Ranges: []replication.ComparedRange{{After: key("a1"), Last: key("b2")}}},
		"many":      {Ranges: []replication.ComparedRange{{After: key("a1"), Last: key("b2"), Count: 1 << 20}}},
		"overlap": {Ranges: []replication.ComparedRange{
			{After: key("a1"), Last: key("c3"), Count: 1}, {After: key("b2"), Last: key("d4"), Count: 1},
		}},
		"bad image":  of("app", replication.ComparedImage{Digest: "x"}),
		"bad tag":    of("app", replication.ComparedImage{Digest: image, Tag: "/"}),
		"bad name":   of("~app", many[0]),
		"empty":      of("app"),
		"many ones":  of("app", many...),
		"not served": {Destination: nowhere},
	} {
		m.Source, m.Destination = cmp.Or(m.Source, prod), cmp.Or(m.Destination, dev)
		p, _ := tokyo.peers.Of(dev)
		err := tokyo.peers.Client(p.ID).Call(t.Context(), replication.OperationCompare, m, nil)
		var e *peer.Error
		if !errors.As(err, &e) || e.Code != peer.InvalidRequest && e.Code != replication.PeerNotGranted {
			t.Errorf("%s: %v", name, err)
		}
	}
}
