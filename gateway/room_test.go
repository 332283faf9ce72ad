package gateway

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tandem.watch/tandem/protocol"
)

func TestCreateAndJoin(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		made := w.create(`{"name":"Ann"}`)
		if want := "http://tandem.test/r/" + made.ID; made.URL != want {
			t.Errorf("the room's address is %s, want %s", made.URL, want)
		}
		ann := w.enter(made, "Ann")
		if ann.member != made.Member || ann.seat != made.Seat {
			t.Errorf("Ann is %s with the seat %s, want %s with %s", ann.member, ann.seat, made.Member, made.Seat)
		}
		now := time.Now().UnixMicro()
		want := &protocol.Room{
			ID: made.ID, Host: ann.member, Settings: protocol.Settings{GuestControl: true}, Media: protocol.Media{Kind: protocol.MediaClip}, MediaNumber: 1,
			Timeline: protocol.Timeline{Rate: 1, At: now, Number: 1}, MemberCount: 1,
			Members: []protocol.Member{{ID: ann.member, Name: "Ann", Role: protocol.RoleHost, JoinedAt: now}},
		}
		if diff := cmp.Diff(want, ann.welcome.Room); diff != "" {
			t.Errorf("Ann's snapshot (-want +got):\n%s", diff)
		}
		if ann.welcome.ProbeMs != (protocol.ProbeIntervals{Playing: 2000, Idle: 15_000}) || ann.welcome.Clock.Time != now {
			t.Errorf("welcome has %+v, %+v", ann.welcome.ProbeMs, ann.welcome.Clock)
		}

		// Ben types the code as people do.
		ben := w.join(protocol.FormatRoomCode(made.ID), "Ben", office)
		ann.saw("joined Ben")
		ben.saw() // he is in his own snapshot
		if diff := cmp.Diff(ann.view.Room, *ben.welcome.Room); diff != "" {
			t.Errorf("Ann's room is not Ben's snapshot (-Ann +Ben):\n%s", diff)
		}
		for _, c := range []*peer{ann, ben} {
			if got := take[*protocol.Present](c); len(got) != 0 {
				t.Errorf("%s was told the presence %+v", c.name, got)
			}
		}
	})
}

func TestUnknownRoom(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		c := w.dial(home)
		c.wantHello(protocol.Hello{Room: "0000-0000-0000", Name: "Ann"}, protocol.CodeRoomNotFound)
		c.wantHello(protocol.Hello{Room: "no such room", Name: "Ann"}, protocol.CodeRoomNotFound)
		made := w.create(`{"name":"Ann"}`)
		c.hello(protocol.Hello{Room: made.ID, Name: "Ann"}) // the session has stayed open
	})
}

// What everybody keeps equals what a newcomer is given, whatever happened, and
// everybody hears it in the same order.
func TestStormReachesEverybodyInOrder(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		all := []*peer{ann}
		for i := range 7 {
			all = append(all, w.join(ann.room, fmt.Sprint("guest ", i), office))
		}
		ben := all[1]
		ann.do(&protocol.SetRole{Command: ann.id(), Member: ben.member, Role: protocol.RoleModerator})
		for _, c := range all {
			c.events()
		}
		chats := 0
		var sending sync.WaitGroup
		for i, c := range all {
			var commands []protocol.CommandMessage
			for n := range 15 {
				commands = append(commands, stormCommand(c, i, n))
				if _, ok := commands[n].(*protocol.Say); ok {
					chats++
				}
			}
			sending.Go(func() {
				for n, m := range commands {
					_ = c.Send(m)
					if n%5 == 4 {
						time.Sleep(time.Millisecond)
					}
				}
			})
		}
		sending.Wait()
		time.Sleep(5 * time.Second) // gates open

		first := ann.events()
		if got := countEvents(first, protocol.EventChat); got != chats || chats == 0 {
			t.Errorf("%d lines of chat, want %d", got, chats)
		}
		newcomer := w.join(ann.room, "late", cafe)
		joined := ann.events()
		for _, c := range all {
			if c != ann {
				if diff := cmp.Diff(append(first, joined...), c.events()); diff != "" {
					t.Errorf("%s and Ann heard different things:\n%s", c.name, diff)
				}
			}
			if diff := cmp.Diff(*newcomer.welcome.Room, c.view.Room, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s keeps another room than a newcomer gets (-newcomer +%s):\n%s", c.name, c.name, diff)
			}
			if got := len(take[*protocol.Ack](c)); got != 15 {
				t.Errorf("%s got %d acknowledgements, want 15", c.name, got)
			}
		}
	})
}

func stormCommand(c *peer, i, n int) protocol.CommandMessage {
	here := float64(100*i + n)
	play := n%2 == 0
	switch (i + n) % 6 {
	case 0:
		return &protocol.Play{Command: c.id(), Position: &here, Wait: play}
	case 1:
		return &protocol.Seek{Command: c.id(), Position: here, Play: &play}
	case 2:
		return &protocol.Pause{Command: c.id()}
	case 3:
		return &protocol.Rate{Command: c.id(), Rate: 1 + float64(n)/16}
	case 4:
		return &protocol.Rename{Command: c.id(), Name: fmt.Sprint(c.name, " ", n)}
	default:
		return &protocol.Say{Command: c.id(), Text: fmt.Sprint(i, " says ", n)}
	}
}

func countEvents(events []protocol.Event, typ protocol.EventType) (n int) {
	for _, e := range events {
		if e.Type == typ {
			n++
		}
	}
	return n
}

