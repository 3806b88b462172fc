package registry_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// pages collects a list in pages of every size and checks that all agree.
func pages(t *testing.T, what string, want int, list func(registry.Page) ([]string, string, error)) []string {
	t.Helper()
	var all []string
	for _, size := range []int{1000, want, 1, 3} {
		var got []string
		page := registry.Page{Limit: max(size, 1)}
		for range want + 2 {
			items, next, err := list(page)
			if err != nil || len(items) > page.Limit {
				t.Fatalf("%s: %d items of %d, %v", what, len(items), page.Limit, err)
			}
			got = append(got, items...)
			if page.After = next; next == "" {
				break
			}
		}
		if all == nil {
			all = got
		}
		if len(got) != want || page.After != "" || !slices.Equal(got, all) {
			t.Errorf("%s in pages of %d: %d items, want %d: %v", what, size, len(got), want, got)
		}
	}
	return all
}

// Rule 9: every list is paged by key.
func TestRule9ListsArePaged(t *testing.T) {
	d := openStill(t)
	c := root(prodAccount)
	const n = 7
	subject := d.createWithImage(in(prod), "subject")
	for i := range n {
		d.create(resource.Repository{Registry: prod, Name: fmt.Sprint("repo-", i)})
		raw := d.image(in(prod), fmt.Sprint(i))
		switch i % 3 {
		case 0:
			d.put(in(prod), raw)
		case 1:
			d.put(in(prod), raw, fmt.Sprint("one-", i))
		case 2:
			d.put(in(prod), raw, fmt.Sprint("two-", i), fmt.Sprint("three-", i))
		}
	}
	config := d.pushLayer(in(prod), "{}")
	config.MediaType = "application/x-config"
	for i := range n {
		m := ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config,
			Layers:      []ocispec.Descriptor{},
			Subject:     &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: subject, Size: 1},
			Annotations: map[string]string{"n": fmt.Sprint(i)},
		}
		if i%2 == 0 {
			m.ArtifactType = "application/x-sbom"
		}
		d.put(in(prod), marshal(t, m))
	}
	pages(t, "repositories", n+1, func(p registry.Page) (names []string, next string, err error) {
		repos, next, err := d.ListRepositories(ctx, c, prod, p)
		for _, r := range repos {
			names = append(names, r.Ref.Name)
		}
		return names, next, err
	})
	pages(t, "tags", 6, func(p registry.Page) ([]string, string, error) { return d.Tags(ctx, c, in(prod), p) })
	for status, want := range map[registry.TagStatus]int{
		registry.AnyTagStatus: 2*n + 1, "": 2*n + 1, registry.Tagged: 4, registry.Untagged: 2*n + 1 - 4,
	} {
		pages(t, "images "+string(status), want, func(p registry.Page) (ds []string, next string, err error) {
			images, next, err := d.ListImages(ctx, c, in(prod), status, p)
			for _, i := range images {
				if status == registry.Tagged && len(i.Tags) == 0 || status == registry.Untagged && len(i.Tags) > 0 {
					t.Errorf("%s: %+v", status, i)
				}
				ds = append(ds, string(i.Digest))
			}
			return ds, next, err
		})
	}
	for status, want := range map[registry.TagStatus]int{
		registry.AnyTagStatus: 6 + 2*n + 1 - 4, registry.Tagged: 6, registry.Untagged: 2*n + 1 - 4,
	} {
		pages(t, "image ids "+string(status), want, func(p registry.Page) (ids []string, next string, err error) {
			refs, next, err := d.ListImageIDs(ctx, c, in(prod), status, p)
			for _, r := range refs {
				if status == registry.Tagged && r.Tag == "" || status == registry.Untagged && r.Tag != "" {
					t.Errorf("%s: %v", status, r)
				}
				ids = append(ids, r.String())
			}
			return ids, next, err
		})
	}
	for artifactTypes, want := range map[string]int{
		"": n, "application/x-sbom": 4, "application/x-config": 3, "none": 0, "none application/x-config application/x-sbom": 7,
	} {
		types := strings.Fields(artifactTypes)
		pages(t, "referrers "+artifactTypes, want, func(p registry.Page) (ds []string, next string, err error) {
			refs, next, err := d.Referrers(ctx, c, in(prod), subject, types, p)
			for _, r := range refs {
				if len(types) > 0 && !slices.Contains(types, r.ArtifactType) || !strings.HasPrefix(string(r.Annotations), `{"n":"`) ||
					r.MediaType != ocispec.MediaTypeImageManifest || r.Size == 0 {
					t.Errorf("%+v", r)
				}
				ds = append(ds, string(r.Digest))
			}
			return ds, next, err
		})
	}
	_, _, err := d.Referrers(ctx, c, in(prod), "bad", nil, registry.Page{Limit: 1})
	wantCode(t, "referrers of no digest", err, registry.InvalidParameter)
	if refs, next, err := d.Referrers(ctx, c, in(prod), digest.FromString("unknown"), nil,
		registry.Page{Limit: 1}); err != nil || len(refs) != 0 || next != "" {
		t.Errorf("referrers of an unknown subject: %v, %v", refs, err)
	}
}

