package gateway

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem.watch/tandem/core/roomlog/memory"
)

type shortCode struct{ ShortID, RoomID, ShortURL string }

func TestLegacyLinks(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		const room = "film & more/№ 1?"
		path := "/api/short-id/film%20&%20more%2F%E2%84%96%201%3F"
		for _, path := range []string{path, "/api/room/abcdefg", "/room/abcdefg", "/room/abcdefg/123456", "/api/room/x"} {
			answer := s.w.get(path)
			var body struct{ Error string }
			answer.into(t, &body)
			if answer.Status != http.StatusNotFound || body.Error != "Room not found" || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s: %d %+v", path, answer.Status, body)
			}
		}
		ann := s.connect(home)
		ann.join(room, "user_ann0001", note{"pin": "123456"})
		var made, again, found shortCode
		answer := s.w.get(path)
		answer.into(t, &made)
		if answer.Status != http.StatusOK || made.RoomID != room || len(made.ShortID) != 7 || strings.Trim(made.ShortID, "0123456789abcdefghijklmnopqrstuvwxyz") != "" ||
			made.ShortURL != "https://watch.example/room/"+made.ShortID {
			t.Errorf("%d %+v", answer.Status, made)
		}
		request := s.w.request(http.MethodGet, path, "")
		request.Host = "evil.example"
		s.w.call(office, request).into(t, &again)
		if again != made {
			t.Errorf("asked again: %+v, was %+v", again, made)
		}
		s.w.get("/api/room/"+made.ShortID).into(t, &found)
		if found.RoomID != room || found.ShortID != made.ShortID {
			t.Errorf("it leads to %+v", found)
		}
		for path, want := range map[string]string{
			"/room/" + made.ShortID:                   "https://www.netflix.com/?tandemRoom=film+%26+more%2F%E2%84%96+1%3F",
			"/room/" + made.ShortID + "/123456":       "https://www.netflix.com/?tandemRoom=film+%26+more%2F%E2%84%96+1%3F&pin=123456",
			"/room/" + made.ShortID + "/1%26x%3Dhttp": "https://www.netflix.com/?tandemRoom=film+%26+more%2F%E2%84%96+1%3F&pin=1%26x%3Dhttp",
		} {
			if answer := s.w.get(path); answer.Status != http.StatusFound || answer.Header.Get("Location") != want {
				t.Errorf("%s: %d %s", path, answer.Status, answer.Header.Get("Location"))
			}
		}
		// A room of version 1 has one too.
		cleo := s.w.host("Cleo")
		var other shortCode
		s.w.get("/api/short-id/"+cleo.room).into(t, &other)
		if other.RoomID != cleo.room || other.ShortID == made.ShortID {
			t.Errorf("%+v", other)
		}
		// It outlives the gateway, and lives 4 hours.
		s.w.crash()
		ann = s.connect(home)
		ann.join(room, "user_ann0001", note{"pin": "123456"})
		s.w.get("/api/room/"+made.ShortID).into(t, &found)
		if found.RoomID != room {
			t.Errorf("after a crash it leads to %+v", found)
		}
		s.keep(4*time.Hour+time.Minute, ann)
		if answer := s.w.get("/api/room/" + made.ShortID); answer.Status != http.StatusNotFound {
			t.Errorf("after 4 hours: %d", answer.Status)
		}
		s.w.get(path).into(t, &again)
		s.w.get("/api/room/"+again.ShortID).into(t, &found)
		if found.RoomID != room {
			t.Errorf("made anew it leads to %+v", found)
		}
		ann.send("LEAVE", nil)
		ann.wantClosed(1000)
		if answer := s.w.get(path); answer.Status != http.StatusNotFound {
			t.Errorf("of a room where nobody is: %d", answer.Status)
		}
	}, "--public-url", "https://watch.example", "--seat-grace", "1m")
}

func TestLegacyCORS(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		for _, path := range []string{"/status", "/health", "/api/short-id/x", "/api/room/x", "/room/x", "/room/x/123456"} {
			answer := s.w.call(home, s.w.request(http.MethodOptions, path, ""))
			if answer.Status >= 300 || answer.Header.Get("Access-Control-Allow-Origin") != "*" || answer.Header.Get("Access-Control-Allow-Methods") != "GET, OPTIONS" {
				t.Errorf("OPTIONS %s: %d %v", path, answer.Status, answer.Header)
			}
			if answer := s.w.call(home, s.w.request(http.MethodPost, path, "{}")); answer.Status != http.StatusMethodNotAllowed {
				t.Errorf("POST %s: %d", path, answer.Status)
			}
		}
		var health struct{ Status, NodeID string }
		s.w.get("/health").into(t, &health)
		if health.Status != "ok" || health.NodeID != "test" {
			t.Errorf("%+v", health)
		}
		refused := 0
		for i := range 200 {
			if s.w.get(fmt.Sprintf("/api/room/guess%02d", i)).Status == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused < 50 {
			t.Errorf("of 200 guesses %d were refused", refused)
		}
	})
}

