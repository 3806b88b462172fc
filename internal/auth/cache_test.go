package auth

import "testing"

func TestCacheIsBounded(t *testing.T) {
	c := newCache[int, int](3)
	for i := range 100 {
		c.put(i, i)
		c.put(i, -i)
		if got, ok := c.get(i); !ok || got != -i {
			t.Fatalf("entry %d: %d, %t", i, got, ok)
		}
	}
	if len(c.entries) != 3 {
		t.Errorf("%d entries, want 3", len(c.entries))
	}
	c.remove(99)
	if _, ok := c.get(99); ok || len(c.entries) != 2 {
		t.Errorf("the entry removed is still there")
	}
}
