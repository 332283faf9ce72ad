package gateway

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"tandem.watch/tandem/protocol"
)

// A room is one room, whichever gateways its members are on.
func TestOneRoomOnTwoGateways(t *testing.T) {
	together(t, 2, func(t *testing.T, w []*world) {
		ann := w[0].host("Ann")
		ben := w[1].join(ann.room, "Ben", office)
		cem := w[0].join(ann.room, "Cem", cafe)
		for _, c := range []*peer{ann, ben, cem} {
			c.settle()
			c.events()
			c.inbox = nil
		}
		ben.say("hello")
		ann.do(&protocol.Play{Command: ann.id()})
		ben.do(&protocol.Seek{Command: ben.id(), Position: 30})
		for _, c := range []*peer{ann, ben, cem} {
			c.saw("chat Ben hello", "timeline play 0", "timeline seek 30")
		}

		// What does not last reaches the other gateway, too, and nobody twice.
		send(ben, &protocol.React{Reaction: "🎉"})
		send(ann, &protocol.Typing{On: true})
		for _, c := range []*peer{ann, ben, cem} {
			if r := only[*protocol.Reaction](c); r.Member != ben.member || r.Reaction != "🎉" {
				t.Errorf("%s saw the reaction %+v", c.name, r)
			}
			if n := len(take[*protocol.MemberTyping](c)); n != 1 && c != ann {
				t.Errorf("%s saw %d who type", c.name, n)
			}
		}
		send(ann, &protocol.Signal{To: ben.member, Data: []byte(`{"sdp":1}`)})
		if s := only[*protocol.Signalled](ben); s.From != ann.member || string(s.Data) != `{"sdp":1}` {
			t.Errorf("Ben was signalled %+v", s)
		}
		if n := len(take[*protocol.Signalled](cem)); n > 0 {
			t.Error("a signal reached somebody else")
		}
		passAll(w, 2*time.Minute)
		for _, c := range []*peer{ann, ben, cem} {
			c.saw()
		}
	})
}

// send sends what has no answer.
func send(c *peer, m protocol.ClientMessage) {
	c.w.t.Helper()
	if err := c.Send(m); err != nil {
		c.w.t.Fatal(err)
	}
	passAll([]*world{c.w}, 10*time.Millisecond)
}

// A member that drops from one gateway and comes back to another: the others
// see who is away and who is back, and nothing else.
func TestSeatMovesToAnotherGateway(t *testing.T) {
	together(t, 2, func(t *testing.T, w []*world) {
		ann := w[0].host("Ann")
		ben := w[1].join(ann.room, "Ben", office)
		ann.saw("joined Ben")
		ann.presence()
		ben.drop()
		ann.presence("Ben away")
		passAll(w, 20*time.Second)
		ann.say("one")
		back := ben.moveTo(w[0])
		if back.welcome.Room != nil {
			t.Error("a short absence was answered with a snapshot")
		}
		back.saw("chat Ann one")
		ann.presence("Ben here")
		passAll(w, 2*time.Minute)
		ann.saw("chat Ann one")
		back.saw()

		// And while the old connection still seems to live.
		again := back.moveTo(w[1])
		passAll(w, time.Second)
		back.wantClosed(protocol.CloseReplaced)
		again.say("two")
		ann.saw("chat Ben two")
		passAll(w, 2*time.Minute)
		ann.saw()
		ann.do(&protocol.Transfer{Command: ann.id(), Member: again.member})
		again.saw("chat Ben two", "host Ben")
	})
}

// Who does not come back has the whole grace of the gateway that saw the drop.
func TestGraceWithSeveralGateways(t *testing.T) {
	together(t, 3, func(t *testing.T, w []*world) {
		ann := w[0].host("Ann")
		ben := w[1].join(ann.room, "Ben", office)
		cem := w[2].join(ann.room, "Cem", cafe)
		ann.events()
		ben.drop()
		passAll(w, 29*time.Second)
		ann.saw()
		passAll(w, 2*time.Second)
		ann.saw("left Ben expired")
		passAll(w, time.Minute)
		cem.settle()
		cem.saw("left Ben expired")
		ann.saw()
	})
}

