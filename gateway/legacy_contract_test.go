package gateway

import (
	"strings"
	"testing"
	"time"
)

// party is a room of Ann, who is its host, and Ben.
func party(t *testing.T, s *stage, room string) (ann, ben *extension) {
	t.Helper()
	ann, ben = s.connect(home), s.connect(office)
	ann.join(room, "user_ann0001", note{"username": "Ann"})
	ben.join(room, "user_ben0001", note{"username": "Ben"})
	ann.await("USER_JOINED")
	return ann, ben
}

func lone(t *testing.T, told []note, kind string) note {
	t.Helper()
	if len(told) != 1 || told[0].kind() != kind {
		t.Fatalf("told %v, want one %s", told, kind)
	}
	return told[0]
}

func TestLegacyJoin(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		ann := s.connect(home)
		state := ann.join("default_room_1700000000000", "user_ann0001", note{"username": "Ann", "pin": "123456"})
		state.wants(t, note{
			"roomId": "default_room_1700000000000", "url": nil, "currentTime": 0, "isPlaying": false,
			"hostUserId": "user_ann0001", "guestControlEnabled": true, "nodeId": "test",
		})

		ben := s.connect(office)
		for _, more := range []note{{}, {"pin": "654321"}, {"pin": ""}} {
			if n := ben.tryJoin("default_room_1700000000000", "user_ben0001", more); n["message"] != "Invalid or missing PIN" {
				t.Errorf("with %v: %v", more, n)
			}
		}
		ben.send("JOIN", note{"roomId": "default_room_1700000000000"})
		ben.await("ERROR").wants(t, note{"message": "Missing roomId or userId"})
		if told := ann.fence(ann)[0]; len(told) != 0 {
			t.Errorf("of who did not get in Ann was told %v", told)
		}
		state = ben.join("default_room_1700000000000", "user_ben0001", note{"pin": "123456"}) // the socket has stayed open
		users := state["users"].([]any)
		if len(users) != 2 || note(users[0].(map[string]any))["username"] != "Ann" || note(users[1].(map[string]any))["username"] != nil {
			t.Errorf("the users are %v", users)
		}
		joined := lone(t, ann.fence(ann, ben)[0], "USER_JOINED")
		joined.wants(t, note{"userId": "user_ben0001", "username": nil})
		if id, ok := joined["peerId"].(string); !ok || id == "" {
			t.Errorf("no peerId: %v", joined)
		}
	})
}

func TestLegacyJoinAgain(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		state := ann.join("room", "user_ann0001", note{"username": "Ann"})
		state.wants(t, note{"hostUserId": "user_ann0001"})
		if users := state["users"].([]any); len(users) != 2 || users[0].(map[string]any)["userId"] != "user_ann0001" {
			t.Errorf("the order is %v", users)
		}
		told := ann.fence(ann, ben)
		if len(told[0]) != 0 {
			t.Errorf("Ann was told %v", told[0])
		}
		lone(t, told[1], "USER_JOINED").wants(t, note{"userId": "user_ann0001", "username": "Ann"})

		// Another room: the old one first.
		ann.join("elsewhere", "user_ann0001", nil).wants(t, note{"roomId": "elsewhere", "hostUserId": "user_ann0001"})
		if told := ben.fence(ben)[0]; kinds(told) != "USER_LEFT HOST_CHANGED" || told[0]["userId"] != "user_ann0001" {
			t.Errorf("Ben was told %v", told)
		}
		ben.send("PLAY_PAUSE", note{"control": "play", "currentTime": 5})
		ben.fence(ben)
		if told := ann.fence(ann)[0]; len(told) != 0 {
			t.Errorf("from the room that she has left Ann hears %v", told)
		}
	})
}

func TestLegacyPing(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		x := s.connect(home)
		x.send("PING", note{"userId": "user_ann0001", "timestamp": x.clock()})
		if ts, ok := x.await("PONG")["timestamp"].(float64); !ok || ts < 9e11 || ts > 1e14 {
			t.Errorf("the PONG's timestamp is %v", ts)
		}
		x.send("POSITION_UPDATE", note{"currentTime": 5.5, "isPlaying": true}) // what it sends by itself is passed over
		x.send("PLAY_PAUSE", note{"control": "play"})
		x.await("ERROR").wants(t, note{"message": "Join a room first"})
	})
}

