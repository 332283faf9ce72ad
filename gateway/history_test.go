package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/internal/testenv"
	"tandem.watch/tandem/protocol"
)

const operator = "an operator's token"

// real is a gateway on real files and servers.
type real struct {
	t    *testing.T
	g    *Gateway
	url  string
	args []string
}

func startReal(t *testing.T, args ...string) *real {
	t.Helper()
	c, err := LoadConfig(append([]string{
		"--http-addr", "127.0.0.1:0", "--tls", "off", "--seat-grace", "1s", "--room-ttl", "1s", "--secret", "a long enough secret",
		"--operator-token", operator,
	}, args...), nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(t.Context(), c, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &real{t, g, "http://" + g.Addr().String(), args}
}

func (r *real) stop() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.g.Shutdown(ctx); err != nil {
		r.t.Error(err)
	}
}

func (r *real) get(path, token string) (status int, body []byte) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer.StatusCode, body
}

// events are all events of a room, as an operator reads them, few at a time.
func (r *real) events(room string) (all []core.Event) {
	r.t.Helper()
	for after := uint64(0); ; {
		status, body := r.get(fmt.Sprintf("/v1/rooms/%s/events?after=%d&limit=3", room, after), operator)
		var page eventPage
		if err := json.Unmarshal(body, &page); err != nil || status != http.StatusOK {
			r.t.Fatalf("%d %s", status, body)
		}
		for _, data := range page.Events {
			e, err := core.DecodeEvent(data)
			if err != nil {
				r.t.Fatal(err)
			}
			all, after = append(all, e), e.Number
		}
		if !page.More {
			return all
		}
	}
}

// talk makes somebody enter, say some lines, and drop or leave.
func (r *real) talk(room, name, seat string, lines int) *protocol.Welcome {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
	defer cancel()
	h := protocol.Hello{Room: room, Name: name}
	if seat != "" {
		h.Resume = &protocol.Resume{Seat: seat}
	}
	var c *testclient.Client
	var w *protocol.Welcome
	// The room was unloaded later than it expired, which no other test's does.
	for try := range 3 {
		var err error
		c, err = testclient.DialWebSocket(ctx, strings.Replace(r.url, "http", "ws", 1)+"/v1/ws", testclient.Options{})
		if err != nil {
			r.t.Fatal(err)
		}
		defer c.Close()
		if w, err = c.Join(ctx, h); err == nil {
			break
		}
		if !isRefusal(err, protocol.CodeUnavailable) || try == 2 {
			r.t.Fatal(err)
		}
	}
	for i := range lines {
		if err := c.Send(&protocol.Say{Command: protocol.Command{ID: uint64(i + 1)}, Text: fmt.Sprint(name, " says ", i)}); err != nil {
			r.t.Fatal(err)
		}
		if _, err := testclient.Await(ctx, c, func(a *protocol.Ack) bool { return a.ID == uint64(i+1) }); err != nil {
			r.t.Fatal(err)
		}
	}
	return w
}

func (r *real) create(name string) (made createdRoom) {
	r.t.Helper()
	answer, err := http.Post(r.url+"/v1/rooms", "application/json", strings.NewReader(fmt.Sprintf(`{"name":%q,"title":"Night"}`, name))) //nolint:noctx // a test
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&made); err != nil || made.ID == "" {
		r.t.Fatal(err)
	}
	return made
}

func (r *real) await(what string, done func() bool) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("not %s after a minute; lag %+v", what, r.g.Lag())
		}
	}
}

// expired waits until the log has let go of a room.
func (r *real) expired(room string) {
	r.t.Helper()
	r.await("expired", func() bool {
		events, err := r.g.log.Read(r.t.Context(), room, 0, 1)
		return err == nil && len(events) == 0
	})
}

// command runs the program.
func command(t *testing.T, in string, args ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if args[0] == "room" {
		if err := roomCommand(args[1:], nil, strings.NewReader(in), &stdout, &stderr); err != nil {
			return 1, err.Error()
		}
		return 0, stdout.String()
	}
	code = Run(args, nil, &stdout, &stderr)
	return code, stdout.String() + stderr.String()
}

// stores are where a gateway keeps rooms and history.
func stores(t *testing.T, f func(t *testing.T, fresh func(t *testing.T) []string)) {
	t.Run("embedded", func(t *testing.T) {
		f(t, func(t *testing.T) []string { return []string{"--data-dir", t.TempDir()} })
	})
	t.Run("Redis and Postgres", func(t *testing.T) {
		redis, postgres := testenv.StartRedis(t), testenv.StartPostgres(t)
		f(t, func(t *testing.T) []string {
			redis.Do("FLUSHALL")
			return []string{"--redis-url", redis.URL(), "--postgres-url", postgres.URL(), "--data-dir", t.TempDir()}
		})
	})
}

