package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"tandem.watch/tandem/protocol"
)

// raw sends text as a message.
func (c *peer) raw(text string) {
	c.w.t.Helper()
	if err := c.SendRaw(websocket.TextMessage, []byte(text)); err != nil {
		c.w.t.Errorf("sending %.60q: %v", text, err)
	}
}

// rubbish are messages that are refused in a seated session, with the error
// and the id that each gets. The session goes on.
var rubbish = []struct {
	text string
	code protocol.ErrorCode
	id   uint64
}{
	{"", protocol.CodeMalformed, 0},
	{"{", protocol.CodeMalformed, 0},
	{"null", protocol.CodeMalformed, 0},
	{"[]", protocol.CodeMalformed, 0},
	{`"play"`, protocol.CodeMalformed, 0},
	{`{"type":"play","id":1}{"type":"play","id":2}`, protocol.CodeMalformed, 0},
	{"\xff\xfe", protocol.CodeMalformed, 0},
	{`{"type":"chat","id":1,"text":"` + "\xc3\x28" + `"}`, protocol.CodeMalformed, 0},
	{`{"id":1}`, protocol.CodeMalformed, 0},
	{`{"type":7}`, protocol.CodeMalformed, 0},
	{`{"type":"play","id":1,"position":NaN}`, protocol.CodeMalformed, 0},
	{`{"type":"play","id":1,"position":Infinity}`, protocol.CodeMalformed, 0},
	{strings.Repeat("[", 20_000), protocol.CodeMalformed, 0},
	{`{"type":"play","id":1,"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, protocol.CodeMalformed, 0},
	{`{"type":"nonsense","id":9}`, protocol.CodeUnknownType, 9},
	{`{"type":"welcome"}`, protocol.CodeUnknownType, 0},
	{`{"type":"ack","id":3,"number":1}`, protocol.CodeUnknownType, 3},
	{`{"type":"seek","id":4}`, protocol.CodeInvalid, 4},
	{`{"type":"seek","id":4,"position":-1}`, protocol.CodeInvalid, 4},
	{`{"type":"seek","id":4,"position":1e999}`, protocol.CodeInvalid, 4},
	{`{"type":"seek","id":4,"position":1e8}`, protocol.CodeInvalid, 4},
	{`{"type":"seek","id":4,"position":"7"}`, protocol.CodeInvalid, 4},
	{`{"type":"seek","id":4,"position":{}}`, protocol.CodeInvalid, 4},
	{`{"type":"play","position":1}`, protocol.CodeInvalid, 0},
	{`{"type":"play","id":0}`, protocol.CodeInvalid, 0},
	{`{"type":"play","id":-1}`, protocol.CodeInvalid, 0},
	{`{"type":"play","id":1.5}`, protocol.CodeInvalid, 0},
	{`{"type":"play","id":"1"}`, protocol.CodeInvalid, 0},
	{`{"type":"play","id":9007199254740993}`, protocol.CodeInvalid, 0},
	{`{"type":"play","id":1,"wait":"yes"}`, protocol.CodeInvalid, 1},
	{`{"type":"rate","id":1,"rate":0}`, protocol.CodeInvalid, 1},
	{`{"type":"rate","id":1,"rate":-1}`, protocol.CodeInvalid, 1},
	{`{"type":"rate","id":1,"rate":100}`, protocol.CodeInvalid, 1},
	{`{"type":"chat","id":1,"text":""}`, protocol.CodeInvalid, 1},
	{`{"type":"chat","id":1,"text":"  \n "}`, protocol.CodeInvalid, 1},
	{`{"type":"chat","id":1,"text":"` + strings.Repeat("x", 501) + `"}`, protocol.CodeInvalid, 1},
	{`{"type":"chat","id":1,"text":"\u202egnol"}`, protocol.CodeInvalid, 1},
	{`{"type":"rename","id":1,"name":"a\nb"}`, protocol.CodeInvalid, 1},
	{`{"type":"media","id":1,"media":{"kind":"url","url":"javascript:alert(1)"}}`, protocol.CodeInvalid, 1},
	{`{"type":"media","id":1,"media":{"kind":"url","url":"https://user:pass@site.example/"}}`, protocol.CodeInvalid, 1},
	{`{"type":"media","id":1,"media":{"kind":"tape"}}`, protocol.CodeInvalid, 1},
	{`{"type":"media","id":1}`, protocol.CodeInvalid, 1},
	{`{"type":"role","id":1,"member":"x","role":"host"}`, protocol.CodeInvalid, 1},
	{`{"type":"settings","id":1}`, protocol.CodeInvalid, 1},
	{`{"type":"settings","id":1,"pin":"` + strings.Repeat("1", 33) + `"}`, protocol.CodeInvalid, 1},
	{`{"type":"remove","id":1}`, protocol.CodeInvalid, 1},
	{`{"type":"react","reaction":" "}`, protocol.CodeInvalid, 0},
	{`{"type":"signal","to":"x"}`, protocol.CodeInvalid, 0},
	{`{"type":"signal","to":"x","data":"` + strings.Repeat("x", 33_000) + `"}`, protocol.CodeInvalid, 0},
	{`{"type":"status","rttMs":-1}`, protocol.CodeInvalid, 0},
	{`{"type":"status","rttMs":1e300}`, protocol.CodeInvalid, 0},
	{`{"type":"history","limit":1000}`, protocol.CodeInvalid, 0},
	{`{"type":"history","before":-1}`, protocol.CodeInvalid, 0},
	{`{"type":"probe","t1":1e400}`, protocol.CodeInvalid, 0},
	{`{"type":"hello","version":1,"room":"x","name":"Ben"}`, protocol.CodeHelloRepeated, 0},
}

// Each gets its named error; nobody else notices, and the room is as it was.
func TestRubbish(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.saw("joined Ben")
		before := ann.view
		for i, c := range rubbish {
			if i%40 == 39 {
				w.pass(400 * time.Second) // so many are forgiven by then
			}
			ben.raw(c.text)
			got := take[*protocol.Error](ben)
			if len(got) != 1 || got[0].Code != c.code || got[0].ID != c.id || got[0].Message == "" || len(got[0].Message) > 300 {
				t.Errorf("%.80q was answered %+v, want %s for %d", c.text, got, c.code, c.id)
			}
		}
		ann.settle()
		if diff := cmp.Diff(before, ann.view); diff != "" || len(ann.inbox) != 0 {
			t.Errorf("Ann noticed: %+v\n%s", ann.inbox, diff)
		}
		ben.say("I am sorry")
		ann.saw("chat Ben I am sorry")
	})
}

func TestTooMuchRubbish(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.saw("joined Ben")
		for range 51 {
			ben.raw("{")
		}
		ben.wantClosed(protocol.CloseProtocol)
		if n := len(take[*protocol.Error](ben)); n != 51 {
			t.Errorf("%d errors were answered, want 51", n)
		}
		ann.saw()
		ann.presence("Ben away")
	})
}

func TestBinaryMessages(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		_ = ann.SendRaw(websocket.BinaryMessage, []byte(`{"type":"chat","id":1,"text":"binary"}`))
		if e := only[*protocol.Error](ann); e.Code != protocol.CodeMalformed {
			t.Errorf("a binary message was answered %+v", e)
		}
		ann.saw()
	})
}

// padded is a line of chat, as a message of exactly so many bytes.
func padded(id uint64, size int) string {
	text := fmt.Sprintf(`{"type":"chat","id":%d,"text":"padded","x":""}`, id)
	return text[:len(text)-2] + strings.Repeat("x", size-len(text)) + text[len(text)-2:]
}

func TestMessageSize(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ben.raw(padded(1, protocol.MaxMessage))
		if _, ok := ben.answer(1).(*protocol.Ack); !ok {
			t.Error("a message of 64 KiB was refused")
		}
		ann.saw("joined Ben", "chat Ben padded")
		for _, size := range []int{protocol.MaxMessage + 1, 10 << 20} {
			cem := w.join(ann.room, "Cem", cafe)
			ann.saw("joined Cem")
			_ = cem.SendRaw(websocket.TextMessage, []byte(padded(1, size))) // may be told before it is through
			cem.wantClosed(protocol.CloseTooLarge)
			ann.saw()
			ann.presence("Cem away")
			w.pass(30 * time.Second)
			ann.saw("left Cem expired")
		}
	})
}
