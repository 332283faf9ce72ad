package gateway

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/internal/memnet"
	"tandem.watch/tandem/protocol"
)

// vanishing connects over a network that can be made to lose everything.
func (s *stage) vanishing(from string) (*extension, *memnet.Conn) {
	s.t.Helper()
	c, err := s.w.net.Dial(s.t.Context(), from)
	if err != nil {
		s.t.Fatal(err)
	}
	x, err := s.connectOver(func() (net.Conn, error) { return c, nil }, nil, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return x, c
}

// keep lets time pass while the members ping as the extension does.
func (s *stage) keep(d time.Duration, members ...*extension) {
	for ; d > 0; d -= 10 * time.Second {
		s.w.pass(min(d, 10*time.Second))
		for _, x := range members {
			x.send("PING", note{"timestamp": x.clock()})
		}
	}
}

// A short drop is no leave: the seat waits, and who comes back renews WebRTC.
func TestLegacyGrace(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		ann.drop()
		s.keep(20*time.Second, ben)
		if told := ben.fence(ben)[0]; len(told) != 0 {
			t.Errorf("of a drop: %v", told)
		}
		ann = s.connect(home)
		ann.join("room", "user_ann0001", note{"username": "Ann"}).wants(t, note{"hostUserId": "user_ann0001"})
		lone(t, ann.fence(ben)[0], "USER_JOINED").wants(t, note{"userId": "user_ann0001"})
		ann.drop()
		s.keep(40*time.Second, ben)
		if told := ben.fence(ben)[0]; kinds(told) != "USER_LEFT HOST_CHANGED" || told[1]["hostUserId"] != "user_ben0001" {
			t.Errorf("of a departure: %v", told)
		}
		// Who comes back later is new.
		ann = s.connect(home)
		ann.join("room", "user_ann0001", nil).wants(t, note{"hostUserId": "user_ben0001"})
	})
}

// A socket that says nothing for 40 s is dropped, whatever its browser answers.
func TestLegacySilence(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		cleo := s.w.join("room", "Cleo", cafe)
		s.keep(39*time.Second, ben)
		cleo.presence()
		s.keep(30*time.Second, ben)
		ann.wantClosed(int(protocol.CloseSilent))
		s.keep(40*time.Second, ben)
		if told := ben.fence(ben)[0]; kinds(told) != "USER_JOINED USER_LEFT HOST_CHANGED" {
			t.Errorf("Ben was told %v", told)
		}
	})
}

// An id is no secret: who has it is the one who may use it.
func TestLegacyTakeover(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann, _ := s.vanishing(home)
		ann.join("room", "user_ann0001", note{"username": "Ann"})
		ben := s.connect(office)
		ben.join("room", "user_ben0001", note{"username": "Ben"})
		ann.await("USER_JOINED")

		// From elsewhere while she is there: no.
		thief := s.connect(cafe)
		if n := thief.tryJoin("room", "user_ann0001", nil); n.kind() != "ERROR" || !strings.Contains(n["message"].(string), "another address") {
			t.Errorf("the thief was told %v", n)
		}
		ann.fence(ann, ben)
		thief.send("LEAVE", note{"userId": "user_ann0001", "roomId": "room"})
		thief.wantClosed(1000)
		for _, told := range ann.fence(ann, ben) {
			if len(told) != 0 {
				t.Errorf("of a thief: %v", told)
			}
		}

		// From the same address: it is she, in her seat, and host.
		again := s.connect(home)
		again.join("room", "user_ann0001", note{"username": "Ann"}).wants(t, note{"hostUserId": "user_ann0001"})
		ann.wantClosed(int(protocol.CloseReplaced))
		lone(t, again.fence(ben)[0], "USER_JOINED").wants(t, note{"userId": "user_ann0001"})

		// From elsewhere when her line is dead: her seat, not her rank.
		half, wire := s.vanishing(home)
		half.join("room", "user_ann0001", note{"username": "Ann"})
		half.fence(ben)
		wire.Vanish()
		moved := s.connect(cafe)
		began := time.Now()
		moved.join("room", "user_ann0001", note{"username": "Ann"}).wants(t, note{"hostUserId": "user_ben0001"})
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %v to find out that she is gone", took)
		}
		if told := moved.fence(ben)[0]; kinds(told) != "USER_JOINED HOST_CHANGED" {
			t.Errorf("Ben was told %v", told)
		}
		// And when it is known to be gone.
		moved.drop()
		s.w.pass(time.Second)
		home2 := s.connect(home)
		if users := home2.join("room", "user_ann0001", nil)["users"].([]any); len(users) != 2 || users[0].(map[string]any)["userId"] != "user_ann0001" {
			t.Errorf("her place is gone: %v", users)
		}
	})
}

