package replication

import (
	"bytes"
	"io"
	"testing"
)

// A stream ends where a kill would lose more than docs/peers.md says.
func TestStreamEndsBeforeTooMuchIsUnsaved(t *testing.T) {
	var all assemblies
	const received = saveInterval - 1 // and none of it is saved
	a := &assembly{moved: make(chan struct{}), next: received}
	part := make([]byte, PartSize)
	for at := int64(received) + PartSize; at <= received+maxUnsaved; at += PartSize {
		if !a.hold(&all, at, part) {
			t.Fatal("there is no room")
		}
	}
	if _, err := io.Copy(io.Discard, a.follow(&all, part)); err != nil {
		t.Fatal(err)
	}
	if a.next > maxUnsaved || a.next <= maxUnsaved-PartSize {
		t.Errorf("the stream ends at byte %d, want the last whole part up to byte %d", a.next, maxUnsaved)
	}
}

// Parts that wait may overlap, when they come from different tries. None that reaches further is lost.
func TestHeldPartsOverlap(t *testing.T) {
	content := []byte("0123456789")
	for range 50 { // maps have no order
		var all assemblies
		a := &assembly{next: 2}
		for _, part := range [][2]int64{{2, 4}, {3, 5}, {3, 8}, {4, 6}, {7, 10}} {
			if !a.hold(&all, part[0], content[part[0]:part[1]]) {
				t.Fatal("there is no room")
			}
		}
		var got []byte
		for follows := a.held(&all); follows != nil; follows = a.held(&all) {
			got = append(got, follows...)
			a.next += int64(len(follows))
		}
		if !bytes.Equal(got, content[2:]) {
			t.Fatalf("%q follows", got)
		}
		if n := all.ahead.Load(); n != 0 || len(a.ahead) > 0 {
			t.Fatalf("%d bytes are still held", n)
		}
	}
}
