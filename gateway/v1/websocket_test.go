package v1

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/internal/wsframe"
	"tandem.watch/tandem/protocol"
)

// The frames are what another implementation reads, whatever their length.
func TestWebSocketFrames(t *testing.T) {
	encoding := &WebSocket{JSON: new(JSON)}
	var frames []byte
	var want [][]byte
	for _, n := range []int{1, 40, 50, 60, 70, 80, 1000, 65_000, 65_400, 65_500, 65_535, 65_536, 70_000} {
		m := core.Signalled{From: "m", Data: []byte(`"` + strings.Repeat("x", n) + `"`)}
		payload, err := encoding.JSON.Append(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, payload)
		if frames, err = encoding.Append(frames, m); err != nil {
			t.Fatal(err)
		}
	}
	frames = wsframe.AppendPong(frames, strings.Repeat("p", 125))
	frames = wsframe.AppendClose(frames, uint16(protocol.CloseRestart), "restart")

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		socket, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer socket.Close()
		_, _ = socket.NetConn().Write(frames)
		_, _, _ = socket.ReadMessage() // until the client has read all
	}))
	defer server.Close()
	socket, answer, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	defer socket.Close()
	var pong string
	socket.SetPongHandler(func(data string) error {
		pong = data
		return nil
	})
	for i, w := range want {
		kind, got, err := socket.ReadMessage()
		if err != nil || kind != websocket.TextMessage || !bytes.Equal(got, w) {
			t.Fatalf("frame %d: %d bytes of kind %d, %v; want %d", i, len(got), kind, err, len(w))
		}
	}
	_, _, err = socket.ReadMessage()
	if !websocket.IsCloseError(err, int(protocol.CloseRestart)) || pong != strings.Repeat("p", 125) {
		t.Errorf("at the end: %v, pong %q", err, pong)
	}
}
