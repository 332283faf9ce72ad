package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog/memory"
	"tandem.watch/tandem/protocol"
)

// A gate whose quorum falls away in the moment of its opening waits for its
// deadline, and no longer.
func TestGateOpensAfterALostQuorum(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		all := gated(w, 5)
		for _, c := range all[:3] {
			c.ready() // the quorum: it opens in 500 ms
		}
		time.Sleep(490 * time.Millisecond)
		w.log.Set(memory.Faults{AppendDelay: 30 * time.Millisecond})
		_ = all[2].Send(&protocol.Leave{Command: all[2].id()}) // is being appended when it is due
		time.Sleep(100 * time.Millisecond)
		w.log.Set(memory.Faults{})
		time.Sleep(3*time.Second - 590*time.Millisecond - time.Millisecond)
		held(t, all[0])
		time.Sleep(time.Millisecond)
		released(t, all[0])
	})
}

// occupied are the rooms that the log has members of.
func (w *world) occupied() []string {
	w.t.Helper()
	synctest.Wait()
	ids, err := w.rooms.Occupied(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return ids
}

// A room is emptied after the grace and then forgotten, though whoever asked
// for it never heard of it.
func TestRoomOfACancelledRequestIsForgotten(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		w.log.Set(memory.Faults{ReplyDelay: 50 * time.Millisecond})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		c := http.Client{Transport: &http.Transport{DialContext: w.net.Dialer(home), DisableKeepAlives: true}}
		answer, err := c.Do(w.request(http.MethodPost, "/v1/rooms", `{"name":"Ann"}`).WithContext(ctx))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the request got %v, %v", answer, err)
		}
		time.Sleep(time.Second)
		w.log.Set(memory.Faults{})
		ids := w.occupied()
		if len(ids) != 1 {
			t.Fatalf("%v are occupied, want the new room", ids)
		}
		time.Sleep(28 * time.Second)
		if len(w.occupied()) != 1 {
			t.Error("the host's seat was given up before the grace was over")
		}
		time.Sleep(2 * time.Second)
		if got := w.occupied(); len(got) != 0 {
			t.Errorf("%v are occupied after the grace", got)
		}
		if got := w.get("/v1/rooms/" + ids[0]); got.Status != http.StatusOK {
			t.Errorf("the empty room is gone before its time: %d %s", got.Status, got.Body)
		}
		time.Sleep(time.Hour + 2*time.Minute)
		refusalOf(t, w.get("/v1/rooms/"+ids[0]), http.StatusNotFound, protocol.CodeRoomNotFound)
	}, "--room-ttl", "1h")
}

// A room that was given up, and that nobody comes back to, is emptied too: also
// when it cannot be loaded at first.
func TestRoomGivenUpIsEmptied(t *testing.T) {
	for name, away := range map[string]time.Duration{"at once": 0, "when the log is back": 90 * time.Second} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				ann := w.host("Ann")
				ben := w.join(ann.room, "Ben", office)
				w.log.Set(memory.Faults{
					BeforeAppend: failures(1, errors.New("refused")),
					BeforeRead:   func(string) error { return core.ErrUnavailable },
				})
				ann.refuse(&protocol.Say{Command: ann.id(), Text: "lost"}, protocol.CodeInternal)
				ann.wantClosed(protocol.CloseUnavailable)
				ben.wantClosed(protocol.CloseUnavailable)
				time.Sleep(away)
				w.log.Set(memory.Faults{})
				if len(w.occupied()) != 1 {
					t.Fatal("the room is empty already")
				}
				time.Sleep(91 * time.Second) // until it is noticed, and the grace
				if ids := w.occupied(); len(ids) != 0 {
					t.Errorf("%v are still occupied", ids)
				}
			})
		})
	}
}

// What is in the log is done, whatever becomes of the log: a repeat is told so.
func TestRepeatIsAcknowledgedWithoutTheLog(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults memory.Faults
		then   func(w *world)
	}{
		{"away", memory.Faults{BeforeAppend: memory.Unavailable}, nil},
		{"for so long that nothing else waits", memory.Faults{BeforeAppend: func(string, core.Batch) error {
			time.Sleep(7 * time.Second)
			return core.ErrUnavailable
		}}, nil},
		{"when the room is given up", memory.Faults{BeforeAppend: func(string, core.Batch) error {
			time.Sleep(50 * time.Millisecond)
			return errors.New("refused")
		}}, nil},
		{"when the gateway stops", memory.Faults{BeforeAppend: memory.Unavailable}, func(w *world) {
			time.Sleep(time.Second)
			w.stop()
			w.start()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				ann := w.host("Ann")
				done := &protocol.Say{Command: ann.id(), Text: "done"}
				number := ann.do(done)
				before := &protocol.Say{Command: ann.id(), Text: "before"}
				after := &protocol.Say{Command: ann.id(), Text: "after"}
				w.log.Set(c.faults)
				_ = ann.Send(before)
				time.Sleep(10 * time.Millisecond) // it is being appended
				_ = ann.Send(done)
				_ = ann.Send(after)
				if c.then != nil {
					c.then(w)
				}
				if ack, ok := ann.answer(done.ID).(*protocol.Ack); !ok || ack.Number != number {
					t.Errorf("the repeat was not acknowledged with %d", number)
				}
				for _, m := range []*protocol.Say{before, after} {
					if _, ok := ann.answer(m.ID).(*protocol.Error); !ok {
						t.Errorf("%q was acknowledged without the log", m.Text)
					}
				}
				w.log.Set(memory.Faults{})
			})
		})
	}
}

