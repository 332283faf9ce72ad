package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/protocol"
)

// refusalOf checks an answer of the HTTP API that refuses.
func refusalOf(t *testing.T, r response, status int, code protocol.ErrorCode) protocol.Error {
	t.Helper()
	var body struct{ Error *protocol.Error }
	if err := json.Unmarshal(r.Body, &body); err != nil || body.Error == nil {
		t.Errorf("the answer is %d %q, want an error", r.Status, r.Body)
		return protocol.Error{}
	}
	if r.Status != status || body.Error.Code != code || body.Error.Message == "" {
		t.Errorf("the answer is %d %s, want %d %s", r.Status, r.Body, status, code)
	}
	return *body.Error
}

func TestCreateRoom(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		code       protocol.ErrorCode
	}{
		{"the least", `{"name":"Ann"}`, 201, ""},
		{"everything", `{"name":"Ann","pin":"4711","title":"Film night","media":{"kind":"url","url":"https://site.example/film.mp4","title":"Film","durationMs":60000,"subtitles":[{"url":"https://site.example/film.vtt","label":"English","lang":"en"}]}}`, 201, ""},
		{"unknown fields", `{"name":"Ann","colour":"red"}`, 201, ""},
		{"no JSON", `name=Ann`, 400, protocol.CodeMalformed},
		{"two values", `{"name":"Ann"}{}`, 400, protocol.CodeMalformed},
		{"a list", `[]`, 400, protocol.CodeMalformed},
		{"no name", `{}`, 400, protocol.CodeInvalid},
		{"null", `null`, 400, protocol.CodeInvalid},
		{"a blank name", `{"name":"  "}`, 400, protocol.CodeInvalid},
		{"a long name", `{"name":"` + strings.Repeat("x", 51) + `"}`, 400, protocol.CodeInvalid},
		{"a long PIN", `{"name":"Ann","pin":"` + strings.Repeat("1", 33) + `"}`, 400, protocol.CodeInvalid},
		{"a blank title", `{"name":"Ann","title":"  "}`, 400, protocol.CodeInvalid},
		{"a long title", `{"name":"Ann","title":"` + strings.Repeat("x", 101) + `"}`, 400, protocol.CodeInvalid},
		{"a title with a line break", `{"name":"Ann","title":"a\nb"}`, 400, protocol.CodeInvalid},
		{"a script for subtitles", `{"name":"Ann","media":{"kind":"clip","subtitles":[{"url":"javascript:alert(1)"}]}}`, 400, protocol.CodeInvalid},
		{"other media", `{"name":"Ann","media":{"kind":"tape"}}`, 400, protocol.CodeInvalid},
		{"a script for media", `{"name":"Ann","media":{"kind":"url","url":"javascript:alert(1)"}}`, 400, protocol.CodeInvalid},
		{"a large body", `{"name":"Ann","x":"` + strings.Repeat("x", 16<<10) + `"}`, 413, protocol.CodeTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				got := w.call(home, w.request(http.MethodPost, "/v1/rooms", c.body))
				if c.code != "" {
					refusalOf(t, got, c.status, c.code)
					return
				}
				var made createdRoom
				got.into(t, &made)
				if _, ok := protocol.ParseRoomCode(made.ID); got.Status != c.status || !ok || made.Member == "" || len(made.Seat) != 22 {
					t.Errorf("the answer is %d %s", got.Status, got.Body)
				}
				if h := got.Header; h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" {
					t.Errorf("the headers are %v", h)
				}
			})
		})
	}
}

func TestCreateRoomWithMedia(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		made := w.create(`{"name":"Ann","media":{"kind":"url","url":"https://site.example/film.mp4","title":"Film","durationMs":60000}}`)
		ann := w.enter(made, "Ann")
		want := protocol.Media{Kind: protocol.MediaURL, URL: "https://site.example/film.mp4", Title: "Film", DurationMs: 60_000}
		if diff := cmp.Diff(want, ann.view.Room.Media); diff != "" {
			t.Errorf("the room's media (-want +got):\n%s", diff)
		}
	})
}

// What a room is called is told to everybody who has its id, unless a PIN is
// asked; the host changes it.
func TestRoomTitle(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		made := w.create(`{"name":"Ann","title":"Film <night>"}`)
		ann := w.enter(made, "Ann")
		ben := w.join(ann.room, "Ben", office)
		told := func() string {
			var info roomState
			w.get("/v1/rooms/"+ann.room).into(t, &info)
			return info.Title
		}
		if got := ben.view.Room.Settings.Title; got != "Film <night>" || told() != got {
			t.Errorf("inside the room is called %q, outside %q", got, told())
		}
		ben.refuse(&protocol.ChangeSettings{Command: ben.id(), Title: new("mine")}, protocol.CodeForbidden)
		ann.do(&protocol.ChangeSettings{Command: ann.id(), PIN: new("4711")})
		if got := told(); got != "" {
			t.Errorf("with a PIN outsiders are told %q", got)
		}
		ann.do(&protocol.ChangeSettings{Command: ann.id(), PIN: new(""), Title: new("Another")})
		if got := told(); got != "Another" {
			t.Errorf("without the PIN outsiders are told %q", got)
		}
		ann.do(&protocol.ChangeSettings{Command: ann.id(), Title: new("")})
		ben.settle()
		if got := ben.view.Room.Settings.Title + told(); got != "" {
			t.Errorf("the title is still %q", got)
		}
	})
}

