package gateway

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// note is a message of the old extension's dialect.
type note map[string]any

func (n note) kind() string { s, _ := n["type"].(string); return s }

// extension is the old extension's end of a connection, as its contract has it.
// It hides nothing and does nothing by itself but answer pings, as browsers do.
type extension struct {
	t          *testing.T
	socket     *websocket.Conn
	room, user string
	name       any            // as it joined
	clock      func() float64 // what its wall clock shows, in ms
	in         chan note
	hear       func(note) // called when a message arrives; may be nil
	passed     []note     // read while waiting for something else
	mu         sync.Mutex
	writing    sync.Mutex
	code       int // the close code, once in is closed
	reader     sync.WaitGroup
	fences     int
}

// stage is where extensions connect to: a gateway in virtual time, or a real one
// over ws or wss.
type stage struct {
	t    *testing.T
	w    *world // in virtual time
	dial func(from string) (net.Conn, error)
	tls  bool
	host string
}

// connect opens a socket from an address, as the extension's worker does.
func (s *stage) connect(from string) *extension {
	s.t.Helper()
	x, err := s.tryConnect(from, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return x
}

func (s *stage) tryConnect(from string, header http.Header) (*extension, error) {
	return s.connectOver(func() (net.Conn, error) { return s.dial(from) }, header, nil)
}

func (s *stage) connectOver(dial func() (net.Conn, error), header http.Header, hear func(note)) (*extension, error) {
	d := websocket.Dialer{
		NetDialContext:  func(context.Context, string, string) (net.Conn, error) { return dial() },
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the gateway's own
	}
	url := "ws://" + s.host + "/ws"
	if s.tls {
		url = "wss://" + s.host + "/ws"
	}
	if header == nil {
		header = http.Header{"Origin": {"chrome-extension://abcdefghijklmnopabcdefghijklmnop"}}
	}
	socket, answer, err := d.DialContext(s.t.Context(), url, header)
	if err != nil {
		if answer != nil {
			err = fmt.Errorf("%w: %s", err, answer.Status)
		}
		return nil, err
	}
	x := &extension{t: s.t, socket: socket, hear: hear, in: make(chan note, 1<<16), clock: func() float64 { return float64(time.Now().UnixMilli()) }}
	x.reader.Go(x.read)
	s.t.Cleanup(x.drop)
	return x, nil
}

func (x *extension) read() {
	defer close(x.in)
	for {
		_, data, err := x.socket.ReadMessage()
		if err != nil {
			if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
				x.mu.Lock()
				x.code = closed.Code
				x.mu.Unlock()
			}
			return
		}
		var n note
		if err := json.Unmarshal(data, &n); err != nil || n.kind() == "" {
			x.t.Errorf("the gateway sent %q: %v", data, err)
			return
		}
		if x.hear != nil {
			x.hear(n)
		}
		x.in <- n
	}
}

// drop cuts the connection off.
func (x *extension) drop() {
	_ = x.socket.Close()
	x.reader.Wait()
}

// send sends a message; kind is its type.
func (x *extension) send(kind string, fields note) {
	all := note{"type": kind}
	maps.Copy(all, fields)
	data, err := json.Marshal(all)
	if err != nil {
		x.t.Fatal(err)
	}
	x.raw(string(data))
}

func (x *extension) raw(text string) {
	x.writing.Lock()
	defer x.writing.Unlock()
	_ = x.socket.WriteMessage(websocket.TextMessage, []byte(text))
}

// legacyPatience bounds the wait for what is to come.
const legacyPatience = 10 * time.Second

// next returns the next message; nil when the connection has ended.
func (x *extension) next() note {
	x.t.Helper()
	select {
	case n := <-x.in:
		return n
	case <-time.After(legacyPatience):
		x.t.Fatalf("%s: nothing came for %v", x.user, legacyPatience)
		return nil
	}
}

// await returns the next message of a kind; others before it are passed over.
func (x *extension) await(kind string) note {
	x.t.Helper()
	for i, n := range x.passed {
		if n.kind() == kind {
			x.passed = x.passed[i+1:]
			return n
		}
	}
	x.passed = nil
	for {
		n := x.next()
		switch {
		case n == nil:
			x.t.Fatalf("%s: the connection ended (%d) before %s", x.user, x.closeCode(), kind)
		case n.kind() == kind:
			return n
		}
	}
}

func (x *extension) closeCode() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.code
}

// wantClosed waits for the connection's end.
func (x *extension) wantClosed(code int) {
	x.t.Helper()
	for x.next() != nil {
	}
	if got := x.closeCode(); got != code {
		x.t.Errorf("%s was closed with %d, want %d", x.user, got, code)
	}
}

