package gateway

import (
	"encoding/json"
	"testing"
	"time"

	"tandem.watch/tandem/internal/memnet"
	"tandem.watch/tandem/protocol"
)

// quartet is a room of two members of each dialect; Cleo is host.
type quartet struct {
	ann, ben  *extension
	cleo, dan *peer
}

func (s *stage) quartet() quartet {
	s.t.Helper()
	q := quartet{cleo: s.w.host("Cleo"), ann: s.connect(home), ben: s.connect(office)}
	q.dan = s.w.join(q.cleo.room, "Dan", cafe)
	q.ann.join(q.cleo.room, "user_ann0001", note{"username": "Ann"})
	q.ben.join(q.cleo.room, "user_ben0001", nil)
	s.w.names["user_ann0001"], s.w.names["user_ben0001"] = "Ann", "Guest"
	q.ann.fence(q.ann, q.ben)
	q.cleo.events()
	q.dan.events()
	return q
}

func TestMixedRoom(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		q := s.quartet()
		if users := q.ben.join(q.cleo.room, "user_ben0001", nil)["users"].([]any); len(users) != 4 || users[0].(map[string]any)["userId"] != q.cleo.member {
			t.Errorf("Ben sees %v", users)
		}
		q.ann.fence(q.ann, q.ben)
		q.cleo.events()
		q.dan.events()

		// Play and pause, from either side.
		q.ann.send("PLAY_PAUSE", note{"control": "play", "currentTime": 30, "eventTimestamp": q.ann.clock()})
		q.ben.await("PLAY_PAUSE").wants(t, note{"control": "play", "userId": "user_ann0001"})
		q.dan.saw("timeline play 30")
		s.keep(10*time.Second, q.ann, q.ben)
		q.cleo.do(&protocol.Pause{Command: q.cleo.id()})
		for _, x := range []*extension{q.ann, q.ben} {
			for x.await("PLAY_PAUSE")["control"] != "pause" { // after the echo of Ann's own
			}
		}
		s.w.pass(time.Second)
		q.dan.settle()
		if tl := q.dan.view.Room.Timeline; tl.Playing || tl.Position < 39 || tl.Position > 41 {
			t.Errorf("paused at %+v", tl)
		}
		q.dan.events()
		q.cleo.events()

		// A seek of the old extension's, with its gate.
		q.cleo.do(&protocol.Play{Command: q.cleo.id()})
		s.w.pass(time.Second)
		q.dan.events()
		q.ann.send("SEEK", note{"currentTime": 200, "isPlaying": true, "eventTimestamp": q.ann.clock()})
		q.ben.await("SEEK_PAUSE").wants(t, note{"currentTime": 200, "userId": "user_ann0001"})
		q.ann.await("SEEK_PAUSE").wants(t, note{"userId": "server"})
		q.dan.settle()
		q.cleo.settle()
		gate := q.dan.view.Room.Gate
		if gate == nil || len(gate.Waiting) != 4 {
			t.Fatalf("the gate is %+v", gate)
		}
		q.ann.send("READY", note{"targetTime": 200})
		q.ben.send("READY", note{"targetTime": 200})
		q.cleo.do(&protocol.Ready{Command: q.cleo.id(), Gate: gate.Number})
		q.dan.do(&protocol.Ready{Command: q.dan.id(), Gate: gate.Number})
		for _, x := range []*extension{q.ann, q.ben} {
			x.await("PLAY_PAUSE").wants(t, note{"userId": "server", "control": "play", "currentTime": 200})
		}
		// A gate of version 1's: the old extensions get ready too.
		q.cleo.do(&protocol.Seek{Command: q.cleo.id(), Position: 300, Wait: true})
		q.ann.await("SEEK_PAUSE").wants(t, note{"userId": q.cleo.member, "currentTime": 300})
		q.ben.await("SEEK_PAUSE")
		q.dan.settle()
		if g := q.dan.view.Room.Gate; g == nil || g.Deadline-q.dan.view.Room.Timeline.At != 7_000_000 {
			t.Errorf("with slow members the gate is %+v", g)
		}
		q.ann.send("READY", note{"targetTime": 300})
		q.ben.send("READY", note{"targetTime": 300})
		q.dan.do(&protocol.Ready{Command: q.dan.id(), Gate: q.dan.view.Room.Gate.Number})
		began := time.Now()
		q.ann.await("PLAY_PAUSE").wants(t, note{"userId": "server", "currentTime": 300})
		if took := time.Since(began); took > time.Second {
			t.Errorf("three of four were ready, and it took %v", took)
		}
		// Who comes late is where the room is.
		s.keep(20*time.Second, q.ann, q.ben)
		eve := s.connect(cafe)
		state := eve.join(q.cleo.room, "user_eve0001", nil)
		if at, _ := state["currentTime"].(float64); state["isPlaying"] != true || at < 319 || at > 322 {
			t.Errorf("Eve is told %v", state)
		}
	})
}

