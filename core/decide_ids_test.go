package core

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/protocol"
)

// refTo names a command as a gateway does.
func refTo(seat string, id uint64, c Command) Ref { return Ref{Seat: seat, Command: id, Sum: Sum(c)} }

// wantDone sends a repeat that must be answered as the first was.
func (s *stage) wantDone(by Ref, c Command, number uint64) {
	s.t.Helper()
	d, err := s.decide(by, c)
	if err != nil || d.Done != number || len(d.Bodies) > 0 {
		s.t.Fatalf("the repeat of %+v: %+v, %v; want done at %d", by, d, err, number)
	}
}

func (s *stage) sendID(seat string, id uint64, c Command) (number uint64) {
	s.t.Helper()
	if _, err := s.send(refTo(seat, id, c), c); err != nil {
		s.t.Fatal(err)
	}
	return s.room.Number
}

func TestRepeatIsAnsweredAsTheFirst(t *testing.T) {
	s := newStage(t, "host", "guest")
	say, media := Say{Text: "once"}, SetMedia{Media: Media{Kind: MediaFile}}
	first := s.sendID("host", 1, say)
	second := s.sendID("host", 5, media) // two events; gaps in the ids are fine
	if second != first+2 {
		t.Fatalf("the answers are %d and %d", first, second)
	}
	s.sendID("guest", 1, Say{Text: "another seat's ids"})
	s.wantDone(refTo("host", 1, say), say, first)
	s.wantDone(refTo("host", 5, media), media, second)
	if len(s.room.Chat) != 2 {
		t.Errorf("%d lines of chat", len(s.room.Chat))
	}
}

// What changed nothing is answered the same later, whatever has happened since.
func TestRepeatOfWhatChangedNothing(t *testing.T) {
	s := newStage(t, "host")
	d, err := s.send(refTo("host", 1, Pause{}), Pause{})
	if err != nil || cmp.Diff(Decision{Bodies: []Body{Noted{}}}, d) != "" {
		t.Fatalf("pausing a paused room: %+v, %v", d, err)
	}
	noted := s.room.Number
	s.sendID("host", 2, Play{})
	s.wantDone(refTo("host", 1, Pause{}), Pause{}, noted)
	if !s.room.Timeline.Playing {
		t.Error("a repeated pause stopped the room")
	}
}

// A refusal is no answer to keep: the same id may be tried again.
func TestRefusedIDMayBeTriedAgain(t *testing.T) {
	s := newStage(t, "host", "guest")
	_, err := s.send(refTo("guest", 1, Play{}), Play{})
	wantCode(t, err, protocol.CodeForbidden)
	s.act("host", ChangeSettings{GuestControl: new(true)})
	number := s.sendID("guest", 1, Play{})
	s.act("host", ChangeSettings{GuestControl: new(false)})
	s.wantDone(refTo("guest", 1, Play{}), Play{}, number) // done, though it would be refused now
}

func TestIDUsedForSomethingElse(t *testing.T) {
	s := newStage(t, "host")
	s.sendID("host", 3, Say{Text: "one"})
	for _, c := range []Command{Say{Text: "two"}, Rename{Name: "one"}, Pause{}} {
		_, err := s.decide(refTo("host", 3, c), c)
		wantCode(t, err, protocol.CodeCommandReused)
	}
	_, err := s.decide(refTo("host", 2, Pause{}), Pause{})
	wantCode(t, err, protocol.CodeCommandStale)
}

func TestAnswersAreKept(t *testing.T) {
	s := newStage(t, "host")
	say := Say{Text: "x"}
	first := s.sendID("host", 1, say)
	for id := uint64(2); id <= protocol.MaxInFlight; id++ {
		s.sendID("host", id, say)
	}
	s.wantDone(refTo("host", 1, say), say, first)
	s.sendID("host", protocol.MaxInFlight+1, say)
	_, err := s.decide(refTo("host", 1, say), say)
	wantCode(t, err, protocol.CodeCommandStale)
	s.wantDone(refTo("host", 2, say), say, first+1)
}

// Commands without an id are never taken for repeats, and leave no answer.
func TestCommandsWithoutID(t *testing.T) {
	s := newStage(t, "host")
	for range 3 {
		s.want("host", Say{Text: "x"}, Said{Member: "host", Name: "host", Text: "x"})
	}
	s.want("host", Pause{})
	if m := s.room.Member("host"); m.LastCommand != 0 || len(m.Answers) != 0 {
		t.Errorf("the seat remembers %+v", m)
	}
}

func TestSum(t *testing.T) {
	// What is computed anew for a repeat is no part of the command.
	first, repeat := ChangeSettings{PIN: new(true), Changed: true}, ChangeSettings{PIN: new(true)}
	if Sum(first) != Sum(repeat) {
		t.Error("the repeat of a change of the PIN has another fingerprint")
	}
	different := []Command{
		Play{},
		Pause{},
		Play{Wait: true},
		Play{Position: new(0.0)},
		Pause{Position: new(0.0)},
		Play{Position: new(1.0)},
		Seek{},
		Seek{Play: new(false)},
		Seek{Play: new(true)},
		Leave{},
		Transfer{Member: "a"},
		Unban{Member: "a"},
		Remove{Member: "a"},
		Remove{Member: "a", Ban: true},
		ChangeSettings{},
		ChangeSettings{Locked: new(true)},
		ChangeSettings{GuestControl: new(true)},
		first,
		Say{Text: "a"},
		Rename{Name: "a"},
		Ready{Gate: 1},
		OpenGate{Gate: 1},
	}
	seen := map[uint32]Command{}
	for _, c := range different {
		if other, ok := seen[Sum(c)]; ok {
			t.Errorf("%#v and %#v have the same fingerprint", c, other)
		}
		seen[Sum(c)] = c
	}
}