// tryJoin asks to join, and returns what it is answered.
func (x *extension) tryJoin(room, user string, more note) note {
	x.t.Helper()
	fields := note{"roomId": room, "userId": user, "username": nil, "pin": nil, "timestamp": x.clock()}
	maps.Copy(fields, more)
	x.send("JOIN", fields)
	for {
		n := x.next()
		if n == nil {
			x.t.Fatalf("%s: the connection ended (%d) before JOIN was answered", user, x.closeCode())
		}
		switch n.kind() {
		case "ROOM_STATE":
			x.room, x.user, x.name = room, user, fields["username"]
			return n
		case "ERROR":
			return n
		default:
			x.passed = append(x.passed, n)
		}
	}
}

func (x *extension) join(room, user string, more note) note {
	x.t.Helper()
	n := x.tryJoin(room, user, more)
	if n.kind() != "ROOM_STATE" {
		x.t.Fatalf("%s joins %s: %v", user, room, n)
	}
	return n
}

// fence makes sure that what x has done so far has reached everybody, and returns
// what each was told since the fence before; beats and pongs are left out. It is
// a name that x has for a moment, which goes through the log as all that lasts.
func (x *extension) fence(all ...*extension) [][]note {
	x.t.Helper()
	x.fences++
	name := fmt.Sprint("fence ", x.fences)
	x.send("UPDATE_USERNAME", note{"username": name})
	x.send("UPDATE_USERNAME", note{"username": x.name})
	told := make([][]note, len(all))
	for i, y := range all {
		told[i] = y.until(x.user, name)
		if more := y.until(x.user, x.name); len(more) != 0 {
			x.t.Errorf("%s: within a fence: %v", y.user, more)
		}
	}
	return told
}

// until returns what is told before a member gets a name.
func (x *extension) until(user string, name any) []note {
	x.t.Helper()
	var told []note
	take := func(m note) bool {
		switch {
		case m.kind() == "USERNAME_UPDATED" && m["userId"] == user && m["username"] == name:
			return true
		case m.kind() != "HOST_HEARTBEAT" && m.kind() != "PONG":
			told = append(told, m)
		}
		return false
	}
	for i, m := range x.passed {
		if take(m) {
			x.passed = x.passed[i+1:]
			return told
		}
	}
	x.passed = nil
	for {
		m := x.next()
		if m == nil {
			x.t.Fatalf("%s: the connection ended (%d) before the fence; told %v", x.user, x.closeCode(), told)
		}
		if take(m) {
			return told
		}
	}
}

// kinds lists what was told.
func kinds(told []note) string {
	list := make([]string, len(told))
	for i, n := range told {
		list[i] = n.kind()
	}
	return strings.Join(list, " ")
}

// wants compares some of a message's fields.
func (n note) wants(t *testing.T, fields note) {
	t.Helper()
	for name, want := range fields {
		got, ok := n[name]
		if i, isInt := want.(int); isInt {
			want = float64(i)
		}
		if !ok || got != want {
			t.Errorf("%s: %s is %v, want %v (%v)", n.kind(), name, got, want, map[string]any(n))
		}
	}
}

// inMemory runs a test over a gateway in virtual time.
func inMemory(t *testing.T, test func(t *testing.T, s *stage), flags ...string) {
	t.Helper()
	virtual(t, func(t *testing.T, w *world) {
		test(t, inWorld(t, w))
	}, flags...)
}

func inWorld(t *testing.T, w *world) *stage {
	return &stage{t: t, w: w, host: "tandem.test", dial: func(from string) (net.Conn, error) { return w.net.Dial(t.Context(), from) }}
}

// onEachWire runs a test in virtual time, over a real WebSocket, and over TLS.
func onEachWire(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { inMemory(t, test) })
	t.Run("ws", func(t *testing.T) { test(t, realStage(t, false)) })
	t.Run("wss", func(t *testing.T) { test(t, realStage(t, true)) })
}

// loopback are the addresses of people on a real stage.
var loopback = map[string]string{home: "127.0.0.1", office: "127.0.0.2", cafe: "127.0.0.3"}

// realStage is a gateway that listens on this machine.
func realStage(t *testing.T, secure bool) *stage {
	t.Helper()
	config, err := LoadConfig([]string{"--http-addr", "127.0.0.1:0", "--https-addr", "127.0.0.1:0", "--data-dir", t.TempDir(), "--node-id", "test"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(t.Context(), config, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := g.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	addr := g.Addr().String()
	if secure {
		addr = g.tls[0].Addr().String()
	}
	return &stage{t: t, tls: secure, host: addr, dial: func(from string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(loopback[from])}}
		return d.DialContext(t.Context(), "tcp", addr)
	}}
}
