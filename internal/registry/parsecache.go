package registry

import "sync"

// maxParsed bounds a parseCache; past it, it starts afresh.
const maxParsed = 1000

// parseCache keeps what stored texts were parsed to, for readers of rows that
// are not cached themselves.
type parseCache[K comparable, V any] struct {
	mu     sync.Mutex
	parsed map[K]V
}

func (c *parseCache[K, V]) get(key K, parse func() (V, error)) (V, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.parsed[key]; ok {
		return v, nil
	}
	v, err := parse()
	if err != nil {
		return v, err
	}
	if c.parsed == nil || len(c.parsed) >= maxParsed {
		c.parsed = map[K]V{}
	}
	c.parsed[key] = v
	return v, nil
}
