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
	"tandem.watch/tandem/internal/pump"
	"tandem.watch/tandem/protocol"
)

// conn is a core.Conn over a WebSocket.
type conn struct {
	// static after construction
	h      *Handler
	socket *websocket.Conn
	net    net.Conn
	out    *pump.Pump

	// owned by the reader: the peer's close frame has come
	answered bool

	// owned by the writer; here, so that it is allocated once
	joined net.Buffers

	// guarded by mu
	mu       sync.Mutex
	code     protocol.CloseCode // 0 while open
	closedAt time.Time
}

func newConn(socket *websocket.Conn, h *Handler) *conn {
	c := &conn{h: h, socket: socket, net: socket.NetConn()}
	c.out = pump.New(h.opts.Outbox, c.write, c.ended)
	return c
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
	if c.out.Push(class, key, b) == core.PushedOverflow {
		c.Close(core.Bye{Code: protocol.CloseOverflow})
	}
}

// Close implements core.Conn. The first call counts.
func (c *conn) Close(bye core.Bye) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return
	}
	c.code, c.closedAt = bye.Code, time.Now()
	f := core.Frame{Class: core.ClassControl, Message: core.Parted{Bye: bye}}
	last, err := f.Encode(c.h.encoding)
	if err != nil {
		c.h.opts.Logger.Error("message not encoded", "error", err)
	}
	c.out.Finish(v1.AppendClose(last, uint16(bye.Code), bye.Code.String()))
	// The reader ends within the time that the last words may take.
	_ = c.net.SetReadDeadline(time.Now().Add(c.h.opts.Linger))
}

// Abort implements v1.Connection.
func (c *conn) Abort() { _ = c.net.Close() }

// closeCode is how the connection was closed; 0 while it is open.
func (c *conn) closeCode() protocol.CloseCode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// deadline is until when the next write may take: while the connection is open
// each gets its time, after the close all that is left shares one.
func (c *conn) deadline() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return c.closedAt.Add(c.h.opts.WriteTimeout)
	}
	return time.Now().Add(c.h.opts.WriteTimeout)
}

// extend gives the peer time for its next message.
func (c *conn) extend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code == 0 {
		_ = c.net.SetReadDeadline(time.Now().Add(d))
	}
}

// chunk is how much, at least, a peer must take in WriteTimeout: a slow line
// does not lose its session for having much to catch up with.
const chunk = 32 << 10

// write sends all that waits, in as few writes as there are chunks.
func (c *conn) write(frames [][]byte) error {
	for len(frames) > 0 {
		n, size := 0, 0
		for n < len(frames) && size < chunk {
			size += len(frames[n])
			n++
		}
		if err := c.writeSome(frames[:n]); err != nil {
			return err
		}
		frames = frames[n:]
	}
	return nil
}

func (c *conn) writeSome(frames [][]byte) error {
	_ = c.net.SetWriteDeadline(c.deadline())
	if len(frames) == 1 {
		_, err := c.net.Write(frames[0]) // cheaper than joining one
		return err
	}
	c.joined = frames
	_, err := c.joined.WriteTo(c.net)
	c.joined = nil
	return err
}

// ended is the writer's end: the last words are out, or the peer takes nothing
// any more.
func (c *conn) ended(err error) {
	if err == nil {
		return
	}
	code := protocol.CloseNormal // it has gone without a word
	if errors.Is(err, os.ErrDeadlineExceeded) {
		code = protocol.CloseOverflow
	}
	c.Close(core.Bye{Code: code})
	_ = c.net.Close() // ends the reader
}