func TestLegacyNames(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		for _, name := range []any{"Annika", nil, nil} {
			ann.send("UPDATE_USERNAME", note{"username": name})
			for _, x := range []*extension{ann, ben} {
				x.await("USERNAME_UPDATED").wants(t, note{"userId": "user_ann0001", "username": name})
			}
		}
		state := ben.join("room", "user_ben0001", note{"username": "Benno"})
		if users := state["users"].([]any); users[0].(map[string]any)["username"] != nil {
			t.Errorf("the users are %v", users)
		}
		ann.await("USERNAME_UPDATED").wants(t, note{"userId": "user_ben0001", "username": "Benno"})
	})
}

func TestLegacyGuestControlAndHost(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		ben.send("TOGGLE_GUEST_CONTROL", note{"enabled": false})
		ben.send("TRANSFER_HOST", note{"targetUserId": "user_ben0001"})
		for _, told := range ben.fence(ann, ben) {
			if len(told) != 0 {
				t.Errorf("of what only a host may do: %v", told)
			}
		}
		for _, on := range []bool{true, false} { // it is on already
			ann.send("TOGGLE_GUEST_CONTROL", note{"enabled": on})
			for _, x := range []*extension{ann, ben} {
				x.await("GUEST_CONTROL").wants(t, note{"enabled": on})
			}
		}
		// A refused control gets the truth back, and nobody else hears of it.
		for _, c := range []struct {
			kind   string
			fields note
		}{
			{"PLAY_PAUSE", note{"control": "play", "currentTime": 77.5}},
			{"PLAY_PAUSE", note{"control": "play"}},
			{"SEEK", note{"currentTime": 40, "isPlaying": true}},
			{"URL_CHANGE", note{"url": "https://www.netflix.com/watch/1"}},
		} {
			ben.send(c.kind, c.fields)
			truth := ben.await("PLAY_PAUSE")
			truth.wants(t, note{"userId": "server", "control": "pause", "currentTime": 0})
			if told := ben.fence(ann, ben)[0]; len(told) != 0 {
				t.Errorf("of a refused %s Ann was told %v", c.kind, told)
			}
		}
		ann.send("TRANSFER_HOST", note{"targetUserId": "user_nobody"})
		if why, _ := ann.await("ERROR")["message"].(string); !strings.Contains(why, "user_nobody") {
			t.Errorf("the error is %q", why)
		}
		ann.send("TRANSFER_HOST", note{"targetUserId": "user_ben0001"})
		for _, told := range ann.fence(ann, ben) {
			lone(t, told, "HOST_CHANGED").wants(t, note{"hostUserId": "user_ben0001"})
		}
		ben.send("PLAY_PAUSE", note{"control": "play", "currentTime": 5})
		ann.await("PLAY_PAUSE").wants(t, note{"userId": "user_ben0001", "control": "play"})
	})
}

func TestLegacyPlayPause(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		ann.send("PLAY_PAUSE", note{"control": "play", "currentTime": 95.25, "eventTimestamp": ann.clock()})
		for _, told := range ann.fence(ann, ben) {
			n := lone(t, told, "PLAY_PAUSE")
			n.wants(t, note{"userId": "user_ann0001", "control": "play"})
			if at, _ := n["currentTime"].(float64); at < 95.25 || at > 96.5 {
				t.Errorf("it plays from %v", at)
			}
			if _, ok := n["eventTimestamp"].(float64); !ok {
				t.Errorf("no eventTimestamp: %v", n)
			}
		}
		// The repeat, with the position then, changes nothing.
		ann.send("PLAY_PAUSE", note{"control": "play", "currentTime": 95.3, "eventTimestamp": ann.clock()})
		ben.send("PLAY_PAUSE", note{"control": "play"})
		for _, told := range ann.fence(ann, ben) {
			if len(told) != 0 {
				t.Errorf("of a repeat: %v", told)
			}
		}
		ben.fence(ann, ben)
		ben.send("PLAY_PAUSE", note{"control": "pause", "currentTime": 120})
		told := ben.fence(ann, ben)
		for _, told := range told {
			lone(t, told, "PLAY_PAUSE").wants(t, note{"userId": "user_ben0001", "control": "pause", "currentTime": 120})
		}
		ann.send("PLAY_PAUSE", note{"control": "play"})
		ann.fence(ann, ben)
		// A pause without a position leaves it as it is.
		ann.send("PLAY_PAUSE", note{"control": "pause"})
		n := lone(t, ann.fence(ann, ben)[1], "PLAY_PAUSE")
		if at, _ := n["currentTime"].(float64); n["control"] != "pause" || at < 120 || at > 125 {
			t.Errorf("paused: %v", n)
		}
	})
}

