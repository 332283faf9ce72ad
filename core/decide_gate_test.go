package core

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// gatedStage returns a stage of n members whose gate has just been opened at 50.
func gatedStage(t *testing.T, n int) *stage {
	s := newStage(t, "m0")
	for i := 1; i < n; i++ {
		s.join(fmt.Sprintf("m%d", i))
	}
	s.hints.Lead = startLead
	s.act("m0", Seek{Position: 50, Play: new(true), Wait: true})
	return s
}

// ready makes members ready and wants the room held still.
func (s *stage) ready(members ...string) {
	s.t.Helper()
	for _, m := range members {
		gate := s.room.Gate.Number
		s.want(m, Ready{Gate: gate}, GateReady{Member: m, Gate: gate})
	}
}

// held fails when the room does not stand at its gate.
func (s *stage) held() {
	s.t.Helper()
	if s.room.Gate == nil || s.room.Timeline.Playing {
		s.t.Fatalf("not held: gate %+v, timeline %+v", s.room.Gate, s.room.Timeline)
	}
}

// release is the timeline that lets a gated room go.
func (s *stage) release() TimelineSet {
	return TimelineSet{Cause: CauseRelease, Position: 50, Rate: 1, Playing: true, At: s.at(startLead)}
}

// released fails when the room does not play from its gate.
func (s *stage) released() {
	s.t.Helper()
	want := Timeline{Position: 50, Rate: 1, Playing: true, At: s.at(startLead), Number: s.room.Number}
	if s.room.Gate != nil || s.room.Timeline != want {
		s.t.Fatalf("not released: gate %+v, timeline %+v, want %+v", s.room.Gate, s.room.Timeline, want)
	}
}

func TestGateOpens(t *testing.T) {
	for _, c := range []struct {
		name    string
		command Command
		cause   Cause
		at      float64
	}{
		{"play", Play{Wait: true}, CausePlay, 100},
		{"play from elsewhere", Play{Position: new(50.0), Wait: true}, CausePlay, 50},
		{"seek", Seek{Position: 50, Play: new(true), Wait: true}, CauseSeek, 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := pausedStage(t)
			s.want(
				"host", c.command, TimelineSet{Cause: c.cause, Position: c.at, Rate: 1, At: s.now},
				GateOpened{Waiting: []string{"host", "guest"}, Deadline: s.at(GateWait)},
			)
			s.held()
			if s.room.Gate.Number != s.room.Number {
				t.Errorf("the gate's number is %d, its event's %d", s.room.Gate.Number, s.room.Number)
			}
		})
	}
}

func TestGateOfSlowMembers(t *testing.T) {
	s := newStage(t, "host", "guest")
	s.joinSlow("slow")
	s.act("host", Play{Wait: true})
	if got := s.room.Gate.Deadline; got != s.at(GateWaitSlow) {
		t.Errorf("the deadline is %d µs from now", got-s.now)
	}
	s.act("host", Pause{})
	s.disconnect("slow") // who is not there is not waited for
	s.act("host", Play{Wait: true})
	want := &Gate{Number: s.room.Number, Waiting: []string{"host", "guest"}, Deadline: s.at(GateWait)}
	if diff := cmp.Diff(want, s.room.Gate); diff != "" {
		t.Error(diff)
	}

	host := emptyStage(t)
	host.act("", Create{Member: "host", Name: "host", Slow: true})
	host.act("host", Play{Wait: true})
	if got := host.room.Gate.Deadline; got != host.at(GateWaitSlow) {
		t.Errorf("with a slow creator the deadline is %d µs from now", got-host.now)
	}
}

// Where nobody is connected nobody is waited for.
func TestGateOfNobody(t *testing.T) {
	s := pausedStage(t)
	s.hints.Lead, s.hints.SeekLead = startLead, startSeekLead
	s.disconnect("host", "guest")
	s.want(
		"host", Play{Wait: true},
		TimelineSet{Cause: CausePlay, Position: 100, Rate: 1, Playing: true, At: s.at(startLead + startSeekLead)},
	)
}

func TestGateIsBounded(t *testing.T) {
	s := gatedStage(t, MaxGate+5)
	if got := len(s.room.Gate.Waiting); got != MaxGate {
		t.Errorf("waits for %d members", got)
	}
	s.want(fmt.Sprintf("m%d", MaxGate+1), Ready{Gate: s.room.Gate.Number})
}

