package gateway

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem.watch/tandem/internal/memnet"
	"tandem.watch/tandem/protocol"
)

// upgrade is a WebSocket handshake with some headers changed; "" removes one.
func (w *world) upgrade(changes map[string]string) *http.Request {
	r := w.request(http.MethodGet, "/v1/ws", "")
	for k, v := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": protocol.Subprotocol,
	} {
		r.Header.Set(k, v)
	}
	for k, v := range changes {
		if v == "" {
			r.Header.Del(k)
		} else {
			r.Header.Set(k, v)
		}
	}
	return r
}

func TestHandshake(t *testing.T) {
	for _, c := range []struct {
		name    string
		changes map[string]string
		status  int
	}{
		{"as it should be", nil, http.StatusSwitchingProtocols},
		{"of the same host", map[string]string{"Origin": "http://tandem.test:8080"}, http.StatusSwitchingProtocols},
		{"of an allowed origin", map[string]string{"Origin": "https://site.example"}, http.StatusSwitchingProtocols},
		{"one of several subprotocols", map[string]string{"Sec-WebSocket-Protocol": "chat, tandem.v1"}, http.StatusSwitchingProtocols},
		{"of another origin", map[string]string{"Origin": "https://evil.example"}, http.StatusForbidden},
		{"of a sandboxed page", map[string]string{"Origin": "null"}, http.StatusForbidden},
		{"of an extension", map[string]string{"Origin": "chrome-extension://abcdef"}, http.StatusForbidden},
		{"no subprotocol", map[string]string{"Sec-WebSocket-Protocol": ""}, http.StatusBadRequest},
		{"another subprotocol", map[string]string{"Sec-WebSocket-Protocol": "tandem.v9"}, http.StatusBadRequest},
		{"no upgrade", map[string]string{"Upgrade": "", "Connection": ""}, http.StatusBadRequest},
		{"an old version", map[string]string{"Sec-WebSocket-Version": "8"}, http.StatusBadRequest},
		{"no key", map[string]string{"Sec-WebSocket-Key": ""}, http.StatusBadRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				client := http.Client{Transport: &http.Transport{DialContext: w.net.Dialer(home), DisableKeepAlives: true}}
				answer, err := client.Do(w.upgrade(c.changes))
				if err != nil {
					t.Fatal(err)
				}
				_ = answer.Body.Close()
				if answer.StatusCode != c.status {
					t.Errorf("status %d, want %d", answer.StatusCode, c.status)
				}
				if answer.StatusCode == http.StatusSwitchingProtocols && answer.Header.Get("Sec-WebSocket-Protocol") != protocol.Subprotocol {
					t.Errorf("the subprotocol is %q", answer.Header.Get("Sec-WebSocket-Protocol"))
				}
				synctest.Wait()
				if n := w.g.ws.Sessions(); n != 0 {
					t.Errorf("%d sessions are left", n)
				}
			}, "--allowed-origins", "https://site.example")
		})
	}
}

// open is a connection that has sent something, and waits.
func (w *world) open(from, said string) *memnet.Conn {
	w.t.Helper()
	c, err := w.net.Dial(w.t.Context(), from)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := io.WriteString(c, said); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// closedAfter is how long it takes until the gateway closes a connection.
func closedAfter(c *memnet.Conn) time.Duration {
	begin := time.Now()
	_, _ = io.Copy(io.Discard, c)
	return time.Since(begin)
}

// Who sends a request slowly, or none, is not waited for.
func TestSlowRequests(t *testing.T) {
	for _, c := range []struct {
		name, said string
		limit      time.Duration
	}{
		{"nothing", "", 5 * time.Second},
		{"half a handshake", "GET /v1/ws HTTP/1.1\r\nHost: tandem.test\r\nUpgra", 5 * time.Second},
		{"half a body", "POST /v1/rooms HTTP/1.1\r\nHost: tandem.test\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{", 16 * time.Second},
		{"no further request", "GET /healthz HTTP/1.1\r\nHost: tandem.test\r\n\r\n", 61 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				if took := closedAfter(w.open(home, c.said)); took > c.limit {
					t.Errorf("closed after %v, want at most %v", took, c.limit)
				}
			})
		})
	}
}

// One byte a second does not keep a handshake open.
func TestSlowloris(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		conns := make([]*memnet.Conn, 100)
		for i := range conns {
			conns[i] = w.open(cafe, "GET /v1/ws HTTP/1.1\r\nHost: tandem.test\r\n")
		}
		for range 6 {
			time.Sleep(time.Second)
			for _, c := range conns {
				_, _ = io.WriteString(c, "X")
			}
		}
		for _, c := range conns {
			if took := closedAfter(c); took != 0 {
				t.Fatalf("a connection was still open %v later", took)
			}
			_ = c.Close()
		}
		w.host("Ann").say("undisturbed")
	})
}

func TestHugeHeaders(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		r := w.upgrade(nil)
		for range 64 {
			r.Header.Add("X-Padding", strings.Repeat("x", 1000))
		}
		if got := w.call(home, r); got.Status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d", got.Status)
		}
	})
}

// Who upgrades and then never reads nor writes is gone after the time for hello.
func TestSilentUpgrade(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		c, err := w.net.Dial(t.Context(), cafe)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.upgrade(nil).Write(c); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("upgrade: %v, %v", answer, err)
		}
		c.Vanish()
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if n := w.g.ws.Sessions(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
		_ = c.Close()
	})
}