func TestLegacySeekAndReady(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		cem := s.connect(cafe)
		cem.join("room", "user_cem0001", nil)
		ann.fence(ann, ben, cem)
		ann.send("SEEK", note{"currentTime": 1200.5, "isPlaying": true, "eventTimestamp": ann.clock()})
		told := ann.fence(ann, ben, cem)
		for i, who := range []string{"server", "user_ann0001", "user_ann0001"} {
			lone(t, told[i], "SEEK_PAUSE").wants(t, note{"userId": who, "currentTime": 1200.5})
		}
		began := time.Now()
		ben.send("READY", note{"targetTime": 3}) // for another seek
		ann.send("READY", note{"targetTime": 1200.5})
		ben.send("READY", note{"targetTime": 1200.5})
		cem.send("READY", note{"targetTime": 1200.5})
		for _, x := range []*extension{ann, ben, cem} {
			x.await("PLAY_PAUSE").wants(t, note{"userId": "server", "control": "play", "currentTime": 1200.5})
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the gate took %v", took)
		}
		// Who did not play seeks: nobody plays.
		ben.send("SEEK", note{"currentTime": 7, "isPlaying": false})
		told = ben.fence(ann, ben, cem)
		lone(t, told[1], "SEEK_PAUSE").wants(t, note{"userId": "server", "currentTime": 7})
		lone(t, told[2], "SEEK_PAUSE").wants(t, note{"userId": "user_ben0001", "currentTime": 7})
		ann.send("REQUEST_SYNC", nil)
		ann.await("SYNC_RESPONSE").wants(t, note{"fromUserId": "server", "currentTime": 7, "isPlaying": false, "url": nil})
	})
}

func TestLegacyReports(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		ann.send("HOST_HEARTBEAT", note{"currentTime": 0, "isPlaying": false, "eventTimestamp": ann.clock()})
		beat := ben.await("HOST_HEARTBEAT")
		beat.wants(t, note{"userId": "user_ann0001", "currentTime": 0, "isPlaying": false})
		if _, ok := beat["eventTimestamp"].(float64); !ok {
			t.Errorf("no eventTimestamp: %v", beat)
		}
		// Nothing of a report moves the room, and nobody hears of it.
		for _, x := range []*extension{ann, ben} {
			x.send("POSITION_UPDATE", note{"currentTime": 333.3, "isPlaying": true})
			x.send("POSITION_UPDATE", note{"currentTime": 0, "isPlaying": true})
			for _, told := range x.fence(ann, ben) {
				if len(told) != 0 {
					t.Errorf("of a report: %v", told)
				}
			}
		}
		ben.send("REQUEST_SYNC", nil)
		ben.await("SYNC_RESPONSE").wants(t, note{"fromUserId": "server", "currentTime": 0, "isPlaying": false})
	})
}

