package gateway

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"tandem.watch/tandem/core/roomlog/memory"
	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/protocol"
)

// onSockets starts a gateway on a socket of this machine.
func onSockets(t *testing.T, flags ...string) (g *Gateway, addr string) {
	t.Helper()
	config := load(t, append([]string{"--secret", testSecret, "--http-addr", "127.0.0.1:0"}, flags...), nil)
	g, err := newGateway(t.Context(), config, slog.New(slog.DiscardHandler), faultyLog{memory.NewFaulty()}, config.Secrets)
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
			t.Errorf("shutdown: %v", err)
		}
	})
	return g, g.Addr().String()
}

// footprint is what the process holds.
type footprint struct {
	goroutines int
	heap       uint64
}

func measure() footprint {
	runtime.GC()
	runtime.GC() // the second empties what pools have kept
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return footprint{runtime.NumGoroutine(), m.HeapAlloc}
}

// returnsTo waits until as few goroutines run as before, and checks that no
// more memory is held, but for a margin.
func (before footprint) returnsTo(t *testing.T, margin uint64) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for runtime.NumGoroutine() > before.goroutines && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before.goroutines {
		var stacks bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
		t.Errorf("%d goroutines, %d before:\n%s", n, before.goroutines, stacks.String())
	}
	if after := measure(); after.heap > before.heap+margin {
		t.Errorf("%d KiB are held, %d KiB before", after.heap>>10, before.heap>>10)
	}
}

// attacks are what strangers and members do to a gateway over real sockets.
var attacks = []struct {
	name string
	run  func(t *testing.T, addr, room string)
}{
	{"connections that say nothing", func(t *testing.T, addr, _ string) {
		for range 100 {
			dialRaw(t, addr).Close()
		}
	}},
	{"half-open handshakes", func(t *testing.T, addr, _ string) {
		for range 50 {
			c := dialRaw(t, addr)
			_, _ = io.WriteString(c, "GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgr")
			defer c.Close()
		}
	}},
	{"members who come and go", func(t *testing.T, addr, room string) {
		for range 30 {
			c := member(t, addr, room)
			_ = c.Send(&protocol.Leave{Command: protocol.Command{ID: 1}})
			c.Close()
		}
	}},
	{"messages of 10 MB", func(t *testing.T, addr, room string) {
		huge := []byte(padded(1, 10<<20))
		for range 10 {
			c := member(t, addr, room)
			_ = c.SendRaw(websocket.TextMessage, huge)
			wantEnd(t, c, protocol.CloseTooLarge)
		}
	}},
	{"a flood of commands", func(t *testing.T, addr, room string) {
		for range 5 {
			c := member(t, addr, room)
			for id := range uint64(2000) {
				if c.Send(&protocol.Say{Command: protocol.Command{ID: id + 1}, Text: strings.Repeat("x", 500)}) != nil {
					break
				}
			}
			wantEnd(t, c, protocol.CloseRateLimited)
		}
	}},
	{"a flood of rubbish", func(t *testing.T, addr, room string) {
		for range 5 {
			c := member(t, addr, room)
			for range 1000 {
				if c.SendRaw(websocket.TextMessage, []byte(`{"type":`)) != nil {
					break
				}
			}
			wantEnd(t, c, protocol.CloseProtocol)
		}
	}},
	{"a flood of pings, whose answers are not read", func(t *testing.T, addr, room string) {
		c := member(t, addr, room)
		_ = c.Underlying().(*net.TCPConn).SetReadBuffer(1)
		ping := bytes.Repeat(frame(fin|opPing, strings.Repeat("x", 125)), 100)
		_ = c.Underlying().SetWriteDeadline(time.Now().Add(5 * time.Second))
		for range 100 {
			if _, err := c.Underlying().Write(ping); err != nil {
				break
			}
		}
		c.Close()
	}},
	{"connections beyond the limit", func(t *testing.T, addr, _ string) {
		var open []*testclient.Client
		refused := 0
		for range 80 {
			c, err := testclient.DialWebSocket(t.Context(), "ws://"+addr+"/v1/ws", testclient.Options{})
			if err != nil {
				refused++
				continue
			}
			open = append(open, c)
		}
		for _, c := range open {
			c.Close()
		}
		if refused < 20 {
			t.Errorf("%d of 80 connections were refused, want at least 20", refused)
		}
	}},
}

