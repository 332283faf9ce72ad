package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/core/roomlog/memory"
	"tandem.watch/tandem/protocol"
)

func TestPIN(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		made := w.create(`{"name":"Ann","pin":"4711"}`)
		ann := w.enter(made, "Ann") // without the PIN: it is hers
		var info roomState
		w.get("/v1/rooms/"+made.ID).into(t, &info)
		if want := (roomState{ID: made.ID, PIN: true, Members: 1}); info != want {
			t.Errorf("the room is %+v, want %+v", info, want)
		}

		ben := w.dial(office)
		ben.wantHello(protocol.Hello{Room: made.ID, Name: "Ben"}, protocol.CodePINRequired)
		ben.wantHello(protocol.Hello{Room: made.ID, Name: "Ben", PIN: "4712"}, protocol.CodePINInvalid)
		ben.hello(protocol.Hello{Room: made.ID, Name: "Ben", PIN: "4711"})
		ben.drop()
		ben = ben.resume() // a seat needs no PIN

		ann.do(&protocol.ChangeSettings{Command: ann.id(), PIN: new("neu")})
		cem := w.dial(cafe)
		cem.wantHello(protocol.Hello{Room: made.ID, Name: "Cem", PIN: "4711"}, protocol.CodePINInvalid)
		cem.hello(protocol.Hello{Room: made.ID, Name: "Cem", PIN: "neu"})
		ann.do(&protocol.ChangeSettings{Command: ann.id(), PIN: new("")})
		w.join(made.ID, "Dan", cafe)
		ben.saw("settings", "joined Cem", "settings", "joined Dan")
		if s := ben.view.Room.Settings; s.PIN || s.Locked {
			t.Errorf("the settings are %+v", s)
		}
		notTold(t, ben, "4711", "neu")
		notTold(t, ann, "4711", "neu")
	})
}

// Who knows the PIN is no attacker, however many come from one address.
func TestRightPINsAreNotThrottled(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		made := w.create(`{"name":"Ann","pin":"4711"}`)
		for i := range 60 {
			w.dial(office).hello(protocol.Hello{Room: made.ID, Name: fmt.Sprint("guest ", i), PIN: "4711"})
		}
	})
}

// notTold checks that secrets are in no message.
func notTold(t *testing.T, c *peer, secrets ...string) {
	t.Helper()
	all, err := json.Marshal([]any{c.view, c.welcome, c.inbox})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets {
		if strings.Contains(string(all), s) {
			t.Errorf("%s was told %q", c.name, s)
		}
	}
}

func TestPINTriesAreThrottled(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		made := w.create(`{"name":"Ann","pin":"4711"}`)
		eve := w.dial(office)
		for range 5 {
			eve.wantHello(protocol.Hello{Room: made.ID, Name: "Eve", PIN: "0000"}, protocol.CodePINInvalid)
		}
		other := w.dial(office) // another connection does not help
		e := other.wantHello(protocol.Hello{Room: made.ID, Name: "Eve", PIN: "4711"}, protocol.CodePINThrottled)
		if e.RetryAfterMs < 11_000 || e.RetryAfterMs > 12_001 {
			t.Errorf("retry after %d ms, want 12 s", e.RetryAfterMs)
		}
		w.dial(cafe).hello(protocol.Hello{Room: made.ID, Name: "Ben", PIN: "4711"}) // others are not concerned

		time.Sleep(time.Duration(e.RetryAfterMs) * time.Millisecond)
		third := w.dial(office)
		third.wantHello(protocol.Hello{Room: made.ID, Name: "Eve", PIN: "0001"}, protocol.CodePINInvalid)
		third.wantHello(protocol.Hello{Room: made.ID, Name: "Eve", PIN: "0002"}, protocol.CodePINThrottled)
		time.Sleep(12 * time.Second)
		w.dial(office).hello(protocol.Hello{Room: made.ID, Name: "Eve", PIN: "4711"})
	})
}

// Tries at the same time are tries too.
func TestPINTriesAtOnce(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		made := w.create(`{"name":"Ann","pin":"4711"}`)
		w.enter(made, "Ann")
		w.log.Set(memory.Faults{BeforeRead: func(string) error {
			time.Sleep(50 * time.Millisecond)
			return nil
		}})
		var mu sync.Mutex
		codes := map[protocol.ErrorCode]int{}
		var trying sync.WaitGroup
		for range 40 {
			c := w.dial(office)
			trying.Go(func() {
				var refused *protocol.Error
				errors.As(c.tryHello(protocol.Hello{Room: made.ID, Name: "Eve", PIN: "0000"}), &refused)
				mu.Lock()
				defer mu.Unlock()
				codes[refused.Code]++
			})
		}
		trying.Wait()
		want := map[protocol.ErrorCode]int{protocol.CodePINInvalid: 5, protocol.CodePINThrottled: 35}
		if diff := cmp.Diff(want, codes); diff != "" {
			t.Errorf("answers to 40 tries at once (-want +got):\n%s", diff)
		}
	})
}

func TestLock(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.do(&protocol.ChangeSettings{Command: ann.id(), Locked: new(true)})
		cem := w.dial(cafe)
		cem.wantHello(protocol.Hello{Room: ann.room, Name: "Cem"}, protocol.CodeRoomLocked)
		ben.say("I am in")
		ben.drop()
		ben = ben.resume()
		var info roomState
		w.get("/v1/rooms/"+ann.room).into(t, &info)
		if !info.Locked {
			t.Errorf("the room is %+v", info)
		}
		ann.do(&protocol.ChangeSettings{Command: ann.id(), Locked: new(false)})
		cem.hello(protocol.Hello{Room: ann.room, Name: "Cem"})
		ben.saw("settings", "joined Cem")
	})
}

