package gateway

import (
	"encoding/binary"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem.watch/tandem/protocol"
)

// frame is a WebSocket frame as a client sends it (RFC 6455, section 5.2), with
// a mask that changes nothing.
func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	default:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// The first byte of a frame: fin with the last part, and an opcode.
const (
	fin        = 0x80
	opContinue = 0x0
	opText     = 0x1
	opPing     = 0x9
	opPong     = 0xA
)

func (c *peer) frames(frames ...[]byte) {
	c.w.t.Helper()
	for _, f := range frames {
		if _, err := c.conn.Write(f); err != nil {
			c.w.t.Errorf("writing a frame: %v", err)
		}
	}
	synctest.Wait()
}

func TestFragments(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ann.frames(
			frame(opText, `{"type":"chat",`), frame(fin|opPing, "between"), frame(opContinue, ""),
			frame(opContinue, `"id":1,"te`), frame(fin|opContinue, `xt":"in parts"}`),
		)
		ann.saw("chat Ann in parts")

		// Too large in all, each part being small.
		part := strings.Repeat("x", 10_000)
		ann.frames(frame(opText, part))
		for range 6 {
			ann.frames(frame(opContinue, part))
		}
		ann.wantClosed(protocol.CloseTooLarge)
	})
}

// A message that does not end is silence.
func TestHalfAMessage(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ann.silent = true
		ann.frames(frame(opText, `{"type":`))
		for range 39 {
			time.Sleep(time.Second)
			ann.frames(frame(opContinue, " "))
		}
		time.Sleep(time.Second)
		ann.wantClosed(protocol.CloseSilent)
	})
}

// Frames that no WebSocket peer may send end the session, and only that.
func TestBrokenFrames(t *testing.T) {
	for name, frames := range map[string][]byte{
		"not masked":        {0x81, 0x02, '{', '}'},
		"reserved bits":     frame(0xF1, "{}"),
		"unknown opcode":    frame(fin|0x3, "{}"),
		"nothing to follow": frame(fin|opContinue, "{}"),
		"text within text":  append(frame(opText, "{"), frame(fin|opText, "}")...),
		"a ping in parts":   frame(opPing, "x"),
		"a long ping":       frame(fin|opPing, strings.Repeat("x", 126)),
		"a huge length":     {0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 'x'},
		"a negative length": {0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 'x'},
		"not WebSocket":     []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				ann := w.host("Ann")
				ben := w.join(ann.room, "Ben", office)
				ann.saw("joined Ben")
				ben.silent = true
				ben.frames(frames)
				if name == "a huge length" {
					w.pass(40 * time.Second) // what is announced may still come
				}
				if ben.settle(); !ben.over {
					t.Error("the session goes on")
				}
				ann.presence("Ben away")
				ann.saw()
			})
		})
	}
}
