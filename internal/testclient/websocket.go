package testclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"tandem.watch/tandem/protocol"
)

// Options say how to connect. The zero value is an ordinary client.
type Options struct {
	// Dial replaces the dialler: an in-memory network, say.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Header is sent with the handshake.
	Header http.Header
	// Queue is how many messages may wait to be read: 1024.
	Queue int
}

// DialWebSocket connects to a gateway's /v1/ws, such as
// ws://127.0.0.1:4001/v1/ws.
func DialWebSocket(ctx context.Context, url string, o Options) (*Client, error) {
	d := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, NetDialContext: o.Dial, HandshakeTimeout: 10 * time.Second}
	socket, response, err := d.DialContext(ctx, url, o.Header)
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("testclient: %w: %s", err, response.Status)
		}
		return nil, fmt.Errorf("testclient: %w", err)
	}
	c := newClient(&webSocket{socket: socket}, o.Queue)
	c.readers.Go(func() {
		defer close(c.incoming)
		c.read(func() ([]byte, error) {
			_, data, err := socket.ReadMessage()
			return data, err
		})
	})
	return c, nil
}

type webSocket struct {
	socket *websocket.Conn
	mu     sync.Mutex // one writer at a time
}

func (w *webSocket) send(data []byte) error { return w.raw(websocket.TextMessage, data) }

func (w *webSocket) raw(kind int, data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.socket.WriteMessage(kind, data)
}

func (w *webSocket) close() { _ = w.socket.Close() }

func (*webSocket) code(err error) protocol.CloseCode {
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		return protocol.CloseCode(closed.Code) //nolint:gosec // two bytes on the wire
	}
	return 0
}

// SendRaw sends any bytes as a frame of a kind (websocket.TextMessage, …). It
// panics on another transport.
func (c *Client) SendRaw(kind int, data []byte) error { return c.link.(*webSocket).raw(kind, data) }

// Underlying returns the connection beneath a WebSocket, for tests that misuse
// it. It panics on another transport.
func (c *Client) Underlying() net.Conn { return c.link.(*webSocket).socket.NetConn() }

// Over is an Options.Dial that uses a connection that is there already.
func Over(c net.Conn) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) { return c, nil }
}