func (d *domain) createWithImage(ref resource.Repository, content string) digest.Digest {
	d.t.Helper()
	d.create(ref)
	return d.put(ref, d.image(ref, content))
}

func TestDescribeImages(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	c := root(prodAccount)
	small, large := d.image(in(prod), "x"), d.image(in(prod), "a larger layer")
	dg := d.put(in(prod), small, "b", "a")
	d.put(in(prod), large)
	index := d.put(in(prod), d.index(small, large), "index")
	images, err := d.DescribeImages(ctx, c, in(prod), []registry.Reference{
		{Tag: "a"}, {Tag: "b"}, {Digest: dg}, {Tag: "a", Digest: dg}, {Digest: index},
	})
	if err != nil || len(images) != 2 {
		t.Fatalf("%+v, %v", images, err)
	}
	if i := images[0]; i.Digest != dg || !slices.Equal(i.Tags, []string{"a", "b"}) ||
		i.Size != int64(len("{}")+len("x")) ||
		i.MediaType != ocispec.MediaTypeImageManifest || i.ArtifactType != ocispec.MediaTypeImageConfig ||
		time.Since(i.PushedAt) > time.Minute {
		t.Errorf("%+v", i)
	}
	if i := images[1]; i.Digest != index || i.Size != int64(len("{}")+len("a larger layer")) ||
		i.MediaType != ocispec.MediaTypeImageIndex {
		t.Errorf("an index has the size of its largest child: %+v", i)
	}
	for _, r := range []registry.Reference{
		{Tag: "none"}, {Digest: digest.FromString("none")}, {Tag: "index", Digest: dg},
	} {
		_, err := d.DescribeImages(ctx, c, in(prod), []registry.Reference{{Tag: "a"}, r})
		wantCode(t, r.String(), err, registry.ImageNotFound)
	}
	_, err = d.DescribeImages(ctx, c, in(prod), []registry.Reference{{}})
	wantCode(t, "nothing", err, registry.InvalidParameter)
}

func TestPullTimeIsRecorded(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	c := root(prodAccount)
	d.put(in(prod), d.image(in(prod), "x"), "latest")
	pulled := func() time.Time {
		t.Helper()
		images, err := d.DescribeImages(ctx, c, in(prod), []registry.Reference{{Tag: "latest"}})
		if err != nil {
			t.Fatal(err)
		}
		return images[0].LastPulledAt
	}
	if at := pulled(); !at.IsZero() {
		t.Errorf("never pulled, but at %v", at)
	}
	pull := func() {
		t.Helper()
		if _, err := d.resolve(in(prod), registry.Reference{Tag: "latest"}); err != nil {
			t.Fatal(err)
		}
	}
	// recorded waits until another time than before is recorded.
	recorded := func(before time.Time) time.Time {
		t.Helper()
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
			if at := pulled(); !at.Equal(before) {
				return at
			}
			if time.Now().After(deadline) {
				t.Fatal("the pull is not recorded")
			}
		}
	}
	pull()
	first := recorded(time.Time{})
	d.clock.advance(time.Minute)
	pull() // too soon to be worth a write
	d.clock.advance(2 * time.Hour)
	pull()
	if second := recorded(first); second.Sub(first) < 2*time.Hour {
		t.Errorf("recorded at %v and %v", first, second)
	}
}

// withMutability is a repository to create with a tag mutability.
func withMutability(m registry.TagMutability, exclusions ...string) registry.NewRepository {
	return registry.NewRepository{
		RepositorySettings: registry.RepositorySettings{TagMutability: m, Exclusions: exclusions},
	}
}