type statusAnswer struct {
	NodeID                       string
	Timestamp                    int64
	LocalConnections, LocalRooms int
	Uptime                       *float64
	Memory                       map[string]float64
	Rooms                        []struct {
		RoomID          string
		ConnectionCount int
		CurrentTime     float64
		IsPlaying       bool
		CurrentURL      *string
		HostUserID      string
		Users           []struct {
			UserID            string
			Username          *string
			CurrentTime       float64
			IsPlaying         bool
			ConnectionQuality string
		}
	}
}

// What /status tells of rooms is for who is in them.
func TestLegacyStatus(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		status := func(from string) (a statusAnswer) {
			t.Helper()
			s.w.call(from, s.w.request(http.MethodGet, "/status", "")).into(t, &a)
			return a
		}
		ann, ben := party(t, s, "room")
		s.w.join("room", "Dan", cafe)
		cem := s.connect(office)
		cem.join("another", "user_cem0001", nil)
		ann.send("URL_CHANGE", note{"url": "https://www.netflix.com/watch/5"})
		ann.send("PLAY_PAUSE", note{"control": "play", "currentTime": 50})
		ann.fence(ann, ben)
		s.w.pass(10 * time.Second)
		ben.send("POSITION_UPDATE", note{"currentTime": 59.5, "isPlaying": true})
		synctest.Wait()
		a := status(home)
		if len(a.Rooms) != 1 || a.Rooms[0].RoomID != "room" || a.LocalConnections != 3 || a.LocalRooms != 2 || a.NodeID != "test" || a.Uptime == nil || a.Memory["heapUsed"] == 0 {
			t.Fatalf("%+v", a)
		}
		r := a.Rooms[0]
		if r.CurrentTime < 59 || r.CurrentTime > 61 || !r.IsPlaying || r.CurrentURL == nil || *r.CurrentURL != "https://www.netflix.com/watch/5" ||
			r.HostUserID != "user_ann0001" || len(r.Users) != 3 || r.ConnectionCount != 3 {
			t.Errorf("%+v", r)
		}
		if u := r.Users[1]; u.UserID != "user_ben0001" || u.CurrentTime != 59.5 || !u.IsPlaying || *u.Username != "Ben" || u.ConnectionQuality == "" {
			t.Errorf("%+v", u)
		}
		if a := status(office); len(a.Rooms) != 2 {
			t.Errorf("with two rooms: %+v", a.Rooms)
		}
		for _, from := range []string{cafe, "203.0.113.9"} { // a member of version 1 knows otherwise
			if a := status(from); len(a.Rooms) != 0 {
				t.Errorf("%s is told %+v", from, a.Rooms)
			}
		}
		ann.drop()
		synctest.Wait()
		if a := status(home); len(a.Rooms) != 0 {
			t.Errorf("who has gone is told %+v", a.Rooms)
		}
		if a := status(office); a.Rooms[1].ConnectionCount != 2 || len(a.Rooms[1].Users) != 3 {
			t.Errorf("%+v", a.Rooms[1])
		}
	})
}

// With log-level=debug the messages of a connection can be read in order, and
// nothing that lets one in.
func TestLegacyTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, rooms: memory.New(), names: map[string]string{}, flags: []string{"--log-level", "debug"}, output: new(bytes.Buffer)}
		w.start()
		defer w.end()
		s := inWorld(t, w)
		ann := s.connect(home)
		ann.join("room", "user_ann0001", note{"username": "Ann", "pin": "123456"})
		ann.send("URL_CHANGE", note{"url": "https://www.netflix.com/watch/1?tandemRoom=room&pin=123456"})
		ann.await("URL_CHANGE")
		ann.send("OFFER", note{"to": "user_ann0001", "offer": note{"sdp": "candidate 192.0.2.55"}})
		ann.send("SOMETHING", note{"seatToken": "t0k3n"})
		ann.await("SOMETHING")
		synctest.Wait()
		log := w.output.String()
		for _, want := range []string{"JOIN", "ROOM_STATE", "URL_CHANGE", `was=received`, `was=sent`, "number=1", "number=2", "user_ann0001"} {
			if !strings.Contains(log, want) {
				t.Errorf("the log lacks %q", want)
			}
		}
		for _, secret := range []string{"123456", "192.0.2.55", "t0k3n"} {
			if strings.Contains(log, secret) {
				t.Errorf("the log tells %q:\n%s", secret, log)
			}
		}
	})
}

// The same on a real gateway, whose log is a file.
func TestLegacyLinksOnDisk(t *testing.T) {
	s := realStage(t, false)
	ann := s.connect(home)
	ann.join("room", "user_ann0001", nil)
	get := func(path string, v any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.host+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		response{answer.StatusCode, answer.Header, body}.into(t, v)
	}
	var made, found shortCode
	var status statusAnswer
	get("/api/short-id/room", &made)
	get("/api/room/"+made.ShortID, &found)
	get("/status", &status)
	if found.RoomID != "room" || made.ShortURL != "http://"+s.host+"/room/"+made.ShortID || len(status.Rooms) != 1 {
		t.Errorf("%+v, %+v, %+v", made, found, status)
	}
}
