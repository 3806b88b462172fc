package auth

import "testing"

func TestCacheIsBounded(t *testing.T) {
	c := newCache[int, int](3)
	for i := range 100 {
		c.put(i, i, 1)
		c.put(i, -i, 1)
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
	for i := range 100 {
		c.put(i, i, 1+i%3)
		total := 0
		for _, e := range c.entries {
			total += e.weight
		}
		if total > 3 || total != c.weight {
			t.Fatalf("entries of weight %d, counted as %d", total, c.weight)
		}
	}
}
