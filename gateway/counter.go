package gateway

import "sync"

// counter bounds what is open at a time, in all and by key.
type counter struct {
	most, mostByKey int

	mu    sync.Mutex
	total int
	byKey map[string]int
}

func newCounter(most, mostByKey int) *counter {
	return &counter{most: most, mostByKey: mostByKey, byKey: map[string]int{}}
}

// enter counts one more of key, unless there are too many. ok is false then,
// and everywhere says whether it is the total that is reached.
func (c *counter) enter(key string) (leave func(), everywhere, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total >= c.most {
		return nil, true, false
	}
	if c.byKey[key] >= c.mostByKey {
		return nil, false, false
	}
	c.total++
	c.byKey[key]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.total--
		if c.byKey[key]--; c.byKey[key] == 0 {
			delete(c.byKey, key)
		}
	}, false, true
}
