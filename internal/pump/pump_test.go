package pump_test

import (
	"encoding/binary"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/internal/pump"
)

// sink is a peer that takes some time for each write.
type sink struct {
	each    time.Duration
	fails   int // the write that fails, from 1
	writing atomic.Int32

	mu     sync.Mutex
	got    []uint32
	writes int
	ends   []error
}

var errSink = errors.New("gone")

func (s *sink) write(frames [][]byte) error {
	if s.writing.Add(1) != 1 {
		panic("two writers")
	}
	defer s.writing.Add(-1)
	if s.each > 0 {
		time.Sleep(s.each)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writes++; s.writes == s.fails {
		return errSink
	}
	for _, f := range frames {
		s.got = append(s.got, binary.BigEndian.Uint32(f))
	}
	return nil
}

func (s *sink) ended(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends = append(s.ends, err)
}

func frame(from, i int) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(from<<20|i)) //nolint:gosec // small
}

// inOrder checks that count frames of each sender came once and in order.
func (s *sink) inOrder(t *testing.T, senders, count int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	next := make([]int, senders)
	for _, v := range s.got {
		from, i := int(v>>20), int(v&(1<<20-1))
		if i != next[from] {
			t.Fatalf("of sender %d came %d, want %d", from, i, next[from])
		}
		next[from]++
	}
	for from, n := range next {
		if n != count {
			t.Errorf("of sender %d came %d frames, want %d", from, n, count)
		}
	}
}

// Nothing is lost and the order is kept, however pushes meet the writer's end.
func TestNothingIsLost(t *testing.T) {
	const senders, count = 4, 20_000
	s := new(sink)
	p := pump.New(1<<30, s.write, s.ended)
	var work sync.WaitGroup
	for from := range senders {
		work.Go(func() {
			for i := range count {
				if got := p.Push(core.ClassControl, "", frame(from, i)); got != core.PushedQueued {
					t.Errorf("push: %v", got)
				}
				if i%(3+from) == 0 {
					runtime.Gosched() // the writer often has nothing left, and ends
				}
			}
		})
	}
	work.Wait()
	p.Wait()
	s.inOrder(t, senders, count)
	if len(s.ends) != 0 {
		t.Errorf("ended: %v", s.ends)
	}
	p.Finish(nil)
	p.Wait()
	if len(s.ends) != 1 || s.ends[0] != nil {
		t.Errorf("ended: %v, want once, without an error", s.ends)
	}
}

// With a slow peer: what waits is written together, and pushing never waits.
func TestSlowPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{each: time.Second}
		p := pump.New(1<<20, s.write, s.ended)
		begin := time.Now()
		for i := range 1000 {
			p.Push(core.ClassControl, "", frame(0, i))
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("pushing took %v", took)
		}
		p.Wait()
		s.inOrder(t, 1, 1000)
		if s.writes > 3 {
			t.Errorf("%d writes", s.writes)
		}
	})
}

// An idle pump has no goroutine: the bubble would not end with one.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(sink)
		p := pump.New(1<<20, s.write, s.ended)
		for i := range 5 {
			p.Push(core.ClassControl, "", frame(0, i))
			synctest.Wait()
			time.Sleep(time.Minute)
		}
		s.inOrder(t, 1, 5)
	})
}

// Each message to a quiet peer begins a writer: that is most of what a gateway does.
func TestQuietPeerAllocatesNothing(t *testing.T) {
	p := pump.New(1<<10, func([][]byte) error { return nil }, func(error) {})
	b := frame(0, 1)
	allocs := testing.AllocsPerRun(200, func() {
		p.Push(core.ClassControl, "", b)
		p.Wait()
	})
	if allocs >= 1 {
		t.Errorf("%.1f allocations a message", allocs)
	}
	p.Finish(nil)
	p.Wait()
}

// Last words are the last, and nothing is taken after them.
func TestFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{each: time.Second}
		p := pump.New(1<<20, s.write, s.ended)
		for i := range 10 {
			p.Push(core.ClassControl, "", frame(0, i))
		}
		p.Finish(frame(0, 10))
		p.Finish(frame(0, 99))
		if got := p.Push(core.ClassControl, "", frame(0, 11)); got != core.PushedClosed {
			t.Errorf("pushed after the end: %v", got)
		}
		p.Wait()
		s.inOrder(t, 1, 11)
		if len(s.ends) != 1 || s.ends[0] != nil {
			t.Errorf("ended: %v", s.ends)
		}
	})
}

// After an error nothing more is written, and the end is told once with it.
func TestErrorEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{fails: 2}
		p := pump.New(1<<20, s.write, s.ended)
		for i := range 10 {
			p.Push(core.ClassControl, "", frame(0, i))
			synctest.Wait()
		}
		p.Finish(frame(0, 99))
		p.Finish(nil)
		p.Wait()
		s.inOrder(t, 1, 1)
		if s.writes != 2 || len(s.ends) != 1 || !errors.Is(s.ends[0], errSink) {
			t.Errorf("%d writes, ended: %v", s.writes, s.ends)
		}
	})
}

// An end may be told to somebody who finishes the pump: it does not wait for itself.
func TestEndThatFinishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{fails: 1}
		var p *pump.Pump
		ends := 0
		p = pump.New(1<<20, s.write, func(error) {
			ends++
			p.Finish(frame(0, 1))
			p.Push(core.ClassControl, "", frame(0, 2))
		})
		p.Push(core.ClassControl, "", frame(0, 0))
		p.Wait()
		if ends != 1 || s.writes != 1 {
			t.Errorf("%d ends, %d writes", ends, s.writes)
		}
	})
}

// Overflow is told to who pushes; what was queued is written.
func TestOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{each: time.Second}
		p := pump.New(10*4, s.write, s.ended)
		p.Push(core.ClassControl, "", frame(0, 0))
		synctest.Wait() // that one is being written
		for i := range 10 {
			if got := p.Push(core.ClassControl, "", frame(0, 1+i)); got != core.PushedQueued {
				t.Errorf("push %d: %v", i, got)
			}
		}
		if got := p.Push(core.ClassControl, "", frame(0, 11)); got != core.PushedOverflow {
			t.Errorf("one too many: %v", got)
		}
		p.Wait()
		s.inOrder(t, 1, 11)
	})
}
