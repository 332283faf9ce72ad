package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// vectors is testdata/vectors.json; README.md says what each section means.
type vectors struct {
	Client    []vector
	Server    []vector
	Refused   []refusedVector
	Timelines []struct {
		Name     string
		Timeline Timeline
		At       int64
		Position float64
	}
	RoomCodes []struct {
		Typed, ID, Shown string
		OK               bool
	}
	Reduce    []reduceVector
	Datagrams []datagramVector
}

type vector struct {
	Name string
	JSON json.RawMessage
}

type refusedVector struct {
	Name, Text string
	Code       ErrorCode
	ID         uint64
	Repeat     *struct {
		Text  string
		Times int
	}
}

// text is what to decode, with its repetition written out.
func (v refusedVector) text() string {
	if v.Repeat == nil {
		return v.Text
	}
	return strings.ReplaceAll(v.Text, "{repeat}", strings.Repeat(v.Repeat.Text, v.Repeat.Times))
}

type reduceVector struct {
	Name                string
	Number, AfterNumber uint64
	Room, After         json.RawMessage
	Messages            []json.RawMessage
}

func loadVectors(tb testing.TB) vectors {
	tb.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		tb.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var v vectors
	if err := dec.Decode(&v); err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestVectorsClient(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range loadVectors(t).Client {
		t.Run(v.Name, func(t *testing.T) {
			m, err := DecodeClient(v.JSON)
			if err != nil {
				t.Fatal(err)
			}
			seen[m.Type()] = true
			sameAfterEncoding(t, m, v.JSON)
		})
	}
	for _, typ := range clientTypes(t) {
		if !seen[typ] {
			t.Errorf("no vector of the client's message %q", typ)
		}
	}
}

func TestVectorsServer(t *testing.T) {
	seen, events := map[string]bool{}, map[EventType]bool{}
	for _, v := range loadVectors(t).Server {
		t.Run(v.Name, func(t *testing.T) {
			m, err := DecodeServer(v.JSON)
			if err != nil {
				t.Fatal(err)
			}
			seen[m.Type()] = true
			if m, ok := m.(*Events); ok {
				for _, e := range m.Events {
					events[e.Type] = true
					if got := details(e); !slices.Equal(got, []string{string(e.Type)}) {
						t.Errorf("event %d of type %q has the details %q", e.Number, e.Type, got)
					}
				}
			}
			sameAfterEncoding(t, m, v.JSON)
		})
	}
	for _, typ := range serverTypes(t) {
		if !seen[typ] {
			t.Errorf("no vector of the gateway's message %q", typ)
		}
	}
	for _, typ := range eventTypes(t) {
		if !events[typ] {
			t.Errorf("no vector of the event %q", typ)
		}
	}
}

func TestVectorsRefused(t *testing.T) {
	for _, v := range loadVectors(t).Refused {
		t.Run(v.Name, func(t *testing.T) {
			m, err := DecodeClient([]byte(v.text()))
			if err == nil {
				t.Fatalf("accepted as %+v", m)
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T is not an *Error: %v", err, err)
			}
			if e.Code != v.Code || e.ID != v.ID {
				t.Errorf("got the code %q and the id %d, want %q and %d (%s)", e.Code, e.ID, v.Code, v.ID, e.Message)
			}
			if len(e.Message) > maxErrorMessage {
				t.Errorf("the error's message has %d bytes", len(e.Message))
			}
		})
	}
}

func TestVectorsTimelines(t *testing.T) {
	for _, v := range loadVectors(t).Timelines {
		t.Run(v.Name, func(t *testing.T) {
			if got := v.Timeline.PositionAt(v.At); math.Abs(got-v.Position) > 1e-6 {
				t.Errorf("got %v, want %v", got, v.Position)
			}
		})
	}
}

func TestVectorsRoomCodes(t *testing.T) {
	for _, v := range loadVectors(t).RoomCodes {
		id, ok := ParseRoomCode(v.Typed)
		if id != v.ID || ok != v.OK {
			t.Errorf("%q is the room %q, %t; want %q, %t", v.Typed, id, ok, v.ID, v.OK)
			continue
		}
		if !ok {
			id = v.Typed
		}
		if shown := FormatRoomCode(id); shown != v.Shown {
			t.Errorf("%q is shown as %q, want %q", id, shown, v.Shown)
		}
	}
}

func TestVectorsReduce(t *testing.T) {
	seen := map[EventType]bool{}
	for _, v := range loadVectors(t).Reduce {
		t.Run(v.Name, func(t *testing.T) {
			c := replica{number: v.Number}
			if err := json.Unmarshal(v.Room, &c.room); err != nil {
				t.Fatal(err)
			}
			for _, text := range v.Messages {
				m, err := DecodeServer(text)
				if err != nil {
					t.Fatal(err)
				}
				events, ok := m.(*Events)
				if !ok {
					t.Fatalf("%T is no events message", m)
				}
				for _, e := range events.Events {
					seen[e.Type] = true
				}
				if err := c.read(events); err != nil {
					t.Fatal(err)
				}
			}
			if c.number != v.AfterNumber {
				t.Errorf("the replica stands at %d, want %d", c.number, v.AfterNumber)
			}
			got, err := json.Marshal(c.room)
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, got, v.After)
		})
	}
	for _, typ := range eventTypes(t) {
		if !seen[typ] {
			t.Errorf("no reduction of the event %q", typ)
		}
	}
}

// sameAfterEncoding checks that m encodes to a value equal to want.
func sameAfterEncoding(t *testing.T, m interface{ Type() string }, want []byte) {
	t.Helper()
	got, err := Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, got, want)
}

func sameJSON(t *testing.T, got, want []byte) {
	t.Helper()
	var g, w any
	if err := decodeExactly(got, &g); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if err := decodeExactly(want, &w); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// decodeExactly keeps numbers as they are written: as floats, large ids that
// differ would be equal.
func decodeExactly(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec.Decode(v)
}

// details lists the fields of an event that hold details, by their JSON names.
func details(e Event) []string {
	var set []string
	v := reflect.ValueOf(e)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Pointer && !f.IsNil() {
			set = append(set, jsonName(v.Type().Field(i)))
		}
	}
	return set
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
