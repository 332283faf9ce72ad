package legacy

import (
	"math"
	"slices"
	"sync"
	"time"
)

// clock is what is known of one client's wall clock and of the way to it. A
// client says what its clock shows in messages that travel for an unknown time:
// the least delayed of the last ones counts, and half the shortest round trip is
// taken off. Safe for use by several goroutines.
type clock struct {
	mu      sync.Mutex
	samples []sample        // the last ones, oldest first
	suspect *sample         // a lone one that says that the clock was set back
	trips   []time.Duration // the last ones, oldest first
}

// sample is what a message told.
type sample struct {
	at    int64 // cluster time, in µs, when it arrived
	ahead int64 // how far that was ahead of what the client's clock had shown, in µs
}

// Bounds of the estimate.
const (
	// window is how long a sample counts, in µs: a clock drifts by up to 100 ppm.
	window     = 120 * 1_000_000
	maxSamples = 16
	maxTrips   = 8
	// step is how far, in µs, a clock must jump to have been set.
	step = 250_000
	// unknownTrip stands for the round trip until there is one.
	unknownTrip = 50 * time.Millisecond
)

// heard takes what the client's clock showed, in ms, when it sent a message that
// arrived at cluster time at, in µs.
func (c *clock) heard(shown *float64, at int64) {
	if shown == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := sample{at: at, ahead: at - int64(math.Round(*shown*1000))}
	if ahead, known := c.ahead(); known && s.ahead > ahead+step+c.waiting() {
		// Delayed by that much, or its clock was set back: the next one tells.
		before := c.suspect
		if c.suspect = &s; before == nil || abs(s.ahead-before.ahead) > step {
			return
		}
		c.samples = nil
	}
	c.suspect = nil
	c.samples = slices.DeleteFunc(c.samples, func(old sample) bool { return at-old.at > window })
	if len(c.samples) == maxSamples {
		c.samples = slices.Delete(c.samples, 0, 1)
	}
	c.samples = append(c.samples, s)
}

func abs(v int64) int64 { return max(v, -v) }

// ahead is how far cluster time is ahead of the client's clock, the way
// included, in µs.
func (c *clock) ahead() (ahead int64, known bool) {
	for i, s := range c.samples {
		if i == 0 || s.ahead < ahead {
			ahead = s.ahead
		}
	}
	return ahead, len(c.samples) > 0
}

// waiting is how much longer the newest round trip was than the shortest, in µs:
// while a line is congested, all that comes over it is late, and no clock was set.
func (c *clock) waiting() int64 {
	if len(c.trips) == 0 {
		return 0
	}
	return (c.trips[len(c.trips)-1] - slices.Min(c.trips)).Microseconds()
}

// pong takes a round trip.
func (c *clock) pong(trip time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.trips) == maxTrips {
		c.trips = slices.Delete(c.trips, 0, 1)
	}
	c.trips = append(c.trips, max(0, trip))
}

// oneWay is how long a message travels at least.
func (c *clock) oneWay() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.half()
}

func (c *clock) half() time.Duration {
	if len(c.trips) == 0 {
		return unknownTrip / 2
	}
	return slices.Min(c.trips) / 2
}

// trip is a usual round trip, rather long than short; 0 is unknown.
func (c *clock) trip() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.trips) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(c.trips))
	return sorted[len(sorted)*3/4]
}

// offset is how far cluster time is ahead of the client's clock, in µs. Until it
// has shown it, it is taken to be right.
func (c *clock) offset() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	ahead, known := c.ahead()
	if !known {
		return 0
	}
	return ahead - c.half().Microseconds()
}

// shows is what the client's clock shows, in ms, at an instant of cluster time.
func (c *clock) shows(instant int64) int64 { return (instant - c.offset()) / 1000 }

// maxAge bounds, in µs, how old what a client tells may be.
const maxAge = 10 * 1_000_000

// when is the instant of cluster time at which the client's clock showed
// something, in ms, that it told in a message which arrived at: a plausible one,
// or else when the message was sent.
func (c *clock) when(shown *float64, at int64) int64 {
	sent := at - c.oneWay().Microseconds()
	if shown == nil {
		return sent
	}
	instant := int64(math.Round(*shown*1000)) + c.offset()
	if instant > at || instant < at-maxAge {
		return sent
	}
	return instant
}