// When a gateway is killed, its members are away when its lease has run out,
// those that come back elsewhere are in their seats, and the others gone within
// 15 s, each once.
func TestKilledGateway(t *testing.T) {
	for _, gateways := range []int{2, 3} {
		t.Run(fmt.Sprint(gateways), func(t *testing.T) {
			together(t, gateways, func(t *testing.T, w []*world) {
				ann := w[0].host("Ann")
				if gateways == 3 {
					w[2].join(ann.room, "Dot", home)
				}
				ben := w[1].join(ann.room, "Ben", office)
				w[1].join(ann.room, "Cem", cafe)
				ann.events()
				ann.presence()
				w[1].kill()
				passAll(w, 3*time.Second)
				back := ben.moveTo(w[0])
				passAll(w, 12*time.Second)
				ann.saw("left Cem expired")
				back.say("here")
				passAll(w, time.Minute)
				ann.saw("chat Ben here")
			})
		})
	}
}

// While the log is away nobody departs, and when it is back nobody does who is
// there; the room goes on.
func TestLogAwayFromEverybody(t *testing.T) {
	together(t, 2, func(t *testing.T, w []*world) {
		ann := w[0].host("Ann")
		ben := w[1].join(ann.room, "Ben", office)
		ann.events()
		for _, g := range w {
			g.shared.cut.Store(true)
		}
		passAll(w, time.Minute)
		ann.refuse(&protocol.Say{Command: ann.id(), Text: "lost"}, protocol.CodeUnavailable)
		for _, g := range w {
			g.shared.cut.Store(false)
		}
		passAll(w, 3*time.Second)
		ann.say("found")
		ben.say("too")
		passAll(w, time.Minute)
		for _, c := range []*peer{ann, ben} {
			c.settle()
			if c.over {
				t.Fatalf("%s was closed with %d", c.name, c.CloseCode())
			}
		}
		ann.saw("chat Ann found", "chat Ben too")
		ben.saw("chat Ann found", "chat Ben too")
	})
}

// A gateway that hears nothing of the others for a while reads what it missed
// from the log.
func TestMissedWhileCutOff(t *testing.T) {
	together(t, 2, func(t *testing.T, w []*world) {
		ann := w[0].host("Ann")
		ben := w[1].join(ann.room, "Ben", office)
		ann.events()
		w[1].shared.cut.Store(true)
		passAll(w, time.Second)
		ann.say("one")
		ann.say("two")
		ben.saw()
		w[1].shared.cut.Store(false)
		passAll(w, 4*time.Second)
		ben.saw("chat Ann one", "chat Ann two")
		ben.say("three")
		ann.saw("chat Ann one", "chat Ann two", "chat Ben three")
	})
}

// When all of a room's members were on a gateway that is gone, another one
// takes the room up, and gives up their seats.
func TestOwnerlessRoom(t *testing.T) {
	together(t, 3, func(t *testing.T, w []*world) {
		w[0].host("Ann")
		w[0].kill()
		passAll(w, time.Minute)
		occupied, err := w[1].rooms.Occupied(t.Context())
		if err != nil || len(occupied) != 0 {
			t.Errorf("occupied: %v, %v", occupied, err)
		}
	})
}

// A log that comes back without its newest events gets them back from the
// gateways, unchanged, and everybody goes on where they were.
func TestLogLosesItsTail(t *testing.T) {
	together(t, 3, func(t *testing.T, w []*world) {
		ann := w[0].host("Ann")
		ben := w[1].join(ann.room, "Ben", office)
		cem := w[2].join(ann.room, "Cem", cafe)
		for i := range 10 {
			ann.say(fmt.Sprint(i))
		}
		passAll(w, time.Second)
		for _, c := range []*peer{ann, ben, cem} {
			c.events()
		}
		before := loaded(t, w[0], ann.room)
		w[0].rooms.Lose(ann.room, 7)
		passAll(w, 10*time.Second)
		if after := loaded(t, w[0], ann.room); after != before {
			t.Fatalf("the log stands at %d, stood at %d", after, before)
		}
		ben.say("on")
		for _, c := range []*peer{ann, ben, cem} {
			c.saw("chat Ben on")
		}
	})
}

