package redis

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeTime is a node's clock, which a test steps, at some distance.
type fakeTime struct {
	mu                     sync.Mutex
	step                   time.Duration // of the node's clock against true time
	there, back            time.Duration // on the way
	correction, generation int64
	away                   bool
	corrected              int
}

func (f *fakeTime) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeTime) read(context.Context) (reading, error) {
	f.mu.Lock()
	away, there, back := f.away, f.there, f.back
	f.mu.Unlock()
	if away {
		return reading{}, errors.New("away")
	}
	time.Sleep(there)
	f.mu.Lock()
	r := reading{time.Now().Add(f.step).UnixMicro(), f.correction, f.generation}
	f.mu.Unlock()
	time.Sleep(back)
	return r, nil
}

func (f *fakeTime) correct(_ context.Context, generation, correction int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if generation == f.generation {
		f.correction, f.generation = correction, generation+1
		f.corrected++
	}
	return nil
}

// clocks starts gateways' clocks over one source.
func clocks(t *testing.T, f *fakeTime, n int) []*Clock {
	t.Helper()
	var list []*Clock
	for range n {
		c, err := newClock(t.Context(), f, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
		time.Sleep(137 * time.Millisecond)
	}
	return list
}

// near checks that a clock is within a bound of true time and never runs back.
func near(t *testing.T, c *Clock, within time.Duration) {
	t.Helper()
	off := time.Duration(c.Now()-time.Now().UnixMicro()) * time.Microsecond
	if max(off, -off) > within {
		t.Errorf("the clock is off by %v, more than %v", off, within)
	}
}

func TestClockFollowsItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// All of the way is on one side: the estimate is off by half, which the
		// bound tells.
		f := &fakeTime{there: 20 * time.Millisecond}
		c := clocks(t, f, 1)[0]
		defer c.Close()
		near(t, c, 10*time.Millisecond+time.Microsecond)
		if b := c.Bound(); b < 10*time.Millisecond || b > 11*time.Millisecond {
			t.Errorf("the bound is %v", b)
		}
		// A better way gives a better estimate; a worse one spoils nothing.
		f.set(func() { f.there, f.back = time.Millisecond, time.Millisecond })
		time.Sleep(5 * time.Second)
		near(t, c, time.Millisecond)
		f.set(func() { f.there = 300 * time.Millisecond })
		time.Sleep(20 * time.Second)
		near(t, c, 5*time.Millisecond)
		f.set(func() { f.away = true })
		time.Sleep(time.Minute)
		near(t, c, 15*time.Millisecond)
		f.set(func() { f.away = false })
		time.Sleep(time.Minute)
		if f.corrected != 0 {
			t.Error("a clock that did not step was corrected")
		}
	})
}

func TestClockStepsAreCorrected(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour, 100 * time.Millisecond, -100 * time.Millisecond} {
		t.Run(step.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeTime{there: time.Millisecond, back: time.Millisecond}
				all := clocks(t, f, 3)
				f.set(func() { f.step = step })
				before := make([]int64, len(all))
				for range 100 {
					time.Sleep(100 * time.Millisecond)
					for i, c := range all {
						near(t, c, 5*time.Millisecond)
						if now := c.Now(); now < before[i] {
							t.Fatal("a clock ran backwards")
						} else {
							before[i] = now
						}
					}
				}
				if f.corrected != 1 {
					t.Errorf("corrected %d times", f.corrected)
				}
				// Who comes later reads the corrected time.
				all = append(all, clocks(t, f, 1)...)
				for _, c := range all {
					near(t, c, 5*time.Millisecond)
					c.Close()
				}
			})
		})
	}
}
