package legacy

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/protocol"
)

// vectors is testdata/vectors.json.
type vectors struct {
	// Client messages, with what they are decoded to.
	Client []struct {
		Name          string
		JSON, Decoded json.RawMessage
	}
	// Refused are texts that are no messages, with a part of what the refusal says.
	Refused []struct{ Name, Text, Says string }
	// Server messages, as they are encoded.
	Server []struct {
		Name string
		JSON json.RawMessage
	}
}

func loadVectors(tb testing.TB) vectors {
	tb.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		tb.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		tb.Fatal(err)
	}
	return v
}

func value(t testing.TB, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return v
}

func TestClientMessages(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range loadVectors(t).Client {
		m, err := Decode(c.JSON)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		seen[m.Type()] = true
		got, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(value(t, c.Decoded), value(t, got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.Name, diff)
		}
		if head := value(t, c.JSON).(map[string]any); head["type"] != m.Type() {
			t.Errorf("%s: the type is %q", c.Name, m.Type())
		}
	}
	for _, kind := range []string{
		"JOIN", "PING", "UPDATE_USERNAME", "TOGGLE_GUEST_CONTROL", "TRANSFER_HOST", "PLAY_PAUSE", "SEEK", "READY", "HOST_HEARTBEAT",
		"POSITION_UPDATE", "URL_CHANGE", "REQUEST_SYNC", "SYNC_RESPONSE", "PLAYBACK_ACK", "OFFER", "ANSWER", "ICE_CANDIDATE", "LEAVE",
	} {
		if !seen[kind] {
			t.Errorf("no vector of %s", kind)
		}
	}
}

func TestRefusedMessages(t *testing.T) {
	for _, c := range loadVectors(t).Refused {
		m, err := Decode([]byte(c.Text))
		var refusal *protocol.Error
		if m != nil || !errors.As(err, &refusal) || !strings.Contains(refusal.Message, c.Says) {
			t.Errorf("%s: %+v, %v; want a refusal that says %q", c.Name, m, err, c.Says)
		}
	}
	if _, err := Decode(bytes.Repeat([]byte(" "), MaxMessage+1)); err == nil {
		t.Error("a message that is too large is taken")
	}
}

// emptyServerMessage returns one to decode a vector into.
func emptyServerMessage(kind string) ServerMessage {
	return map[string]ServerMessage{
		"ROOM_STATE": &RoomState{}, "USER_JOINED": &UserJoined{}, "USER_LEFT": &UserLeft{}, "HOST_CHANGED": &HostChanged{},
		"GUEST_CONTROL": &GuestControl{}, "USERNAME_UPDATED": &UsernameUpdated{}, "PLAY_PAUSE": &Playback{}, "SEEK_PAUSE": &SeekPause{},
		"HOST_HEARTBEAT": &Heartbeat{}, "URL_CHANGE": &MovedTo{}, "SYNC_RESPONSE": &SyncAnswer{}, "PONG": &Pong{}, "ERROR": &Failure{},
	}[kind]
}

func TestServerMessages(t *testing.T) {
	for _, c := range loadVectors(t).Server {
		fields := map[string]json.RawMessage{}
		if err := json.Unmarshal(c.JSON, &fields); err != nil {
			t.Fatal(err)
		}
		var head struct {
			Type, From, To, UserID, NodeID string
			EventTimestamp                 *int64
			Timestamp                      int64
		}
		if err := json.Unmarshal(c.JSON, &head); err != nil {
			t.Fatal(err)
		}
		m := emptyServerMessage(head.Type)
		switch {
		case signalFields[head.Type] != "":
			m = &Signalled{Kind: head.Type, From: head.From, To: head.To, Data: fields[signalFields[head.Type]]}
		case m == nil:
			m = &Relayed{Kind: head.Type, UserID: head.UserID, NodeID: head.NodeID, Timestamp: head.Timestamp, Fields: fields}
		default:
			if err := json.Unmarshal(c.JSON, m); err != nil {
				t.Fatal(err)
			}
		}
		var at int64
		if head.EventTimestamp != nil {
			at = *head.EventTimestamp
		}
		got, hole, err := Append([]byte("before"), m)
		if err != nil {
			t.Fatal(err)
		}
		got = bytes.TrimPrefix(got, []byte("before"))
		if (hole != 0) != (head.EventTimestamp != nil) {
			t.Errorf("%s: the hole is at %d", c.Name, hole)
		}
		if hole != 0 {
			copy(got[hole:hole+InstantWidth], AppendInstant(nil, at))
		}
		if diff := cmp.Diff(value(t, c.JSON), value(t, got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.Name, diff)
		}
	}
}

// An instant takes the same bytes whatever it is, and is a number.
func TestInstants(t *testing.T) {
	for ms, want := range map[int64]float64{0: 0, -5: 0, 7: 7, 1_700_000_000_000: 1.7e12, 1 << 62: 2 * maxInstant} {
		b := AppendInstant(nil, ms)
		var got float64
		if err := json.Unmarshal(b, &got); err != nil || len(b) != InstantWidth || got != want {
			t.Errorf("%d is written as %q: %v", ms, b, err)
		}
	}
}

func TestWatchPages(t *testing.T) {
	for address, want := range map[string]bool{
		"https://www.netflix.com/watch/1?t=5#x": true, "https://www.netflix.com/": true, "https://www.netflix.com": false,
		"https://www.netflix.com.evil.example/": false, "https://www.netflix.com:444/": false, "https://netflix.com/watch/1": false,
		"http://www.netflix.com/": false, "https://www.netflix.com@evil.example/": false, "HTTPS://www.netflix.com/": false,
		"https://www.netflix.com/\n": false, "https://www.netflix.com\\@evil.example/": false, "": false,
	} {
		if IsWatchPage(address) != want {
			t.Errorf("%q is a page of the site: %t", address, !want)
		}
	}
}
