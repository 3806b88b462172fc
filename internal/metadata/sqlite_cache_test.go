package metadata

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twinport/twinport/internal/resource"
)

// Each writer moves its own tag and, in one of the repositories, its layer and
// resource tag, and looks at once, while others read all the time. In the other
// repository only tags move, which leaves the rest of what is cached alone.
func TestReadAfterCommitIsNeverStale(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	const writers, rounds = 8, 12
	repos := []*Repository{newRepository(t, s, "one"), newRepository(t, s, "two")}
	for _, r := range repos {
		for i := range rounds {
			putManifest(t, s, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch}, fmt.Sprint("bytes ", i))
		}
	}
	var stop atomic.Bool
	var readers, busy sync.WaitGroup
	for i := range 4 {
		readers.Go(func() {
			for n := 0; !stop.Load(); n++ {
				r, err := s.Repository(t.Context(), account, region, repos[(i+n)%2].Name, nil)
				if err != nil {
					t.Error(err)
					return
				}
				for w := range writers {
					_, _ = s.ManifestContentByTag(t.Context(), r, fmt.Sprint("tag", w))
					_, _ = s.Layer(t.Context(), r, manifestDigest(1000+w))
				}
				if _, err := s.ResourceTags(t.Context(), r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for w := range writers {
		busy.Go(func() {
			mine := repos[w%2]
			tag, layer, key := fmt.Sprint("tag", w), manifestDigest(1000+w), fmt.Sprint("key", w)
			for i := range rounds {
				linked := i%2 == 0
				commit(t, s, func(tx *Tx) error {
					if w%2 == 0 {
						return tx.Tags().Set(mine, Tag{Name: tag, Digest: manifestDigest(i), Sequence: int64(i)}, epoch)
					}
					var layerErr error
					if linked {
						layerErr = addLayer(tx, mine, layer, 7)
					} else {
						_, layerErr = tx.Layers().Unlink(mine, layer)
					}
					return errors.Join(layerErr,
						tx.Tags().Set(mine, Tag{Name: tag, Digest: manifestDigest(i), Sequence: int64(i)}, epoch),
						tx.Repositories().SetResourceTag(mine, resource.Tag{Key: key, Value: fmt.Sprint(i)}))
				})
				r, err := s.Repository(t.Context(), account, region, mine.Name, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if c, err := s.ManifestContentByTag(t.Context(), r, tag); err != nil || c.Digest != manifestDigest(i) ||
					string(c.Bytes) != fmt.Sprint("bytes ", i) {
					t.Errorf("tag %s after round %d: %+v, %v", tag, i, c, err)
				}
				if w%2 == 0 {
					continue
				}
				if n, err := s.Layer(t.Context(), r, layer); linked && (err != nil || n.Size != 7) ||
					!linked && err != ErrNotFound {
					t.Errorf("layer after round %d: %+v, %v", i, n, err)
				}
				tags, err := s.ResourceTags(t.Context(), r)
				found := false
				for _, t := range tags {
					found = found || t == resource.Tag{Key: key, Value: fmt.Sprint(i)}
				}
				if err != nil || !found {
					t.Errorf("resource tags after round %d: %v, %v", i, tags, err)
				}
			}
		})
	}
	busy.Wait()
	stop.Store(true)
	readers.Wait()
	for _, e := range s.cache.repositories {
		if e.bytes < 0 {
			t.Errorf("entry %v counts %d bytes", e.key, e.bytes)
		}
	}
}

func TestPoliciesOfARegistryReachCachedRepositories(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		for i := range 3 {
			text := fmt.Sprint("policy ", i)
			commit(t, s, func(tx *Tx) error {
				reg, err := tx.Registries().Get(account, region)
				reg.Policy, reg.Replication = text, text
				return errors.Join(err, tx.Registries().SaveSettings(reg))
			})
			got, err := s.Repository(t.Context(), account, region, "app", nil)
			if err != nil || got.Registry.Policy != text || got.Registry.Replication != text {
				t.Errorf("round %d: %+v, %v", i, got, err)
			}
			if reg, err := s.Registry(t.Context(), account, region); err != nil || reg.Policy != text || reg.ID == 0 {
				t.Errorf("round %d: the registry is %+v, %v", i, reg, err)
			}
		}
		commit(t, s, func(tx *Tx) error { return tx.Repositories().Delete(r) })
		if _, err := s.Repository(t.Context(), account, region, "app", nil); err != ErrNotFound {
			t.Errorf("after the delete: %v", err)
		}
	})
}

// A registry's policy is replaced again and again, while others read it all the time.
func TestRegistryAfterCommitIsNeverStale(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	newRepository(t, s, "app") // and its registry
	var stop atomic.Bool
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for !stop.Load() {
				if _, err := s.Registry(t.Context(), account, region); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 50 {
		text := fmt.Sprint("policy ", i)
		commit(t, s, func(tx *Tx) error {
			reg, err := tx.Registries().Get(account, region)
			reg.Policy = text
			return errors.Join(err, tx.Registries().SaveSettings(reg))
		})
		if reg, err := s.Registry(t.Context(), account, region); err != nil || reg.Policy != text {
			t.Errorf("round %d: %+v, %v", i, reg, err)
		}
	}
	stop.Store(true)
	readers.Wait()
	asked := s.LookUps()
	for range 3 {
		if _, err := s.Registry(t.Context(), account, region); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.LookUps() - asked; n > 1 {
		t.Errorf("%d look-ups of a registry that does not change", n)
	}
	if _, err := s.Registry(t.Context(), account, "nowhere"); err != ErrNotFound || len(s.cache.registries) != 1 {
		t.Errorf("a registry that is not there: %v, with %d in memory", err, len(s.cache.registries))
	}
}

func TestLayerMediaTypeIsThatOfAnImage(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		image, layer := manifestDigest(1), manifestDigest(1000)
		want := func(when, want string) {
			t.Helper()
			for range 2 { // the second time from memory, where there is one
				row, err := s.Repository(t.Context(), account, region, "app", nil)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := s.LayerMediaType(t.Context(), row, layer); got != want || err != nil {
					t.Errorf("%s: %q, %v, want %q", when, got, err, want)
				}
			}
		}
		put := func(mediaType string) {
			t.Helper()
			commit(t, s, func(tx *Tx) error {
				return tx.Images().Put(r, Manifest{Digest: image, PushedAt: epoch}, []byte("raw"),
					[]Reference{{Digest: layer, MediaType: mediaType}})
			})
		}
		want("before the image", "")
		put("tar")
		want("with the image", "tar")
		commit(t, s, func(tx *Tx) error { _, err := tx.Images().Delete(r, image); return err })
		want("without the image", "")
		put("zstd")
		want("with another", "zstd")
	})
}

func TestAbsentRepositoriesTakeNoRoom(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	for i := range 100 {
		if _, err := s.Repository(t.Context(), account, region, fmt.Sprint("absent", i), nil); err != ErrNotFound {
			t.Fatal(err)
		}
	}
	if n := len(s.cache.repositories); n != 0 || s.cache.bytes != 0 {
		t.Errorf("%d entries, %d bytes", n, s.cache.bytes)
	}
}

func TestCacheCountsWhatItHolds(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	big := strings.Repeat("x", 1<<20)
	a, b := newRepository(t, s, "a"), newRepository(t, s, "b")
	putManifest(t, s, a, Manifest{Digest: manifestDigest(1), PushedAt: epoch}, "small", "latest")
	for i := range 20 {
		putManifest(t, s, b, Manifest{Digest: manifestDigest(100 + i), PushedAt: epoch}, big)
	}
	rowA, err := s.Repository(t.Context(), account, region, "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ManifestContentByTag(t.Context(), rowA, "latest"); err != nil {
		t.Fatal(err)
	}
	kept := s.cache.bytes
	// Entries that commits drop give their bytes back, so that busy
	// repositories do not push the others out.
	for range 20 {
		row, err := s.Repository(t.Context(), account, region, "b", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.ManifestContent(t.Context(), row, manifestDigest(100)); err != nil {
			t.Fatal(err)
		}
		if s.cache.bytes < kept+len(big) {
			t.Fatalf("the cache counts %d bytes, and holds a manifest of %d", s.cache.bytes, len(big))
		}
		commit(t, s, func(tx *Tx) error { return tx.Repositories().SetPolicy(b, "p") })
		// By a reader of the dropped entry.
		if _, err := s.ManifestContent(t.Context(), row, manifestDigest(101)); err != nil {
			t.Fatal(err)
		}
		if s.cache.bytes != kept {
			t.Fatalf("the cache counts %d bytes after the drop, want %d", s.cache.bytes, kept)
		}
	}
	if again, err := s.Repository(t.Context(), account, region, "a", nil); err != nil || again != rowA {
		t.Errorf("repository a was pushed out: %v", err)
	}
	// So does a tag that is moved.
	if err := s.Update(t.Context(), func(tx *Tx) error {
		return tx.Tags().Set(a, Tag{Name: "latest", Digest: manifestDigest(1), Sequence: 2}, epoch)
	}); err != nil {
		t.Fatal(err)
	}
	if s.cache.bytes >= kept {
		t.Errorf("the cache counts %d bytes after the tag was dropped, and %d with it", s.cache.bytes, kept)
	}
	// It is bounded.
	row, err := s.Repository(t.Context(), account, region, "b", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if _, err := s.ManifestContent(t.Context(), row, manifestDigest(100+i)); err != nil {
			t.Fatal(err)
		}
		if s.cache.bytes > maxCachedBytes {
			t.Fatalf("the cache counts %d bytes", s.cache.bytes)
		}
	}
	if again, err := s.Repository(t.Context(), account, region, "b", nil); err != nil || again == row {
		t.Errorf("the full cache kept its largest entry: %v", err)
	}
}

// Whoever has seen any effect of a commit in the database must not find an
// older fact in the cache, not even before the commit is acknowledged.
func TestCacheIsNeverBehindTheDatabase(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	r := newRepository(t, s, "app")
	putManifest(t, s, r, Manifest{Digest: manifestDigest(0), PushedAt: epoch}, "{}", "latest")
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				// Straight from the database, then through the cache.
				seen, err := s.Read(t.Context()).Tags().Get(r.ID, "latest")
				if err != nil {
					t.Error(err)
					return
				}
				row, err := s.Repository(t.Context(), account, region, "app", nil)
				if err != nil {
					t.Error(err)
					return
				}
				c, err := s.ManifestContentByTag(t.Context(), row, "latest")
				if err != nil {
					t.Error(err)
					return
				}
				if c.Digest < seen.Digest {
					t.Errorf("the database had %s already, the cache gave %s", seen.Digest, c.Digest)
					return
				}
			}
		})
	}
	for i := 1; i < 400; i++ {
		putManifest(t, s, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch}, "{}", "latest")
	}
	close(done)
	readers.Wait()
}
