package protocol

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxErrorMessage is how long an error's message may be, in bytes, whatever
// the input was.
const maxErrorMessage = 1000

func FuzzDecodeClient(f *testing.F) {
	v := loadVectors(f)
	for _, c := range v.Client {
		f.Add([]byte(c.JSON))
	}
	for _, r := range v.Refused {
		if r.Repeat == nil { // the fuzzer makes long ones by itself
			f.Add([]byte(r.Text))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeClient(data)
		if err != nil {
			checkRefusal(t, err)
			if m != nil {
				t.Errorf("a message beside an error: %+v", m)
			}
			return
		}
		if c, ok := m.(CommandMessage); ok && (c.CommandID() == 0 || c.CommandID() > 1<<53) {
			t.Errorf("a command with the id %d", c.CommandID())
		}
		again(t, m, DecodeClient)
	})
}

func FuzzDecodeServer(f *testing.F) {
	for _, s := range loadVectors(f).Server {
		f.Add([]byte(s.JSON))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeServer(data)
		if err != nil {
			checkRefusal(t, err)
			if m != nil {
				t.Errorf("a message beside an error: %+v", m)
			}
			return
		}
		again(t, m, DecodeServer)
	})
}

func FuzzParseRoomCode(f *testing.F) {
	for _, c := range loadVectors(f).RoomCodes {
		f.Add(c.Typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		id, ok := ParseRoomCode(typed)
		if !ok {
			if id != "" {
				t.Errorf("%q is no code, and the room %q", typed, id)
			}
			if shown := FormatRoomCode(typed); shown != typed {
				t.Errorf("%q is no code, and shown as %q", typed, shown)
			}
			return
		}
		if len(id) != 12 || strings.Trim(id, crockford) != "" {
			t.Errorf("%q is the room %q", typed, id)
		}
		shown := FormatRoomCode(id)
		for _, same := range []string{id, shown, strings.ToLower(shown), " " + shown + " "} {
			if got, ok := ParseRoomCode(same); got != id || !ok {
				t.Errorf("%q is the room %q, %t; want %q", same, got, ok, id)
			}
		}
	})
}

// checkRefusal checks what holds for the error of every input.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is not an *Error: %v", err, err)
	}
	if !slices.Contains(ErrorCodes(), e.Code) {
		t.Errorf("the unknown code %q", e.Code)
	}
	if e.Message == "" || len(e.Message) > maxErrorMessage || !utf8.ValidString(e.Message) {
		t.Errorf("the message of %d bytes %q", len(e.Message), e.Message)
	}
	if e.ID > 1<<53 {
		t.Errorf("the id %d", e.ID)
	}
	again(t, ServerMessage(e), DecodeServer)
}

// again checks that encoding m, decoding that and encoding it again gives the
// same bytes, and that Append leaves alone what it appends to.
func again[M interface{ Type() string }](t *testing.T, m M, decode func([]byte) (M, error)) {
	t.Helper()
	const before = "before"
	text, err := Append([]byte(before), m)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(text, []byte(before)) {
		t.Fatalf("Append changed what was there: %s", text)
	}
	text = text[len(before):]
	if len(text) > MaxMessage {
		return // an encoder may need more room than the sender did: U+2028 is escaped
	}
	m2, err := decode(text)
	if err != nil {
		t.Fatalf("%v in what was encoded: %s", err, text)
	}
	text2, err := Append(nil, m2)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, text2) {
		t.Errorf("\nencoded %s\n  again %s", text, text2)
	}
}
