package gateway

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tandem.watch/tandem/protocol"
)

func TestHelloTimeout(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		quiet, talker := w.dial(home), w.dial(home)
		for range 9 {
			time.Sleep(time.Second)
			talker.raw(`{"type":"probe","t1":1}`) // does not help
		}
		time.Sleep(time.Second - time.Millisecond)
		for _, c := range []*peer{quiet, talker} {
			if c.settle(); c.over {
				t.Error("closed before 10 s")
			}
		}
		time.Sleep(time.Millisecond)
		quiet.wantClosed(protocol.CloseHelloTimeout)
		talker.wantClosed(protocol.CloseHelloTimeout)
		if errs := take[*protocol.Error](talker); len(errs) != 9 || errs[0].Code != protocol.CodeHelloExpected {
			t.Errorf("what came before hello was answered %+v", errs)
		}
	})
}

func TestBeforeHello(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		c := w.dial(office)
		for _, m := range []string{
			`{"type":"play","id":1}`, `{"type":"chat","id":1,"text":"hello?"}`, `{"type":"leave","id":1}`, `{"type":"history"}`,
			fmt.Sprintf(`{"type":"signal","to":%q,"data":1}`, ann.member), `{"type":"react","reaction":"x"}`,
		} {
			c.raw(m)
			if e := only[*protocol.Error](c); e.Code != protocol.CodeHelloExpected {
				t.Errorf("%s was answered %+v", m, e)
			}
		}
		for _, m := range []string{
			`{"type":"hello","version":1,"room":"x"}`, `{"type":"hello","version":1,"name":"Ben"}`, `{"type":"hello","version":1,"room":7,"name":"Ben"}`,
			`{"type":"hello","version":1,"room":"x","name":"Ben","resume":{"seat":""}}`,
			`{"type":"hello","version":1,"room":"x","name":"Ben","resume":{"seat":"s","number":-1}}`,
			`{"type":"hello","version":1,"room":"x","name":"\u0000"}`,
		} {
			c.raw(m)
			if e := only[*protocol.Error](c); e.Code != protocol.CodeInvalid {
				t.Errorf("%s was answered %+v", m, e)
			}
		}
		ann.settle()
		if len(ann.inbox) != 0 {
			t.Errorf("Ann noticed: %+v", ann.inbox)
		}
		c.hello(protocol.Hello{Room: ann.room, Name: "Ben"})
	})
}

func TestUnsupportedVersion(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		c := w.dial(home)
		c.raw(`{"type":"hello","version":2,"rooms":["of","the","future"],"name":{}}`)
		if e := only[*protocol.Error](c); e.Code != protocol.CodeUnsupportedVersion {
			t.Errorf("the answer is %+v", e)
		}
		c.wantClosed(protocol.CloseVersion)
	})
}

func TestRefusedHellos(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		c := w.dial(home)
		for range 10 {
			c.wantHello(protocol.Hello{Room: "no such room", Name: "Ann"}, protocol.CodeRoomNotFound)
		}
		c.wantClosed(protocol.CloseRefused)
	})
}

func TestCommandIDs(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.saw("joined Ben")
		say := func(id uint64, text string) *protocol.Say {
			return &protocol.Say{Command: protocol.Command{ID: id}, Text: text}
		}
		first := ben.do(say(10, "ten")) // a gap is fine
		ben.refuse(say(10, "another"), protocol.CodeCommandReused)
		ben.refuse(&protocol.Pause{Command: protocol.Command{ID: 10}}, protocol.CodeCommandReused)
		ben.refuse(say(9, "nine"), protocol.CodeCommandStale)
		ben.do(say(11, "eleven"))
		if again := ben.do(say(10, "ten")); again != first {
			t.Errorf("the repeat was acknowledged with %d, the first with %d", again, first)
		}
		// The ids are the seat's own, also over another connection.
		ann.do(say(10, "Ann's ten"))
		ben.drop()
		ben = ben.resume()
		if ben.welcome.LastCommand != 11 {
			t.Errorf("the last command is %d, want 11", ben.welcome.LastCommand)
		}
		if again := ben.do(say(10, "ten")); again != first {
			t.Errorf("the repeat was acknowledged with %d, the first with %d", again, first)
		}
		// A refused command is not remembered.
		ben.refuse(&protocol.Transfer{Command: protocol.Command{ID: 12}, Member: ben.member}, protocol.CodeForbidden)
		ben.do(say(12, "twelve"))
		// What changes nothing is, whatever has happened since.
		pause := &protocol.Pause{Command: protocol.Command{ID: 13}}
		number := ben.do(pause)
		ann.do(&protocol.Play{Command: protocol.Command{ID: 11}})
		if again := ben.do(pause); again != number {
			t.Errorf("the repeat was acknowledged with %d, the first with %d", again, number)
		}
		ann.saw("chat Ben ten", "chat Ben eleven", "chat Ann Ann's ten", "chat Ben twelve", "timeline play 0")
		// 64 answers are kept.
		for id := uint64(14); id < 14+64; id++ {
			ben.do(say(id, "more"))
		}
		ben.refuse(pause, protocol.CodeCommandStale)
	})
}

