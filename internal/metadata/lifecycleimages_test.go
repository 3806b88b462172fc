package metadata

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// lifecycleRepository has the images 1 to 8, pushed in pairs in that order: 3 is
// a child of the index 4, and 5 a signature of 2 with a referrer, 6, of its own.
func lifecycleRepository(t *testing.T, s Store) *Repository {
	r := newRepository(t, s, "app")
	tags := map[int][]string{1: {"prod-1", "x"}, 2: {"dev-1"}, 4: {"latest"}, 5: {"sig"}, 7: {"dev-2", "prod-2"}}
	for i := 1; i <= 8; i++ {
		m := Manifest{Digest: manifestDigest(i), PushedAt: epoch.Add(time.Duration((i+1)/2) * time.Hour), ImageSize: int64(i)}
		switch i {
		case 5:
			m.Subject, m.ArtifactType = manifestDigest(2), "application/vnd.cncf.notary.signature"
		case 6:
			m.Subject = manifestDigest(5)
		case 8:
			m.Subject = manifestDigest(99) // that is not there
		}
		var references []Reference
		if i == 4 {
			references = []Reference{{Digest: manifestDigest(3), Child: true}, {Digest: manifestDigest(1)}}
		}
		commit(t, s, func(tx *Tx) error { return tx.Images().Put(r, m, []byte("{}"), references) })
		for n, tag := range tags[i] {
			commit(t, s, func(tx *Tx) error {
				return tx.Tags().Set(r, Tag{Name: tag, Digest: m.Digest, Sequence: 1}, epoch.Add(time.Duration(n)*time.Minute))
			})
		}
	}
	return r
}

func lifecycleKey(i int) ImageKey {
	return ImageKey{epoch.Add(time.Duration((i+1)/2) * time.Hour), manifestDigest(i)}
}

func TestLifecycleListsWhatRulesAreAbout(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := lifecycleRepository(t, s)
		every := LifecycleRange{Untagged: true, Prefixes: []string{""}, Limit: 100, TaggedAt: true, Signed: true}
		change := func(f func(*LifecycleRange)) LifecycleRange { c := every; f(&c); return c }
		for name, c := range map[string]struct {
			of   LifecycleRange
			want []int
			more bool
		}{
			"all":    {every, []int{1, 2, 4, 7, 8}, false},
			"newest": {change(func(r *LifecycleRange) { r.Newest = true }), []int{8, 7, 4, 2, 1}, false},
			"a page": {change(func(r *LifecycleRange) { r.Limit = 3 }), []int{1, 2, 4}, true},
			"between": {change(func(r *LifecycleRange) {
				r.Above, r.Below = lifecycleKey(1), lifecycleKey(8)
			}), []int{2, 4, 7}, false},
			"newest between": {change(func(r *LifecycleRange) {
				r.Above, r.Below, r.Newest, r.Limit = lifecycleKey(1), lifecycleKey(8), true, 2
			}), []int{7, 4}, true},
			"before a time": {change(func(r *LifecycleRange) {
				r.Below = ImageKey{PushedAt: lifecycleKey(3).PushedAt}
			}), []int{1, 2}, false},
			"untagged": {change(func(r *LifecycleRange) { r.Prefixes = nil }), []int{8}, false},
			"tagged":   {change(func(r *LifecycleRange) { r.Untagged = false }), []int{1, 2, 4, 7}, false},
			"prefixes": {change(func(r *LifecycleRange) {
				r.Untagged, r.Prefixes = false, []string{"l", "prod-", "prod-1x"}
			}), []int{1, 4, 7}, false},
			"a prefix that is a tag": {change(func(r *LifecycleRange) {
				r.Untagged, r.Prefixes = false, []string{"dev-2"}
			}), []int{7}, false},
			"nothing": {LifecycleRange{Limit: 100}, nil, false},
		} {
			page, more, err := s.Read(t.Context()).Images().Lifecycle(r.ID, c.of)
			if err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, image := range page {
				got = append(got, image.Digest)
			}
			for _, i := range c.want {
				want = append(want, manifestDigest(i))
			}
			if !slices.Equal(got, want) || more != c.more {
				t.Errorf("%s: %v, more %v, want %v, %v", name, got, more, want, c.more)
			}
		}
		page, _, err := s.Read(t.Context()).Images().Lifecycle(r.ID, every)
		if err != nil {
			t.Fatal(err)
		}
		pulled := epoch.Add(3 * time.Hour)
		commit(t, s, func(tx *Tx) error { return tx.Images().SetPulledAt(r.ID, manifestDigest(1), pulled) })
		for _, image := range page {
			alone, err := s.Read(t.Context()).Images().LifecycleImage(r.ID, image.Digest)
			if err != nil || !alone.PushedAt.Equal(image.PushedAt) || alone.Size != image.Size ||
				!slices.Equal(alone.Tags, image.Tags) || !alone.TaggedAt.Equal(image.TaggedAt) ||
				alone.Signed != image.Signed || alone.Child || alone.Attached {
				t.Errorf("%+v, %v, listed as %+v", alone, err, image)
			}
			if image.Signed != (image.Digest == manifestDigest(2)) {
				t.Errorf("%s is signed: %v", image.Digest, image.Signed)
			}
		}
		first, err := s.Read(t.Context()).Images().LifecycleImage(r.ID, manifestDigest(1))
		if err != nil || !slices.Equal(first.Tags, []string{"prod-1", "x"}) || !first.PulledAt.Equal(pulled) ||
			!first.TaggedAt.Equal(epoch.Add(time.Minute)) || !first.PushedAt.Equal(lifecycleKey(1).PushedAt) {
			t.Errorf("the first image is %+v, %v", first, err)
		}
		// What nobody asks for is left out.
		plain := every
		plain.TaggedAt, plain.Signed = false, false
		if page, _, err = s.Read(t.Context()).Images().Lifecycle(r.ID, plain); err != nil {
			t.Fatal(err)
		}
		for _, image := range page {
			if !image.TaggedAt.IsZero() || image.Signed {
				t.Errorf("asked for neither time nor signature: %+v", image)
			}
		}
		for i, want := range map[int][2]bool{3: {true, false}, 5: {false, true}, 6: {false, true}, 1: {false, false}} {
			image, err := s.Read(t.Context()).Images().LifecycleImage(r.ID, manifestDigest(i))
			if err != nil || image.Child != want[0] || image.Attached != want[1] {
				t.Errorf("image %d is %+v, %v", i, image, err)
			}
		}
		if _, err := s.Read(t.Context()).Images().LifecycleImage(r.ID, manifestDigest(99)); err != ErrNotFound {
			t.Errorf("an image that is not there: %v", err)
		}
	})
}

