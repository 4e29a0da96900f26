package tiles

import "sync"

// cache keeps the most recently used values, at most max of them.
type cache[K comparable, V any] struct {
	mu    sync.Mutex
	max   int
	clock uint64
	items map[K]*cached[V]
}

type cached[V any] struct {
	value V
	used  uint64
}

func newCache[K comparable, V any](max int) *cache[K, V] {
	return &cache[K, V]{max: max, items: make(map[K]*cached[V], max)}
}

func (c *cache[K, V]) lookup(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	item, ok := c.items[key]
	if !ok {
		return value, false
	}
	c.clock++
	item.used = c.clock
	return item.value, true
}

func (c *cache[K, V]) keep(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	c.items[key] = &cached[V]{value, c.clock}
	if len(c.items) > c.max {
		delete(c.items, c.oldest())
	}
}

// oldest looks at every key: a hundred comparisons beside a file just read.
func (c *cache[K, V]) oldest() (key K) {
	least := c.clock + 1
	for k, item := range c.items {
		if item.used < least {
			key, least = k, item.used
		}
	}
	return key
}
