package core

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/protocol"
)

func TestCreate(t *testing.T) {
	s := emptyStage(t)
	settings, media := Settings{GuestControl: true, PIN: true}, Media{Kind: MediaURL, URL: "https://example.org/a.mp4"}
	s.want(
		"", Create{Settings: settings, Media: media, Member: "a", Name: "Ada"},
		Created{Room: "room", Settings: settings, Media: media}, Joined{Member: "a", Name: "Ada"}, Hosted{Member: "a"},
	)
	want := &Room{
		ID: "room", Epoch: 1, Number: 3, Head: s.room.Head, At: stageStart, Host: "a", Settings: settings, Media: media, MediaNumber: 1,
		Timeline: Timeline{Rate: 1, At: stageStart, Number: 1},
	}
	host := &Member{ID: "a", Name: "Ada", Role: RoleHost, JoinedAt: stageStart, Generation: 1}
	want.order, want.byID = []*Member{host}, map[string]*Member{"a": host}
	if diff := cmp.Diff(want, s.room, sameRoom); diff != "" {
		t.Error(diff)
	}
}

func TestJoin(t *testing.T) {
	s := newStage(t, "host")
	s.sleep(1000)
	s.want("", Join{Member: "a", Name: "Ada", Slow: true}, Joined{Member: "a", Name: "Ada", Slow: true})
	want := &Member{ID: "a", Name: "Ada", Role: RoleGuest, JoinedAt: s.now, Generation: 1, Slow: true}
	if diff := cmp.Diff(want, s.room.Member("a")); diff != "" {
		t.Error(diff)
	}
	s.refused("", Join{Member: "a", Name: "Bea"}, protocol.CodeInvalid)
}

func TestJoinRefused(t *testing.T) {
	s := newStage(t, "host", "guest")
	s.hints.MaxMembers = 2
	s.refused("", Join{Member: "a", Name: "a"}, protocol.CodeRoomFull)
	s.hints.MaxMembers = 3
	s.join("a")
	s.refused("", Join{Member: "b", Name: "b"}, protocol.CodeRoomFull)
	s.hints.MaxMembers = 0
	s.join("b")

	s.act("host", ChangeSettings{Locked: new(true)})
	s.refused("", Join{Member: "c", Name: "c", Access: s.room.Access}, protocol.CodeRoomLocked)
	s.act("host", ChangeSettings{Locked: new(false)})
	s.join("c")
}