// What keeps people out holds for whoever has passed the door already, and is
// not yet in.
func TestAccessChangesWhileSomebodyEnters(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(ann, cem *peer) protocol.CommandMessage
		want   protocol.ErrorCode
		seen   string
	}{
		{"a lock", func(ann, _ *peer) protocol.CommandMessage {
			return &protocol.ChangeSettings{Command: ann.id(), Locked: new(true)}
		}, protocol.CodeRoomLocked, "settings"},
		{"a PIN", func(ann, _ *peer) protocol.CommandMessage {
			return &protocol.ChangeSettings{Command: ann.id(), PIN: new("4711")}
		}, protocol.CodePINRequired, "settings"},
		{"a ban", func(ann, cem *peer) protocol.CommandMessage {
			return &protocol.Remove{Command: ann.id(), Member: cem.member, Ban: true}
		}, protocol.CodeBanned, "left Cem banned"},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				ann := w.host("Ann")
				cem := w.join(ann.room, "Cem", office)
				ann.events()
				w.log.Set(memory.Faults{AppendDelay: time.Second})
				_ = ann.Send(c.change(ann, cem))
				synctest.Wait() // it is being appended
				w.dial(office).wantHello(protocol.Hello{Room: ann.room, Name: "Ben"}, c.want)
				ann.saw(c.seen)
			})
		})
	}
}

func TestBan(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben, cem := w.join(ann.room, "Ben", office), w.join(ann.room, "Cem", cafe)
		ann.do(&protocol.Remove{Command: ann.id(), Member: ben.member, Ban: true})
		bye := ben.wantClosed(protocol.CloseBanned)
		if bye.AfterMs != 0 {
			t.Errorf("who is banned is told to come back after %d ms", bye.AfterMs)
		}
		cem.saw("left Ben banned")
		if diff := cmp.Diff([]protocol.BannedMember{{ID: ben.member, Name: "Ben"}}, cem.view.Room.Banned); diff != "" {
			t.Errorf("who is banned (-want +got):\n%s", diff)
		}

		again := w.dial(office)
		again.wantHello(protocol.Hello{Room: ann.room, Name: "Ben", Resume: &protocol.Resume{Seat: ben.seat}}, protocol.CodeSeatUnknown)
		again.wantHello(protocol.Hello{Room: ann.room, Name: "somebody else"}, protocol.CodeBanned)
		w.join(ann.room, "Dan", cafe)
		again.hello(protocol.Hello{Room: w.host("Eve").room, Name: "Ben"}) // other rooms are others' business

		cem.refuse(&protocol.Unban{Command: cem.id(), Member: ben.member}, protocol.CodeForbidden)
		ann.refuse(&protocol.Unban{Command: ann.id(), Member: "nobody"}, protocol.CodeNotFound)
		ann.do(&protocol.Unban{Command: ann.id(), Member: ben.member})
		w.join(ann.room, "Ben", office)
		cem.saw("joined Dan", "unbanned Ben", "joined Ben")
		if len(cem.view.Room.Banned) != 0 {
			t.Errorf("still banned: %+v", cem.view.Room.Banned)
		}
	})
}

// The ban is of the address that the member came from last, and outlives the
// gateway.
func TestBanFollowsTheMember(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ben.drop()
		ben.from = cafe
		ben = ben.resume()
		ann.do(&protocol.Remove{Command: ann.id(), Member: ben.member, Ban: true})
		ben.wantClosed(protocol.CloseBanned)
		w.join(ann.room, "Cem", office)
		w.stop()
		w.start()
		w.dial(cafe).wantHello(protocol.Hello{Room: ann.room, Name: "Ben"}, protocol.CodeBanned)
	})
}

// Secrets and addresses are not logged, whatever goes wrong.
func TestLogTellsNoSecrets(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		w.stop()
		w.output = new(bytes.Buffer)
		w.flags = append(w.flags, "--log-level", "debug")
		w.start()
		made := w.create(`{"name":"Ann","pin":"pin-4711"}`)
		ann := w.enter(made, "Ann")
		ben := w.dial(office)
		ben.wantHello(protocol.Hello{Room: made.ID, Name: "Ben", PIN: "pin-0815"}, protocol.CodePINInvalid)
		ben.hello(protocol.Hello{Room: made.ID, Name: "Ben", PIN: "pin-4711"})
		ann.do(&protocol.ChangeSettings{Command: ann.id(), PIN: new("pin-1234")})
		ben.raw(`{"type":"chat","id":1,"text":"pin-in-chat"`)
		w.log.Set(memory.Faults{BeforeAppend: failures(1, errors.New("disk full"))})
		ann.refuse(&protocol.ChangeSettings{Command: ann.id(), PIN: new("pin-5678")}, protocol.CodeInternal)
		w.stop()
		logged := w.output.String()
		for _, secret := range []string{"pin-", ann.seat, ben.seat, testSecret, home, office, "Ann", "Ben"} {
			if strings.Contains(logged, secret) {
				t.Errorf("%q was logged:\n%s", secret, logged)
			}
		}
		if !strings.Contains(logged, "session ended") || !strings.Contains(logged, "disk full") {
			t.Errorf("what should be logged was not:\n%s", logged)
		}
		w.start()
	})
}
