package gateway

import (
	"testing"
	"time"

	"tandem.watch/tandem/protocol"
)

// The connected member who has been present longest becomes host.
func TestHostElection(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben, cem, dan := w.join(ann.room, "Ben", office), w.join(ann.room, "Cem", cafe), w.join(ann.room, "Dan", cafe)
		w.pass(time.Minute)
		ann.drop()
		w.pass(20 * time.Second)
		ben.drop() // has been here longest, and is away when it matters
		dan.events()
		w.pass(10*time.Second - time.Millisecond)
		dan.saw()
		w.pass(time.Millisecond)
		dan.saw("left Ann expired", "host Cem")
		ben.resume()
		w.pass(time.Minute)
		dan.saw() // who comes back does not take the room back
		cem.do(&protocol.Leave{Command: cem.id()})
		dan.saw("left Cem left", "host Ben")
	})
}

func TestHostElectionWhenAllAreAway(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben, cem := w.join(ann.room, "Ben", office), w.join(ann.room, "Cem", cafe)
		ann.drop()
		w.pass(5 * time.Second)
		ben.drop()
		cem.drop()
		w.pass(26 * time.Second) // Ann's seat is gone, the others' are not
		back := cem.resume()
		back.saw("left Ann expired", "host Ben")
		w.pass(5 * time.Second)
		back.saw("left Ben expired", "host Cem")
	})
}

// A host who drops for a moment stays host.
func TestHostKeepsTheRoom(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.drop()
		w.pass(29 * time.Second)
		ann = ann.resume()
		w.pass(time.Minute)
		ben.saw()
		ben.refuse(&protocol.ChangeSettings{Command: ben.id(), Locked: new(true)}, protocol.CodeForbidden)
		ann.do(&protocol.ChangeSettings{Command: ann.id(), Locked: new(true)})
	})
}

func TestWhoEntersAnEmptyRoomIsHost(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ann.do(&protocol.Leave{Command: ann.id()})
		w.pass(10 * time.Second)
		ben := w.join(ann.room, "Ben", office)
		if ben.view.Room.Host != ben.member || ben.view.Room.Members[0].Role != protocol.RoleHost {
			t.Errorf("Ben entered an empty room: %+v", ben.view.Room)
		}
	})
}

func TestTransfer(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ben.refuse(&protocol.Transfer{Command: ben.id(), Member: ben.member}, protocol.CodeForbidden)
		ann.refuse(&protocol.Transfer{Command: ann.id(), Member: "nobody"}, protocol.CodeNotFound)
		ann.do(&protocol.Transfer{Command: ann.id(), Member: ben.member})
		ben.saw("host Ben")
		ann.saw("joined Ben", "host Ben")
		ann.refuse(&protocol.ChangeSettings{Command: ann.id(), Locked: new(true)}, protocol.CodeForbidden)
		ben.do(&protocol.ChangeSettings{Command: ben.id(), Locked: new(true)})
		for _, m := range ann.view.Room.Members {
			want := protocol.RoleGuest
			if m.ID == ben.member {
				want = protocol.RoleHost
			}
			if m.Role != want {
				t.Errorf("%s is %s, want %s", m.Name, m.Role, want)
			}
		}
	})
}

func TestRolesAndGuestControl(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben, cem := w.join(ann.room, "Ben", office), w.join(ann.room, "Cem", cafe)
		cem.do(&protocol.Seek{Command: cem.id(), Position: 1})
		ann.do(&protocol.ChangeSettings{Command: ann.id(), GuestControl: new(false)})
		for _, m := range []protocol.CommandMessage{
			&protocol.Play{Command: cem.id()}, &protocol.Pause{Command: cem.id()}, &protocol.Seek{Command: cem.id(), Position: 2},
			&protocol.Rate{Command: cem.id(), Rate: 2}, &protocol.SetMedia{Command: cem.id(), Media: protocol.Media{Kind: protocol.MediaFile}},
			&protocol.SetRole{Command: cem.id(), Member: cem.member, Role: protocol.RoleModerator},
			&protocol.Remove{Command: cem.id(), Member: ben.member},
			&protocol.Unban{Command: cem.id(), Member: ben.member},
		} {
			cem.refuse(m, protocol.CodeForbidden)
		}
		ben.events()
		ann.do(&protocol.SetRole{Command: ann.id(), Member: ben.member, Role: protocol.RoleModerator})
		ben.do(&protocol.Seek{Command: ben.id(), Position: 3})
		ben.refuse(&protocol.ChangeSettings{Command: ben.id(), GuestControl: new(true)}, protocol.CodeForbidden)
		ben.refuse(&protocol.Remove{Command: ben.id(), Member: ann.member}, protocol.CodeForbidden)
		ben.do(&protocol.Remove{Command: ben.id(), Member: cem.member})
		cem.wantClosed(protocol.CloseRemoved)
		ann.do(&protocol.ChangeSettings{Command: ann.id(), GuestControl: new(true)})
		ben.saw("role Ben moderator", "timeline seek 3", "left Cem removed", "settings")

		// Who was removed has lost the seat, and may come again as somebody new.
		again := w.dial(cafe)
		again.wantHello(protocol.Hello{Room: ann.room, Name: "Cem", Resume: &protocol.Resume{Seat: cem.seat}}, protocol.CodeSeatUnknown)
		again.hello(protocol.Hello{Room: ann.room, Name: "Cem"})
		again.do(&protocol.Seek{Command: again.id(), Position: 4})
	})
}
