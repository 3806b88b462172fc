// Package parsecache remembers what stored texts were parsed to.
package parsecache

import (
	"sync"

	"github.com/twinport/twinport/internal/resource"
)

// Cache keeps, for each registry, what its stored text was last parsed to, for readers of rows that are not
// cached themselves. There are as many entries as registries, whatever texts come and go. The zero value is empty.
type Cache[V any] struct {
	mu     sync.Mutex
	parsed map[resource.Registry]entry[V]
}

type entry[V any] struct {
	text  string
	value V
}

// Last returns what the registry's text was last parsed to, or the zero value.
func (c *Cache[V]) Last(registry resource.Registry) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parsed[registry].value
}

// Get returns what the registry's text was parsed to. It calls parse if the text is not the one before.
func (c *Cache[V]) Get(registry resource.Registry, text string, parse func() (V, error)) (V, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.parsed[registry]; ok && e.text == text {
		return e.value, nil
	}
	v, err := parse()
	if err != nil {
		return v, err
	}
	if c.parsed == nil {
		c.parsed = map[resource.Registry]entry[V]{}
	}
	c.parsed[registry] = entry[V]{text, v}
	return v, nil
}
