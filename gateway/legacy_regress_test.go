package gateway

import (
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"tandem.watch/tandem/internal/memnet"
	"tandem.watch/tandem/protocol"
)

// Who joins again and again makes nobody else do too much.
func TestLegacyJoinsAgainAndAgain(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		var ann *extension
		joined := 0
		ann, err := s.connectOver(func() (net.Conn, error) { return s.dial(home) }, nil, func(n note) {
			if n.kind() == "USER_JOINED" {
				joined++
				ann.send("OFFER", note{"to": n["userId"], "offer": "o"})
				for range 6 {
					ann.send("ICE_CANDIDATE", note{"to": n["userId"], "candidate": "c"})
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		ann.join("room", "user_ann0001", note{"username": "Ann"})
		ben := s.connect(office)
		ben.join("room", "user_ben0001", note{"username": "Ben"})
		for range 60 { // as fast as commands may be
			ben.join("room", "user_ben0001", note{"username": "Ben"}).wants(t, note{"hostUserId": "user_ann0001"})
			s.w.pass(70 * time.Millisecond)
		}
		ann.fence(ann, ben)
		if joined > 1+5+2 {
			t.Errorf("Ann was told %d times that Ben has joined", joined)
		}
		ben.join("room", "user_ben0001", note{"username": "Benno"}) // a new name is told all the same
		ann.await("USERNAME_UPDATED").wants(t, note{"userId": "user_ben0001", "username": "Benno"})
		moves := 0
		for i := range 20 { // from one room to the other
			if ben.tryJoin("room"+string(rune('a'+i%2)), "user_ben0001", nil).kind() == "ROOM_STATE" {
				moves++
			}
		}
		if moves > 5 {
			t.Errorf("Ben moved %d times at once", moves)
		}
	})
}

// What others make an extension signal costs it no connection.
func TestLegacySignalsOverTheRate(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		for range 600 {
			ann.send("ICE_CANDIDATE", note{"to": "user_ben0001", "candidate": "c"})
		}
		s.w.pass(10 * time.Second)
		for _, n := range ann.fence(ann, ben)[0] {
			t.Errorf("Ann was told %v", n)
		}
		for range 10_000 { // but it is no way around the rate
			ann.send("ICE_CANDIDATE", note{"to": "user_ben0001", "candidate": "c"})
		}
		ann.wantClosed(int(protocol.CloseRateLimited))
	})
}

// While guests may not control, an answer that nobody asked for moves nobody.
func TestLegacyGuestsAnswer(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		ann.send("URL_CHANGE", note{"url": "https://www.netflix.com/watch/1", "currentTime": 7})
		ann.send("TOGGLE_GUEST_CONTROL", note{"enabled": false})
		ann.fence(ann, ben)
		answer := note{"to": "user_ann0001", "currentTime": 900, "isPlaying": true, "url": "https://www.netflix.com/watch/2"}
		ben.send("SYNC_RESPONSE", answer)
		lone(t, ben.fence(ann)[0], "SYNC_RESPONSE").wants(t, note{
			"fromUserId": "user_ben0001", "currentTime": 7, "isPlaying": false, "url": "https://www.netflix.com/watch/1",
		})
		ann.send("TOGGLE_GUEST_CONTROL", note{"enabled": true})
		ann.fence(ann, ben)
		ben.send("SYNC_RESPONSE", answer)
		lone(t, ben.fence(ann)[0], "SYNC_RESPONSE").wants(t, note{"currentTime": 900, "isPlaying": true})
	})
}