// Who has missed little is told what; who has missed more than can wait to be
// sent gets a snapshot, not the door.
func TestResumeAfterManyLongLines(t *testing.T) {
	for _, c := range []struct {
		lines    int
		snapshot bool
	}{{100, false}, {600, true}, {900, true}} {
		t.Run(fmt.Sprint(c.lines), func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				ann := w.host("Ann")
				ben := w.join(ann.room, "Ben", office)
				ben.drop()
				for range c.lines {
					ann.say(strings.Repeat("😀", protocol.MaxChat))
				}
				back := ben.resume()
				back.settle()
				if got := back.welcome.Room != nil; got != c.snapshot {
					t.Errorf("a snapshot was sent: %v, want %v", got, c.snapshot)
				}
				ann.settle()
				if back.over || back.view.Number != ann.view.Number {
					t.Errorf("Ben is at %d, Ann at %d; closed: %v with %d", back.view.Number, ann.view.Number, back.over, back.CloseCode())
				}
				back.events()
				ann.say("more")
				back.saw("chat Ann more")
			}, "--max-message-rate", "2000", "--max-command-rate", "1000")
		})
	}
}

// The welcome to a large room, with all in it that can be long, and each
// message after it, is one that every client takes; nothing is left out.
func TestWelcomeToALargeRoom(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		const most = 260
		name := strings.Repeat("😀", protocol.MaxName)
		ann := w.host(name)
		media := protocol.Media{
			Kind: protocol.MediaURL, URL: "https://site.example/" + strings.Repeat(`"`, 2000), Title: strings.Repeat("😀", protocol.MaxTitle),
			Subtitles: []protocol.Subtitle{{URL: "https://site.example/" + strings.Repeat(`"`, 1500), Label: strings.Repeat("😀", protocol.MaxLabel)}},
		}
		ann.do(&protocol.SetMedia{Command: ann.id(), Media: media})
		ann.do(&protocol.ChangeSettings{Command: ann.id(), Title: new(strings.Repeat("😀", protocol.MaxRoomTitle))})
		for _, m := range []protocol.Media{media, {Kind: protocol.MediaClip}} {
			for ann.ask(&protocol.Enqueue{Command: ann.id(), Media: m}).Type() == "ack" { // until it is full
				time.Sleep(100 * time.Millisecond)
			}
		}
		for i := range 50 {
			c := w.join(ann.room, name, fmt.Sprint("203.0.113.", i))
			ann.do(&protocol.Remove{Command: ann.id(), Member: c.member, Ban: true})
		}
		offset := -1234567890.123456
		all := []*peer{ann}
		for i := range most - 1 {
			all = append(all, w.join(ann.room, name, fmt.Sprint("192.0.2.", i%10)))
		}
		for _, c := range all {
			_ = c.Send(&protocol.Status{Buffering: true, OffsetMs: &offset, RTTMs: 12345.67890123})
		}
		time.Sleep(5 * time.Second)
		ann.do(&protocol.Play{Command: ann.id(), Wait: true})

		late := w.join(ann.room, name, cafe)
		late.settle()
		known := map[string]bool{}
		for _, p := range late.welcome.Presence {
			known[p.Member] = true
		}
		for _, m := range append([]protocol.ServerMessage{late.welcome}, late.inbox...) {
			if data, err := protocol.Append(nil, m); err != nil || len(data) > protocol.MaxMessage {
				t.Errorf("%s has %d bytes, %v; want at most %d", m.Type(), len(data), err, protocol.MaxMessage)
			}
			if m, ok := m.(*protocol.Present); ok {
				for _, p := range m.Members {
					known[p.Member] = true
				}
			}
		}
		for _, c := range all {
			if !known[c.member] {
				t.Fatalf("the presence of %d members is told, want of %d", len(known), most)
			}
		}
		if size := protocol.JSONSize(late.welcome.Room.Queue); size < protocol.MaxQueueBytes-1000 {
			t.Errorf("the queue has %d bytes, want about %d", size, protocol.MaxQueueBytes)
		}
		if size := protocol.JSONSize(late.welcome); size < protocol.MaxMessage-12<<10 {
			t.Errorf("welcome has %d bytes: more could be told at once", size)
		}
		if got := late.view.Room; len(got.Members) != most+1 || len(got.Banned) != 50 || got.Gate == nil {
			t.Errorf("%d members and %d bans are told, and the gate %v", len(got.Members), len(got.Banned), got.Gate)
		}
	})
}
