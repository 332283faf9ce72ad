package gateway

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/protocol"
)

// slowJoin enters with a connection that holds little, and does not read on.
func (w *world) slowJoin(room, name string) *peer {
	w.t.Helper()
	c, err := w.tryDial(cafe, testclient.Options{Queue: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	c.conn.SetReadBuffer(512)
	c.hello(protocol.Hello{Room: room, Name: name})
	c.settle()
	return c
}

// flood lets a member say n of the longest lines at once.
func (c *peer) flood(n int) {
	c.w.t.Helper()
	for i := range n {
		m := &protocol.Say{Command: c.id(), Text: fmt.Sprint(i, strings.Repeat("\U0001F600", 480))}
		if err := c.Send(m); err != nil {
			c.w.t.Fatal(err)
		}
	}
	synctest.Wait()
}

// A member who reads too slowly is closed, and nobody else is delayed.
func TestSlowReader(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		slow := w.slowJoin(ann.room, "Cem")
		for _, c := range []*peer{ann, ben} {
			c.events()
		}
		begin := time.Now()
		ann.flood(150) // now the gateway's writer waits
		ann.flood(250)
		ben.flood(400)
		for _, c := range []*peer{ann, ben} {
			if n := countEvents(c.events(), protocol.EventChat); n != 800 {
				t.Errorf("%s saw %d lines, want 800", c.name, n)
			}
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("a slow member delayed the others by %v", took)
		}
		time.Sleep(3 * time.Second) // what the gateway waits for the peer's own close
		ann.presence("Cem away")

		// What was queued before the end still arrives, then the reason.
		slow.wantClosed(protocol.CloseOverflow)
		read := countEvents(slow.events(), protocol.EventChat)
		if read < 200 || read >= 800 {
			t.Errorf("the slow member read %d lines of the 1 MiB that is queued", read)
		}
		back := slow.resume() // gets the events that it missed, or a snapshot if they are too many
		ann.settle()
		back.settle()
		if back.view.Number != ann.view.Number || !cmp.Equal(back.view.Room, ann.view.Room, cmpopts.EquateEmpty()) {
			t.Errorf("after coming back it is at %d, Ann at %d:\n%s", back.view.Number, ann.view.Number, cmp.Diff(back.view.Room, ann.view.Room))
		}
		ann.presence("Cem here")
		ann.saw()
	}, "--max-message-rate", "1000", "--max-command-rate", "200")
}

// One who does not read at all is cut off when a write has waited for 10 s.
func TestStuckReader(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		stuck := w.slowJoin(ann.room, "Cem")
		ann.flood(150)
		time.Sleep(10*time.Second - time.Millisecond)
		ann.presence()
		time.Sleep(time.Millisecond)
		ann.presence("Cem away")
		if n := w.g.ws.Sessions(); n != 1 {
			t.Errorf("%d sessions are held, want Ann's", n)
		}
		stuck.resume()
		ann.presence("Cem here")
	}, "--max-command-rate", "200")
}

// What may be lost is lost before anything else is.
func TestSlowReaderLosesTheEphemeral(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		slow := w.slowJoin(ann.room, "Cem")
		ben.events()
		ann.flood(150) // now the gateway's writer waits
		ann.flood(300) // more than half of what may wait
		for range 10 {
			_ = ann.Send(&protocol.React{Reaction: "🎉"})
			_ = ann.Send(&protocol.Typing{On: true})
		}
		if n := len(take[*protocol.Reaction](ben)); n != 10 {
			t.Errorf("Ben saw %d reactions, want 10", n)
		}
		slow.settle()
		if n := countEvents(slow.events(), protocol.EventChat); n != 450 {
			t.Errorf("the slow member read %d lines, want 450", n)
		}
		if n := len(take[*protocol.Reaction](slow)) + len(take[*protocol.MemberTyping](slow)); n != 0 {
			t.Errorf("the slow member was sent %d reactions", n)
		}
		_ = ann.Send(&protocol.React{Reaction: "🎉"})
		only[*protocol.Reaction](slow) // it has caught up
		slow.say("still here")
	}, "--max-message-rate", "1000", "--max-command-rate", "200")
}

// Of several readings of the clock, a slow reader is sent the newest.
func TestSlowReaderGetsTheNewestClock(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		slow := w.slowJoin(ann.room, "Cem")
		slow.silent = true
		ann.flood(150)
		const probes = 50
		for i := range probes {
			_ = slow.Send(&protocol.Probe{T1: int64(i)})
		}
		clocks := take[*protocol.Clock](slow)
		if n := len(clocks); n == 0 || n > 5 || clocks[n-1].T1 != probes-1 {
			t.Errorf("%d readings of the clock came, the last %+v; want few, and the last to be of probe %d", n, clocks[n-1], probes-1)
		}
	}, "--max-command-rate", "200")
}
