package core

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tandem.watch/tandem/protocol"
)

// stage is a room that a test plays commands on, at a time that it sets.
type stage struct {
	t     testing.TB
	room  *Room
	now   int64
	hints Hints
}

// stageStart is the instant at which every stage's room is created.
const stageStart = 1_700_000_000_000_000

// emptyStage has no room yet.
func emptyStage(t testing.TB) *stage { return &stage{t: t, room: NewRoom("room"), now: stageStart} }

// newStage makes a room whose host is the first of the members.
func newStage(t testing.TB, members ...string) *stage {
	t.Helper()
	s := emptyStage(t)
	s.act("", Create{Settings: Settings{}, Media: Media{Kind: MediaClip}, Member: members[0], Name: members[0]})
	for _, id := range members[1:] {
		s.join(id)
	}
	return s
}

// sameRoom is how rooms are compared: all of their state, unexported too.
var sameRoom = cmp.Options{cmp.AllowUnexported(Room{}), cmpopts.EquateEmpty()}

// decide asks twice, and makes sure that asking has changed nothing.
func (s *stage) decide(by Ref, c Command) (Decision, error) {
	s.t.Helper()
	before := s.room.Clone()
	d, err := Decide(s.room, by, c, s.now, s.hints)
	again, errAgain := Decide(s.room, by, c, s.now, s.hints)
	if diff := cmp.Diff(before, s.room, sameRoom); diff != "" {
		s.t.Fatalf("deciding %#v changed the room:\n%s", c, diff)
	}
	if diff := cmp.Diff(d, again); diff != "" || (err == nil) != (errAgain == nil) {
		s.t.Fatalf("deciding %#v twice differs (%v, %v):\n%s", c, err, errAgain, diff)
	}
	if err != nil && (len(d.Bodies) > 0 || d.Done != 0) {
		s.t.Fatalf("refusing %#v (%v) came with %+v", c, err, d)
	}
	return d, err
}

// send decides a command and applies what comes of it.
func (s *stage) send(by Ref, c Command) (Decision, error) {
	s.t.Helper()
	d, err := s.decide(by, c)
	if err == nil {
		s.apply(by, d.Bodies...)
	}
	return d, err
}

// apply adds events to the room without a decision.
func (s *stage) apply(by Ref, bodies ...Body) {
	s.t.Helper()
	for _, e := range chain(s.room, by, bodies, s.now) {
		if err := s.room.Apply(e); err != nil {
			s.t.Fatal(err)
		}
	}
}

// chain makes events of bodies that follow a room's head.
func chain(r *Room, by Ref, bodies []Body, now int64) []Event {
	events := make([]Event, 0, len(bodies))
	number, prev := r.Number, r.Head
	for _, b := range bodies {
		number++
		e := Event{ID: EventID(number)<<20 | 0xabcde, Prev: prev, Epoch: 1, Number: number, At: max(now, r.At), By: by, Body: b}
		events, prev = append(events, e), e.ID
	}
	return events
}

// act sends a command without an id, which must not be refused.
func (s *stage) act(seat string, c Command) []Body {
	s.t.Helper()
	d, err := s.send(Ref{Seat: seat}, c)
	if err != nil {
		s.t.Fatalf("%s: %#v: %v", seat, c, err)
	}
	return d.Bodies
}

// want sends a command and compares what happens.
func (s *stage) want(seat string, c Command, bodies ...Body) {
	s.t.Helper()
	if diff := cmp.Diff(bodies, s.act(seat, c), cmpopts.EquateEmpty()); diff != "" {
		s.t.Fatalf("%s: %#v: events (-want +got):\n%s", seat, c, diff)
	}
}

// refused sends a command that must be refused with a code.
func (s *stage) refused(seat string, c Command, code protocol.ErrorCode) {
	s.t.Helper()
	_, err := s.decide(Ref{Seat: seat}, c)
	wantCode(s.t, err, code)
}

func wantCode(t testing.TB, err error, code protocol.ErrorCode) {
	t.Helper()
	var refusal *protocol.Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Fatalf("error %v, want code %q", err, code)
	}
	if refusal.Message == "" {
		t.Errorf("the refusal %q has no message for people", code)
	}
}

func (s *stage) join(id string) {
	s.t.Helper()
	s.act("", Join{Member: id, Name: id, Access: s.room.Access})
}

func (s *stage) joinSlow(id string) {
	s.t.Helper()
	s.act("", Join{Member: id, Name: id, Access: s.room.Access, Slow: true})
}

func (s *stage) sleep(d time.Duration) { s.now += d.Microseconds() }

// disconnect says who has no connection, in the hints.
func (s *stage) disconnect(members ...string) {
	s.hints.Connected = func(id string) bool { return !slices.Contains(members, id) }
}

// at is the instant that long from now.
func (s *stage) at(d time.Duration) int64 { return s.now + d.Microseconds() }

func (s *stage) ids() []string {
	var ids []string
	for _, m := range s.room.Members() {
		ids = append(ids, m.ID)
	}
	return ids
}