func TestQuorum(t *testing.T) {
	for waiting, want := range []int{1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6, 7} {
		g := Gate{Waiting: make([]string, waiting)}
		if got := g.Needed(); got != want {
			t.Errorf("of %d: %d, want %d", waiting, got, want)
		}
	}
}

func TestGateReleasesWhenAllAreReady(t *testing.T) {
	s := gatedStage(t, 3)
	s.ready("m1", "m0")
	s.held()
	s.sleep(100 * time.Millisecond)
	gate := s.room.Gate.Number
	s.want("m2", Ready{Gate: gate}, GateReady{Member: "m2", Gate: gate}, s.release())
	s.released()
	s.want("", OpenGate{Gate: gate}) // the timer comes too late
	s.want("m2", Ready{Gate: gate})
}

func TestGateOfOne(t *testing.T) {
	s := gatedStage(t, 1)
	gate := s.room.Gate.Number
	s.want("m0", Ready{Gate: gate}, GateReady{Member: "m0", Gate: gate}, s.release())
	s.released()
}

// Enough are ready: the rest gets a soft wait, and not a moment more.
func TestGateSoftWait(t *testing.T) {
	s := gatedStage(t, 5)
	gate := s.room.Gate.Number
	s.ready("m0", "m1")
	s.sleep(time.Second)
	s.want("", OpenGate{Gate: gate}) // no quorum yet
	s.ready("m2")
	s.sleep(GateSoft / 2)
	s.ready("m3") // does not prolong the wait
	s.sleep(GateSoft/2 - time.Microsecond)
	s.want("", OpenGate{Gate: gate})
	s.held()
	s.sleep(time.Microsecond)
	s.want("", OpenGate{Gate: gate}, s.release())
	s.released()
}

func TestGateDeadline(t *testing.T) {
	s := gatedStage(t, 5)
	gate := s.room.Gate.Number
	s.ready("m4")
	s.sleep(GateWait - time.Microsecond)
	s.want("", OpenGate{Gate: gate})
	s.held()
	s.sleep(time.Microsecond)
	s.want("", OpenGate{Gate: gate}, s.release())
	s.released()
	s.want("", OpenGate{Gate: gate}) // fires twice
}

// A quorum just before the deadline does not put the deadline off.
func TestSoftWaitEndsAtTheDeadline(t *testing.T) {
	s := gatedStage(t, 3)
	gate := s.room.Gate.Number
	s.sleep(GateWait - GateSoft/2)
	s.ready("m0", "m1")
	s.join("m3") // who comes now is not waited for
	s.want("m3", Ready{Gate: gate})
	if s.room.Gate.QuorumAt != s.now {
		t.Fatalf("no quorum: %+v", s.room.Gate)
	}
	s.sleep(GateSoft/2 - time.Microsecond)
	s.want("", OpenGate{Gate: gate})
	s.sleep(time.Microsecond)
	s.want("", OpenGate{Gate: gate}, s.release())
}

func TestReadyThatDoesNotCount(t *testing.T) {
	s := gatedStage(t, 3)
	gate := s.room.Gate.Number
	s.want("m0", Ready{Gate: gate - 1})
	s.want("m0", Ready{})
	s.ready("m0")
	s.want("m0", Ready{Gate: gate}) // twice
	s.want("", OpenGate{})
	if diff := cmp.Diff([]string{"m0"}, s.room.Gate.Ready); diff != "" {
		t.Error(diff)
	}
}

// Who leaves is not waited for any longer, in whichever way.
func TestGateReleasesWhenTheLastWaitingIsGone(t *testing.T) {
	for _, c := range []struct {
		name   string
		seat   string
		gone   Command
		reason LeaveReason
	}{
		{"leaves", "m2", Leave{}, LeftSelf},
		{"expires", "", Depart{Member: "m2", Generation: 1}, LeftExpired},
		{"is removed", "m0", Remove{Member: "m2"}, LeftRemoved},
		{"is banned", "m0", Remove{Member: "m2", Ban: true}, LeftBanned},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := gatedStage(t, 3)
			s.ready("m0")
			s.want("m1", Leave{}, Left{Member: "m1", Reason: LeftSelf})
			s.held()
			s.want(c.seat, c.gone, Left{Member: "m2", Reason: c.reason}, s.release())
			s.released()
		})
	}
}