func TestWhatSignsAnImage(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		for i, c := range []struct {
			artifact, tag string
			want          bool
		}{
			{"application/vnd.cncf.notary.signature", "", true},
			{"application/vnd.dev.sigstore.bundle.v0.3+json", "", true},
			{"application/vnd.dev.cosign.artifact.sig.v1+json", "", true},
			{"application/spdx+json", "", false},
			{"", "sha256-%s.sig", true},
			{"", "sha256-%s.att", false},
		} {
			d := manifestDigest(10 + i)
			putManifest(t, s, r, Manifest{Digest: d, PushedAt: epoch}, "{}")
			other := Manifest{Digest: manifestDigest(100 + i), PushedAt: epoch, ArtifactType: c.artifact}
			if c.artifact != "" {
				other.Subject = d
				putManifest(t, s, r, other, "{}")
			} else {
				putManifest(t, s, r, other, "{}", fmt.Sprintf(c.tag, strings.TrimPrefix(d, "sha256:")))
			}
			if image, err := s.Read(t.Context()).Images().LifecycleImage(r.ID, d); err != nil || image.Signed != c.want {
				t.Errorf("%+v: signed %v, %v", c, image.Signed, err)
			}
		}
	})
}

func TestReferrersFollowAnImage(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := lifecycleRepository(t, s)
		for _, c := range []struct {
			of    int
			limit int
			want  []string
		}{
			{2, 100, []string{manifestDigest(5), manifestDigest(6)}}, {5, 100, []string{manifestDigest(6)}},
			{6, 100, nil}, {4, 100, nil},
		} {
			got, err := s.Read(t.Context()).Images().Following(r.ID, manifestDigest(c.of), c.limit)
			slices.Sort(got)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("of %d: %v, %v, want %v", c.of, got, err, c.want)
			}
		}
		if got, err := s.Read(t.Context()).Images().Following(r.ID, manifestDigest(2), 1); err != nil || len(got) != 1 {
			t.Errorf("at most one: %v, %v", got, err)
		}
		// What an index names stays.
		commit(t, s, func(tx *Tx) error {
			return tx.Images().Put(r, Manifest{Digest: manifestDigest(20), PushedAt: epoch}, []byte("{}"),
				[]Reference{{Digest: manifestDigest(5), Child: true}})
		})
		got, err := s.Read(t.Context()).Images().Following(r.ID, manifestDigest(2), 100)
		if err != nil || !slices.Equal(got, []string{manifestDigest(6)}) {
			t.Errorf("without a child: %v, %v", got, err)
		}
	})
}

// A page of images with very many tags ends early.
func TestLifecyclePagesAreBoundByTags(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		for i := range 3 {
			putManifest(t, s, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch}, "{}")
		}
		commit(t, s, func(tx *Tx) error {
			return tx.conn.exec(`INSERT INTO tags (repository_id, name, manifest_id, sequence, updated_at)
				SELECT m.repository_id, m.digest || value, m.id, 1, 1 FROM manifests m, texts(?)`,
				list(numerals(maxLifecycleTags*2/3)))
		})
		of := LifecycleRange{Prefixes: []string{""}, Limit: 100}
		for i := range 3 {
			page, more, err := s.Read(t.Context()).Images().Lifecycle(r.ID, of)
			if err != nil || len(page) != 1 || len(page[0].Tags) != maxLifecycleTags*2/3 || more != (i < 2) {
				t.Fatalf("page %d has %d images, more %v, %v", i, len(page), more, err)
			}
			of.Above = ImageKey{page[0].PushedAt, page[0].Digest}
		}
	})
}

func numerals(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("-%d", i))
	}
	return all
}