// loaded returns the number that the log stands at.
func loaded(t *testing.T, w *world, room string) uint64 {
	t.Helper()
	events, err := w.rooms.Read(t.Context(), room, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	return events[len(events)-1].Number
}

// A gateway that was cut off, or frozen, for so long that the others gave its
// members up: they are seated again, and notice nothing else.
func TestGatewayIsBack(t *testing.T) {
	together(t, 2, func(t *testing.T, w []*world) {
		ann := w[0].host("Ann")
		ben := w[1].join(ann.room, "Ben", office)
		cem := w[1].join(ann.room, "Cem", cafe)
		ann.events()
		ben.settle()
		ben.events()
		w[1].shared.cut.Store(true)
		passAll(w, 40*time.Second)
		cem.drop() // and nobody can be told
		ann.saw("left Ben expired", "left Cem expired")
		w[1].shared.cut.Store(false)
		passAll(w, 5*time.Second)
		ben.settle()
		if ben.over {
			t.Fatalf("Ben was closed with %d", ben.CloseCode())
		}
		ben.saw("left Ben expired", "left Cem expired", "joined Ben")
		ben.say("still here")
		ann.saw("joined Ben", "chat Ben still here")
		passAll(w, 2*time.Minute)
		ann.saw()
		again := ben.moveTo(w[0]) // by the same token
		again.saw()
	})
}

// A gateway 150 ms from the log, beside two near ones in one busy room: its
// commands are done within a bounded time.
func TestFarGateway(t *testing.T) {
	together(t, 3, func(t *testing.T, w []*world) {
		w[2].shared.far = 75 * time.Millisecond
		ann := w[0].host("Ann")
		ben := w[1].join(ann.room, "Ben", office)
		cem := w[2].join(ann.room, "Cem", cafe)
		stop := make(chan struct{})
		var busy sync.WaitGroup
		for _, c := range []*peer{ann, ben} {
			busy.Go(func() {
				for id := c.last + 1; ; id++ {
					select {
					case <-stop:
						return
					case <-time.After(70 * time.Millisecond):
						_ = c.Send(&protocol.Say{Command: protocol.Command{ID: id}, Text: "busy"})
					}
				}
			})
		}
		for i := range 10 {
			for _, m := range []protocol.CommandMessage{
				&protocol.Say{Command: cem.id(), Text: "far"},
				&protocol.Seek{Command: cem.id(), Position: float64(i)},
				&protocol.Play{Command: cem.id()},
			} {
				began := time.Now()
				cem.do(m)
				if took := time.Since(began); took > time.Second {
					t.Errorf("%s took %v", m.Type(), took)
				}
			}
		}
		close(stop)
		busy.Wait()
		ann.settle()
		ben.settle()
	}, "--max-command-rate", "1000", "--max-message-rate", "1000")
}

// A gateway that stops says so: its members come back elsewhere, in their seats,
// and the others are told of nothing but of those who do not come back.
func TestStoppedGateway(t *testing.T) {
	together(t, 2, func(t *testing.T, w []*world) {
		ann := w[0].host("Ann")
		ben := w[1].join(ann.room, "Ben", office)
		cem := w[1].join(ann.room, "Cem", cafe)
		ann.events()
		ann.presence()
		w[1].stop()
		w[1].dead = true
		for _, c := range []*peer{ben, cem} {
			c.settle()
			c.wantClosed(protocol.CloseRestart)
		}
		passAll(w, time.Second)
		back := ben.moveTo(w[0])
		passAll(w, 20*time.Second)
		ann.saw()
		passAll(w, 15*time.Second)
		ann.saw("left Cem expired")
		back.saw("left Cem expired")
		passAll(w, time.Minute)
		ann.saw()
	})
}
