package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem.watch/tandem/core/roomlog/memory"
	"tandem.watch/tandem/protocol"
)

// A stop loses and repeats nothing: what was asked is answered, everybody is
// told when to come back, and comes back to the same room.
func TestRestart(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben, cem := w.join(ann.room, "Ben", office), w.join(ann.room, "Cem", cafe)
		ann.do(&protocol.Play{Command: ann.id()})
		lost := w.dial(home) // has not said hello
		for _, c := range []*peer{ann, ben, cem} {
			c.events()
		}
		w.stop()
		for _, c := range []*peer{ann, ben, cem, lost} {
			if bye := c.wantClosed(protocol.CloseRestart); bye.AfterMs < 0 || bye.AfterMs > 1000 {
				t.Errorf("%s is to come back after %d ms", c.name, bye.AfterMs)
			}
		}
		if _, err := w.net.Dial(t.Context(), home); err == nil {
			t.Error("a stopped gateway takes connections")
		}

		w.start()
		time.Sleep(5 * time.Second)
		ann2, ben2 := ann.resume(), ben.resume()
		for _, c := range []*peer{ann2, ben2} {
			if c.welcome.Room != nil {
				t.Errorf("%s got a snapshot", c.name)
			}
		}
		ben2.say("back")
		w.pass(25 * time.Second)
		ann2.saw("chat Ben back", "left Cem expired")
		if ann2.view.Room.Host != ann.member || !ann2.view.Room.Timeline.Playing {
			t.Errorf("after the restart: %+v", ann2.view.Room)
		}
	})
}

// In the middle of a storm: each command is done once, whether it was answered
// before the end or not. Before a stop all that was read is answered.
func TestRestartUnderLoad(t *testing.T) {
	t.Run("stop", func(t *testing.T) {
		testRestartUnderLoad(t, 60, func(w *world) {
			synctest.Wait()
			w.stop()
			w.start()
		})
	})
	t.Run("crash", func(t *testing.T) { testRestartUnderLoad(t, 1, (*world).crash) })
}

func testRestartUnderLoad(t *testing.T, least int, restart func(*world)) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		w.log.Set(memory.Faults{AppendDelay: 30 * time.Millisecond, ReplyDelay: 30 * time.Millisecond})
		var sent []*protocol.Say
		for i := range 60 {
			m := &protocol.Say{Command: ann.id(), Text: fmt.Sprint("line ", i)}
			sent = append(sent, m)
			if err := ann.Send(m); err != nil {
				t.Fatal(err)
			}
			if i%10 == 9 {
				time.Sleep(15 * time.Millisecond)
			}
		}
		restart(w)
		acked := map[uint64]uint64{}
		for _, a := range take[*protocol.Ack](ann) {
			acked[a.ID] = a.Number
		}
		if n := len(acked); n < least {
			t.Fatalf("%d commands were acknowledged before the end, want at least %d", n, least)
		}
		ann, ben = ann.resume(), ben.resume()
		if ann.welcome.LastCommand < uint64(len(acked)) {
			t.Errorf("the last command is %d, but %d are acknowledged", ann.welcome.LastCommand, len(acked))
		}
		for _, m := range sent {
			if number := ann.do(m); acked[m.ID] != 0 && acked[m.ID] != number {
				t.Errorf("command %d was acknowledged with %d, and now with %d", m.ID, acked[m.ID], number)
			}
		}
		_ = ben.Send(&protocol.GetHistory{Limit: 100})
		synctest.Wait()
		var texts []string
		for _, l := range only[*protocol.History](ben).Lines {
			texts = append(texts, l.Text)
		}
		var want []string
		for _, m := range sent {
			want = append(want, m.Text)
		}
		if got := strings.Join(texts, "\n"); got != strings.Join(want, "\n") {
			t.Errorf("the chat is\n%s", got)
		}
	})
}

// After a crash everybody has the grace to come back; who does not is gone.
func TestCrash(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben, cem := w.join(ann.room, "Ben", office), w.join(ann.room, "Cem", cafe)
		w.pass(time.Hour)
		ben.say("before")
		for _, c := range []*peer{ann, ben, cem} {
			c.events()
		}
		w.crash()
		time.Sleep(29 * time.Second)
		ben = ben.resume()
		ben.saw()
		if !ben.view.Away[ann.member] || !ben.view.Away[cem.member] || ben.view.Away[ben.member] {
			t.Errorf("away are %v", ben.view.Away)
		}
		w.pass(time.Second)
		ben.saw("left Ann expired", "host Ben", "left Cem expired")
	})
}

// A room whose members all vanished with a crash ends by itself: nobody has to
// come for that.
func TestCrashWithoutReturn(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		w.crash()
		if n := w.g.hub.Stats().Rooms; n != 1 {
			t.Errorf("%d rooms were taken up, want 1", n)
		}
		w.pass(30*time.Second + time.Hour + 10*time.Minute)
		if got := w.get("/v1/rooms/" + ann.room); got.Status != http.StatusNotFound {
			t.Errorf("the room is still there: %d %s", got.Status, got.Body)
		}
	}, "--room-ttl", "1h")
}

// A gateway that stops cannot wait for ever, for its log or for its peers.
func TestStopIsBounded(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ben.settle()
		ben.conn.Vanish()
		begin := time.Now()
		w.stop()
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("stopping took %v with a peer that has vanished", took)
		}
		ann.wantClosed(protocol.CloseRestart)
		w.start()
	})
}

func TestReadiness(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		for _, path := range []string{"/healthz", "/readyz"} {
			if got := w.get(path); got.Status != http.StatusOK || string(got.Body) != "ok\n" {
				t.Errorf("%s: %d %q", path, got.Status, got.Body)
			}
		}
	})
}
