package core

import (
	"os"
	"regexp"
	"testing"

	"tandem.watch/tandem/protocol"
)

// roleCase says who may give a command. The room has a host, a moderator, a
// guest "guest", another guest "other" and a banned member "banned".
type roleCase struct {
	name    string
	command Command
	setup   func(*stage)
	// host to guest are the refusals; "" is allowed.
	host, moderator, guest protocol.ErrorCode
	// controlled is the guest's when guest control is on.
	controlled protocol.ErrorCode
}

const (
	yes = protocol.ErrorCode("")
	no  = protocol.CodeForbidden
)

func roleCases() []roleCase {
	playing := func(s *stage) { s.act("host", Play{}) }
	gate := func(s *stage) { s.act("host", Play{Wait: true}) }
	queue := func(s *stage) {
		for s.room.Number < queuedFirst-1 { // the same number in every cast
			s.apply(Ref{}, Noted{})
		}
		s.act("host", Enqueue{Media: Media{Kind: MediaFile}})
		s.act("host", Enqueue{Media: Media{Kind: MediaClip}})
	}
	missing := protocol.CodeNotFound
	return []roleCase{
		{name: "play", command: Play{}, guest: no},
		{name: "play with a gate", command: Play{Wait: true}, guest: no},
		{name: "play while playing", command: Play{}, setup: playing, guest: no},
		{name: "pause", command: Pause{}, setup: playing, guest: no},
		{name: "seek", command: Seek{Position: 5}, guest: no},
		{name: "rate", command: SetRate{Rate: 2}, guest: no},
		{name: "media", command: SetMedia{Media: Media{Kind: MediaFile}}, guest: no},
		{name: "enqueue", command: Enqueue{Media: Media{Kind: MediaFile}}, guest: no},
		{name: "unqueue", command: Unqueue{Item: queuedFirst}, setup: queue, guest: no},
		{name: "unqueue what is not there", command: Unqueue{Item: 1}, setup: queue, host: missing, moderator: missing, guest: no, controlled: missing},
		{name: "move", command: Move{Item: queuedFirst}, setup: queue, guest: no},
		{name: "move what is not there", command: Move{Item: 1}, setup: queue, host: missing, moderator: missing, guest: no, controlled: missing},
		{name: "next", command: Next{After: 1}, setup: queue, guest: no},
		{name: "next to what is not there", command: Next{After: 1, Item: 1}, setup: queue, host: missing, moderator: missing, guest: no, controlled: missing},
		{name: "ready", command: Ready{}, setup: gate},
		{name: "say", command: Say{Text: "hello"}},
		{name: "rename", command: Rename{Name: "new"}},
		{name: "leave", command: Leave{}},
		{name: "settings", command: ChangeSettings{Locked: new(true)}, moderator: no, guest: no, controlled: no},
		{name: "guest control", command: ChangeSettings{GuestControl: new(true), Locked: new(true)}, moderator: no, guest: no, controlled: no},
		{name: "PIN", command: ChangeSettings{PIN: new(true), Changed: true}, moderator: no, guest: no, controlled: no},
		{name: "transfer", command: Transfer{Member: "other"}, moderator: no, guest: no, controlled: no},
		{name: "transfer to nobody", command: Transfer{Member: "ghost"}, host: missing, moderator: no, guest: no, controlled: no},
		{name: "promote", command: GiveRole{Member: "other", Role: RoleModerator}, moderator: no, guest: no, controlled: no},
		{name: "demote", command: GiveRole{Member: "moderator", Role: RoleGuest}, moderator: no, guest: no, controlled: no},
		{name: "demote the host", command: GiveRole{Member: "host", Role: RoleGuest}, host: no, moderator: no, guest: no, controlled: no},
		{name: "promote nobody", command: GiveRole{Member: "ghost", Role: RoleModerator}, host: missing, moderator: no, guest: no, controlled: no},
		{name: "a role that cannot be given", command: GiveRole{Member: "other", Role: RoleHost}, host: protocol.CodeInvalid, moderator: no, guest: no, controlled: no},
		{name: "a role that is none", command: GiveRole{Member: "other", Role: "owner"}, host: protocol.CodeInvalid, moderator: no, guest: no, controlled: no},
		{name: "remove a guest", command: Remove{Member: "other"}, guest: no, controlled: no},
		{name: "ban a guest", command: Remove{Member: "other", Ban: true}, guest: no, controlled: no},
		{name: "remove a moderator", command: Remove{Member: "deputy"}, moderator: no, guest: no, controlled: no},
		{name: "ban a moderator", command: Remove{Member: "deputy", Ban: true}, moderator: no, guest: no, controlled: no},
		{name: "remove the host", command: Remove{Member: "host"}, host: no, moderator: no, guest: no, controlled: no},
		{name: "remove nobody", command: Remove{Member: "ghost"}, host: missing, moderator: missing, guest: no, controlled: no},
		{name: "unban", command: Unban{Member: "banned"}, guest: no, controlled: no},
		{name: "unban nobody", command: Unban{Member: "ghost"}, host: missing, moderator: missing, guest: no, controlled: no},
	}
}

