package core

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An event that does not follow the head is refused, and changes nothing.
func TestApplyRefusesWhatDoesNotFollow(t *testing.T) {
	s := newStage(t, "host")
	next := chain(s.room, Ref{Seat: "host", Command: 1}, []Body{Said{Member: "host", Text: "x"}}, s.now)[0]
	for name, change := range map[string]func(*Event){
		"the head again":       func(e *Event) { e.Number-- },
		"a hole":               func(e *Event) { e.Number++ },
		"another predecessor":  func(e *Event) { e.Prev++ },
		"no predecessor":       func(e *Event) { e.Prev = 0 },
		"the first event anew": func(e *Event) { e.Number, e.Prev = 1, 0 },
	} {
		t.Run(name, func(t *testing.T) {
			e := next
			change(&e)
			before := s.room.Clone()
			if err := s.room.Apply(e); err == nil {
				t.Fatal("applied")
			}
			if diff := cmp.Diff(before, s.room, sameRoom); diff != "" {
				t.Fatal(diff)
			}
		})
	}
	if err := s.room.Apply(next); err != nil {
		t.Fatal(err)
	}
	if err := s.room.Apply(next); err == nil {
		t.Error("applied twice")
	}
	if want := (Head{Epoch: 1, Number: next.Number, ID: next.ID}); s.room.LogHead() != want {
		t.Errorf("the head is %+v, want %+v", s.room.LogHead(), want)
	}
}

// Events that others have made pointless change nothing that they are about:
// some are appended without comparing heads.
func TestApplyTolerates(t *testing.T) {
	for _, c := range []struct {
		name string
		body Body
	}{
		{"a seat taken twice", Joined{Member: "guest", Name: "other"}},
		{"an older connection", Seated{Member: "guest"}},
		{"a connection of nobody", Seated{Member: "ghost", Generation: 9}},
		{"nobody leaves", Left{Member: "ghost", Reason: LeftBanned}},
		{"a host who is gone", Hosted{Member: "ghost"}},
		{"a role for nobody", RoleSet{Member: "ghost", Role: RoleModerator}},
		{"a role for the host", RoleSet{Member: "host", Role: RoleGuest}},
		{"a second host", RoleSet{Member: "guest", Role: RoleHost}},
		{"a name for nobody", Renamed{Member: "ghost", Name: "x"}},
		{"ready without a gate", GateReady{Member: "guest", Gate: 3}},
		{"nothing", Noted{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, "host", "guest")
			want := s.room.Clone()
			s.apply(Ref{Seat: "ghost", Command: 1}, c.body)
			want.Number, want.Head = s.room.Number, s.room.Head
			if diff := cmp.Diff(want, s.room, sameRoom); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestApplyToleratesAtAGate(t *testing.T) {
	s := gatedStage(t, 2)
	s.join("m2")
	for _, b := range []Body{
		GateReady{Member: "m2", Gate: s.room.Gate.Number},
		GateReady{Member: "ghost", Gate: s.room.Gate.Number},
		GateReady{Member: "m1", Gate: s.room.Gate.Number + 1},
	} {
		s.apply(Ref{}, b)
	}
	if len(s.room.Gate.Ready) != 0 {
		t.Errorf("ready: %v", s.room.Gate.Ready)
	}
	for range 2 {
		s.apply(Ref{}, GateReady{Member: "m1", Gate: s.room.Gate.Number})
	}
	if diff := cmp.Diff([]string{"m1"}, s.room.Gate.Ready); diff != "" {
		t.Error(diff)
	}
}

func TestApplyKeepsWhatSomebodySaidBeforeLeaving(t *testing.T) {
	s := newStage(t, "host")
	s.apply(Ref{Seat: "ghost", Command: 1}, Said{Member: "ghost", Name: "Gus", Text: "bye"})
	if len(s.room.Chat) != 1 || s.room.Chat[0].Name != "Gus" {
		t.Errorf("chat %+v", s.room.Chat)
	}
}

// Room.At never runs backwards, even if an event's time does.
func TestApplyKeepsTime(t *testing.T) {
	s := newStage(t, "host")
	e := chain(s.room, Ref{}, []Body{Noted{}}, s.now)[0]
	e.At = 1
	if err := s.room.Apply(e); err != nil || s.room.At != stageStart {
		t.Errorf("%v; the room's time is %d", err, s.room.At)
	}
}

func TestBounds(t *testing.T) {
	s := newStage(t, "host")
	for i := range MaxChat + 3 {
		s.apply(Ref{}, Said{Member: "host", Text: fmt.Sprint(i)})
	}
	for i := range MaxBanned + 3 {
		id := fmt.Sprintf("m%d", i)
		s.apply(Ref{}, Joined{Member: id}, Left{Member: id, Reason: LeftBanned})
	}
	if n := len(s.room.Chat); n != MaxChat || s.room.Chat[0].Text != "3" || s.room.Chat[n-1].Text != fmt.Sprint(MaxChat+2) {
		t.Errorf("%d lines of chat, from %q", n, s.room.Chat[0].Text)
	}
	if n := len(s.room.Banned); n != MaxBanned || s.room.Banned[0].Member != "m3" {
		t.Errorf("%d banned, from %q", n, s.room.Banned[0].Member)
	}
}

// What happens to a copy does not happen to the room, nor the other way round.
func TestCloneIsIndependent(t *testing.T) {
	s := gatedStage(t, 4)
	s.sendID("m0", 1, Say{Text: "x"})
	s.ready("m1")
	s.act("m0", Remove{Member: "m3", Ban: true})
	copied := s.room.Clone()
	if diff := cmp.Diff(s.room, copied, sameRoom); diff != "" {
		t.Fatal("a copy differs:", diff)
	}
	before := encoded(t, s.room)
	scramble(copied)
	if diff := cmp.Diff(before, encoded(t, s.room)); diff != "" {
		t.Fatal("changing a copy changed the room:", diff)
	}
	for i, m := range s.room.Members() {
		if s.room.Member(m.ID) != m || copied.Members()[i] == m {
			t.Fatal("copies share a member, or have it twice")
		}
	}
}

// encoded is a room as text that shares nothing with it.
func encoded(t *testing.T, r *Room) string {
	t.Helper()
	data, err := EncodeRoom(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// scramble changes everything that can be changed in place.
func scramble(r *Room) {
	slices.Reverse(r.Gate.Waiting)
	r.Gate.Ready[0], r.Gate.Deadline = "changed", 1
	r.Banned[0].Name, r.Chat[0].Text = "changed", "changed"
	for _, m := range r.order {
		m.Name = "changed"
		for i := range m.Answers {
			m.Answers[i].Number = 1
		}
	}
	r.order[0] = nil
	clear(r.byID)
}