func TestWhoLeavesAReadyGate(t *testing.T) {
	s := gatedStage(t, 5)
	s.ready("m0", "m1", "m2")
	quorum := s.room.Gate.QuorumAt
	if quorum != s.now {
		t.Fatalf("quorum at %d, want %d", quorum, s.now)
	}
	s.sleep(100 * time.Millisecond)
	s.act("m2", Leave{}) // 2 of 4 are too few again
	if s.room.Gate.QuorumAt != 0 {
		t.Error("there is a quorum still")
	}
	s.sleep(100 * time.Millisecond)
	s.act("m3", Leave{}) // 2 of 3 suffice
	want := &Gate{
		Number: s.room.Gate.Number, Waiting: []string{"m0", "m1", "m4"}, Ready: []string{"m0", "m1"},
		Deadline: s.room.Gate.Deadline, QuorumAt: s.now,
	}
	if diff := cmp.Diff(want, s.room.Gate); diff != "" {
		t.Error(diff)
	}
}

// The host leaves, is replaced, and was the last that the gate waited for.
func TestHostLeavesTheGate(t *testing.T) {
	s := gatedStage(t, 2)
	s.ready("m1")
	s.want("m0", Leave{}, Left{Member: "m0", Reason: LeftSelf}, Hosted{Member: "m1"}, s.release())
}

func TestCommandsAtAGate(t *testing.T) {
	s := gatedStage(t, 2)
	s.want("m0", Play{}) // it will play
	s.want("m0", Play{Position: new(50.3), Wait: true})
	s.held()

	s = gatedStage(t, 2)
	s.want("m0", Play{Position: new(60.0)}, TimelineSet{Cause: CausePlay, Position: 60, Rate: 1, Playing: true, At: s.at(startLead)})
	s = gatedStage(t, 2)
	s.want("m0", Seek{Position: 60}, TimelineSet{Cause: CauseSeek, Position: 60, Rate: 1, Playing: true, At: s.at(startLead)})
	s = gatedStage(t, 2)
	s.want("m0", Pause{}, TimelineSet{Cause: CausePause, Position: 50, Rate: 1, At: s.now})
	if s.room.Gate != nil {
		t.Error("paused, and the gate is open still")
	}
	s = gatedStage(t, 2)
	s.want("m0", Seek{Position: 50, Play: new(false)}, TimelineSet{Cause: CauseSeek, Position: 50, Rate: 1, At: s.now})
	if s.room.Gate != nil {
		t.Error("sought to pause, and the gate is open still")
	}
}

// A seek at a gate opens another, for everybody; the old one's ready and its
// timer are for nothing.
func TestGateAfterGate(t *testing.T) {
	s := gatedStage(t, 2)
	old := s.room.Gate.Number
	s.ready("m1")
	s.sleep(GateWait)
	s.act("m0", Seek{Position: 50, Wait: true})
	s.held()
	s.want("", OpenGate{Gate: old})
	s.want("m0", Ready{Gate: old})
	s.held()
	if s.room.Gate.Number == old || len(s.room.Gate.Ready) != 0 || s.room.Gate.Deadline != s.at(GateWait) {
		t.Errorf("the new gate is %+v", s.room.Gate)
	}
	s.sleep(GateWait) // now the new one's timer may fire, and it alone
	s.want("", OpenGate{Gate: old})
	s.held()
	s.want("", OpenGate{Gate: s.room.Gate.Number}, s.release())
}

// Another rate opens the gate again for the same members and the same time.
func TestRateAtAGate(t *testing.T) {
	s := gatedStage(t, 3)
	deadline := s.room.Gate.Deadline
	s.ready("m0")
	s.act("m2", Leave{})
	s.join("m3")
	s.sleep(time.Second)
	asked := s.room.Gate.Waiting
	bodies := s.act("m0", SetRate{Rate: 2})
	want := []Body{
		TimelineSet{Cause: CauseRate, Position: 50, Rate: 2, At: s.now},
		GateOpened{Waiting: []string{"m0", "m1"}, Deadline: deadline},
	}
	if diff := cmp.Diff(want, bodies); diff != "" {
		t.Error(diff)
	}
	slices.Reverse(asked) // events are shared: none may hold a piece of a room
	if diff := cmp.Diff(want, bodies); diff != "" {
		t.Error("the event has a share in the room's state:", diff)
	}
	s.held()
}
