package core

import "time"

// Clock is the cluster's clock.
type Clock interface {
	// Now returns microseconds since 1970. It never runs backwards.
	Now() int64
}

// LocalClock is the clock of a single process: its own monotonic one, begun at
// the wall clock's time.
type LocalClock struct {
	start time.Time
	base  int64
}

// NewLocalClock returns a clock that begins now, but not before notBefore, in
// microseconds: the latest instant that an earlier run may have used.
func NewLocalClock(notBefore int64) *LocalClock {
	now := time.Now()
	return &LocalClock{start: now, base: max(now.UnixMicro(), notBefore)}
}

// Now implements Clock.
func (c *LocalClock) Now() int64 { return c.base + time.Since(c.start).Microseconds() }
