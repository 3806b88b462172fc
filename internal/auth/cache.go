package auth

import "sync"

// cache remembers results that are costly to compute, up to a fixed number of
// them. Only results of requests that have proved who they are go in, so a
// stranger can neither fill it nor evict others' entries.
type cache[K comparable, V any] struct {
	limit   int
	mu      sync.RWMutex
	entries map[K]V
}

func newCache[K comparable, V any](limit int) *cache[K, V] {
	return &cache[K, V]{limit: limit, entries: make(map[K]V)}
}

func (c *cache[K, V]) get(key K) (V, bool) {
	c.mu.RLock()
	value, ok := c.entries[key]
	c.mu.RUnlock()
	return value, ok
}

// put stores value, in place of an arbitrary entry when the cache is full.
func (c *cache[K, V]) put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.entries[key]; !known && len(c.entries) >= c.limit {
		for victim := range c.entries {
			delete(c.entries, victim)
			break
		}
	}
	c.entries[key] = value
}

func (c *cache[K, V]) remove(key K) {
	c.mu.Lock()
	delete(c.entries, key)
	c.mu.Unlock()
}
