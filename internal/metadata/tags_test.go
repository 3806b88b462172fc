package metadata

import (
	"context"
	"fmt"
	"testing"
)

func TestWatermarkMovesForwardOnly(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	r := newRepository(t, s, "app")
	for i, step := range []struct {
		tag              string
		source, sequence int64
		want             bool
	}{
		{"latest", 1, 5, true},
		{"latest", 1, 5, false},
		{"latest", 1, 4, false},
		{"latest", 1, 6, true},
		{"latest", 2, 1, true}, // another source has its own numbers
		{"other", 1, 1, true},
		{"latest", 1, 5, false},
	} {
		var got bool
		commit(t, s, func(tx *Tx) (err error) {
			got, err = tx.AdvanceWatermark(r.ID, step.tag, step.source, step.sequence)
			return err
		})
		if got != step.want {
			t.Errorf("step %d %+v: %v", i, step, got)
		}
	}
}

func TestWatermarkOutlivesTheTag(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	r := newRepository(t, s, "app")
	putManifest(t, s, r, Manifest{Digest: manifestDigest(1), PushedAt: epoch}, "{}", "latest")
	var before, after bool
	commit(t, s, func(tx *Tx) (err error) {
		if before, err = tx.AdvanceWatermark(r.ID, "latest", 1, 5); err != nil {
			return err
		}
		if _, err = tx.DeleteTag(r, "latest"); err != nil {
			return err
		}
		after, err = tx.AdvanceWatermark(r.ID, "latest", 1, 4)
		return err
	})
	if !before || after {
		t.Errorf("before the delete %v, after it %v", before, after)
	}
}

func TestSequencesRise(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	r := newRepository(t, s, "app")
	for want := int64(1); want <= 3; want++ {
		var got int64
		_ = s.Update(context.Background(), func(tx *Tx) error { // what is undone uses no number up
			_, err := tx.NextSequence(r.RegistryID)
			return fmt.Errorf("undo: %v", err)
		})
		commit(t, s, func(tx *Tx) (err error) {
			got, err = tx.NextSequence(r.RegistryID)
			return err
		})
		if got != want {
			t.Errorf("sequence %d, want %d", got, want)
		}
	}
}

func TestDeletedManifestTakesItsTagsAlong(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	r := newRepository(t, s, "app")
	putManifest(t, s, r, Manifest{Digest: manifestDigest(1), PushedAt: epoch}, "{}", "a", "b")
	for _, want := range []bool{true, false} {
		var deleted bool
		commit(t, s, func(tx *Tx) (err error) {
			deleted, err = tx.DeleteManifest(r, manifestDigest(1))
			return err
		})
		if deleted != want {
			t.Errorf("deleted: %v, want %v", deleted, want)
		}
	}
	if tags, err := s.Read().Tags(r.ID, "", 10); err != nil || len(tags) != 0 {
		t.Errorf("tags: %v, %v", tags, err)
	}
}
