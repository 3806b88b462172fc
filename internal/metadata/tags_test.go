package metadata

import "testing"

func TestReplicatedTagsMoveForwardOnly(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		for i := range 10 {
			putManifest(t, s, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch}, "{}")
		}
		for i, step := range []struct {
			tag              string
			source, sequence int64
			want             bool
		}{
			{"latest", 1, 5, true},
			{"latest", 1, 4, false},
			{"latest", 1, 6, true},
			{"latest", 2, 1, true}, // another source has its own numbers
			{"other", 1, 1, true},
			{"latest", 1, 5, false},
		} {
			commit(t, s, func(tx *Tx) error {
				return tx.Tags().Advance(r, Tag{Name: step.tag, Digest: manifestDigest(i), Sequence: int64(i + 1)}, step.source,
					step.sequence, epoch)
			})
			got, err := s.Read(t.Context()).Tags().Get(r.ID, step.tag)
			if err != nil || (got.Digest == manifestDigest(i)) != step.want || step.want && got.Sequence != int64(i+1) {
				t.Errorf("step %d %+v: %+v, %v", i, step, got, err)
			}
		}
	})
}

// TestDeletionOfATagWithAnEarlierNumber: of two replications that run side by side, the
// later push may have got the lower number here. Its tag is deleted as any other.
func TestDeletionOfATagWithAnEarlierNumber(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		for i := range 2 {
			putManifest(t, s, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch}, "{}")
			commit(t, s, func(tx *Tx) error {
				return tx.Tags().Advance(r, Tag{Name: "latest", Digest: manifestDigest(i), Sequence: int64(9 - i)}, 1, int64(i+1),
					epoch)
			})
		}
		if got, err := s.Read(t.Context()).Tags().Get(r.ID, "latest"); err != nil || got.Digest != manifestDigest(1) {
			t.Fatalf("the tag is %+v, %v", got, err)
		}
		commit(t, s, func(tx *Tx) error {
			return tx.Deletions().DeleteTags(r, []string{"latest"}, manifestDigest(1), 1, 3)
		})
		if got, err := s.Read(t.Context()).Tags().Get(r.ID, "latest"); err != ErrNotFound {
			t.Errorf("the tag that was deleted is %+v, %v", got, err)
		}
	})
}

func TestWatermarkOutlivesTheTag(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		putManifest(t, s, r, Manifest{Digest: manifestDigest(1), PushedAt: epoch}, "{}")
		advance := func(sequence int64) {
			commit(t, s, func(tx *Tx) error {
				return tx.Tags().Advance(r, Tag{Name: "latest", Digest: manifestDigest(1), Sequence: sequence}, 1, sequence, epoch)
			})
		}
		advance(5)
		commit(t, s, func(tx *Tx) error { _, err := tx.Tags().Delete(r, "latest"); return err })
		advance(4)
		if got, err := s.Read(t.Context()).Tags().Get(r.ID, "latest"); err != ErrNotFound {
			t.Errorf("an older push brought the tag back: %+v, %v", got, err)
		}
		advance(6)
		if _, err := s.Read(t.Context()).Tags().Get(r.ID, "latest"); err != nil {
			t.Errorf("after a newer push: %v", err)
		}
	})
}

func TestOfTwoPushesTheLaterNumberStays(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		for i, step := range []struct {
			sequence int64
			want     int
		}{{2, 0}, {1, 0}, {3, 2}} {
			putManifest(t, s, r, Manifest{Digest: manifestDigest(i), PushedAt: epoch}, "{}")
			commit(t, s, func(tx *Tx) error {
				return tx.Tags().Set(r, Tag{Name: "latest", Digest: manifestDigest(i), Sequence: step.sequence}, epoch)
			})
			if got, err := s.Read(t.Context()).Tags().Get(r.ID, "latest"); err != nil ||
				got.Digest != manifestDigest(step.want) {
				t.Errorf("after number %d: %+v, %v", step.sequence, got, err)
			}
		}
	})
}

func TestSequencesRise(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		last := int64(0)
		for range 3 {
			var got int64
			commit(t, s, func(tx *Tx) (err error) {
				got, err = tx.Registries().NextSequence(r.RegistryRow)
				return err
			})
			if got <= last {
				t.Errorf("sequence %d after %d", got, last)
			}
			last = got
		}
	})
}

func TestDeletedManifestTakesItsTagsAlong(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		r := newRepository(t, s, "app")
		putManifest(t, s, r, Manifest{Digest: manifestDigest(1), PushedAt: epoch}, "{}", "a", "b")
		for _, want := range []bool{true, false} {
			var deleted bool
			commit(t, s, func(tx *Tx) (err error) {
				deleted, err = tx.Images().Delete(r, manifestDigest(1))
				return err
			})
			if deleted != want {
				t.Errorf("deleted: %v, want %v", deleted, want)
			}
		}
		if tags, err := s.Read(t.Context()).Tags().List(r.ID, "", 10); err != nil || len(tags) != 0 {
			t.Errorf("tags: %v, %v", tags, err)
		}
	})
}
