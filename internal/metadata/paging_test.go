package metadata

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every list is paged by key: pages of any size give the same items in the
// same order, even if what was the last key has gone meanwhile.
func TestListsArePagedByKey(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		const n = 23
		r := newRepository(t, s, "app")
		for i := range n {
			newRepository(t, s, fmt.Sprintf("repo-%02d", i))
			var tags []string
			if i%2 == 0 {
				tags = []string{fmt.Sprintf("tag-%02d", n-i), fmt.Sprintf("other-%02d", i)}
			}
			subject, artifact := "", "type-a"
			if i%3 == 0 {
				subject = manifestDigest(9999)
			}
			if i%2 == 1 {
				artifact = "type-b"
			}
			putManifest(t, s, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch, Subject: subject, ArtifactType: artifact},
				"{}", tags...)
			commit(t, s, func(tx *Tx) error {
				return errors.Join(
					tx.Uploads().Create(Upload{
						ID: fmt.Sprintf("u%02d", i), RepositoryID: r.ID, StartedAt: epoch.Add(time.Duration(i) * time.Second),
					}),
					tx.Tags().Set(r, Tag{Name: fmt.Sprintf("many-%02d", i), Digest: manifestDigest(0)}, epoch))
			})
		}
		q := s.Read(t.Context())
		manifests := func(tagged int) func(string, int) ([]string, error) {
			return func(after string, limit int) ([]string, error) {
				var key ImageKey
				if after != "" {
					key = ImageKey{epoch, after}
				}
				ms, err := q.Images().List(r.ID, tagged, key, limit, 2)
				return keys(ms, func(m ListedManifest) string { return m.Digest }), err
			}
		}
		imageIDs := func(tagged, untagged bool) func(string, int) ([]string, error) {
			return func(after string, limit int) ([]string, error) {
				var key ImageKey
				tag := ""
				if after != "" {
					key, tag = ImageKey{epoch, after[:71]}, after[71:]
				}
				ids, err := q.Images().IDs(r.ID, tagged, untagged, key, tag, limit)
				return keys(ids, func(i ImageID) string { return i.Digest + i.Tag }), err
			}
		}
		referrers := func(artifacts ...string) func(string, int) ([]string, error) {
			return func(after string, limit int) ([]string, error) {
				ms, _, err := q.Images().Referrers(r.ID, manifestDigest(9999), artifacts, after, limit)
				return keys(ms, func(m Manifest) string { return m.Digest }), err
			}
		}
		for _, list := range []struct {
			name string
			want int
			page func(after string, limit int) ([]string, error)
		}{
			{"repositories", n + 1, func(after string, limit int) ([]string, error) {
				rs, err := q.Repositories().List(r.RegistryRow, after, limit)
				return keys(rs, func(r *Repository) string { return r.Name }), err
			}},
			{"tags", 2*12 + n, func(after string, limit int) ([]string, error) {
				ts, err := q.Tags().List(r.ID, after, limit)
				return keys(ts, func(t Tag) string { return t.Name }), err
			}},
			{"tags of an image", n + 2, func(after string, limit int) ([]string, error) {
				ts, err := q.Tags().Of(r.ID, manifestDigest(0), after, limit)
				return keys(ts, func(t Tag) string { return t.Name }), err
			}},
			{"manifests", n, manifests(-1)},
			{"manifests with tags", 12, manifests(1)},
			{"manifests without tags", 11, manifests(0)},
			{"image ids", 2*12 + n + 11, imageIDs(true, true)},
			{"image ids with tags", 2*12 + n, imageIDs(true, false)},
			{"image ids without tags", 11, imageIDs(false, true)},
			{"referrers", 8, referrers()},
			{"referrers of a type", 4, referrers("type-b")},
			{"referrers of some types", 4, referrers("type-b", "none")},
			{"uploads", 20, func(after string, limit int) ([]string, error) {
				us, err := q.Uploads().Idle(epoch.Add(20*time.Second), epoch.Add(time.Hour), after, limit)
				return keys(us, func(u Upload) string { return u.ID }), err
			}},
		} {
			t.Run(list.name, func(t *testing.T) {
				all, err := list.page("", 1000)
				order := strings.Compare
				switch { // images come the latest first, each with its tags in their order
				case strings.HasPrefix(list.name, "manifests"):
					order = func(a, b string) int { return strings.Compare(b, a) }
				case strings.HasPrefix(list.name, "image ids"):
					order = func(a, b string) int { return cmp.Or(strings.Compare(b[:71], a[:71]), strings.Compare(a, b)) }
				}
				if err != nil || len(all) != list.want || !slices.IsSortedFunc(all, order) {
					t.Fatalf("%d items, want %d, sorted: %v, %v", len(all), list.want, all, err)
				}
				for _, size := range []int{1, 3, 7, list.want} {
					var got []string
					for after := ""; ; {
						items, err := list.page(after, size)
						if err != nil || len(items) > size {
							t.Fatalf("page of %d after %q: %d items, %v", size, after, len(items), err)
						}
						if len(items) == 0 {
							break
						}
						got = append(got, items...)
						after = items[len(items)-1]
					}
					if !slices.Equal(got, all) {
						t.Errorf("in pages of %d: %v, want %v", size, got, all)
					}
				}
			})
		}
	})
}