func TestRepositorySettings(t *testing.T) {
	d := openStill(t)
	c := root(prodAccount)
	for name, m := range map[string]struct {
		mutability registry.TagMutability
		exclusions []string
		want       registry.Code
	}{
		"default":              {"", nil, ""},
		"unknown":              {"SOMETIMES", nil, registry.InvalidParameter},
		"filters without need": {registry.Immutable, []string{"a"}, registry.InvalidParameter},
		"no filters":           {registry.ImmutableWithExclusion, nil, registry.InvalidParameter},
		"5 filters":            {registry.MutableWithExclusion, []string{"a", "b", "c", "d", "e"}, ""},
		"2 wildcards":          {registry.ImmutableWithExclusion, []string{"a", "*-rc*"}, ""},
		"3 wildcards":          {registry.ImmutableWithExclusion, []string{"a", "*-rc*-*"}, registry.InvalidParameter},
		"no character":         {registry.MutableWithExclusion, []string{""}, registry.InvalidParameter},
		"128 characters":       {registry.MutableWithExclusion, []string{strings.Repeat("a", 127) + "*"}, ""},
		"129 characters":       {registry.MutableWithExclusion, []string{strings.Repeat("a", 129)}, registry.InvalidParameter},
		"of no tag":            {registry.ImmutableWithExclusion, []string{"a/b"}, registry.InvalidParameter},
		"3 wildcards together": {registry.MutableWithExclusion, []string{"***"}, registry.InvalidParameter},
		"6 filters": {
			registry.MutableWithExclusion, []string{"a", "b", "c", "d", "e", "f"}, registry.InvalidParameter,
		},
	} {
		ref := resource.Repository{Registry: prod, Name: fmt.Sprint("r", len(name))}
		_, err := d.CreateRepository(ctx, c, ref, withMutability(m.mutability, m.exclusions...))
		wantCode(t, name, err, m.want)
	}
	withKMS := registry.RepositorySettings{Encryption: registry.Encryption{Type: "KMS"}}
	_, err := d.CreateRepository(ctx, c, in(prod), registry.NewRepository{RepositorySettings: withKMS})
	wantCode(t, "KMS", err, registry.KMS)
	settings := registry.RepositorySettings{ScanOnPush: true, Encryption: registry.Encryption{Type: "AES256"}}
	created, err := d.CreateRepository(ctx, c, in(prod), registry.NewRepository{RepositorySettings: settings})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.CreateRepository(ctx, c, in(prod), registry.NewRepository{})
	wantCode(t, "twice", err, registry.RepositoryAlreadyExists)
	if _, err := d.SetTagMutability(ctx, c, in(prod), registry.ImmutableWithExclusion, []string{"v*"}); err != nil {
		t.Fatal(err)
	}
	got, err := d.DescribeRepositories(ctx, c, prod, []string{"team/app"})
	created.TagMutability, created.Exclusions = registry.ImmutableWithExclusion, []string{"v*"}
	if err != nil || len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(created) {
		t.Errorf("%+v, %v, want %+v", got, err, created)
	}
	_, err = d.CreateRepository(ctx, c, resource.Repository{
		Registry: resource.Registry{Account: prodAccount, Region: "eu-mars-1"}, Name: "app",
	}, registry.NewRepository{})
	wantCode(t, "a Region that is not served", err, registry.InvalidParameter)
}