func TestLegacyURLChange(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		ann.send("URL_CHANGE", note{"url": "https://www.netflix.com/watch/80100172", "currentTime": 3.5})
		for _, told := range ann.fence(ann, ben) {
			lone(t, told, "URL_CHANGE").wants(t, note{"userId": "user_ann0001", "url": "https://www.netflix.com/watch/80100172", "currentTime": 3.5})
		}
		ben.join("room", "user_ben0001", nil).wants(t, note{"url": "https://www.netflix.com/watch/80100172", "currentTime": 3.5})
		ann.fence(ann, ben)
		// The extension goes to whatever it is told.
		ann.send("URL_CHANGE", note{"url": "https://evil.example/"})
		for _, told := range ann.fence(ann, ben) {
			for _, n := range told {
				if n.kind() == "URL_CHANGE" {
					t.Errorf("sent elsewhere: %v", n)
				}
			}
		}
		for _, url := range []string{"http://www.netflix.com/watch/1", "javascript:alert(1)", "https://www.netflix.com@evil.example/"} {
			ann.send("URL_CHANGE", note{"url": url})
			ann.await("ERROR").wants(t, note{"message": "url must be an https address"})
		}
		ben.send("REQUEST_SYNC", nil)
		ben.await("SYNC_RESPONSE").wants(t, note{"url": nil})
	})
}

func TestLegacyToOneMember(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		cem := s.connect(cafe)
		cem.join("room", "user_cem0001", nil)
		ann.fence(ann, ben, cem)
		for kind, field := range map[string]string{"OFFER": "offer", "ANSWER": "answer", "ICE_CANDIDATE": "candidate"} {
			ann.send(kind, note{"to": "user_ben0001", "from": "user_cem0001", field: "opaque"})
			told := ann.fence(ann, ben, cem)
			lone(t, told[1], kind).wants(t, note{"from": "user_ann0001", "to": "user_ben0001", field: "opaque"})
			if len(told[0])+len(told[2]) != 0 {
				t.Errorf("%s was told to others: %v", kind, told)
			}
		}
		ann.send("SYNC_RESPONSE", note{"to": "user_cem0001", "fromUserId": "user_ben0001", "currentTime": 9, "isPlaying": true, "url": "https://evil.example/", "respectAutoPlay": true})
		told := ann.fence(ann, ben, cem)
		lone(t, told[2], "SYNC_RESPONSE").wants(t, note{"fromUserId": "user_ann0001", "currentTime": 9, "isPlaying": true, "url": nil, "respectAutoPlay": true})
		if len(told[0])+len(told[1]) != 0 {
			t.Errorf("an answer was told to others: %v", told)
		}
	})
}

func TestLegacyOthers(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		for _, kind := range []string{"PLAYBACK_ACK", "CAMERA_STATE"} {
			ben.send(kind, note{"control": "play", "to": "user_ann0001", "userId": "user_ann0001", "nodeId": "forged", "timestamp": 1})
			for _, told := range ben.fence(ann, ben) {
				n := lone(t, told, kind)
				n.wants(t, note{"control": "play", "to": "user_ann0001", "userId": "user_ben0001", "nodeId": "test"})
				if ts, _ := n["timestamp"].(float64); ts < 9e11 {
					t.Errorf("the timestamp is %v", ts)
				}
			}
		}
		// What only the server says nobody says in its place.
		for _, kind := range []string{"ROOM_STATE", "HOST_CHANGED", "USER_LEFT", "GUEST_CONTROL", "SEEK_PAUSE", "ERROR"} {
			ben.send(kind, note{"userId": "server", "hostUserId": "user_ben0001"})
			ben.await("ERROR")
			if told := ben.fence(ann, ben)[0]; len(told) != 0 {
				t.Errorf("%s went through: %v", kind, told)
			}
		}
	})
}

func TestLegacyLeave(t *testing.T) {
	onEachWire(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		ben.send("LEAVE", note{"userId": "user_ann0001", "roomId": "room"}) // for another
		ben.await("ERROR")
		for _, told := range ben.fence(ann, ben) {
			if len(told) != 0 {
				t.Errorf("of a leave for another: %v", told)
			}
		}
		ann.send("LEAVE", note{"userId": "user_ann0001", "roomId": "room"})
		ann.wantClosed(1000)
		left := ben.await("USER_LEFT")
		left.wants(t, note{"userId": "user_ann0001"})
		if id, ok := left["peerId"].(string); !ok || id == "" {
			t.Errorf("no peerId: %v", left)
		}
		ben.await("HOST_CHANGED").wants(t, note{"hostUserId": "user_ben0001"})
	})
}
