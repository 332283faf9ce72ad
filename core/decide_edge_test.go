package core

import (
	"errors"
	"testing"
	"time"

	"tandem.watch/tandem/protocol"
)

// Who says that it plays already is joined where it is by now, at once.
func TestSenderThatPlays(t *testing.T) {
	s := pausedStage(t)
	s.hints.Lead, s.hints.SeekLead = startLead, startSeekLead
	ago := func(d time.Duration) int64 { return s.at(-d) }
	set := func(cause Cause, position float64) TimelineSet {
		return TimelineSet{Cause: cause, Position: position, Rate: 1, Playing: true, At: s.now}
	}
	s.want("host", Play{Position: new(50.0), Since: ago(300 * time.Millisecond)}, set(CausePlay, 50.3))
	s.sleep(3 * time.Second)
	s.want("host", Play{Position: new(53.0), Since: ago(100 * time.Millisecond)}) // the repeat
	s.want("host", Play{Position: new(60.0), Since: ago(time.Second)}, set(CausePlay, 61))
	s.want("host", Seek{Position: 70, Play: new(true), Since: ago(2 * time.Second)}, set(CauseSeek, 72))
	s.want("host", Seek{Position: 70, Play: new(true), Since: ago(time.Hour)}, set(CauseSeek, 80)) // no further than that
	s.want("host", Seek{Position: 70, Play: new(true), Since: s.at(time.Hour)}, set(CauseSeek, 70))
	s.act("host", Pause{})
	s.want("host", Play{Since: ago(time.Second)}, set(CausePlay, 71))
	if Sum(Play{}) != Sum(Play{Since: 0}) || Sum(Play{}) == Sum(Play{Since: 1}) {
		t.Error("the fingerprint")
	}
}

// A seat that is taken over from elsewhere loses its rank.
func TestForeignAttach(t *testing.T) {
	s := newStage(t, "host", "a", "b")
	s.act("host", GiveRole{Member: "b", Role: RoleModerator})
	s.want("", Attach{Member: "a", Foreign: true}, Seated{Member: "a", Generation: 2})
	s.want("", Attach{Member: "b", Foreign: true, Fresh: true}, Seated{Member: "b", Generation: 2, Fresh: true}, RoleSet{Member: "b", Role: RoleGuest})
	s.disconnect("a")
	s.want("", Attach{Member: "host", Foreign: true}, Seated{Member: "host", Generation: 2}, Hosted{Member: "b"})
	s.want("", Attach{Member: "b"}, Seated{Member: "b", Generation: 3})
	if s.room.Host != "b" {
		t.Errorf("the host is %q", s.room.Host)
	}
	_, err := s.decide(Ref{}, Attach{Member: "b", Generation: 2})
	if !errors.Is(err, ErrAccessChanged) {
		t.Errorf("a seat in other hands: %v", err)
	}
	s.want("", Attach{Member: "b", Generation: 3}, Seated{Member: "b", Generation: 4})
	s.refused("", Attach{Member: "nobody"}, protocol.CodeSeatUnknown)

	alone := newStage(t, "host")
	alone.want("", Attach{Member: "host", Foreign: true}, Seated{Member: "host", Generation: 2})
}