// A guest who uses the host's id while the host's line is down has neither its
// rank nor, when it comes back, its seat.
func TestLegacyHostIsBack(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		for i, alone := range []bool{false, true} {
			for j, removes := range []bool{false, true} {
				room := fmt.Sprint("room ", i, j)
				ann := s.connect(home)
				ann.join(room, "user_ann0001", note{"username": "Ann", "pin": "123456"})
				ben := s.connect(office)
				if !alone {
					ben.join(room, "user_ben0001", note{"username": "Ben", "pin": "123456"})
				}
				ann.drop()
				s.w.pass(time.Second)
				thief := s.connect(office)
				state := thief.join(room, "user_ann0001", note{"pin": "123456"})
				if state["hostUserId"] == "user_ann0001" {
					t.Errorf("alone %v: the stranger is host: %v", alone, state)
				}
				for range 2 { // and stays what it is, over its own connection and another one
					if again := thief.join(room, "user_ann0001", note{"pin": "123456"}); again["hostUserId"] == "user_ann0001" {
						t.Errorf("alone %v: the stranger who joins again is host: %v", alone, again)
					}
					thief = s.connect(office)
					thief.join(room, "user_ann0001", note{"pin": "123456"})
				}
				if alone {
					ben.join(room, "user_ben0001", note{"username": "Ben", "pin": "123456"}).wants(t, note{"hostUserId": "user_ben0001"})
				}
				if removes {
					thief.send("LEAVE", note{"userId": "user_ann0001", "roomId": room})
					thief.wantClosed(1000)
				}
				s.keep(20*time.Second, ben, thief)
				ann = s.connect(home)
				ann.join(room, "user_ann0001", note{"username": "Ann", "pin": "123456"}).wants(t, note{"hostUserId": "user_ann0001"})
				if !removes {
					thief.wantClosed(int(protocol.CloseReplaced))
				}
				if n := s.connect(office).tryJoin(room, "user_ann0001", note{"pin": "123456"}); n.kind() != "ERROR" {
					t.Errorf("her seat is taken again: %v", n)
				}
				ann.drop()
				ben.drop()
			}
		}
	})
}

// Who moved to another address, and is not followed by anybody from the old one,
// is host of a room of one again after the grace.
func TestLegacyMovedAlone(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann := s.connect(home)
		ann.join("room", "user_ann0001", nil)
		ann.drop()
		s.w.pass(time.Second)
		ann = s.connect(cafe)
		if host := ann.join("room", "user_ann0001", nil)["hostUserId"]; host != nil {
			t.Errorf("the host is %v", host)
		}
		s.keep(31*time.Second, ann)
		ann.join("room", "user_ann0001", nil).wants(t, note{"hostUserId": "user_ann0001"})
		late := s.connect(home)
		if n := late.tryJoin("room", "user_ann0001", nil); n.kind() != "ERROR" {
			t.Errorf("the old address after the grace: %v", n)
		}
	})
}

// Who guesses PINs elsewhere keeps nobody out of a seat of its own.
func TestLegacyGuessersKeepNobodyOut(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann := s.connect(home)
		ann.join("room", "user_ann0001", note{"pin": "123456"})
		ann.drop()
		for i := range 55 {
			x := s.connect(fmt.Sprintf("203.0.113.%d", 1+i/5))
			x.tryJoin("room", "user_thief01", note{"pin": "000000"})
			x.drop()
		}
		if n := s.connect(cafe).tryJoin("room", "user_ben0001", note{"pin": "123456"}); !strings.Contains(fmt.Sprint(n["message"]), "too many") {
			t.Fatalf("the room's tries are not used up: %v", n)
		}
		ann = s.connect(home)
		for i := range 6 { // her own are counted
			if n := ann.tryJoin("room", "user_ann0001", note{"pin": "000000"}); i < 4 && n["message"] != "Invalid or missing PIN" {
				t.Errorf("a wrong PIN: %v", n)
			} else if i == 3 {
				break
			}
		}
		ann.join("room", "user_ann0001", note{"pin": "123456"}).wants(t, note{"hostUserId": "user_ann0001"})
	})
}

// A seat of version 1 has a token: its id opens nothing.
func TestLegacyCannotBeVersionOne(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		cleo := s.w.host("Cleo")
		thief := s.connect(cafe)
		if n := thief.tryJoin(cleo.room, cleo.member, nil); n.kind() != "ERROR" {
			t.Errorf("joined as a member of version 1: %v", n)
		}
		cleo.vanish()
		if n := thief.tryJoin(cleo.room, cleo.member, nil); n.kind() != "ERROR" {
			t.Errorf("joined as a member of version 1: %v", n)
		}
		thief.join(cleo.room, "user_ben0001", nil)
		if n := thief.tryJoin(cleo.room, "user_ben0002", nil); n.kind() != "ERROR" {
			t.Errorf("one connection has two users: %v", n)
		}
	})
}