// A room that watches a film of another site is not moved by an extension's
// player, does not move it, and does not wait for it.
func TestLegacyElsewhere(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann := s.watch("room", "user_ann0001", home, nearby, 0, 0)
		defer ann.stop()
		cleo := s.w.join("room", "Cleo", cafe)
		ann.move(1220, false)
		cleo.do(&protocol.SetMedia{Command: cleo.id(), Media: protocol.Media{Kind: protocol.MediaURL, URL: "https://films.example/film.mp4"}})
		cleo.do(&protocol.Play{Command: cleo.id()})
		s.w.pass(time.Second)
		cleo.events()
		ann.taken()
		ann.jumps()
		s.w.pass(20 * time.Second)
		ann.play()
		ann.seek(1300)
		s.w.pass(time.Second)
		ann.pause()
		s.w.pass(10 * time.Second)
		if n := countEvents(cleo.events(), protocol.EventTimeline); n != 0 || !cleo.view.Room.Timeline.Playing {
			t.Errorf("it made %d timelines: %+v", n, cleo.view.Room.Timeline)
		}
		cleo.do(&protocol.Seek{Command: cleo.id(), Position: 100, Wait: true})
		cleo.settle()
		if cleo.view.Room.Gate == nil {
			t.Fatalf("no gate at %+v", cleo.view.Room.Timeline)
		}
		cleo.do(&protocol.Ready{Command: cleo.id(), Gate: cleo.view.Room.Gate.Number})
		s.w.pass(2 * time.Second)
		cleo.settle()
		if r := cleo.view.Room; r.Gate != nil || !r.Timeline.Playing || r.Timeline.Position != 100 {
			t.Errorf("after a seek the room is at %+v, gate %+v", r.Timeline, r.Gate)
		}
		if aims := ann.taken(); len(aims) != 0 || ann.jumps() != 0 {
			t.Errorf("the extension was told of it: %v", aims)
		}
		ben := s.connect(office)
		ben.join("room", "user_ben0001", nil).wants(t, note{"url": nil, "currentTime": 0, "isPlaying": false})
		// It may take the room to a page.
		ann.send("URL_CHANGE", note{"url": "https://www.netflix.com/watch/1"})
		s.w.pass(time.Second)
		ann.play()
		s.w.pass(time.Second)
		cleo.settle()
		if r := cleo.view.Room; r.Media.URL != "https://www.netflix.com/watch/1" || !r.Timeline.Playing {
			t.Errorf("the room is at %+v, %+v", r.Media, r.Timeline)
		}
	})
}

// At another rate a host that knows none is brought along, and the room with it
// is not.
func TestLegacyRate(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann := s.watch("room", "user_ann0001", home, nearby, 8*time.Second, 0)
		defer ann.stop()
		cleo := s.w.join("room", "Cleo", cafe)
		ann.play()
		s.w.pass(5 * time.Second)
		cleo.do(&protocol.Rate{Command: cleo.id(), Rate: 1.5})
		cleo.events()
		ann.taken()
		for range 6 {
			s.w.pass(10 * time.Second)
			if off := ann.where() - timelineAt(t, cleo, time.Now()); math.Abs(off) > 2.5 {
				t.Errorf("the host is %.0f ms off the timeline", off*1000)
			}
		}
		if n := countEvents(cleo.events(), protocol.EventTimeline); n != 0 {
			t.Errorf("the host made %d timelines", n)
		}
		ann.landed(cleo, "at another rate", "play")
		ann.pause()
		s.w.pass(10 * time.Second)
		if n := countEvents(cleo.events(), protocol.EventTimeline); n != 1 || cleo.view.Room.Timeline.Playing {
			t.Errorf("a pause made %d timelines: %+v", n, cleo.view.Room.Timeline)
		}
	})
}

// Whoever does what the room does not is told where it is: while all wait for a
// gate, and beyond the rate of commands.
func TestLegacyTruth(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		ann.send("SEEK", note{"currentTime": 60, "isPlaying": true})
		ann.fence(ann, ben)
		ben.send("PLAY_PAUSE", note{"control": "play", "currentTime": 60})
		s.w.pass(time.Millisecond) // what changes nothing is answered after the changes that are decided with it
		told := ben.fence(ann, ben)
		lone(t, told[1], "PLAY_PAUSE").wants(t, note{"userId": "server", "control": "pause", "currentTime": 60})
		if len(told[0]) != 0 {
			t.Errorf("Ann was told %v", told[0])
		}
		s.w.pass(10 * time.Second)
		ann.fence(ann, ben)
		s.w.pass(10 * time.Second)
		for range 110 { // more than the burst of commands, and not that of messages
			ben.send("UPDATE_USERNAME", note{"username": "x"})
		}
		ben.send("PLAY_PAUSE", note{"control": "pause", "currentTime": 5})
		for {
			n := ben.next()
			if n == nil {
				t.Fatalf("the connection ended (%d)", ben.closeCode())
			}
			if n.kind() == "PLAY_PAUSE" && n["userId"] == "server" && n["control"] == "play" {
				break // the room plays on
			}
			if n.kind() == "PLAY_PAUSE" && n["userId"] == "user_ben0001" {
				t.Fatal("it was not beyond the rate")
			}
		}
	})
}

