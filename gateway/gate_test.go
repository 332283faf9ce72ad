package gateway

import (
	"fmt"
	"testing"
	"time"

	"tandem.watch/tandem/protocol"
)

// gated returns n members who wait at a gate at position 7, the host first.
func gated(w *world, n int) []*peer {
	w.t.Helper()
	all := []*peer{w.host("Ann")}
	for i := range n - 1 {
		all = append(all, w.join(all[0].room, fmt.Sprint("guest ", i), office))
	}
	at := 7.0
	all[0].do(&protocol.Play{Command: all[0].id(), Position: &at, Wait: true})
	all[0].settle()
	gate := all[0].view.Room.Gate
	if gate == nil || len(gate.Waiting) != n || gate.Needed != (n*6+9)/10 || gate.Deadline != time.Now().Add(3*time.Second).UnixMicro() {
		w.t.Fatalf("the gate is %+v", gate)
	}
	for _, c := range all {
		c.events()
		if diff := c.view.Room.Timeline; diff.Playing || diff.Position != 7 {
			w.t.Fatalf("at the gate the timeline is %+v", diff)
		}
	}
	return all
}

func (c *peer) ready() {
	c.w.t.Helper()
	c.do(&protocol.Ready{Command: c.id(), Gate: c.gate()})
}

func (c *peer) gate() uint64 {
	c.w.t.Helper()
	c.settle()
	if c.view.Room.Gate == nil {
		c.w.t.Fatalf("%s sees no gate", c.name)
	}
	return c.view.Room.Gate.Number
}

// released checks that the gate opened just now, and not before.
func released(t *testing.T, c *peer) {
	t.Helper()
	c.settle()
	got, now := c.view.Room, time.Now().UnixMicro()
	if got.Gate != nil || !got.Timeline.Playing || got.Timeline.Position != 7 || got.Timeline.At < now || got.Timeline.At > now+1_500_000 {
		t.Errorf("the gate is %+v, the timeline %+v; want a start ahead of %d", got.Gate, got.Timeline, now)
	}
	for _, e := range c.events() {
		if e.Type == protocol.EventTimeline && (e.Timeline.Cause != protocol.CauseRelease || e.At != now) {
			t.Errorf("the start was caused by %q at %d, want a release at %d", e.Timeline.Cause, e.At, now)
		}
	}
}

func held(t *testing.T, c *peer) {
	t.Helper()
	if c.gate(); c.view.Room.Timeline.Playing {
		t.Errorf("the room plays at a closed gate: %+v", c.view.Room.Timeline)
	}
}

func TestGateOpensWhenAllAreReady(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		all := gated(w, 3)
		time.Sleep(time.Second)
		for _, c := range all {
			held(t, c)
			c.ready()
		}
		released(t, all[1])
	})
}

func TestGateOpensAfterAQuorum(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		all := gated(w, 5)
		all[0].ready()
		time.Sleep(time.Second)
		all[1].ready()
		time.Sleep(400 * time.Millisecond)
		held(t, all[4])
		all[2].ready() // three of five
		time.Sleep(500*time.Millisecond - time.Millisecond)
		held(t, all[4])
		time.Sleep(time.Millisecond)
		released(t, all[4])
	})
}

func TestGateOpensAtItsDeadline(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		all := gated(w, 5)
		all[0].ready()
		all[1].ready()
		time.Sleep(3*time.Second - time.Millisecond)
		held(t, all[4])
		time.Sleep(time.Millisecond)
		released(t, all[4])
	})
}

// A quorum just before the deadline does not put it off.
func TestGateDeadlineHoldsAfterTheQuorum(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		all := gated(w, 3)
		time.Sleep(2800 * time.Millisecond)
		all[0].ready()
		all[1].ready()
		all[2].drop() // away, and still waited for
		time.Sleep(199 * time.Millisecond)
		held(t, all[0])
		time.Sleep(time.Millisecond)
		released(t, all[0])
	})
}

func TestGateOpensWhenTheLaggardLeaves(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		all := gated(w, 3)
		all[0].ready()
		all[1].ready()
		time.Sleep(100 * time.Millisecond)
		held(t, all[0])
		all[2].do(&protocol.Leave{Command: all[2].id()})
		released(t, all[0])
	})
}

func TestGateIsCalledOff(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		all := gated(w, 2)
		number := all[0].gate()
		all[0].ready()
		all[1].do(&protocol.Pause{Command: all[1].id()})
		all[0].saw("ready Ann", "timeline pause 7")
		all[1].do(&protocol.Ready{Command: all[1].id(), Gate: number}) // too late: changes nothing
		w.pass(10 * time.Second)
		all[0].saw()
		if got := all[0].view.Room; got.Gate != nil || got.Timeline.Playing {
			t.Errorf("after the pause: the gate is %+v, the timeline %+v", got.Gate, got.Timeline)
		}
	})
}

// Who is away is not waited for.
func TestGateAsksTheConnected(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		w.join(ann.room, "Ben", office).drop()
		ann.do(&protocol.Play{Command: ann.id(), Wait: true})
		ann.events()
		if got := ann.view.Room.Gate.Waiting; len(got) != 1 || got[0] != ann.member {
			t.Errorf("the gate waits for %v", got)
		}
		ann.ready()
		ann.saw("ready Ann", "timeline release 0")
	})
}

// A new rate opens the gate anew, with the deadline that it had.
func TestGateAfterAChangeOfTheRate(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		all := gated(w, 2)
		time.Sleep(time.Second)
		first := *all[0].view.Room.Gate
		all[0].do(&protocol.Rate{Command: all[0].id(), Rate: 2})
		if second := all[0].gate(); second == first.Number || all[0].view.Room.Gate.Deadline != first.Deadline {
			t.Errorf("the gate is %+v, was %+v", all[0].view.Room.Gate, first)
		}
		all[0].saw("timeline rate 7", "gate")
		time.Sleep(2 * time.Second)
		released(t, all[0])
		if rate := all[0].view.Room.Timeline.Rate; rate != 2 {
			t.Errorf("the rate is %v", rate)
		}
	})
}

// The gateway that opens a gate may be gone when it is due.
func TestGateOutlivesTheGateway(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		all := gated(w, 2)
		w.crash()
		back := all[0].resume()
		held(t, back)
		time.Sleep(3 * time.Second)
		released(t, back)
	})
}
