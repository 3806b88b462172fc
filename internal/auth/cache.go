package auth

import "sync"

// cache remembers results that are costly to compute, up to a fixed weight of
// them. Only results of requests that have proved who they are go in, so a
// stranger can neither fill it nor evict others' entries.
type cache[K comparable, V any] struct {
	limit   int
	mu      sync.RWMutex
	weight  int // of all entries
	entries map[K]entry[V]
}

type entry[V any] struct {
	value  V
	weight int
}

func newCache[K comparable, V any](limit int) *cache[K, V] {
	return &cache[K, V]{limit: limit, entries: make(map[K]entry[V])}
}

func (c *cache[K, V]) get(key K) (V, bool) {
	c.mu.RLock()
	e, ok := c.entries[key]
	c.mu.RUnlock()
	return e.value, ok
}

// put stores a value of a weight, in place of arbitrary entries when the cache is full.
func (c *cache[K, V]) put(key K, value V, weight int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(key)
	for victim := range c.entries {
		if c.weight+weight <= c.limit {
			break
		}
		c.drop(victim)
	}
	c.entries[key] = entry[V]{value, weight}
	c.weight += weight
}

func (c *cache[K, V]) remove(key K) {
	c.mu.Lock()
	c.drop(key)
	c.mu.Unlock()
}

func (c *cache[K, V]) drop(key K) {
	c.weight -= c.entries[key].weight
	delete(c.entries, key)
}
