package ws

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"tandem.watch/tandem/core"
	v1 "tandem.watch/tandem/gateway/v1"
	"tandem.watch/tandem/protocol"
)

// conn is a core.Conn over a WebSocket.
type conn struct {
	// static after construction
	h      *Handler
	socket *websocket.Conn
	net    net.Conn
	outbox *core.Outbox

	// guarded by mu
	mu     sync.Mutex
	code   protocol.CloseCode // 0 while open
	closed bool
}

func newConn(socket *websocket.Conn, h *Handler) *conn {
	return &conn{h: h, socket: socket, net: socket.NetConn(), outbox: core.NewOutbox(h.opts.Outbox)}
}

// handleControl answers control frames. The connection has one writer: answers
// go through it too, and count as the peer's messages.
func (c *conn) handleControl(peer *v1.Peer) {
	c.socket.SetPingHandler(func(data string) error {
		c.push(core.ClassControl, "", v1.AppendPong(nil, data))
		return count(peer)
	})
	c.socket.SetPongHandler(func(string) error { return count(peer) })
	c.socket.SetCloseHandler(func(int, string) error { return nil })
}

func count(peer *v1.Peer) error {
	if !peer.Control() {
		return net.ErrClosed
	}
	return nil
}

// Send implements core.Conn.
func (c *conn) Send(frames []*core.Frame) {
	for _, f := range frames {
		b, err := f.Encode(c.h.encoding)
		if err != nil {
			c.h.opts.Logger.Error("message not encoded", "error", err)
			c.Close(core.Bye{Code: protocol.CloseInternal, AfterMs: 1000})
			return
		}
		if len(b) > 0 {
			c.push(f.Class, f.Key, b)
		}
	}
}

func (c *conn) push(class core.Class, key string, b []byte) {
	if c.outbox.Push(class, key, b) == core.PushedOverflow {
		c.Close(core.Bye{Code: protocol.CloseOverflow})
	}
}

// Close implements core.Conn. The first call counts.
func (c *conn) Close(bye core.Bye) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed, c.code = true, bye.Code
	f := core.Frame{Class: core.ClassControl, Message: core.Parted{Bye: bye}}
	last, err := f.Encode(c.h.encoding)
	if err != nil {
		c.h.opts.Logger.Error("message not encoded", "error", err)
	}
	c.outbox.Finish(v1.AppendClose(last, uint16(bye.Code), bye.Code.String()))
	// The reader ends within the time that the last words may take.
	_ = c.net.SetReadDeadline(time.Now().Add(c.h.opts.Linger))
}

// closeCode is how the connection was closed; 0 while it is open.
func (c *conn) closeCode() protocol.CloseCode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// extend gives the peer time for its next message.
func (c *conn) extend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		_ = c.net.SetReadDeadline(time.Now().Add(d))
	}
}

// write sends what the outbox holds, all that waits in one write, until the
// last words are out or the peer takes nothing any more.
func (c *conn) write() {
	var frames [][]byte
	var joined net.Buffers // here, so that it is allocated once
	for range c.outbox.Wake() {
		var last bool
		var err error
		frames, last = c.outbox.Take(frames[:0])
		_ = c.net.SetWriteDeadline(time.Now().Add(c.h.opts.WriteTimeout))
		if len(frames) == 1 {
			_, err = c.net.Write(frames[0]) // cheaper than joining one
		} else {
			joined = frames
			_, err = joined.WriteTo(c.net)
			joined = nil
		}
		clear(frames)
		if cap(frames) > 64 {
			frames = nil // a burst's memory is not kept for an idle peer
		}
		if err != nil {
			code := protocol.CloseNormal // it has gone without a word
			if errors.Is(err, os.ErrDeadlineExceeded) {
				code = protocol.CloseOverflow
			}
			c.Close(core.Bye{Code: code})
			_ = c.net.Close() // ends the reader
			return
		}
		if last {
			return
		}
	}
}
