package registry

import (
	"sync"

	"github.com/twinport/twinport/internal/resource"
)

// parseCache keeps, for each registry, what its stored text was last parsed
// to, for readers of rows that are not cached themselves. There are as many
// entries as registries, whatever texts come and go.
type parseCache[V any] struct {
	mu     sync.Mutex
	parsed map[resource.Registry]parsedText[V]
}

type parsedText[V any] struct {
	text  string
	value V
}

// last is what the registry's text was last parsed to, or nothing.
func (c *parseCache[V]) last(registry resource.Registry) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parsed[registry].value
}

func (c *parseCache[V]) get(registry resource.Registry, text string, parse func() (V, error)) (V, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.parsed[registry]; ok && p.text == text {
		return p.value, nil
	}
	v, err := parse()
	if err != nil {
		return v, err
	}
	if c.parsed == nil {
		c.parsed = map[resource.Registry]parsedText[V]{}
	}
	c.parsed[registry] = parsedText[V]{text, v}
	return v, nil
}
