// Package limit holds rate limits by key: an address, a room, or both.
package limit

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Keyed gives every key a token bucket of its own. Its memory is bounded: it
// holds two generations of keys, and when the younger one is full the older one
// is forgotten, whose keys start with full buckets again. Safe for use by
// several goroutines.
type Keyed struct {
	every rate.Limit
	burst int
	most  int

	mu         sync.Mutex
	young, old map[string]*rate.Limiter
}

// NewKeyed returns limits of burst at once and one more each interval, for at
// most keys keys.
func NewKeyed(burst int, interval time.Duration, keys int) *Keyed {
	return &Keyed{every: rate.Every(interval), burst: burst, most: max(2, keys), young: map[string]*rate.Limiter{}}
}

// Take takes a token of key's. When there is none it takes nothing and returns
// how long until there is.
func (k *Keyed) Take(key string) (wait time.Duration, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	l := k.bucket(key)
	if l.AllowN(now, 1) {
		return 0, true
	}
	return k.wait(l, now), false
}

// Give gives a token back that Take took.
func (k *Keyed) Give(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bucket(key).AllowN(time.Now(), -1)
}

func (k *Keyed) wait(l *rate.Limiter, now time.Time) time.Duration {
	missing := 1 - l.TokensAt(now)
	return time.Duration(math.Ceil(missing / float64(k.every) * float64(time.Second)))
}

// bucket finds or makes key's bucket. Two generations: what is used moves to
// the young one; when that has half of the most keys it becomes the old one.
func (k *Keyed) bucket(key string) *rate.Limiter {
	if l, ok := k.young[key]; ok {
		return l
	}
	l, ok := k.old[key]
	if !ok {
		l = rate.NewLimiter(k.every, k.burst)
	}
	if len(k.young) >= k.most/2 {
		k.young, k.old = map[string]*rate.Limiter{}, k.young
	}
	k.young[key] = l
	return l
}