func TestResourceTags(t *testing.T) {
	d := openStill(t)
	c := root(prodAccount)
	d.create(in(prod))
	long := func(n int) string { return string(slices.Repeat([]rune{'ä'}, n)) }
	many := func(n int) (tags []resource.Tag) {
		for i := range n {
			tags = append(tags, resource.Tag{Key: fmt.Sprintf("k%02d", i), Value: "v"})
		}
		return tags
	}
	for name, s := range map[string]struct {
		tags []resource.Tag
		want registry.Code
	}{
		"longest":        {[]resource.Tag{{Key: long(128), Value: long(256)}}, ""},
		"key too long":   {[]resource.Tag{{Key: long(129)}}, registry.InvalidTagParameter},
		"value too long": {[]resource.Tag{{Key: "k", Value: long(257)}}, registry.InvalidTagParameter},
		"no key":         {[]resource.Tag{{Value: "v"}}, registry.InvalidTagParameter},
		"reserved":       {[]resource.Tag{{Key: "AWS:x"}}, registry.InvalidTagParameter},
		"characters":     {[]resource.Tag{{Key: "Größe 1 +-=._:/@", Value: "日本 ٣"}}, ""},
		"another in key": {[]resource.Tag{{Key: "a,b"}}, registry.InvalidTagParameter},
		"or in value":    {[]resource.Tag{{Key: "a", Value: "b\nc"}}, registry.InvalidTagParameter},
		"key twice":      {[]resource.Tag{{Key: "k"}, {Key: "k"}}, registry.InvalidTagParameter},
		"50":             {many(50), ""},
		"51":             {many(51), registry.TooManyTags},
	} {
		ref := resource.Repository{Registry: prod, Name: "new"}
		_, err := d.CreateRepository(ctx, c, ref, registry.NewRepository{Tags: s.tags})
		wantCode(t, "create with "+name, err, s.want)
		if err == nil {
			if got, err := d.ResourceTags(ctx, c, ref); err != nil || !slices.Equal(got, s.tags) {
				t.Errorf("%s: %v, %v", name, got, err)
			}
			if _, err := d.DeleteRepository(ctx, c, ref, false); err != nil {
				t.Error(err)
			}
		}
		wantCode(t, "tag with "+name, d.TagResource(ctx, c, in(prod), s.tags), s.want)
		keys := []string{"absent"}
		for _, tag := range s.tags {
			keys = append(keys, tag.Key)
		}
		if err := d.UntagResource(ctx, c, in(prod), keys); err != nil {
			t.Error(err)
		}
	}
	// The limit counts what is there, and what is too much changes nothing.
	if err := d.TagResource(ctx, c, in(prod), many(50)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "one more", d.TagResource(ctx, c, in(prod), []resource.Tag{{Key: "k00", Value: "changed"}, {Key: "more"}}),
		registry.TooManyTags)
	if got, err := d.ResourceTags(ctx, c, in(prod)); err != nil || !slices.Equal(got, many(50)) {
		t.Errorf("%v, %v", got, err)
	}
	if err := d.TagResource(ctx, c, in(prod), []resource.Tag{{Key: "k00", Value: "changed"}}); err != nil {
		t.Errorf("overwriting at the limit: %v", err)
	}
}

func TestImmutableTags(t *testing.T) {
	for name, c := range map[string]struct {
		mutability registry.TagMutability
		exclusions []string
		immutable  map[string]bool
	}{
		"mutable":   {registry.Mutable, nil, map[string]bool{"a": false}},
		"immutable": {registry.Immutable, nil, map[string]bool{"a": true, "latest": true}},
		"immutable with exclusion": {
			registry.ImmutableWithExclusion, []string{"latest", "dev-*", "*-rc*"}, map[string]bool{
				"a": true, "latest": false, "latest1": true, "dev-": false, "dev": true, "1-rc2": false,
			},
		},
		"mutable with exclusion": {
			registry.MutableWithExclusion, []string{"v*.*"}, map[string]bool{"v1.2": true, "v1": false, "latest": false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := openStill(t)
			if _, err := d.CreateRepository(ctx, root(prodAccount), in(prod),
				withMutability(c.mutability, c.exclusions...)); err != nil {
				t.Fatal(err)
			}
			tags := slices.Collect(maps.Keys(c.immutable))
			one, two := d.image(in(prod), "one"), d.image(in(prod), "two")
			first := d.put(in(prod), one, tags...)
			d.put(in(prod), one, tags...) // the same again moves nothing
			for tag, immutable := range c.immutable {
				want := registry.Code("")
				if immutable {
					want = registry.ImageTagAlreadyExists
				}
				_, err := d.PutManifest(ctx, root(prodAccount), in(prod), registry.NewManifest{
					Bytes: two, Tags: []string{"fresh-" + tag, tag},
				})
				wantCode(t, tag, err, want)
				if !immutable {
					continue
				}
				if got, err := d.resolve(in(prod), registry.Reference{Tag: tag}); err != nil || got != first {
					t.Errorf("%s: %s, %v", tag, got, err)
				}
				_, err = d.resolve(in(prod), registry.Reference{Tag: "fresh-" + tag})
				wantCode(t, "a tag of a put that was refused", err, registry.ImageNotFound)
				_, err = d.PutManifest(ctx, root(prodAccount), in(prod), registry.NewManifest{
					Bytes: one, Tags: []string{tag}, RefuseUnchanged: true,
				})
				wantCode(t, "the same again as ECR", err, registry.ImageTagAlreadyExists)
			}
		})
	}
}
