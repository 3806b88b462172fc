package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

func TestFindRepositories(t *testing.T) {
	d := openStill(t)
	for _, name := range []string{"web", "team/web", "team/web-api", "team_a/x", "teamxa/x", "app"} {
		d.create(resource.Repository{Registry: prod, Name: name})
	}
	d.create(resource.Repository{Registry: dev, Name: "team/web"})
	if err := d.SetRules(ctx, root(prodAccount), prod, []replication.Rule{
		{Destinations: []resource.Registry{dev, third}, Prefixes: []string{"team/"}},
		{Destinations: []resource.Registry{third}, Prefixes: []string{"team/web-", "app"}},
	}); err != nil {
		t.Fatal(err)
	}
	if err := d.SetRepositoryPolicy(ctx, root(prodAccount), resource.Repository{Registry: prod, Name: "app"},
		statement("Allow", devAccount, "ecr:BatchGetImage"), false); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		prefix, contains string
		want             []string
	}{
		{"", "", []string{"app", "team/web", "team/web-api", "team_a/x", "teamxa/x", "web"}},
		{"", "web", []string{"team/web", "team/web-api", "web"}},
		{"", "WEB", []string{"team/web", "team/web-api", "web"}},
		{"team/", "", []string{"team/web", "team/web-api"}},
		{"Team/", "api", []string{"team/web-api"}},
		{"app", "", []string{"app"}},
		{"", "m_a", []string{"team_a/x"}}, // what a pattern would take for any character
		{"", "%", nil}, {"", `\`, nil}, {"", "'", nil}, {"\x00", "", nil}, {"", "\xff\x00", nil}, {"", "?1", nil},
		{"nothing", "", nil}, {strings.Repeat("a", 1<<20), "", nil}, {"", strings.Repeat("a", 1<<20), nil},
	} {
		pages(t, fmt.Sprintf("%.10q, %.10q", c.prefix, c.contains), len(c.want),
			func(p registry.Page) (names []string, next string, err error) {
				repos, next, err := d.FindRepositories(ctx, root(prodAccount), prod, c.prefix, c.contains, p)
				for _, r := range repos {
					names = append(names, r.Ref.Name)
					var to []resource.Registry
					switch {
					case strings.HasPrefix(r.Ref.Name, "team/"):
						to = []resource.Registry{dev, third}
					case r.Ref.Name == "app":
						to = []resource.Registry{third}
					}
					destinations, err := d.Destinations(ctx, root(prodAccount), prod, []string{r.Ref.Name})
					if err != nil || r.Ref.Registry != prod || r.CreatedAt.IsZero() || r.HasPolicy != (r.Ref.Name == "app") ||
						!slices.Equal(destinations[r.Ref.Name], to) {
						t.Errorf("%+v", r)
					}
				}
				if len(names) > 0 && (!slices.Contains(c.want, names[0]) || !slices.IsSorted(names)) {
					t.Errorf("%v, want %v", names, c.want)
				}
				return names, next, err
			})
	}
}

// refer pushes a manifest whose subject is another.
func (d *domain) refer(ref resource.Repository, subject digest.Digest, artifactType string) digest.Digest {
	d.t.Helper()
	config := d.pushLayer(ref, "{}")
	return d.put(ref, marshal(d.t, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType,
		Config: config, Layers: []ocispec.Descriptor{},
		Subject: &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: subject, Size: 1},
	}))
}

// find returns the images of a repository in pages of the given size.
func (d *domain) find(ref resource.Repository, prefix string, size int) (all []registry.FoundImage) {
	d.t.Helper()
	for page := (registry.Page{Limit: size}); ; {
		images, next, err := d.FindImages(ctx, root(ref.Registry.Account), ref, prefix, page)
		if err != nil || len(images) > size {
			d.t.Fatalf("%d images in a page of %d, %v", len(images), size, err)
		}
		all = append(all, images...)
		if page.After = next; next == "" {
			return all
		}
	}
}

// ofImage are the replications that are shown with an image.
func (d *domain) ofImage(ref resource.Repository, image digest.Digest) []replication.Replication {
	d.t.Helper()
	all, err := d.OfImages(ctx, root(ref.Registry.Account), ref, []digest.Digest{image})
	if err != nil {
		d.t.Fatal(err)
	}
	return all[image]
}

func digestsOf(images []registry.FoundImage) (all []digest.Digest) {
	for _, i := range images {
		all = append(all, i.Digest)
	}
	return all
}

func TestFindImages(t *testing.T) {
	d := openStill(t)
	ref := in(prod)
	d.create(ref)
	a, b := d.image(ref, "a"), d.image(ref, "b")
	first := d.put(ref, d.image(ref, "first"), "1.0", "1.1", "latest")
	d.put(ref, a)
	d.put(ref, b, "b")
	child := func(raw []byte, os, architecture, variant string) ocispec.Descriptor {
		return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(raw),
			Size:     int64(len(raw)),
			Platform: &ocispec.Platform{OS: os, Architecture: architecture, Variant: variant}}
	}
	index := d.put(ref, marshal(t, ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{child(b, "linux", "arm64", "v8"), child(a, "linux", "amd64", "")}}), "1.2")
	sbom := d.refer(ref, digest.FromBytes(a), "application/x-sbom")
	signature := d.refer(ref, sbom, "application/x-signature")
	attestation := d.refer(ref, index, "application/x-attestation")
	ofGone := d.refer(ref, digest.FromString("gone"), "application/x-sbom") // its subject is not there
	last := d.put(ref, d.image(ref, "last"))

	all := d.find(ref, "", 100)
	if want := []digest.Digest{last, ofGone, index, first}; !slices.Equal(digestsOf(all), want) {
		t.Fatalf("%v, want %v", digestsOf(all), want)
	}
	for _, size := range []int{1, 2, 3, 4} {
		if got := d.find(ref, "", size); !slices.Equal(digestsOf(got), digestsOf(all)) {
			t.Errorf("in pages of %d: %v", size, digestsOf(got))
		}
	}
	if i := all[3]; !slices.Equal(i.Tags, []string{"1.0", "1.1", "latest"}) || i.TagCount != 3 || i.Size == 0 ||
		i.PushedAt.IsZero() || i.Children != nil || i.Referrers != nil {
		t.Errorf("%+v", i)
	}
	i := all[2]
	if !slices.Equal(i.Tags, []string{"1.2"}) || i.TagCount != 1 || len(i.Children) != 2 || len(i.Referrers) != 3 {
		t.Fatalf("the index: %+v", i)
	}
	for n, want := range []registry.ChildImage{
		{digest.FromBytes(b), ocispec.MediaTypeImageManifest, int64(len("{}b")), "linux/arm64/v8"},
		{digest.FromBytes(a), ocispec.MediaTypeImageManifest, int64(len("{}a")), "linux/amd64"},
	} {
		if i.Children[n] != want {
			t.Errorf("child %d: %+v, want %+v", n, i.Children[n], want)
		}
	}
	types := map[digest.Digest]string{}
	for _, r := range i.Referrers {
		types[r.Digest] = r.ArtifactType
		if r.Size == 0 || r.PushedAt.IsZero() {
			t.Errorf("%+v", r)
		}
	}
	if types[sbom] != "application/x-sbom" || types[signature] != "application/x-signature" ||
		types[attestation] != "application/x-attestation" {
		t.Errorf("referrers: %v", types)
	}
	// Whatever has the prefix is found, and once.
	for prefix, want := range map[string][]digest.Digest{
		"1.": {first, index}, "1.1": {first}, "b": {digest.FromBytes(b)}, "l": {first}, "L": nil, "sha256": nil,
		string(sbom): {sbom}, string(index[:20]): {index}, "sha512:": nil, ":": nil, "%": nil, "\x00": nil, "1\xff": nil,
		strings.Repeat("1", 1<<20): nil,
	} {
		for _, size := range []int{1, 2, 100} {
			if got := d.find(ref, prefix, size); !slices.Equal(digestsOf(got), want) {
				t.Errorf("%.80q in pages of %d: %v, want %v", prefix, size, digestsOf(got), want)
			}
		}
	}
	if got := d.find(ref, "sha256:", 4); len(got) != 9 || !slices.IsSorted(digestsOf(got)) {
		t.Errorf("%d images by digest: %v", len(got), digestsOf(got))
	}
	for _, after := range []string{"x", " ", "x sha256:1", strings.Repeat("9", 10000)} {
		_, _, err := d.FindImages(ctx, root(prodAccount), ref, "", registry.Page{After: after, Limit: 1})
		wantCode(t, "a page after "+after[:1], err, registry.InvalidParameter)
	}
	// The time of an image is that of its first push, whatever tags it gets later.
	d.clock.advance(time.Minute)
	d.put(ref, d.image(ref, "first"), "1.0", "9")
	if got := d.find(ref, "", 100); !slices.Equal(digestsOf(got), digestsOf(all)) ||
		!got[3].PushedAt.Equal(all[3].PushedAt) {
		t.Errorf("pushed again: %v", digestsOf(got))
	}
	// What an index or a subject no longer holds is listed on its own.
	for _, gone := range []digest.Digest{index, sbom} {
		if err := d.DeleteManifest(ctx, root(prodAccount), ref, gone); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.find(ref, "", 100); len(got) != 7 {
		t.Errorf("without the index: %v", digestsOf(got))
	}
}

func TestFindImagesShowsTheWorstReplication(t *testing.T) {
	d := openStill(t)
	ref := in(prod)
	d.create(ref)
	d.replicateTo(dev, third)
	raw := d.image(ref, "one")
	d.put(ref, raw, "1")
	d.drain() // dev refuses it
	d.put(ref, raw, "2")
	if err := d.SetRules(ctx, root(prodAccount), prod, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		replications := d.ofImage(ref, digest.FromBytes(raw))
		if len(replications) != 2 {
			t.Fatalf("%+v", replications)
		}
		here, there := replications[0], replications[1]
		if here.Destination != third {
			here, there = there, here
		}
		if here.Destination != third || here.State != replication.InProgress || here.Tag != "2" || here.Source != prod ||
			here.Repository != ref.Name {
			t.Errorf("to the own account: %+v", here)
		}
		if there.Destination != dev || there.State != replication.Failed || there.Tag != "1" ||
			there.Failure.Statement == "" {
			t.Errorf("to the other account: %+v", there)
		}
	}
	d.grant(dev)
	d.drain()
	for _, r := range d.ofImage(ref, digest.FromBytes(raw)) {
		if r.State != replication.Complete {
			t.Errorf("%+v", r)
		}
	}
}

func TestFindImagesBoundsWhatItShows(t *testing.T) {
	d := openStill(t)
	ref := in(prod)
	d.create(ref)
	raw := d.image(ref, "one")
	var tags []string
	for i := range 100 {
		tags = append(tags, fmt.Sprintf("a%03d", i))
	}
	d.put(ref, raw, tags...)
	d.put(ref, raw, "b1", "b2")
	var children [][]byte
	for i := range 101 {
		child := d.image(ref, fmt.Sprint(i))
		children = append(children, child)
		d.put(ref, child)
		d.refer(ref, digest.FromBytes(raw), fmt.Sprint("application/x-", i))
	}
	index := d.put(ref, d.index(children...))
	images := d.find(ref, "", 10)
	if len(images) != 2 || images[0].Digest != index || len(images[0].Children) != 100 ||
		images[0].Children[0].Platform != "" {
		t.Fatalf("%d images: %+v", len(images), images)
	}
	if i := images[1]; len(i.Tags) != 100 || i.TagCount != 102 || len(i.Referrers) != 100 {
		t.Errorf("%d of %d tags, %d referrers", len(i.Tags), i.TagCount, len(i.Referrers))
	}
}