// TestHistory: a room's history can be read while it lives, after the log has
// let go of it, and goes on when somebody comes again.
func TestHistory(t *testing.T) {
	stores(t, func(t *testing.T, fresh func(*testing.T) []string) {
		r := startReal(t, fresh(t)...)
		defer r.stop()
		made := r.create("Ann")
		r.talk(made.ID, "Ann", made.Seat, 5)
		path := "/v1/rooms/" + made.ID
		for _, c := range []struct {
			path, token string
			status      int
		}{
			{path + "/events", made.Seat, 200},
			{path + "/events", operator, 200},
			{path + "/events", "", 401},
			{path + "/events", "another token", 403},
			{"/v1/rooms/NOWHERE/events", made.Seat, 403},
			{path + "/events?after=x", operator, 400},
			{path + "/events?limit=1001", operator, 400},
			{path + "/chat", "another token", 403},
		} {
			if status, body := r.get(c.path, c.token); status != c.status {
				t.Errorf("%s with %q: %d %s", c.path, c.token, status, body)
			}
		}
		live := r.events(made.ID)
		if len(live) < 8 {
			t.Fatalf("%d events", len(live))
		}
		r.expired(made.ID)
		after := r.events(made.ID)
		if diff := cmp.Diff(live, after[:len(live)]); diff != "" {
			t.Errorf("the archive differs from the log:\n%s", diff)
		}
		var chat chatPage
		if _, body := r.get(path+"/chat?limit=2", operator); json.Unmarshal(body, &chat) != nil || len(chat.Lines) != 2 || chat.Lines[1].Text != "Ann says 4" || !chat.More {
			t.Errorf("chat %s", body)
		}
		last := after[len(after)-1]
		w := r.talk(made.ID, "Ben", "", 2)
		if w.Epoch != last.Epoch+1 || w.Number <= last.Number || w.Room.Settings.Title != "Night" || len(w.Room.Members) != 1 || w.Room.Host != w.Member {
			t.Errorf("back from the archive: epoch %d, number %d, %+v", w.Epoch, w.Number, w.Room)
		}
		again := r.events(made.ID)
		r.await("archived", func() bool {
			head, err := r.g.archive.Head(t.Context(), made.ID)
			return err == nil && head.Number >= again[len(again)-1].Number
		})
		r.expired(made.ID)
		if diff := cmp.Diff(again, r.events(made.ID)[:len(again)]); diff != "" {
			t.Error(diff)
		}
		// No secret is in what is kept.
		_, export := command(t, "", append([]string{"room", "export"}, r.args...)...)
		if strings.Contains(export, made.Seat) || !strings.Contains(export, "Ann says 4") {
			t.Error("the export is wrong")
		}
	})
}

// TestRoomCommands moves rooms from one archive to another.
func TestRoomCommands(t *testing.T) {
	stores(t, func(t *testing.T, fresh func(*testing.T) []string) {
		from := []string{"--data-dir", t.TempDir()}
		r := startReal(t, from...)
		made, other := r.create("Ann"), r.create("Cem")
		r.talk(made.ID, "Ann", made.Seat, 3)
		r.expired(made.ID)
		want := r.events(made.ID)
		r.expired(other.ID)
		r.stop()

		code, list := command(t, "", append([]string{"room", "list"}, from...)...)
		if code != 0 || !strings.Contains(list, made.ID) || !strings.Contains(list, other.ID) {
			t.Fatalf("list: %s", list)
		}
		code, events := command(t, "", append([]string{"room", "events", made.ID, "1", "2"}, from...)...)
		if code != 0 || strings.Count(events, "\n") != 2 || !strings.Contains(events, `"number":2`) {
			t.Fatalf("events: %s", events)
		}
		_, all := command(t, "", append([]string{"room", "export"}, from...)...)
		to := fresh(t)
		for range 2 { // again changes nothing
			if code, out := command(t, all, append([]string{"room", "import"}, to...)...); code != 0 || !strings.Contains(out, "imported 2 rooms") {
				t.Fatalf("import: %s", out)
			}
		}
		if _, back := command(t, "", append([]string{"room", "export"}, to...)...); back != all {
			t.Errorf("exported\n%s\nand then\n%s", all, back)
		}
		for in, say := range map[string]string{
			"{}": "line 1", all[:len(all)-20]: "is none of an export",
			strings.ReplaceAll(all, `"id":"`, `"id":"f`)[:len(all)/2]: "none of an export",
		} {
			if code, out := command(t, in, "room", "import", "--data-dir", t.TempDir()); code == 0 || !strings.Contains(out, say) {
				t.Errorf("import of rubbish: %d %s", code, out)
			}
		}
		r = startReal(t, to...)
		defer r.stop()
		if w := r.talk(made.ID, "Ben", "", 1); w.Number <= want[len(want)-1].Number || w.Room.Settings.Title != "Night" {
			t.Errorf("welcome %+v", w)
		}
		if diff := cmp.Diff(want, r.events(made.ID)[:len(want)]); diff != "" {
			t.Error(diff)
		}
		for _, c := range [][]string{{"room"}, {"room", "dance"}, {"room", "events"}, {"room", "events", "NOWHERE"}, {"room", "export", "NOWHERE"}, {"room", "forget", "NOWHERE"}, {"room", "import", "file"}} {
			if code, out := command(t, "", append(c, to...)...); code == 0 || out == "" {
				t.Errorf("%v: %d %s", c, code, out)
			}
		}
		time.Sleep(time.Second) // other's room is room-ttl old
		if code, out := command(t, "", append([]string{"room", "forget", other.ID, "--room-ttl", "1s"}, to...)...); code != 0 {
			t.Fatal(out)
		}
		if _, left := command(t, "", append([]string{"room", "export"}, to...)...); strings.Contains(left, "Cem") {
			t.Error("what was forgotten is exported")
		}
	})
}

func TestArchiveOptions(t *testing.T) {
	redis := testenv.StartRedis(t)
	c, err := LoadConfig([]string{"--redis-url", redis.URL(), "--secret", "a long enough secret", "--data-dir", t.TempDir(), "--tls", "off"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), c, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "--postgres-url") || !strings.Contains(err.Error(), "--archive off") {
		t.Errorf("got %v", err)
	}
	c.Archive = archiveOff
	g, err := New(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := closeStores(t.Context(), g.log, g.archive); err != nil {
		t.Error(err)
	}
}
