package gateway

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"tandem.watch/tandem/internal/memnet"
	"tandem.watch/tandem/protocol"
)

// Whoever floods, or says what is no message, loses the connection; the room
// does not notice.
func TestLegacyFloods(t *testing.T) {
	for _, c := range []struct {
		name string
		text string
		code protocol.CloseCode
	}{
		{"reports", `{"type":"POSITION_UPDATE","currentTime":5,"isPlaying":true}`, protocol.CloseRateLimited},
		{"commands", `{"type":"UPDATE_USERNAME","username":"x"}`, protocol.CloseRateLimited},
		{"pings", `{"type":"PING"}`, protocol.CloseRateLimited},
		{"passed on", `{"type":"SPAM","text":"` + strings.Repeat("x", 7<<10) + `"}`, protocol.CloseRateLimited},
		{"rubbish", `{"type":`, protocol.CloseProtocol},
		{"a wrong type", `{"type":"SEEK","currentTime":"5"}`, protocol.CloseProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, s *stage) {
				ann, ben := party(t, s, "room")
				before := ann.join("room", "user_ann0001", note{"username": "Ann"})
				ben.fence(ann, ben)
				for range 600 {
					ben.raw(c.text)
				}
				for n := ben.next(); n != nil; n = ben.next() {
					if n.kind() == "ERROR" && n["message"] == "" {
						t.Error("an ERROR without a message")
					}
				}
				if got := protocol.CloseCode(ben.closeCode()); got != c.code { //nolint:gosec // a code
					t.Errorf("closed with %d, want %d", got, c.code)
				}
				after := ann.join("room", "user_ann0001", note{"username": "Ann"})
				for _, field := range []string{"currentTime", "isPlaying", "hostUserId", "url"} {
					if before[field] != after[field] {
						t.Errorf("%s was %v and is %v", field, before[field], after[field])
					}
				}
			})
		})
	}
}

// Refused messages change nothing, and say what is wrong.
func TestLegacyRefusals(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		for _, text := range []string{
			`no JSON`, `[]`, `{}`, `{"type":5}`, `{"type":"PLAY_PAUSE","control":"stop"}`, `{"type":"SEEK","currentTime":-1}`,
			`{"type":"SEEK","currentTime":"1"}`, `{"type":"URL_CHANGE","url":5}`, `{"type":"JOIN","roomId":"room","userId":7}`,
			`{"type":"OFFER","to":5,"offer":1}`, `{"type":"READY","targetTime":"x"}`,
		} {
			ben.raw(text)
			if why, _ := ben.await("ERROR")["message"].(string); why == "" || strings.Contains(why, "Processing error") {
				t.Errorf("%s: the error is %q", text, why)
			}
		}
		for _, told := range ben.fence(ann, ben) {
			if len(told) != 0 {
				t.Errorf("told %v", told)
			}
		}
	})
}

func TestLegacyGiantFrames(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		ben.raw(`{"type":"PING","x":"` + strings.Repeat("x", 1<<20) + `"}`)
		ben.wantClosed(int(protocol.CloseTooLarge))
		if told := ann.fence(ann)[0]; len(told) != 0 {
			t.Errorf("Ann was told %v", told)
		}
		ben = s.connect(office)
		ben.join("room", "user_ben0001", nil)
		_ = ben.socket.WriteMessage(websocket.BinaryMessage, []byte{1, 2, 3})
		ben.await("ERROR")
	})
}

// A socket whose network is gone, and one that is not read, hold nobody up: they
// are dropped, and the member may come back.
func TestLegacyDeadSockets(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		half, wire := s.vanishing(cafe)
		half.join("room", "user_half001", nil)
		wire.Vanish()
		blocked := make(chan struct{})
		stalled, err := s.connectOver(func() (net.Conn, error) {
			return s.w.net.DialOver(t.Context(), cafe, memnet.Options{Buffer: 4 << 10})
		}, nil, func(n note) {
			if n.kind() == "BLOB" {
				<-blocked
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer close(blocked)
		stalled.join("room", "user_stall01", nil)
		for range 60 {
			ben.send("BLOB", note{"x": strings.Repeat("x", 2<<10)})
			stalled.send("PING", nil) // it is there, and does not read
			s.w.pass(time.Second)
			ann.send("PING", nil)
		}
		cleo := s.w.join("room", "Cleo", cafe)
		away := map[string]bool{}
		for _, p := range cleo.welcome.Presence {
			away[p.Member] = p.Away
		}
		for _, m := range cleo.welcome.Room.Members {
			if dead := m.ID == "user_half001" || m.ID == "user_stall01"; dead != away[m.ID] {
				t.Errorf("%s is away: %t", m.ID, away[m.ID])
			}
		}
		if told := kinds(ben.fence(ann)[0]); strings.Contains(told, "HOST_CHANGED") || strings.Count(told, "USER_LEFT") > 2 {
			t.Errorf("Ann was told %v", told)
		}
		again := s.connect(cafe)
		again.join("room", "user_stall01", nil)
	})
}

func TestLegacyOrigins(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		for origin, want := range map[string]bool{
			"chrome-extension://abcdefghijklmnop": true, "https://www.netflix.com": false, "https://evil.example": false, "null": false, "": true,
		} {
			header := http.Header{}
			if origin != "" {
				header.Set("Origin", origin)
			}
			x, err := s.tryConnect(home, header)
			if (err == nil) != want {
				t.Errorf("origin %q: %v", origin, err)
			}
			if x != nil {
				x.drop()
			}
		}
		if _, err := s.tryConnect(home, http.Header{"Sec-WebSocket-Protocol": {"chat"}}); err == nil {
			t.Error("another subprotocol is served")
		}
	})
}