// After each attack the gateway holds what it held before, and a room that was
// there all the time has gone on.
func TestAttacks(t *testing.T) {
	g, addr := onSockets(t, "--max-sessions-per-ip", "60", "--seat-grace", "10s", "--max-rooms-per-ip", "1000")
	witness := create(t, addr)
	ann := enter(t, addr, witness)
	defer ann.Close()
	target := create(t, addr)
	host := enter(t, addr, target)
	defer host.Close()
	var reading sync.WaitGroup
	reading.Go(func() {
		for range host.Incoming() { // reads and forgets
		}
	})
	defer reading.Wait()
	defer host.Close()

	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			before := measure()
			a.run(t, addr, target.ID)
			before.returnsTo(t, 4<<20)
		})
	}
	ask(t, ann, 1)
	if n := g.ws.Sessions(); n != 2 {
		t.Errorf("%d sessions are held, want 2", n)
	}
}

// Sessions are cheap: many idle ones are held in little memory, and leave none.
func TestManySessions(t *testing.T) {
	_, addr := onSockets(t, "--max-sessions-per-ip", "1000", "--seat-grace", "50ms")
	before := measure()
	clients := make([]*testclient.Client, 200)
	for i := range clients {
		c, err := testclient.DialWebSocket(t.Context(), "ws://"+addr+"/v1/ws", testclient.Options{Queue: 1})
		if err != nil {
			t.Fatal(err)
		}
		clients[i] = c
	}
	with := measure()
	// Both ends are in this process.
	if each := (with.heap - before.heap) / uint64(len(clients)); with.heap > before.heap && each > 64<<10 {
		t.Errorf("a session takes %d KiB", each>>10)
	}
	for _, c := range clients {
		c.Close()
	}
	before.returnsTo(t, 4<<20)
}

func dialRaw(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func create(t *testing.T, addr string) createdRoom {
	t.Helper()
	c := dialRaw(t, addr)
	defer c.Close()
	r := httptest.NewRequest(http.MethodPost, "http://"+addr+"/v1/rooms", strings.NewReader(`{"name":"Ann"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Connection", "close")
	if err := r.Write(c); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), r)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	var made createdRoom
	response{Body: body}.into(t, &made)
	return made
}

func enter(t *testing.T, addr string, made createdRoom) *testclient.Client {
	t.Helper()
	return hello(t, addr, protocol.Hello{Room: made.ID, Name: "Ann", Resume: &protocol.Resume{Seat: made.Seat}})
}

func member(t *testing.T, addr, room string) *testclient.Client {
	t.Helper()
	return hello(t, addr, protocol.Hello{Room: room, Name: "Eve"})
}

func hello(t *testing.T, addr string, h protocol.Hello) *testclient.Client {
	t.Helper()
	c, err := testclient.DialWebSocket(t.Context(), "ws://"+addr+"/v1/ws", testclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Join(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	return c
}

func ask(t *testing.T, c *testclient.Client, id uint64) {
	t.Helper()
	if err := c.Send(&protocol.Say{Command: protocol.Command{ID: id}, Text: fmt.Sprint("line ", id)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := testclient.Await(ctx, c, func(a *protocol.Ack) bool { return a.ID == id }); err != nil {
		t.Errorf("command %d: %v", id, err)
	}
}

// wantEnd reads until the gateway ends the connection.
func wantEnd(t *testing.T, c *testclient.Client, code protocol.CloseCode) {
	t.Helper()
	for range c.Incoming() {
	}
	if got := c.CloseCode(); got != code {
		t.Errorf("closed with %d, want %d", got, code)
	}
	c.Close()
}