// A member who says too much is refused by id, then closed; the others hear
// what was acknowledged, and nothing else.
func TestFloodOfCommands(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.saw("joined Ben")
		for range 400 {
			_ = ben.Send(&protocol.Say{Command: ben.id(), Text: "spam"})
		}
		ben.wantClosed(protocol.CloseRateLimited)
		refusals := take[*protocol.Error](ben)
		if len(refusals) != 51 {
			t.Errorf("%d commands were refused, want 51", len(refusals))
		}
		for i, e := range refusals {
			if e.Code != protocol.CodeRateLimited || e.ID != uint64(91+i) || e.RetryAfterMs == 0 {
				t.Errorf("refusal %d is %+v", i, e)
			}
		}
		if n := countEvents(ann.events(), protocol.EventChat); n != 90 {
			t.Errorf("Ann heard %d lines, want 90", n)
		}
		ann.presence("Ben away")
		// What was done and not answered any more is answered now.
		ben = ben.resume()
		for id := uint64(27); id <= 90; id++ {
			ben.do(&protocol.Say{Command: protocol.Command{ID: id}, Text: "spam"})
		}
		ann.saw()
	})
}

// At the rate that is allowed nothing is refused.
func TestSteadyCommands(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		for range 600 {
			time.Sleep(time.Second / 60)
			_ = ann.Send(&protocol.React{Reaction: "x"})
		}
		if errs := take[*protocol.Error](ann); len(errs) != 0 {
			t.Errorf("refused: %+v", errs[0])
		}
	})
}

// Large messages count for more, so that nobody can fill the outbox of another.
func TestFloodOfSignals(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		victim := w.slowJoin(ann.room, "Cem")
		ben := w.join(ann.room, "Ben", office)
		data, err := json.Marshal(make([]byte, 24_000))
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			_ = ben.Send(&protocol.Signal{To: victim.member, Data: data})
		}
		ben.wantClosed(protocol.CloseRateLimited)
		if n := len(take[*protocol.Signalled](victim)); n == 0 || n > 25 {
			t.Errorf("%d signals of 32 KiB arrived at once", n)
		}
		victim.say("nothing happened to me")
	})
}

func TestFloodOfPings(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.saw("joined Ben")
		for _, opcode := range []byte{opPing, opPong} {
			for range 1000 {
				if _, err := ben.conn.Write(frame(fin|opcode, "flood")); err != nil {
					break
				}
			}
			ben.wantClosed(protocol.CloseRateLimited)
			ann.presence("Ben away")
			ben = ben.resume()
			ann.presence("Ben here")
		}
		ann.saw()
	})
}

// Reports of the player's state cannot be made a flood for the others.
func TestFloodOfStatus(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		for i := range 150 {
			_ = ben.Send(&protocol.Status{Buffering: i%2 == 0})
		}
		time.Sleep(2 * time.Second)
		told := take[*protocol.Present](ann)
		if n := len(told); n == 0 || n > 5 {
			t.Errorf("150 reports at once were told to Ann in %d messages", n)
		}
		if last := told[len(told)-1].Members[0]; last.Buffering {
			t.Errorf("at last Ann was told %+v, want no buffering", last)
		}
	})
}