func TestMixedPagesHostsAndTalk(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		q := s.quartet()
		everybody := func() [][]note { return q.ann.fence(q.ann, q.ben) }
		q.ann.send("URL_CHANGE", note{"url": "https://www.netflix.com/watch/5", "currentTime": 2})
		for _, told := range everybody() {
			lone(t, told, "URL_CHANGE").wants(t, note{"userId": "user_ann0001"})
		}
		q.dan.settle()
		if r := q.dan.view.Room; r.Media.Kind != protocol.MediaURL || r.Media.URL != "https://www.netflix.com/watch/5" || r.Timeline.Position != 2 {
			t.Errorf("Dan sees %+v at %v", r.Media, r.Timeline.Position)
		}
		q.cleo.do(&protocol.SetMedia{Command: q.cleo.id(), Media: protocol.Media{Kind: protocol.MediaURL, URL: "https://www.netflix.com/watch/6"}})
		lone(t, everybody()[1], "URL_CHANGE").wants(t, note{"userId": q.cleo.member, "url": "https://www.netflix.com/watch/6"})
		// What comes next in the queue plays by itself.
		q.cleo.do(&protocol.Play{Command: q.cleo.id()})
		s.w.pass(time.Second)
		everybody()
		q.cleo.do(&protocol.Enqueue{Command: q.cleo.id(), Media: protocol.Media{Kind: protocol.MediaURL, URL: "https://www.netflix.com/watch/7"}})
		q.cleo.settle()
		q.cleo.do(&protocol.Next{Command: q.cleo.id(), After: q.cleo.view.Room.MediaNumber})
		q.ben.await("URL_CHANGE").wants(t, note{"url": "https://www.netflix.com/watch/7", "currentTime": 0})
		q.ben.await("PLAY_PAUSE").wants(t, note{"userId": "server", "control": "play", "currentTime": 0})
		everybody()
		q.cleo.do(&protocol.SetMedia{Command: q.cleo.id(), Media: protocol.Media{Kind: protocol.MediaURL, URL: "https://evil.example/film.mp4"}})
		lone(t, everybody()[1], "PLAY_PAUSE").wants(t, note{"control": "pause", "userId": "server"})

		// What has no words there is not told.
		q.cleo.say("hello")
		if err := q.cleo.Send(&protocol.React{Reaction: "x"}); err != nil {
			t.Fatal(err)
		}
		if err := q.cleo.Send(&protocol.Typing{On: true}); err != nil {
			t.Fatal(err)
		}
		q.cleo.do(&protocol.SetRole{Command: q.cleo.id(), Member: q.dan.member, Role: protocol.RoleModerator})
		for _, told := range everybody() {
			if len(told) != 0 {
				t.Errorf("of a chat: %v", told)
			}
		}

		// The host, from hand to hand.
		q.cleo.do(&protocol.Transfer{Command: q.cleo.id(), Member: "user_ann0001"})
		for _, told := range everybody() {
			lone(t, told, "HOST_CHANGED").wants(t, note{"hostUserId": "user_ann0001"})
		}
		q.ann.send("TOGGLE_GUEST_CONTROL", note{"enabled": false})
		everybody()
		q.dan.settle()
		if r := q.dan.view.Room; r.Host != "user_ann0001" || r.Settings.GuestControl {
			t.Errorf("Dan sees %+v", r)
		}
		q.ann.send("TRANSFER_HOST", note{"targetUserId": q.dan.member})
		lone(t, everybody()[1], "HOST_CHANGED").wants(t, note{"hostUserId": q.dan.member})
		q.dan.settle()
		if q.dan.view.Room.Host != q.dan.member {
			t.Error("Dan is not host")
		}
	})
}