// Images come by their pushes, whatever their digests and tags.
func TestImageIDsComeByPush(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		at := func(i int) time.Time { return epoch.Add(time.Duration(i) * time.Second) }
		putManifest(t, s, r, Manifest{Digest: manifestDigest(3), PushedAt: at(1)}, "{}", "a", "z")
		putManifest(t, s, r, Manifest{Digest: manifestDigest(1), PushedAt: at(2)}, "{}")
		putManifest(t, s, r, Manifest{Digest: manifestDigest(2), PushedAt: at(3)}, "{}", "c", "b")
		want := []ImageID{
			{ImageKey{at(3), manifestDigest(2)}, "b"}, {ImageKey{at(3), manifestDigest(2)}, "c"},
			{ImageKey{at(2), manifestDigest(1)}, ""},
			{ImageKey{at(1), manifestDigest(3)}, "a"}, {ImageKey{at(1), manifestDigest(3)}, "z"},
		}
		for limit := range len(want) + 1 {
			var got []ImageID
			for last := (ImageID{}); ; {
				page, err := s.Read(t.Context()).Images().IDs(r.ID, true, true, last.ImageKey, last.Tag, limit+1)
				if err != nil {
					t.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				got, last = append(got, page...), page[len(page)-1]
			}
			if !slices.Equal(got, want) {
				t.Errorf("in pages of %d: %v, want %v", limit+1, got, want)
			}
		}
	})
}

func keys[T any](items []T, key func(T) string) (out []string) {
	for _, i := range items {
		out = append(out, key(i))
	}
	return out
}

func TestReferrersSayWhetherThereAreMore(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		subject := manifestDigest(99)
		annotations := strings.Repeat(" ", maxAnnotations/2)
		for i := range 5 {
			putManifest(t, s, r, Manifest{
				Digest: manifestDigest(i), Subject: subject, Annotations: annotations, PushedAt: epoch,
			}, "{}")
		}
		for _, c := range []struct {
			after     string
			limit     int
			want      int
			wantsMore bool
		}{
			{"", 1, 1, true},
			{"", 5, 2, true}, // their annotations fill the page
			{manifestDigest(2), 2, 2, false},
			{manifestDigest(3), 1, 1, false},
			{manifestDigest(4), 5, 0, false},
		} {
			ms, more, err := s.Read(t.Context()).Images().Referrers(r.ID, subject, nil, c.after, c.limit)
			if err != nil || len(ms) != c.want || more != c.wantsMore {
				t.Errorf("%d after %q: %d items, more %v, %v", c.limit, c.after, len(ms), more, err)
			}
		}
		// An image has the first of its tags.
		commit(t, s, func(tx *Tx) error {
			for _, name := range []string{"c", "a", "b"} {
				if err := tx.Tags().Set(r, Tag{Name: name, Digest: manifestDigest(0)}, epoch); err != nil {
					return err
				}
			}
			return nil
		})
		if ms, err := s.Read(t.Context()).Images().List(r.ID, -1, ImageKey{epoch, manifestDigest(1)}, 1, 2); err != nil || len(ms) != 1 ||
			!slices.Equal(ms[0].Tags, []string{"a", "b"}) {
			t.Errorf("the first two tags of an image: %+v, %v", ms, err)
		}
		if ms, err := s.Read(t.Context()).Images().List(r.ID, -1, ImageKey{}, 5, 1); err != nil || len(ms) != 5 ||
			ms[0].Annotations != "" {
			t.Errorf("a list of manifests must not carry annotations: %v", err)
		}
		// One that is larger than a page comes alone.
		putManifest(t, s, r, Manifest{
			Digest: manifestDigest(5), Subject: subject, Annotations: strings.Repeat(" ", maxAnnotations+1), PushedAt: epoch,
		}, "{}")
		if ms, more, err := s.Read(t.Context()).Images().Referrers(r.ID, subject, nil, manifestDigest(4), 5); err != nil ||
			len(ms) != 1 || more {
			t.Errorf("a large one: %d items, more %v, %v", len(ms), more, err)
		}
	})
}
