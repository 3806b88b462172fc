package memstore

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/blobtest"
)

func TestStore(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blobtest.Open {
		s := New(1 << 30)
		return func() blob.Store { return s }
	})
}

// TestRoom: a store takes no more than it has room for, and whatever goes gives
// its room back.
func TestRoom(t *testing.T) {
	ctx := context.Background()
	s := New(1 << 20)
	object := blobtest.Push(t, s, "first", blobtest.Content(600<<10, 1))
	u := blobtest.Reserve(t, s, "second", nil)
	defer u.Close()
	// What fits stays, and the upload can go on when there is room.
	n, err := u.ReadFrom(bytes.NewReader(blobtest.Content(600<<10, 2)))
	if !errors.Is(err, blob.ErrFull) || n != u.Size() || n == 0 {
		t.Errorf("more than there is room for: %d bytes, then %v; it has %d", n, err, u.Size())
	}
	if err := s.Delete(ctx, []string{object, object, "absent"}); err != nil {
		t.Error(err)
	}
	blobtest.Append(t, u, blobtest.Content(600<<10, 2)[n:])
	if s.Short() {
		t.Error("it is short of room with a third free")
	}
	// A second copy of an object takes the room of neither.
	for range 2 {
		blobtest.Push(t, s, "third", blobtest.Content(200<<10, 3))
	}
	blobtest.Push(t, s, "fourth", blobtest.Content(190<<10, 4))
	if !s.Short() {
		t.Errorf("it is not short of room with %d of %d bytes used", s.used, s.room)
	}
	if err := u.Cancel(ctx); err != nil {
		t.Error(err)
	}
	for _, o := range blobtest.Objects(t, s, "") {
		if err := s.Delete(ctx, []string{o.Name}); err != nil {
			t.Error(err)
		}
	}
	if s.used != 0 || s.Short() {
		t.Errorf("an empty store uses %d bytes", s.used)
	}
}

// TestClose: a store that was closed has nothing, and loses nothing.
func TestClose(t *testing.T) {
	ctx := context.Background()
	s := New(1 << 20)
	object := blobtest.Push(t, s, "object", []byte("content"))
	u := blobtest.Reserve(t, s, "upload", nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, readErr := u.ReadFrom(bytes.NewReader([]byte("content")))
	u.Close()
	_, sizeErr := s.Size(ctx, object)
	_, uploadErr := s.Upload(ctx, "other", nil)
	for what, err := range map[string]error{
		"append": readErr, "size": sizeErr, "upload": uploadErr, "ping": s.Ping(ctx),
	} {
		if !errors.Is(err, blob.ErrUnavailable) || blob.IsLost(err) {
			t.Errorf("%s after the end: %v", what, err)
		}
	}
}