// WebRTC signalling in all four directions.
func TestMixedSignals(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		q := s.quartet()
		offer := map[string]any{"type": "offer", "sdp": "v=0"}
		q.ann.send("OFFER", note{"to": "user_ben0001", "offer": offer})
		if n := q.ben.await("OFFER"); n["from"] != "user_ann0001" || n["offer"].(map[string]any)["sdp"] != "v=0" {
			t.Errorf("Ben got %v", n)
		}
		q.ann.send("OFFER", note{"to": q.dan.member, "offer": offer})
		q.ann.send("ICE_CANDIDATE", note{"to": q.dan.member, "candidate": map[string]any{"candidate": "c", "sdpMid": "0"}})
		s.w.pass(time.Second)
		got := take[*protocol.Signalled](q.dan)
		if len(got) != 2 || got[0].From != "user_ann0001" {
			t.Fatalf("Dan got %+v", got)
		}
		var first struct{ Description struct{ Type, SDP string } }
		var second struct {
			Candidate struct{ Candidate, SDPMid string }
		}
		if json.Unmarshal(got[0].Data, &first) != nil || json.Unmarshal(got[1].Data, &second) != nil || first.Description.SDP != "v=0" || second.Candidate.SDPMid != "0" {
			t.Errorf("Dan got %s and %s", got[0].Data, got[1].Data)
		}
		send := func(data string) {
			t.Helper()
			if err := q.dan.Send(&protocol.Signal{To: "user_ann0001", Data: json.RawMessage(data)}); err != nil {
				t.Fatal(err)
			}
		}
		send(`{"description":{"type":"answer","sdp":"v=1"}}`)
		if n := q.ann.await("ANSWER"); n["from"] != q.dan.member || n["to"] != "user_ann0001" || n["answer"].(map[string]any)["sdp"] != "v=1" {
			t.Errorf("Ann got %v", n)
		}
		send(`{"app":"another","type":"here"}`) // of another kind
		send(`"words"`)
		send(`{"candidate":{"candidate":"d"}}`)
		if n := q.ann.await("ICE_CANDIDATE"); n["candidate"].(map[string]any)["candidate"] != "d" {
			t.Errorf("Ann got %v", n)
		}
		if err := q.dan.Send(&protocol.Signal{To: q.cleo.member, Data: json.RawMessage(`1`)}); err != nil {
			t.Fatal(err)
		}
		s.w.pass(time.Second)
		if got := take[*protocol.Signalled](q.cleo); len(got) != 1 {
			t.Errorf("Cleo got %+v", got)
		}
	})
}

// A hundred old extensions hear the same play, each in its own time, and what it
// took to encode it once is shared.
func TestLegacyCrowd(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		cleo := s.w.host("Cleo")
		crowd := make([]*watcher, 20)
		for i := range crowd {
			crowd[i] = s.watch(cleo.room, "user_"+string(rune('a'+i))+"000001", office, memnet.Options{Latency: time.Duration(5+i) * time.Millisecond}, time.Duration(i-10)*time.Second, 0)
			defer crowd[i].stop()
		}
		cleo.settle()
		cleo.do(&protocol.Play{Command: cleo.id()})
		s.w.pass(2 * time.Second)
		for _, p := range crowd {
			p.landed(cleo, "a play", "play")
		}
	})
}
