package usage

import (
	"context"
	"slices"
	"testing"

	"github.com/twinport/twinport/internal/metadata"
)

func TestDigestRanges(t *testing.T) {
	t.Parallel()
	for layers, want := range map[int64]int{
		0: 1, storageRange: 1, storageRange + 1: 16, 16 * storageRange: 16, 16*storageRange + 1: 256, 1 << 62: 1 << 16,
	} {
		ends := digestRanges(layers)
		if len(ends)-1 != want || ends[0] != "" || ends[len(ends)-1] != "~" || !slices.IsSorted(ends) {
			t.Errorf("%d layers are in %d ranges, from %v, want %d", layers, len(ends)-1, ends[:2], want)
		}
	}
}

// Figures of many registries are forgotten, those counted longest ago first; never those of the last.
func TestStorageIsForgotten(t *testing.T) {
	t.Parallel()
	large := make(map[int64]metadata.Stored, manyFigures)
	for i := range int64(manyFigures / 2) {
		large[i] = metadata.Stored{}
	}
	st := storages{last: map[int64]*Storage{}}
	db := &countedRows{}
	for id := range int64(4) {
		db.now = db.now.Add(countLife)
		st.last[id] = &Storage{At: db.now, repositories: large}
		st.forget(id)
		if st.last[id] == nil || len(st.last) > 1 && id > 1 && st.last[id-2] != nil {
			t.Errorf("after registry %d: %d are known", id, len(st.last))
		}
	}
}

// Who asks while a count goes on waits for it, or gives up with its request.
func TestStorageOfSlowDatabase(t *testing.T) {
	t.Parallel()
	db := &countedRows{}
	c := New(nil, nil, db.clock)
	c.stored.turn("account") <- struct{}{} // another count of the account goes on
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.Storage(gone, "account", 1); err != context.Canceled {
		t.Errorf("after the request has ended: %v", err)
	}
	s, counting, err := c.Storage(t.Context(), "account", 1)
	if s != nil || !counting || err != nil {
		t.Errorf("while it is counted: %v, %t, %v", s, counting, err)
	}
}