// The page that the room is at is told again, and nothing is paused for it: also
// with something behind the film's number.
func TestLegacySamePage(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		const page = "https://www.netflix.com/watch/5"
		ann.send("URL_CHANGE", note{"url": page})
		ann.send("PLAY_PAUSE", note{"control": "play", "currentTime": 100})
		ann.fence(ann, ben)
		for _, again := range []note{{"url": page}, {"url": page, "currentTime": 3}, {"url": page + "?trackId=1"}, {"url": page + "/#x"}} {
			ben.send("URL_CHANGE", again)
			s.w.pass(time.Millisecond)
			for _, told := range ben.fence(ann, ben) {
				n := lone(t, told, "URL_CHANGE")
				n.wants(t, note{"userId": "user_ben0001", "url": page})
				if at, _ := n["currentTime"].(float64); at < 100 || at > 101 {
					t.Errorf("%v: it is told with %v", again, at)
				}
			}
		}
		for _, other := range []note{{"url": page + "5"}, {"url": page, "currentTime": 9}} {
			ben.send("URL_CHANGE", other)
			for _, told := range ben.fence(ann, ben) {
				lone(t, told, "URL_CHANGE").wants(t, other)
			}
		}
		ann.send("TOGGLE_GUEST_CONTROL", note{"enabled": false})
		ann.fence(ann, ben)
		ben.send("URL_CHANGE", note{"url": page})
		if told := ben.fence(ann, ben)[0]; len(told) != 0 {
			t.Errorf("of what a guest may not do Ann was told %v", told)
		}
	})
}

// The extension says everything twice: the second time is no new wish.
func TestLegacyRepeatAfterAnother(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		ann.send("PLAY_PAUSE", note{"control": "play", "currentTime": 10})
		s.w.pass(time.Second)
		ben.send("PLAY_PAUSE", note{"control": "pause", "currentTime": 11})
		ben.fence(ann, ben)
		s.w.pass(2 * time.Second)
		ann.send("PLAY_PAUSE", note{"control": "play", "currentTime": 11})
		told := ann.fence(ann, ben)
		lone(t, told[0], "PLAY_PAUSE").wants(t, note{"userId": "server", "control": "pause", "currentTime": 11})
		if len(told[1]) != 0 {
			t.Errorf("of a repeat Ben was told %v", told[1])
		}
		// Once more is a wish, and so is what comes at another time.
		ann.send("PLAY_PAUSE", note{"control": "play", "currentTime": 11})
		lone(t, ann.fence(ann, ben)[1], "PLAY_PAUSE").wants(t, note{"control": "play"})
		ben.send("PLAY_PAUSE", note{"control": "pause", "currentTime": 12})
		ben.fence(ann, ben)
		s.w.pass(6 * time.Second)
		ann.send("PLAY_PAUSE", note{"control": "play", "currentTime": 12})
		lone(t, ann.fence(ann, ben)[1], "PLAY_PAUSE").wants(t, note{"control": "play"})
	})
}

// What goes to everybody is small, and not much.
func TestLegacyRelayIsBounded(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		ben.send("BLOB", note{"x": strings.Repeat("x", 8<<10)})
		ben.await("ERROR")
		passed := 0
		for range 20 {
			for range 4 {
				ben.send("BLOB", note{"x": strings.Repeat("x", 7<<10)})
			}
			s.w.pass(time.Second)
			ann.send("PING", nil)
		}
		s.w.pass(time.Second)
		for {
			n := ann.next()
			if n == nil {
				t.Fatalf("the connection ended (%d)", ann.closeCode())
			}
			if n.kind() == "BLOB" {
				passed += len(n["x"].(string))
			}
			if len(ann.in) == 0 {
				break
			}
		}
		if passed == 0 || passed > 64<<10+21*16<<10 {
			t.Errorf("%d KiB were passed on in 20 s", passed>>10)
		}
		ben.send("PING", nil)
		ben.await("PONG") // it is still there
	})
}

// A message weighs by its length.
func TestLegacyHeavyMessages(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		x := s.connect(home)
		for range 60 {
			x.send("PING", note{"x": strings.Repeat("x", 60<<10)})
		}
		x.await("ERROR")
	})
}