// queuedFirst is the id of the first item of the queue where there is one.
const queuedFirst = 100

func TestWhoMayDoWhat(t *testing.T) {
	for _, c := range roleCases() {
		t.Run(c.name, func(t *testing.T) {
			for _, actor := range []struct {
				seat    string
				control bool
				want    protocol.ErrorCode
			}{
				{"host", false, c.host},
				{"host", true, c.host},
				{"moderator", false, c.moderator},
				{"moderator", true, c.moderator},
				{"guest", false, c.guest},
				{"guest", true, c.controlled},
			} {
				s := castOf(t, actor.control)
				if c.setup != nil {
					c.setup(s)
				}
				command := c.command
				if _, ok := command.(Ready); ok {
					command = Ready{Gate: s.room.Gate.Number}
				}
				if actor.want != yes {
					s.refused(actor.seat, command, actor.want)
					continue
				}
				if bodies := s.act(actor.seat, command); len(bodies) == 0 && c.name != "play while playing" {
					t.Errorf("%s (guest control %v): allowed, but nothing happened", actor.seat, actor.control)
				}
			}
		})
	}
}

// castOf makes the room of roleCase.
func castOf(t *testing.T, control bool) *stage {
	s := newStage(t, "host", "moderator", "deputy", "guest", "other", "banned")
	s.act("host", GiveRole{Member: "moderator", Role: RoleModerator})
	s.act("host", GiveRole{Member: "deputy", Role: RoleModerator})
	s.act("host", Remove{Member: "banned", Ban: true})
	if control {
		s.act("host", ChangeSettings{GuestControl: new(true)})
	}
	return s
}

func TestNobodyRemovesThemselves(t *testing.T) {
	for _, seat := range []string{"host", "moderator", "guest"} {
		castOf(t, true).refused(seat, Remove{Member: seat}, no)
	}
}

// The room itself, and a seat that is gone, may give no member's command.
func TestWithoutSeat(t *testing.T) {
	commands := []Command{
		Leave{},
		Ready{},
		Say{Text: "x"},
		Rename{Name: "x"},
		ChangeSettings{Locked: new(true)},
		Transfer{Member: "guest"},
		GiveRole{Member: "guest", Role: RoleModerator},
		Remove{Member: "guest"},
		Unban{Member: "banned"},
		Enqueue{},
		Unqueue{Item: 1},
		Move{Item: 1},
		Next{After: 1},
	}
	for _, c := range commands {
		castOf(t, true).refused("", c, protocol.CodeSeatUnknown)
	}
	for _, c := range append(commands, Play{}, Pause{}, Seek{}, SetRate{Rate: 2}, SetMedia{}) {
		castOf(t, true).refused("ghost", c, protocol.CodeSeatUnknown)
	}
}

func TestNoRoom(t *testing.T) {
	s := emptyStage(t)
	for _, c := range []Command{Join{Member: "a"}, Attach{Member: "a"}, Depart{Member: "a"}, OpenGate{}, Play{}} {
		s.refused("", c, protocol.CodeRoomNotFound)
	}
	s.refused("a", Say{Text: "x"}, protocol.CodeRoomNotFound)
	newStage(t, "host").refused("", Create{Member: "other", Name: "other"}, protocol.CodeInvalid)
}

// Every command that a member can send is in the table above.
func TestEveryCommandHasItsRoles(t *testing.T) {
	source, err := os.ReadFile("command.go")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{ // the room's own commands
		"create": true, "join": true, "attach": true, "depart": true, "open gate": true,
	}
	for _, c := range roleCases() {
		have[c.command.name()] = true
	}
	names := regexp.MustCompile(`name\(\) string +\{ return "(.+)" \}`).FindAllStringSubmatch(string(source), -1)
	if len(names) < 19 {
		t.Fatalf("found %d commands in command.go", len(names))
	}
	for _, m := range names {
		if !have[m[1]] {
			t.Errorf("nothing says who may %q", m[1])
		}
	}
}
