package redis

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"tandem.watch/tandem/core"
)

// clockKey is a hash: the correction, in µs, that is added to the time of the
// Redis node that has it, and the correction's generation.
const clockKey = "tandem:{tandem:clock}"

//go:embed scripts/clock.lua
var clockSource string

var clockScript = redis.NewScript(clockSource)

// How the cluster's clock is estimated.
const (
	clockEvery   = time.Second
	clockSamples = 32
	clockFirst   = 5
	// clockDrift is how far apart two clocks may run, in millionths.
	clockDrift = 200
	// clockSlack is what a sample may be off beyond its bounds, in µs: a busy
	// machine.
	clockSlack = 5_000
	// clockStep is how many samples in a row must be off for a step.
	clockStep = 3
	// clockAsleep is by how much the wall clock must have run ahead of the
	// monotonic one, for this machine to have been asleep.
	clockAsleep = time.Second
)

// Clock is the cluster's: the time of one Redis node, plus a correction that is
// kept there. It goes on while Redis is away. When the node's time steps, as upon
// a failover to another machine, it does not: gateways hold over, and one of them
// stores the correction that makes the cluster's time continuous.
type Clock struct {
	source timeSource
	logger *slog.Logger
	start  time.Time // with a monotonic reading
	last   atomic.Int64
	offset atomic.Int64 // cluster time at start

	mu         sync.Mutex
	samples    []sample // the last ones
	generation int64
	suspects   int
	wall       time.Time // at the last sample, without a monotonic reading
	wallAt     int64     // and since start

	stop context.CancelFunc
	done chan struct{}
}

// timeSource is where the time comes from.
type timeSource interface {
	// read returns the node's time in µs, the correction and its generation.
	read(ctx context.Context) (reading, error)
	// correct replaces the correction if it is still of a generation.
	correct(ctx context.Context, generation, correction int64) error
}

type reading struct{ time, correction, generation int64 }

// sample is a reading: offset is cluster time less the time since start, known
// to within bound; at is when, since start. All in µs.
type sample struct{ offset, bound, at int64 }

// age is a sample's bound at a later instant.
func (s sample) age(now int64) int64 { return s.bound + (now-s.at)*clockDrift/1_000_000 }

// NewClock returns the cluster's clock, once it is known. The clock ends with
// Close.
func (l *Log) NewClock(ctx context.Context) (*Clock, error) {
	c, err := newClock(ctx, redisTime{l}, l.logger)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	return c, nil
}

var _ core.Clock = (*Clock)(nil)

func newClock(ctx context.Context, source timeSource, logger *slog.Logger) (*Clock, error) {
	c := &Clock{source: source, logger: logger, start: time.Now(), done: make(chan struct{})}
	for range clockFirst {
		if err := c.poll(ctx); err != nil {
			return nil, err
		}
	}
	ctx, c.stop = context.WithCancel(context.Background())
	go c.run(ctx)
	return c, nil
}

// Close ends it.
func (c *Clock) Close() {
	c.stop()
	<-c.done
}

// Now implements core.Clock.
func (c *Clock) Now() int64 {
	now := c.offset.Load() + c.elapsed()
	for {
		last := c.last.Load()
		if now <= last {
			return last
		}
		if c.last.CompareAndSwap(last, now) {
			return now
		}
	}
}

// Bound is how far off, at most, the clock is from the cluster's.
func (c *Clock) Bound() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.best(c.elapsed()).age(c.elapsed())) * time.Microsecond
}

func (c *Clock) elapsed() int64 { return time.Since(c.start).Microseconds() }

func (c *Clock) run(ctx context.Context) {
	defer close(c.done)
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			// While Redis is away the clock goes on by itself.
			_ = c.poll(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// poll takes a reading.
func (c *Clock) poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, clockEvery)
	defer cancel()
	sent := c.elapsed()
	r, err := c.source.read(ctx)
	if err != nil {
		return err
	}
	now := c.elapsed()
	correction, step := c.take(r, sample{
		offset: r.time + r.correction - (sent+now)/2, bound: (now - sent + 1) / 2, at: now,
	})
	if !step {
		return nil
	}
	c.logger.Warn("the cluster's clock has stepped at its source; it is corrected", "byMs", (correction-r.correction)/1000)
	return c.source.correct(ctx, r.generation, correction)
}

// take makes a reading part of the estimate. step says that the source has
// stepped, and what the correction is to be then.
func (c *Clock) take(r reading, s sample) (correction int64, step bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slept() {
		c.logger.Warn("this machine was asleep; its clock is estimated anew")
		c.samples = nil
	}
	if len(c.samples) == 0 || c.generation != r.generation {
		c.suspects = 0
	}
	c.generation = r.generation
	if len(c.samples) > 0 {
		off := s.offset - c.offset.Load()
		if max(off, -off) > s.bound+c.best(s.at).age(s.at)+clockSlack {
			c.suspects++
			return r.correction - off, c.suspects >= clockStep
		}
	}
	c.suspects = 0
	if len(c.samples) == clockSamples {
		c.samples = append(c.samples[:0], c.samples[1:]...)
	}
	c.samples = append(c.samples, s)
	c.offset.Store(c.best(s.at).offset)
	return 0, false
}

// best returns the sample that is known best now.
func (c *Clock) best(now int64) sample {
	best := c.samples[0]
	for _, s := range c.samples[1:] {
		if s.age(now) <= best.age(now) {
			best = s
		}
	}
	return best
}

// slept says whether the monotonic clock has stood still since the last sample,
// as it does on a machine that sleeps.
func (c *Clock) slept() bool {
	wall, at := time.Now().Round(0), c.elapsed()
	slept := !c.wall.IsZero() && wall.Sub(c.wall)-time.Duration(at-c.wallAt)*time.Microsecond > clockAsleep
	c.wall, c.wallAt = wall, at
	return slept
}

// redisTime is the time of the Redis node that has clockKey.
type redisTime struct{ log *Log }

func (t redisTime) read(ctx context.Context) (reading, error) { return t.ask(ctx, "read", 0, 0) }

func (t redisTime) correct(ctx context.Context, generation, correction int64) error {
	_, err := t.ask(ctx, "correct", generation, correction)
	return err
}

func (t redisTime) ask(ctx context.Context, what string, generation, correction int64) (reading, error) {
	n, err := t.log.run(ctx, clockScript, []string{clockKey}, what, generation, correction).Int64Slice()
	if err == nil && len(n) != 4 {
		err = errors.New("redis: the clock script answered something else")
	}
	if err != nil {
		return reading{}, err
	}
	return reading{time: n[0]*1_000_000 + n[1], correction: n[2], generation: n[3]}, nil
}
