package gateway

import (
	"fmt"
	"testing"
	"time"

	"tandem.watch/tandem/core/roomlog/memory"
	"tandem.watch/tandem/protocol"
)

// A short drop: the others see who is away and who is back, nothing else, and
// who comes back gets exactly what it missed.
func TestDropAndResume(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.say("one")
		ann.saw("joined Ben", "chat Ann one")
		ben.saw("chat Ann one")

		ben.drop()
		ann.presence("Ben away")
		w.pass(10 * time.Second)
		ann.say("two")
		ann.do(&protocol.Seek{Command: ann.id(), Position: 12})
		w.pass(19 * time.Second)

		back := ben.resume()
		if back.welcome.Room != nil {
			t.Error("a short absence was answered with a snapshot")
		}
		back.saw("chat Ann two", "timeline seek 12")
		ann.presence("Ben here")
		ann.say("three")
		back.saw("chat Ann three")
		ann.saw("chat Ann two", "timeline seek 12", "chat Ann three")
		w.pass(time.Minute)
		ann.saw()
		back.saw()
	})
}

// Where the network swallows everything, nobody is told but by silence.
func TestSilentSession(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.saw("joined Ben")
		ben.silent = true
		w.pass(40*time.Second - time.Millisecond)
		ben.settle()
		if ben.over {
			t.Fatal("closed before 40 s of silence")
		}
		ann.presence()
		w.pass(time.Millisecond)
		ben.wantClosed(protocol.CloseSilent)
		ann.presence("Ben away")
		ben.resume()
		ann.presence("Ben here")
		ann.saw()
	})
}

func TestHalfOpenConnection(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.saw("joined Ben")
		ben.vanish()
		w.pass(40 * time.Second)
		ann.presence("Ben away")
		w.pass(30 * time.Second)
		ann.saw("left Ben expired")
		w.pass(15 * time.Second)
		if n := w.g.ws.Sessions(); n != 1 {
			t.Errorf("%d sessions are held, want Ann's", n)
		}
	})
}

// A seat waits for its member for exactly 30 s from the drop, whatever came
// before that.
func TestSeatExpires(t *testing.T) {
	const grace = 30 * time.Second
	check := func(t *testing.T, w *world, ann, ben *peer, what ...string) {
		t.Helper()
		ann.events()
		ben.drop()
		w.pass(grace - time.Millisecond)
		ann.saw()
		w.pass(time.Millisecond)
		ann.saw(what...)
		ann.presence("Ben away")
		c := w.dial(office)
		c.wantHello(protocol.Hello{Room: ben.room, Name: "Ben", Resume: &protocol.Resume{Seat: ben.seat}}, protocol.CodeSeatUnknown)
		c.hello(protocol.Hello{Room: ben.room, Name: "Ben"})
		if c.member == ben.member {
			t.Error("a new seat has the old one's id")
		}
	}
	// How long Ben was there, and whether he came back in between.
	for _, stay := range []time.Duration{0, time.Second, 20 * time.Second, 31 * time.Second, 70 * time.Second} {
		t.Run(fmt.Sprint("after ", stay), func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				ann := w.host("Ann")
				ben := w.join(ann.room, "Ben", office)
				w.pass(stay)
				check(t, w, ann, ben, "left Ben expired")
			})
		})
		t.Run(fmt.Sprint("having come back for ", stay), func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				ann := w.host("Ann")
				ben := w.join(ann.room, "Ben", office)
				ben.drop()
				w.pass(5 * time.Second)
				ben = ben.resume()
				w.pass(stay)
				ann.presence("Ben away", "Ben here")
				check(t, w, ann, ben, "left Ben expired")
			})
		})
	}
}

// Who comes back in the last moment, while the log is slow, keeps the seat: the
// end of the grace was of an earlier connection.
func TestReturnInTheLastMoment(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.saw("joined Ben")
		ben.drop()
		w.pass(29 * time.Second)
		w.log.Set(memory.Faults{AppendDelay: 3 * time.Second})
		_ = ann.Send(&protocol.Say{Command: ann.id(), Text: "slow"})
		time.Sleep(500 * time.Millisecond)
		ben = ben.resume() // waits for its turn, and so does the departure
		w.pass(15 * time.Second)
		ben.say("still here")
		ann.saw("chat Ann slow", "chat Ben still here")
	})
}

// The creator of a room who never comes leaves an empty room, after the grace.
func TestCreatorWhoNeverComes(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		made := w.create(`{"name":"Ann"}`)
		w.pass(29 * time.Second)
		ben := w.join(made.ID, "Ben", office)
		ben.saw()
		if ben.view.Room.Host != made.Member || !ben.view.Away[made.Member] {
			t.Errorf("the host is %s, away are %v", ben.view.Room.Host, ben.view.Away)
		}
		w.pass(time.Second)
		ben.saw("left Ann expired", "host Ben")
	})
}

func TestResumeTooFarBack(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ben.drop()
		for i := range 2001 {
			ann.say(fmt.Sprint("line ", i))
		}
		back := ben.resume()
		if back.welcome.Room == nil || back.welcome.Number != ann.view.Number+1 {
			t.Fatalf("welcome at %d with the room %v, want a snapshot at %d", back.welcome.Number, back.welcome.Room, ann.view.Number+1)
		}
		back.saw()
		ann.say("more")
		back.saw("chat Ann more")
	}, "--max-message-rate", "2000", "--max-command-rate", "1000")
}

func TestResumeFromAnotherHistory(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		for _, r := range []protocol.Resume{
			{Epoch: 2, Number: 3}, {Epoch: 1, Number: 1_000_000}, {Epoch: 1, Number: 0}, {Epoch: 0, Number: 0},
		} {
			c := w.dial(home)
			r.Seat = ann.seat
			c.hello(protocol.Hello{Room: ann.room, Name: "Ann", Resume: &r})
			if c.welcome.Room == nil || c.member != ann.member {
				t.Errorf("resume from %d of epoch %d: %+v", r.Number, r.Epoch, c.welcome)
			}
		}
	})
}

// Two connections with one seat token: the newer one has the seat.
func TestTakeover(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.saw("joined Ben")
		ben.say("first")
		ben.settle()

		second := ben.resume()
		ben.wantClosed(protocol.CloseReplaced)
		if second.last != 1 {
			t.Errorf("the last command is %d, want 1", second.last)
		}
		second.say("second")
		second.saw("chat Ben second")
		w.pass(2 * time.Minute)
		ann.saw("chat Ben first", "chat Ben second")
		ann.presence() // he was never away
		second.say("still here")
		ann.saw("chat Ben still here")
	})
}

func TestTakeoversInTurn(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.saw("joined Ben")
		for range 8 {
			before := ben
			ben = ben.resume()
			before.wantClosed(protocol.CloseReplaced)
			w.pass(11 * time.Second)
		}
		ann.saw()
		ann.presence()
		if n := w.g.ws.Sessions(); n != 2 {
			t.Errorf("%d sessions are held, want 2", n)
		}
	})
}

// A stranger's or another room's token opens nothing.
func TestSeatOfAnotherRoom(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann, eve := w.host("Ann"), w.host("Eve")
		c := w.dial(office)
		for _, token := range []string{eve.seat, "AAAAAAAAAAAAAAAAAAAAAA", ann.member, ann.seat[:21], ann.seat + "A", "seat:", "pin"} {
			c.wantHello(protocol.Hello{Room: ann.room, Name: "Ann", Resume: &protocol.Resume{Seat: token}}, protocol.CodeSeatUnknown)
		}
		ann.saw()
		ann.presence()
		ann.say("still here")
	})
}
