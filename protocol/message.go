package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ClientMessage is a message that a client sends.
type ClientMessage interface {
	// Type is the message's "type".
	Type() string
	fromClient()
	validate() error
}

// ServerMessage is a message that a gateway sends.
type ServerMessage interface {
	// Type is the message's "type".
	Type() string
	fromServer()
}

// CommandMessage is a client's message that changes the room: it carries an
// id, is answered by ack or error, and is done at most once for its id.
type CommandMessage interface {
	ClientMessage
	// CommandID is the command's id: at least 1, increasing in a seat.
	CommandID() uint64
}

// Command is what all commands share.
type Command struct {
	// ID numbers the seat's commands. It starts at 1 and only grows; a retry
	// repeats the id and the content.
	ID uint64 `json:"id"`
}

// CommandID returns the id.
func (c Command) CommandID() uint64 { return c.ID }

func (c Command) validate() error {
	if c.ID == 0 || c.ID >= 1<<53 {
		return invalid("id", "must be a whole number from 1 to 2^53-1")
	}
	return nil
}

// Append appends m as JSON to dst. It fails only for values that JSON cannot
// hold (NaN, infinities), which no checked message contains.
func Append(dst []byte, m interface{ Type() string }) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	start := buf.Len()
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		return dst, err
	}
	// The type is put in front of the object's first field.
	body := append([]byte(nil), buf.Bytes()[start:buf.Len()-1]...)
	out := append(buf.Bytes()[:start], `{"type":"`...)
	out = append(out, m.Type()...)
	out = append(out, '"')
	if len(body) > 2 {
		out = append(out, ',')
	}
	return append(out, body[1:]...), nil
}

// DecodeClient decodes and checks one message of a client. Its errors are of
// type *Error, with the command's id where one could be read.
func DecodeClient(data []byte) (ClientMessage, error) {
	head, err := decodeHead(data)
	if err != nil {
		return nil, err
	}
	m := newClientMessage(head.Type)
	if m == nil {
		e := Errorf(CodeUnknownType, "no message of a client has the type %q", clip(head.Type))
		e.ID = head.id()
		return nil, e
	}
	err = decodeBody(data, m)
	if h, ok := m.(*Hello); err == nil || ok && h.Version > Version {
		err = m.validate()
	}
	if err != nil {
		var e *Error
		errors.As(err, &e)
		if _, ok := m.(CommandMessage); ok {
			e.ID = head.id()
		}
		return nil, e
	}
	return m, nil
}

// DecodeServer decodes one message of a gateway. It is lenient where a client
// should be: the values are the gateway's own and are not checked again.
func DecodeServer(data []byte) (ServerMessage, error) {
	head, err := decodeHead(data)
	if err != nil {
		return nil, err
	}
	m := newServerMessage(head.Type)
	if m == nil {
		return nil, Errorf(CodeUnknownType, "no message of a gateway has the type %q", clip(head.Type))
	}
	if err := decodeBody(data, m); err != nil {
		return nil, err
	}
	return m, nil
}

type head struct {
	Type string          `json:"type"`
	ID   json.RawMessage `json:"id"`
}

// id is the command's id if it is one, so that an error about any other field
// still reaches the caller who waits for that command.
func (h head) id() uint64 {
	var id uint64
	if json.Unmarshal(h.ID, &id) != nil || id > 1<<53 {
		return 0
	}
	return id
}

func decodeHead(data []byte) (head, error) {
	var h head
	if len(data) > MaxMessage {
		return h, Errorf(CodeTooLarge, "a message has at most %d bytes", MaxMessage)
	}
	if !utf8.Valid(data) {
		return h, Errorf(CodeMalformed, "a message is one JSON object in UTF-8")
	}
	if err := json.Unmarshal(data, &h); err != nil || h.Type == "" {
		return h, Errorf(CodeMalformed, `a message is one JSON object with a "type"`)
	}
	return h, nil
}

func decodeBody(data []byte, m any) error {
	err := json.Unmarshal(data, m)
	var typeErr *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &typeErr):
		// The embedding of Command is Go's business, not the sender's.
		return invalid(clip(strings.TrimPrefix(typeErr.Field, "Command.")), "has the wrong type or range: %s", clip(typeErr.Value))
	default:
		return Errorf(CodeMalformed, "a message is one JSON object")
	}
}

// clip bounds what an error message repeats of its input.
func clip(s string) string {
	const most = 40
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

func checkPosition(p float64) error {
	if math.IsNaN(p) || p < 0 || p > MaxPosition {
		return invalid("position", "must be from 0 to %g seconds", MaxPosition)
	}
	return nil
}

// checkText accepts 1..most code points without control characters; only a
// line of chat may have line breaks.
func checkText(field, s string, most int) error {
	if s == "" {
		return invalid(field, "is missing")
	}
	if utf8.RuneCountInString(s) > most {
		return invalid(field, "has more than %d characters", most)
	}
	for _, r := range s {
		if unicode.IsControl(r) && (r != '\n' || field != "text") || changesLayout(r) {
			return invalid(field, "has a control character")
		}
	}
	return nil
}

// changesLayout reports characters that reorder the text around them, or break
// lines: in a name they would rewrite what others read beside it.
func changesLayout(r rune) bool {
	return r >= 0x2028 && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}