// A check of the PIN or of a ban holds only for what it was made against.
func TestAccessCounter(t *testing.T) {
	for _, c := range []struct {
		name    string
		command Command
		changes bool
	}{
		{"lock", ChangeSettings{Locked: new(true)}, true},
		{"set a PIN", ChangeSettings{PIN: new(true), Changed: true}, true},
		{"another PIN", ChangeSettings{PIN: new(false), Changed: true}, true},
		{"guest control", ChangeSettings{GuestControl: new(true)}, false},
		{"no change", ChangeSettings{Locked: new(false), PIN: new(false), GuestControl: new(false)}, false},
		{"ban", Remove{Member: "guest", Ban: true}, true},
		{"remove", Remove{Member: "guest"}, false},
		{"unban", Unban{Member: "banned"}, true},
		{"leave", Leave{}, false},
		{"say", Say{Text: "x"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, "host", "guest", "banned")
			s.act("host", Remove{Member: "banned", Ban: true})
			before := s.room.Access
			s.act("host", c.command)
			if got := s.room.Access != before; got != c.changes {
				t.Fatalf("access changed: %v, want %v", got, c.changes)
			}
			_, err := s.decide(Ref{}, Join{Member: "new", Name: "new", Access: before})
			if got := errors.Is(err, ErrAccessChanged); got != c.changes {
				t.Errorf("joining with the check from before: %v", err)
			}
			_, err = s.decide(Ref{}, Join{Member: "new", Name: "new", Access: s.room.Access})
			if errors.Is(err, ErrAccessChanged) {
				t.Errorf("joining with a new check: %v", err)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	s := newStage(t, "host")
	s.want("host", ChangeSettings{GuestControl: new(true)}, SettingsSet{Settings: Settings{GuestControl: true}})
	s.want("host", ChangeSettings{GuestControl: new(true)})
	s.want(
		"host", ChangeSettings{Locked: new(true)},
		SettingsSet{Settings: Settings{GuestControl: true, Locked: true}, Access: true},
	)
	s.want(
		"host", ChangeSettings{PIN: new(true), Changed: true, Locked: new(false)},
		SettingsSet{Settings: Settings{GuestControl: true, PIN: true}, Access: true},
	)
	s.want(
		"host", ChangeSettings{PIN: new(true), Changed: true}, // another PIN
		SettingsSet{Settings: Settings{GuestControl: true, PIN: true}, Access: true},
	)
	s.want("host", ChangeSettings{PIN: new(true)})
	s.want("host", ChangeSettings{})
}

func TestBan(t *testing.T) {
	s := newStage(t, "host", "guest")
	s.act("guest", Rename{Name: "Gus"})
	s.want("host", Remove{Member: "guest", Ban: true}, Left{Member: "guest", Reason: LeftBanned})
	if diff := cmp.Diff([]Banned{{Member: "guest", Name: "Gus"}}, s.room.Banned); diff != "" {
		t.Error(diff)
	}
	s.want("host", Unban{Member: "guest"}, Unbanned{Member: "guest", Name: "Gus"})
	if len(s.room.Banned) != 0 {
		t.Errorf("banned still: %v", s.room.Banned)
	}
	s.refused("host", Unban{Member: "guest"}, protocol.CodeNotFound)

	s.join("guest")
	s.want("host", Remove{Member: "guest"}, Left{Member: "guest", Reason: LeftRemoved})
	if len(s.room.Banned) != 0 {
		t.Errorf("removed only, but banned: %v", s.room.Banned)
	}
}

// A seat outlives its connections; the end of an old one does not end it.
func TestGenerations(t *testing.T) {
	s := newStage(t, "host", "guest")
	s.want("", Attach{Member: "guest"}, Seated{Member: "guest", Generation: 2})
	s.want("", Attach{Member: "guest"}, Seated{Member: "guest", Generation: 3})
	for _, stale := range []uint64{0, 1, 2, 4} {
		s.want("", Depart{Member: "guest", Generation: stale})
	}
	s.want("", Depart{Member: "guest", Generation: 3}, Left{Member: "guest", Reason: LeftExpired})
	s.want("", Depart{Member: "guest", Generation: 3}) // fires twice
	s.refused("", Attach{Member: "guest"}, protocol.CodeSeatUnknown)
}

func TestRename(t *testing.T) {
	s := newStage(t, "host")
	s.act("host", Say{Text: "before"})
	s.want("host", Rename{Name: "Ada"}, Renamed{Member: "host", Name: "Ada"})
	s.want("host", Rename{Name: "Ada"})
	s.want("host", Say{Text: "after"}, Said{Member: "host", Name: "Ada", Text: "after"})
	want := []ChatLine{
		{Number: 4, At: s.now, Member: "host", Name: "host", Text: "before"},
		{Number: 6, At: s.now, Member: "host", Name: "Ada", Text: "after"},
	}
	if diff := cmp.Diff(want, s.room.Chat); diff != "" {
		t.Error(diff)
	}
}

func TestGiveRole(t *testing.T) {
	s := newStage(t, "host", "a")
	s.want("host", GiveRole{Member: "a", Role: RoleModerator}, RoleSet{Member: "a", Role: RoleModerator})
	s.want("host", GiveRole{Member: "a", Role: RoleModerator})
	s.want("a", Play{}, TimelineSet{Cause: CausePlay, Rate: 1, Playing: true, At: s.now})
	s.want("host", GiveRole{Member: "a", Role: RoleGuest}, RoleSet{Member: "a", Role: RoleGuest})
	s.refused("a", Pause{}, no)
}
