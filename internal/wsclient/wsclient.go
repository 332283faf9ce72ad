// Package wsclient is a client of protocol version 1 over WebSocket, for tests
// and benchmarks. It does what it is told and hides nothing: it neither
// reconnects nor interprets what it receives.
package wsclient

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
	// Queue is how many messages may wait to be read: 1024. A client that does
	// not take them stops reading then, as a slow one does.
	Queue int
}

// Client is one connection.
type Client struct {
	socket   *websocket.Conn
	incoming chan protocol.ServerMessage
	reader   sync.WaitGroup
	quit     chan struct{}
	once     sync.Once

	mu  sync.Mutex // one writer at a time
	err error      // set before incoming is closed
}

// Dial connects to a gateway's /v1/ws, such as ws://127.0.0.1:4001/v1/ws.
func Dial(ctx context.Context, url string, o Options) (*Client, error) {
	d := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, NetDialContext: o.Dial, HandshakeTimeout: 10 * time.Second}
	socket, response, err := d.DialContext(ctx, url, o.Header)
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("wsclient: %w: %s", err, response.Status)
		}
		return nil, fmt.Errorf("wsclient: %w", err)
	}
	if o.Queue == 0 {
		o.Queue = 1024
	}
	c := &Client{socket: socket, incoming: make(chan protocol.ServerMessage, o.Queue), quit: make(chan struct{})}
	c.reader.Go(c.read)
	return c, nil
}

func (c *Client) read() {
	defer close(c.incoming)
	for {
		_, data, err := c.socket.ReadMessage()
		if err != nil {
			c.err = err
			return
		}
		m, err := protocol.DecodeServer(data)
		if err != nil {
			c.err = fmt.Errorf("wsclient: the gateway sent %q: %w", data, err)
			return
		}
		select {
		case c.incoming <- m:
		case <-c.quit:
			c.err = net.ErrClosed
			return
		}
	}
}

// Send sends a message.
func (c *Client) Send(m protocol.ClientMessage) error {
	data, err := protocol.Append(nil, m)
	if err != nil {
		return err
	}
	return c.SendRaw(websocket.TextMessage, data)
}

// SendRaw sends any bytes as a frame of a kind (websocket.TextMessage, …).
func (c *Client) SendRaw(kind int, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.socket.WriteMessage(kind, data)
}

// Incoming delivers what the gateway sends. It is closed when the connection
// has ended; CloseCode says how.
func (c *Client) Incoming() <-chan protocol.ServerMessage { return c.incoming }

// ErrEnded says that the connection ended before what was waited for came.
var ErrEnded = errors.New("wsclient: the connection has ended")

// Next returns the next message.
func (c *Client) Next(ctx context.Context) (protocol.ServerMessage, error) {
	select {
	case m, ok := <-c.incoming:
		if !ok {
			return nil, fmt.Errorf("%w: %w", ErrEnded, c.err)
		}
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Await returns the next message of type M that match accepts, and forgets all
// others before it. A nil match accepts any.
func Await[M protocol.ServerMessage](ctx context.Context, c *Client, match func(M) bool) (M, error) {
	for {
		m, err := c.Next(ctx)
		if err != nil {
			var none M
			return none, err
		}
		if wanted, ok := m.(M); ok && (match == nil || match(wanted)) {
			return wanted, nil
		}
	}
}

// Join says hello and returns the welcome, or the refusal as *protocol.Error.
func (c *Client) Join(ctx context.Context, h protocol.Hello) (*protocol.Welcome, error) {
	h.Version = protocol.Version
	if err := c.Send(&h); err != nil {
		return nil, err
	}
	for {
		m, err := c.Next(ctx)
		if err != nil {
			return nil, err
		}
		switch m := m.(type) {
		case *protocol.Welcome:
			return m, nil
		case *protocol.Error:
			return nil, m
		}
	}
}

// CloseCode returns the code that the gateway closed with, 0 if it was cut off
// or is open. Only after Incoming was closed.
func (c *Client) CloseCode() protocol.CloseCode {
	if closed, ok := errors.AsType[*websocket.CloseError](c.err); ok {
		return protocol.CloseCode(closed.Code) //nolint:gosec // two bytes on the wire
	}
	return 0
}

// Close closes the connection without a word, as a dropped network does, and
// waits for the reader.
func (c *Client) Close() {
	c.once.Do(func() { close(c.quit) })
	_ = c.socket.Close()
	c.reader.Wait()
}

// Underlying returns the connection beneath, for tests that misuse it.
func (c *Client) Underlying() net.Conn { return c.socket.NetConn() }

// Over is an Options.Dial that uses a connection that is there already.
func Over(c net.Conn) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) { return c, nil }
}