// Tries of PINs are limited, and a PIN is asked of who claims a seat.
func TestLegacyPINs(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann := s.connect(home)
		ann.join("room", "user_ann0001", note{"pin": "123456"})
		for i := range 20 {
			x := s.connect(cafe)
			n := x.tryJoin("room", "user_thief01", note{"pin": fmt.Sprintf("%06d", i)})
			if want := "Invalid or missing PIN"; i < 5 && n["message"] != want || i >= 5 && n["message"] == want {
				t.Errorf("try %d: %v", i+1, n)
			}
			x.drop()
		}
		ann.drop()
		s.w.pass(time.Second)
		for _, from := range []string{home, office} {
			x := s.connect(from)
			if n := x.tryJoin("room", "user_ann0001", nil); n["message"] != "Invalid or missing PIN" {
				t.Errorf("her seat without the PIN: %v", n)
			}
		}
		x := s.connect(home)
		x.join("room", "user_ann0001", note{"pin": "123456"})
		pin, err := s.w.rooms.Secret(t.Context(), "room", "pin")
		if err != nil {
			t.Fatal(err)
		}
		stored, err := s.w.rooms.Load(t.Context(), "room", 1000)
		if err != nil {
			t.Fatal(err)
		}
		kept := string(pin.Value)
		for _, e := range stored.Events {
			b, err := core.EncodeEvent(e)
			if err != nil {
				t.Fatal(err)
			}
			kept += string(b)
		}
		if !strings.Contains(kept, "user_ann0001") || strings.Contains(kept, "123456") {
			t.Errorf("the log holds the PIN: %s", kept)
		}
	})
}

// The extension comes back whenever it is closed: who is removed keeps the
// connection, and is not in the room.
func TestLegacyRemoved(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		cleo := s.w.host("Cleo")
		ben := s.connect(office)
		ben.join(cleo.room, "user_ben0001", note{"username": "Ben"})
		cleo.settle()
		cleo.do(&protocol.Remove{Command: cleo.id(), Member: "user_ben0001"})
		ben.await("ERROR").wants(t, note{"message": "You were removed from the room"})
		ben.send("PLAY_PAUSE", note{"control": "play"})
		ben.await("ERROR").wants(t, note{"message": "Join a room first"})
		ben.join(cleo.room, "user_ben0001", nil)
		cleo.do(&protocol.Remove{Command: cleo.id(), Member: "user_ben0001", Ban: true})
		ben.await("ERROR").wants(t, note{"message": "You are banned from this room"})
		if n := ben.tryJoin(cleo.room, "user_ben0001", nil); n.kind() != "ERROR" {
			t.Errorf("who is banned: %v", n)
		}
		if n := ben.tryJoin(cleo.room, "user_other01", nil); n.kind() != "ERROR" {
			t.Errorf("who is banned, by another name: %v", n)
		}
	})
}

// Two gateways, one log: a seat is one seat, and its old connection is closed on
// whichever it is.
func TestLegacyTwoGateways(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		second := &world{t: t, rooms: s.w.rooms, names: map[string]string{}, flags: []string{"--node-id", "second"}}
		second.start()
		defer second.end()
		s2 := inWorld(t, second)

		ann, ben := party(t, s, "room")
		moved := s2.connect(home)
		moved.join("room", "user_ann0001", nil).wants(t, note{"hostUserId": "user_ann0001", "nodeId": "second"})
		ben.send("UPDATE_USERNAME", note{"username": "Benno"}) // the first gateway learns of it
		ann.wantClosed(int(protocol.CloseReplaced))
		if told := ben.fence(ben)[0]; kinds(told) != "USER_JOINED USERNAME_UPDATED" {
			t.Errorf("Ben was told %v", told)
		}
		// Both have the same room.
		moved.send("TRANSFER_HOST", note{"targetUserId": "user_ben0001"})
		moved.await("HOST_CHANGED").wants(t, note{"hostUserId": "user_ben0001"})
		ben.send("PLAY_PAUSE", note{"control": "pause", "currentTime": 44})
		ben.await("HOST_CHANGED")
		ben.await("PLAY_PAUSE").wants(t, note{"control": "pause", "currentTime": 44})
		moved.join("room", "user_ann0001", nil).wants(t, note{"currentTime": 44, "hostUserId": "user_ben0001"})
	})
}
