// Package testclient is a client of protocol version 1, over WebSocket or
// WebTransport, for tests and benchmarks. It does what it is told and hides
// nothing: it neither reconnects nor interprets what it receives.
package testclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"tandem.watch/tandem/protocol"
)

// Client is one connection.
type Client struct {
	link     link
	incoming chan protocol.ServerMessage
	readers  sync.WaitGroup
	quit     chan struct{}
	once     sync.Once

	mu  sync.Mutex // guards err
	err error      // why it ended
}

// link is a transport's part of a client.
type link interface {
	send(data []byte) error
	// close cuts the connection off.
	close()
	// code is the close code that an error of reading tells, or 0.
	code(err error) protocol.CloseCode
}

// queue is how many messages may wait to be read unless Options say otherwise.
// A client that does not take them stops reading then, as a slow one does.
const queue = 1024

func newClient(l link, size int) *Client {
	if size == 0 {
		size = queue
	}
	return &Client{link: l, incoming: make(chan protocol.ServerMessage, size), quit: make(chan struct{})}
}

// read delivers messages until next fails.
func (c *Client) read(next func() ([]byte, error)) {
	for {
		data, err := next()
		if err != nil {
			c.ended(err)
			return
		}
		m, err := protocol.DecodeServer(data)
		if err != nil {
			c.ended(fmt.Errorf("testclient: the gateway sent %q: %w", data, err))
			return
		}
		if !c.deliver(m) {
			return
		}
	}
}

func (c *Client) deliver(m protocol.ServerMessage) bool {
	select {
	case c.incoming <- m:
		return true
	case <-c.quit:
		c.ended(net.ErrClosed)
		return false
	}
}

// ended notes why the connection ended; the first reason counts.
func (c *Client) ended(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

func (c *Client) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Send sends a message.
func (c *Client) Send(m protocol.ClientMessage) error {
	data, err := protocol.Append(nil, m)
	if err != nil {
		return err
	}
	return c.link.send(data)
}

// Incoming delivers what the gateway sends. It is closed when the connection
// has ended; CloseCode says how.
func (c *Client) Incoming() <-chan protocol.ServerMessage { return c.incoming }

// ErrEnded says that the connection ended before what was waited for came.
var ErrEnded = errors.New("testclient: the connection has ended")

// Next returns the next message.
func (c *Client) Next(ctx context.Context) (protocol.ServerMessage, error) {
	select {
	case m, ok := <-c.incoming:
		if !ok {
			return nil, fmt.Errorf("%w: %w", ErrEnded, c.reason())
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

// CloseCode returns the code that the gateway closed with, 0 if the connection
// was cut off or is open. Only after Incoming was closed.
func (c *Client) CloseCode() protocol.CloseCode { return c.link.code(c.reason()) }

// Close closes the connection without a word, as a dropped network does, and
// waits for its readers.
func (c *Client) Close() {
	c.once.Do(func() { close(c.quit) })
	c.link.close()
	c.readers.Wait()
}