func TestLeave(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.saw("joined Ben")
		leave := &protocol.Leave{Command: ben.id()}
		ben.do(leave) // acknowledged first
		ben.saw("left Ben left")
		ben.wantClosed(protocol.CloseNormal)
		ann.saw("left Ben left")
		ann.presence()

		c := w.dial(office)
		c.wantHello(protocol.Hello{Room: ben.room, Name: "Ben", Resume: &protocol.Resume{Seat: ben.seat}}, protocol.CodeSeatUnknown)
	})
}

func TestLastToLeaveStopsTheRoom(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ann.do(&protocol.Play{Command: ann.id()})
		w.pass(20 * time.Second)
		ann.do(&protocol.Leave{Command: ann.id()})
		ann.wantClosed(protocol.CloseNormal)
		w.pass(30 * time.Second)
		ben := w.join(ann.room, "Ben", office)
		if got := ben.view.Room; got.Timeline.Playing || got.Timeline.Position < 19 || got.Timeline.Position > 20 || got.Host != ben.member {
			t.Errorf("Ben found the timeline %+v and the host %q", got.Timeline, got.Host)
		}
	})
}

// An idle room leaves the memory after a minute, and comes back as it was.
func TestIdleRoomIsUnloaded(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ann.say("hello")
		ann.do(&protocol.Leave{Command: ann.id()})
		ann.wantClosed(protocol.CloseNormal)
		time.Sleep(59 * time.Second)
		if n := w.g.hub.Stats().Rooms; n != 1 {
			t.Errorf("%d rooms in memory after 59 s, want 1", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := w.g.hub.Stats().Rooms; n != 0 {
			t.Errorf("%d rooms in memory after 61 s, want none", n)
		}
		ben := w.join(ann.room, "Ben", office)
		_ = ben.Send(&protocol.GetHistory{})
		lines := only[*protocol.History](ben).Lines
		if len(lines) != 1 || lines[0].Text != "hello" || lines[0].Name != "Ann" {
			t.Errorf("Ben found the chat %+v", lines)
		}
	})
}

func TestEmptyRoomIsForgotten(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		kept := w.host("Eve")
		ann.do(&protocol.Leave{Command: ann.id()})
		ann.wantClosed(protocol.CloseNormal)
		w.pass(time.Hour - time.Second)
		if got := w.get("/v1/rooms/" + ann.room); got.Status != http.StatusOK {
			t.Errorf("the room is gone before its time: %d %s", got.Status, got.Body)
		}
		w.pass(10 * time.Minute)
		if got := w.get("/v1/rooms/" + ann.room); got.Status != http.StatusNotFound {
			t.Errorf("the room is still there: %d %s", got.Status, got.Body)
		}
		if got := w.get("/v1/rooms/" + kept.room); got.Status != http.StatusOK {
			t.Errorf("a room with a member is gone: %d %s", got.Status, got.Body)
		}
		w.dial(home).wantHello(protocol.Hello{Room: ann.room, Name: "Ann"}, protocol.CodeRoomNotFound)
	}, "--room-ttl", "1h")
}

func TestFullRoom(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		cem := w.dial(cafe)
		cem.wantHello(protocol.Hello{Room: ann.room, Name: "Cem"}, protocol.CodeRoomFull)
		ben.do(&protocol.Leave{Command: ben.id()})
		cem.hello(protocol.Hello{Room: ann.room, Name: "Cem"})
	}, "--max-members", "2")
}

// A large room's newcomer gets the members by the page.
func TestMembersByThePage(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		for i := range 220 {
			w.join(ann.room, fmt.Sprint("guest ", i), fmt.Sprint("203.0.113.", i%8)).drop()
		}
		late := w.join(ann.room, "late", cafe)
		if got := len(late.welcome.Room.Members); got != protocol.MembersPage || late.welcome.Room.MemberCount != 222 {
			t.Errorf("welcome has %d of %d members", got, late.welcome.Room.MemberCount)
		}
		if pages := take[*protocol.Members](late); len(pages) != 2 || len(late.view.Room.Members) != 222 {
			t.Errorf("%d members after %d pages", len(late.view.Room.Members), len(pages))
		}
		ann.settle()
		if diff := cmp.Diff(ann.view.Room.Members, late.view.Room.Members); diff != "" {
			t.Errorf("Ann's list is not the newcomer's (-Ann +newcomer):\n%s", diff)
		}
	})
}

func TestSessionsAreLimited(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		second := w.join(ann.room, "Ann again", home)
		refusal := func(from string, status int, code protocol.ErrorCode) {
			t.Helper()
			got := w.call(from, w.request(http.MethodGet, "/v1/ws", ""))
			refusalOf(t, got, status, code)
			if got.Header.Get("Retry-After") == "" {
				t.Errorf("the headers are %v", got.Header)
			}
		}
		refusal(home, http.StatusTooManyRequests, protocol.CodeRateLimited)
		w.join(ann.room, "Ben", office)
		refusal(cafe, http.StatusServiceUnavailable, protocol.CodeUnavailable)
		second.drop()
		w.join(ann.room, "Cem", cafe)
	}, "--max-sessions-per-ip", "2", "--max-sessions", "3")
}

// Who connects again and again is told to wait.
func TestAttemptsAreLimited(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		for range 10 {
			w.dial(home).drop()
		}
		refusalOf(t, w.get("/v1/ws"), http.StatusTooManyRequests, protocol.CodeRateLimited)
		w.dial(office).drop()
		time.Sleep(3 * time.Second)
		w.dial(home).drop()
	}, "--max-connects-per-ip", "20")
}