// Beats that a slow reader has not taken are superseded by the next.
func TestLegacyBeatsAreSuperseded(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann := s.connect(home)
		ann.join("room", "user_ann0001", nil)
		blocked, beats := make(chan struct{}), 0
		slow, err := s.connectOver(func() (net.Conn, error) {
			return s.w.net.DialOver(t.Context(), office, memnet.Options{Buffer: 512})
		}, nil, func(n note) {
			if n.kind() == "HOST_HEARTBEAT" {
				<-blocked
				beats++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		slow.join("room", "user_slow001", nil)
		for range 30 {
			ann.send("HOST_HEARTBEAT", note{"currentTime": 0, "isPlaying": false})
			s.w.pass(250 * time.Millisecond)
		}
		close(blocked)
		ann.fence(slow)
		if beats == 0 || beats > 12 {
			t.Errorf("%d of 30 beats were kept", beats)
		}
	})
}

// Where the host is an old extension, its reports make the beats, and the room
// none beside them.
func TestLegacyHostBeats(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann := s.watch("room", "user_ann0001", home, nearby, 0, 0)
		defer ann.stop()
		ben := s.watch("room", "user_ben0001", office, nearby, 0, 0)
		defer ben.stop()
		ann.play()
		s.w.pass(10 * time.Second)
		ben.taken()
		s.w.pass(30 * time.Second)
		if n := len(ben.taken()); n < 9 || n > 11 {
			t.Errorf("%d beats in 30 s", n)
		}
	})
}

// Only who is ready where the gate is counts.
func TestLegacyReadyElsewhere(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann, ben := party(t, s, "room")
		cleo := s.w.join("room", "Cleo", cafe)
		ann.send("SEEK", note{"currentTime": 600, "isPlaying": true})
		ann.fence(ann, ben)
		for _, x := range []*extension{ann, ben} {
			x.send("READY", note{"targetTime": 3})
			x.send("READY", note{"targetTime": 602})
		}
		ann.fence(ann, ben)
		cleo.settle()
		if g := cleo.view.Room.Gate; g == nil || len(g.Ready) != 0 {
			t.Errorf("the gate is %+v", g)
		}
	})
}

// 0 is no position.
func TestLegacyPositionZero(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann := s.connect(home)
		ann.join("room", "user_ann0001", nil)
		ann.send("POSITION_UPDATE", note{"currentTime": 333.25, "isPlaying": true})
		ann.send("POSITION_UPDATE", note{"currentTime": 0, "isPlaying": true})
		ann.fence(ann)
		if body := string(s.w.call(home, s.w.request("GET", "/status", "")).Body); !strings.Contains(body, `"currentTime":333.25`) {
			t.Errorf("the status is %s", body)
		}
	})
}

// Who joins while a start is ahead is told of it when it is.
func TestLegacyJoinBeforeAStart(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		cleo := s.w.host("Cleo")
		ben := s.connect(office)
		position := 50.0
		cleo.do(&protocol.Play{Command: cleo.id(), Position: &position})
		ben.join(cleo.room, "user_ben0001", nil).wants(t, note{"isPlaying": false, "currentTime": 50})
		began := time.Now()
		ben.await("PLAY_PAUSE").wants(t, note{"control": "play", "currentTime": 50})
		if took := time.Since(began); took == 0 || took > 2*time.Second {
			t.Errorf("the start came after %v", took)
		}
	})
}

// A host that has not obeyed a change yet has not moved.
func TestLegacySettles(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann := s.connect(home)
		ann.join("room", "user_ann0001", nil)
		cleo := s.w.join("room", "Cleo", cafe)
		ann.send("PLAY_PAUSE", note{"control": "play", "currentTime": 100})
		s.w.pass(10 * time.Second)
		ann.fence(ann)
		cleo.do(&protocol.Pause{Command: cleo.id()})
		cleo.events()
		for i := range 3 {
			s.w.pass(250 * time.Millisecond)
			ann.send("HOST_HEARTBEAT", note{"currentTime": 110.25 + float64(i)/4, "isPlaying": true, "eventTimestamp": ann.clock()})
		}
		ann.fence(ann)
		cleo.settle()
		if cleo.view.Room.Timeline.Playing {
			t.Error("it was taken for a play")
		}
	})
}
