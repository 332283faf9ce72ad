package gateway

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/protocol"
)

func TestChatHistory(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		for i := range 230 {
			ann.say(fmt.Sprint("line ", i))
		}
		ann.do(&protocol.Rename{Command: ann.id(), Name: "Anna"})

		ben := w.join(ann.room, "Ben", office)
		if unasked := take[*protocol.History](ben); len(unasked) != 0 {
			t.Errorf("%d pages of history came unasked", len(unasked))
		}
		_ = ben.Send(&protocol.GetHistory{})
		first := only[*protocol.History](ben)
		if n := len(first.Lines); n != 50 || first.Lines[0].Text != "line 180" || first.Lines[49].Text != "line 229" || !first.More {
			t.Errorf("the first page has %d lines, %+v … %+v, more: %v", n, first.Lines[0], first.Lines[n-1], first.More)
		}
		if l := first.Lines[0]; l.Member != ann.member || l.Name != "Ann" || l.At == 0 {
			t.Errorf("a line is %+v", l)
		}

		// 200 lines are kept; paging back reaches the oldest, without a repeat.
		var texts []string
		before, more := first.Lines[0].Number, true
		for more {
			_ = ben.Send(&protocol.GetHistory{Before: before, Limit: 64})
			page := only[*protocol.History](ben)
			var part []string
			for _, l := range page.Lines {
				part = append(part, l.Text)
			}
			texts, before, more = append(part, texts...), page.Lines[0].Number, page.More
		}
		var want []string
		for i := 30; i < 180; i++ {
			want = append(want, fmt.Sprint("line ", i))
		}
		if diff := cmp.Diff(want, texts); diff != "" {
			t.Errorf("the older lines (-want +got):\n%s", diff)
		}
		_ = ben.Send(&protocol.GetHistory{Before: 1})
		if page := only[*protocol.History](ben); len(page.Lines) != 0 || page.More {
			t.Errorf("before the first line: %+v", page)
		}
	}, "--max-message-rate", "1000", "--max-command-rate", "1000")
}

// Pages of the longest lines stay below the largest message.
func TestLongChatLines(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		long := ""
		for range protocol.MaxChat {
			long += "\U0001F600"
		}
		for range 100 {
			ann.say(long)
		}
		ben := w.join(ann.room, "Ben", office)
		_ = ben.Send(&protocol.GetHistory{})
		page := only[*protocol.History](ben)
		if n := len(page.Lines); n == 0 || n >= 50 || !page.More {
			t.Errorf("a page of long lines has %d, more: %v", n, page.More)
		}
		_ = ben.Send(&protocol.GetHistory{Before: page.Lines[0].Number, Limit: 100})
		if next := only[*protocol.History](ben); next.Lines[len(next.Lines)-1].Number >= page.Lines[0].Number {
			t.Errorf("pages overlap at %d", page.Lines[0].Number)
		}
		back := w.join(ann.room, "Cem", cafe)
		back.drop()
		for range 80 {
			ann.say(long)
		}
		back.resume() // fails if a message is too large or a number is missing
	}, "--max-message-rate", "1000", "--max-command-rate", "1000")
}

func TestReactionsAndTyping(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		eve := w.host("Eve")
		_ = ben.Send(&protocol.React{Reaction: "🎉"})
		_ = ben.Send(&protocol.Typing{On: true})
		_ = ben.Send(&protocol.Typing{})
		for _, c := range []*peer{ann, ben} {
			if diff := cmp.Diff([]*protocol.Reaction{{Member: ben.member, Reaction: "🎉"}}, take[*protocol.Reaction](c)); diff != "" {
				t.Errorf("reactions that %s saw (-want +got):\n%s", c.name, diff)
			}
			want := []*protocol.MemberTyping{{Member: ben.member, On: true}, {Member: ben.member}}
			if diff := cmp.Diff(want, take[*protocol.MemberTyping](c)); diff != "" {
				t.Errorf("typing that %s saw (-want +got):\n%s", c.name, diff)
			}
			c.events()
		}
		eve.settle()
		if len(eve.inbox) != 0 {
			t.Errorf("another room heard %+v", eve.inbox)
		}
	})
}

func TestSignalling(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben, cem := w.join(ann.room, "Ben", office), w.join(ann.room, "Cem", cafe)
		for _, data := range []string{`{"sdp":"v=0\r\n","n":[1,2.5,null]}`, `null`, `"text"`, `7`} {
			_ = ann.Send(&protocol.Signal{To: ben.member, Data: json.RawMessage(data)})
			got := only[*protocol.Signalled](ben)
			if got.From != ann.member || string(got.Data) != data {
				t.Errorf("Ben got %s from %s, want %s from Ann", got.Data, got.From, data)
			}
		}
		for _, c := range []*peer{ann, cem} {
			if got := take[*protocol.Signalled](c); len(got) != 0 {
				t.Errorf("%s got %+v", c.name, got)
			}
		}
		eve := w.host("Eve")
		for _, to := range []string{"nobody", eve.member} {
			_ = ann.Send(&protocol.Signal{To: to, Data: json.RawMessage(`1`)})
			if e := only[*protocol.Error](ann); e.Code != protocol.CodeNotFound || e.ID != 0 {
				t.Errorf("a signal to %s: %+v", to, e)
			}
		}
		ben.drop()
		_ = ann.Send(&protocol.Signal{To: ben.member, Data: json.RawMessage(`1`)}) // is lost
		if got := take[*protocol.Error](ann); len(got) != 0 {
			t.Errorf("a signal to a member who is away: %+v", got)
		}
	})
}

// Buffering is told at once, the rest of the status in a while, and none of it
// moves the timeline.
func TestStatus(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.events()
		ben.report(protocol.Status{Buffering: true, RTTMs: 40})
		ann.presence("Ben here buffering")
		late := w.join(ann.room, "Cem", cafe)
		if p := late.welcome.Presence; len(p) != 1 || p[0].Member != ben.member || !p[0].Buffering {
			t.Errorf("Cem is told the presence %+v", p)
		}
		time.Sleep(2 * time.Second)
		ben.report(protocol.Status{RTTMs: 40, OffsetMs: new(-12.5)})
		ann.presence("Ben here")
		ben.report(protocol.Status{RTTMs: 41, OffsetMs: new(-10.5)})
		ann.presence()
		time.Sleep(time.Second)
		got := only[*protocol.Present](ann)
		want := []protocol.Presence{{Member: ben.member, OffsetMs: new(-10.5), RTTMs: 41}}
		if diff := cmp.Diff(want, got.Members); diff != "" {
			t.Errorf("the presence (-want +got):\n%s", diff)
		}
		ann.saw("joined Cem")
	})
}

func TestClock(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ann.silent = true // so that answers are kept
		_ = ann.Send(&protocol.Probe{T1: -5})
		now := time.Now().UnixMicro()
		if got, want := *only[*protocol.Clock](ann), (protocol.Clock{T1: -5, T2: now, T3: now}); got != want {
			t.Errorf("the clock answers %+v, want %+v", got, want)
		}
	})
}