// A form of another site cannot make rooms, nor can its scripts.
func TestCreateRoomFromElsewhere(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "rubbish;;"} {
			r := w.request(http.MethodPost, "/v1/rooms", `{"name":"Ann"}`)
			r.Header.Set("Content-Type", kind)
			refusalOf(t, w.call(home, r), http.StatusBadRequest, protocol.CodeInvalid)
		}
		r := w.request(http.MethodPost, "/v1/rooms", `{"name":"Ann"}`)
		r.Header.Set("Origin", "https://evil.example")
		refusalOf(t, w.call(home, r), http.StatusForbidden, protocol.CodeForbidden)
		r = w.request(http.MethodPost, "/v1/rooms", `{"name":"Ann"}`)
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		r.Header.Set("Origin", "http://tandem.test")
		if got := w.call(home, r); got.Status != http.StatusCreated {
			t.Errorf("its own page is refused: %d %s", got.Status, got.Body)
		}
		if got := w.get("/v1/rooms"); got.Status == http.StatusOK {
			t.Errorf("rooms are listed: %s", got.Body)
		}
	})
}

func TestCreateRoomIsLimited(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		for range 3 {
			w.create(`{"name":"Ann"}`)
		}
		got := w.call(home, w.request(http.MethodPost, "/v1/rooms", `{"name":"Ann"}`))
		e := refusalOf(t, got, http.StatusTooManyRequests, protocol.CodeRateLimited)
		after, err := strconv.Atoi(got.Header.Get("Retry-After"))
		if err != nil || after != 600 && after != 601 || e.RetryAfterMs > int64(after)*1000 {
			t.Errorf("retry after %q s and %d ms, want 10 minutes", got.Header.Get("Retry-After"), e.RetryAfterMs)
		}
		if got := w.call(office, w.request(http.MethodPost, "/v1/rooms", `{"name":"Ben"}`)); got.Status != http.StatusCreated {
			t.Errorf("another address is refused: %d %s", got.Status, got.Body)
		}
		time.Sleep(time.Duration(e.RetryAfterMs) * time.Millisecond)
		w.create(`{"name":"Ann"}`)
	}, "--max-rooms-per-ip", "6")
}

func TestRoomInfo(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		for _, id := range []string{ann.room, protocol.FormatRoomCode(ann.room), strings.ToLower(ann.room)} {
			var info roomState
			w.get("/v1/rooms/"+id).into(t, &info)
			if want := (roomState{ID: ann.room, Members: 1}); info != want {
				t.Errorf("%s is %+v, want %+v", id, info, want)
			}
		}
		refusalOf(t, w.get("/v1/rooms/000000000000"), http.StatusNotFound, protocol.CodeRoomNotFound)
		refusalOf(t, w.get("/v1/rooms/%00%FF"), http.StatusNotFound, protocol.CodeRoomNotFound)

		// Guessing is limited.
		tried := 0
		for ; tried < 200; tried++ {
			if got := w.call(cafe, w.request(http.MethodGet, fmt.Sprintf("/v1/rooms/%012d", tried), "")); got.Status != http.StatusNotFound {
				refusalOf(t, got, http.StatusTooManyRequests, protocol.CodeRateLimited)
				break
			}
		}
		if tried != 100 {
			t.Errorf("%d guesses were answered, want 100", tried)
		}
	})
}

func TestEndpoints(t *testing.T) {
	for _, c := range []struct{ public, want string }{
		{"", "ws://tandem.test/v1/ws"}, {"https://watch.example", "wss://watch.example/v1/ws"}, {"http://watch.example:8080", "ws://watch.example:8080/v1/ws"},
	} {
		virtual(t, func(t *testing.T, w *world) {
			got := w.get("/v1/endpoints")
			var list endpointList
			got.into(t, &list)
			if len(list.Endpoints) != 1 || !cmp.Equal(list.Endpoints[0], protocol.Endpoint{Transport: "websocket", URL: c.want}) || list.WebTransportOff == "" {
				t.Errorf("the endpoints are %s, want %s", got.Body, c.want)
			}
			if got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("the headers are %v", got.Header)
			}
			ann := w.host("Ann")
			if c.public != "" && (len(ann.welcome.Endpoints) != 1 || ann.welcome.Endpoints[0].URL != c.want) {
				t.Errorf("welcome names %+v", ann.welcome.Endpoints)
			}
		}, "--public-url", c.public)
	}
}

func TestRoomURL(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		if made := w.create(`{"name":"Ann"}`); made.URL != "https://watch.example/tandem/r/"+made.ID {
			t.Errorf("the room's address is %s", made.URL)
		}
	}, "--public-url", "https://watch.example/tandem")
}

func TestHealth(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		got := w.get("/health")
		if want := `{"nodeId":"test","status":"ok"}` + "\n"; got.Status != http.StatusOK || string(got.Body) != want {
			t.Errorf("the answer is %d %q, want %q", got.Status, got.Body, want)
		}
	})
}
