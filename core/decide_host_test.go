package core

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The longest-present member that is connected becomes host.
func TestHostElection(t *testing.T) {
	for _, c := range []struct {
		name   string
		leaver string
		away   []string
		want   string // "" when there is no election
	}{
		{"the longest-present", "host", nil, "a"},
		{"the longest-present one that is connected", "host", []string{"a", "b"}, "c"},
		{"the longest-present when none is connected", "host", []string{"a", "b", "c"}, "a"},
		{"the leaver's own connection does not matter", "host", []string{"host"}, "a"},
		{"not when a guest leaves", "b", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, gone := range []struct {
				seat    string
				command Command
				reason  LeaveReason
			}{
				{c.leaver, Leave{}, LeftSelf},
				{"", Depart{Member: c.leaver, Generation: 1}, LeftExpired},
			} {
				s := newStage(t, "host", "a", "b", "c")
				s.disconnect(c.away...)
				want := []Body{Left{Member: c.leaver, Reason: gone.reason}}
				host := "host"
				if c.want != "" {
					want, host = append(want, Hosted{Member: c.want}), c.want
				}
				s.want(gone.seat, gone.command, want...)
				if s.room.Host != host || s.room.Member(host).Role != RoleHost {
					t.Errorf("the host is %q, with the role %q", s.room.Host, s.room.Member(host).Role)
				}
			}
		})
	}
}

// Being present for long means in this seat: who came back is the last.
func TestComingBackIsLast(t *testing.T) {
	s := newStage(t, "host", "a", "b")
	s.act("a", Leave{})
	s.join("a")
	if diff := cmp.Diff([]string{"host", "b", "a"}, s.ids()); diff != "" {
		t.Error(diff)
	}
	s.want("host", Leave{}, Left{Member: "host", Reason: LeftSelf}, Hosted{Member: "b"})
}

func TestTransfer(t *testing.T) {
	s := newStage(t, "host", "a", "b")
	s.act("host", GiveRole{Member: "a", Role: RoleModerator})
	s.want("host", Transfer{Member: "host"})
	s.want("host", Transfer{Member: "a"}, Hosted{Member: "a"})
	if s.room.Host != "a" || s.room.Member("a").Role != RoleHost || s.room.Member("host").Role != RoleGuest {
		t.Errorf("host %q, roles %q and %q", s.room.Host, s.room.Member("a").Role, s.room.Member("host").Role)
	}
	s.refused("host", Transfer{Member: "b"}, no)
	s.act("a", Leave{})
	if s.room.Host != "host" {
		t.Errorf("the host is %q, and not who has been there longest", s.room.Host)
	}
}

// The last one stops the film; who comes next is host and finds it there.
func TestLastLeaveStopsTheTimeline(t *testing.T) {
	for _, c := range []struct {
		name    string
		seat    string
		command Command
		reason  LeaveReason
	}{
		{"leaves", "host", Leave{}, LeftSelf},
		{"expires", "", Depart{Member: "host", Generation: 1}, LeftExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := playingStage(t)
			s.act("guest", Leave{})
			s.want(
				c.seat, c.command, Left{Member: "host", Reason: c.reason},
				TimelineSet{Cause: CausePause, Position: 110, Rate: 1, At: s.now},
			)
			if s.room.Host != "" {
				t.Errorf("an empty room has the host %q", s.room.Host)
			}
			s.sleep(time.Hour)
			s.want("", Join{Member: "next", Name: "next"}, Joined{Member: "next", Name: "next"}, Hosted{Member: "next"})
			if got := s.room.Timeline.PositionAt(s.now); got != 110 {
				t.Errorf("the newcomer finds it at %v", got)
			}
		})
	}
}

func TestLastLeaveOfAStandingRoom(t *testing.T) {
	s := pausedStage(t)
	s.act("guest", Leave{})
	s.want("host", Leave{}, Left{Member: "host", Reason: LeftSelf})
}

func TestLastLeaveAtAGate(t *testing.T) {
	s := gatedStage(t, 1)
	s.want(
		"m0", Leave{}, Left{Member: "m0", Reason: LeftSelf},
		TimelineSet{Cause: CausePause, Position: 50, Rate: 1, At: s.now},
	)
	if s.room.Gate != nil {
		t.Error("an empty room has a gate")
	}
}
